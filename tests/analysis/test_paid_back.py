"""When the cost was earned back, what became of coupons, and newcomers of the campaign beside the others."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import acquired, coupons, paid_back, segment_survival

START, END = date(2026, 3, 2), date(2026, 3, 15)
SPAN = {"start": START, "end": END}


def campaign(rng, *, users=2000, gain=1.0):
    """Units and days: everybody spends 10 on a Poisson number of days, the treated `gain` more during the sale."""
    treated = np.arange(users) % 2 == 1
    visits = rng.poisson(0.2, (users, 28))
    user, day = np.nonzero(visits)
    spent = 10.0 * visits[user, day] * (1 + gain * (treated[user] & (day < 14)))
    days = pd.DataFrame({"user": user, "day": pd.Timestamp(START) + pd.to_timedelta(day, "D"), "revenue": spent})
    units = pd.DataFrame({"user": range(users), "arm": np.where(treated, "treated", "control")})
    return ibis.memtable(units.assign(revenue_before=rng.gamma(2, 5, users))), days


ASKED = SPAN | {"after_days": 14, "as_of": date(2026, 6, 1), "margin": 0.4}


def test_the_curve_ends_at_the_net_increment_and_covers_it():
    """In 93 to 97 of 100 campaigns the earned margin after two and four weeks holds what was planted: 2 per day."""
    rng, hits = np.random.default_rng(3), []
    for _ in range(150):
        curve = paid_back.curve(*campaign(rng, users=400), **ASKED, cost=500.0).set_index("days")
        truth = {7: 200 * 2 * 7 * 0.4, 28: 200 * 2 * 14 * 0.4}
        hits += [curve.loc[d, "low"] <= value <= curve.loc[d, "high"] for d, value in truth.items()]
    assert 0.93 <= np.mean(hits) <= 0.97


def test_the_day_of_payback_is_the_first_week_end_that_covers_the_cost():
    """1,000 users gain 800 a day at 40 %: a cost of 8,000 is earned within the second week, by both ends."""
    curve = paid_back.curve(*campaign(np.random.default_rng(1)), **ASKED, cost=8000.0)
    found = paid_back.paid_back(curve)
    assert found.case == "known"
    assert found.day == pd.Timestamp("2026-03-15")
    assert curve["day"].tolist() == list(pd.to_datetime(["2026-03-08", "2026-03-15", "2026-03-22", "2026-03-29"]))


@pytest.mark.parametrize(("cost", "case"), [(10_900.0, "likely"), (11_900.0, "open"), (90_000.0, "not")])
def test_a_cost_that_may_not_be_earned_is_not_called_earned(cost, case):
    """Between the ends of the interval payback is likely or open, beyond them it is not reached."""
    days, sides = (
        pd.to_datetime(["2026-03-08", "2026-03-15"]),
        {"earned": [5000.0, 11_000.0], "low": [4000.0, 10_000.0]},
    )
    curve = pd.DataFrame({"day": days, **sides, "high": [6000.0, 12_000.0], "cost": cost})
    assert paid_back.paid_back(curve).case == case


def test_what_is_given_back_later_was_not_earned_back():
    """A campaign that reaches its cost in the first week and falls below it for sure in the second is not paid back."""
    days = pd.to_datetime(["2026-03-08", "2026-03-15"])
    curve = pd.DataFrame({"day": days, "earned": [9e3, 2e3], "low": [8e3, 1e3], "high": [1e4, 3e3], "cost": 5e3})
    assert paid_back.paid_back(curve).case == "not"


def test_without_margin_cost_or_a_week_there_is_no_payback():
    """Nothing can be earned back of nothing, at no known margin, or in less than a week."""
    made = campaign(np.random.default_rng(1), users=20)
    told = [{"margin": None, "cost": 5.0}, {"cost": 0.0}, {"cost": 5.0, "as_of": date(2026, 3, 5)}]
    assert all(paid_back.curve(*made, **(ASKED | asked)).empty for asked in told)
    assert paid_back.paid_back(paid_back.curve(*made, **(ASKED | told[1]))).case == "none"


STEPS = """
    user | day        | event   | campaign_id
    1    | 2026-03-03 | claim   | spring
    2    | 2026-03-03 | claim   |
    3    | 2026-03-04 | claim   | spring
    4    | 2026-03-04 | claim   | summer
    5    | 2026-05-04 | claim   | spring
    6    | 2026-03-04 | order   | spring
"""
TAKEN = """
    user | campaign_id | cost
    1    | spring      | 5
    9    | summer      | 7
"""
ISSUED = SPAN | {"campaign_id": "spring", "issue_events": ["claim"]}


def test_coupons_are_issued_redeemed_or_expired(table, same):
    """Three claims of the campaign's days, one redeemed: two expired, or are open while it runs."""
    found = coupons.ledger(table(STEPS), table(TAKEN), **ISSUED, as_of=date(2026, 4, 1))
    same(
        found,
        """
        state    | coupons | share  | amount
        issued   | 3       |        |
        redeemed | 1       | 0.3333 | 5
        expired  | 2       | 0.6667 |
        """,
        atol=1e-4,
    )
    running = coupons.ledger(table(STEPS), table(TAKEN), **ISSUED, as_of=date(2026, 3, 10))
    assert running["state"].iloc[-1] == "open"


def test_coupons_of_which_nobody_knows_how_many_were_issued(table):
    """Without issue events only the redeemed ones are known, and nothing at all without redemptions."""
    asked = {**ISSUED, "issue_events": [], "as_of": date(2026, 4, 1)}
    assert coupons.ledger(table(STEPS), table(TAKEN), **asked)["state"].tolist() == ["redeemed"]
    assert coupons.ledger(table(STEPS), table(TAKEN), **{**asked, "campaign_id": "autumn"}).empty


def lives(rng, *, users=900, met=0.3):
    """Users of the campaign's days, their active days, and touches: whom it met on day 0 stays half as long."""
    first, mine = rng.integers(0, 14, users), rng.random(users) < met
    stay = rng.geometric(np.where(mine, 1 / 10, 1 / 20))
    user = np.repeat(np.arange(users), stay)
    age = np.concatenate([np.arange(length) for length in stay])
    day = pd.Timestamp(START) + pd.to_timedelta(first[user] + age, "D")
    gap = np.where(age + 1 < stay[user], 1.0, np.nan)
    days = pd.DataFrame({"user": user, "day": day, "gap_after": gap})
    born, last = (pd.Timestamp(START) + pd.to_timedelta(n, "D") for n in (first, first + stay - 1))
    people = pd.DataFrame({"user": range(users), "first_day": born, "life_start": "signup", "entry_day": born})
    people = people.assign(first_active_day=born, last_active_day=last, exit_day=pd.NaT, exit_road=None)
    later = ~mine & (rng.random(users) < 0.5)
    touches = people.assign(day=people["first_day"] + pd.to_timedelta(np.where(later, 3, 0), "D"))[mine | later]
    return days, people.assign(watched_through=pd.NaT), ibis.memtable(touches[["user", "day"]].assign(event="exposed"))


def test_newcomers_of_the_campaign_are_those_it_met_on_their_first_day():
    """Met later is among the others, and each group's mean days hold the planted 10 and 20 (to 60 days)."""
    days, people, touches = lives(np.random.default_rng(2))
    asked = SPAN | {"as_of": date(2026, 12, 1), "churn_after_days": 21, "min_cell": 10}
    found = acquired.newcomers(days, people, touches, **asked)
    means = segment_survival.restricted_means(found, by="came_by", horizon_days=60).set_index("came_by")
    assert means.loc["campaign", "users"] == (touches.to_pandas().merge(people).query("day == first_day")).shape[0]
    for group, days_each in (("campaign", 10), ("others", 20)):
        share = 1 - 1 / days_each
        true = sum(share**t for t in range(1, 61))  # last active day is churn: day t is reached with share^t
        assert means.loc[group, "low"] - 1.2 <= true <= means.loc[group, "high"] + 1.2


@pytest.mark.parametrize("asked", [{"min_cell": 2000}, {"churn_after_days": None}])
def test_too_few_newcomers_or_no_threshold_tell_nothing(asked):
    """A small group, or a company that has not fixed when a user is gone, gives no row."""
    days, people, touches = lives(np.random.default_rng(2), users=60)
    told = SPAN | {"as_of": date(2026, 12, 1), "churn_after_days": 21, "min_cell": 10} | asked
    assert acquired.newcomers(days, people, touches, **told).empty
