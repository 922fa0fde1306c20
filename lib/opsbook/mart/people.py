"""Users of the mart: dense keys, first and last day, and how much of their life could be seen."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir

from opsbook.inputs.workbook import Workbook
from opsbook.mart.local_time import local_time

_ = ibis._
BOOKKEEPING = {"user_id", "signed_up_at", "channel", "invited_by"}


def user_keys(tables: dict[str, ir.Table]) -> ir.Table:
    """One row per user named in any table -- user_id, user (dense key 0, 1, … in the order of the ids)."""
    named = [table.select("user_id") for _name, table in sorted(tables.items()) if "user_id" in table.columns]
    ids = ibis.union(*named, distinct=True) if len(named) > 1 else named[0].distinct()
    known = ids.filter(_.user_id.notnull())
    return known.select("user_id", user=ibis.row_number().over(order_by="user_id").cast("int32"))


def users(
    given: ir.Table,
    keys: ir.Table,
    days: ir.Table,
    workbook: Workbook,
    *,
    data_start: date,
    span: tuple[datetime, datetime],
) -> ir.Table:
    """One row per user -- user, user_id, first_day, life_start, signed_up_day, signed_up_at (UTC), first_active_day, …

    given: contract users; days: user_days. first_day is the signup day, else the first active day; life_start tells
    which, or `unknown` for a user without signup date whom the first `history_days` of data already show.
    entry_day is the first day on which the user could have been seen: the later of first_day and data_start.
    """
    active = days.group_by("user").agg(
        first_active_day=_.day.min(), last_active_day=_.day.max(), active_days=_.count().cast("int32")
    )
    people = keys.left_join(given, "user_id").drop("user_id_right").left_join(active, "user").drop("user_right")
    inviters = keys.select(inviter="user", inviter_id="user_id")
    people = people.left_join(inviters, people.invited_by == inviters.inviter_id).drop("inviter_id", "invited_by")
    signed_up = local_time(people.signed_up_at, workbook.timezone, first=span[0], last=span[1]).date()
    dated = people.mutate(signed_up_day=signed_up, active_days=_.active_days.fill_null(0))
    return _with_life(dated, workbook, data_start).select(*_columns(given))


def _with_life(people: ir.Table, workbook: Workbook, data_start: date) -> ir.Table:
    watched = data_start + timedelta(days=workbook.thresholds.history_days)
    start = ibis.cases(
        (_.signed_up_day.notnull(), "signup"), (_.first_active_day < watched, "unknown"), else_="first_event"
    )
    return people.mutate(first_day=ibis.coalesce(_.signed_up_day, _.first_active_day), life_start=start).mutate(
        entry_day=ibis.ifelse(_.first_day < ibis.date(data_start), ibis.date(data_start), _.first_day),
        channel=_.channel.fill_null("unknown"),
        invited_by=_.inviter,
    )


def _columns(given: ir.Table) -> list[str]:
    life = [
        "first_day",
        "life_start",
        "signed_up_day",
        "signed_up_at",
        "first_active_day",
        "last_active_day",
        "active_days",
        "entry_day",
    ]
    attributes = [name for name in given.columns if name not in BOOKKEEPING]
    return ["user", "user_id", *life, "channel", "invited_by", *attributes]
