"""Growth accounting adds up: every active user has exactly one origin, every loss is counted once."""

import math

import pandas as pd
import pytest
from hypothesis import given, settings

from opsbook.analysis import growth
from opsbook.inputs.periods import Period
from small_company import COMPANIES, START, Company, day, number, weeks

SPAN = {"data_start": START, "settled_through": day(59)}
FEW = settings(max_examples=15, deadline=None)
LAWS = settings(max_examples=6, deadline=None)
FLOWS = ["new", "new_silent", "current", "resurrected", "first_use", "unknown", "dormant"]
COLUMNS = [
    "period", "start", "end", "active_users", "previous_users", *FLOWS, "complete",
    "retained", "retained_low", "retained_high", "quick_ratio", "quick_ratio_low", "quick_ratio_high",
]  # fmt: skip


def accounted(company: Company, periods: list[Period] | None = None) -> pd.DataFrame:
    return growth.growth_accounting(
        company.user_days(), company.users(), periods=weeks() if periods is None else periods, **SPAN
    )


def by_hand(company: Company, now: Period) -> dict[str, int]:
    """The states of definitions, user by user, with sets."""
    first, last = number(now.start), number(now.end)
    active, previous = company.active(first, last), company.active(first - 7, first - 1)
    states = dict.fromkeys(FLOWS, 0)
    states["dormant"] = len(previous - active)
    for user in company.people:
        life, seen_before = company.life(user), user in company.active(-100, first - 1)
        begins = first <= life <= last
        if user not in active:
            states["new_silent"] += begins and company.known(user)
        elif user in previous:
            states["current"] += 1
        elif not seen_before and not company.known(user):
            states["unknown"] += 1
        elif begins:
            states["new"] += 1
        else:
            states["resurrected"] += 1
            states["first_use"] += not seen_before
    return states


def test_user_who_returns_after_a_silent_week_is_resurrected_not_new(table, same):
    """New in the first week, dormant in the second, resurrected in the fourth."""
    days = table("""
        user | day        | gap_after
        1    | 2026-01-05 | 21
        1    | 2026-01-26 |
    """)
    users = table("""
        user | first_day  | first_active_day | life_start
        1    | 2026-01-05 | 2026-01-05       | signup
    """)
    periods = [Period(day(-7), day(-1), "week", "before"), *weeks(4)]
    actual = growth.growth_accounting(days, users, periods=periods, data_start=day(-7), settled_through=day(40))
    same(
        actual,
        """
        start      | active_users | previous_users | new | current | resurrected | dormant | complete
        2026-01-05 | 1            | 0              | 1   | 0       | 0           | 0       | true
        2026-01-12 | 0            | 1              | 0   | 0       | 0           | 1       | true
        2026-01-19 | 0            | 0              | 0   | 0       | 0           | 0       | true
        2026-01-26 | 1            | 0              | 0   | 0       | 1           | 0       | true
    """,
    )


def test_new_user_who_was_not_active_is_counted_apart_and_wakes_as_first_use(table, same):
    """A sign-up without activity is new_silent; its first visit a week later is resurrected, marked as first use."""
    days = table("""
        user | day        | gap_after
        1    | 2026-01-20 |
    """)
    users = table("""
        user | first_day  | first_active_day | life_start
        1    | 2026-01-12 | 2026-01-20       | signup
    """)
    actual = growth.growth_accounting(days, users, periods=weeks(3), **SPAN)
    same(
        actual,
        """
        start      | active_users | new | new_silent | resurrected | first_use
        2026-01-12 | 0            | 0   | 1          | 0           | 0
        2026-01-19 | 1            | 0   | 0          | 1           | 1
    """,
    )


def test_user_first_seen_while_the_data_begin_is_unknown_not_new(table, same):
    """Without a signup date, the first days of data cannot tell a new user from an old one."""
    days = table("""
        user | day        | gap_after
        1    | 2026-01-13 |
    """)
    users = table("""
        user | first_day  | first_active_day | life_start
        1    | 2026-01-13 | 2026-01-13       | unknown
    """)
    actual = growth.growth_accounting(days, users, periods=weeks(2), **SPAN)
    same(
        actual,
        """
        start      | active_users | new | unknown
        2026-01-12 | 1            | 0   | 1
    """,
    )


@FEW
@given(COMPANIES)
def test_flows_equal_counting_user_by_user(company):
    """Every flow of every week equals the one a loop over users finds."""
    table = accounted(company)
    for now, row in zip(weeks()[1:], table.to_dict("records"), strict=True):
        assert {name: row[name] for name in FLOWS} == by_hand(company, now), now.label
        assert row["active_users"] == len(company.active(number(now.start), number(now.end)))


@FEW
@given(COMPANIES)
def test_both_identities_hold_for_any_data(company):
    """Active = new + current + resurrected + unknown, and it moves by what came minus what fell silent."""
    table = growth.identities(accounted(company))
    assert table["holds"].all()
    assert len(table) == 2 * 7


@LAWS
@given(COMPANIES)
def test_names_order_and_the_future_do_not_matter_and_twins_double(company):
    """Renaming and shuffling change nothing, later data change nothing before, twins double every flow."""
    whole = accounted(company)
    pd.testing.assert_frame_equal(whole, accounted(company.renamed()))
    shuffled = growth.growth_accounting(
        company.user_days().sample(frac=1, random_state=3),
        company.users().sample(frac=1, random_state=4),
        periods=weeks(),
        **SPAN,
    )
    pd.testing.assert_frame_equal(whole, shuffled)
    pd.testing.assert_frame_equal(accounted(company.doubled())[FLOWS], 2 * whole[FLOWS])
    past = company.until(number(weeks()[4].end))
    if all(company.known(user) == past.known(user) for user in past.people):
        cut = growth.growth_accounting(past.user_days(), past.users(), periods=weeks(5), **SPAN)
        pd.testing.assert_frame_equal(whole.head(4)[FLOWS], cut[FLOWS])


def test_quick_ratio_is_gained_over_lost_with_an_interval():
    """(new + resurrected) / dormant, with the interval of a ratio of two counts."""
    company = Company({user: frozenset({2 if user < 30 else 9}) for user in range(45)}, dict.fromkeys(range(45), 1))
    row = accounted(company, weeks(2)).iloc[0]
    assert (row["dormant"], row["resurrected"], row["quick_ratio"]) == (30, 15, 0.5)
    half = 1.959963984540054 * (1 / 15 + 1 / 30) ** 0.5
    assert row["quick_ratio_high"] / row["quick_ratio"] == pytest.approx(math.exp(half))


def test_quick_ratio_is_undefined_when_nobody_fell_silent():
    """Dividing by no loss is missing, not infinite."""
    row = accounted(Company({1: frozenset({8})}, {1: 8}), weeks(2)).iloc[0]
    assert row["new"] == 1
    assert pd.isna(row["quick_ratio"])


def test_base_before_the_data_makes_a_period_incomplete():
    """Without data for the period before, nobody can be told current from resurrected."""
    periods = [Period(day(-7), day(-1), "week", "before"), *weeks(2)]
    assert accounted(Company({}), periods)["complete"].tolist() == [False, True]


def test_gap_between_periods_is_refused():
    """A missing week would turn current users into resurrected ones."""
    with pytest.raises(ValueError, match="consecutive"):
        accounted(Company({}), [weeks()[0], weeks()[2]])


def test_contradicting_tables_do_not_add_up_and_say_so():
    """An active user missing from the users table breaks the first law, by name of the period."""
    company = Company({1: frozenset({9})})
    table = growth.growth_accounting(company.user_days(), Company({}).users(), periods=weeks(2), **SPAN)
    with pytest.raises(ArithmeticError, match="2026-W03"):
        growth.identities(table)


@pytest.mark.parametrize("periods", [[], weeks(1), weeks(3)])
def test_documented_columns_come_back_even_from_nothing(periods):
    """No users, or no pair of periods, gives the documented columns."""
    table = accounted(Company({}), periods)
    assert table.columns.tolist() == COLUMNS
    assert len(table) == max(0, len(periods) - 1)
    assert all(name in growth.growth_accounting.__doc__ for name in COLUMNS)
