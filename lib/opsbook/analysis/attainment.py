"""Goals against actual figures: 目标达成率, the gap, and the weighted attainment of all goals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
COLUMNS = ["metric", "direction", "target", "actual", "attainment", "gap", "weight", "reached"]
NEEDS = {"exposed": "exposures", "orders": "orders", "revenue": "orders"}
METRICS = ("exposed", "participants", "converters", "orders", "revenue", "new_users", "cost")


class Target(Protocol):
    """One goal as the campaign file writes it."""

    metric: str
    target: float
    direction: str
    weight: float


def orders_and_revenue(
    orders: Tabular, members: Tabular, *, campaign_id: str, start: date, end: date
) -> dict[str, float]:
    """Purchases from start to end by users whom the campaign reached, and any other marked with the campaign.

    returns: orders (count), revenue (net of refunds, currency) -- gross figures, not an effect

    >>> from opsbook import attainment, audience, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> attainment.orders_and_revenue(tiny.orders, members, **tiny.SPRING)
    {'orders': 27.0, 'revenue': 580.0}
    """
    own = _sold(orders, members, campaign_id, start, end)
    row = own.agg(orders=own.count(), revenue=exact_sum(own.net)).to_pandas().iloc[0]
    return {"orders": float(row["orders"]), "revenue": float(row["revenue"])}


def buyers(orders: Tabular, members: Tabular, *, campaign_id: str, start: date, end: date) -> pd.DataFrame:
    """The same purchases by user, counted: one row -- buyers (users), orders, revenue (net), and how buyers differ.

    returns: buyers, orders, revenue, orders_variance, revenue_variance (of a buyer's orders and revenue, n - 1)

    >>> from opsbook import attainment, audience, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> print(attainment.buyers(tiny.orders, members, **tiny.SPRING).round(1).to_string(index=False))
     buyers  orders  revenue  orders_variance  revenue_variance
         12      27    580.0              0.8             178.8
    """
    each = _sold(orders, members, campaign_id, start, end).group_by("user")
    spent = each.agg(orders=_.count(), revenue=_.net.cast("float64").sum().round(4))
    own = {name: spent[name].cast("float64") for name in ("orders", "revenue")}
    spread = {f"{name}_variance": values.var(how="sample").round(6) for name, values in own.items()}
    sums = {"orders": spent.orders.sum().fill_null(0), "revenue": spent.revenue.sum().round(4).fill_null(0.0)}
    return spent.agg(buyers=spent.count(), **sums, **spread).to_pandas()


def _sold(orders: Tabular, members: Tabular, campaign_id: str, start: date, end: date) -> ir.Table:
    """Purchases in the span by whom the campaign reached, and those marked with it -- user, net."""
    bought = engine_table(orders)
    day = bought.day.cast("date")
    inside = bought.filter((day >= start) & (day <= end) & bought.is_purchase)
    reached = engine_table(members).select(member=_.user)
    known = inside.left_join(reached, inside.user == reached.member)
    own = known.filter(known.member.notnull() | (known.campaign_id.cast("string") == campaign_id))
    return own.select("user", "net")


def actual(
    participation: pd.DataFrame, sold: Mapping[str, float], *, new_users: int, cost: float, given: Collection[str]
) -> dict[str, float]:
    """The actual figure of every metric a goal may name; missing, not zero, where the company has no such table.

    participation: table of `audience.participation`; sold: result of `orders_and_revenue`; given: contract tables

    >>> import pandas as pd
    >>> from opsbook import attainment
    >>> took_part = pd.DataFrame({"members": [900], "exposed": [900], "participants": [90], "converters": [40]})
    >>> sold = {"orders": 55.0, "revenue": 2750.0}
    >>> told = attainment.actual(took_part, sold, new_users=12, cost=600.0, given=["orders", "exposures", "events"])
    >>> {name: float(told[name]) for name in ("participants", "new_users", "orders", "revenue", "cost")}
    {'participants': 90.0, 'new_users': 12.0, 'orders': 55.0, 'revenue': 2750.0, 'cost': 600.0}
    """
    counts = {name: float(participation[name].sum()) for name in METRICS[:3]}
    figures = counts | dict(sold) | {"new_users": float(new_users), "cost": cost}
    return figures | {name: float("nan") for name, table in NEEDS.items() if table not in given}


def attained(actual: Mapping[str, float], goals: Sequence[Target]) -> pd.DataFrame:
    """Each goal with its actual figure, in the order of the campaign file.

    attainment is actual / target where higher is better and target / actual where lower is better (a cost of nothing
    attains without limit, shown as missing); gap is actual - target.
    returns: one row per goal -- metric, direction, target, actual, attainment (1 = reached), gap, weight, reached

    >>> from opsbook import attainment
    >>> from opsbook.inputs.campaign import Goal
    >>> goals = [Goal(metric="orders", target=50), Goal(metric="cost", target=500, direction="lower")]
    >>> table = attainment.attained({"orders": 55.0, "cost": 600.0}, goals)
    >>> print(table.round(2).to_string(index=False))
    metric direction  target  actual  attainment   gap  weight  reached
    orders    higher    50.0    55.0        1.10   5.0     1.0     True
      cost     lower   500.0   600.0        0.83 100.0     1.0    False
    """
    rows = [_row(goal, float(actual.get(goal.metric, float("nan")))) for goal in goals]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(("target", "actual", "attainment", "gap", "weight"), "float64"))


def overall(attained: pd.DataFrame) -> float:
    """Weighted mean attainment, each goal capped at 1 so that a windfall hides no miss; missing without goals.

    >>> import pandas as pd
    >>> from opsbook import attainment
    >>> reached = pd.DataFrame({"attainment": [1.8, 0.5], "weight": [1.0, 1.0]})
    >>> attainment.overall(reached)  # 180 % of one goal does not hide the miss of the other
    0.75
    """
    known = attained.dropna(subset=["attainment"])
    weight = known["weight"].sum()
    return float((known["attainment"].clip(upper=1) * known["weight"]).sum() / weight) if weight else float("nan")


def _row(goal: Target, actual: float) -> list[object]:
    top, bottom = (actual, goal.target) if goal.direction == "higher" else (goal.target, actual)
    attainment = top / bottom if bottom else float("nan")
    reached = actual >= goal.target if goal.direction == "higher" else actual <= goal.target
    return [goal.metric, goal.direction, goal.target, actual, attainment, actual - goal.target, goal.weight, reached]
