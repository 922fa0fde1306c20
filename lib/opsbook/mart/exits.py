"""Exits: the records a company keeps of who left for good, and until when it would have kept one."""

from __future__ import annotations

from datetime import date, datetime

import ibis
import ibis.expr.types as ir

from opsbook.inputs.exits import Exits
from opsbook.inputs.workbook import Workbook
from opsbook.mart.local_time import local_time

_ = ibis._
REFUNDED = "(refunded in full)"


def exits(
    events: ir.Table, orders: ir.Table, keys: ir.Table, workbook: Workbook, span: tuple[datetime, datetime]
) -> ir.Table:
    """One row per user, day and recorded event of `exits` in the workbook -- user, day, event, road.

    events: contract events; orders: mart orders. road is missing for events that begin or end the watch. A refund in
    full is the first day at whose end everything the user ever paid has been paid back; where a refund is a column of
    its order and not a row of its own, that is the day of the order, the only day there is.
    """
    settings = workbook.exits
    parts = [_recorded(events, keys, workbook, span)] if settings.named else []
    parts += [_refunded(orders, road) for road, told in settings.roads.items() if told.refunded_in_full]
    if not parts:
        nothing = {"day": ibis.null("date"), "event": ibis.null("string"), "road": ibis.null("string")}
        return keys.limit(0).select("user", **nothing)
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def with_exits(people: ir.Table, recorded: ir.Table, settings: Exits, *, as_of: date) -> ir.Table:
    """The users with exit_day, exit_road (the first exit; of two on one day the road named first) and watched_through.

    watched_through is the last day on which an exit would have been recorded, for users whose life only exits end, and
    missing where silence tells. entry_day moves to the day the watch began where `observed_from` names its event; a
    user without one has no entry_day: nobody knows since when an exit would have been seen.
    """
    if not settings.roads:
        nothing = {"exit_day": ibis.null("date"), "exit_road": ibis.null("string")}
        return people.mutate(**nothing, watched_through=ibis.null("date"))
    order = ibis.cases(
        *[(_.road == road, place) for place, road in enumerate(settings.roads)], else_=len(settings.roads)
    )
    left = recorded.filter(_.road.notnull()).mutate(place=order).group_by("user")
    first = left.agg(exit_day=_.day.min(), exit_road=_.road.argmin(_.day.epoch_days() * 1000 + _.place))
    known = people.left_join(first, "user").drop("user_right")
    if not settings.exits_only:
        return known.mutate(watched_through=ibis.null("date"))
    known = _first_of(known, recorded, settings.observed_from, "watched_from")
    known = _first_of(known, recorded, settings.observed_until, "watched_to")
    entry = ibis.greatest(_.entry_day, _.watched_from) if settings.observed_from else _.entry_day
    through = ibis.least(ibis.coalesce(_.watched_to, ibis.date(as_of)), ibis.date(as_of))
    entry = _.watched_from.isnull().ifelse(ibis.null("date"), entry) if settings.observed_from else entry
    return known.mutate(entry_day=entry, watched_through=through).drop("watched_from", "watched_to")


def _recorded(events: ir.Table, keys: ir.Table, workbook: Workbook, span: tuple[datetime, datetime]) -> ir.Table:
    settings = workbook.exits
    rows = events.filter(events.event.isin(settings.named))
    day = local_time(rows.occurred_at, workbook.timezone, first=span[0], last=span[1]).date()
    roads = [(_.event.isin(road.events), key) for key, road in settings.roads.items() if road.events]
    road = ibis.cases(*roads, else_=ibis.null("string")) if roads else ibis.null("string")
    dated = rows.mutate(day=day, road=road).inner_join(keys, "user_id")
    return dated.select("user", "day", "event", "road").distinct()


def _refunded(orders: ir.Table, road: str) -> ir.Table:
    """The first day at whose end a user who bought has nothing paid left."""
    days = orders.group_by("user", "day").agg(net=_.net.sum(), bought=_.is_purchase.cast("int64").sum())
    so_far = ibis.cumulative_window(group_by="user", order_by="day")
    sums = days.mutate(left=_.net.sum().over(so_far), orders=_.bought.sum().over(so_far))
    back = sums.filter((sums.orders > 0) & (sums.left < 0.005)).group_by("user").agg(day=_.day.min())
    return back.select("user", "day", event=ibis.literal(REFUNDED), road=ibis.literal(road))


def _first_of(people: ir.Table, recorded: ir.Table, events: tuple[str, ...], name: str) -> ir.Table:
    """The users with the first day of any of the events as a column of this name."""
    if not events:
        return people.mutate(**{name: ibis.null("date")})
    first = recorded.filter(_.event.isin(events)).group_by("user").agg(**{name: _.day.min()})
    return people.left_join(first, "user").drop("user_right")
