"""What happened inside the channels and what their mix did, for paying share and revenue per active user."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.moments import count_moments
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METRICS = ("paying", "arpu")
OTHER = "other"


def channel_mix(
    user_days: Tabular, users: Tabular, *, now: Period, base: Period, min_cell: int = 10, level: float = 0.95
) -> pd.DataFrame:
    """The change of each metric against the base period, split into inside (channels at unchanged parts) and mix.

    inside + mix = total exactly. Channels of fewer than min_cell active users in either period count as one.

    user_days: one row per user and active day -- user, day, orders, revenue
    users:     one row per user -- user, channel
    returns:   one row per metric (paying: share of active users with an order, arpu: revenue / active users) --
               metric, users (active now), channels, base_value, value, total, total_low, total_high, inside,
               inside_low, inside_high (normal, users independent), mix; missing when a period has nobody
    source:    Kitagawa 1955: parts and values of the two periods averaged

    >>> from opsbook import channel_mix, tiny
    >>> periods = {"base": tiny.period("2026-W06"), "now": tiny.period("2026-W09")}
    >>> parts = channel_mix.channel_mix(tiny.user_days, tiny.users, **periods, min_cell=1)
    >>> print(parts[["metric", "base_value", "value", "total", "inside", "mix"]].round(2).to_string(index=False))
    metric  base_value  value  total  inside  mix
    paying        0.40   0.42   0.02    0.02 0.00
      arpu       12.33  13.75   1.42    1.25 0.17
    """
    counted = pd.concat(
        [_by_channel(user_days, users, period).assign(side=side) for side, period in enumerate((base, now))]
    )
    table = _folded(counted, min_cell)
    rows = [_split(table[table["name"] == metric], float(ndtri(0.5 + level / 2))) for metric in METRICS]
    result = pd.DataFrame(rows).assign(metric=METRICS)
    return result[["metric", *result.columns[:-1]]]


def _by_channel(user_days: Tabular, users: Tabular, period: Period) -> pd.DataFrame:
    """One row per channel and metric -- channel, name, users, mean, variance over the period's active users."""
    days = engine_table(user_days).select(
        "user", day=_.day.cast("date"), orders=_.orders.cast("int64"), revenue=_.revenue.cast("decimal(18, 4)")
    )
    days = days.filter(_.day.between(ibis.date(period.start), ibis.date(period.end)))
    paid = days.group_by("user").agg(orders=_.orders.sum(), revenue=_.revenue.sum())
    people = engine_table(users).select("user", channel=_.channel.cast("string").fill_null("unknown"))
    active = paid.inner_join(people, "user").mutate(paying=(_.orders > 0).cast("int64"))
    pairs = {"paying": (active.paying, active.paying), "arpu": (active.revenue, active.revenue)}
    found = count_moments(active, by="channel", pairs=pairs)[["channel", "name", "users", "mean", "variance"]]
    return found.astype({"users": "int64", "mean": "float64", "variance": "float64"})


def _folded(counted: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Small channels as one; rows become sums so that channels can be added."""
    sums = counted.fillna({"variance": 0.0}).assign(total=lambda t: t["users"] * t["mean"])
    sums["squares"] = (sums["users"] - 1) * sums["variance"] + sums["users"] * sums["mean"] ** 2
    least = sums.pivot_table(index="channel", columns=["name", "side"], values="users").fillna(0).min(axis=1)
    small = sums["channel"].isin(least.index[least < min_cell])
    merged = sums.assign(channel=sums["channel"].mask(small, OTHER))
    return merged.groupby(["name", "channel", "side"], as_index=False)[["users", "total", "squares"]].sum()


def _split(table: pd.DataFrame, z: float) -> dict[str, float]:
    """The parts of one metric; table: one row per channel and side (0 base, 1 now) -- users, total, squares."""
    sides = pd.Index([0, 1], name="side")
    n, sums, squares = (table.pivot(index="channel", columns="side", values=name).reindex(columns=sides).fillna(0.0)
                        for name in ("users", "total", "squares"))  # fmt: skip
    size = n.sum()
    told = {"users": int(size[1]), "channels": len(n)}
    if not (size > 1).all():
        return told | dict.fromkeys(_PARTS, np.nan)
    known = n.where(n > 0)
    mean = (sums / known).T.ffill().bfill().T  # a channel that is new or gone changes the mix alone
    noise = ((squares - sums**2 / known) / (known - 1).clip(lower=1) / known).fillna(0.0)
    weight = (n / size).mean(axis=1)
    value = sums.sum() / size
    inside, total = float(((mean[1] - mean[0]) * weight).sum()), float(value[1] - value[0])
    inside_half = z * float(np.sqrt((noise.mul(weight**2, axis=0)).to_numpy().sum()))
    half = z * float(np.sqrt(((squares.sum() - size * value**2) / (size - 1) / size).clip(lower=0).sum()))
    parts = (value[0], value[1], total, total - half, total + half, inside, inside - inside_half, inside + inside_half)
    return told | dict(zip(_PARTS, [float(part) for part in (*parts, total - inside)], strict=True))


_PARTS = ["base_value", "value", "total", "total_low", "total_high", "inside", "inside_low", "inside_high", "mix"]
