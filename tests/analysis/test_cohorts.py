"""Cohort triangles: who comes back, in complete cells only."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import activity_log as log_of
from opsbook.analysis import cohorts
from opsbook.analysis.cohorts import Window
from opsbook.errors import ParameterError
from opsbook.inputs.periods import between

LAWS = settings(max_examples=10, deadline=None)
JAN = pd.Timestamp("2026-01-01")
DAYS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 75)), min_size=1, max_size=90)
JANUARY = between(date(2026, 1, 1), date(2026, 1, 31))
SIX_WEEKS = Window("week", date(2026, 1, 5), date(2026, 2, 15))


@pytest.fixture(scope="module")
def four_users(table):
    rows = table("""
        user | day
        a    | 2026-01-05
        a    | 2026-01-12
        a    | 2026-01-25
        b    | 2026-01-11
        c    | 2026-01-12
        c    | 2026-01-13
        c    | 2026-01-19
        d    | 2026-01-28
    """)
    return log_of.user_days(rows), log_of.users(rows)


def test_a_user_is_retained_in_the_week_she_is_active_in(four_users, same):
    """Weekly cohorts start on Monday; a user active twice in a week counts once; unfinished weeks are blank."""
    window = Window("week", date(2026, 1, 5), date(2026, 2, 4))
    same(
        cohorts.retained_on(*four_users, window=window, last_age=3),
        """
        cohort     | age | users | retained | share | complete
        2026-01-05 | 0   | 2     | 2        | 1     | true
        2026-01-05 | 1   | 2     | 1        | 0.5   | true
        2026-01-05 | 2   | 2     | 1        | 0.5   | true
        2026-01-05 | 3   | 2     | 0        | 0     | true
        2026-01-12 | 0   | 1     | 1        | 1     | true
        2026-01-12 | 1   | 1     | 1        | 1     | true
        2026-01-12 | 2   | 1     | 0        | 0     | true
        2026-01-12 | 3   | 1     |          |       | false
        2026-01-26 | 0   | 1     | 1        | 1     | true
        2026-01-26 | 1   | 1     |          |       | false
    """,
    )


def test_on_or_after_counts_every_later_return(four_users, same):
    """A user active in week 2 was also there "on or after" week 1."""
    same(
        cohorts.retained_on_or_after(*four_users, window=SIX_WEEKS, last_age=2),
        """
        cohort     | age | users | retained
        2026-01-05 | 0   | 2     | 2
        2026-01-05 | 1   | 2     | 1
        2026-01-05 | 2   | 2     | 1
        2026-01-12 | 0   | 1     | 1
        2026-01-12 | 1   | 1     | 1
        2026-01-12 | 2   | 1     | 0
        2026-01-26 | 0   | 1     | 1
        2026-01-26 | 1   | 1     | 0
        2026-01-26 | 2   | 1     | 0
    """,
    )


def test_a_bracket_counts_a_user_once(four_users, same):
    """Active in week 1 and week 2 is one retained user of the bracket [1, 2]."""
    same(
        cohorts.retained_within(*four_users, window=SIX_WEEKS, first_age=1, last_age=2),
        """
        cohort     | age | users | retained | complete
        2026-01-05 | 2   | 2     | 1        | true
        2026-01-12 | 2   | 1     | 1        | true
        2026-01-26 | 2   | 1     | 0        | true
    """,
    )


def test_a_week_may_start_on_sunday(four_users):
    """The cohort of a user who began on Sunday 11 January is that Sunday when weeks start there."""
    window = Window("week", date(2026, 1, 4), date(2026, 2, 14), week_start="sunday")
    found = cohorts.retained_on(*four_users, window=window)["cohort"].drop_duplicates()
    assert found.dt.strftime("%m-%d").tolist() == ["01-04", "01-11", "01-25"]


def test_the_overall_line_weighs_cohorts_by_users(same, table):
    """Weighted mean of the complete cells, with the number of cohorts and users, and the constant line beside it."""
    triangle = table("""
        cohort     | age | users | retained | complete
        2026-01-05 | 0   | 100   | 100      | true
        2026-01-05 | 1   | 100   | 20       | true
        2026-01-05 | 2   | 100   | 10       | true
        2026-01-12 | 0   | 300   | 300      | true
        2026-01-12 | 1   | 300   | 120      | true
        2026-01-12 | 2   | 300   |          | false
    """)
    same(
        cohorts.overall(triangle),
        """
        age | share | users | cohorts | constant_share | constant_users | constant_cohorts
        0   | 1     | 400   | 2       | 1              | 100            | 1
        1   | 0.35  | 400   | 2       | 0.2            | 100            | 1
        2   | 0.1   | 100   | 1       | 0.1            | 100            | 1
    """,
    )


def test_a_period_is_compared_with_the_one_before_at_the_same_age(table, same):
    """Only cells complete at the age count; the change carries Newcombe's interval."""
    triangle = table(
        """
        cohort     | age | users | retained | complete
        2026-01-01 | 1   | 50    | 30       | true
        2026-01-02 | 1   | 50    | 30       | true
        2026-01-03 | 1   | 40    | 10       | true
        2026-01-04 | 1   | 60    | 20       | true
        2026-01-05 | 1   | 60    |          | false
    """
    )
    early, late = between(date(2026, 1, 1), date(2026, 1, 2)), between(date(2026, 1, 3), date(2026, 1, 5))
    change = cohorts.against_previous(triangle, age=1, period=late, previous=early, data_start=early.start)
    same(
        change,
        """
        age | start      | end        | users | share | previous_users | previous_share | change
        1   | 2026-01-03 | 2026-01-04 | 100   | 0.3   | 100            | 0.6            | -0.3
    """,
    )
    assert change["change_high"].iloc[0] < 0
    alone = cohorts.against_previous(triangle, age=1, period=late, previous=early, data_start=date(2026, 1, 2))
    assert np.isnan(alone["change"].iloc[0])
    assert alone["users"].iloc[0] == 100


def test_the_judged_age_is_one_that_half_of_the_users_have_reached(table):
    """Day 30 when half of the period's users are complete there, else a younger age."""
    triangle = table(
        """
        cohort     | age | users | complete
        2026-01-01 | 0   | 50    | true
        2026-01-01 | 7   | 50    | true
        2026-01-01 | 30  | 50    | true
        2026-01-20 | 0   | 60    | true
        2026-01-20 | 7   | 60    | true
        2026-01-20 | 30  | 60    | false
    """
    )
    assert cohorts.judged_age(triangle, period=between(date(2026, 1, 1), date(2026, 1, 31))) == 7
    assert cohorts.judged_age(triangle, period=between(date(2026, 1, 1), date(2026, 1, 10))) == 30
    assert cohorts.judged_age(triangle, period=between(date(2025, 1, 1), date(2025, 1, 10))) == 1


def test_small_cohorts_are_hidden(table):
    """A cohort below min_cell users shows no share and enters no mean."""
    triangle = table("""
        cohort     | age | users | retained | share | low | high | complete
        2026-01-05 | 1   | 9     | 3        | 0.33  | 0.1 | 0.6  | true
        2026-01-12 | 1   | 10    | 5        | 0.5   | 0.2 | 0.8  | true
    """)
    hidden = cohorts.suppressed(triangle, min_cell=10)
    assert hidden["retained"].isna().tolist() == [True, False]
    assert cohorts.overall(hidden)["users"].tolist() == [10]


def by_hand(rows, window, last_age, retained):
    """Every cell by asking every user about every unit; `retained(ages, age)` is the criterion."""
    cells = {}
    for _, days in rows.groupby("user")["day"]:
        numbers = [window.number(day.date()) for day in days]
        for age in range(last_age + 1):
            if window.first_day(min(numbers) + age + 1) > window.as_of + timedelta(days=1):
                break
            cell = cells.setdefault((window.first_day(min(numbers)), age), [0, 0])
            cell[0] += 1
            cell[1] += retained([n - min(numbers) for n in numbers], age)
    return cells


@LAWS
@given(DAYS, st.sampled_from(["day", "week", "month"]))
def test_triangles_equal_asking_every_user(pairs, unit):
    """On and on-or-after triangles of any log equal a loop over users and units, in every complete cell."""
    user, day = zip(*pairs, strict=True)
    rows = pd.DataFrame({"user": list(user), "day": JAN + pd.to_timedelta(list(day), unit="D")})
    window = Window(unit, date(2025, 12, 1), date(2026, 3, 31))
    asked = (log_of.user_days(rows), log_of.users(rows))
    for function, criterion in (
        (cohorts.retained_on, lambda ages, age: age in ages),
        (cohorts.retained_on_or_after, lambda ages, age: max(ages) >= age),
    ):
        triangle = function(*asked, window=window, last_age=2)
        expected = by_hand(rows, window, 2, criterion)
        cells = triangle[triangle["complete"]]
        found = {(c.date(), a): [n, k] for c, a, n, k in cells[["cohort", "age", "users", "retained"]].to_numpy()}
        assert found == {cell: expected[cell] for cell in found}
        assert len(found) == len(expected)


@LAWS
@given(DAYS)
def test_on_or_after_is_at_least_on_and_never_rises(pairs):
    """Rolling retention is never below day-N retention and falls with age."""
    user, day = zip(*pairs, strict=True)
    rows = pd.DataFrame({"user": list(user), "day": JAN + pd.to_timedelta(list(day), unit="D")})
    asked = (log_of.user_days(rows), log_of.users(rows))
    window = Window("week", date(2025, 12, 29), date(2026, 3, 29))
    on, later = cohorts.retained_on(*asked, window=window), cohorts.retained_on_or_after(*asked, window=window)
    assert (later["retained"].fillna(0) >= on["retained"].fillna(0)).all()
    assert later.groupby("cohort")["retained"].apply(lambda counts: counts.dropna().is_monotonic_decreasing).all()


def test_cells_before_the_data_begin_are_blank(table):
    """A cohort that signed up before the data has blank cells until the data begin, not zeros."""
    rows = table("""
        user | day
        a    | 2026-01-21
    """)
    people = log_of.users(rows, {"a": "2026-01-06"}, data_start="2026-01-19")
    window = Window("week", date(2026, 1, 19), date(2026, 2, 1))
    triangle = cohorts.retained_on(log_of.user_days(rows), people, window=window, since=date(2026, 1, 5))
    assert triangle["complete"].tolist() == [False, False, True, True]
    assert triangle["share"].fillna(-1).tolist() == [-1, -1, 1, 0]


def test_users_of_unknown_start_are_in_no_cohort(four_users):
    """Without a known first day there is no age."""
    days, people = four_users
    assert cohorts.retained_on(days, people.assign(life_start="unknown"), window=SIX_WEEKS).empty


def test_empty_tables_give_empty_triangles(four_users):
    """Nobody gives no cell, no line and no comparison, each with its columns."""
    days, people = (frame.iloc[:0] for frame in four_users)
    triangle = cohorts.retained_on(days, people, window=SIX_WEEKS)
    assert list(triangle) == cohorts.TRIANGLE
    assert triangle.empty
    assert cohorts.retained_on_or_after(days, people, window=SIX_WEEKS).empty
    assert cohorts.retained_within(days, people, window=SIX_WEEKS, first_age=1, last_age=2).empty
    assert cohorts.overall(triangle).empty
    assert cohorts.against_previous(triangle, age=1, period=JANUARY, previous=JANUARY, data_start=JANUARY.start).empty


def test_a_line_over_first_days_leaves_out_few_users_and_what_is_open(four_users, same):
    """A week of one user tells nothing, one without anybody is there, later and unfinished ones are not; months too."""
    daily = Window("day", date(2026, 1, 5), date(2026, 2, 8))
    triangle = cohorts.retained_on(*four_users, window=daily, last_age=7)
    same(
        cohorts.by_first_day(triangle, age=7, through=date(2026, 2, 1), min_cell=2),
        """
        cohort     | users | retained | share
        2026-01-05 | 2     | 1        | 0.5
        2026-01-12 | 1     | 1        |
        2026-01-19 | 0     | 0        |
        2026-01-26 | 1     | 0        |
    """,
    )
    assert cohorts.by_first_day(triangle, age=7, through=date(2026, 1, 18))["users"].tolist() == [2, 1]
    assert cohorts.by_first_day(triangle, age=7, through=date(2026, 1, 17))["users"].tolist() == [2]
    months = {"age": 7, "through": date(2026, 1, 31), "by": "month"}
    assert cohorts.by_first_day(triangle, **months).empty  # the data begin on the fifth
    assert cohorts.by_first_day(triangle.iloc[:0], age=7, through=date(2026, 1, 31)).empty


def test_another_unit_is_refused(four_users):
    """Cohorts are by day, week or month."""
    with pytest.raises(ParameterError, match="fortnight"):
        cohorts.retained_on(*four_users, window=Window("fortnight", date(2026, 1, 5), date(2026, 2, 1)))
