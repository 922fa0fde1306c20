"""Shares and their differences agree with published figures and never leave their range."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from opsbook.analysis.proportion import add_share, newcombe, wilson

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.25529, 0.36621), (15, 148, 0.06239, 0.16049), (0, 20, 0, 0.16113), (1, 29, 0.00611, 0.17176)],
)
def test_wilson_gives_newcombes_published_intervals(k, n, low, high):
    """The Wilson interval equals the figures of Newcombe 1998a, table I."""
    share = wilson(k, n)
    assert (share.value, share.n) == (k / n, n)
    assert (share.low, share.high) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1),
    ],
)
def test_newcombe_gives_its_published_intervals(counts, low, high):
    """The hybrid interval of a difference equals the figures of Newcombe 1998b, method 10."""
    difference = newcombe(*counts)
    assert (difference.low, difference.high) == pytest.approx((low, high), abs=1e-4)
    assert difference.n == counts[1] + counts[3]


@given(COUNTS, COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_both_agree_with_statsmodels(first, base, level):
    """An independent library gives the same intervals for any counts and level."""
    share = wilson(*first, level=level)
    assert (share.low, share.high) == pytest.approx(proportion_confint(*first, alpha=1 - level, method="wilson"))
    difference = newcombe(*first, *base, level=level)
    expected = confint_proportions_2indep(*first, *base, method="newcomb", compare="diff", alpha=1 - level)
    assert (difference.low, difference.high) == pytest.approx(expected, abs=1e-9)


@given(COUNTS, COUNTS)
def test_swapping_the_groups_changes_only_the_sign(first, base):
    """First - base is the mirror image of base - first."""
    there, back = newcombe(*first, *base), newcombe(*base, *first)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low), abs=1e-12)


@given(COUNTS)
def test_interval_holds_the_share_and_stays_between_zero_and_one(counts):
    """0 <= low <= share <= high <= 1."""
    share = wilson(*counts)
    assert 0 <= share.low <= share.value + 1e-12
    assert share.value - 1e-12 <= share.high <= 1


def test_columns_go_in_and_columns_come_out():
    """A column of counts gives the same numbers as its rows one by one; nobody observed is missing, not zero."""
    table = add_share(
        pd.DataFrame({"paid": [3, 0, 0], "users": [10, 5, 0]}, index=[7, 8, 9]), of="paid", out_of="users"
    )
    assert list(table.columns) == ["paid", "users", "share", "share_low", "share_high"]
    one_by_one = [wilson(3, 10), wilson(0, 5), wilson(0, 0)]
    np.testing.assert_allclose(table["share_low"], [share.low for share in one_by_one])
    np.testing.assert_allclose(table["share_high"], [share.high for share in one_by_one])
    assert table.loc[9, ["share", "share_low", "share_high"]].isna().all()


def test_empty_columns_give_empty_columns():
    """No rows in, no rows out."""
    assert len(wilson([], []).low) == 0
    assert len(newcombe([], [], [], []).value) == 0


@pytest.mark.parametrize("counts", [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(counts):
    """More successes than trials, or fewer than none, is an error and not a number."""
    with pytest.raises(ValueError, match="successes"):
        wilson(*counts)


def test_impossible_level_is_refused():
    """A level of 95 instead of 0.95 is an error."""
    with pytest.raises(ValueError, match="confidence level"):
        wilson(1, 2, level=95)
