"""Gamma-Gamma: what one order of a customer is worth on average, when only a few orders were seen.

A customer's orders scatter around his own mean (gamma), and those means differ between customers (gamma again). The
mean of few orders is drawn towards everybody's mean. It assumes that value does not depend on how often one orders,
which `independence` looks at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln, ndtri

from opsbook.analysis.likelihood import Fit, Slope, maximise

NAMES = ("p", "q", "gamma")
METHOD = "Gamma-Gamma on repeat customers, exact likelihood on counts, delta method"


class Correlation(NamedTuple):
    """Correlation of the number of repeat orders and their mean value over customers, with its interval (Fisher)."""

    value: float
    low: float
    high: float
    n: int


def fit(values: pd.DataFrame) -> Fit:
    """The three parameters by maximum likelihood.

    values:  one row per frequency and mean value -- frequency (repeat orders, 1 or more), mean_value (of them, above
             zero), customers
    returns: Fit of p, q and gamma (in the currency)
    source:  Fader and Hardie 2013, "The Gamma-Gamma model of monetary value", formula 1a

    >>> values = pd.DataFrame({"frequency": [1, 1, 1, 2, 2, 2, 5, 5], "mean_value": [10, 40, 200, 15, 45, 120, 25, 90],
    ...                        "customers": [20, 30, 10, 10, 15, 5, 6, 4]})
    >>> found = fit(values)
    >>> print(found.converged, {name: round(float(value), 1) for name, value in zip(found.names, found.values)})
    True {'p': 3.3, 'q': 2.3, 'gamma': 21.9}
    """
    x, mean, n = _counted(values)
    if (mean <= 0).any() or (x < 1).any():
        raise ValueError(
            "Gamma-Gamma needs repeat customers (frequency >= 1) whose orders have a mean value above zero"
        )
    middle = float(n @ mean / n.sum()) if len(n) else 1.0
    starts = ((6.0, 4.0, middle / 2), (2.0, 3.0, middle), (1.0, 1.5, middle))
    distinct, place = np.unique(x, return_inverse=True)

    def log_likelihood(parameters: np.ndarray) -> Slope:
        return _log_likelihood(parameters, x, mean, n, distinct, place)

    return maximise(log_likelihood, names=NAMES, starts=starts, n=int(n.sum()))


def expected_value(frequency: np.ndarray, mean_value: np.ndarray, values: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Expected value of an order of customers with these repeat orders (currency); frequency 0 gives everybody's mean.

    Missing where the model has no finite mean (p times frequency + q not above 1).

    source: Fader and Hardie 2013, formula 5

    >>> once, often = expected_value(np.array([1, 20]), np.array([100.0, 100.0]), (6.0, 4.0, 20.0))
    >>> print(f"mean of all {6 * 20 / 3:.0f}; 100 in one order: {once:.1f}; 100 in each of 20: {often:.1f}")
    mean of all 40; 100 in one order: 80.0; 100 in each of 20: 98.5
    """
    p, q, gamma = values
    x, mean = np.asarray(frequency, dtype=float), np.asarray(mean_value, dtype=float)
    weight = p * x + q - 1
    return np.where(weight > 0, p * (gamma + x * mean) / np.where(weight > 0, weight, np.nan), np.nan)


def mean_order_value(values: np.ndarray | tuple[float, ...]) -> float:
    """Mean value of an order over all customers (currency); missing where q is not above 1.

    >>> mean_order_value((6.0, 4.0, 20.0)), mean_order_value((6.0, 0.9, 20.0))
    (40.0, nan)
    """
    return float(expected_value(np.array(0.0), np.array(0.0), values))


def independence(values: pd.DataFrame, *, level: float = 0.95) -> Correlation:
    """How number and mean value of repeat orders go together; ranks, so that one large customer cannot decide.

    values: as in `fit`

    >>> values = pd.DataFrame({"frequency": [1, 1, 2, 5], "mean_value": [20.0, 50.0, 30.0, 45.0],
    ...                        "customers": [50, 20, 30, 10]})
    >>> found = independence(values)
    >>> print(f"{found.value:.2f} [{found.low:.2f}; {found.high:.2f}], {found.n} customers")
    0.41 [0.23; 0.56], 110 customers
    """
    x, mean, n = _counted(values)
    total = int(n.sum()) if len(n) else 0
    if total < 4 or len(np.unique(x)) < 2 or len(np.unique(mean)) < 2:
        return Correlation(np.nan, np.nan, np.nan, total)
    first, second = _mid_ranks(x, n), _mid_ranks(mean, n)
    value = float(n @ (first * second) / np.sqrt((n @ first**2) * (n @ second**2)))
    half = float(ndtri(0.5 + level / 2)) * np.sqrt((1 + value**2 / 2) / (total - 3))
    turned = np.arctanh(np.clip(value, -0.999999, 0.999999))
    return Correlation(value, float(np.tanh(turned - half)), float(np.tanh(turned + half)), total)


def _counted(values: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = values["customers"].to_numpy(dtype=float) if "customers" in values else np.ones(len(values))
    return values["frequency"].to_numpy(dtype=float), values["mean_value"].to_numpy(dtype=float), n


def _log_likelihood(
    parameters: np.ndarray, x: np.ndarray, mean: np.ndarray, n: np.ndarray, distinct: np.ndarray, place: np.ndarray
) -> Slope:
    """Special functions only of the distinct frequencies: they stay few, however many customers."""
    p, q, gamma = parameters
    shape, both = p * distinct, p * distinct + q
    logs, total = np.log(mean), np.log(gamma + x * mean)
    same = gammaln(both) - gammaln(shape) - gammaln(q) + q * np.log(gamma) + shape * np.log(distinct)
    rows = same[place] + (p * x - 1) * logs - (p * x + q) * total
    by_p = x * ((digamma(both) - digamma(shape) + np.log(distinct))[place] + logs - total)
    by_q = (digamma(both) - digamma(q) + np.log(gamma))[place] - total
    by_gamma = q / gamma - (p * x + q) / (gamma + x * mean)
    return float(n @ rows), np.array([n @ one for one in (by_p, by_q, by_gamma)])


def _mid_ranks(values: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Centred ranks of counted values, the mean rank for ties."""
    distinct, place = np.unique(values, return_inverse=True)
    counts = np.bincount(place, weights=n, minlength=len(distinct))
    return np.asarray((np.cumsum(counts) - counts / 2 - counts.sum() / 2)[place])
