"""Rising and falling are mirror images: without any change as many users rise as fall."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from opsbook.analysis import usage_trend
from small_company import COMPANIES, START, Company, day, days

SEEN = {"data_start": START, "settled_through": day(59)}
FEW = settings(max_examples=4, deadline=None)


def trend(company: Company, last: int = 55, **settings: object) -> pd.DataFrame:
    given = {"window_days": 14, "windows": 3} | settings
    return usage_trend.usage_trend(company.user_days(), company.users(), end=day(last), **SEEN, **given)


def drawn(rng: np.random.Generator, rates: np.ndarray, days_watched: int = 56) -> tuple[pd.DataFrame, pd.DataFrame]:
    """user_days and users of people who come on each day with a rate of their own that never changes."""
    user, number = np.nonzero(rng.random((len(rates), days_watched)) < rates[:, None])
    user_days = pd.DataFrame({"user": user, "day": days(pd.Series(number))})
    first = days(pd.Series(np.full(len(rates), -30.0)))
    return user_days, pd.DataFrame({"user": np.arange(len(rates)), "first_day": first, "first_active_day": first})


def test_users_are_compared_with_themselves(same):
    """One rises from 2 to 5 days, one falls from 5 to 2, one stays; who joined in between is not compared."""
    company = Company(
        {
            1: frozenset({1, 30, 31, *range(44, 49)}),
            2: frozenset({1, *range(30, 35), 50, 51}),
            3: frozenset({1, 30, 31, 32, 50, 51, 52}),
            4: frozenset({33, 50, 51}),
        }
    )
    same(
        trend(company).tail(1),
        """
        start      | end        | users | rising | falling | same | share_rising       | balance | by_spread          | mean_change
        2026-02-16 | 2026-03-01 | 3     | 1      | 1       | 1    | 0.3333333333333333 | 0       | 0.3333333333333333 | 0
    """,  # noqa: E501 - a typed table reads better whole
    )


@FEW
@given(COMPANIES)
def test_counts_equal_comparing_sets_of_days(company):
    """For every pair of windows, the users, sides and mean days are those that plain sets give."""
    for place, row in enumerate(trend(company).iloc[::-1].itertuples()):
        last = 55 - 14 * place
        pairs = [
            (sum(last - 27 <= d <= last - 14 for d in visits), sum(last - 13 <= d <= last for d in visits))
            for user, visits in company.visits.items()
            if company.life(user) <= last - 27
        ]
        pairs = [(before, now) for before, now in pairs if before and now]
        assert row.users == len(pairs)
        assert row.rising == sum(now - before >= 2 and now >= 1.25 * before for before, now in pairs)
        assert row.falling == sum(before - now >= 2 and before >= 1.25 * now for before, now in pairs)
        if pairs:
            assert row.mean_change == pytest.approx(np.mean([now - before for before, now in pairs]))


@FEW
@given(COMPANIES)
def test_names_order_and_the_future_do_not_matter_and_twins_double(company):
    """Renaming users or cutting days after the end changes nothing, twins double the counts."""
    whole = trend(company, last=45)
    pd.testing.assert_frame_equal(whole, trend(company.renamed(), last=45))
    known = company.until(45)
    lives = {user: company.life(user) for user in known.people}
    if lives == {user: known.life(user) for user in known.people}:
        pd.testing.assert_frame_equal(whole, trend(known, last=45))
    sides = ["users", "rising", "falling", "same"]
    assert trend(company.doubled(), last=45)[sides].equals(2 * whole[sides])


def test_without_change_as_many_rise_as_fall_and_intervals_hold_their_level():
    """Over 150 pairs of weeks of users whose habits never change, the intervals cover 0 about 95 times in 100."""
    rng = np.random.default_rng(4)
    user_days, users = drawn(rng, rng.beta(1.2, 4, 300), 7 * 151)
    span = {"data_start": START, "settled_through": day(7 * 151)}
    rows = usage_trend.usage_trend(
        user_days, users, end=day(7 * 151 - 1), window_days=7, windows=150, change_days=1, **span
    )
    assert len(rows) == 150
    for name in ("balance", "mean_change"):
        covered = (rows[f"{name}_low"] <= 0) & (rows[f"{name}_high"] >= 0)
        assert 0.90 <= covered.mean() <= 0.99


def test_users_picked_for_one_window_would_fall_without_any_cause():
    """The trap that is avoided: the heaviest users of the first window use less in the next, though nothing changed."""
    rng = np.random.default_rng(6)
    user_days, users = drawn(rng, rng.beta(1.2, 4, 3000))
    number = (user_days["day"] - pd.Timestamp(START)).dt.days
    counts = pd.crosstab(user_days["user"], number >= 28)
    heavy = counts[counts[False] >= counts[False].quantile(0.8)]
    assert (heavy[True] - heavy[False]).mean() < -0.5
    row = usage_trend.usage_trend(user_days, users, end=day(55), windows=1, **SEEN).iloc[0]
    assert row["balance_low"] < 0 < row["balance_high"]


def test_rising_usage_is_found():
    """Users who come half as often again are seen to rise."""
    rng = np.random.default_rng(7)
    rates = rng.beta(2, 6, 1500)
    early, users = drawn(rng, rates, 28)
    late, _ = drawn(rng, np.minimum(1.5 * rates, 1), 28)
    both = pd.concat([early, late.assign(day=late["day"] + pd.Timedelta(days=28))])
    row = usage_trend.usage_trend(both, users, end=day(55), windows=1, **SEEN).iloc[0]
    assert row["balance_low"] > 0
    assert row["mean_change_low"] > 0


def test_documented_columns_come_back_even_from_nothing():
    """Windows that begin before the data are left out; nobody compared gives missing shares."""
    found = trend(Company({}))
    assert found["users"].tolist() == [0, 0, 0]
    assert found["share_rising"].isna().all()
    assert trend(Company({}), last=20).empty
    described = usage_trend.usage_trend.__doc__
    assert all(name.removesuffix("_low").removesuffix("_high") in described for name in found)
