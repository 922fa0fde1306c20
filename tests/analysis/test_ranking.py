"""AUC with DeLong's interval, from counts: against pairs counted one by one and a simulated truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from opsbook.analysis import ranking


def pairs(scores, left):
    """AUC and DeLong variance by the definition, over every pair."""
    gone, stayed = scores[left == 1], scores[left == 0]
    beats = (gone[:, None] > stayed[None, :]) + 0.5 * (gone[:, None] == stayed[None, :])
    return beats


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 1)), min_size=4, max_size=40))
def test_auc_and_difference_are_those_of_all_pairs(rows):
    """Values and variances equal the sums over every pair of a leaver and a stayer, ties counting half."""
    one, two, left = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    if min(left.sum(), (1 - left).sum()) < 2:
        return
    beats, other = pairs(one, left), pairs(two, left)
    found = ranking.auc(one, np.ones(len(left)), left)
    assert found.value == pytest.approx(beats.mean())
    apart = ranking.difference(one, two, np.ones(len(left)), left)
    gap = beats - other
    variance = gap.mean(axis=1).var(ddof=1) / len(gap) + gap.mean(axis=0).var(ddof=1) / gap.shape[1]
    assert apart.value == pytest.approx(gap.mean())
    assert apart.high - apart.value == pytest.approx(1.959964 * np.sqrt(variance), abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6), st.integers(0, 6)), min_size=2, max_size=8))
def test_counting_changes_nothing(rows):
    """Rows with counts give what the users one by one give."""
    scores, users, left = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    left = np.minimum(left, users)
    each = np.repeat(scores, users.astype(int))
    gone = np.concatenate([np.r_[np.ones(int(k)), np.zeros(int(n - k))] for n, k in zip(users, left, strict=True)])
    if not 0 < gone.sum() < len(gone):
        return
    assert ranking.auc(scores, users, left) == pytest.approx(ranking.auc(each, np.ones(len(each)), gone), nan_ok=True)


def test_auc_is_the_mann_whitney_statistic_of_scipy():
    """U / (n m), with ties."""
    random = np.random.default_rng(5)
    scores, left = random.integers(0, 9, 200).astype(float), random.integers(0, 2, 200).astype(float)
    u = stats.mannwhitneyu(scores[left == 1], scores[left == 0]).statistic
    expected = u / left.sum() / (200 - left.sum())
    assert ranking.auc(scores, np.ones(200), left).value == pytest.approx(expected)


def test_interval_covers_the_truth_at_its_level():
    """Normal scores a known distance apart: about 95 % of intervals hold the true AUC."""
    random, hits = np.random.default_rng(17), 0
    truth = stats.norm.cdf(1 / np.sqrt(2))
    left = np.r_[np.ones(60), np.zeros(200)]
    for _draw in range(800):
        scores = random.normal(size=260) + left
        found = ranking.auc(scores, np.ones(260), left)
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / 800 <= 0.97


def test_paired_difference_of_equally_good_scores_covers_zero_at_its_level():
    """Two noisy readings of the same thing differ by nothing: about 95 % of intervals hold 0."""
    random, hits = np.random.default_rng(23), 0
    left = np.r_[np.ones(60), np.zeros(200)]
    for _draw in range(800):
        core = random.normal(size=260) + left
        one, two = (core + random.normal(size=260) for _reading in range(2))
        found = ranking.difference(one, two, np.ones(260), left)
        hits += found.low <= 0 <= found.high
    assert 0.93 <= hits / 800 <= 0.97


def test_gains_by_hand(same):
    """Ten users, four leavers; the tie of two in the middle is shared out."""
    scores = np.array([4.0, 3, 2, 1])
    table = ranking.gains(scores, np.array([2.0, 2, 4, 2]), np.array([2.0, 1, 1, 0]), shares=[0.2, 0.3, 1.0])
    same(
        table,
        """
        share_users | users | found | share_found | rate | lift
        0.2         | 2     | 2     | 0.5         | 1    | 2.5
        0.3         | 3     | 2.5   | 0.625       | 0.8333333333333 | 2.0833333333333
        1           | 10    | 4     | 1           | 0.4  | 1
        """,
    )


def test_without_leavers_there_is_no_auc():
    """Nobody left: missing, not 0.5."""
    assert np.isnan(ranking.auc(np.array([1.0, 2.0]), np.ones(2), np.zeros(2)).low)
