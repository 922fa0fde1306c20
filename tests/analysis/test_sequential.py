"""Looks before the end: published boundaries, the price of peeking, and intervals that hold at every look at once."""

import numpy as np
import pytest

from opsbook.analysis import sequential

EQUAL = np.arange(1, 6) / 5


def test_obrien_fleming_boundaries_are_the_published_ones():
    """Five looks, two-sided 5 %: O'Brien & Fleming's 4.562, 3.226, 2.634, 2.281, 2.040."""
    table = sequential.boundaries(kind="obrien_fleming", looks=5)
    assert table["z"].tolist() == pytest.approx([4.562, 3.226, 2.634, 2.281, 2.040], abs=1e-3)
    assert table["spent"].iloc[-1] == pytest.approx(0.05, abs=1e-9)


@pytest.mark.parametrize(("looks", "constant"), [(1, 1.9600), (2, 2.1783), (3, 2.2895), (5, 2.4132), (10, 2.5551)])
def test_pocock_constants_are_the_published_ones(looks, constant):
    """Pocock's boundary is one constant, 2.4132 for five looks and the ordinary 1.96 for one."""
    assert sequential.boundaries(kind="pocock", looks=looks)["z"].tolist() == pytest.approx(
        [constant] * looks, abs=1e-3
    )


@pytest.mark.parametrize(("looks", "alarms"), [(1, 0.05), (2, 0.0831), (5, 0.1417), (10, 0.1930)])
def test_peeking_at_the_ordinary_limit_costs_what_armitage_found(looks, alarms):
    """Five looks at 1.96 raise 14.17 % false alarms instead of 5 %."""
    fractions = np.arange(1, looks + 1) / looks
    assert sequential.crossing(np.full(looks, 1.959964), fractions)[-1] == pytest.approx(alarms, abs=1e-3)


def test_spending_meets_the_published_boundaries_of_lan_and_demets():
    """Five equal looks by O'Brien-Fleming spending: 4.877, 3.357, 2.680, 2.290, 2.031 (Lan-DeMets programme)."""
    table = sequential.spent_boundaries(EQUAL, kind="obrien_fleming")
    assert table["z"].iloc[1:].tolist() == pytest.approx([3.357, 2.680, 2.290, 2.031], abs=2e-3)
    assert table["z"].iloc[0] == pytest.approx(4.877, abs=5e-3)


@pytest.mark.parametrize("kind", sequential.SPENDING)
def test_uneven_looks_spend_exactly_the_error_that_is_theirs(kind):
    """Whenever the looks fell, the error spent up to each is the spending function's."""
    fractions = np.array([0.1, 0.35, 0.4, 0.9, 1.0])
    table = sequential.spent_boundaries(fractions, kind=kind)
    assert table["spent"].tolist() == pytest.approx(sequential.SPENDING[kind](fractions, 0.05).tolist(), abs=1e-8)


@pytest.mark.parametrize("fractions", [[0.5, 0.4], [0.0, 1.0], [0.5, 1.2], [0.5, 0.5]])
def test_looks_out_of_order_are_refused(fractions):
    """A look cannot come before the one before it, nor have more than all the information."""
    with pytest.raises(ValueError, match="in order"):
        sequential.spent_boundaries(fractions, kind="pocock")


def test_always_valid_ratio_and_p_are_the_published_example():
    """Difference .1, variance 2, 1,000 users per arm, tau2 .01: ratio 3.278721627526, p .304996920631."""
    found = sequential.always_valid(0.1, variance=2, n=1000, tau2=0.01)
    assert found.ratio == pytest.approx(3.278721627526, rel=1e-9)
    assert found.p == pytest.approx(0.304996920631, rel=1e-9)


@pytest.mark.parametrize("difference", [-0.4, 0.0, 0.11, 0.2])
def test_the_interval_excludes_zero_exactly_when_p_is_below_its_level(difference):
    """Interval and p tell one story."""
    found = sequential.always_valid(difference, variance=2, n=1000, tau2=0.01)
    assert (found.low > 0 or found.high < 0) == (found.p < 0.05)


def test_nobody_to_compare_gives_no_interval():
    """Without users or without spread the difference stands alone."""
    assert np.isnan(sequential.always_valid(0.0, variance=0, n=1000, tau2=0.01).low)


def test_null_campaigns_looked_at_daily_raise_at_most_five_percent_false_alarms():
    """Simulated truth: of 4,000 campaigns without effect looked at on 20 days, the interval leaves 0 in at most 5 %,
    the planned boundaries in 5 %, and the ordinary limit in many more.
    """
    random, looks, users = np.random.default_rng(7), 20, 100
    daily = random.normal(0, np.sqrt(2 / users), (4000, looks))
    n = users * np.arange(1, looks + 1)
    mean = np.cumsum(daily, axis=1) / np.arange(1, looks + 1)
    z = mean / np.sqrt(2 / n)
    half = np.array([sequential.always_valid(0.0, variance=2, n=int(k), tau2=0.01).high for k in n])
    bounds = sequential.boundaries(kind="obrien_fleming", looks=looks)["z"].to_numpy()
    assert (np.abs(mean) > half).any(axis=1).mean() <= 0.05
    assert (np.abs(z) > bounds).any(axis=1).mean() == pytest.approx(0.05, abs=0.011)
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.2
