"""The best of many comparisons, judged by the best that chance alone brings when the outcome is dealt out anew."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

METHOD = "permutation within strata, largest score"
AT_ONCE = 64


def permuted_scores(
    done: np.ndarray, outcome: np.ndarray, strata: np.ndarray, *, permutations: int, seed: int
) -> np.ndarray:
    """Normal scores of every comparison when the outcome is shuffled among the users of each stratum.

    done:     users x comparisons (bool): who belongs to the group of the comparison
    outcome:  one bool per user; strata: one label per user
    returns:  permutations x comparisons: Cochran-Mantel-Haenszel scores; 0 where a comparison cannot be made
    method:   a score is linear in the outcomes of the group, and the strata's totals do not change

    >>> done = np.array([[True], [True], [False], [False]])
    >>> bought = np.array([True, True, False, False])
    >>> same = np.array(["new", "new", "new", "new"])
    >>> found = permuted_scores(done, bought, same, permutations=1000, seed=1)
    >>> print(found.shape, sorted({float(score) for score in found.ravel().round(2)}))
    (1000, 1) [-1.73, 0.0, 1.73]
    """
    order = np.argsort(strata, kind="stable")
    group = done[order].astype(np.float32)
    blocks = _blocks(strata[order])
    expected, variance = _moments(group, outcome[order].astype(float), blocks)
    hits = np.concatenate([part @ group for part in _shuffled(outcome[order], blocks, permutations, seed)])
    spread = np.sqrt(variance)
    return np.divide(hits - expected, spread, out=np.zeros(hits.shape), where=spread > 0)


def family_p(observed: np.ndarray, permuted: np.ndarray) -> np.ndarray:
    """Share of shuffles whose best score reaches the observed one: the chance of any such find where nothing is.

    source: Westfall & Young 1993, single step; the data themselves count as one shuffle

    >>> best_by_chance = np.array([[0.4, 1.9], [2.3, -1.0], [0.2, 0.1], [1.0, 1.2]])
    >>> print(family_p(np.array([2.0, 0.5, 3.0]), best_by_chance))
    [0.4 0.8 0.2]
    """
    best = np.sort(permuted.max(axis=1)) if permuted.shape[1] else np.zeros(len(permuted))
    reached = len(best) - np.searchsorted(best, np.asarray(observed) - 1e-9, side="left")
    return np.asarray((1 + reached) / (1 + len(best)))


def _blocks(strata: np.ndarray) -> list[slice]:
    """The slices of equal labels in a sorted array."""
    edges = [0, *(np.flatnonzero(strata[1:] != strata[:-1]) + 1).tolist(), len(strata)]
    return [slice(low, high) for low, high in pairwise(edges) if high > low]


def _moments(group: np.ndarray, outcome: np.ndarray, blocks: list[slice]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the group's hits when the outcome is shuffled (hypergeometric, added over strata)."""
    expected, variance = np.zeros(group.shape[1]), np.zeros(group.shape[1])
    for block in blocks:
        total, hits = block.stop - block.start, outcome[block].sum()
        users = group[block].sum(axis=0, dtype=float)
        expected += users * hits / total
        variance += users * (total - users) * hits * (total - hits) / (total**2 * max(total - 1, 1))
    return expected, variance


def _shuffled(outcome: np.ndarray, blocks: list[slice], permutations: int, seed: int) -> Iterator[np.ndarray]:
    """Shuffles x users, a few at a time so that memory stays small.

    The users of a stratum who draw its smallest random numbers get its hits: faster than moving outcomes around.
    """
    rng = np.random.default_rng(seed)
    hits = [int(outcome[block].sum()) for block in blocks]
    for first in range(0, permutations, AT_ONCE):
        dealt = np.zeros((min(AT_ONCE, permutations - first), len(outcome)), dtype=np.float32)
        for block, count in zip(blocks, hits, strict=True):
            if count:
                drawn = rng.random((len(dealt), block.stop - block.start))
                dealt[:, block] = drawn <= np.partition(drawn, count - 1, axis=1)[:, count - 1 : count]
        yield dealt
