"""Traps a reader can step into, each a small check that says whether it lies open here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from opsbook.analysis import competing, life_table, survival
from opsbook.analysis.moments import Moments, count_moments
from opsbook.analysis.multiplicity import compared, holm
from opsbook.analysis.proportion import wilson
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
Z = float(ndtri(0.975))
DROPPED, FLAGGED = ("before_data_start", "clock_error"), ("late", "mixed_zones")
NOTICEABLE = 0.01  # a share of rows that a reader would notice if it were counted otherwise
ROUNDING = 1e-9  # of a mean: where all pay the same, nothing else moves it
CONCENTRATED = 20  # the largest payers bring this many times their part: a fifth of revenue from one in a hundred


@dataclass(frozen=True)
class Check:
    """One trap looked for: `fired` is None where these data cannot tell; `numbers` are what its sentence says."""

    trap: str
    fired: bool | None
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def case(self) -> str:
        """fired, silent or unknown."""
        return "unknown" if self.fired is None else "fired" if self.fired else "silent"


def heavy_tail(user_days: Tabular, *, period: Period, min_cell: int = 10) -> Check:
    """Whether few payers decide the revenue per paying user.

    Fires when the mean without the largest payer leaves by more than half of its 95 % half-width, or when the largest
    payers (1 %, at least min_cell) bring twenty times their part of revenue. The numbers are sums over at least
    min_cell payers: no single person's amount is told.

    user_days: one row per user and active day -- user, day, orders, revenue

    >>> import pandas as pd
    >>> from opsbook import tiny, traps
    >>> week = tiny.period("2026-W02")
    >>> days = pd.DataFrame({"user": range(200), "day": pd.Timestamp("2026-01-07"), "orders": 1, "revenue": 10.0})
    >>> whale = days.assign(revenue=[10.0] * 199 + [4000.0])
    >>> traps.heavy_tail(days, period=week).case, traps.heavy_tail(whale, period=week).case
    ('silent', 'fired')
    """
    payers = _paid(user_days, period.start, period.end).filter(_.orders > 0)
    rank = ibis.row_number().over(ibis.window(order_by=[payers.revenue.desc(), payers.user]))
    ranked = payers.mutate(rank=rank, n=payers.count().over(ibis.window()))
    top = (ranked.rank < min_cell) | (ranked.rank * 100 < ranked.n)
    parted = ranked.mutate(part=ibis.cases((ranked.rank == 0, 0), (top, 1), else_=2))
    parts = count_moments(parted, by="part", pairs={"revenue": (parted.revenue, parted.revenue)}).set_index("part")
    n, total = int(parts["users"].sum()), float(parts["total"].sum())
    if n < 2 * min_cell or total <= 0:
        return Check("heavy_tail", None, {"n": n})
    rest = _pooled([_moments(row) for place, row in parts.iterrows() if place])
    half = Z * np.sqrt(rest.variance / rest.n)
    moved = 2 * abs(total / n - rest.mean) > half + ROUNDING * rest.mean
    top_users, top_share = int(parts["users"].loc[:1].sum()), float(parts["total"].loc[:1].sum()) / total
    fired = moved or top_share * n >= CONCENTRATED * top_users
    return Check("heavy_tail", bool(fired), {"n": n, "top_users": top_users, "top_share": top_share})


def same_day_orders(orders: Tabular, *, as_of: date, window_days: int = 365) -> Check:
    """Purchases of a user on a day that has another of hers, and what merging them does to the frequency.

    orders: one row per order -- user, day, is_purchase. Fires from 1 % of the window's purchases.

    >>> import pandas as pd
    >>> from opsbook import tiny, traps
    >>> orders = tiny.orders
    >>> twice = pd.concat([orders, orders.head(10).assign(order_id="again")])
    >>> [traps.same_day_orders(table, as_of=tiny.AS_OF).case for table in (orders, twice)]
    ['silent', 'fired']
    """
    bought = engine_table(orders).select("user", day=_.day.cast("date"), is_purchase=_.is_purchase.cast("boolean"))
    first = as_of - timedelta(days=window_days - 1)
    bought = bought.filter(_.is_purchase, _.day.between(ibis.date(first), ibis.date(as_of)))
    days = bought.group_by("user", "day").agg(orders=_.count())
    sums = {"orders": _.orders.sum(), "days": _.count(), "buyers": _.user.nunique()}
    n, order_days, buyers = (int(value) for value in days.aggregate(**sums).fill_null(0).to_pandas().iloc[0])
    if not n:
        return Check("same_day_orders", None)
    share = wilson(n - order_days, n)
    told = {"n": n, "share": share.value, "low": share.low, "high": share.high}
    return Check(
        "same_day_orders", share.value >= NOTICEABLE, told | {"mean": n / buyers, "merged": order_days / buyers}
    )


def outside_window(checks: Tabular) -> Check:
    """Rows dated before the declared start, impossible in time, late, or read in two zones.

    checks: one row per broken rule -- table, rule, rows. Fires when there is any.

    >>> import pandas as pd
    >>> from opsbook import traps
    >>> checks = pd.DataFrame({"table": ["events"], "rule": ["clock_error"], "rows": [12]})
    >>> found = traps.outside_window(checks)
    >>> print(found.case, dict(found.numbers))
    fired {'dropped': 12, 'flagged': 0}
    """
    broken = engine_table(checks)
    sums = {"dropped": _.rows.sum(where=_.rule.isin(DROPPED)), "flagged": _.rows.sum(where=_.rule.isin(FLAGGED))}
    dropped, flagged = (int(value) for value in broken.aggregate(**sums).fill_null(0).to_pandas().iloc[0])
    return Check("outside_window", dropped + flagged > 0, {"dropped": dropped, "flagged": flagged})


def day_boundary(steps: Tabular, *, period: Period) -> Check:
    """Share of the period's events that would fall on another day if days were counted in UTC.

    steps: one row per event -- at (UTC), day, hour (local). Fires from 1 %; unknown where every event carries the same
    hour, which means that the source has days and no times.

    >>> import pandas as pd
    >>> from opsbook import tiny, traps
    >>> week = tiny.period("2026-W02")
    >>> at = pd.to_datetime(["2026-01-06 23:00", "2026-01-07 04:00", "2026-01-07 10:00", "2026-01-07 11:00"])
    >>> steps = pd.DataFrame({"at": at, "day": pd.Timestamp("2026-01-07"), "hour": [7, 12, 18, 19]})
    >>> found = traps.day_boundary(steps, period=week)
    >>> print(found.case, dict(found.numbers))
    fired {'n': 4, 'share': 0.25, 'night': 0.0}
    """
    events = engine_table(steps).select(day=_.day.cast("date"), utc_day=_.at.date(), hour=_.hour)
    events = events.filter(_.day.between(ibis.date(period.start), ibis.date(period.end)))
    sums = {"n": _.count(), "moved": (_.day != _.utc_day).sum(), "night": (_.hour < 3).sum(), "hours": _.hour.nunique()}
    n, moved, night, hours = (int(value) for value in events.aggregate(**sums).fill_null(0).to_pandas().iloc[0])
    if hours < 2:
        return Check("day_boundary", None, {"n": n})
    return Check("day_boundary", moved / n >= NOTICEABLE, {"n": n, "share": moved / n, "night": night / n})


def left_truncation(users: Tabular, *, data_start: date) -> Check:
    """Users whose life began before the data, or nobody knows when: their early days were never seen.

    users: one row per user -- first_day, life_start (signup, first_event, unknown). Fires when there is any.

    >>> from opsbook import tiny, traps
    >>> found = traps.left_truncation(tiny.users, data_start=tiny.DATA_START)
    >>> print(found.case, dict(found.numbers))
    fired {'n': 60, 'unknown': 4, 'early': 18}
    """
    people = engine_table(users).select(first_day=_.first_day.cast("date"), life_start="life_start")
    early = (_.life_start == "signup") & (_.first_day < ibis.date(data_start))
    sums = {"n": _.count(), "unknown": (_.life_start == "unknown").sum(), "early": early.sum()}
    n, unknown, before = (int(value) for value in people.aggregate(**sums).fill_null(0).to_pandas().iloc[0])
    told = {"n": n, "unknown": unknown, "early": before}
    return Check("left_truncation", unknown + before > 0 if n else None, told)


def undecided(line: pd.DataFrame) -> Check:
    """New users of the period whose first seven days are not over: neither activated nor failed.

    line: aarrr of the period. Fires when there is any.

    >>> import pandas as pd
    >>> from opsbook import traps
    >>> found = traps.undecided(pd.DataFrame({"metric": ["new_users", "activated"], "n": [120, 95]}))
    >>> print(found.case, dict(found.numbers))
    fired {'n': 120, 'undecided': 25}
    """
    n = line.set_index("metric")["n"]
    new, judged = int(n["new_users"]), int(n["activated"])
    told = {"n": new, "undecided": new - judged}
    return Check("undecided", new > judged if new else None, told)


def incomplete_periods(growth: pd.DataFrame) -> Check:
    """Periods shown that are not complete or not settled; fires when there is any.

    growth: growth_accounting -- complete

    >>> import pandas as pd
    >>> from opsbook import traps
    >>> found = traps.incomplete_periods(pd.DataFrame({"period": ["2026-W08", "2026-W09"], "complete": [True, False]}))
    >>> print(found.case, dict(found.numbers))
    fired {'n': 2, 'incomplete': 1}
    """
    n, complete = len(growth), int(growth["complete"].sum()) if len(growth) else 0
    return Check("incomplete_periods", complete < n if n else None, {"n": n, "incomplete": n - complete})


def regression_to_mean(kept: pd.DataFrame, *, key: str = "HHH") -> Check:
    """Whether the fall of a group chosen for being high looks like a loss but is what the step before had, too.

    kept: rfm_migration.kept_groups. Fires when part of the group fell and that is not clearly more than one step
    earlier; unknown without that step.

    >>> from datetime import date
    >>> from opsbook import rfm_migration, tiny, traps
    >>> ends = [date(2026, 2, 3), date(2026, 2, 16), tiny.AS_OF]
    >>> kept = rfm_migration.kept_groups(rfm_migration.rfm_migration(tiny.orders, ends=ends, **tiny.COVERED))
    >>> found = traps.regression_to_mean(kept)
    >>> print(f"{found.case}: {found.numbers['fell']:.0%} fell, one step earlier {found.numbers['usual']:.0%}")
    fired: 20% fell, one step earlier 50%
    """
    names = ["from_users", "base_users", "share_kept", "share_kept_before", "kept_points"]
    names += ["kept_points_low", "kept_points_high"]
    row = {name: float(kept.set_index("key")[name][key]) for name in names}
    told = {"n": row["from_users"], "fell": 1 - row["share_kept"], "base_n": row["base_users"]}
    told |= {"usual": 1 - row["share_kept_before"], "change": -row["kept_points"]}
    told |= {"low": -row["kept_points_high"], "high": -row["kept_points_low"]}
    if np.isnan(row["kept_points"]):
        return Check("regression_to_mean", None, told)
    more = bool(kept.set_index("key")["clear"][key]) and row["kept_points"] < 0
    return Check("regression_to_mean", row["share_kept"] < 1 and not more, told)


def many_compared(*tables: pd.DataFrame) -> Check:
    """Whether some change looks clear alone but not once the number compared is counted (Holm).

    tables: each with change (or kept_points), its _low and its _high, 95 % intervals

    >>> import pandas as pd
    >>> from opsbook import traps
    >>> table = pd.DataFrame({"change": [0.11] + [0.01] * 19})
    >>> found = traps.many_compared(table.assign(change_low=table["change"] - 0.1, change_high=table["change"] + 0.1))
    >>> print(found.case, dict(found.numbers))
    fired {'n': 20, 'alone': 1, 'kept': 0, 'by_chance': 1.0}
    """
    name = ["kept_points" if "kept_points" in table else "change" for table in tables]
    ends = [table[[one, f"{one}_low", f"{one}_high"]].set_axis(["value", "low", "high"], axis=1).astype("float64")
            for one, table in zip(name, tables, strict=True)]  # fmt: skip
    together = pd.concat(ends, ignore_index=True).dropna()
    alone = int(((together["low"] > 0) | (together["high"] < 0)).sum())
    error = (together["high"] - together["low"]) / 2 / Z
    p_values = 2 * ndtr(-(together["value"].abs() / error.where(error > 0)))
    kept, n = int((holm(p_values) <= 0.05).sum()), compared(p_values)
    told = {"n": n, "alone": alone, "kept": kept, "by_chance": 0.05 * n}
    return Check("many_compared", alone > kept if n else None, told)


def simpson(split: pd.DataFrame, *, metric: str) -> Check:
    """Whether a total moves one way and its channels, at unchanged parts, the other (Simpson's paradox).

    split: channel_mix.channel_mix. Fires when total and inside have opposite signs and the interval of at least one of
    them excludes 0; unknown without two channels.

    >>> import pandas as pd
    >>> from opsbook import traps
    >>> split = pd.DataFrame({"metric": ["arpu"], "users": 900, "channels": 2, "total": -1.2, "inside": 0.4})
    >>> split = split.assign(mix=-1.6, total_low=-1.9, total_high=-0.5, inside_low=0.1, inside_high=0.7)
    >>> found = traps.simpson(split, metric="arpu")
    >>> print(f"{found.case}: total {found.numbers['total']:+.1f}, inside channels {found.numbers['inside']:+.1f}")
    fired: total -1.2, inside channels +0.4
    """
    row = split.set_index("metric").loc[metric]
    told = {
        name: float(row[name]) for name in ("users", "channels", "total", "inside", "mix", "inside_low", "inside_high")
    }
    if row["channels"] < 2 or np.isnan(row["total"]):
        return Check(f"simpson_{metric}", None, told)
    clear = any(row[f"{part}_low"] > 0 or row[f"{part}_high"] < 0 for part in ("total", "inside"))
    return Check(f"simpson_{metric}", bool(row["total"] * row["inside"] < 0 and clear), told)


def one_minus_km(ends: pd.DataFrame, *, day: int) -> Check:
    """How wrong 1 - Kaplan-Meier would be for the road it flatters most, the other roads called censored.

    ends: roads.ends. Fires from one point of difference on that day; unknown with fewer than two roads by then, or
    where nobody was watched that long. together: the sum of 1-KM over all roads, beside the share that really left.

    >>> import pandas as pd
    >>> from opsbook import traps
    >>> ends = pd.DataFrame({"entry_days": 0, "duration_days": [5, 9, 20], "cause": ["silent", "closed", ""]})
    >>> found = traps.one_minus_km(ends.assign(users=[50, 25, 25]), day=14)
    >>> print(f"{found.numbers['road']}: {found.numbers['share']:.2f}, by 1 - KM {found.numbers['km']:.2f}")
    closed: 0.25, by 1 - KM 0.50
    """
    durations = ends.assign(churned=ends["users"].where(ends["cause"] != "", 0))
    durations = durations.assign(censored=durations["users"] - durations["churned"])
    told = competing.incidence_at(competing.cumulative_incidence(ends), day=day).set_index("cause")["share"]
    if len(told) < 2 or not life_table.at_risk(durations, np.array([day]))[0]:
        return Check("one_minus_km", None, {"n": int(ends["users"].sum())})
    naive = {cause: _one_minus_km(durations, str(cause), day) for cause in told.index}
    worst = max(told.index, key=lambda cause: naive[cause] - told[cause])
    numbers = {"n": int(ends["users"].sum()), "day": day, "share": float(told[worst]), "km": naive[worst]}
    numbers |= {"points": naive[worst] - float(told[worst]), "together": sum(naive.values()), "left": float(told.sum())}
    return Check("one_minus_km", numbers["points"] >= NOTICEABLE, numbers | {"road": worst})


def _one_minus_km(durations: pd.DataFrame, cause: str, day: int) -> float:
    own = durations["cause"] == cause
    users = durations["users"]
    alone = durations.assign(churned=users.where(own, 0), censored=users.where(~own, 0))
    return 1 - survival.active_at(alone, day=day).value


def _paid(user_days: Tabular, start: date, end: date) -> ir.Table:
    """One row per user active in the days -- user, orders, revenue."""
    revenue = _.revenue.cast("decimal(18, 4)")
    days = engine_table(user_days).select(
        "user", day=_.day.cast("date"), orders=_.orders.cast("int64"), revenue=revenue
    )
    days = days.filter(_.day.between(ibis.date(start), ibis.date(end)))
    return days.group_by("user").agg(orders=_.orders.sum(), revenue=_.revenue.sum())


def _moments(row: pd.Series) -> Moments:
    variance = float(row["variance"])
    return Moments(int(row["users"]), float(row["mean"]), 0.0 if np.isnan(variance) else variance)


def _pooled(parts: list[Moments]) -> Moments:
    """The moments of the union of disjoint groups."""
    n = sum(part.n for part in parts)
    if n < 2:
        return Moments(n, parts[0].mean if n else 0.0, 0.0)
    mean = sum(part.n * part.mean for part in parts) / n
    squares = sum((part.n - 1) * part.variance + part.n * (part.mean - mean) ** 2 for part in parts if part.n)
    return Moments(n, mean, squares / (n - 1))
