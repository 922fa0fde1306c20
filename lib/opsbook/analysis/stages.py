"""Lifecycle stages: an ordered rule list, how many users stand in each stage, and how they move between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.proportion import add_share
from opsbook.inputs.periods import Period
from opsbook.inputs.workbook import StageRule
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
STAGES = ["introduction", "growth", "mature", "sleeping", "lost"]
ENTERED, LEFT = "entered", "left_observation"
ACTIVITY_DAYS, ORDER_DAYS = 28, 90


def stage_stock(
    user_days: Tabular,
    users: Tabular,
    *,
    rules: Sequence[StageRule],
    periods: Sequence[Period],
    data_start: date,
    settled_through: date,
) -> pd.DataFrame:
    """How many users stand in each stage at the end of each period.

    user_days: one row per user and active day -- user, day, orders
    users:     one row per user -- user, first_day, first_active_day, life_start (signup, first_event, unknown)
    rules:     ordered, first match wins; the last one has no bounds, so stages are disjoint and exhaustive
    returns:   one row per period and stage of STAGES -- period (label), end, stage, users, alive_users (whose life
               began by the end), share (of alive_users), share_low, share_high (Wilson), complete (the look-back of
               the rules lies inside the data and is settled)
    """
    counted = [
        _stages_at(user_days, users, rules, period.end).group_by("stage").agg(users=_.count()).mutate(place=place)
        for place, period in enumerate(periods)
    ]
    grid = pd.MultiIndex.from_product([range(len(periods)), STAGES], names=["place", "stage"])
    stock = _collected(counted, ["place", "stage"]).reindex(grid, fill_value=0).rename("users").reset_index()
    stock["alive_users"] = stock.groupby("place")["users"].transform("sum")
    lookback = lookback_days(rules)
    facts = pd.DataFrame(
        {
            "place": range(len(periods)),
            "period": pd.Series([period.label for period in periods], dtype="object"),
            "end": pd.to_datetime([period.end for period in periods]).astype("datetime64[ns]"),
            "complete": [_covered(period.end, lookback, data_start, settled_through) for period in periods],
        }
    ).astype({"complete": "bool"})
    table = add_share(stock.merge(facts, on="place", validate="many_to_one"), of="users", out_of="alive_users")
    names = ["period", "end", "stage", "users", "alive_users", "share", "share_low", "share_high", "complete"]
    return table[names]


def stage_transitions(
    user_days: Tabular,
    users: Tabular,
    *,
    rules: Sequence[StageRule],
    start: date,
    end: date,
    data_start: date,
    settled_through: date,
) -> pd.DataFrame:
    """From which stage at the end of day `start` users went to which stage at the end of day `end`.

    returns: one row per from_stage (STAGES, then entered: life began after start) and to_stage (STAGES, then
             left_observation: cannot be placed at the end) -- from_stage, to_stage, users, from_users (row total),
             share (of the row, so that rows sum to 1; missing in an empty row), share_low, share_high (Wilson),
             complete (the look-back of the rules lies inside the data at both ends and is settled)
    """
    before = _stages_at(user_days, users, rules, start).select("user", from_stage="stage")
    after = _stages_at(user_days, users, rules, end).select("user", to_stage="stage")
    moves = before.outer_join(after, "user")
    counted = moves.group_by(
        from_stage=moves.from_stage.fill_null(ENTERED), to_stage=moves.to_stage.fill_null(LEFT)
    ).agg(users=_.count())
    grid = pd.MultiIndex.from_product([[*STAGES, ENTERED], [*STAGES, LEFT]], names=["from_stage", "to_stage"])
    table = _collected([counted], ["from_stage", "to_stage"]).reindex(grid, fill_value=0).rename("users").reset_index()
    table["from_users"] = table.groupby("from_stage")["users"].transform("sum")
    lookback = lookback_days(rules)
    covered = all(_covered(day, lookback, data_start, settled_through) for day in (start, end))
    return add_share(table, of="users", out_of="from_users").assign(complete=covered)


def lookback_days(rules: Sequence[StageRule]) -> int:
    """Days before a period's end that the rules look at: activity, orders, and the longest silence they tell apart."""
    silences = [days for rule in rules for days in (rule.max_silent_days, rule.min_silent_days) if days is not None]
    orders = [ORDER_DAYS] if any(rule.min_orders is not None for rule in rules) else []
    return max([ACTIVITY_DAYS, *orders, *(days + 1 for days in silences)])


def _stages_at(user_days: Tabular, users: Tabular, rules: Sequence[StageRule], end: date) -> ir.Table:
    """One row per user alive at the end of the day -- user, stage."""
    facts = _facts_at(user_days, users, lookback_days(rules), end)
    matches = [(_holds(rule, facts), rule.stage) for rule in rules[:-1]]
    stage = ibis.cases(*matches, else_=rules[-1].stage) if matches else ibis.literal(rules[-1].stage)
    return facts.select("user", stage=stage)


def _facts_at(user_days: Tabular, users: Tabular, lookback: int, end: date) -> ir.Table:
    """One row per user alive at the end of the day -- user, tenure_days, known, silent_days, active_days, orders.

    Only the look-back is scanned: a user not seen in it has been silent since before it, and so since the start of
    life or longer than any rule asks; either way the tenure stands in for the silence.
    """
    people = engine_table(users)
    first, first_active = (people[name].cast("date") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(first, first_active), first, first_active)
    alive = people.select("user", known=people.life_start != "unknown", life=life.epoch_days().cast("int32"))
    alive = alive.filter(_.life <= _day_number(end))
    seen = alive.left_join(_recent(user_days, lookback, end), "user")
    tenure = _day_number(end) - seen.life
    return seen.select(
        "user",
        tenure_days=tenure,
        known=seen.known,
        silent_days=ibis.coalesce(_day_number(end) - seen.last_day, tenure),
        active_days=seen.active_days.fill_null(0),
        orders=seen.orders.fill_null(0),
    )


def _recent(user_days: Tabular, lookback: int, end: date) -> ir.Table:
    """One row per user active in the look-back -- user, last_day (number), active_days (of 28), orders (of 90 days)."""
    table = engine_table(user_days)
    orders = table.orders.cast("int32") if "orders" in table.columns else ibis.literal(0, type="int32")
    days = table.select("user", day=table.day.cast("date"), orders=orders)
    days = days.filter(days.day.between(ibis.date(end - timedelta(days=lookback - 1)), ibis.date(end)))
    active, bought = (_.day > ibis.date(end - timedelta(days=span)) for span in (ACTIVITY_DAYS, ORDER_DAYS))
    return days.group_by("user").agg(
        last_day=_.day.max().epoch_days().cast("int32"),
        active_days=active.sum(),
        orders=_.orders.sum(where=bought),
    )


def _holds(rule: StageRule, facts: ir.Table) -> ir.BooleanValue:
    """Every bound the rule gives; an upper bound on tenure is never met when the start of life is unknown."""
    bounds = {
        "max_tenure_days": facts.known & (facts.tenure_days <= (rule.max_tenure_days or 0)),
        "min_tenure_days": facts.tenure_days >= (rule.min_tenure_days or 0),
        "max_silent_days": facts.silent_days <= (rule.max_silent_days or 0),
        "min_silent_days": facts.silent_days >= (rule.min_silent_days or 0),
        "max_active_days": facts.active_days <= (rule.max_active_days or 0),
        "min_active_days": facts.active_days >= (rule.min_active_days or 0),
        "min_orders": facts.orders >= (rule.min_orders or 0),
    }
    given = [bounds[name] for name in rule.model_dump(exclude_none=True) if name in bounds]
    return reduce(lambda one, other: one & other, given, ibis.literal(True))


def _collected(counted: Sequence[ir.Table], keys: list[str]) -> pd.Series:
    """The counts of all parts by their keys, in one query."""
    if not counted:
        return pd.Series([], index=pd.MultiIndex.from_arrays([[] for _key in keys], names=keys), dtype="int64")
    whole = ibis.union(*counted) if len(counted) > 1 else counted[0]
    return whole.to_pandas().astype({"users": "int64"}).set_index(keys)["users"]


def _covered(end: date, lookback: int, data_start: date, settled_through: date) -> bool:
    return end <= settled_through and end - timedelta(days=lookback - 1) >= data_start


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
