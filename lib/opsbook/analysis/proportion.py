"""Shares and differences of shares with intervals that stay inside 0-1 and hold their coverage in small samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

METHOD_SHARE = "Wilson"
METHOD_DIFFERENCE = "Newcombe hybrid"


class Estimate(NamedTuple):
    """A value with its interval and the number of users it rests on; floats, or arrays when columns went in."""

    value: Any
    low: Any
    high: Any
    n: Any


def wilson(successes: ArrayLike, trials: ArrayLike, *, level: float = 0.95) -> Estimate:
    """Share successes / trials with the Wilson score interval (no continuity correction).

    successes, trials: counts of users, as numbers or columns of equal length; 0 trials give missing values
    returns:  Estimate of value, low, high (0-1) and n = trials
    raises:   ValueError when a count is negative or successes exceed trials
    source:   Wilson 1927; Newcombe 1998a, method 3

    >>> share = wilson(9, 10)
    >>> print(f"{share.value:.2f} [{share.low:.2f}; {share.high:.2f}] of {share.n}")
    0.90 [0.60; 0.98] of 10
    >>> none = wilson([0, 0], [20, 0])
    >>> print(none.high.round(3))
    [0.161   nan]
    """
    k, n = _counts(successes, trials)
    z = _normal_quantile(level)
    share, spread_share = _divided(k, n), _divided(np.full(k.shape, z * z), n)
    centre = (share + spread_share / 2) / (1 + spread_share)
    half = np.sqrt(share * (1 - share) * spread_share + spread_share**2 / 4) / (1 + spread_share)
    low = np.where(k == 0, np.where(n > 0, 0.0, np.nan), centre - half)
    high = np.where(k == n, np.where(n > 0, 1.0, np.nan), centre + half)
    return _estimate(share, low, high, n)


def newcombe(
    successes: ArrayLike,
    trials: ArrayLike,
    base_successes: ArrayLike,
    base_trials: ArrayLike,
    *,
    level: float = 0.95,
) -> Estimate:
    """Difference of two independent shares, first minus base, with Newcombe's hybrid interval.

    returns:  Estimate of value, low, high (-1 to 1) and n = users of both groups; missing when a group is empty
    raises:   ValueError when a count is negative or successes exceed trials
    source:   Newcombe 1998b, method 10

    >>> gap = newcombe(30, 100, 20, 100)
    >>> print(f"{100 * gap.value:.0f} points [{100 * gap.low:.1f}; {100 * gap.high:.1f}], {gap.n} users")
    10 points [-2.0; 21.7], 200 users
    """
    first = wilson(successes, trials, level=level)
    base = wilson(base_successes, base_trials, level=level)
    difference = first.value - base.value
    down = np.hypot(first.value - first.low, base.high - base.value)
    up = np.hypot(first.high - first.value, base.value - base.low)
    return _estimate(difference, difference - down, difference + up, np.asarray(first.n) + np.asarray(base.n))


def add_share(table: pd.DataFrame, *, of: str, out_of: str, name: str = "share", level: float = 0.95) -> pd.DataFrame:
    """The table with `name`, `name_low`, `name_high`: the share column `of` / column `out_of`, Wilson interval.

    >>> channels = pd.DataFrame({"channel": ["ads", "search"], "users": [40, 0], "buyers": [10, 0]})
    >>> print(add_share(channels, of="buyers", out_of="users", name="buying").round(3).to_string(index=False))
    channel  users  buyers  buying  buying_low  buying_high
        ads     40      10    0.25       0.142        0.402
     search      0       0     NaN         NaN          NaN
    """
    share = wilson(table[of], table[out_of], level=level)
    return table.assign(**{name: share.value, f"{name}_low": share.low, f"{name}_high": share.high})


def _counts(successes: ArrayLike, trials: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    k, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(trials, dtype=float))
    if (k < 0).any() or (k > n).any():
        raise ValueError("A share needs 0 <= successes <= trials in every row")
    return k, n


def _normal_quantile(level: float) -> float:
    if not 0 < level < 1:
        raise ValueError(f"A confidence level lies between 0 and 1, found {level}")
    return float(ndtri(0.5 + level / 2))


def _divided(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """The quotient, missing where the bottom is 0: nobody observed is not a share of zero."""
    return np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom > 0)


def _estimate(*parts: ArrayLike) -> Estimate:
    value, low, high, n = (np.asarray(part, dtype=float) for part in parts)
    if value.ndim == 0:
        return Estimate(float(value), float(low), float(high), int(n))
    return Estimate(value, low, high, n.astype("int64"))
