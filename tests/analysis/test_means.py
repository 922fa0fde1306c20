"""Differences of means, ratio metrics and CUPED, from moments."""

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opsbook.analysis import means
from opsbook.analysis.moments import Moments, PairMoments, count_moments, pair_moments, stacked


@pytest.fixture(scope="module")
def baskets(shared):
    """Complete Journey: one row per household -- sales before and in weeks 27-52, sales and baskets of the year."""
    lines = ibis.read_parquet(shared("completejourney_transactions.parquet"))
    second = lines.week.between(27, 52)
    return lines.group_by("household_id").agg(
        before=lines.sales_value.sum(where=lines.week <= 26).fill_null(0.0),
        after=lines.sales_value.sum(where=second).fill_null(0.0),
        sales=lines.sales_value.sum(),
        baskets=lines.basket_id.nunique(),
    )


def pair_of(units, first, other):
    """Moments of two columns over all units."""
    counted = count_moments(units.mutate(arm=ibis.literal("all")), by="arm", pairs={"m": (units[first], units[other])})
    return pair_moments(counted.iloc[0])


def test_cuped_on_complete_journey(baskets):
    """Spend of weeks 27-52 on weeks 1-26: theta .9034333949 and variance ratio .2492373258 = 1 - rho^2 (reference)."""
    pair = pair_of(baskets, "after", "before")
    adjusted, _control = means.cuped(pair, pair)
    assert means.cuped_theta(pair) == pytest.approx(0.9034333949, abs=1e-9)
    assert adjusted.variance / pair.variance == pytest.approx(0.2492373258, abs=1e-9)
    rho = pair.covariance / np.sqrt(pair.variance * pair.other_variance)
    assert rho == pytest.approx(0.8664656220, abs=1e-9)


def test_ratio_metric_on_complete_journey(baskets):
    """Sales per basket 29.4905265387 with households as units: delta s.e. .5007369176 (reference)."""
    ratio = means.ratio_of_sums(pair_of(baskets, "sales", "baskets"))
    assert ratio.value == pytest.approx(29.4905265387, abs=1e-9)
    assert ratio.standard_error == pytest.approx(0.5007369176, abs=1e-9)


def test_baskets_as_units_understate_the_error(shared):
    """The naive s.e. with 155,848 baskets as units is .0918784155, a fifth of the honest one (reference)."""
    lines = ibis.read_parquet(shared("completejourney_transactions.parquet"))
    units = lines.group_by("basket_id").agg(sales=lines.sales_value.sum(), one=ibis.literal(1))
    pair = pair_of(units, "sales", "one")
    assert np.sqrt(pair.variance / pair.n) == pytest.approx(0.0918784155, abs=1e-9)


def test_welch_equals_scipy():
    """Difference, interval and p from moments equal scipy's test on the rows."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(3, 1, 40), rng.normal(2, 5, 90)
    found = means.welch(stacked(a).own, stacked(b).own)
    known = stats.ttest_ind(a, b, equal_var=False)
    interval = known.confidence_interval()
    np.testing.assert_allclose(found[:3], [a.mean() - b.mean(), interval.low, interval.high], rtol=1e-12)
    assert found.p == pytest.approx(known.pvalue, rel=1e-10)
    assert found.n == 130


def test_cuped_leaves_the_difference_unbiased_and_narrows_it():
    """A lift of 2 is found by both, with a narrower interval after the pre-period is taken out."""
    rng = np.random.default_rng(1)
    before = rng.normal(50, 10, (2, 4000))
    after = before + rng.normal(0, 2, (2, 4000)) + np.array([[2.0], [0.0]])
    treated, control = (stacked(after[i], before[i]) for i in (0, 1))
    plain, adjusted = means.welch(treated.own, control.own), means.welch(*means.cuped(treated, control))
    assert adjusted.low < 2 < adjusted.high
    assert adjusted.high - adjusted.low < 0.3 * (plain.high - plain.low)


def test_cuped_without_a_pre_period_changes_nothing():
    """When nobody was seen before, the adjusted moments are the plain ones."""
    pair = PairMoments(10, 3.0, 2.0, 0.0, 0.0, 0.0)
    assert means.cuped(pair, pair) == (pair.own, pair.own)


def test_relative_difference_against_simulation():
    """The delta interval of a relative difference covers the truth in about 95 of 100 samples."""
    rng = np.random.default_rng(8)
    draws = rng.gamma(2.0, 3.0, (400, 2, 300)) * np.array([[1.2], [1.0]])
    found = [means.relative(stacked(d[0]).own, stacked(d[1]).own) for d in draws]
    assert 0.92 <= np.mean([f.low < 0.2 < f.high for f in found]) <= 0.98


def test_ratio_difference_of_equal_arms_covers_zero():
    """Two equal arms differ by nothing, with an interval around it."""
    pair = PairMoments(100, 30.0, 25.0, 3.0, 1.0, 2.0)
    found = means.ratio_difference(pair, pair)
    assert found.value == 0
    assert found.low == -found.high < 0


def test_paired_change_equals_scipy():
    """The interval of the users' own changes equals scipy's one-sample interval."""
    change = np.array([1.0, 2.0, -1.0, 4.0, 0.5])
    found = means.paired(stacked(change).own)
    known = stats.ttest_1samp(change, 0).confidence_interval()
    np.testing.assert_allclose([found.low, found.high], [known.low, known.high], rtol=1e-12)


@pytest.mark.parametrize("sizes", [(1, 50), (50, 1), (0, 0)])
def test_too_few_users_give_no_interval(sizes):
    """A group of fewer than two users has no interval, and no claim."""
    treated, control = (Moments(n, 1.0, 1.0) for n in sizes)
    assert np.isnan(means.welch(treated, control)[:3]).all()
    assert np.isnan(means.relative(treated, control).value)


def test_relative_to_nothing_is_missing():
    """A control that spent nothing has no relative difference."""
    assert np.isnan(means.relative(Moments(50, 1.0, 1.0), Moments(50, 0.0, 0.0)).value)


def test_no_variation_at_all_is_a_sure_difference():
    """Two constant groups differ surely; two equal constant groups surely do not."""
    sure = means.welch(Moments(50, 2.0, 0.0), Moments(50, 1.0, 0.0))
    assert (sure.low, sure.high, sure.p) == (1.0, 1.0, 0.0)
    assert means.welch(Moments(50, 1.0, 0.0), Moments(50, 1.0, 0.0)).p == 1.0


def test_ratio_without_a_denominator_is_missing():
    """No basket, no sales per basket."""
    assert np.isnan(means.ratio_of_sums(PairMoments(5, 0.0, 0.0, 0.0, 0.0, 0.0)).value)


def test_moments_from_rows_need_no_second_quantity():
    """Plain numbers alone have moments of zero beside them."""
    assert stacked([1.0, 3.0])[:3] == (2, 2.0, 2.0)
    assert pd.isna(stacked([1.0, 3.0]).other_mean) is False


def test_fieller_leaves_out_no_change_exactly_when_the_difference_does():
    """At any level the relative interval excludes zero when Welch's does; at 95 % it nears the delta method's."""
    treated, control = Moments(400, 1.3, 4.0), Moments(300, 1.0, 3.0)
    for level in (0.8, 0.95, 0.96, 0.97, 0.99, 0.9999):
        ratio, difference = means.fieller(treated, control, level=level), means.welch(treated, control, level=level)
        assert (ratio.low > 0) == (difference.low > 0)
    large = means.fieller(Moments(40_000, 1.3, 4.0), Moments(30_000, 1.0, 3.0))
    delta = means.relative(Moments(40_000, 1.3, 4.0), Moments(30_000, 1.0, 3.0))
    assert (large.low, large.high) == pytest.approx((delta.low, delta.high), abs=2e-3)


def test_fieller_is_missing_where_the_control_may_be_nothing():
    """When the control's mean is not clear of zero at the level, the ratio has no interval."""
    found = means.fieller(Moments(50, 1.0, 4.0), Moments(50, 0.2, 4.0))
    assert found.value == pytest.approx(4.0)
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(means.fieller(Moments(50, 1.0, 4.0), Moments(50, 0.0, 4.0)).value)
