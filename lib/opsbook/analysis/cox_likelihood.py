"""Efron's partial likelihood from counts: users by day with churn and by pattern of covariates, nothing else.

Weights per day with churn (for tests of proportional hazards) multiply each day's part of gradient and information.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

LONGEST_STEP = 10.0  # in log hazard of any row, so that no weight overflows on the way
ITERATIONS = 50


class Counts(NamedTuple):
    """Users by day with churn and by pattern of covariates, which is all that the likelihood needs.

    design: one row per pattern. net: users who stop being at risk on a day minus those who enter late on it, days x
    patterns, one day more than `tied`. leaving: churned users, days x patterns; tied: churned users per day of `days`.
    """

    design: np.ndarray
    net: csr_array
    leaving: csr_array
    tied: np.ndarray
    days: np.ndarray


class Point(NamedTuple):
    """The partial likelihood and its derivatives at one vector of coefficients."""

    log_likelihood: float
    gradient: np.ndarray
    information: np.ndarray


def count(rows: pd.DataFrame, pattern: np.ndarray, design: np.ndarray) -> Counts:
    """The rows of one stratum counted; pattern: the place in `design` of each row.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from opsbook import cox_likelihood
    >>> rows = pd.DataFrame({"entry_days": 0, "duration_days": [5, 5, 9], "churned": [3, 1, 2], "censored": [0, 4, 6]})
    >>> counted = cox_likelihood.count(rows, np.array([0, 1, 0]), np.array([[1.0], [0.0]]))
    >>> counted.days.tolist(), counted.tied.tolist()
    ([5.0, 9.0], [4, 2])
    """
    churned = rows["churned"].to_numpy(float)
    users = churned + rows["censored"].to_numpy(float)
    exit_days, entry = rows["duration_days"].to_numpy(float), rows["entry_days"].to_numpy(float)
    days = np.unique(exit_days[churned > 0])
    opens = np.searchsorted(days, np.where(entry <= 0, -np.inf, entry), side="right")
    closes = np.searchsorted(days, exit_days, side="right")
    late, last = opens > 0, np.maximum(closes - 1, 0)
    size = (len(days), len(design))
    net = _by_day(closes, pattern, users, size) - _by_day(opens[late], pattern[late], users[late], size)
    leaving = _by_day(last, pattern, churned, size)[: len(days)]
    size_of = np.bincount(pattern, weights=users, minlength=len(design))
    centre = np.average(design, axis=0, weights=size_of) if users.sum() else 0.0
    return Counts(design - centre, net, leaving, np.asarray(leaving.sum(axis=1)).ravel().astype("int64"), days)


def _by_day(day: np.ndarray, pattern: np.ndarray, users: np.ndarray, size: tuple[int, int]) -> csr_array:
    return csr_array((users, (day, pattern)), shape=(size[0] + 1, size[1]))


def efron(parts: Sequence[Counts], beta: np.ndarray, *, by_day: Sequence[np.ndarray] | None = None) -> Point:
    """Log-likelihood, gradient and information at beta, added up over the strata.

    by_day: per stratum a weight for each of its days, multiplying what the day adds to gradient and information

    >>> import numpy as np
    >>> import pandas as pd
    >>> from opsbook import cox_likelihood
    >>> rows = pd.DataFrame({"entry_days": 0, "duration_days": [5, 5, 9], "churned": [3, 1, 2], "censored": [0, 4, 6]})
    >>> counted = cox_likelihood.count(rows, np.array([0, 1, 0]), np.array([[1.0], [0.0]]))
    >>> point = cox_likelihood.efron([counted], np.zeros(1))
    >>> round(float(point.log_likelihood), 3), point.gradient.round(3).tolist()
    (-14.71, [0.278])
    """
    weights = by_day or [np.ones(len(data.days)) for data in parts]
    points = [_of_stratum(data, beta, weight) for data, weight in zip(parts, weights, strict=True)]
    nothing = [Point(0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta))))]
    return Point(*(sum(values[1:], values[0]) for values in zip(*(points or nothing), strict=True)))


def _of_stratum(data: Counts, beta: np.ndarray, by_day: np.ndarray) -> Point:
    """Efron's partial likelihood of one stratum."""
    if len(data.tied) == 0:
        return Point(0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta))))
    score = data.design @ beta
    weight = np.exp(score)
    sums = np.column_stack([np.ones(len(weight)), data.design]) * weight[:, None]
    risk = np.cumsum((data.net @ sums)[:0:-1], axis=0)[::-1]  # from the last day on, so that little cancels
    leaving = data.leaving @ sums
    left, f, starts = _left_at_ties(data.tied, risk[:, 0], leaving[:, 0])
    if not (left > 0).all():  # so far out that the sums at risk have lost their digits
        return Point(-np.inf, np.zeros(len(beta)), np.zeros((len(beta), len(beta))))
    moments = {name: values * by_day for name, values in _moments(left, f, starts).items()}
    churned = data.leaving.T @ by_day
    held = np.concatenate([[0.0], np.cumsum(moments["one"])])
    pull = weight * (data.net.T @ held - data.leaving.T @ moments["f"])
    spread = (data.design * pull[:, None]).T @ data.design
    information = spread - _outer(risk[:, 1:], leaving[:, 1:], moments)
    return Point(float(churned @ score - np.log(left).sum()), data.design.T @ (churned - pull), information)


def _left_at_ties(tied: np.ndarray, risk: np.ndarray, leaving: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R - f D and f = k/d for the k-th of d tied users of every day, and where each day starts."""
    starts = np.concatenate([[0], np.cumsum(tied)[:-1]])
    f = (np.arange(tied.sum()) - np.repeat(starts, tied)) / np.repeat(tied, tied)
    return np.repeat(risk, tied) - f * np.repeat(leaving, tied), f, starts


def _moments(left: np.ndarray, f: np.ndarray, starts: np.ndarray) -> dict[str, np.ndarray]:
    """Sums per day, over its tied users, of powers of f over powers of R - f D."""
    terms = {"one": 1 / left, "f": f / left, "q0": 1 / left**2, "q1": f / left**2, "q2": f**2 / left**2}
    return {name: np.add.reduceat(values, starts) for name, values in terms.items()}


def _outer(risk: np.ndarray, leaving: np.ndarray, moments: dict[str, np.ndarray]) -> np.ndarray:
    cross = (risk * moments["q1"][:, None]).T @ leaving
    own = (risk * moments["q0"][:, None]).T @ risk + (leaving * moments["q2"][:, None]).T @ leaving
    return own - cross - cross.T


def newton(parts: Sequence[Counts], start: Point) -> tuple[np.ndarray, Point, bool]:
    """Climb the concave likelihood from 0, halving a step that would lower it.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from opsbook import cox_likelihood
    >>> rows = pd.DataFrame({"entry_days": 0, "duration_days": [5, 5, 9], "churned": [3, 1, 2], "censored": [0, 4, 6]})
    >>> counted = cox_likelihood.count(rows, np.array([0, 1, 0]), np.array([[1.0], [0.0]]))
    >>> beta, _, converged = cox_likelihood.newton([counted], cox_likelihood.efron([counted], np.zeros(1)))
    >>> beta.round(3).tolist(), converged
    ([0.342], True)
    """
    beta, point = np.zeros(len(start.gradient)), start
    for _ in range(ITERATIONS):
        step = np.linalg.lstsq(point.information, point.gradient, rcond=None)[0]
        furthest = max((float(np.abs(data.design @ step).max(initial=0.0)) for data in parts), default=0.0)
        step = step / max(1.0, furthest / LONGEST_STEP)
        ahead = efron(parts, beta + step)
        while not ahead.log_likelihood >= point.log_likelihood - 1e-9 and np.abs(step).max() > 1e-12:
            step = step / 2
            ahead = efron(parts, beta + step)
        gain = ahead.log_likelihood - point.log_likelihood
        beta, point = beta + step, ahead
        if np.abs(step).max(initial=0.0) < 1e-8 or gain < 1e-13 * abs(point.log_likelihood):
            return beta, point, True
    return beta, point, False
