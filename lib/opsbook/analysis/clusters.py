"""Groups in behaviour that nobody named: k-means on a bounded sample, kept only when stable and more than one cloud.

k-means cuts any cloud in pieces. Two questions decide whether the pieces mean something: does another sample of users
give the same ones (bootstrap agreement), and are they tighter than those of a single cloud of the same shape?
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd
from scipy.cluster.vq import kmeans2, vq

from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MOST, SAMPLED, LEAST = 5, 1000, 100
STABLE, TIE, LEVEL = 0.85, 0.02, 0.05
REPEATS, CLOUDS, STARTS = 8, 19, 4
COLUMNS = ["cluster", "users", "sampled_users", "share", "share_low", "share_high", "feature", "standardised", "mean"]


class Clusters(NamedTuple):
    """What was found: k clusters (0 = none that hold), how stable, how unlike one cloud, and their table."""

    k: int
    agreement: float
    p: float
    sampled_users: int
    table: pd.DataFrame


def search(
    user_days: Tabular, *, wanted: bool, as_of: date, window_days: int, groups: Sequence[str], seed: int
) -> Clusters:
    """The clusters of the window's active users; when the company wants none, nothing is drawn (sampled_users 0).

    >>> from opsbook import clusters, tiny
    >>> asked = {"as_of": tiny.AS_OF, "window_days": 28, "groups": ["reading"]}
    >>> found = clusters.search(tiny.user_days, wanted=True, **asked, seed=1)
    >>> found.sampled_users, found.k  # too few users for clusters that hold
    (40, 0)
    """
    if not wanted:
        return Clusters(0, np.nan, np.nan, 0, pd.DataFrame(columns=COLUMNS))
    return find(sample(user_days, as_of=as_of, window_days=window_days, groups=groups, seed=seed), seed=seed)


def sample(
    user_days: Tabular, *, as_of: date, window_days: int, groups: Sequence[str], seed: int, most: int = SAMPLED
) -> pd.DataFrame:
    """What at most `most` of the window's active users did, drawn by a hash of their key: the same users in every run.

    user_days: one row per user and active day -- user, day, orders, revenue, n_<group>
    returns:   one row per user drawn, without the user -- active_days, orders, revenue, and events of each group

    >>> from opsbook import clusters, tiny
    >>> asked = {"as_of": tiny.AS_OF, "window_days": 28, "groups": ["reading"]}
    >>> drawn = clusters.sample(tiny.user_days, **asked, seed=1)
    >>> print(drawn.describe().loc[["count", "mean", "max"]].round(1).to_string())
           active_days  orders  revenue  reading
    count         40.0    40.0     40.0     40.0
    mean          10.0     1.5     52.2      6.8
    max           28.0     4.0    200.0     19.0
    """
    table = engine_table(user_days)
    day = table.day.cast("date")
    recent = table.filter((day <= ibis.date(as_of)) & (day > ibis.date(as_of - timedelta(days=window_days))))
    drawn = recent.select("user").distinct().mutate(drawn=(_.user.cast("string") + f":{seed}").hash())
    chosen = drawn.order_by(["drawn", "user"]).limit(most)
    did = {name: _[f"n_{name}"].sum().cast("int64") for name in groups}
    money = _.revenue.cast("decimal(18, 4)").sum().cast("float64")
    counted = recent.semi_join(chosen, "user").group_by("user")
    users = counted.agg(active_days=_.count(), orders=_.orders.sum().cast("int64"), revenue=money, **did)
    return users.order_by("user").drop("user").to_pandas()


def find(users: pd.DataFrame, *, seed: int) -> Clusters:
    """The clusters of the users' log features, or none.

    users:   one row per user, numeric columns of 0 or more; a column that never varies is left out
    returns: Clusters; table has one row per cluster (largest first) and feature -- COLUMNS: the cluster's number, its
             users, share (Wilson), and how far its mean lies from everybody else's in standard deviations
    source:  stability by bootstrap: Ben-Hur, Elisseeff, Guyon 2002, Hubert & Arabie 1985; one cloud as the null: Liu,
             Hayes, Nobel, Marron 2008 (cluster index against a normal of the same covariance)

    >>> import numpy as np
    >>> import pandas as pd
    >>> from opsbook import clusters
    >>> spread = np.arange(200) * 0.618 % 1
    >>> users = pd.DataFrame({"active_days": 2 + 4 * spread, "orders": spread * 7 % 1})
    >>> users.loc[150:] += [20, 6]  # fifty who come and buy much more
    >>> found = clusters.find(users, seed=1)
    >>> print(found.table.iloc[:, :3].to_string(index=False))
     cluster  users  sampled_users
           1    150            200
           1    150            200
           2     50            200
           2     50            200
    """
    varied = users.loc[:, users.nunique() > 1]
    if varied.shape[1] < 2 or len(varied) < LEAST:
        return Clusters(0, np.nan, np.nan, len(users), pd.DataFrame(columns=COLUMNS))
    logged = np.log1p(varied.to_numpy(dtype=float))
    points = (logged - logged.mean(axis=0)) / logged.std(axis=0)
    random = np.random.default_rng(seed)
    agreements = {k: _agreement(points, k, random) for k in range(2, MOST + 1)}
    best = max(agreements.values())
    k = max(k for k, agreement in agreements.items() if agreement >= best - TIE)
    p = _one_cloud_p(points, k, random) if best >= STABLE else np.nan
    if not p <= LEVEL:
        return Clusters(0, best, p, len(users), pd.DataFrame(columns=COLUMNS))
    _centres, labels = _fit(points, k, random)
    return Clusters(k, agreements[k], p, len(users), _described(points, varied, labels))


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """Agreement of two partitions of the same users: 1 the same, 0 as by chance.

    source: Hubert & Arabie 1985

    >>> import numpy as np
    >>> from opsbook import clusters
    >>> one, renamed, other = np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]), np.array([0, 1, 0, 1])
    >>> [round(float(clusters.adjusted_rand(one, partition)), 2) for partition in (renamed, other)]
    [1.0, -0.5]
    """
    table = np.bincount(one * (other.max() + 1) + other, minlength=(one.max() + 1) * (other.max() + 1))
    table = table.reshape(one.max() + 1, -1)
    both, rows, columns = (_pairs(part).sum() for part in (table, table.sum(axis=1), table.sum(axis=0)))
    expected = rows * columns / _pairs(np.array([len(one)])).sum()
    largest = (rows + columns) / 2
    return 1.0 if largest == expected else float((both - expected) / (largest - expected))


def _pairs(counts: np.ndarray) -> np.ndarray:
    return counts * (counts - 1) / 2


def _fit(
    points: np.ndarray, k: int, random: np.random.Generator, starts: int = STARTS
) -> tuple[np.ndarray, np.ndarray]:
    """Centres and labels of the best of several starts."""
    fits = [kmeans2(points, k, minit="++", iter=15, rng=random) for _start in range(starts)]
    return min(fits, key=lambda fit: _within(points, *fit))


def _within(points: np.ndarray, centres: np.ndarray, labels: np.ndarray) -> float:
    return float(((points - centres[labels]) ** 2).sum())


def _agreement(points: np.ndarray, k: int, random: np.random.Generator) -> float:
    """Mean agreement over all users of two clusterings, each made from another bootstrap sample."""
    values = []
    for _repeat in range(REPEATS):
        pair = [points[random.integers(0, len(points), len(points))] for _side in range(2)]
        labels = [vq(points, _fit(drawn, k, random, starts=2)[0])[0] for drawn in pair]
        values.append(adjusted_rand(labels[0], labels[1]))
    return float(np.mean(values))


def _one_cloud_p(points: np.ndarray, k: int, random: np.random.Generator) -> float:
    """Share of clouds without clusters, of the same covariance, that k-means cuts at least as tightly."""
    covariance = np.cov(points, rowvar=False)
    tight = _within(points, *_fit(points, k, random)) / ((points - points.mean(axis=0)) ** 2).sum()
    at_least = 0
    for _cloud in range(CLOUDS):
        cloud = random.multivariate_normal(np.zeros(points.shape[1]), covariance, len(points), method="cholesky")
        index = _within(cloud, *_fit(cloud, k, random, starts=2)) / ((cloud - cloud.mean(axis=0)) ** 2).sum()
        at_least += index <= tight
    return (1 + at_least) / (1 + CLOUDS)


def _described(points: np.ndarray, users: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    sizes = np.bincount(labels)
    rows = []
    for place, cluster in enumerate(np.argsort(-sizes, kind="stable"), start=1):
        inside = labels == cluster
        own, others = points[inside], points[~inside]
        spread = np.sqrt((own.var(axis=0) + others.var(axis=0)) / 2)
        apart = (own.mean(axis=0) - others.mean(axis=0)) / np.where(spread > 0, spread, np.nan)
        means = users[inside].mean()
        rows += [
            (place, int(sizes[cluster]), len(labels), name, float(d), float(means[name]))
            for name, d in zip(users, apart, strict=True)
        ]
    table = pd.DataFrame(rows, columns=["cluster", "users", "sampled_users", "feature", "standardised", "mean"])
    return add_share(table, of="users", out_of="sampled_users").round({"standardised": 9})[COLUMNS]
