"""Flows, stages, silences and value told by `truth.json`, counted again from the cleaned files with sets and loops."""

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd
import pytest

from opsbook.simulate.world import World

WORLD = World()
START, LAST = pd.Timestamp(WORLD.data_start), pd.Timestamp(WORLD.as_of)
FREQUENCY = {"month": "M", "week": "W-SUN"}


@pytest.fixture(scope="module")
def lives(company):
    """First day of every user, and the set of users active on every day."""
    users = company.clean("users").set_index("uid")["at"].dt.normalize()
    return users, company.days().groupby("day")["uid"].agg(set).to_dict()


def _labels(days: pd.Series, kind: str) -> pd.Series:
    period = days.dt.to_period(FREQUENCY[kind])
    return period.astype(str) if kind == "month" else period.dt.start_time.dt.strftime("%Y-%m-%d")


def _sets(company, lives, kind: str) -> tuple[dict[str, set], dict[str, set]]:
    """Users active, and users signed up, by period of the data."""
    days, first = company.days(), lives[0][lives[0] >= START]
    active = days.groupby(_labels(days["day"], kind))["uid"].agg(set).to_dict()
    return active, {k: set(v) for k, v in first.groupby(_labels(first, kind)).groups.items()}


@pytest.mark.parametrize("kind", FREQUENCY)
def test_flows_are_those_of_sets_of_users(company, lives, kind):
    """New, current, resurrected and dormant users of every period, by intersecting sets."""
    told, (active, begun) = company.truth["facts"]["periods"][kind], _sets(company, lives, kind)
    assert set(told) == set(active)
    for before, now in pairwise(sorted(told)):
        there, then, new = active[now], active[before], begun.get(now, set())
        expected = {"new": there & new, "current": there & then, "resurrected": there - then - new}
        expected |= {"dormant": then - there, "active": there}
        assert {name: told[now][name] for name in expected} == {name: len(users) for name, users in expected.items()}


@pytest.mark.parametrize("kind", FREQUENCY)
def test_newcomers_are_counted_by_what_they_do_later(company, lives, kind):
    """Of the newcomers whose day 7 lies in the data, those active on days 1-7; of all newcomers, the invited ones."""
    (first, by_day), users = lives, company.clean("users")
    told = company.truth["facts"]["periods"][kind]
    whole = first[(first >= START) & (first + pd.Timedelta(days=7) <= LAST)]
    again = [any(uid in by_day.get(day + pd.Timedelta(days=k), ()) for k in range(1, 8)) for uid, day in whole.items()]
    counted = (
        pd.DataFrame({"period": _labels(whole, kind), "again": again}).groupby("period")["again"].agg(["size", "sum"])
    )
    asked = users[(users["at"] >= START) & users["inviter"].notna()]
    invited = _labels(asked["at"], kind).value_counts()
    for period, row in told.items():
        own = counted.loc[period].tolist() if period in counted.index else [0, 0]
        assert [row["whole_newcomers"], row["activated"]] == own, period
        assert row["invited_users"] == invited.get(period, 0)


def test_weekly_money_and_buyers(company):
    """Distinct buyers and net yuan of every week."""
    orders = company.clean("orders")
    week, net = _labels(orders["at"], "week"), (orders["amount_cents"] - orders["refund_cents"]) / 100
    told = company.truth["facts"]["periods"]["week"]
    assert {label: row["buyers"] for label, row in told.items()} == orders.groupby(week)["uid"].nunique().to_dict()
    assert {label: row["net_revenue_yuan"] for label, row in told.items()} == pytest.approx(
        net.groupby(week).sum().to_dict()
    )


def test_stickiness_reads_the_28_days_to_the_end(company):
    """User-days and distinct users of the window, and zeros where it begins before the data."""
    days = company.days()
    for label, row in company.truth["facts"]["periods"]["month"].items():
        end = pd.Period(label).end_time.normalize()
        window = days[days["day"].between(end - pd.Timedelta(days=27), end)]
        assert [row["sticky_user_days"], row["sticky_users"]] == [len(window), window["uid"].nunique()], label
    assert company.truth["facts"]["periods"]["week"]["2025-09-01"]["sticky_users"] == 0


@pytest.mark.parametrize("silence", [21, 28])
def test_silent_users_and_those_who_came_back(company, silence):
    """Users seen up to a month's end but not in its last days, and how many of them are seen again."""
    days = company.days()
    for label, row in company.truth["facts"]["silent_users"][str(silence)].items():
        end = pd.Period(label).end_time.normalize()
        last = days[days["day"] <= end].groupby("uid")["day"].max()
        silent = set(last[(end - last).dt.days >= silence].index)
        later = set(days.loc[days["day"] > end, "uid"])
        assert row == {"silent": len(silent), "came_back": len(silent & later)}, label


def _stage(tenure: int, silent: int, active_days: int) -> str:
    if silent >= 28:
        return "lost"
    if silent >= 7:
        return "sleeping"
    if tenure <= 13:
        return "introduction"
    return "mature" if active_days >= 8 else "growth"


def _stages(lives, end: date) -> dict[int, str]:
    """Stage of every user who signed up by the end, day by day backwards."""
    first, by_day = lives
    silent: dict[int, int] = {}
    active: dict[int, int] = {}
    for back in range(28):
        for uid in by_day.get(pd.Timestamp(end) - timedelta(days=back), ()):
            silent.setdefault(uid, back)
            active[uid] = active.get(uid, 0) + 1
    begun = first[first <= pd.Timestamp(end)]
    return {u: _stage((pd.Timestamp(end) - day).days, silent.get(u, 28), active.get(u, 0)) for u, day in begun.items()}


def test_stages_and_moves_between_them(company, lives):
    """Users by stage at month ends, and from stage to stage, or entered, from one end to the next."""
    facts = company.truth["facts"]
    ends = {label: pd.Period(label).end_time.date() for label in ("2026-03", "2026-04", "2026-10")}
    placed = {label: _stages(lives, end) for label, end in ends.items()}
    for label, stages in placed.items():
        assert {k: n for k, n in facts["stages"][label].items() if n} == pd.Series(stages).value_counts().to_dict()
    was = {uid: placed["2026-03"].get(uid, "entered") for uid in placed["2026-04"]}
    moves = pd.DataFrame({"was": was, "now": placed["2026-04"]}).value_counts().to_dict()
    told = facts["stage_moves"]["2026-04"]
    assert {(a, b): n for a, row in told.items() for b, n in row.items() if n} == moves


def test_revenue_in_the_first_days_by_channel_and_month(company):
    """Users whose first N days lie in the data, and their net yuan on days 0 to N - 1."""
    users, orders = company.clean("users"), company.clean("orders")
    first = users.set_index("uid")["at"].dt.normalize()
    age = (orders["at"].dt.normalize() - first.reindex(orders["uid"]).to_numpy()).dt.days
    net = (orders["amount_cents"] - orders["refund_cents"]) / 100
    for days, told in company.truth["facts"]["net_revenue_of_signups"].items():
        whole = first[(first >= START) & (first + pd.Timedelta(days=int(days) - 1) <= LAST)]
        mine = (age < int(days)) & orders["uid"].isin(whole.index)
        worth = net[mine].groupby(_labels(first.reindex(orders.loc[mine, "uid"]), "month").to_numpy()).sum().to_dict()
        size = _labels(whole, "month").value_counts().to_dict()
        assert {month: row["users"] for month, row in told["by_month"].items() if row["users"]} == size
        assert {m: row["net_yuan"] for m, row in told["by_month"].items() if row["net_yuan"]} == pytest.approx(worth)
        sums = [sum(row[name] for row in part.values()) for part in told.values() for name in ("users", "net_yuan")]
        assert sums[:2] == pytest.approx(sums[2:])


def test_what_users_shown_a_campaign_bought(company):
    """Orders and net yuan during it, and of those known before it the net yuan before and during."""
    orders, shown, users = (company.clean(table) for table in ("orders", "exposures", "users"))
    orders = orders.assign(day=orders["at"].dt.normalize(), net=(orders["amount_cents"] - orders["refund_cents"]) / 100)
    first = users.set_index("uid")["at"].dt.normalize()
    for key, told in company.truth["campaigns"].items():
        start, end = pd.Timestamp(told["start"]), pd.Timestamp(told["end"])
        before = start - (end - start) - pd.Timedelta(days=1)
        members = set(shown.loc[shown["campaign"] == key, "uid"])
        known = members & set(first[first <= before].index)
        during = orders[orders["day"].between(start, end)]
        own = during[during["uid"].isin(members)]
        assert (told["orders_of_exposed"], told["net_revenue_of_exposed_yuan"]) == (
            len(own),
            pytest.approx(own["net"].sum()),
        )
        earlier = orders[orders["day"].between(before, start - pd.Timedelta(days=1)) & orders["uid"].isin(known)]
        sums = [earlier["net"].sum(), during.loc[during["uid"].isin(known), "net"].sum()]
        assert list(told["before_after"].values()) == pytest.approx([len(known), *sums])


def test_strangers_are_counted_like_users(company):
    """Ids that no users table knows: their months, and the stage each is in at the end."""
    events = company.raw("events").query("uid >= 90_000_000")
    told = company.truth["dirt"]["events"]["orphan_lives"]
    months = events.assign(month=events["at"].dt.strftime("%Y-%m")).groupby("month")["uid"].nunique().to_dict()
    assert {month: row["active"] for month, row in told["periods"]["month"].items() if row["active"]} == months
    assert sum(row["new"] for row in told["periods"]["month"].values()) == events["uid"].nunique()
    assert told["stages"]["2026-10"]["lost"] == events["uid"].nunique()
