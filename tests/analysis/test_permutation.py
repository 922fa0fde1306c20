"""Shuffling within strata gives the search its chance: exact moments, and false finds at the stated rate."""

from itertools import permutations

import numpy as np
import pytest

from opsbook.analysis import mantel_haenszel, permutation


def observed(done: np.ndarray, outcome: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Scores of the comparisons as they are, counted per stratum."""
    names = np.unique(strata)
    inside = (strata[:, None] == names).astype(float)
    users, hits = done.T.astype(float) @ inside, (done & outcome[:, None]).T.astype(float) @ inside
    total, stayed = inside.sum(axis=0), outcome @ inside
    return mantel_haenszel.score(hits, users, stayed - hits, total - users).z


def test_shuffled_scores_are_those_of_shuffled_data():
    """Three users of one stratum have six orders; every shuffled score is that of one of them."""
    done, outcome = np.array([[True], [False], [False]]), np.array([True, False, False])
    strata = np.zeros(3, dtype=int)
    possible = {round(float(observed(done, np.array(order), strata)[0]), 5) for order in permutations(outcome.tolist())}
    found = permutation.permuted_scores(done, outcome, strata, permutations=200, seed=1)
    assert set(np.round(found[:, 0], 5)) == possible
    assert (found > 0).mean() == pytest.approx(1 / 3, abs=0.1)


def test_scores_have_mean_zero_and_spread_one_and_strata_keep_their_totals():
    """Over many shuffles each score is standard; a comparison that is all of a stratum has no spread and is zero."""
    rng = np.random.default_rng(2)
    strata = rng.integers(0, 4, 500)
    done = np.column_stack([rng.random(500) < 0.3, strata == 2])
    found = permutation.permuted_scores(done, rng.random(500) < 0.2 + 0.15 * strata, strata, permutations=2000, seed=3)
    assert found[:, 0].mean() == pytest.approx(0, abs=0.08)
    assert found[:, 0].std() == pytest.approx(1, abs=0.06)
    assert (found[:, 1] == 0).all()


def test_same_seed_same_shuffles_and_labels_do_not_matter():
    """Equal seeds deal equally, whatever the strata are called."""
    rng = np.random.default_rng(2)
    strata, done, outcome = rng.integers(0, 3, 90), rng.random((90, 5)) < 0.4, rng.random(90) < 0.5
    one = permutation.permuted_scores(done, outcome, strata, permutations=99, seed=3)
    other = permutation.permuted_scores(done, outcome, np.array(["a", "b", "c"])[strata], permutations=99, seed=3)
    np.testing.assert_array_equal(one, other)


def test_family_p_counts_the_data_as_one_shuffle():
    """A score no shuffle reaches has p = 1 / (1 + shuffles); one that the best of all reaches always has p = 1."""
    permuted = np.array([[1.0, 2.0], [0.5, 0.1], [0.2, 3.0]])
    assert permutation.family_p(np.array([4.0, 2.0, 0.3]), permuted).tolist() == [0.25, 0.75, 1.0]


def test_false_finds_are_as_rare_as_stated_where_nothing_is_to_find():
    """Activity drives behaviour and outcome; among 400 companies the best of 20 behaviours passes in about 5 %."""
    rng, found = np.random.default_rng(20260101), []
    for run in range(400):
        busy = rng.integers(0, 3, 300)
        done = rng.random((300, 20)) < 0.15 + 0.25 * busy[:, None]
        outcome = rng.random(300) < 0.2 + 0.25 * busy
        permuted = permutation.permuted_scores(done, outcome, busy, permutations=99, seed=run)
        found.append(permutation.family_p(observed(done, outcome, busy), permuted).min() <= 0.05)
    assert 0.05 - 3 * np.sqrt(0.05 * 0.95 / 400) <= np.mean(found) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
