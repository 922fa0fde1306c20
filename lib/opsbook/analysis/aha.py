"""Which early behaviour goes with staying: every event, count and window tried, and chance given the same tries.

Half of the newcomers are searched, the other half judges what was found. A behaviour within some days is compared among
users who were seen after these days (else leaving early would look like doing little), of the same channel and equally
active on the first day. Nothing here says that the behaviour makes anybody stay.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import mantel_haenszel, permutation
from opsbook.analysis.early import ACTIVE_DAYS, KEYS, Early, level_names
from opsbook.analysis.proportion import add_share, newcombe, wilson

BEYOND_CHANCE = 0.05
KINDS = {"event": 0, "group": 1, ACTIVE_DAYS: 2}
COLUMNS = [
    "kind", "item", "window_days", "at_least", "reach", "reach_low", "reach_high", "done_users", "done_share",
    "other_users", "other_share", "difference", "difference_low", "difference_high", "adjusted", "adjusted_low",
    "adjusted_high", "adjusted_ratio", "naive", "train_adjusted", "train_z", "p_search", "is_best", "is_close",
]  # fmt: skip


def population(early: Early) -> pd.DataFrame:
    """Who could be compared, and how many of them stayed.

    returns: one row per window, and 0 for all newcomers -- seen_after_days, users (seen on that day of life or later),
             train_users (searched), test_users (judging), retained, share, share_low, share_high (Wilson)

    >>> from opsbook import aha, early, tiny
    >>> from opsbook.inputs.aha import AhaSettings
    >>> tables, settings = (tiny.steps, tiny.user_days, tiny.users), AhaSettings(windows=(3, 7), min_users=2)
    >>> newcomers = early.early_behaviour(*tables, settings=settings, groups={}, end=tiny.AS_OF, **tiny.COVERED, seed=1)
    >>> print(aha.population(newcomers).round(2).to_string(index=False))
     seen_after_days  users  train_users  test_users  retained  share  share_low  share_high
                   0     32           17          15        21   0.66       0.48        0.80
                   3     32           17          15        21   0.66       0.48        0.80
                   7     29           15          14        21   0.72       0.54        0.85
    """
    days = [0, *early.settings.windows]
    rows = [early.everyone[early.everyone["seen"] >= place] for place in range(len(days))]
    train = [int(part.loc[part["is_train"].astype(bool), "users"].sum()) for part in rows]
    table = pd.DataFrame({"seen_after_days": days, "users": [int(part["users"].sum()) for part in rows]})
    table = table.assign(train_users=train, test_users=table["users"] - train)
    table["retained"] = [int(part["retained"].sum()) for part in rows]
    return add_share(table, of="retained", out_of="users")


def search(early: Early, *, seed: int) -> pd.DataFrame:
    """Every behaviour tried; the one that stood out most among the users searched comes first.

    returns: one row per behaviour with enough users on either side -- kind (event, group, active_days), item,
             window_days, at_least; reach (share of all newcomers who did it, 0-1) with _low, _high (Wilson); in the
             half that judges, of users seen after the window: done_users, done_share, other_users, other_share (stayed,
             0-1), difference (0-1) with _low, _high (Newcombe), adjusted (the same within channel and first-day
             activity) with _low, _high and adjusted_ratio (Mantel-Haenszel); naive (difference among all newcomers,
             gone or not); in the half searched train_adjusted, train_z (Cochran-Mantel-Haenszel); p_search (chance
             that the best of all behaviours tried reaches this score where none matters); is_best; is_close (beyond
             chance too, and the half searched does not tell it from the best)
    source:  largest score of Westfall & Young 1993; outcomes are shuffled window by window, which can only raise p

    >>> from opsbook import aha, early, tiny
    >>> from opsbook.inputs.aha import AhaSettings
    >>> tables, settings = (tiny.steps, tiny.user_days, tiny.users), AhaSettings(windows=(3, 7), min_users=2)
    >>> newcomers = early.early_behaviour(*tables, settings=settings, groups={}, end=tiny.AS_OF, **tiny.COVERED, seed=1)
    >>> tried = aha.search(newcomers, seed=1)
    >>> shown = tried[["item", "window_days", "at_least", "reach", "difference", "p_search"]].head(3)
    >>> print(shown.round(2).to_string(index=False))
           item  window_days  at_least  reach  difference  p_search
    add_to_cart            3         1   0.41       -0.14       1.0
           read            3         1   0.72       -0.48       1.0
    add_to_cart            7         1   0.56        0.04       1.0
    """
    if early.patterns.empty:
        return pd.DataFrame(columns=COLUMNS)
    cells, done = _cells(early)
    if cells.empty:
        return cells.reindex(columns=COLUMNS)
    permuted = _shuffled(early, cells, done, seed)
    cells["p_search"] = permutation.family_p(cells["train_z"].to_numpy(), permuted)
    place = _order(cells)
    cells, permuted = cells.iloc[place].reset_index(drop=True), permuted[:, place]
    apart = float(ndtri(0.975)) * (permuted[:, :1] - permuted).std(axis=0)
    cells["is_best"] = cells.index == 0
    near = cells["train_z"].iloc[0] - cells["train_z"] <= apart + 1e-9
    cells["is_close"] = near & (cells["p_search"] <= BEYOND_CHANCE) & ~cells["is_best"]
    return cells[COLUMNS]


def users_per_arm(base_share: float, difference: float, *, level: float = 0.95, power: float = 0.8) -> int | None:
    """Users in each arm of an experiment that sees `difference` over `base_share` with this power; None if none can.

    source: two-sided normal test of two shares, Fleiss, Levin & Paik 2003, section 4.2, without continuity correction

    >>> from opsbook import aha
    >>> aha.users_per_arm(0.30, 0.05), aha.users_per_arm(0.30, 0.01)
    (1377, 33275)
    """
    other = base_share + difference
    if not (0 <= base_share <= 1 and 0 <= other <= 1) or difference == 0:
        return None
    middle = (base_share + other) / 2
    null = ndtri(0.5 + level / 2) * np.sqrt(2 * middle * (1 - middle))
    real = ndtri(power) * np.sqrt(base_share * (1 - base_share) + other * (1 - other))
    return ceil(((null + real) / difference) ** 2)


def _cells(early: Early) -> tuple[pd.DataFrame, np.ndarray]:
    """The behaviours with enough users on either side: their figures, and drawn users x behaviours."""
    settings = early.settings
    items = early.patterns[KEYS].drop_duplicates().reset_index(drop=True)
    sizes = [pd.Index(sorted(values)) for values in (items.index, range(len(settings.windows)), settings.counts)]
    grid = pd.MultiIndex.from_product(sizes, names=["place", "window", "at_least"]).to_frame(index=False)
    done = [_done(early, items, name) for name in ("retained", "users")]
    whole = [_sums(early, early.everyone, name) for name in ("retained", "users")]
    window = grid["window"].to_numpy()
    judged = [_seen_after(counts, window) for counts in (*done, *whole)]
    fair = _fair(judged[1].sum(axis=-1), judged[3].sum(axis=-1), settings.min_users)
    table = items.loc[grid["place"]].reset_index(drop=True).assign(at_least=grid["at_least"])
    table.insert(2, "window_days", np.asarray(settings.windows)[window])
    figures = _figures(*(counts[fair] for counts in judged))
    naive = _naive(*(counts[fair].sum(axis=(1, 2, 3)) for counts in done), *(counts.sum() for counts in whole))
    return table[fair].reset_index(drop=True).join(figures).join(naive), _matrix(early, items)[:, fair]


def _done(early: Early, items: pd.DataFrame, name: str) -> np.ndarray:
    """Users (or retained ones) who did at least so much -- behaviour (item x window x count), seen, train, stratum."""
    settings, rows = early.settings, early.patterns
    place = pd.MultiIndex.from_frame(items).get_indexer(pd.MultiIndex.from_frame(rows[KEYS]))
    levels = [
        _sums(early, rows, name, (place, len(items)), (rows[level].to_numpy(dtype=int), len(settings.counts) + 1))
        for level in level_names(settings)
    ]
    reached = np.stack(levels, axis=1)
    at_least = np.flip(np.flip(reached, axis=2).cumsum(axis=2), axis=2)[:, :, 1:]
    return at_least.reshape(-1, *at_least.shape[3:])


def _sums(early: Early, rows: pd.DataFrame, name: str, *keys: tuple[np.ndarray, int]) -> np.ndarray:
    """The column added up -- keys (place, size), then seen x train x stratum."""
    strata = pd.Index(early.everyone["stratum"].unique())
    sides = [(rows["seen"].to_numpy(dtype=int), len(early.settings.windows) + 1)]
    sides += [(rows["is_train"].to_numpy(dtype=int), 2), (strata.get_indexer(pd.Index(rows["stratum"])), len(strata))]
    places, sizes = zip(*keys, *sides, strict=True)
    counts = np.zeros(sizes)
    np.add.at(counts, places, rows[name].to_numpy())
    return counts


def _seen_after(counts: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Each behaviour's counts among the users seen after its window -- behaviour x train x stratum."""
    after = np.flip(np.flip(counts, axis=-3).cumsum(axis=-3), axis=-3)
    return after[window + 1] if counts.ndim == 3 else after[np.arange(len(window)), window + 1]


def _fair(done: np.ndarray, total: np.ndarray, min_users: int) -> np.ndarray:
    """Whether both sides of a behaviour have enough users in both halves; the outcome has no say in it."""
    return (np.minimum(done, total - done) >= min_users).all(axis=1)


def _figures(retained: np.ndarray, users: np.ndarray, stayed: np.ndarray, total: np.ndarray) -> pd.DataFrame:
    """What the half that judges says, and the score in the half searched; arrays are behaviour x train x stratum."""
    test, train = (
        (retained[:, half], users[:, half], (stayed - retained)[:, half], (total - users)[:, half]) for half in (0, 1)
    )
    hits, n, rest_hits, rest_n = (part.sum(axis=-1) for part in test)
    plain, adjusted = newcombe(hits, n, rest_hits, rest_n), mantel_haenszel.risk_difference(*test)
    columns = {"done_users": n, "done_share": hits / n, "other_users": rest_n, "other_share": rest_hits / rest_n}
    columns |= {"difference": plain.value, "difference_low": plain.low, "difference_high": plain.high}
    columns |= {"adjusted": adjusted.value, "adjusted_low": adjusted.low, "adjusted_high": adjusted.high}
    columns |= {"adjusted_ratio": mantel_haenszel.risk_ratio(*test).value}
    columns |= {"train_adjusted": mantel_haenszel.risk_difference(*train).value}
    columns |= {"train_z": np.nan_to_num(mantel_haenszel.score(*train).z)}
    return pd.DataFrame(columns).astype({"done_users": "int64", "other_users": "int64"})


def _naive(hits: np.ndarray, users: np.ndarray, stayed: float, total: float) -> pd.DataFrame:
    """Reach among all newcomers, and the difference that counts users who left early as not having done it."""
    reach = wilson(users, np.full(len(users), total))
    naive = newcombe(hits, users, stayed - hits, total - users).value
    return pd.DataFrame({"reach": reach.value, "reach_low": reach.low, "reach_high": reach.high, "naive": naive})


def _matrix(early: Early, items: pd.DataFrame) -> np.ndarray:
    """Users to shuffle x behaviours (item x window x count): whether the user did it."""
    settings, rows = early.settings, early.sample
    user = np.searchsorted(early.drawn["user"].to_numpy(), rows["user"].to_numpy())
    place = pd.MultiIndex.from_frame(items).get_indexer(pd.MultiIndex.from_frame(rows[KEYS]))
    levels = np.zeros((len(early.drawn), len(items), len(settings.windows)), dtype=np.int8)
    levels[user, place] = rows[level_names(settings)].to_numpy()
    reached = levels[..., None] > np.arange(len(settings.counts))
    return reached.reshape(len(early.drawn), -1)


def _shuffled(early: Early, cells: pd.DataFrame, done: np.ndarray, seed: int) -> np.ndarray:
    """Scores of all behaviours with outcomes shuffled: each window among the users seen after it."""
    settings, drawn = early.settings, early.drawn
    outcome, strata = drawn["retained"].to_numpy(dtype=bool), drawn["stratum"].to_numpy(dtype=str)
    permuted = np.zeros((settings.permutations, len(cells)))
    for place, days in enumerate(settings.windows):
        own, seen = (cells["window_days"] == days).to_numpy(), drawn["seen"].to_numpy() > place
        if own.any() and seen.any():
            permuted[:, own] = permutation.permuted_scores(
                done[seen][:, own],
                outcome[seen],
                strata[seen],
                permutations=settings.permutations,
                seed=seed + place,
            )
    return permuted


def _order(cells: pd.DataFrame) -> np.ndarray:
    """Best score first; of equal ones the earlier, smaller and single behaviour."""
    keys = cells.assign(z=-cells["train_z"].round(9), rank=cells["kind"].map(KINDS))
    return keys.sort_values(["z", "window_days", "at_least", "rank", "item"], kind="stable").index.to_numpy()
