"""Clusters are reported when they are there, and not when k-means merely cut one cloud."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import clusters
from opsbook.analysis.clusters import adjusted_rand


def blobs(seed: int, sizes: tuple[int, ...] = (300, 200, 100)) -> tuple[pd.DataFrame, np.ndarray]:
    """Three kinds of users: few days and no orders, many days, many orders."""
    random, centres = np.random.default_rng(seed), [(1, 0.5, 0.5), (3.5, 1, 0.5), (2.5, 3, 3.5)]
    points = np.concatenate([random.normal(c, 0.3, (n, 3)) for c, n in zip(centres, sizes, strict=True)])
    table = pd.DataFrame(np.expm1(points.clip(0)), columns=["active_days", "orders", "n_reading"])
    return table, np.repeat(range(len(sizes)), sizes)


def cloud(seed: int) -> pd.DataFrame:
    """One elongated cloud: every behaviour rises with one hidden strength, as behaviour does."""
    random = np.random.default_rng(seed)
    strength = random.normal(size=(600, 1))
    return pd.DataFrame(np.exp(2 + 0.5 * strength + 0.4 * random.normal(size=(600, 4))), columns=list("abcd"))


@pytest.mark.parametrize("seed", [1, 2])
def test_three_planted_groups_are_found_with_their_sizes(seed):
    """Three blobs come back as three clusters of the planted sizes, stable and unlike one cloud."""
    found = clusters.find(blobs(seed)[0], seed=seed)
    assert found.k == 3
    assert found.agreement > 0.95
    sizes = found.table.drop_duplicates("cluster")["users"].tolist()
    assert sizes == pytest.approx([300, 200, 100], abs=6)
    top = found.table[found.table["cluster"] == 3].set_index("feature")["standardised"]
    assert top.idxmax() == "n_reading"
    assert top.max() > 3


def test_one_cloud_is_seldom_called_clusters():
    """k-means cuts an elongated cloud the same way every time; at most one in six such clouds is reported."""
    assert sum(clusters.find(cloud(seed), seed=seed).k > 0 for seed in range(6)) <= 1


def test_the_answer_does_not_depend_on_the_run():
    """The same sample and seed give the same table."""
    one, two = (clusters.find(blobs(4)[0], seed=9) for _run in range(2))
    pd.testing.assert_frame_equal(one.table, two.table)


def test_few_users_or_one_behaviour_give_no_clusters():
    """A hundred users and two behaviours are the least; an answer of none has its columns."""
    for users in (blobs(1)[0].iloc[:50], blobs(1)[0][["orders"]], blobs(1)[0].assign(orders=0, n_reading=0)):
        found = clusters.find(users, seed=1)
        assert found.k == 0
        assert list(found.table) == clusters.COLUMNS


def test_adjusted_rand_by_hand():
    """The example of Hubert and Arabie's index worked by hand: 1 for the same, 0.24242 for two against three groups."""
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2])
    assert adjusted_rand(one, one) == 1
    assert adjusted_rand(one, 1 - one) == 1
    assert adjusted_rand(one, other) == pytest.approx(0.242424242, abs=1e-9)


def user_days(users: int = 30) -> pd.DataFrame:
    rows = [(user, day) for user in range(users) for day in ("2026-10-01", "2026-10-30")]
    table = pd.DataFrame(rows, columns=["user", "day"])
    return table.assign(day=pd.to_datetime(table["day"]), orders=1, revenue=2.5, n_reading=3)


def test_the_sample_is_bounded_and_the_same_in_every_run(same):
    """One row per active user of the window, at most as many as asked for, whatever the order of rows."""
    asked = {"as_of": date(2026, 10, 30), "window_days": 7, "groups": ["reading"], "seed": 5}
    same(
        clusters.sample(user_days(2), **asked),
        """
        active_days | orders | revenue | reading
        1           | 1      | 2.5     | 3
        1           | 1      | 2.5     | 3
        """,
    )
    assert len(clusters.sample(user_days(), **asked, most=12)) == 12
    one, two = (clusters.sample(log, **asked, most=12) for log in (user_days(), user_days().iloc[::-1]))
    pd.testing.assert_frame_equal(one, two)
