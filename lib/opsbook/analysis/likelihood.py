"""Maximum likelihood of models whose parameters are all positive: bounded Newton steps on their logarithms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri

LOWEST, HIGHEST = 1e-5, 1e7
STEPS, LONGEST = 40, 1.5  # a step may at most multiply a parameter by exp(LONGEST)
FLAT = 1e-6  # largest slope, per observation and unit of log parameter, that counts as a maximum
Slope = tuple[float, np.ndarray]


@dataclass(frozen=True, eq=False)
class Fit:
    """Where the search ended and how far it can be trusted.

    values: the parameters in the order of names. information: negative second derivatives of the log-likelihood by the
    log parameters. gradient_norm: largest slope left, per observation. at_bound: parameters that ran into a bound.
    """

    names: tuple[str, ...]
    values: np.ndarray
    log_likelihood: float
    information: np.ndarray
    gradient_norm: float
    at_bound: tuple[str, ...]
    n: int

    @property
    def converged(self) -> bool:
        """Whether this is an inner maximum that is curved in every direction.

        >>> done = Fit(("orders",), np.array([3.0]), 3.0, np.array([[30.0]]), gradient_norm=1e-9, at_bound=(), n=10)
        >>> stuck = Fit(("orders",), np.array([3.0]), 3.0, np.array([[30.0]]), 1e-9, at_bound=("orders",), n=10)
        >>> done.converged, stuck.converged
        (True, False)
        """
        return not self.at_bound and self.gradient_norm < FLAT and bool(np.isfinite(self.covariance).all())

    @cached_property
    def covariance(self) -> np.ndarray:
        """Covariance of the log parameters; missing where the likelihood is flat in some direction.

        >>> found = Fit(("orders",), np.array([3.0]), 3.0, np.array([[25.0]]), gradient_norm=1e-9, at_bound=(), n=10)
        >>> print(found.covariance)
        [[0.04]]
        """
        if not np.isfinite(self.information).all() or np.linalg.eigvalsh(self.information).min() <= 1e-9:
            return np.full_like(self.information, np.nan)
        return np.linalg.inv(self.information)

    def bounds(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of the parameters' intervals, symmetric on the log scale.

        >>> found = Fit(("orders",), np.array([3.0]), 3.0, np.array([[30.0]]), gradient_norm=1e-9, at_bound=(), n=10)
        >>> low, high = found.bounds()
        >>> print(low.round(2), high.round(2))
        [2.1] [4.29]
        """
        half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.diag(self.covariance))
        return self.values * np.exp(-half), self.values * np.exp(half)

    def variance_of(self, function: Callable[[np.ndarray], np.ndarray], step: float = 1e-4) -> np.ndarray:
        """Variance of a function of the parameters by the delta method, for each entry of its result.

        >>> found = Fit(("orders",), np.array([3.0]), 3.0, np.array([[30.0]]), gradient_norm=1e-9, at_bound=(), n=10)
        >>> print(found.variance_of(lambda values: 2 * values).round(3))
        [1.2]
        """
        logs = np.log(self.values)
        moves = step * np.eye(len(logs))
        sides = [(function(np.exp(logs + move)), function(np.exp(logs - move))) for move in moves]
        slopes = np.array([(up - down) / (2 * step) for up, down in sides])
        return np.einsum("i...,ij,j...->...", slopes, self.covariance, slopes)


def maximise(
    log_likelihood: Callable[[np.ndarray], Slope], *, names: Sequence[str], starts: Sequence[Sequence[float]], n: int
) -> Fit:
    """The top of the likelihood, climbed from the best start; from the others too where that ends at no inner maximum.

    log_likelihood: parameters -> (sum over observations, its derivatives by the parameters)
    n:              observations behind it; slopes are judged per observation

    >>> found = maximise(
    ...     lambda rate: (30 * np.log(rate[0]) - 10 * rate[0], 30 / rate - 10), names=["orders"], starts=[[1.0]], n=10
    ... )
    >>> print(f"30 orders of 10 users: {found.values[0]:.3f} each, converged: {found.converged}")
    30 orders of 10 users: 3.000 each, converged: True
    """

    def by_logs(logs: np.ndarray) -> Slope:
        values = np.exp(logs)
        total, slopes = log_likelihood(values)
        return total / max(n, 1), slopes * values / max(n, 1)

    begins = sorted((np.log(np.asarray(start, dtype=float)) for start in starts), key=lambda one: -by_logs(one)[0])
    ends: list[Fit] = []
    for begin in begins:
        ends.append(_at(by_logs, _climbed(by_logs, begin), tuple(names), n))
        if ends[-1].converged:
            return ends[-1]
    return max(ends, key=lambda end: end.log_likelihood)


def _at(objective: Callable[[np.ndarray], Slope], logs: np.ndarray, names: tuple[str, ...], n: int) -> Fit:
    total, slope = objective(logs)
    edges = np.log([LOWEST, HIGHEST])
    stuck = tuple(name for name, log in zip(names, logs, strict=True) if np.abs(log - edges).min() < 0.01)
    information = -n * _curvature(objective, logs)
    return Fit(names, np.exp(logs), total * n, information, float(np.abs(slope).max()), stuck, n)


def _climbed(objective: Callable[[np.ndarray], Slope], logs: np.ndarray) -> np.ndarray:
    """Newton steps, uphill also where the likelihood is not yet curved like a hilltop, halved until they climb."""
    total, slope = objective(logs)
    for _step in range(STEPS):
        bends, axes = np.linalg.eigh(_curvature(objective, logs))
        step = axes @ ((axes.T @ slope) / np.maximum(np.abs(bends), 1e-7))
        step *= min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-300))
        for _halving in range(30):
            higher = np.clip(logs + step, np.log(LOWEST), np.log(HIGHEST))
            found, steeper = objective(higher)
            if found >= total:
                break
            step = step / 2
        else:
            return logs
        done = float(np.abs(higher - logs).max()) < 1e-10
        logs, total, slope = higher, found, steeper
        if done:
            return logs
    return logs


def _curvature(objective: Callable[[np.ndarray], Slope], logs: np.ndarray, step: float = 1e-4) -> np.ndarray:
    moves = step * np.eye(len(logs))
    rows = np.array([(objective(logs + move)[1] - objective(logs - move)[1]) / (2 * step) for move in moves])
    return (rows + rows.T) / 2
