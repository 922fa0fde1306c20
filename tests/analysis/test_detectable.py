"""The smallest detectable fall: exact power against simulation, and laws of the planned arms."""

import numpy as np
import pytest

from opsbook.analysis import detectable
from opsbook.analysis.proportion import newcombe


def test_power_is_what_simulated_experiments_show():
    """The sum over binomial counts equals the share of 20,000 simulated experiments that see the fall."""
    random = np.random.default_rng(3)
    held, kept = random.binomial(100, 0.5, 20_000), random.binomial(400, 0.35, 20_000)
    seen = newcombe(kept, 400, held, 100).high < 0
    assert detectable.power(0.5, 0.35, base_n=100, changed_n=400) == pytest.approx(seen.mean(), abs=0.01)


def test_the_smallest_fall_has_the_wanted_power_and_less_has_not():
    """At the fall found the power is four in five; at nine tenths of it, it is below."""
    fall = detectable.smallest_fall(0.5, base_n=100, changed_n=400)
    assert detectable.power(0.5, 0.5 - fall, base_n=100, changed_n=400) >= 0.8
    assert detectable.power(0.5, 0.5 - 0.9 * fall, base_n=100, changed_n=400) < 0.8


def test_larger_lists_find_smaller_falls():
    """Four times the users, about half the fall."""
    small, large = (detectable.smallest_fall(0.4, base_n=n, changed_n=4 * n) for n in (100, 400))
    assert 0.4 < large / small < 0.6


def test_a_handful_finds_nothing():
    """Three users left alone cannot show even that everybody stayed."""
    assert detectable.smallest_fall(0.3, base_n=3, changed_n=12) is None
    assert detectable.smallest_fall(0.3, base_n=0, changed_n=12) is None


def test_no_effect_is_rarely_seen():
    """With nothing to find, the right side of the interval excludes 0 in about 2.5 % of experiments."""
    assert detectable.power(0.5, 0.5 - 1e-12, base_n=200, changed_n=800) < 0.035


@pytest.mark.parametrize(("base", "fall", "total"), [(0.4, 0.1, 800), (0.9, 0.09, 500), (0.5, 0.15, 420)])
def test_the_smallest_group_shows_the_fall_and_one_user_less_does_not(base, fall, total):
    """The group found has the wanted power, about that of the normal formula; with one user less it is missed."""
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    group = detectable.smallest_group(base, fall, total=total)
    power = [detectable.power(base, base - fall, base_n=n, changed_n=total - n) for n in (group, group - 1)]
    assert power[1] < 0.8 <= power[0]
    size = proportion_effectsize(base, base - fall)
    told = NormalIndPower().power(size, group, 0.05, ratio=(total - group) / group)
    assert told == pytest.approx(power[0], abs=0.04)


def test_no_group_of_too_few_shows_the_fall():
    """Where half of all does not show it no group is named, nor for a fall of nothing or for nobody."""
    assert detectable.smallest_group(0.5, 0.05, total=500) is None
    assert detectable.smallest_group(0.5, 0.0, total=500) is None
    assert detectable.smallest_group(0.5, 0.4, total=1) is None
