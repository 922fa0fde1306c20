"""Gamma-Gamma from counted values: the published figures, laws, and truths recovered."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import gamma_gamma

TRUTH = (6.0, 4.0, 15.0)


@pytest.fixture(scope="module")
def cdnow(shared):
    """Repeat customers of the CDNOW sample to 30 September 1997, same-day orders merged."""
    path = shared("cdnow_sample.txt.gz")
    raw = pd.read_csv(path, sep=r"\s+", header=None, names=["master", "user", "day", "cds", "net"])
    days = raw[raw["day"] <= 19970930].groupby(["user", "day"], as_index=False)["net"].sum()
    repeat = days[days["day"] > days.groupby("user")["day"].transform("min")]
    values = repeat.groupby("user")["net"].agg(frequency="size", mean_value="mean")
    return values.reset_index(drop=True).assign(customers=1)


def simulated(rng: np.random.Generator, users: int) -> pd.DataFrame:
    p, q, gamma = TRUTH
    x = 1 + rng.poisson(2, users)
    scale = rng.gamma(q, 1 / gamma, users)
    return pd.DataFrame({"frequency": x, "mean_value": rng.gamma(p * x, 1 / scale) / x, "customers": 1})


def test_cdnow_parameters_are_the_published_ones(cdnow):
    """Fader and Hardie 2013: 946 repeat customers, mean 35.0778, p, q, gamma and the log-likelihood, to 1e-4."""
    fit = gamma_gamma.fit(cdnow)
    assert (fit.n, fit.converged) == (946, True)
    assert cdnow["mean_value"].mean() == pytest.approx(35.0778, abs=1e-4)
    np.testing.assert_allclose(fit.values, [6.24957, 3.74422, 15.44352], rtol=1e-5)
    assert fit.log_likelihood == pytest.approx(-4055.9177, abs=1e-4)
    assert gamma_gamma.mean_order_value(fit.values) == pytest.approx(35.17, abs=0.01)


def test_few_orders_are_drawn_to_the_mean_and_many_speak_for_themselves():
    """One order of 100 is expected to be followed by less, a hundred of them by about 100."""
    values = gamma_gamma.expected_value(np.array([0, 1, 100]), np.array([0.0, 100.0, 100.0]), TRUTH)
    assert values[0] == pytest.approx(6 * 15 / 3)
    assert values[0] < values[1] < values[2] < 100


def test_currency_customers_and_row_order_do_what_they_must(cdnow):
    """Cents make gamma a hundred times as large; doubled or shuffled customers change nothing."""
    fit = gamma_gamma.fit(cdnow)
    in_cents = gamma_gamma.fit(cdnow.assign(mean_value=100 * cdnow["mean_value"]))
    np.testing.assert_allclose(in_cents.values, fit.values * [1, 1, 100], rtol=1e-5)
    twice = gamma_gamma.fit(cdnow.assign(customers=2).sample(frac=1, random_state=2))
    np.testing.assert_allclose(twice.values, fit.values, rtol=1e-5)


def test_worthless_orders_are_refused_and_no_mean_is_no_number(cdnow):
    """A mean value of zero does not fit the model; q below 1 has no mean."""
    with pytest.raises(ValueError, match="above zero"):
        gamma_gamma.fit(cdnow.assign(mean_value=0.0))
    assert np.isnan(gamma_gamma.mean_order_value((6, 0.9, 15)))


def test_rank_correlation_of_counts_is_that_of_rows(cdnow):
    """Counted customers give the rank correlation that scipy finds on rows."""
    from scipy.stats import spearmanr

    found = gamma_gamma.independence(cdnow)
    assert found.value == pytest.approx(spearmanr(cdnow["frequency"], cdnow["mean_value"]).statistic)
    assert found.low < found.value < found.high
    assert np.isnan(gamma_gamma.independence(cdnow.head(2)).value)


def test_intervals_cover_the_truth():
    """Over 200 simulated companies each parameter lies inside its interval about 95 times in 100."""
    rng, hits = np.random.default_rng(4), np.zeros(3)
    for _trial in range(200):
        low, high = gamma_gamma.fit(simulated(rng, 600)).bounds()
        hits += (low <= TRUTH) & (high >= TRUTH)
    assert ((hits / 200 >= 0.90) & (hits / 200 <= 0.99)).all(), hits / 200
