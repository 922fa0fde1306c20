"""The Bayesian reading against integration on a grid, against the flat-prior identity, and its calibration."""

import numpy as np
import pytest
from scipy.stats import norm

from opsbook.analysis import bayes

Z = norm.ppf(0.975)


def read(value, error, **prior):
    return bayes.reading(value, low=value - Z * error, high=value + Z * error, **{"worthwhile": 0.1, **prior})


@pytest.mark.parametrize(("value", "error", "prior_sd"), [(0.2, 0.1, 0.1), (-0.05, 0.2, 0.3), (0.0, 0.05, 1.0)])
def test_the_posterior_is_the_integral_over_prior_times_likelihood(value, error, prior_sd):
    """Mean, chances and expected loss equal sums over a fine grid of effects."""
    grid = np.linspace(-3, 3, 200_000)  # an even number of points: none at 0
    weight = norm.pdf(grid, 0, prior_sd) * norm.pdf(value, grid, error)
    weight /= weight.sum()
    found = read(value, error, prior_sd=prior_sd)
    assert found.value == pytest.approx((grid * weight).sum(), abs=1e-6)
    assert found.better == pytest.approx(weight[grid > 0].sum(), abs=1e-4)
    assert found.worthwhile == pytest.approx(weight[grid > 0.1].sum(), abs=1e-4)
    assert found.expected_loss == pytest.approx((np.maximum(-grid, 0) * weight).sum(), abs=1e-6)


def test_without_a_prior_opinion_the_chance_of_a_gain_is_one_minus_the_one_sided_p():
    """A very wide prior gives the frequentist's one-sided p."""
    assert read(0.2, 0.1, prior_sd=1e6).better == pytest.approx(norm.cdf(2.0), abs=1e-9)


def test_chances_mean_what_they_say():
    """Simulated truth: among campaigns read as 70-90 % likely to gain, that share did gain; intervals hold 95 %."""
    random = np.random.default_rng(6)
    truth = random.normal(0, 0.1, 4000)
    read_ones = [read(value, 0.08, prior_sd=0.1) for value in truth + random.normal(0, 0.08, 4000)]
    chance = np.array([one.better for one in read_ones])
    picked = (chance > 0.7) & (chance < 0.9)
    assert (truth[picked] > 0).mean() == pytest.approx(chance[picked].mean(), abs=0.04)
    assert np.mean([one.low <= true <= one.high for one, true in zip(read_ones, truth, strict=True)]) > 0.93


def test_no_interval_no_reading():
    """A missing estimate stays missing."""
    assert np.isnan(bayes.reading(0.1, low=np.nan, high=np.nan, prior_sd=1, worthwhile=0.1).better)


def test_beside_an_increment_the_prior_is_the_smallest_gain_worth_having(table):
    """A lift of 20 % of a control of 2 is worth 0.4: prior spread and threshold; a wider level changes no posterior."""
    text = "metric | window | method | difference | low | high | control\norders | net | cuped | 0.3 | {} | {} | 2"
    usual = bayes.beside(table(text.format(0.104003602, 0.495996398)), metric="orders", worthwhile_lift=0.2).iloc[0]
    assert (usual["worthwhile"], usual["prior_sd"]) == (0.4, 0.4)
    assert usual["posterior"] == pytest.approx(0.3 * 0.16 / 0.17)
    wide = 0.1 * norm.ppf(0.9995)
    rows = table(text.format(0.3 - wide, 0.3 + wide))
    again = bayes.beside(rows, metric="orders", worthwhile_lift=0.2, level=0.999).iloc[0]
    assert again["share_better"] == pytest.approx(usual["share_better"])
    assert bayes.beside(rows, metric="revenue", worthwhile_lift=0.2).empty
