"""Mantel-Haenszel: one difference or ratio over strata, so that groups are compared among their like only.

Every function takes four counts per stratum, the strata along the last axis (further axes are comparisons made side by
side): `hits` of `users` in the group, `base_hits` of `base_users` in the base. A stratum without one of the two sides
says nothing and weighs nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from opsbook.analysis.proportion import Estimate

METHOD_DIFFERENCE = "Mantel-Haenszel, Sato interval"
METHOD_RATIO = "Mantel-Haenszel, Greenland-Robins interval"


class Score(NamedTuple):
    """Hits of the group beyond what its strata predict, the variance of that, and the two as a normal score."""

    excess: Any
    variance: Any
    z: Any


def risk_difference(
    hits: ArrayLike, users: ArrayLike, base_hits: ArrayLike, base_users: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Share of hits in the group minus that in the base, among users of the same stratum.

    returns:  Estimate of value, low, high (-1 to 1) and n = users of both sides; missing when no stratum has both
    source:   weights n1 n0 / N; variance of Sato 1989, consistent for few large and for many small strata

    >>> buyers, users = [10, 80], [100, 200]
    >>> base_buyers, base_users = [10, 30], [200, 100]
    >>> found = risk_difference(buyers, users, base_buyers, base_users)
    >>> print(f"{found.value:+.3f} [{found.low:+.3f}; {found.high:+.3f}]; pooled {90 / 300 - 40 / 300:+.3f}")
    +0.075 [+0.009; +0.141]; pooled +0.167
    """
    a, n1, c, n0 = _counts(hits, users, base_hits, base_users)
    total = _total(n1 + n0)
    weight = (n1 * n0 / total).sum(axis=-1)
    difference = _divided(((a * n0 - c * n1) / total).sum(axis=-1), weight)
    trend = ((n1**2 * c - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / total**2).sum(axis=-1)
    noise = ((a * (n0 - c) + c * (n1 - a)) / (2 * total)).sum(axis=-1)
    spread = _divided(np.sqrt(np.maximum(difference * trend + noise, 0.0)), weight)
    half = float(ndtri(0.5 + level / 2)) * spread
    n = (n1 + n0).sum(axis=-1).astype("int64")
    return _estimate(difference, np.clip(difference - half, -1, 1), np.clip(difference + half, -1, 1), n)


def risk_ratio(
    hits: ArrayLike, users: ArrayLike, base_hits: ArrayLike, base_users: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Share of hits in the group divided by that in the base, among users of the same stratum.

    returns:  Estimate of value, low, high (above 0) and n; missing when a side has no hits
    source:   Greenland & Robins 1985

    >>> found = risk_ratio([10, 80], [100, 200], [10, 30], [200, 100])
    >>> print(f"{found.value:.2f} times [{found.low:.2f}; {found.high:.2f}], {found.n} users")
    1.43 times [1.04; 1.96], 600 users
    """
    a, n1, c, n0 = _counts(hits, users, base_hits, base_users)
    total = _total(n1 + n0)
    top, bottom = (a * n0 / total).sum(axis=-1), (c * n1 / total).sum(axis=-1)
    noise = ((n1 * n0 * (a + c) - a * c * total) / total**2).sum(axis=-1)
    return _on_log_scale(top, bottom, _divided(noise, top * bottom), n1 + n0, level)


def odds_ratio(
    hits: ArrayLike, users: ArrayLike, base_hits: ArrayLike, base_users: ArrayLike, *, level: float = 0.95
) -> Estimate:
    """Common odds ratio of the group to the base over the strata.

    returns:  Estimate of value, low, high (above 0) and n; missing when a product of the table is empty
    source:   Mantel & Haenszel 1959; variance of Robins, Breslow & Greenland 1986

    >>> found = odds_ratio([10, 80], [100, 200], [10, 30], [200, 100])
    >>> print(f"{found.value:.2f} [{found.low:.2f}; {found.high:.2f}]")
    1.67 [1.06; 2.61]
    """
    a, n1, c, n0 = _counts(hits, users, base_hits, base_users)
    total, b, d = _total(n1 + n0), n1 - a, n0 - c
    r, s, p, q = a * d / total, b * c / total, (a + d) / total, (b + c) / total
    top, bottom = r.sum(axis=-1), s.sum(axis=-1)
    noise = _divided((p * r).sum(axis=-1), 2 * top**2) + _divided((q * s).sum(axis=-1), 2 * bottom**2)
    noise = noise + _divided((p * s + q * r).sum(axis=-1), 2 * top * bottom)
    return _on_log_scale(top, bottom, noise, n1 + n0, level)


def score(hits: ArrayLike, users: ArrayLike, base_hits: ArrayLike, base_users: ArrayLike) -> Score:
    """Whether the group has more hits than its strata predict; z is missing when no stratum can tell.

    source: Cochran 1954; Mantel & Haenszel 1959, without continuity correction (with it: |excess| - 0.5)

    >>> found = score([10, 80], [100, 200], [10, 30], [200, 100])
    >>> print(f"{found.excess:.1f} buyers more than expected, z = {found.z:.2f}")
    10.0 buyers more than expected, z = 2.25
    """
    a, n1, c, n0 = _counts(hits, users, base_hits, base_users)
    total, both = _total(n1 + n0), a + c
    excess = (a - n1 * both / total).sum(axis=-1)
    variance = n1 * n0 * both * (total - both) / (total**2 * np.maximum(total - 1, 1.0))
    spread = variance.sum(axis=-1)
    return Score(excess, spread, _divided(excess, np.sqrt(spread)))


def _counts(*columns: ArrayLike) -> tuple[np.ndarray, ...]:
    """The four counts; strata of one side only are emptied."""
    a, n1, c, n0 = np.broadcast_arrays(*(np.asarray(column, dtype=float) for column in columns))
    if (a < 0).any() or (c < 0).any() or (a > n1).any() or (c > n0).any():
        raise ValueError("Every stratum needs 0 <= hits <= users")
    both = (n1 > 0) & (n0 > 0)
    return tuple(np.where(both, column, 0.0) for column in (a, n1, c, n0))


def _total(users: np.ndarray) -> np.ndarray:
    """Users of the stratum; 1 where there are none, so that nothing divided by it stays nothing."""
    return np.where(users > 0, users, 1.0)


def _on_log_scale(top: np.ndarray, bottom: np.ndarray, variance: Any, users: np.ndarray, level: float) -> Estimate:
    ratio = _divided(np.where(top > 0, top, np.nan), bottom)
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0.0))
    n = users.sum(axis=-1).astype("int64")
    return _estimate(ratio, ratio * np.exp(-half), ratio * np.exp(half), n)


def _divided(top: Any, bottom: Any) -> np.ndarray:
    top, bottom = np.broadcast_arrays(np.asarray(top, dtype=float), np.asarray(bottom, dtype=float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def _estimate(*parts: Any) -> Estimate:
    value, low, high, n = parts
    if np.ndim(value) == 0:
        return Estimate(float(value), float(low), float(high), int(n))
    return Estimate(value, low, high, n)
