"""Several comparisons at once: Holm for claims (no false claim), Benjamini-Hochberg for screens (few false leads)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np


def holm(p_values: Iterable[float]) -> np.ndarray:
    """Adjusted p-values in the given order; a claim holds at 5 % when its adjusted p is at most .05.

    A missing p-value (a comparison that could not be made) stays missing and is not counted.
    source: Holm 1979, "A simple sequentially rejective multiple test procedure".

    >>> print(holm([0.01, 0.04, float("nan"), 0.03]).round(2))
    [0.03 0.06  nan 0.06]
    """
    return _adjusted(p_values, _step_down)


def benjamini_hochberg(p_values: Iterable[float]) -> np.ndarray:
    """Adjusted p-values in the given order; those at most q form a list with a false share of at most q.

    A missing p-value stays missing and is not counted.
    source: Benjamini & Hochberg 1995, "Controlling the false discovery rate".

    >>> print(benjamini_hochberg([0.01, 0.04, float("nan"), 0.03]).round(2))
    [0.03 0.04  nan 0.04]
    """
    return _adjusted(p_values, _step_up)


def compared(p_values: Iterable[float]) -> int:
    """How many comparisons were made; printed beside every adjusted p-value.

    >>> compared([0.01, 0.04, float("nan"), 0.03])
    3
    """
    return int(np.isfinite(_as_array(p_values)).sum())


def _as_array(p_values: Iterable[float]) -> np.ndarray:
    return np.asarray(list(p_values), dtype=float)


def _adjusted(p_values: Iterable[float], adjust: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    given = _as_array(p_values)
    result = np.full(len(given), np.nan)
    made = np.flatnonzero(np.isfinite(given))
    order = made[np.argsort(given[made], kind="stable")]
    if len(order):
        result[order] = np.minimum(adjust(given[order]), 1.0)
    return result


def _step_down(ascending: np.ndarray) -> np.ndarray:
    return np.maximum.accumulate(ascending * np.arange(len(ascending), 0, -1))


def _step_up(ascending: np.ndarray) -> np.ndarray:
    scaled = ascending * len(ascending) / np.arange(1, len(ascending) + 1)
    return np.minimum.accumulate(scaled[::-1])[::-1]
