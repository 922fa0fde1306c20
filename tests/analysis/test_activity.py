"""Active users are counted exactly, and a change is judged by the usual fluctuation."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from opsbook.analysis import activity
from opsbook.inputs.periods import between, period_of
from small_company import COMPANIES, START, Company, day, number, weeks

SPAN = {"data_start": START, "settled_through": day(59)}
FEW = settings(max_examples=20, deadline=None)
LAWS = settings(max_examples=6, deadline=None)
THREE_VISITS = """
    user | day        | gap_after
    1    | 2026-01-05 | 2
    1    | 2026-01-07 |
    2    | 2026-01-06 |
"""


def rolling(company: Company, **changed: object) -> pd.DataFrame:
    asked = {"start": START, "end": day(59)} | SPAN | changed
    return activity.rolling_actives(company.user_days(), **asked)


def test_user_counts_once_in_every_window_that_holds_a_visit(table, same):
    """A user with two visits in a window is one active user."""
    actual = activity.rolling_actives(
        table(THREE_VISITS), start=day(0), end=day(4), windows_days=(1, 3), data_start=START, settled_through=day(3)
    )
    same(
        actual,
        """
        day        | window_days | users | complete
        2026-01-05 | 1           | 1     | true
        2026-01-05 | 3           | 1     | false
        2026-01-06 | 1           | 1     | true
        2026-01-06 | 3           | 2     | false
        2026-01-07 | 1           | 1     | true
        2026-01-07 | 3           | 2     | true
        2026-01-08 | 1           | 0     | true
        2026-01-08 | 3           | 2     | true
        2026-01-09 | 1           | 0     | false
        2026-01-09 | 3           | 1     | false
    """,
    )


def test_period_counts_distinct_users_and_mean_daily_users(table, same):
    """Active users are distinct over the period; the daily mean divides by its calendar days."""
    actual = activity.period_actives(
        table(THREE_VISITS),
        periods=[between(day(0), day(1)), between(day(1), day(4))],
        data_start=START,
        settled_through=day(3),
    )
    same(
        actual,
        """
        start      | end        | days | active_users | mean_daily_users | complete
        2026-01-05 | 2026-01-06 | 2    | 2            | 1                | true
        2026-01-06 | 2026-01-09 | 4    | 2            | 0.5              | false
    """,
    )


@FEW
@given(COMPANIES)
def test_rolling_and_period_actives_equal_counting_by_hand(company):
    """Every window and period holds exactly the users a set would hold, also when the series starts late."""
    for table in (rolling(company), rolling(company, start=day(33))):
        for row in table.itertuples():
            last = number(row.day.date())
            assert row.users == len(company.active(last - row.window_days + 1, last))
            assert row.complete == (last - row.window_days + 1 >= 0)
    periods = [*weeks(), between(day(3), day(40))]
    for row in activity.period_actives(company.user_days(), periods=periods, **SPAN).itertuples():
        first, last = number(row.start.date()), number(row.end.date())
        assert row.active_users == len(company.active(first, last))
        visits = [d for days in company.visits.values() for d in days if first <= d <= last]
        assert row.mean_daily_users == pytest.approx(len(visits) / row.days)


@FEW
@given(COMPANIES)
def test_stickiness_equals_mean_daily_over_window_actives(company):
    """Stickiness is mean daily actives / actives of the same 28 days, and its interval holds it."""
    ends = [day(27), day(59)]
    for end, row in zip(ends, activity.stickiness(company.user_days(), ends=ends, **SPAN).itertuples(), strict=True):
        last = number(end)
        users = company.active(last - 27, last)
        visits = sum(last - 27 <= d <= last for user in users for d in company.visits[user])
        assert row.n == row.active_users == len(users)
        assert row.mean_daily_users == pytest.approx(visits / 28)
        if users:
            assert row.stickiness == pytest.approx(visits / 28 / len(users))
        if len(users) > 1:
            assert 0 <= row.low <= row.stickiness + 1e-12
            assert row.stickiness <= row.high + 1e-12


@FEW
@given(COMPANIES)
def test_active_days_are_distributed_over_exactly_the_active_users(company):
    """L28 counts each active user of the window once, under the number of days the user came."""
    spread = activity.active_day_distribution(company.user_days(), end=day(59), **SPAN)
    assert list(spread["active_days"]) == list(range(1, 29))
    came = [sum(32 <= d <= 59 for d in days) for days in company.visits.values()]
    assert list(spread["users"]) == [came.count(days) for days in range(1, 29)]


@LAWS
@given(COMPANIES)
def test_names_order_and_the_future_do_not_matter_and_twins_double(company):
    """Renaming users or shuffling rows changes nothing, data after a day change nothing before it, twins double."""
    whole = rolling(company)
    pd.testing.assert_frame_equal(whole, rolling(company.renamed()))
    shuffled = company.user_days().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(whole, activity.rolling_actives(shuffled, start=START, end=day(59), **SPAN))
    cut = rolling(company.until(30), end=day(30))
    pd.testing.assert_frame_equal(whole[whole["day"] <= pd.Timestamp(day(30))], cut)
    assert (rolling(company.doubled())["users"] == 2 * whole["users"]).all()


def monthly(counts: list[int]) -> pd.DataFrame:
    periods = [period_of(date(2025, month, 1), "month") for month in range(1, len(counts) + 1)]
    table = activity.period_actives(Company({}).user_days(), periods=periods, **SPAN)
    return table.assign(active_users=counts, complete=True)


def test_change_is_judged_by_the_spread_of_the_earlier_changes():
    """After six changes of about 2 % a jump of 30 % is clear and a change of 2 % is not."""
    calm = [1000, 1020, 1000, 1018, 1000, 1022, 1001]
    jump = activity.changes(monthly([*calm, 1300])).iloc[-1]
    assert (jump["change_users"], jump["earlier_changes"], jump["previous_users"]) == (299, 6, 1001)
    assert jump["change"] == pytest.approx(1300 / 1001 - 1)
    assert jump["change_low"] > 0.2
    same_as_ever = activity.changes(monthly([*calm, 1020])).iloc[-1]
    assert same_as_ever["change_low"] < 0 < same_as_ever["change_high"]


def test_interval_of_a_change_is_the_t_interval_of_log_changes():
    """Half its width on the log scale is t(n - 1) times the standard deviation of the n earlier log changes."""
    counts = [100, 120, 90, 130, 100, 110, 150]
    row = activity.changes(monthly(counts)).iloc[-1]
    steps = np.diff(np.log(counts))
    half = 2.7764451051977987 * np.std(steps[:-1], ddof=1)
    assert np.log1p([row["change_low"], row["change_high"]]) == pytest.approx([steps[-1] - half, steps[-1] + half])


def test_change_has_no_interval_with_fewer_than_five_earlier_changes():
    """Too short a history cannot tell what is usual; the sixth period is still undecided."""
    table = activity.changes(monthly([100, 120, 90, 130, 100, 110, 150]))
    assert table["change_low"].notna().tolist() == [False] * 6 + [True]


def test_change_from_or_to_an_incomplete_or_empty_period_is_blank():
    """An incomplete or empty period is not a fall."""
    table = monthly([100, 120, 90, 0, 50])
    table.loc[1, "complete"] = False
    changed = activity.changes(table)
    assert changed["change"].isna().tolist() == [True, True, True, True, True]
    assert changed["change_users"].isna().tolist() == [True, True, True, False, True]


@FEW
@given(COMPANIES)
def test_comparison_with_last_year_counts_shared_users_once(company):
    """The comparison with any other period counts its users, the base's and those of both like sets."""
    now, base = weeks()[7], weeks()[2]
    row = activity.against(company.user_days(), period=now, base=base).iloc[0]
    here, there = company.active(49, 55), company.active(14, 20)
    assert (row["active_users"], row["base_users"], row["both_users"]) == (len(here), len(there), len(here & there))
    if here and there:
        assert row["change_low"] <= row["change"] + 1e-12
        assert row["change"] <= row["change_high"] + 1e-12


def test_interval_of_a_comparison_covers_the_truth_when_users_are_redrawn():
    """Redrawing users with replacement moves the ratio within the interval about 95 times in 100."""
    rng = np.random.default_rng(5)
    truth, covered = 0.3 / 0.4 - 1, 0
    for _trial in range(400):
        drawn = np.bincount(rng.choice(4, size=800, p=[0.4, 0.3, 0.2, 0.1]), minlength=4)
        now, then, both = int(drawn[2] + drawn[3]), int(drawn[1] + drawn[3]), int(drawn[3])
        _change, low, high = activity._paired_ratio(now, then, both, level=0.95)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_comparison_without_a_base_is_empty():
    """No period last year means no row."""
    assert activity.against(Company({}).user_days(), period=weeks()[0], base=None).empty


def test_every_function_returns_its_columns_from_empty_data():
    """An empty mart gives counts of zero and missing shares, never an error."""
    nothing = Company({}).user_days()
    assert rolling(Company({}))["users"].eq(0).all()
    assert activity.period_actives(nothing, periods=[], **SPAN).columns.tolist() == [
        "period", "start", "end", "days", "active_users", "mean_daily_users", "complete",
    ]  # fmt: skip
    row = activity.stickiness(nothing, ends=[day(27)], **SPAN).iloc[0]
    assert np.isnan(row["stickiness"])
    assert row["n"] == 0
    assert activity.active_day_distribution(nothing, end=day(27), **SPAN)["share"].isna().all()
    assert activity.against(nothing, period=weeks()[1], base=weeks()[0])["change"].isna().all()
    assert activity.changes(monthly([])).empty
