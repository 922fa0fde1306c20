"""The tables that hang on users: orders, assignments, exposures, redemptions, contents, costs."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir

from opsbook.mart.local_time import local_time

_ = ibis._
CLOCKS = {
    "users": "signed_up_at",
    "events": "occurred_at",
    "orders": "paid_at",
    "assignments": "assigned_at",
    "exposures": "exposed_at",
    "contents": "published_at",
    "redemptions": "redeemed_at",
}


def cut(table: ir.Table, name: str, *, before: datetime) -> ir.Table:
    """The rows that had happened before the instant; users without a signup time stay.

    The only place that cuts at as_of.
    """
    if name == "costs":
        return table.filter(_.day < before.date())
    clock = table[CLOCKS[name]]
    return table.filter((clock < before) | clock.isnull()) if name == "users" else table.filter(clock < before)


def orders(table: ir.Table, keys: ir.Table, zone: ZoneInfo, span: tuple[datetime, datetime]) -> ir.Table:
    """One row per order -- order_id, user, at, day, amount, discount, refunded, net (amount - refunded), is_purchase, …

    A negative amount is a refund booked on its own: it lowers net revenue and is no purchase.
    """
    placed = _placed(table, "orders", keys, zone, span)
    filled = placed.mutate(discount=_.discount.fill_null(0.0), refunded=_.refunded.fill_null(0.0))
    priced = filled.mutate(net=(_.amount - _.refunded).round(4), is_purchase=_.amount > 0)
    money = ["amount", "discount", "refunded", "net"]
    return priced.select("order_id", "user", "at", "day", *money, "is_purchase", "campaign_id")


def assignments(table: ir.Table, keys: ir.Table, zone: ZoneInfo, span: tuple[datetime, datetime]) -> ir.Table:
    """One row per experiment and user -- experiment_id, user, variant, at, day."""
    placed = _placed(table, "assignments", keys, zone, span)
    return placed.select("experiment_id", "user", "variant", "at", "day")


def exposures(table: ir.Table, keys: ir.Table, zone: ZoneInfo, span: tuple[datetime, datetime]) -> ir.Table:
    """One row per time a campaign was shown to a user -- campaign_id, user, at, day, channel."""
    return _placed(table, "exposures", keys, zone, span).select("campaign_id", "user", "at", "day", "channel")


def redemptions(table: ir.Table, keys: ir.Table, zone: ZoneInfo, span: tuple[datetime, datetime]) -> ir.Table:
    """One row per redemption -- campaign_id, user, at, day, cost."""
    return _placed(table, "redemptions", keys, zone, span).select("campaign_id", "user", "at", "day", "cost")


def contents(table: ir.Table, zone: ZoneInfo, span: tuple[datetime, datetime]) -> ir.Table:
    """One row per piece of content -- content_id, at, day, author_id, topic, format, channel."""
    at = table.published_at
    day = local_time(at, zone, first=span[0], last=span[1]).date()
    return table.select("content_id", "author_id", "topic", "format", "channel", at=at, day=day)


def _placed(table: ir.Table, name: str, keys: ir.Table, zone: ZoneInfo, span: tuple[datetime, datetime]) -> ir.Table:
    """The contract table with the dense user key, its instant as `at` and its local `day`."""
    timed = table.mutate(at=table[CLOCKS[name]])
    dated = timed.mutate(day=local_time(timed.at, zone, first=span[0], last=span[1]).date())
    return dated.inner_join(keys, "user_id")
