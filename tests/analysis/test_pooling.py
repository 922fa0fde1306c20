"""Effects of one kind together: published meta-analyses, shrinkage that covers, and nothing made of nothing."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import pooling

Z = 1.959963984540054


def effects(value, error):
    """Effects with normal intervals."""
    value, error = np.asarray(value, dtype=float), np.asarray(error, dtype=float)
    return pd.DataFrame({"value": value, "low": value - Z * error, "high": value + Z * error})


def test_vaccine_trials_are_pooled_as_published():
    """BCG, 13 trials of log risk ratios (Colditz 1994): Paule-Mandel tau2 .3181, mean -.7150, as R's metafor prints."""
    value = [-0.8893, -1.5854, -1.3481, -1.4416, -0.2175, -0.7861, -1.6209, 0.0120, -0.4694, -1.3713, -0.3394, 0.4459,
             -0.0173]  # fmt: skip
    variance = [0.3256, 0.1946, 0.4154, 0.0200, 0.0512, 0.0069, 0.2230, 0.0040, 0.0564, 0.0730, 0.0124, 0.5325, 0.0714]
    found = pooling.pooled(effects(value, np.sqrt(variance)))
    assert found.between**2 == pytest.approx(0.3181, abs=2e-3)
    assert found.typical.value == pytest.approx(-0.7150, abs=2e-3)
    assert found.p_differ < 1e-6
    assert found.new_low < found.typical.low < found.typical.high < found.new_high


def test_eight_schools_are_alike():
    """Rubin's eight coaching programmes: no spread beyond noise, mean 7.69, and each is drawn almost all the way."""
    schools = effects([28, 8, -3, 7, -1, 1, 18, 12], [15, 10, 16, 11, 9, 11, 10, 18])
    found = pooling.pooled(schools)
    assert (found.between, found.typical.value) == (0.0, pytest.approx(7.686, abs=1e-3))
    assert found.p_differ == pytest.approx(0.6957, abs=1e-3)  # chi2 4.706 on 7
    table = pooling.shrunken(schools)
    assert table["shrunk"].between(0, 16).all()
    assert (table["shrunk"].rank() == table["value"].rank()).mean() > 0.5
    assert table["p_holm"].min() > 0.2


def test_one_effect_is_alone():
    """A single campaign has no typical effect, and its own estimate stays."""
    one = effects([0.2], [0.1])
    assert np.isnan(pooling.pooled(one).typical.value)
    assert pooling.shrunken(one)["shrunk"].tolist() == [0.2]


def test_an_effect_without_interval_teaches_nothing():
    """A missing interval is left out of the typical effect."""
    gap = pd.concat([effects([1, 2, 3], [1, 1, 1]), effects([99], [np.nan])])
    assert pooling.pooled(gap).typical == pooling.pooled(effects([1, 2, 3], [1, 1, 1])).typical


def simulated(random, *, between, count=12):
    truth = random.normal(0.1, between, count) if between else np.full(count, 0.1)
    error = random.uniform(0.05, 0.2, count)
    return truth, effects(truth + random.normal(0, error), error)


@pytest.mark.parametrize("between", [0.0, 0.1, 0.3])
def test_intervals_hold_the_typical_and_each_true_effect(between):
    """Simulated truth: over 300 sets of 12 effects, about 95 % of both kinds of interval hold what was planted."""
    random, typical, single, nearer = np.random.default_rng(12), [], [], []
    for _set in range(300):
        truth, seen = simulated(random, between=between)
        mean, table = pooling.pooled(seen).typical, pooling.shrunken(seen)
        typical.append(mean.low <= 0.1 <= mean.high)
        single.append(((table["shrunk_low"] <= truth) & (truth <= table["shrunk_high"])).mean())
        nearer.append(((table["shrunk"] - truth) ** 2).mean() <= ((table["value"] - truth) ** 2).mean())
    assert 0.92 <= np.mean(typical) <= 0.985
    assert np.mean(single) >= 0.92
    assert np.mean(nearer) > 0.6


def test_equal_effects_are_called_different_in_five_of_a_hundred():
    """Simulated truth: without differences the test of spread is below .05 in about 5 % of 600 sets."""
    random = np.random.default_rng(15)
    alarms = [pooling.pooled(simulated(random, between=0.0)[1]).p_differ < 0.05 for _set in range(600)]
    assert 0.02 <= np.mean(alarms) <= 0.08
