"""Logistic regression from counted patterns of levels, with a mild ridge; errors also clustered by parts of users.

Every factor has one weight per level and no reference level: the ridge makes the weights unique, draws rare levels to
the average, and gives a level that was never seen the weight 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, logit, ndtri, stdtrit

RIDGE = 1.0  # a weight is thought to lie within about ±2 before the data speak
STEPS = 60
TIGHT = 1e-9


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Weights by (factor, level), in the order of `names`; information is that of the penalised likelihood."""

    intercept: float
    names: tuple[tuple[str, object], ...]
    weights: np.ndarray
    information: np.ndarray
    n: int
    events: int

    def weight(self, factor: str) -> dict[object, float]:
        """Level -> weight of one factor.

        >>> patterns = pd.DataFrame({"channel": ["ads", "search"], "users": [100, 100], "left": [60, 20]})
        >>> {level: round(weight, 2) for level, weight in fit(patterns, factors=["channel"]).weight("channel").items()}
        {'ads': 0.85, 'search': -0.85}
        """
        return {level: float(w) for (name, level), w in zip(self.names, self.weights, strict=True) if name == factor}

    def scores(self, patterns: pd.DataFrame) -> np.ndarray:
        """Log odds of every pattern; a level that was never seen adds nothing.

        >>> patterns = pd.DataFrame({"channel": ["ads", "search"], "users": [100, 100], "left": [60, 20]})
        >>> new = pd.DataFrame({"channel": ["ads", "search", "never seen"]})
        >>> print(expit(fit(patterns, factors=["channel"]).scores(new)).round(2))
        [0.59 0.21 0.38]
        """
        total = np.full(len(patterns), self.intercept)
        for factor in dict.fromkeys(name for name, _level in self.names):
            total += patterns[factor].map(self.weight(factor)).fillna(0.0).to_numpy(dtype=float)
        return total


def fit(patterns: pd.DataFrame, *, factors: Sequence[str], ridge: float = RIDGE) -> LogisticFit:
    """The weights that make the counted outcomes most likely, less ridge / 2 times the sum of their squares.

    patterns: one row per combination of levels -- the factors, users, left (users with the event)
    source:   Newton's method on the binomial likelihood; ridge of le Cessie & van Houwelingen 1992

    >>> patterns = pd.DataFrame({"channel": ["ads", "search"], "users": [100, 100], "left": [60, 20]})
    >>> found = fit(patterns, factors=["channel"])
    >>> print(found.n, found.events, expit(found.scores(patterns)).round(2))
    200 80 [0.59 0.21]
    """
    design, names = _design(patterns, factors)
    n, events = patterns["users"].to_numpy(float), patterns["left"].to_numpy(float)
    penalty = np.r_[0.0, np.full(len(names), ridge)]
    beta = np.zeros(len(penalty))
    beta[0] = logit((events.sum() + 0.5) / (n.sum() + 1))
    for _step in range(STEPS):
        slope, bend = _derivatives(design, n, events, beta, penalty)
        step = cho_solve(cho_factor(bend), slope)
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < TIGHT:
            break
    information = _derivatives(design, n, events, beta, penalty)[1]
    return LogisticFit(float(beta[0]), tuple(names), beta[1:], information, int(n.sum()), int(events.sum()))


def recalibration(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Intercept and slope of a logistic regression of the outcome on a score, and their covariance.

    A perfect score has intercept 0 and slope 1. source: Cox 1958; missing where outcome or score never varies

    >>> users, left = np.array([1000, 1000]), np.array([300, 600])
    >>> bold = logit(np.array([0.2, 0.8]))
    >>> beta, covariance = recalibration(bold, users, left)
    >>> print(f"intercept {beta[0]:.2f}, slope {beta[1]:.2f} +- {covariance[1, 1] ** 0.5:.2f}: too sure of itself")
    intercept -0.22, slope 0.45 +- 0.03: too sure of itself
    """
    nothing = np.full(2, np.nan), np.full((2, 2), np.nan)
    known = users > 0
    if not known.any() or not 0 < left.sum() < users.sum() or np.ptp(scores[known]) < TIGHT:
        return nothing
    design = np.column_stack([np.ones(len(scores)), scores])
    beta = np.array([0.0, 1.0])
    for _step in range(STEPS):
        slope, bend = _derivatives(design, users.astype(float), left.astype(float), beta, np.zeros(2))
        step = np.linalg.solve(bend, slope)
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < TIGHT:
            return beta, np.linalg.inv(bend)
        if np.abs(beta).max() > 50:
            break
    return nothing


def in_the_large(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> tuple[float, float]:
    """The intercept that a score with slope 1 needs, and its standard error (calibration in the large).

    >>> shift, error = in_the_large(logit(np.array([0.2, 0.4])), np.array([1000, 1000]), np.array([300, 500]))
    >>> print(f"log odds {shift:+.2f} +- {error:.2f}: more left than the score said")
    log odds +0.47 +- 0.05: more left than the score said
    """
    shift = 0.0
    for _step in range(STEPS):
        p = expit(scores + shift)
        weight = float((users * p * (1 - p)).sum())
        if weight <= 0 or not 0 < left.sum() < users.sum():
            return float("nan"), float("nan")
        step = float((left - users * p).sum()) / weight
        shift += float(np.clip(step, -2, 2))
        if abs(step) < TIGHT:
            break
    return shift, weight**-0.5


def clustered(fitted: LogisticFit, residuals: pd.DataFrame) -> np.ndarray:
    """Covariance of the weights when rows of the same user are not independent.

    residuals: one row per part of the users -- sums of (outcome - probability): `all`, then one column per weight in
               the order of the fit. Parts hold whole users, so that sums of different parts are independent.
    source:    sandwich of Liang & Zeger 1986 with parts as clusters; what the ridge draws to the average is no error

    >>> patterns = pd.DataFrame({"channel": ["ads", "search"], "users": [100, 100], "left": [60, 20]})
    >>> residuals = pd.DataFrame({"all": [3.0, -2.0, 1.0, -2.0], "ads": [2.0, -2.0, 1.0, -1.0],
    ...                           "search": [1.0, 0.0, 0.0, -1.0]})
    >>> covariance = clustered(fit(patterns, factors=["channel"]), residuals)
    >>> print(np.sqrt(np.diag(covariance)).round(3))
    [0.053 0.053]
    """
    sums = residuals.to_numpy(dtype=float)
    parts, gaps = len(sums), sums - sums.mean(axis=0)
    bread = np.linalg.inv(fitted.information)
    return np.asarray((bread @ (gaps.T @ gaps * parts / max(parts - 1, 1)) @ bread)[1:, 1:])


def student_half(error: np.ndarray, *, parts: int, level: float = 0.95) -> np.ndarray:
    """Half the length of an interval whose error was estimated from so many parts.

    >>> print([round(float(student_half(np.array(0.1), parts=parts)), 3) for parts in (5, 20, 1000)])
    [0.278, 0.209, 0.196]
    """
    return float(stdtrit(max(parts - 1, 1), 0.5 + level / 2)) * error


def normal_half(error: float, *, level: float = 0.95) -> float:
    """Half the length of a normal interval.

    >>> print(round(normal_half(0.1), 3))
    0.196
    """
    return float(ndtri(0.5 + level / 2)) * error


def levels(patterns: pd.DataFrame, factors: Sequence[str]) -> Mapping[str, list[object]]:
    """The levels of every factor that varies, sorted.

    >>> patterns = pd.DataFrame({"channel": ["search", "ads"], "country": "CN", "users": [100, 100], "left": [60, 20]})
    >>> levels(patterns, ["channel", "country"])
    {'channel': ['ads', 'search']}
    """
    found = {factor: sorted(patterns[factor].unique()) for factor in factors}
    return {factor: values for factor, values in found.items() if len(values) > 1}


def _design(patterns: pd.DataFrame, factors: Sequence[str]) -> tuple[sparse.csr_matrix, list[tuple[str, object]]]:
    names: list[tuple[str, object]] = []
    blocks = [sparse.csr_matrix(np.ones((len(patterns), 1)))]
    for factor, values in levels(patterns, factors).items():
        place = patterns[factor].map({value: at for at, value in enumerate(values)}).to_numpy()
        ones = np.ones(len(patterns))
        blocks.append(sparse.csr_matrix((ones, (np.arange(len(patterns)), place)), (len(patterns), len(values))))
        names += [(factor, value) for value in values]
    return sparse.hstack(blocks, format="csr"), names


def _derivatives(
    design: sparse.csr_matrix | np.ndarray, n: np.ndarray, events: np.ndarray, beta: np.ndarray, penalty: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slope and negative curvature of the penalised log-likelihood."""
    p = expit(design @ beta)
    slope = design.T @ (events - n * p) - penalty * beta
    weighted = n * p * (1 - p)
    bend = design.T @ (sparse.diags(weighted) @ design if sparse.issparse(design) else weighted[:, None] * design)
    bend = bend.toarray() if sparse.issparse(bend) else bend
    return slope, bend + np.diag(penalty)
