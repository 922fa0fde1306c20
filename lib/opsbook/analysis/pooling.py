"""Effects of one kind seen together: the typical one, how much they differ, and each drawn towards the rest.

Used for segments of one campaign and for campaigns of one type: the largest of many noisy effects is mostly noise, so
each is shrunk by as much as its own interval is wide against the spread of all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtrit
from scipy.stats import chi2
from statsmodels.stats.meta_analysis import combine_effects

from opsbook.analysis.multiplicity import holm
from opsbook.analysis.proportion import Estimate

METHOD = "random effects (Paule-Mandel, Hartung-Knapp), empirical Bayes shrinkage"
SHRUNK = ["weight", "shrunk", "shrunk_low", "shrunk_high", "p", "p_holm"]


class Pooled(NamedTuple):
    """What effects of one kind have in common.

    typical: mean of the true effects with its interval, n = effects; between: standard deviation of the true effects;
    p_differ: chance of so much spread if all were equal; new_low, new_high: where the next effect should lie
    """

    typical: Estimate
    between: float
    p_differ: float
    new_low: float
    new_high: float


def pooled(effects: pd.DataFrame, *, level: float = 0.95) -> Pooled:
    """The typical effect; missing with fewer than two effects.

    effects: one row per effect -- value, low, high (normal interval at `level`); rows without interval are left out
    source:  Paule & Mandel 1982 through statsmodels; interval of Hartung & Knapp 2001; next effect: Higgins et al. 2009

    >>> campaigns = pd.DataFrame({"value": [0.1, 0.2, 0.3], "low": [0.0, 0.1, 0.2], "high": [0.2, 0.3, 0.4]})
    >>> found = pooled(campaigns)
    >>> print(f"typical {found.typical.value:.2f} [{found.typical.low:.2f}; {found.typical.high:.2f}]")
    typical 0.20 [-0.05; 0.45]
    >>> print(f"the next one [{found.new_low:.2f}; {found.new_high:.2f}]")
    the next one [-1.12; 1.52]
    """
    value, variance = _known(effects, level)
    nan, count = float("nan"), len(value)
    if count < 2:
        return Pooled(Estimate(nan, nan, nan, count), nan, nan, nan, nan)
    found = combine_effects(value, variance, method_re="iterated", use_t=True, alpha=1 - level)
    mean, error, between = float(found.mean_effect_re), float(found.sd_eff_w_re_hksj), float(max(found.tau2, 0.0))
    quantile = _student(level, count - 1)
    wide = _student(level, max(count - 2, 1)) * np.sqrt(between + error**2)
    spread = float(((value - found.mean_effect_fe) ** 2 / variance).sum())
    typical = Estimate(mean, mean - quantile * error, mean + quantile * error, count)
    return Pooled(typical, between**0.5, float(chi2.sf(spread, count - 1)), mean - wide, mean + wide)


def shrunken(effects: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Every effect with what the others say of it, and its p against zero corrected for their number.

    effects: as in `pooled`, with further columns of the caller
    returns: the same rows with weight (0-1, of the effect's own data), shrunk with shrunk_low and shrunk_high, p,
             p_holm; with fewer than four effects there is nothing to learn from the others and shrunk is the effect
    source:  Morris 1983, section 2, unequal variances; p from the effect itself

    >>> campaigns = pd.DataFrame({"value": [0.0, 0.1, 0.2, 0.9]}, index=["a", "b", "c", "d"])
    >>> found = shrunken(campaigns.assign(low=campaigns["value"] - 0.6, high=campaigns["value"] + 0.6))
    >>> print(found[["value", "weight", "shrunk", "shrunk_low", "shrunk_high", "p_holm"]].round(2).to_string())
       value  weight  shrunk  shrunk_low  shrunk_high  p_holm
    a    0.0    0.81    0.06       -0.52         0.63    1.00
    b    0.1    0.81    0.14       -0.43         0.70    1.00
    c    0.2    0.81    0.22       -0.34         0.78    1.00
    d    0.9    0.81    0.79        0.15         1.43    0.01
    """
    value, error = effects["value"].to_numpy(float), (effects["high"] - effects["low"]).to_numpy(float)
    error = error / 2 / ndtri(0.5 + level / 2)
    p = pd.Series(2 * ndtr(-np.abs(value) / error), index=effects.index)
    weight, shrunk, spread = _morris(value, error**2, pooled(effects, level=level))
    half = ndtri(0.5 + level / 2) * np.sqrt(spread)
    columns = [weight, shrunk, shrunk - half, shrunk + half, p, holm(p)]
    return effects.assign(**dict(zip(SHRUNK, columns, strict=True)))


def _morris(value: np.ndarray, variance: np.ndarray, whole: Pooled) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of the own data, shrunken value and its variance, the doubt about the spread included."""
    count = whole.typical.n
    if count < 4:
        return np.ones_like(value), value, variance
    toward = (count - 3) / (count - 1) * variance / (variance + whole.between**2)
    apart = value - whole.typical.value
    doubt = (
        2 / (count - 3) * toward**2 * apart**2 * (variance.mean() + whole.between**2) / (variance + whole.between**2)
    )
    return 1 - toward, value - toward * apart, variance * (1 - (count - 1) / count * toward) + doubt


def _known(effects: pd.DataFrame, level: float) -> tuple[np.ndarray, np.ndarray]:
    error = (effects["high"] - effects["low"]).to_numpy(float) / 2 / ndtri(0.5 + level / 2)
    usable = np.isfinite(effects["value"].to_numpy(float)) & np.isfinite(error) & (error > 0)
    return effects["value"].to_numpy(float)[usable], error[usable] ** 2


def _student(level: float, freedom: int) -> float:
    return float(stdtrit(freedom, 0.5 + level / 2))
