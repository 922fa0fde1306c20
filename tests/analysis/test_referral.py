"""Referral: K by hand and as a count, the time it takes, and invited users held against the others."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import referral
from opsbook.analysis.proportion import wilson

SPAN = {"start": date(2026, 3, 2), "end": date(2026, 3, 15), "as_of": date(2026, 6, 30)}
USERS = """
    user | first_day  | invited_by
    1    | 2026-03-02 |
    2    | 2026-03-03 |
    3    | 2026-03-10 |
    4    | 2026-03-05 | 1
    5    | 2026-03-29 | 1
    6    | 2026-03-30 | 1
    7    | 2026-03-12 | 3
"""
STEPS = """
    user | day        | event
    1    | 2026-03-04 | invite
    1    | 2026-03-04 | invite
    1    | 2026-05-04 | invite
    2    | 2026-03-04 | invite
    3    | 2026-03-11 | invite
    3    | 2026-03-11 | open
"""


def test_k_counts_invitees_of_the_first_weeks_by_cohort(table, same):
    """User 1 brings two in 28 days (the third came a day late), user 3 one: K is 3 / 5 over all, 2 of 3 in week one."""
    found = referral.cohorts(table(USERS), table(STEPS), invite_events=["invite"], **SPAN)
    same(
        found,
        """
        cohort     | users | inviters | invitees | invites | k      | converted
        2026-03-02 | 3     | 1        | 2        | 3       | 0.6667 | 0.6667
        2026-03-09 | 2     | 1        | 1        | 1       | 0.5    | 1
                   | 5     | 2        | 3        | 4       | 0.6    | 0.75
        """,
        atol=1e-4,
    )


def test_without_invite_events_conversion_is_unknown(table):
    """K needs no invite events; invites and their conversion do."""
    found = referral.cohorts(table(USERS), table(STEPS), **SPAN)
    assert found["k"].notna().all()
    assert found[["invites", "converted"]].isna().all().all()


def test_users_may_be_named_by_text(table):
    """In a plain table users are often called by a text; K is the same as by number."""
    users = pd.DataFrame({"user": ["ann", "bob", "cy"], "invited_by": [None, "ann", None]})
    users = users.assign(first_day=pd.to_datetime(["2026-03-02", "2026-03-05", "2026-03-03"]))
    found = referral.cohorts(users, table(STEPS).assign(user="ann"), invite_events=["invite"], **SPAN)
    assert found[["users", "inviters", "invitees", "k"]].iloc[-1].tolist() == pytest.approx([3, 1, 1, 1 / 3])


def test_users_whose_window_is_open_are_not_counted(table):
    """As of 1 April only users of the first three days of March had 28 days."""
    found = referral.cohorts(table(USERS), table(STEPS), **{**SPAN, "as_of": date(2026, 3, 31)})
    assert found["users"].iloc[-1] == 2


def test_k_is_the_product_of_its_factors():
    """Law: K = invites per user x conversion of invites, on random companies."""
    random = np.random.default_rng(1)
    users = pd.DataFrame({"user": np.arange(300), "first_day": pd.Timestamp("2026-03-02")})
    users["first_day"] += pd.to_timedelta(random.integers(0, 40, 300), unit="D")
    users["invited_by"] = np.where(random.random(300) < 0.3, random.integers(0, 300, 300), np.nan)
    steps = pd.DataFrame({"user": random.integers(0, 300, 900), "event": "invite"})
    steps["day"] = pd.Timestamp("2026-03-02") + pd.to_timedelta(random.integers(0, 60, 900), unit="D")
    for row in referral.cohorts(users, steps, invite_events=["invite"], **SPAN).dropna().to_dict("records"):
        assert row["k"] == pytest.approx(row["invites"] / row["users"] * row["converted"])
        assert row["k_low"] <= row["k"] <= row["k_high"]


def test_intervals_of_k_hold_the_truth():
    """Simulated truth: users bring Poisson(0.3) others a week later; about 95 of 100 cohorts' intervals hold 0.3."""
    random, cohorts, size, first = np.random.default_rng(2), 200, 150, pd.Timestamp("2010-01-04")
    born = first + pd.to_timedelta(35 * np.repeat(np.arange(cohorts), size), unit="D")
    invited_by = np.repeat(np.arange(cohorts * size), random.poisson(0.3, cohorts * size))
    invited = pd.DataFrame({"first_day": born[invited_by] + pd.Timedelta(days=8), "invited_by": invited_by * 1.0})
    users = pd.concat([pd.DataFrame({"first_day": born, "invited_by": -1.0}), invited], ignore_index=True)
    users = users.assign(user=np.arange(len(users)), invited_by=users["invited_by"].where(users["invited_by"] >= 0))
    steps = pd.DataFrame({"user": [0], "day": [first], "event": ["open"]})
    asked = {"start": first.date(), "end": date(2030, 1, 1), "as_of": date(2030, 6, 30)}
    found = referral.cohorts(users, steps, **asked).iloc[:-1]
    inviters = found[(found["cohort"] - first).dt.days % 35 == 0]
    assert len(inviters) == cohorts
    assert 0.91 <= ((inviters["k_low"] <= 0.3) & (inviters["k_high"] >= 0.3)).mean() <= 0.99


def test_cycle_time_is_the_median_wait_of_the_invitees():
    """Seven invitees after 1..7 days: the median is 4, its interval inside 1..7; few invitees have none."""
    users = pd.DataFrame({"user": range(8), "invited_by": [np.nan, *[0.0] * 7]})
    users["first_day"] = pd.Timestamp("2026-03-01") + pd.to_timedelta(users["user"], unit="D")
    found = referral.cycle_time(users, start=date(2026, 3, 1), end=date(2026, 3, 31))
    assert (found.median, found.n) == (4.0, 7)
    assert 1 <= found.low <= 4 <= found.high <= 7
    assert np.isnan(referral.cycle_time(users.head(3), start=date(2026, 3, 1), end=date(2026, 3, 31)).median)


def test_invited_newcomers_beside_the_others(table, same):
    """Of two invited newcomers one is back on day 7, the other newcomer is not; a late one is not watched yet."""
    users = table("""
        user | first_day  | invited_by
        1    | 2026-03-02 | 9
        2    | 2026-03-02 | 9
        3    | 2026-03-03 |
        4    | 2026-03-15 |
    """)
    days = table("""
        user | day        | orders | revenue
        1    | 2026-03-09 | 1      | 20
        3    | 2026-03-12 | 2      | 50
    """)
    found = referral.quality(users, days, start=SPAN["start"], end=SPAN["end"], as_of=date(2026, 4, 1))
    same(
        found,
        """
        measure  | invited_users | invited | other_users | other | difference
        retained | 2             | 0.5     | 1           | 0     | 0.5
        orders   | 2             | 0.5     | 1           | 2     | –
        revenue  | 2             | 10      | 1           | 50    | –
        """,
    )


def test_cost_per_retained_invitee_carries_the_share_s_interval():
    """100 paid for 50 invitees of whom 20 stayed: 5 each, dearer when fewer may have stayed; nobody, no price."""
    price = referral.cost_per_retained(cost=100, retained=wilson(20, 50))
    assert price.value == 5
    assert price.low < 5 < price.high
    assert np.isnan(referral.cost_per_retained(cost=100, retained=wilson(0, 50)).value)
