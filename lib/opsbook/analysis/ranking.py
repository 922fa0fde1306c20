"""How well a score puts those first who had the event: AUC with DeLong's interval, gain and lift, from counts.

Ties count half. Two scores of the same users are compared with the covariance between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from opsbook.analysis.logistic import normal_half

METHOD = "DeLong"


class Auc(NamedTuple):
    """Chance that a user with the event has the higher score than one without; n = users of both kinds."""

    value: float
    low: float
    high: float
    n: int


def auc(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> Auc:
    """AUC with its interval, on the logit scale, so that it stays inside 0-1; missing without both kinds of users.

    source: DeLong, DeLong, Clarke-Pearson 1988, exact from counts; interval of Pepe 2003

    >>> scores, users, left = np.array([3.0, 2.0, 1.0]), np.array([100, 100, 100]), np.array([60, 30, 10])
    >>> found = auc(scores, users, left)
    >>> print(f"{found.value:.2f} [{found.low:.2f}; {found.high:.2f}], {found.n} users")
    0.75 [0.69; 0.80], 300 users
    """
    value, variance = _one(scores, users, left)
    n = int(users.sum())
    if not np.isfinite(variance) or not 0 < value < 1:
        return Auc(value, np.nan, np.nan, n)
    centre, half = np.log(value / (1 - value)), normal_half(np.sqrt(variance) / (value * (1 - value)))
    low, high = (1 / (1 + np.exp(-(centre + side * half))) for side in (-1, 1))
    return Auc(value, float(low), float(high), n)


def difference(first: np.ndarray, second: np.ndarray, users: np.ndarray, left: np.ndarray) -> Auc:
    """AUC of the first score minus that of the second on the same users, with the paired interval.

    >>> users, left = np.array([100, 100, 100]), np.array([60, 30, 10])
    >>> found = difference(np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.0, 0.0]), users, left)
    >>> print(f"{found.value:+.2f} [{found.low:+.2f}; {found.high:+.2f}] against a score that knows nothing")
    +0.25 [+0.20; +0.30] against a score that knows nothing
    """
    (one, two), stayed = (_placements(score, users, left) for score in (first, second)), users - left
    value = one[0] - two[0]
    variance = sum(
        _variance(here - there, weight)
        for here, there, weight in ((one[1], two[1], left), (one[2], two[2], stayed))
    )  # fmt: skip
    half = normal_half(float(np.sqrt(variance))) if np.isfinite(variance) else np.nan
    return Auc(value, value - half, value + half, int(users.sum()))


def gains(scores: np.ndarray, users: np.ndarray, left: np.ndarray, *, shares: Sequence[float]) -> pd.DataFrame:
    """What the first so many users of a ranking hold: one row per share of users.

    returns: share_users (0-1), users, found (users with the event among them; ties give their mean), share_found (of
             all events), rate (found / users), lift (rate / overall rate)

    >>> scores, users, left = np.array([3.0, 2.0, 1.0]), np.array([100, 100, 100]), np.array([60, 30, 10])
    >>> print(gains(scores, users, left, shares=[0.1, 1 / 3, 1.0]).round(2).to_string(index=False))
     share_users  users  found  share_found  rate  lift
            0.10   30.0   18.0         0.18  0.60   1.8
            0.33  100.0   60.0         0.60  0.60   1.8
            1.00  300.0  100.0         1.00  0.33   1.0
    """
    order = np.lexsort((np.arange(len(scores)), -scores))
    frame = pd.DataFrame({"score": scores[order], "users": users[order], "left": left[order]})
    tied = frame.groupby("score", sort=False)[["users", "left"]].sum()
    reached = np.r_[0.0, tied["users"].cumsum()]
    found = np.r_[0.0, tied["left"].cumsum()]
    wanted = np.asarray(shares, dtype=float)
    at = np.interp(wanted * reached[-1], reached, found)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, whole = at / (wanted * reached[-1]), found[-1] / reached[-1]
        columns = [wanted, wanted * reached[-1], at, at / found[-1], rate, rate / whole]
    return pd.DataFrame(
        dict(zip(["share_users", "users", "found", "share_found", "rate", "lift"], columns, strict=True))
    )


def _one(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> tuple[float, float]:
    value, of_left, of_stayed = _placements(scores, users, left)
    return value, _variance(of_left, left) + _variance(of_stayed, users - left)


def _placements(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """AUC, and per row the share of the other kind that a user of this row beats."""
    stayed = users - left
    _values, place = np.unique(scores, return_inverse=True)
    kinds = [np.bincount(place, weights=kind) for kind in (left, stayed)]
    totals = [kind.sum() for kind in kinds]
    with np.errstate(divide="ignore", invalid="ignore"):
        below = [(np.cumsum(kind) - kind / 2) / total for kind, total in zip(kinds, totals, strict=True)]
        beats_stayed, beaten_by_left = below[1][place], 1 - below[0][place]
        value = float((beats_stayed * left).sum() / totals[0])
    return value, beats_stayed, beaten_by_left


def _variance(values: np.ndarray, weight: np.ndarray) -> float:
    """Variance of a mean of weighted rows, each row counting as `weight` users."""
    n = float(weight.sum())
    if n < 2:
        return float("nan")
    mean = float((values * weight).sum()) / n
    return float((weight * (values - mean) ** 2).sum()) / (n - 1) / n
