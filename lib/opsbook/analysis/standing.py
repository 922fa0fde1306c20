"""Where each user stands at the end of a day: age, silence, activity, stage, RFM group, and what a rule wants counted.

Stands below the analyses that need a user's stage or group (segments, profile); `stages` counts the same rules without
naming users, and a test holds both to the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from math import isnan

import ibis
import ibis.expr.types as ir

from opsbook.analysis.buyers import cut_points, keyed, rfm_buyers
from opsbook.inputs.segments import Rule
from opsbook.inputs.workbook import StageRule, Thresholds
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MONEY = "decimal(18, 4)"
ACTIVITY_DAYS, ORDER_DAYS = 28, 90
COUNTS = ["active_days_28", "orders_90", "revenue_90"]
TABLE_OF = {
    "active_days": "user_days",
    "orders": "orders",
    "revenue": "orders",
    "event": "steps",
    "event_group": "steps",
}
Counted = tuple[str, str, int]


def standing(
    user_days: Tabular,
    users: Tabular,
    orders: Tabular,
    steps: Tabular,
    *,
    as_of: date,
    limits: Thresholds,
    rules: Iterable[Rule] = (),
    event_groups: Mapping[str, Sequence[str]] | None = None,
) -> ir.Table:
    """Every user whose life has begun by the end of `as_of`; nothing later is read.

    returns: one row per user, in the engine -- all columns of users, tenure_days (since life began), known (whether
             that is where it began), silent_days (since the last active day; since life began if there was none),
             active_days_28, orders_90 and revenue_90 (of active days, as the stage rules count them), stage, rfm (key;
             missing without an order in the window), and a column per counted condition, named by `counted_column`

    >>> from opsbook import standing, tiny
    >>> from opsbook.inputs.workbook import Thresholds
    >>> tables = tiny.user_days, tiny.users, tiny.orders, tiny.steps
    >>> told = standing.standing(*tables, as_of=tiny.AS_OF, limits=Thresholds()).order_by("user").to_pandas()
    >>> print(told.loc[[2, 32], ["user", "tenure_days", "silent_days", "stage", "rfm"]].to_string(index=False))
     user  tenure_days  silent_days  stage rfm
        2           91            2 mature HHH
       32           65            2 mature HHH
    """
    wanted = list(dict.fromkeys(key for rule in rules for leaf in rule.leaves if (key := _counted(leaf))))
    by_table = {name: [key for key in wanted if TABLE_OF[key[0]] == name] for name in ("user_days", "orders", "steps")}
    parts = [_activity(_until(user_days, as_of), by_table["user_days"], as_of), _rfm(orders, limits, as_of)]
    for name, table in (("orders", orders), ("steps", steps)):
        if by_table[name]:
            parts.append(_counts(_until(table, as_of), by_table[name], as_of, event_groups or {}))
    people = _alive(engine_table(users), as_of)
    for part in parts:
        people = people.left_join(part, "user", rname="{name}_again").drop("user_again")
    return _with_stage(people, [*COUNTS, *(_column(key) for key in wanted)], limits.stages, as_of)


def counted_column(leaf: Rule) -> str:
    """The column of a condition that counts something.

    >>> from opsbook import standing
    >>> from opsbook.inputs.segments import Rule
    >>> standing.counted_column(Rule(event="read", within_days=28, at_least=3))
    'counted:event:read:28'
    """
    key = _counted(leaf)
    return _column(key) if key else ""


def _column(key: Counted) -> str:
    return "counted:" + ":".join(map(str, key))


def _counted(leaf: Rule) -> Counted | None:
    """What a condition wants counted; None when it counts nothing."""
    if leaf.within_days is None:
        return None
    kind = leaf.count or ("event" if leaf.event else "event_group")
    return kind, leaf.event or leaf.event_group or "", leaf.within_days


def _until(table: Tabular, as_of: date) -> ir.Table:
    known = engine_table(table)
    return known.mutate(day=known.day.cast("date")).filter(_.day <= ibis.date(as_of))


def _alive(people: ir.Table, as_of: date) -> ir.Table:
    """Users whose life began by the end of the day: at the first day, or the first activity if that is earlier."""
    first, active = people.first_day.cast("date"), people.first_active_day.cast("date")
    life = ibis.coalesce(ibis.least(first, active), first, active)
    aged = people.mutate(tenure_days=_number(as_of) - life.epoch_days(), known=_.life_start != "unknown")
    return aged.filter(_.tenure_days >= 0)


def _activity(days: ir.Table, keys: Sequence[Counted], as_of: date) -> ir.Table:
    """One row per user ever active -- user, last_number (day), COUNTS, and counted active days."""
    recent, bought = (days.day > ibis.date(as_of - timedelta(days=span)) for span in (ACTIVITY_DAYS, ORDER_DAYS))
    orders, revenue = days.orders.cast("int64"), days.revenue.cast(MONEY)
    return days.group_by("user").agg(
        last_number=_.day.max().epoch_days(),
        active_days_28=recent.sum().cast("int64"),
        orders_90=orders.sum(where=bought).cast("int64"),
        revenue_90=revenue.sum(where=bought),
        **{_column(key): _one_count(days, key, as_of, {}) for key in keys},
    )


def _counts(table: ir.Table, keys: Sequence[Counted], as_of: date, groups: Mapping[str, Sequence[str]]) -> ir.Table:
    """One row per user of the longest window with every count asked of this table."""
    longest = max(days for _kind, _name, days in keys)
    recent = table.filter(table.day > ibis.date(as_of - timedelta(days=longest)))
    return recent.group_by("user").agg(**{_column(key): _one_count(recent, key, as_of, groups) for key in keys})


def _one_count(table: ir.Table, key: Counted, as_of: date, groups: Mapping[str, Sequence[str]]) -> ir.Value:
    kind, name, days = key
    inside = table.day > ibis.date(as_of - timedelta(days=days))
    if kind == "active_days":
        return inside.sum().cast("int64")
    if kind == "revenue":
        return table.net.cast(MONEY).sum(where=inside)
    if kind == "orders":
        return (inside & table.is_purchase.cast("boolean")).sum().cast("int64")
    names = list(groups.get(name, [])) if kind == "event_group" else [name]
    return (inside & table.event.isin(names)).sum().cast("int64")


def _rfm(orders: Tabular, limits: Thresholds, as_of: date) -> ir.Table:
    """One row per buyer of the window -- user, rfm (the three letters)."""
    buyers = rfm_buyers(orders, as_of=as_of, window_days=limits.rfm_days, money=limits.rfm_money)
    cuts = cut_points(
        buyers, cut=limits.rfm_cut, values={str(name): value for name, value in limits.rfm_values.items()}
    )
    letters = keyed(buyers, {name: 0.0 if isnan(cut) else cut for name, cut in cuts.items()})
    return letters.select("user", rfm="key")


def _with_stage(people: ir.Table, counts: Sequence[str], rules: Sequence[StageRule], as_of: date) -> ir.Table:
    """The facts with missing ones filled in, and the stage of the first rule that holds."""
    silent = ibis.coalesce(_number(as_of) - people.last_number, people.tenure_days)
    zeros = {name: people[name].fill_null(0) for name in counts}
    known = people.mutate(silent_days=silent, **zeros).drop("last_number")
    matches = [(_holds(rule, known), rule.stage) for rule in rules[:-1]]
    last = rules[-1].stage
    return known.mutate(stage=ibis.cases(*matches, else_=last) if matches else ibis.literal(last))


def _holds(rule: StageRule, row: ir.Table) -> ir.BooleanValue:
    """Every bound the rule gives; an upper bound on tenure is never met when the start of life is unknown."""
    bounds = {
        "max_tenure_days": row.known & (row.tenure_days <= (rule.max_tenure_days or 0)),
        "min_tenure_days": row.tenure_days >= (rule.min_tenure_days or 0),
        "max_silent_days": row.silent_days <= (rule.max_silent_days or 0),
        "min_silent_days": row.silent_days >= (rule.min_silent_days or 0),
        "max_active_days": row.active_days_28 <= (rule.max_active_days or 0),
        "min_active_days": row.active_days_28 >= (rule.min_active_days or 0),
        "min_orders": row.orders_90 >= (rule.min_orders or 0),
    }
    given = [bounds[name] for name in rule.model_dump(exclude_none=True) if name in bounds]
    return reduce(lambda one, other: one & other, given, ibis.literal(True))


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
