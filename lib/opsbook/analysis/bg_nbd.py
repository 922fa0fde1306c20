"""BG/NBD: how often customers without a contract will order again, and whether they are still customers at all.

While alive a customer orders at a rate of his own (gamma over customers) and may leave for good after any order, with a
chance of his own (beta over customers). All that matters of a history is how many repeat orders it has, when the last
one came and how long it was watched, so identical histories are counted and the likelihood is exact on counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import eigh_tridiagonal
from scipy.special import betaln, digamma, gammaln, ndtri

from opsbook.analysis.likelihood import Fit, Slope, maximise

_OfOne = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
NAMES = ("r", "alpha", "a", "b")
UNIT_DAYS = 7.0
STARTS = ((0.3, 5.0, 0.8, 2.5), (1.0, 10.0, 1.0, 5.0), (0.1, 1.0, 0.3, 1.0))
REACHES = (
    0.0,
    1.0,
    4.0,
    12.0,
    30.0,
    np.inf,
)  # horizon / (alpha + time watched): the further, the more nodes are needed
MOST_NODES = 600
METHOD = "BG/NBD, exact likelihood on counted patterns, delta method"


class Expected(NamedTuple):
    """Future orders added up over customers, an array of classes x horizons, with the two ways they may be wrong.

    unsure: variance because the parameters are estimated. chance: variance because customers are customers.
    """

    value: np.ndarray
    unsure: np.ndarray
    chance: np.ndarray

    def ends(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Interval of the expectation."""
        return _ends(self.value, self.unsure, level)

    def seen_ends(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Interval of the number that will be seen."""
        return _ends(self.value, self.unsure + self.chance, level)


class _Histories(NamedTuple):
    """The patterns as arrays, times in units of UNIT_DAYS; `place` finds each row among the distinct frequencies."""

    x: np.ndarray
    last: np.ndarray
    age: np.ndarray
    n: np.ndarray
    distinct: np.ndarray
    place: np.ndarray


def fit(patterns: pd.DataFrame, *, unit_days: float = UNIT_DAYS) -> Fit:
    """The four parameters by maximum likelihood.

    patterns: one row per history -- frequency (repeat orders), recency_days (first to last order), age_days (first
              order to the end of observation), customers
    returns:  Fit of r and alpha (order rate, alpha in units of unit_days), a and b (chance to leave after an order)
    source:   Fader, Hardie, Lee 2005, "Counting your customers" the easy way, formula 6

    >>> from opsbook import bg_nbd, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> fitted = bg_nbd.fit(patterns)
    >>> [round(float(value), 1) for value in fitted.values], fitted.converged
    ([1.8, 4.9, 0.2, 1.6], True)
    """
    histories = _histories(patterns, unit_days)
    return maximise(
        lambda values: _log_likelihood(values, histories), names=NAMES, starts=STARTS, n=int(histories.n.sum())
    )


def share_alive(
    patterns: pd.DataFrame, values: np.ndarray | tuple[float, ...], *, unit_days: float = UNIT_DAYS
) -> np.ndarray:
    """Probability that a customer of each history is still one at its end (0-1), in the order of the rows.

    values: r, alpha, a, b
    source: Fader, Hardie, Lee 2008, "Computing P(alive) using the BG/NBD model"

    >>> import pandas as pd
    >>> from opsbook import bg_nbd
    >>> histories = pd.DataFrame({"frequency": [0, 3, 3], "recency_days": [0, 20, 80], "age_days": [84, 84, 84]})
    >>> shown = histories.assign(alive=bg_nbd.share_alive(histories, (0.8, 3.0, 0.7, 2.5)))
    >>> print(shown.round(2).to_string(index=False))
     frequency  recency_days  age_days  alive
             0             0        84   1.00
             3            20        84   0.15
             3            80        84   0.85
    """
    return _alive(np.asarray(values, dtype=float), _histories(patterns, unit_days))


def expected_orders(
    patterns: pd.DataFrame,
    values: np.ndarray | tuple[float, ...],
    *,
    days: float,
    unit_days: float = UNIT_DAYS,
) -> np.ndarray:
    """Orders that one customer of each history is expected to place in the next days, in the order of the rows.

    >>> import pandas as pd
    >>> from opsbook import bg_nbd
    >>> histories = pd.DataFrame({"frequency": [0, 3, 3], "recency_days": [0, 20, 80], "age_days": [84, 84, 84]})
    >>> orders = bg_nbd.expected_orders(histories, (0.8, 3.0, 0.7, 2.5), days=28)
    >>> print(histories.assign(orders=orders).round(2).to_string(index=False))
     frequency  recency_days  age_days  orders
             0             0        84    0.20
             3            20        84    0.14
             3            80        84    0.80
    """
    histories = _histories(patterns, unit_days)
    parameters = np.asarray(values, dtype=float)
    return (
        _alive(parameters, histories) * _while_alive(parameters, histories, np.array([days / unit_days]), _mean)[:, 0]
    )


def expected_total(
    patterns: pd.DataFrame,
    fitted: Fit,
    *,
    days: float | np.ndarray,
    classes: np.ndarray | None = None,
    unit_days: float = UNIT_DAYS,
) -> Expected:
    """Orders that the customers together are expected to place in the next days: a row per class, a column per horizon.

    classes: number 0, 1, … of each row's class; default: all customers are one. The variance of the parameters comes
    from the observed information by the delta method; customers are independent of each other.

    >>> from opsbook import bg_nbd, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> foretold = bg_nbd.expected_total(patterns, bg_nbd.fit(patterns), days=28)
    >>> low, high = foretold.ends()
    >>> f"{foretold.value.item():.0f} orders, between {low.item():.0f} and {high.item():.0f}"
    '53 orders, between 43 and 63'
    """
    histories, horizons = _histories(patterns, unit_days), np.atleast_1d(np.asarray(days, dtype=float)) / unit_days
    places = np.zeros(len(patterns), dtype=int) if classes is None else np.asarray(classes)
    members = np.eye(places.max(initial=0) + 1)[places].T * histories.n

    def total(values: np.ndarray) -> np.ndarray:
        alive = _alive(values, histories)
        return np.asarray((members * alive) @ _while_alive(values, histories, horizons, _mean))

    chance = members @ _chance(fitted.values, histories, horizons)
    return Expected(total(fitted.values), fitted.variance_of(total), chance)


def new_customer_orders(values: np.ndarray | tuple[float, ...], *, days: float, unit_days: float = UNIT_DAYS) -> float:
    """Repeat orders that a customer is expected to place in the days after the very first order.

    >>> from opsbook import bg_nbd
    >>> [round(float(bg_nbd.new_customer_orders((0.8, 3.0, 0.7, 2.5), days=days)), 2) for days in (28, 56, 365)]
    [0.87, 1.53, 5.33]
    """
    newborn = pd.DataFrame({"frequency": [0], "recency_days": [0], "age_days": [0], "customers": [1]})
    return float(expected_orders(newborn, values, days=days, unit_days=unit_days)[0])


def _histories(patterns: pd.DataFrame, unit_days: float) -> _Histories:
    columns = ("frequency", "recency_days", "age_days")
    x, last, age = (patterns[name].to_numpy(dtype=float) for name in columns)
    n = patterns["customers"].to_numpy(dtype=float) if "customers" in patterns else np.ones(len(x))
    if ((x < 0) | (last < 0) | (last > age + 1e-9) | ((x == 0) & (last > 0))).any():
        raise ValueError("A history needs 0 <= recency_days <= age_days, and recency_days = 0 without a repeat order")
    distinct, place = np.unique(x, return_inverse=True)
    return _Histories(x, last / unit_days, age / unit_days, n, distinct, place)


def _log_likelihood(values: np.ndarray, h: _Histories) -> Slope:
    r, alpha, a, b = values
    often, leaver = h.x > 0, h.x[h.x > 0]
    stayed, left = np.log(alpha + h.age), np.log(alpha + h.last)
    odds = np.full(len(h.x), -np.inf)
    odds[often] = np.log(a) - np.log(b + leaver - 1) + (r + leaver) * (stayed - left)[often]
    gone = 1 / (1 + np.exp(-np.clip(odds, -700, 700))) * often
    same = gammaln(r + h.distinct) - gammaln(r) + betaln(a, b + h.distinct) - betaln(a, b)
    rows = same[h.place] + r * np.log(alpha) - (r + h.x) * stayed + np.logaddexp(0, odds)
    rate = digamma(r + h.distinct) - digamma(r)
    leave = digamma(a + b) - digamma(a + b + h.distinct)
    stay = leave + digamma(b + h.distinct) - digamma(b)
    by_r = rate[h.place] + np.log(alpha) - (1 - gone) * stayed - gone * left
    by_alpha = r / alpha - (r + h.x) * ((1 - gone) / (alpha + h.age) + gone / (alpha + h.last))
    by_a, by_b = leave[h.place] + gone / a, stay[h.place].copy()
    by_b[often] -= gone[often] / (b + leaver - 1)
    return float(h.n @ rows), np.array([h.n @ one for one in (by_r, by_alpha, by_a, by_b)])


def _alive(values: np.ndarray, h: _Histories) -> np.ndarray:
    """Without a repeat order nobody can have left: the model lets customers go only after a repeat order."""
    r, alpha, a, b = values
    odds = np.log(a) - np.log(b + np.maximum(h.x, 1) - 1) + (r + h.x) * np.log((alpha + h.age) / (alpha + h.last))
    return np.where(h.x > 0, 1 / (1 + np.exp(np.clip(odds, -700, 700))), 1.0)


def _while_alive(values: np.ndarray, h: _Histories, horizons: np.ndarray, of_one: _OfOne) -> np.ndarray:
    """Mean (or mean square) of the orders of customers who are alive now, one row per history, a column per horizon.

    Given alive, the rate is gamma(r + x, alpha + T) and the chance to leave beta(a, b + x); for one rate and chance p
    the mean is (1 - exp(-rate t p)) / p. Averaging over p by Gauss-Jacobi quadrature has only positive terms; the
    closed form with 2F1 subtracts nearly equal numbers where a is near 1 or t is long.
    """
    r, alpha, a, b = values
    pairs, place = np.unique(h.x + 1j * h.age, return_inverse=True)
    reach = horizons[None, :] / (alpha + pairs.imag)[:, None]
    found, widest = np.zeros(reach.shape), reach.max(axis=1, initial=0.0)
    for low, high in itertools.pairwise(REACHES):
        rows = (widest > low) & (widest <= high)
        if rows.any():
            distinct, row = np.unique(pairs.real[rows], return_inverse=True)
            nodes = min(8 * int(2 + 0.75 * np.sqrt(widest[rows].max())), MOST_NODES)
            leave, weights = _leaving(float(a), float(b), tuple(distinct), nodes)
            shape, p, weight = (r + pairs.real[rows])[:, None], leave[row], weights[row]
            columns = [(weight * of_one(shape, one[:, None], p)).sum(axis=1) for one in reach[rows].T]
            found[rows] = np.stack(columns, axis=1)
    return np.asarray(found[place.ravel()])


def _mean(shape: np.ndarray, reach: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Mean of min(orders without leaving, order after which one leaves) for a known chance p."""
    return np.asarray(-np.expm1(-shape * np.log1p(reach * p)) / p)


def _mean_square(shape: np.ndarray, reach: np.ndarray, p: np.ndarray) -> np.ndarray:
    step = reach * p
    few, none = shape * step, np.exp(-shape * np.log1p(step))
    begins = few * (few + step) / 2 * (1 - 2 * (few + 2 * step) / 3)  # where the next line would cancel
    bend = np.where(few + step < 3e-4, begins, 1 - none - few * none / (1 + step))
    return _mean(shape, reach, p) + 2 * (1 - p) * bend / p**2


@lru_cache(maxsize=32)
def _leaving(a: float, b: float, frequencies: tuple[float, ...], nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights that average over beta(a, b + x), one row per x (Golub and Welsch 1969, Jacobi on 0-1).

    Kept for a while: the delta method asks again for the same a and b.
    """
    k, beta, alpha = np.arange(nodes)[:, None], a - 1, b + np.array(frequencies) - 1
    total = 2 * k + alpha + beta
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = (beta**2 - alpha**2) / (total * (total + 2))
        beside = 4 * k * (k + alpha) * (k + beta) * (k + alpha + beta) / (total**2 * (total + 1) * (total - 1))
    middle[0] = (beta - alpha) / (alpha + beta + 2)
    beside[1] = 4 * (1 + alpha) * (1 + beta) / ((2 + alpha + beta) ** 2 * (3 + alpha + beta))
    found = [eigh_tridiagonal(diagonal, off) for diagonal, off in zip(middle.T, np.sqrt(beside[1:]).T, strict=True)]
    at, vectors = (np.stack([one[part] for one in found]) for part in (0, 1))
    return np.clip((1 + at) / 2, 1e-300, 1.0), vectors[:, 0, :] ** 2


def _chance(values: np.ndarray, h: _Histories, horizons: np.ndarray) -> np.ndarray:
    """Variance of the orders of one customer of each history when the parameters are known."""
    alive = _alive(values, h)[:, None]
    mean, square = (_while_alive(values, h, horizons, of_one) for of_one in (_mean, _mean_square))
    return np.asarray(alive * square - (alive * mean) ** 2)


def _ends(value: np.ndarray, variance: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.maximum(variance, 0))
    return np.maximum(value - half, 0), value + half
