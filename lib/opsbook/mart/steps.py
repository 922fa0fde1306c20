"""Steps: one row per event, orders among them, with dense user keys and local days."""

from __future__ import annotations

from datetime import datetime

import ibis
import ibis.expr.types as ir

from opsbook.inputs.workbook import Workbook
from opsbook.mart.local_time import local_time

ORDER_EVENT = "order"
EVENT_COLUMNS = {"campaign_id": "string", "content_id": "string", "channel": "string", "value": "float64"}


def steps(
    events: ir.Table, orders: ir.Table, keys: ir.Table, workbook: Workbook, span: tuple[datetime, datetime]
) -> ir.Table:
    """One row per event -- user, at (UTC), day, hour (local), event, campaign_id, content_id, channel, value.

    events, orders: contract tables, already cut at as_of; a refund on its own is no event, and neither is a record of
    an exit, which nobody does: it makes no day active and stands in the mart's `exits`.
    """
    traces = workbook.exits.traces
    deeds = events.filter(~events.event.isin(traces)) if traces else events
    stream = deeds.select("user_id", "event", *EVENT_COLUMNS, at="occurred_at").union(_as_events(orders))
    local = local_time(stream.at, workbook.timezone, first=span[0], last=span[1])
    placed = stream.mutate(day=local.date(), hour=local.hour().cast("int8"))
    return placed.inner_join(keys, "user_id").select("user", "at", "day", "hour", "event", *EVENT_COLUMNS)


def user_days(steps: ir.Table, orders: ir.Table, workbook: Workbook) -> ir.Table:
    """One row per user and active day -- user, day, gap_before, gap_after (days), events, n_<group>, orders, revenue.

    steps, orders: mart tables. A day is active when it holds a qualifying event (`active_events`; none named = any).
    revenue is the net paid amount of the day's purchases, refunds of those orders taken off.
    """
    names = workbook.thresholds.active_events
    qualifying = steps.filter(steps.event.isin(names)) if names else steps
    groups = {f"n_{name}": _.event.isin(events).sum().cast("int32") for name, events in workbook.event_groups.items()}
    active = qualifying.group_by("user", "day").agg(events=_.count().cast("int32"), **groups)
    bought = orders.filter(_.is_purchase).group_by("user", "day")
    paid = bought.agg(orders=_.count().cast("int32"), revenue=_.net.sum().round(4))
    joined = active.left_join(paid, ["user", "day"]).drop("user_right", "day_right")
    filled = joined.mutate(orders=_.orders.fill_null(0), revenue=_.revenue.fill_null(0.0))
    in_order = ibis.window(group_by="user", order_by="day")
    return filled.mutate(
        gap_before=_.day.delta(_.day.lag().over(in_order), unit="day").cast("int32"),
        gap_after=_.day.lead().over(in_order).delta(_.day, unit="day").cast("int32"),
    ).relocate("gap_before", "gap_after", after="day")


def _as_events(orders: ir.Table) -> ir.Table:
    purchases = orders.filter(_.amount > 0)
    nothing = {name: ibis.null(kind) for name, kind in EVENT_COLUMNS.items() if name not in ("campaign_id", "value")}
    columns = {"at": _.paid_at, "event": ibis.literal(ORDER_EVENT), "campaign_id": _.campaign_id, "value": _.amount}
    named = purchases.select("user_id", **columns, **nothing)
    return named.select("user_id", "event", *EVENT_COLUMNS, "at")


_ = ibis._
