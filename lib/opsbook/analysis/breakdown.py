"""How named groups of users differ: what they are now, whether they come back, how they took to a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from opsbook.analysis.means import ratio_of_sums
from opsbook.analysis.moments import count_moments, pair_moments
from opsbook.analysis.multiplicity import compared, holm
from opsbook.analysis.proportion import add_share, newcombe
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
EVERYONE = "everyone"
METHOD_P = "two-sided z test of two shares (pooled), Holm over segments"


def now(
    membership: Tabular,
    people: Tabular,
    user_days: Tabular,
    *,
    names: Sequence[str],
    period: Period,
    window_days: int,
    min_cell: int,
    settled_through: date,
) -> pd.DataFrame:
    """What each segment is in the period that its membership ends; segments may overlap.

    membership: one row per user and segment; people: one row per user alive; both at the end of the period
    returns: one row per segment in the order of names, then everyone -- segment, users, alive_users, share_of_all (of
             all), active_users (in the period), share_active (of the segment), stickiness (mean daily actives over
             the window / actives of the window), buyers, share_paying (of active users), arpu (revenue per active
             user), each share with _low and _high (Wilson; ratios by the delta method), suppressed (the segment or
             everyone else has fewer than min_cell users: no number is given), complete (the period is settled)

    >>> from opsbook import breakdown, tiny
    >>> buyers = tiny.orders[["user"]].drop_duplicates().assign(segment="buyers")
    >>> span = {"period": tiny.period("2026-W13"), "settled_through": tiny.AS_OF}
    >>> table = breakdown.now(buyers, tiny.users, tiny.user_days, names=["buyers"], **span, window_days=28, min_cell=5)
    >>> shown = table[["segment", "users", "active_users", "share_active", "stickiness", "arpu"]]
    >>> print(shown.round(2).to_string(index=False))
     segment  users  active_users  share_active  stickiness  arpu
      buyers     50            28          0.56        0.39 15.00
    everyone     60            32          0.53        0.36 13.12
    """
    membership, people = engine_table(membership), engine_table(people)
    facts = _activity(user_days, period, window_days)
    total = int(people.count().to_pandas())
    grouped = _grouped(membership, people).left_join(facts, "user").drop("user_right")
    filled = grouped.mutate(**{name: _[name].fill_null(0) for name in facts.columns if name != "user"})
    pairs = {
        "arpu": (filled.revenue, filled.active),
        "stickiness": (filled.window_days, filled.window_active),
        "paying": (filled.buyer, filled.active),
    }
    moments = count_moments(filled, by="segment", pairs=pairs)
    table = _wide(moments, [*names, EVERYONE], window_days).assign(alive_users=total)
    table = add_share(table, of="users", out_of="alive_users", name="share_of_all")
    table = add_share(table, of="active_users", out_of="users", name="share_active")
    table = add_share(table, of="buyers", out_of="active_users", name="share_paying")
    hidden = (table["users"] < min_cell) | _reveals(table["users"], total, min_cell)
    ordered = [name for part in NOW for name in part.split()]
    return _suppressed(table[ordered], hidden, keep=["segment", "alive_users"]).assign(
        complete=period.end <= settled_through
    )


NOW = (
    "segment users alive_users share_of_all share_of_all_low share_of_all_high",
    "active_users share_active share_active_low share_active_high stickiness stickiness_low stickiness_high",
    "buyers share_paying share_paying_low share_paying_high arpu arpu_low arpu_high",
)


def returning(
    membership: Tabular,
    people: Tabular,
    user_days: Tabular,
    *,
    names: Sequence[str],
    period: Period,
    min_cell: int,
    settled_through: date,
) -> pd.DataFrame:
    """Of those who belonged to a segment before the period began, who was active in it, against everybody else alive.

    Membership is fixed before the outcome is seen: a segment made of active users is not compared on being active.
    membership, people: at the end of the day before the period
    returns: one row per segment -- segment, users, returned, share_returned, _low, _high (Wilson), rest_users,
             rest_returned, share_rest, difference, difference_low, difference_high (Newcombe), p, p_holm, tested
             (segments tested), suppressed, complete

    >>> from opsbook import breakdown, tiny
    >>> sharers = tiny.steps[tiny.steps["event"] == "share"][["user"]].drop_duplicates().assign(segment="sharers")
    >>> span = {"period": tiny.period("2026-W13"), "settled_through": tiny.AS_OF}
    >>> table = breakdown.returning(sharers, tiny.users, tiny.user_days, names=["sharers"], **span, min_cell=5)
    >>> shown = table[["segment", "users", "returned", "share_returned", "share_rest", "difference"]]
    >>> print(shown.round(2).to_string(index=False))
    segment  users  returned  share_returned  share_rest  difference
    sharers     13         1            0.08        0.66       -0.58
    """
    membership, people = engine_table(membership), engine_table(people)
    active = _days(user_days, period.start, period.end).select("user").distinct().mutate(active=ibis.literal(1))
    seen = _grouped(membership, people).left_join(active, "user").drop("user_right")
    counts = seen.group_by("segment").agg(users=_.count(), returned=_.active.fill_null(0).sum()).to_pandas()
    table = _in_order(counts, [*names, EVERYONE], ["users", "returned"])
    everyone, table = table.iloc[-1], table.iloc[:-1].copy()
    for name in ("users", "returned"):
        table[f"rest_{name}"] = int(everyone[name]) - table[name]
    return against_rest(table, of="returned", out_of="users", min_cell=min_cell).assign(
        complete=period.end <= settled_through
    )


def against_rest(table: pd.DataFrame, *, of: str, out_of: str, min_cell: int) -> pd.DataFrame:
    """Shares of segments against the share of everybody else, tested together.

    table: one row per segment -- segment, <of>, <out_of>, rest_<of>, rest_<out_of> (users)

    >>> import pandas as pd
    >>> from opsbook import breakdown
    >>> table = pd.DataFrame({"segment": ["payers", "sharers"], "back": [60, 30], "users": [100, 100]})
    >>> table = table.assign(rest_back=[200, 290], rest_users=[900, 900])
    >>> tested = breakdown.against_rest(table, of="back", out_of="users", min_cell=10)
    >>> print(tested[["segment", "share_back", "share_rest", "difference", "p_holm"]].round(3).to_string(index=False))
    segment  share_back  share_rest  difference  p_holm
     payers         0.6       0.222       0.378   0.000
    sharers         0.3       0.322      -0.022   0.651
    """
    sides = [table[name] for name in (of, out_of, f"rest_{of}", f"rest_{out_of}")]
    hidden = (table[out_of] < min_cell) | (table[f"rest_{out_of}"] < min_cell)
    difference = newcombe(*sides)
    table = add_share(table, of=of, out_of=out_of, name=f"share_{of}").assign(
        share_rest=sides[2] / sides[3].where(sides[3] > 0),
        difference=difference.value,
        difference_low=difference.low,
        difference_high=difference.high,
        p=_pooled_p(*(side.to_numpy(dtype=float) for side in sides)),
    )
    table = _suppressed(table, hidden, keep=["segment"])
    return table.assign(p_holm=holm(table["p"]), tested=compared(table["p"]))


def campaign(
    membership: Tabular,
    people: Tabular,
    members: Tabular,
    orders: Tabular,
    *,
    names: Sequence[str],
    start: date,
    end: date,
    min_cell: int,
) -> pd.DataFrame:
    """How each segment took to a campaign; a description, not an effect of it.

    membership, people: at the end of the day before the start; users who came later belong to no segment
    members: one row per user the campaign reached -- user, exposed, participated
    returns: one row per segment, then everyone -- segment, users, exposed, participants, base (exposed where anybody
             was, else users), base_participants, share_participants (of base), _low, _high (Wilson), buyers, orders
             (start to end), share_buyers (of users), _low, _high, orders_per_user, suppressed; and against everybody
             else difference, difference_low, difference_high (Newcombe, of share_participants), p, p_holm, tested

    >>> from opsbook import audience, breakdown, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> eager = tiny.user_days[tiny.user_days["user"] % 5 == 0][["user"]].drop_duplicates().assign(segment="daily")
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "min_cell": 3}
    >>> table = breakdown.campaign(eager, tiny.users, members, tiny.orders, names=["daily"], **span)
    >>> print(table[["segment", "users", "exposed", "participants", "buyers", "orders"]].to_string(index=False))
     segment  users  exposed  participants  buyers  orders
       daily     12        3             2       7      14
    everyone     60       14             8      26      43
    """
    membership, people, members = engine_table(membership), engine_table(people), engine_table(members)
    sales = _between(engine_table(orders), start, end).filter(_.is_purchase.cast("boolean"))
    bought = sales.group_by("user").agg(orders=_.count())
    joined = _grouped(membership, people).left_join(members.select("user", "exposed", "participated"), "user")
    joined = joined.drop("user_right").left_join(bought, "user").drop("user_right")
    counted = joined.group_by("segment").agg(
        users=_.count(),
        exposed=_.exposed.fill_null(False).sum(),
        participants=_.participated.fill_null(False).sum(),
        exposed_participants=(_.exposed & _.participated).fill_null(False).sum(),
        buyers=_.orders.notnull().sum(),
        orders=_.orders.sum().fill_null(0),
    )
    sums = ["users", "exposed", "participants", "exposed_participants", "buyers", "orders"]
    table = _in_order(counted.to_pandas(), [*names, EVERYONE], sums)
    return _campaign_shares(table, min_cell)


def _campaign_shares(table: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    shown = int(table["exposed"].iloc[-1]) > 0
    table = table.assign(
        base=table["exposed"] if shown else table["users"],
        base_participants=table["exposed_participants"] if shown else table["participants"],
    ).drop(columns="exposed_participants")
    table = add_share(table, of="base_participants", out_of="base", name="share_participants")
    table = add_share(table, of="buyers", out_of="users", name="share_buyers")
    table["orders_per_user"] = table["orders"] / table["users"].where(table["users"] > 0)
    everyone = table.iloc[-1]
    rest = {f"rest_{name}": int(everyone[name]) - table[name] for name in ("base", "base_participants")}
    tested = against_rest(table.assign(**rest).iloc[:-1], of="base_participants", out_of="base", min_cell=min_cell)
    names = ["difference", "difference_low", "difference_high", "p", "p_holm", "tested"]
    hidden = (table["base"] < min_cell) | _reveals(table["base"], int(everyone["base"]), min_cell)
    whole = table.merge(tested[["segment", *names]], on="segment", how="left", validate="one_to_one")
    return _suppressed(whole, hidden, keep=["segment"])


def _reveals(users: pd.Series, total: int, min_cell: int) -> pd.Series:
    """Whether subtracting the segment from everyone would show a group of fewer than min_cell users."""
    return (users != total) & (total - users < min_cell)


def _activity(user_days: Tabular, period: Period, window_days: int) -> ir.Table:
    """One row per user seen lately -- user, active, buyer, revenue (in the period), window_days, window_active."""
    first = min(period.start, date.fromordinal(period.end.toordinal() - window_days + 1))
    days = _days(user_days, first, period.end)
    inside = days.day >= ibis.date(period.start)
    recent = days.day > ibis.date(date.fromordinal(period.end.toordinal() - window_days))
    return days.group_by("user").agg(
        active=inside.any().cast("int64"),
        buyer=(inside & (days.orders > 0)).any().cast("int64"),
        revenue=days.revenue.cast("decimal(18, 4)").sum(where=inside).fill_null(0),
        window_days=recent.sum().cast("int64"),
        window_active=recent.any().cast("int64"),
    )


def _grouped(membership: ir.Table, people: ir.Table) -> ir.Table:
    """One row per user and segment they belong to, everyone among the segments."""
    return membership.union(people.select("user", segment=ibis.literal(EVERYONE)))


def _wide(moments: pd.DataFrame, names: Sequence[str], window_days: int, *, level: float = 0.95) -> pd.DataFrame:
    """Counts and ratios of each segment from its moments; a segment of nobody has zeros and no ratio."""
    found: dict[tuple[str, str], Any] = {(row["segment"], row["name"]): row for row in moments.to_dict("records")}
    z = float(ndtri(0.5 + level / 2))
    rows = []
    for name in names:
        row = {"segment": name, "users": 0, "active_users": 0, "buyers": 0}
        paying = found.get((name, "paying"))
        if paying:
            users = int(paying["users"])
            row |= {
                "users": users,
                "active_users": round(paying["other_mean"] * users),
                "buyers": round(paying["total"]),
            }
        for ratio, scale in (("arpu", 1), ("stickiness", window_days)):
            value, error = _ratio(found.get((name, ratio)), scale)
            row |= {ratio: value, f"{ratio}_low": value - z * error, f"{ratio}_high": value + z * error}
        rows.append(row)
    return pd.DataFrame(rows)


def _ratio(row: dict[str, Any] | None, scale: int) -> tuple[float, float]:
    if row is None:
        return np.nan, np.nan
    ratio = ratio_of_sums(pair_moments(row))
    return ratio.value / scale, ratio.standard_error / scale


def _in_order(counts: pd.DataFrame, names: Sequence[str], sums: Sequence[str]) -> pd.DataFrame:
    table = counts.set_index("segment").reindex(list(names)).fillna(0).rename_axis("segment").reset_index()
    return table.astype(dict.fromkeys(sums, "int64"))


def _suppressed(table: pd.DataFrame, hidden: pd.Series, *, keep: Sequence[str]) -> pd.DataFrame:
    """The table with the numbers of hidden rows missing, and the column `suppressed`."""
    numbers = [name for name in table if name not in keep]
    if hidden.any():
        table = table.astype(dict.fromkeys(numbers, "float64"))
        table.loc[hidden, numbers] = np.nan
    return table.assign(suppressed=hidden)


def _pooled_p(k: np.ndarray, n: np.ndarray, base_k: np.ndarray, base_n: np.ndarray) -> np.ndarray:
    """Two-sided p of the z test with the pooled share; missing where nobody or everybody did it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (k + base_k) / (n + base_n)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / base_n))
        z = (k / n - base_k / base_n) / error
    return np.asarray(np.where(error > 0, 2 * ndtr(-np.abs(z)), np.nan))


def _days(user_days: Tabular, first: date, last: date) -> ir.Table:
    return _between(engine_table(user_days), first, last)


def _between(table: ir.Table, first: date, last: date) -> ir.Table:
    return table.mutate(day=table.day.cast("date")).filter(_.day.between(ibis.date(first), ibis.date(last)))
