"""Which channel gets the credit for a conversion: eight rules side by side, because none of them is the truth.

Credit is a way of counting, not an effect: a channel that only meets users who would have bought anyway gets as much of
it as one that brought them. Only an experiment that leaves the channel out tells what it causes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHODS = ("first", "last", "last_non_direct", "linear", "position", "time_decay", "markov", "shapley")
PATHS = ["path", "days_before", "conversions", "nulls"]
CREDITS = ["channel", "touched", *METHODS, "lowest", "highest"]
HALF_LIFE_DAYS = 7.0
ENDS = 0.4  # of a conversion to the first and to the last touch; the rest is shared by those between
LONGEST = 20
DRAWS = 200


def paths(
    touches: Tabular, conversions: Tabular, *, start: date, end: date, window_days: int = 28, longest: int = LONGEST
) -> pd.DataFrame:
    """The channels users came through, counted: before their first conversion of start..end, or without one.

    touches:     one row per event -- user, at, day, channel (missing = no touch); a user, day and channel is one touch
    conversions: one row per conversion -- user, at, day; users who converted in the window before are not in it
    returns:     one row per path -- path (channels in order, the last `longest`), days_before (of each touch, in
                 whole days), conversions (users), nulls (users who had not converted by `end`)

    >>> from opsbook import attribution, tiny
    >>> buys = attribution.conversions(tiny.steps, ["order"])
    >>> visits = tiny.steps[tiny.steps["event"] == "open"].assign(channel=["push", "search", "search"] * 378 + ["push"])
    >>> found = attribution.paths(visits, buys, **{key: tiny.SPRING[key] for key in ("start", "end")}, longest=2)
    >>> print(found.head(3).to_string(index=False))
              path days_before  conversions  nulls
    (push, search)      (1, 0)            3      0
    (push, search)      (2, 0)            2      1
    (push, search)      (3, 0)            1      0
    """
    won = _first_conversions(engine_table(conversions), start, end)
    seen = _touches(engine_table(touches), start - timedelta(days=window_days), end)
    joined = seen.left_join(won, "user").drop("user_right")
    last = ibis.ifelse(joined.won_day.isnull(), ibis.date(end), joined.won_day)
    ago = last.delta(joined.day, unit="day")
    inside = (ago >= 0) & (ago < window_days) & (joined.won_at.isnull() | (joined.at <= joined.won_at))
    kept = joined.filter(inside).mutate(ago=ago)
    rows = kept.group_by("user").agg(
        path=_.channel.collect(order_by=[_.at, _.channel]),
        days_before=_.ago.collect(order_by=[_.at, _.channel]),
        converted=_.won_at.max().notnull(),
    )
    counted = rows.group_by(["path", "days_before"]).agg(conversions=_.converted.sum(), nulls=(~_.converted).sum())
    table = counted.to_pandas()
    cut = {name: table[name].map(lambda values: tuple(values)[-longest:]) for name in ("path", "days_before")}
    grouped = table.assign(**cut).groupby(["path", "days_before"], sort=True)[["conversions", "nulls"]].sum()
    return grouped.reset_index().astype({"conversions": "int64", "nulls": "int64"})[PATHS]


def conversions(steps: Tabular, events: Sequence[str]) -> ir.Table:
    """The conversion events as `paths` reads them: one row per event -- user, at, day.

    >>> from opsbook import attribution, tiny
    >>> buys = attribution.conversions(tiny.steps, ["order"]).to_pandas()
    >>> print(buys.sort_values(["user", "at"]).head(3).to_string(index=False))
     user                  at        day
        0 2026-01-05 14:00:00 2026-01-05
        0 2026-01-12 14:00:00 2026-01-12
        1 2026-01-07 14:00:00 2026-01-07
    """
    own = engine_table(steps)
    return own.filter(own.event.isin(list(events))).select("user", "at", "day")


def credits(paths: pd.DataFrame, *, direct: Sequence[str] = ("direct",)) -> pd.DataFrame:
    """Every channel's conversions by eight rules.

    paths:   table of `paths`; without days_before all touches of a path count as equally old
    returns: one row per channel, by linear credit -- channel, touched (converted users it met), first, last,
             last_non_direct (the last touch that is not one of `direct`, else the last), linear, position (40/20/40,
             two touches 50/50), time_decay (half-life of seven days), markov (removal effect, first order), shapley
             (over the sets of channels), lowest and highest of the eight; each rule adds up to all conversions
    source:  Shapley of sets: a path's conversions belong equally to its distinct channels (unanimity games add);
             Markov: Anderl, Becker, von Wangenheim, Schumann 2016, by linear algebra

    >>> import pandas as pd
    >>> from opsbook import attribution
    >>> paths = pd.DataFrame({"path": [("ads", "search"), ("search", "direct"), ("ads",)], "conversions": [10, 6, 2]})
    >>> credited = attribution.credits(paths.assign(nulls=[40, 20, 30]))
    >>> shown = credited[["channel", "first", "last", "last_non_direct", "linear", "shapley"]]
    >>> print(shown.round(1).to_string(index=False))
    channel  first  last  last_non_direct  linear  shapley
     search    6.0  10.0             16.0     8.0      8.0
        ads   12.0   2.0              2.0     7.0      7.0
     direct    0.0   6.0              0.0     3.0      3.0
    """
    used = paths[paths["path"].map(len) > 0].reset_index(drop=True)
    channels = sorted({channel for path in used["path"] for channel in path})
    weights = _weights(used, channels, direct)
    won = used["conversions"].to_numpy(float)
    table = pd.DataFrame({name: won @ part for name, part in weights.items()}, index=pd.Index(channels, name="channel"))
    table["markov"] = _markov_credit(used, channels, won, used["nulls"].to_numpy(float))
    met = [int(won[[channel in path for path in used["path"]]].sum()) for channel in channels]
    rules = list(METHODS)
    told = table.assign(touched=met, lowest=table[rules].min(axis=1), highest=table[rules].max(axis=1)).reset_index()
    return told.sort_values(["linear", "channel"], ascending=[False, True], ignore_index=True)[CREDITS]


def shares(paths: pd.DataFrame, *, seed: int, direct: Sequence[str] = ("direct",), draws: int = DRAWS) -> pd.DataFrame:
    """Every channel's share of the conversions by each rule, with a 95 % interval over users.

    returns: one row per channel and method -- channel, method, share, low, high; users are redrawn (Poisson counts of
             each path), so the interval is about chance, not about which rule is right

    >>> import pandas as pd
    >>> from opsbook import attribution
    >>> paths = pd.DataFrame({"path": [("ads", "search"), ("search",), ("ads",)], "conversions": [10, 6, 2]})
    >>> shares = attribution.shares(paths.assign(nulls=[40, 20, 30]), seed=1, draws=200)
    >>> shown = shares[shares["method"].isin(["first", "last"])]
    >>> print(shown[["channel", "method", "share"]].round(2).to_string(index=False))
    channel method  share
     search  first   0.33
        ads  first   0.67
     search   last   0.89
        ads   last   0.11
    """
    used = paths[paths["path"].map(len) > 0].reset_index(drop=True)
    found = credits(used, direct=direct).set_index("channel")
    total = float(used["conversions"].sum())
    drawn = _redrawn(used, sorted(found.index), direct, np.random.default_rng(seed), draws) if total else {}
    return pd.concat([_share(found[method], total, drawn.get(method)) for method in METHODS], ignore_index=True)


def removal_effects(paths: pd.DataFrame) -> pd.Series:
    """Share of the chance to convert that is lost without a channel, in a first-order chain of channels.

    returns: channel -> 1 - P(convert without it) / P(convert); users who would come to it are lost

    >>> import pandas as pd
    >>> from opsbook import attribution
    >>> paths = pd.DataFrame({"path": [("ads", "search"), ("search",), ("ads",)], "conversions": [10, 6, 2]})
    >>> print(attribution.removal_effects(paths.assign(nulls=[40, 20, 30])).round(2).to_string())
    ads       0.70
    search    0.89
    """
    channels = sorted({channel for path in paths["path"] for channel in path})
    counts = (paths[name].to_numpy(float) for name in ("conversions", "nulls"))
    matrix = _chances(_steps(paths, channels), *counts)
    return pd.Series(_removal(matrix), index=channels)


def _first_conversions(conversions: ir.Table, start: date, end: date) -> ir.Table:
    day = conversions.day.cast("date")
    own = conversions.select("user", at=conversions.at.cast("timestamp"), day=day).filter(
        (_.day >= start) & (_.day <= end)
    )
    first = own.group_by("user").agg(won_at=_.at.min())
    return (
        first.inner_join(own, [first.user == own.user, first.won_at == own.at])
        .select(first.user, first.won_at, won_day=own.day)
        .distinct()
    )


def _touches(touches: ir.Table, first: date, last: date) -> ir.Table:
    own = touches.select("user", channel=_.channel.cast("string"), at=_.at.cast("timestamp"), day=_.day.cast("date"))
    inside = own.filter(own.channel.notnull() & (own.day > first) & (own.day <= last))
    return inside.group_by(["user", "day", "channel"]).agg(at=_.at.min())


def _weights(paths: pd.DataFrame, channels: list[str], direct: Sequence[str]) -> dict[str, np.ndarray]:
    """Per rule the share of each path's conversion that goes to each channel; rows add up to 1."""
    ages = paths["days_before"] if "days_before" in paths else [None] * len(paths)
    rules = {name: np.zeros((len(paths), len(channels))) for name in METHODS if name != "markov"}
    place = {channel: number for number, channel in enumerate(channels)}
    for row, (path, age) in enumerate(zip(paths["path"], ages, strict=True)):
        at = np.array([place[channel] for channel in path])
        for name, share in _shares_of_touches(path, age, direct).items():
            np.add.at(rules[name][row], at, share)
    return rules


def _shares_of_touches(
    path: Sequence[str], age: Sequence[float] | None, direct: Sequence[str]
) -> dict[str, np.ndarray]:
    n = len(path)
    ones, step = np.ones(n), np.arange(n)
    real = [k for k, channel in enumerate(path) if channel not in direct] or [n - 1]
    between = np.full(n, (1 - 2 * ENDS) / max(n - 2, 1))
    between[[0, -1]] = ENDS if n > 2 else 1 / n
    decay = ones if age is None else 0.5 ** (np.asarray(age, dtype=float) / HALF_LIFE_DAYS)
    first_of_kind = np.array([path.index(channel) == k for k, channel in enumerate(path)], dtype=float)
    return {
        "first": (step == 0) * 1.0,
        "last": (step == n - 1) * 1.0,
        "last_non_direct": (step == real[-1]) * 1.0,
        "linear": ones / n,
        "position": between,
        "time_decay": decay / decay.sum(),
        "shapley": first_of_kind / first_of_kind.sum(),
    }


def _markov_credit(paths: pd.DataFrame, channels: list[str], won: np.ndarray, lost: np.ndarray) -> np.ndarray:
    if not won.sum():
        return np.zeros(len(channels))
    effects = _removal(_chances(_steps(paths, channels), won, lost))
    return won.sum() * effects / effects.sum()


def _steps(paths: pd.DataFrame, channels: list[str]) -> np.ndarray:
    """How often each path goes from start or channel (rows) to channel or its end (the last column)."""
    place = {channel: number for number, channel in enumerate(channels)}
    steps = np.zeros((len(paths), len(channels) + 1, len(channels) + 1))
    for number, path in enumerate(paths["path"]):
        at = np.array([place[channel] for channel in path])
        np.add.at(steps[number], (np.r_[0, at + 1], np.r_[at, len(channels)]), 1)
    return steps


def _chances(steps: np.ndarray, won: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Chances of the next step: rows start and channels, columns channels and conversion; the rest is lost."""
    counts = np.tensordot(won + lost, steps, axes=1)
    ending = won @ steps[:, :, -1]
    chances = np.column_stack([counts[:, :-1], ending])
    return chances / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)


def _removal(chances: np.ndarray) -> np.ndarray:
    whole = _converts(chances)
    return np.array([1 - _converts(_without(chances, k)) / whole for k in range(len(chances) - 1)])


def _without(chances: np.ndarray, channel: int) -> np.ndarray:
    left = chances.copy()
    left[:, channel] = 0.0
    return left


def _converts(chances: np.ndarray) -> float:
    """Chance to convert from the start: the linear system of an absorbing chain."""
    size = len(chances) - 1
    inner = np.eye(size) - chances[1:, :size]
    reached = np.linalg.solve(inner, chances[1:, -1])
    return float(chances[0, :size] @ reached + chances[0, -1])


def _redrawn(
    paths: pd.DataFrame, channels: list[str], direct: Sequence[str], random: np.random.Generator, draws: int
) -> dict[str, np.ndarray]:
    """Per rule the shares of the channels (by name) in each draw of users."""
    won, lost = (random.poisson(paths[name].to_numpy(), (draws, len(paths))) for name in ("conversions", "nulls"))
    weights, steps = _weights(paths, channels, direct), _steps(paths, channels)
    effects = np.array([_effects(steps, *counts) for counts in zip(won, lost, strict=True)])
    credit = {name: won @ part for name, part in weights.items()} | {"markov": effects}
    return {name: part / np.maximum(part.sum(axis=1, keepdims=True), 1e-300) for name, part in credit.items()}


def _effects(steps: np.ndarray, won: np.ndarray, lost: np.ndarray) -> np.ndarray:
    return _removal(_chances(steps, won, lost)) if won.sum() else np.zeros(steps.shape[1] - 1)


def _share(credit: pd.Series, total: float, drawn: np.ndarray | None) -> pd.DataFrame:
    """One rule's shares with the quantiles of the draws, whose channels are ordered by name."""
    nothing = np.full((2, len(credit)), np.nan)
    edges = nothing if drawn is None else np.quantile(drawn, [0.025, 0.975], axis=0)
    order = np.argsort(np.argsort(credit.index.to_numpy(dtype=str)))
    told = {"channel": credit.index, "method": credit.name, "share": credit.to_numpy() / (total or np.nan)}
    return pd.DataFrame(told | {"low": edges[0][order], "high": edges[1][order]})
