"""Why the number of active users changed: an exact split over levers and channels, by Shapley value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import shapley
from opsbook.analysis.proportion import newcombe
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
LEVERS = ["acquisition", "activation", "retention", "resurrection", "mix", "inherited", "unknown"]
COUNTS = ["signups", "new_active", "base_users", "kept", "pool", "woken", "unknown"]
ALL, OTHER, NO_CHANNEL = "all", "other", "unknown"
METHOD_LEVERS = "every count redrawn (Jeffreys: gamma, beta); base carried over held fixed"
NEARLY_ALL = 0.8


class _Source(NamedTuple):
    """One source of active users: a number of users, and how many of them are active; and the levers behind both."""

    size: str
    active: str
    size_lever: str
    rate_lever: str


SOURCES = (
    _Source("signups", "new_active", "acquisition", "activation"),
    _Source("base_users", "kept", "inherited", "retention"),
    _Source("pool", "woken", "inherited", "resurrection"),
)


def lever_counts(
    user_days: Tabular,
    users: Tabular,
    *,
    periods: Sequence[Period],
    data_start: date,
    settled_through: date,
    min_cell: int = 1,
    max_channels: int = 12,
) -> pd.DataFrame:
    """What the levers are computed from: for this and the previous period, users by channel and source.

    user_days: one row per user and active day -- user, day
    users:     one row per user -- user, first_day, first_active_day, life_start; channel where the company has one
    periods:   consecutive, oldest first; the last three are read: this one, the previous one, and the base of that
    returns:   one row per period (two) and channel (by name; those with fewer than `min_cell` active users in a period,
               or beyond the largest `max_channels`, are one channel `other`) -- period (label), channel, signups (life
               began in the period), new_active (of them), base_users (active in the period before), kept (of them
               active), pool (alive before, not active in the period before), woken (of them active), unknown (active,
               first seen while the data began), active_users (the sum of the active), complete; no row without three
               periods
    raises:    ValueError when the periods are not consecutive

    >>> from opsbook import tiny
    >>> from opsbook.inputs.periods import parse_period
    >>> weeks = [parse_period(f"2026-W{week:02}", as_of=tiny.AS_OF) for week in (7, 8, 9)]
    >>> span = {"data_start": tiny.DATA_START, "settled_through": tiny.AS_OF}
    >>> found = lever_counts(tiny.user_days, tiny.users, periods=weeks, **span)
    >>> print(found.drop(columns=["unknown", "complete"]).to_string(index=False))
      period channel  signups  new_active  base_users  kept  pool  woken  active_users
    2026-W08     ads        2           2           5     3    11      0             5
    2026-W08  search        3           3          25    25     7      1            29
    2026-W09     ads        2           2           5     4    13      0             6
    2026-W09  search        3           3          29    28     6      3            34
    """
    three = list(periods)[-3:]
    if any(after.start != before.end + timedelta(days=1) for before, after in pairwise(three)):
        raise ValueError("Periods must be consecutive")
    columns = ["period", "channel", *COUNTS, "active_users", "complete"]
    if len(three) < 3:
        return pd.DataFrame(columns=columns)
    counted = _counted(_patterns(user_days, users, three))
    table = _merged(counted, min_cell=min_cell, max_channels=max_channels)
    table["period"] = table["place"].map({place: three[place].label for place in (1, 2)})
    table["complete"] = data_start <= three[0].start and three[-1].end <= settled_through
    return table[columns]


def lever_parts(counts: pd.DataFrame, *, seed: int, draws: int = 2000, level: float = 0.95) -> pd.DataFrame:
    """The change in active users as a sum of parts, one per lever and channel.

    Active users are, summed over channels, sign-ups x share of the channel x share active; the same for the base and
    for the silent pool; and users of unknown start. Six factors move: the number of sign-ups (acquisition), the shares
    active of sign-ups (activation), base (retention) and pool (resurrection), the shares of the channels in all three
    (mix), and the sizes of base and pool (inherited). A part is the factor's mean contribution over all orders in which
    the factors can move. The number is a sum of products of three factors each, and a factor that a product does not
    hold adds nothing to it in any order, so the mean over all 720 orders is the sum of that of each product.
    A share of nobody is taken from the other period: what cannot be seen did not move.

    counts:  lever_counts
    returns: one row per lever of LEVERS and channel, first of `all` channels -- lever, channel, part (users), low, high
             (missing without a complete period), previous_users, active_users (of the channel); the parts of a channel
             add up to its change, the parts of a lever to that of `all`
    method:  intervals redraw every count from its Jeffreys posterior; shocks that all users share are not in them
    source:  Shapley 1953

    >>> counts = pd.DataFrame({"period": ["2026-08", "2026-09"], "channel": "all users", "signups": [100, 200],
    ...                        "new_active": [50, 80], "base_users": [300, 300], "kept": [150, 180], "pool": 0,
    ...                        "woken": 0, "unknown": 0, "active_users": [200, 260], "complete": True})
    >>> found = lever_parts(counts, seed=1).query("channel == 'all' and part != 0")
    >>> print(found[["lever", "part", "previous_users", "active_users"]].round(1).to_string(index=False))
          lever  part  previous_users  active_users
    acquisition  45.0             200           260
     activation -15.0             200           260
      retention  30.0             200           260
    """
    names = ["lever", "channel", "part", "low", "high", "previous_users", "active_users"]
    if counts.empty:
        return pd.DataFrame(columns=names)
    grids = _grids(counts)
    channels = [ALL, *counts["channel"].drop_duplicates()]
    exact = _with_total(_split(grids, *_observed(grids)))
    drawn = _with_total(_split(grids, *_redrawn(grids, np.random.default_rng(seed), draws)))
    tail = (1 - level) / 2
    low, high = (np.quantile(drawn, side, axis=1) for side in (tail, 1 - tail))
    active = np.concatenate([grids["active_users"].sum(axis=1, keepdims=True), grids["active_users"]], axis=1)
    grid = pd.MultiIndex.from_product([LEVERS, channels], names=["lever", "channel"]).to_frame(index=False)
    table = grid.assign(
        part=exact.ravel(),
        low=np.minimum(low, exact).ravel(),
        high=np.maximum(high, exact).ravel(),
        previous_users=np.tile(active[0], len(LEVERS)).astype("int64"),
        active_users=np.tile(active[1], len(LEVERS)).astype("int64"),
    )
    if not counts["complete"].all():
        table[["low", "high"]] = np.nan
    return table[names]


def channel_paradox(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Simpson in the channel mix: retention moves one way over all users and the other way within the channels.

    counts:  lever_counts
    returns: one row, or none without two channels that have a base in both periods -- channels, base_users (of this
             period in those channels), total_change, total_low, total_high (of retention over all users, 0-1;
             Newcombe), within_change, within_low, within_high (mean over channels at the mean mix of both periods;
             Newcombe per channel, errors added in squares), share_against (of the base users, in channels that moved
             against the total), fired (both intervals are clear of zero on opposite sides, and nearly all of the base
             moved against the total)
    source:  Simpson 1951; Donner and Zou 2012 for the sum of intervals

    >>> counts = pd.DataFrame({"period": ["2026-08"] * 2 + ["2026-09"] * 2, "channel": ["ads", "search"] * 2,
    ...                        "base_users": [1000, 9000, 9000, 1000], "kept": [200, 5400, 2250, 650]})
    >>> counts = counts.assign(signups=0, new_active=0, pool=0, woken=0, unknown=0, active_users=counts["kept"])
    >>> found = channel_paradox(counts)
    >>> print(found[["total_change", "within_change", "share_against", "fired"]].round(3).to_string(index=False))
     total_change  within_change  share_against  fired
            -0.27           0.05            1.0   True
    """
    names = ["channels", "base_users", "total_change", "total_low", "total_high"]
    names += ["within_change", "within_low", "within_high", "share_against", "fired"]
    base, kept = ((_grids(counts)[name] if len(counts) else np.zeros((2, 0))) for name in ("base_users", "kept"))
    both = (base > 0).all(axis=0)
    if both.sum() < 2:
        return pd.DataFrame(columns=names)
    total = newcombe(kept[1].sum(), base[1].sum(), kept[0].sum(), base[0].sum(), level=level)
    base, kept = base[:, both], kept[:, both]
    inside = newcombe(kept[1], base[1], kept[0], base[0], level=level)
    weights = (base / base.sum(axis=1, keepdims=True)).mean(axis=0)
    within = float(weights @ inside.value)
    low = within - float(np.linalg.norm(weights * (inside.value - inside.low)))
    high = within + float(np.linalg.norm(weights * (inside.high - inside.value)))
    against = float(weights[np.sign(inside.value) == -np.sign(total.value)].sum()) if total.value else 0.0
    opposite = (total.low > 0 and high < 0) or (total.high < 0 and low > 0)
    row = [int(both.sum()), int(base[1].sum()), total.value, total.low, total.high, within, low, high]
    row += [against, bool(opposite and against >= NEARLY_ALL)]
    return pd.DataFrame([row], columns=names)


def _patterns(user_days: Tabular, users: Tabular, three: Sequence[Period]) -> pd.DataFrame:
    """One row per channel, period in which life began (0 = the first or earlier) and periods of activity -- users."""
    spans = [(_day_number(period.start), _day_number(period.end)) for period in three]
    days = engine_table(user_days).select("user", number=_.day.cast("date").epoch_days().cast("int32"))
    active = {f"active_{place}": _.number.between(*span).any() for place, span in enumerate(spans)}
    seen = days.filter(_.number.between(spans[0][0], spans[-1][1])).group_by("user").agg(**active)
    lives = _lives(users).filter(_.life <= spans[-1][1])
    born = ibis.cases((_.life >= spans[2][0], 2), (_.life >= spans[1][0], 1), else_=0)
    was = {name: _[name].fill_null(False) for name in active}
    keys = {"channel": _.channel, "born": born, "known": _.known} | was
    counted = lives.left_join(seen, "user").group_by(**keys).agg(users=_.count())
    return counted.to_pandas().astype(dict.fromkeys(["known", *active], "bool") | {"users": "int64"})


def _lives(users: Tabular) -> ir.Table:
    """One row per user -- user, life (day number of the first day), known (whether life began there), channel."""
    people = engine_table(users)
    start, first = (people[name].cast("date").epoch_days().cast("int32") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(start, first), start, first)
    channel = people.channel.fill_null(NO_CHANNEL) if "channel" in people.columns else ibis.literal(NO_CHANNEL)
    return people.select("user", life=life, known=people.life_start != "unknown", channel=channel)


def _counted(patterns: pd.DataFrame) -> pd.DataFrame:
    """One row per place of a period (1, 2) and channel -- the COUNTS."""
    tables = []
    for place in (1, 2):
        now, before = patterns[f"active_{place}"], patterns[f"active_{place - 1}"]
        born, known, asleep = patterns["born"] == place, patterns["known"], (patterns["born"] < place) & ~before
        flags = [known & born, known & born & now, before, before & now, asleep, asleep & now, ~known & born & now]
        columns = {name: patterns["users"].where(flag, 0) for name, flag in zip(COUNTS, flags, strict=True)}
        tables.append(pd.DataFrame(columns).groupby(patterns["channel"]).sum().assign(place=place).reset_index())
    return pd.concat(tables, ignore_index=True)


def _merged(counted: pd.DataFrame, *, min_cell: int, max_channels: int) -> pd.DataFrame:
    """The counts with small channels as one, every channel in both periods, the channels by name."""
    counted = counted.assign(active_users=counted[["new_active", "kept", "woken", "unknown"]].sum(axis=1))
    users = counted.pivot(index="channel", columns="place", values="active_users").fillna(0)
    rank = users.sum(axis=1).rank(method="first", ascending=False)
    small = _below(users, min_cell) | (rank > max_channels)
    order = pd.DataFrame({"large": ~small, "rank": -rank}).sort_values(["large", "rank"]).index
    hidden = _below(users.loc[order].cumsum(), min_cell).to_numpy()
    into = int(small.sum())
    while 0 < into < len(order) and hidden[into - 1]:  # a small rest could be told by subtraction: take one more in
        into += 1
    named = counted.assign(channel=counted["channel"].where(~counted["channel"].isin(order[:into]), OTHER))
    grid = pd.MultiIndex.from_product([(1, 2), sorted(named["channel"].unique())], names=["place", "channel"])
    return named.groupby(["place", "channel"]).sum().reindex(grid, fill_value=0).reset_index()


def _below(users: pd.DataFrame, min_cell: int) -> pd.Series:
    """Channels that have users, but fewer than `min_cell`, in one of the periods."""
    return ((users > 0) & (users < min_cell)).any(axis=1)


def _grids(counts: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each count as an array: previous and this period x channels."""
    channels = counts["channel"].nunique()
    return {name: counts[name].to_numpy(dtype=float).reshape(-1, channels) for name in [*COUNTS, "active_users"]}


def _observed(grids: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Sizes and shares active as counted: period x 1 x channels."""
    sizes = {name: grids[name][:, None, :] for name in ("signups", "base_users", "pool", "unknown")}
    shares = {}
    for source in SOURCES:
        size, active = grids[source.size][:, None, :], grids[source.active][:, None, :]
        shares[source.rate_lever] = np.divide(active, size, out=np.zeros_like(size), where=size > 0)
    return sizes, shares


def _redrawn(
    grids: Mapping[str, np.ndarray], rng: np.random.Generator, draws: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Sign-ups and shares active as they could have been: period x draws x channels.

    Where all sign-ups were active in both periods, life begins with the first activity: that share cannot move.
    """
    sizes, shares = _observed(grids)
    for name in ("signups", "unknown"):
        count = np.repeat(sizes[name], draws, axis=1)
        sizes[name] = np.where(count > 0, rng.gamma(count + 0.5), 0.0)
    for source in SOURCES:
        size, active = (np.repeat(grids[name][:, None, :], draws, axis=1) for name in (source.size, source.active))
        if source.size != "signups" or not np.array_equal(size, active):
            shares[source.rate_lever] = rng.beta(active + 0.5, size - active + 0.5)
    return sizes, shares


def _split(
    grids: Mapping[str, np.ndarray], sizes: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Parts: levers x draws x channels."""
    parts = {lever: np.zeros(()) for lever in LEVERS} | {"unknown": sizes["unknown"][1] - sizes["unknown"][0]}
    for source in SOURCES:
        size, seen = sizes[source.size], grids[source.size][:, None, :] > 0
        total = size.sum(axis=-1, keepdims=True)
        mix = _either(np.divide(size, total, out=np.zeros_like(size), where=total > 0), total > 0)
        rate = _either(shares[source.rate_lever], seen)
        of_size, of_mix, of_rate = shapley.of_product(total, mix, rate)
        parts[source.size_lever] = parts[source.size_lever] + of_size
        parts["mix"] = parts["mix"] + of_mix
        parts[source.rate_lever] = of_rate
    shape = np.broadcast_shapes(*(part.shape for part in parts.values()))
    return np.stack([np.broadcast_to(parts[lever], shape) for lever in LEVERS])


def _either(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Each period's values, where unknown those of the other period."""
    return np.where(known, values, values[::-1])


def _with_total(parts: np.ndarray) -> np.ndarray:
    """All channels before each channel; an observed split (one draw) loses its axis of draws."""
    whole = np.concatenate([parts.sum(axis=-1, keepdims=True), parts], axis=-1)
    return whole[:, 0, :] if whole.shape[1] == 1 else whole


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
