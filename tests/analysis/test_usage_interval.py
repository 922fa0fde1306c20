"""Gaps between active days: counted exactly, censored while open, and honest about how long they were watched."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from opsbook.analysis import survival, usage_interval
from opsbook.inputs.workbook import DEFAULT_STAGES, StageRule
from small_company import COMPANIES, Company, day

FEW = settings(max_examples=6, deadline=None)


def counted(returned: dict[int, int], still: dict[int, int], groups: int = 1) -> pd.DataFrame:
    """gap_counts typed by hand: gap_days -> silences that ended, and that still last, spread over groups of users."""
    days = sorted(returned.keys() | still.keys())
    rows = [(gap, group, returned.get(gap, 0), still.get(gap, 0)) for gap in days for group in range(groups)]
    return pd.DataFrame(rows, columns=["gap_days", "user_group", "returned", "open"])


def simulated(rng: np.random.Generator, users: int, days: int, *, per_day: np.ndarray) -> pd.DataFrame:
    """gap_counts of users who come on each day with a probability of their own, watched for `days` days."""
    rows = []
    for user in range(users):
        visits = np.flatnonzero(rng.random(days) < per_day[user])
        gaps = Counter(np.diff(visits).tolist())
        rows += [(gap, user % usage_interval.GROUPS, n, 0) for gap, n in gaps.items()]
        rows += [(days - 1 - visits[-1], user % usage_interval.GROUPS, 0, 1)] if len(visits) else []
    table = pd.DataFrame(rows, columns=["gap_days", "user_group", "returned", "open"])
    return table.groupby(["gap_days", "user_group"]).sum().reset_index()


@FEW
@given(COMPANIES)
def test_gaps_equal_walking_through_each_users_days(company):
    """Each active day up to as_of begins one silence: ended by the next one, or open at as_of."""
    last = 40
    expected = Counter()
    for visits in company.visits.values():
        known = sorted(d for d in visits if d <= last)
        expected.update((later - now, "returned") for now, later in pairwise(known))
        expected.update((last - now, "open") for now in known[-1:])
    table = usage_interval.gap_counts(company.user_days(), as_of=day(last))
    long = table.melt(["gap_days", "user_group"], value_name="n").groupby(["gap_days", "variable"])["n"].sum()
    assert {key: n for key, n in long.items() if n} == dict(expected)


@FEW
@given(COMPANIES)
def test_first_gaps_are_those_after_the_first_active_day_of_users_whose_start_is_known(company):
    """One silence per user; users who were there when the data began are left out."""
    last = 40
    known = {u: sorted(d for d in v if d <= last) for u, v in company.visits.items() if company.known(u)}
    known = {user: visits for user, visits in known.items() if visits}
    ended = Counter(visits[1] - visits[0] for visits in known.values() if len(visits) > 1)
    table = usage_interval.first_gap_counts(company.user_days(), company.users(), as_of=day(last))
    found = table.groupby("gap_days")["returned"].sum()
    assert {gap: n for gap, n in found.items() if n} == dict(ended)
    assert table[["returned", "open"]].to_numpy().sum() == len(known)


@FEW
@given(COMPANIES)
def test_order_names_and_the_future_do_not_matter_and_twins_double(company):
    """Shuffled rows and later days change nothing; with twins every count doubles; names only change the group."""
    whole = usage_interval.gap_counts(company.user_days(), as_of=day(30))
    past = company.until(30).user_days().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(whole, usage_interval.gap_counts(past, as_of=day(30)))
    plain = whole.groupby("gap_days")[["returned", "open"]].sum()
    renamed, twins = (
        usage_interval.gap_counts(one.user_days(), as_of=day(30)).groupby("gap_days")[["returned", "open"]].sum()
        for one in (company.renamed(), company.doubled())
    )
    pd.testing.assert_frame_equal(plain, renamed)
    pd.testing.assert_frame_equal(2 * plain, twins)


def test_curves_without_each_group_are_the_estimators_own():
    """The curves of the jackknife, made in one pass, equal Kaplan-Meier on the counts without the group."""
    rng = np.random.default_rng(5)
    gaps = simulated(rng, 60, 80, per_day=rng.uniform(0.02, 0.4, 60))
    horizon = 30
    others = usage_interval._silent_without_each(gaps, horizon)
    for place, group in enumerate(sorted(gaps["user_group"].unique())):
        rest = gaps[gaps["user_group"] != group].groupby("gap_days")[["returned", "open"]].sum().reset_index()
        steps = survival.kaplan_meier(rest.set_axis(["duration_days", "churned", "censored"], axis=1))
        last = np.searchsorted(steps["duration_days"], np.arange(horizon + 1), side="right")
        np.testing.assert_allclose(others[place], np.concatenate([[1.0], steps["active"]])[last])


def test_suggestions_are_the_days_by_which_returns_have_happened():
    """90 of 100 returns within 4 days: sleeping on day 4; 98 within 9, and few of the silent return: lost on day 9."""
    gaps = counted({1: 50, 4: 40, 9: 8, 12: 2}, {60: 900}, groups=6)
    curve = usage_interval.return_curve(gaps)
    rules = (
        StageRule(stage="lost", min_silent_days=28),
        StageRule(stage="sleeping", min_silent_days=5),
        StageRule(stage="growth"),
    )
    table = usage_interval.stage_thresholds(curve, curve, rules=rules).set_index("threshold")
    assert table["suggested_days"].to_dict() == {"introduction": 4, "sleeping": 4, "lost": 9}
    assert table["fit"].to_dict() == {"introduction": "not_used", "sleeping": "fits", "lost": "late"}
    assert table.loc["sleeping", "share_in_use"] == pytest.approx(0.9)
    assert table.loc["lost", "share_later"] == 0


def test_nobody_is_called_lost_while_many_of_the_silent_still_return():
    """Daily users fill the 98 %, yet half of those silent for a week return: lost begins only after they did."""
    gaps = counted({1: 9900, 20: 100}, {80: 100}, groups=4)
    curve = usage_interval.return_curve(gaps)
    suggested = usage_interval.stage_thresholds(curve, curve, rules=DEFAULT_STAGES).set_index("threshold")
    assert suggested.loc["lost", "suggested_days"] == 20
    kept = usage_interval.stage_thresholds(curve, curve, rules=DEFAULT_STAGES, may_return=0.6).set_index("threshold")
    assert kept.loc["lost", "suggested_days"] == 1


def test_threshold_that_was_not_watched_twice_as_long_is_not_suggested():
    """Returns always seem complete at the end of the data: nothing is suggested near it."""
    curve = usage_interval.return_curve(counted({1: 10, 30: 90}, {45: 100}, groups=4))
    table = usage_interval.stage_thresholds(curve, curve, rules=DEFAULT_STAGES)
    assert table["fit"].tolist() == ["unknown"] * 3
    assert table["suggested_days"].isna().all()


def test_chance_of_waking_is_the_share_of_lasting_silences_that_end():
    """Of 400 silences longer than 3 days, 100 end within the next 7; after 28 more days 200 have ended."""
    gaps = counted({2: 150, 8: 25, 20: 25}, {60: 50}, groups=4)
    table = usage_interval.wake_chance(gaps, silent_days=(3,)).set_index("within_days")
    assert table["silences"].tolist() == [400, 400]
    assert table["chance"].tolist() == pytest.approx([0.25, 0.5])


def test_silence_still_open_is_not_counted_as_never_ending():
    """Half of the silences were watched for 5 days only: the chance comes from those still watched."""
    gaps = counted({10: 50}, {5: 100, 40: 50}, groups=4)
    row = usage_interval.wake_chance(gaps, silent_days=(7,), within_days=(7,)).iloc[0]
    assert (row["silences"], row["chance"]) == (400, 0.5)


def test_few_or_no_returns_give_a_bound_not_certainty():
    """None of 400 woke: the chance is 0, and its upper bound is not."""
    gaps = counted({1: 100}, {60: 100}, groups=4)
    row = usage_interval.wake_chance(gaps, silent_days=(7,), within_days=(7,)).iloc[0]
    assert row["chance"] == row["low"] == 0
    assert 0.005 < row["high"] < 0.02


def test_intervals_hold_the_truth_although_silences_of_a_user_are_alike():
    """Users differ in how often they come; in 95 of 100 draws the jackknife covers, silences as units would not."""
    rng = np.random.default_rng(8)
    habits = rng.beta(1.2, 4, 4000)
    everybody = usage_interval.return_curve(simulated(rng, 4000, 120, per_day=habits)).set_index("day")
    truth = everybody.loc[4, "returned_share"]
    covered = naive = 0
    trials = 100
    for _trial in range(trials):
        curve = simulated(rng, 120, 120, per_day=rng.choice(habits, 120))
        row = usage_interval.return_curve(curve).set_index("day").loc[4]
        covered += row["returned_low"] <= truth <= row["returned_high"]
        half = 1.96 * np.sqrt(truth * (1 - truth) / row["returns_seen"])
        naive += abs(row["returned_share"] - truth) <= half
    assert 0.89 <= covered / trials <= 1
    assert naive / trials < 0.75


def test_documented_columns_come_back_even_from_nothing():
    """No silence at all gives tables without rows or with nothing to judge, never an error."""
    nothing = usage_interval.gap_counts(Company({}).user_days(), as_of=day(30))
    curve = usage_interval.return_curve(nothing)
    assert curve.empty
    table = usage_interval.stage_thresholds(curve, curve, rules=DEFAULT_STAGES)
    assert table["fit"].tolist() == ["unknown"] * 3
    chances = usage_interval.wake_chance(nothing)
    assert chances.empty
    pairs = [(usage_interval.gap_counts, nothing), (usage_interval.return_curve, curve)]
    pairs += [(usage_interval.stage_thresholds, table), (usage_interval.wake_chance, chances)]
    for function, frame in pairs:
        assert all(name in function.__doc__ for name in frame)
