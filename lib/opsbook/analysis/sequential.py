"""Looking at an experiment before its end without false alarms: group-sequential boundaries and always-valid intervals.

Peeking five times at 1.96 finds an effect in 14 % of campaigns that have none. Looks planned beforehand are judged by
boundaries that spend the error over the looks; unplanned ones by an interval that holds at every moment at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

METHOD_BOUNDARY = "group-sequential boundary, error spent over the looks"
METHOD_ALWAYS_VALID = "always-valid interval (normal mixture)"
NODES, WEIGHTS = np.polynomial.legendre.leggauss(160)
FAR = 12.0  # standard errors: beyond it lies no probability that a double can hold
SPENDING: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    # each side spends half of the error, as in the published tables
    "obrien_fleming": lambda t, alpha: 4 * ndtr(-ndtri(1 - alpha / 4) / np.sqrt(t)),
    "pocock": lambda t, alpha: alpha * np.log1p((np.e - 1) * t),
}
SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "obrien_fleming": lambda t: 1 / np.sqrt(t),
    "pocock": lambda t: np.ones_like(t),
}


class AlwaysValid(NamedTuple):
    """A difference with an interval that covers the truth at all looks together, however many and whenever."""

    value: float
    low: float
    high: float
    ratio: float
    p: float


def boundaries(*, kind: str, looks: int, alpha: float = 0.05) -> pd.DataFrame:
    """How large |z| must be at each of `looks` equally spaced looks, decided before the start (two-sided).

    returns: one row per look -- look (1..), fraction (of the planned information, 0-1), z, spent (error up to here)
    raises:  KeyError for a kind that is not in SHAPES
    source:  O'Brien & Fleming 1979, Pocock 1977; Armitage, McPherson, Rowe 1969 by Gauss-Legendre quadrature

    >>> from opsbook import sequential
    >>> print(sequential.boundaries(kind="obrien_fleming", looks=4).round(3).to_string(index=False))
     look  fraction     z  spent
        1      0.25 4.049  0.000
        2      0.50 2.863  0.004
        3      0.75 2.337  0.021
        4      1.00 2.024  0.050
    """
    fraction = np.arange(1, looks + 1) / looks
    shape = SHAPES[kind](fraction)
    constant = brentq(lambda c: crossing(c * shape, fraction)[-1] - alpha, 0.5, 8.0, xtol=1e-12)
    return _table(constant * shape, fraction)


def spent_boundaries(fractions: Sequence[float], *, kind: str, alpha: float = 0.05) -> pd.DataFrame:
    """How large |z| must be at looks that fell where they fell: the error is spent by the information so far.

    fractions: information at each look as a share of the planned one, ascending, at most 1
    returns:   as `boundaries`
    raises:    KeyError for a kind that is not in SPENDING; ValueError for fractions that do not rise within 0-1
    source:    Lan & DeMets 1983

    >>> from opsbook import sequential
    >>> print(sequential.spent_boundaries([0.3, 1.0], kind="obrien_fleming").round(3).to_string(index=False))
     look  fraction     z  spent
        1       0.3 3.929   0.00
        2       1.0 1.960   0.05
    """
    fraction = np.asarray(fractions, dtype=float)
    if not (np.all(np.diff(fraction) > 0) and np.all((fraction > 0) & (fraction <= 1))):
        raise ValueError(f"looks must come in order, at a share of the information above 0 and up to 1: {fractions}")
    spending = SPENDING[kind](fraction, alpha)
    z: list[float] = []
    for look, spent in enumerate(spending):
        z.append(_next_boundary(z, fraction[: look + 1], float(spent)))
    return _table(np.array(z), fraction)


def crossing(z: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Chance that a campaign without effect has crossed |z| at or before each look -- one number per look.

    z: boundaries; fractions: information at the looks, ascending

    >>> import numpy as np
    >>> from opsbook import sequential
    >>> twice = sequential.crossing(np.array([1.96, 1.96]), np.array([0.5, 1.0]))
    >>> print(twice.round(3).tolist(), "two looks at 1.96 are wrong in 8 of 100")
    [0.05, 0.083] two looks at 1.96 are wrong in 8 of 100
    """
    z, fractions = np.minimum(np.asarray(z, dtype=float), FAR), np.asarray(fractions, dtype=float)
    inside = []
    points, density = np.zeros(1), np.ones(1)
    for bound, step, here in zip(z, np.diff(fractions, prepend=0.0), fractions, strict=True):
        edge = bound * np.sqrt(here)
        following = edge * NODES
        kernel = np.exp(-((following[:, None] - points[None, :]) ** 2) / (2 * step)) / np.sqrt(2 * np.pi * step)
        points, density = following, (kernel @ density) * edge * WEIGHTS
        inside.append(density.sum())
    return 1 - np.array(inside)


def always_valid(difference: float, *, variance: float, n: int, tau2: float, level: float = 0.95) -> AlwaysValid:
    """A difference of means whose interval may be read at any moment, as often as anybody likes.

    variance: sum of the arms' variances per user; n: users per arm; tau2: variance of the effects that are expected,
              in squared units of the metric; the interval is narrowest for effects near its root
    returns:  value, low, high, ratio (mixture likelihood ratio), p (1 / ratio, at most 1)
    source:   Johari, Pekelis, Walsh 2017, eq. 8; Robbins 1970. An interval at one look is wider than the usual one.

    >>> from opsbook import sequential
    >>> found = sequential.always_valid(1.0, variance=200.0, n=2000, tau2=1.0)
    >>> print(f"{found.value:.1f} ({found.low:.2f} to {found.high:.2f}), p = {found.p:.3f}")
    1.0 (0.04 to 1.96), p = 0.035
    """
    if n <= 0 or variance <= 0:
        return AlwaysValid(float(difference), *[float("nan")] * 4)
    whole = variance + n * tau2
    ratio = float(np.sqrt(variance / whole) * np.exp(n**2 * tau2 * difference**2 / (2 * variance * whole)))
    half = float(np.sqrt(variance * whole / (n**2 * tau2) * (np.log(whole / variance) - 2 * np.log(1 - level))))
    return AlwaysValid(float(difference), difference - half, difference + half, ratio, min(1.0, 1 / ratio))


def _next_boundary(z: list[float], fractions: np.ndarray, spent: float) -> float:
    def too_much(bound: float) -> float:
        return float(crossing(np.array([*z, bound]), fractions)[-1] - spent)

    return FAR if too_much(FAR) >= 0 else float(brentq(too_much, 0.1, FAR, xtol=1e-10))


def _table(z: np.ndarray, fraction: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {"look": np.arange(1, len(z) + 1), "fraction": fraction, "z": z, "spent": crossing(z, fraction)}
    )
