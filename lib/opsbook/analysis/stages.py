"""Lifecycle stages: an ordered rule list, how many users stand in each stage, and how they move between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.proportion import add_share
from opsbook.analysis.suppression import blanked_cells
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

    >>> from opsbook import stages, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> span = {**tiny.COVERED, "rules": DEFAULT_STAGES}
    >>> week = tiny.period("last-week")
    >>> told = stages.stage_stock(tiny.user_days, tiny.users, periods=[week], **span)
    >>> print(told[["period", "stage", "users", "alive_users", "share"]].round(3).to_string(index=False))
      period        stage  users  alive_users  share
    2026-W13 introduction      0           60  0.000
    2026-W13       growth     14           60  0.233
    2026-W13       mature     18           60  0.300
    2026-W13     sleeping      8           60  0.133
    2026-W13         lost     20           60  0.333
    """
    grid = pd.MultiIndex.from_product([range(len(periods)), STAGES], names=["place", "stage"])
    stock = _counts(user_days, users, rules, periods).reindex(grid, fill_value=0).rename("users").reset_index()
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

    >>> from datetime import date
    >>> from opsbook import stages, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> span = {**tiny.COVERED, "rules": DEFAULT_STAGES}
    >>> days = {"start": date(2026, 2, 15), "end": tiny.AS_OF}
    >>> moved = stages.stage_transitions(tiny.user_days, tiny.users, **days, **span)
    >>> print(moved.pivot(index="from_stage", columns="to_stage", values="users").loc[stages.STAGES].to_string())
    to_stage      growth  introduction  left_observation  lost  mature  sleeping
    from_stage
    introduction       2             0                 0     2       3         2
    growth             6             0                 0     2       0         2
    mature             0             0                 0     2      10         0
    sleeping           2             0                 0    11       1         0
    lost               0             0                 0     3       0         0
    """
    table = _moves(user_days, users, rules, [start, end]).drop(columns="place")
    lookback = lookback_days(rules)
    covered = all(_covered(day, lookback, data_start, settled_through) for day in (start, end))
    return add_share(table, of="users", out_of="from_users").assign(complete=covered)


def without_small_cells(matrix: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """stage_transitions with missing users and shares in cells that are too small to show or would reveal one.

    How many stand in each stage at both ends is told by stage_stock, so no total can protect a cell.
    returns: its rows; users, share, share_low, share_high missing where `suppression.hidden_inside` says so, and with
             from_users in rows of fewer than min_cell users

    >>> import pandas as pd
    >>> from opsbook import stages
    >>> cells = [("new", "new", 40), ("new", "lost", 3), ("new", "back", 12), ("old", "new", 30), ("old", "lost", 20)]
    >>> matrix = pd.DataFrame([*cells, ("old", "back", 25)], columns=["from_stage", "to_stage", "users"])
    >>> matrix["from_users"] = matrix.groupby("from_stage")["users"].transform("sum")
    >>> matrix = matrix.assign(share=matrix["users"] / matrix["from_users"], share_low=0.0, share_high=1.0)
    >>> print(stages.without_small_cells(matrix, min_cell=5).iloc[:, :5].round(2).to_string(index=False))
    from_stage to_stage  users  from_users  share
           new      new   40.0        55.0   0.73
           new     lost    NaN        55.0    NaN
           new     back    NaN        55.0    NaN
           old      new   30.0        75.0   0.40
           old     lost    NaN        75.0    NaN
           old     back    NaN        75.0    NaN
    """
    cells = {"rows": "from_stage", "columns": "to_stage", "of": "users", "row_total": "from_users"}
    values = ["users", "share", "share_low", "share_high"]
    return blanked_cells(matrix, **cells, values=values, totals_told=True, min_cell=min_cell)


def transition_history(
    user_days: Tabular,
    users: Tabular,
    *,
    rules: Sequence[StageRule],
    periods: Sequence[Period],
    data_start: date,
    settled_through: date,
) -> pd.DataFrame:
    """The transition matrix of every period: from its predecessor's end to its own, all read in one pass.

    periods: consecutive, oldest first; the first one serves only as the start of the second
    returns: one row per period from the second on, from_stage and to_stage -- period (label), start_end (end of the
             period before), end, and the columns of `stage_transitions`

    >>> from opsbook import stages, tiny
    >>> from opsbook.inputs.periods import periods_between
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> weeks = list(periods_between(tiny.DATA_START, tiny.AS_OF, "week"))
    >>> span = {**tiny.COVERED, "rules": DEFAULT_STAGES}
    >>> history = stages.transition_history(tiny.user_days, tiny.users, periods=weeks[-3:], **span)
    >>> lost = history[(history["to_stage"] == "lost") & (history["users"] > 0)]
    >>> print(lost[["period", "start_end", "end", "from_stage", "to_stage", "users"]].to_string(index=False))
      period  start_end        end from_stage to_stage  users
    2026-W12 2026-03-15 2026-03-22   sleeping     lost      2
    2026-W12 2026-03-15 2026-03-22       lost     lost     16
    2026-W13 2026-03-22 2026-03-29   sleeping     lost      2
    2026-W13 2026-03-22 2026-03-29       lost     lost     18
    """
    ends = [period.end for period in periods]
    table = _moves(user_days, users, rules, ends)
    lookback = lookback_days(rules)
    covered = [_covered(end, lookback, data_start, settled_through) for end in ends]
    facts = pd.DataFrame(
        {
            "place": range(1, max(len(ends), 1)),
            "period": pd.Series([period.label for period in periods[1:]], dtype="object"),
            "start_end": pd.to_datetime(ends[:-1]).astype("datetime64[ns]"),
            "end": pd.to_datetime(ends[1:]).astype("datetime64[ns]"),
            "complete": [one and other for one, other in pairwise(covered)],
        }
    ).astype({"complete": "bool"})
    shares = add_share(table.merge(facts, on="place", validate="many_to_one"), of="users", out_of="from_users")
    names = ["period", "start_end", "end", "from_stage", "to_stage", "users", "from_users"]
    return shares[[*names, "share", "share_low", "share_high", "complete"]]


def user_stages(user_days: Tabular, users: Tabular, *, rules: Sequence[StageRule], day: date) -> ir.Table:
    """One row per user alive at the end of the day -- user, stage; an engine table, for analyses that value stages.

    >>> from opsbook import stages, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> found = stages.user_stages(tiny.user_days, tiny.users, rules=DEFAULT_STAGES, day=tiny.AS_OF)
    >>> found.to_pandas()["stage"].value_counts().sort_index().to_dict()
    {'growth': 14, 'lost': 20, 'mature': 18, 'sleeping': 8}
    """
    return _staged(user_days, users, rules, [day]).select("user", "stage")


def lookback_days(rules: Sequence[StageRule]) -> int:
    """Days before a period's end that the rules look at: activity, orders, and the longest silence they tell apart.

    >>> from opsbook import stages
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES, StageRule
    >>> stages.lookback_days(DEFAULT_STAGES), stages.lookback_days([StageRule(stage="lost", min_silent_days=60)])
    (29, 61)
    """
    silences = [days for rule in rules for days in (rule.max_silent_days, rule.min_silent_days) if days is not None]
    orders = [ORDER_DAYS] if any(rule.min_orders is not None for rule in rules) else []
    return max([ACTIVITY_DAYS, *orders, *(days + 1 for days in silences)])


@dataclass(frozen=True)
class _Facts:
    """What the rules ask of a user at the end of a day, as columns."""

    known: ir.BooleanValue
    tenure_days: ir.IntegerValue
    silent_days: ir.IntegerValue
    active_days: ir.IntegerValue
    orders: ir.IntegerValue


def _counts(user_days: Tabular, users: Tabular, rules: Sequence[StageRule], periods: Sequence[Period]) -> pd.Series:
    """Users by period and stage.

    Everybody alive is first counted, by day of birth alone, as if not seen in the look-back; those who were seen then
    move from that stage to their own. So only the days of the look-backs are read, and no user is joined to a period
    in which nothing happened.
    """
    if not periods:
        return pd.Series([], index=pd.MultiIndex.from_arrays([[], []], names=["place", "stage"]), dtype="int64")
    ends = [period.end for period in periods]
    lives = _lives(users)
    births = lives.group_by("life", "known").agg(users=_.count()).cross_join(_window(1, ends)).filter(_.life <= _.end)
    unseen = births.group_by("place", stage=_stage(_unseen(births), rules)).agg(users=_.users.sum()).to_pandas()
    seen = _recent(user_days, _window(lookback_days(rules), ends)).inner_join(lives, "user").filter(_.life <= _.end)
    stages = {"stage": _stage(_facts(seen, seen.end), rules), "counted_as": _stage(_unseen(seen), rules)}
    moved = seen.group_by("place", **stages).agg(users=_.count()).to_pandas()
    departed = moved.assign(stage=moved["counted_as"], users=-moved["users"])
    parts = [part[["place", "stage", "users"]] for part in (unseen, moved, departed)]
    return pd.concat(parts).astype({"users": "int64"}).groupby(["place", "stage"])["users"].sum()


def _moves(user_days: Tabular, users: Tabular, rules: Sequence[StageRule], ends: Sequence[date]) -> pd.DataFrame:
    """Users by place of the later end (from 1 on), from_stage and to_stage, with from_users; cells of nobody are 0."""
    names, later = ["place", "from_stage", "to_stage"], range(1, max(len(ends), 1))
    grid = pd.MultiIndex.from_product([later, [*STAGES, ENTERED], [*STAGES, LEFT]], names=names)
    if len(ends) < 2:
        return pd.DataFrame(index=grid, columns=["users", "from_users"], dtype="int64").reset_index()
    staged = _staged(user_days, users, rules, ends)
    now = staged.filter(_.place > 0).rename(to_stage="stage")
    before = staged.select("user", place=(_.place + 1).cast("int32"), was="stage")
    both = now.left_join(before, ["user", "place"]).mutate(from_stage=_.was.fill_null(ENTERED))
    counted = both.group_by("place", "from_stage", "to_stage").agg(users=_.count()).to_pandas()
    moves = counted.astype({"users": "int64"}).set_index(names)["users"].reindex(grid, fill_value=0).reset_index()
    return moves.assign(from_users=moves.groupby(["place", "from_stage"])["users"].transform("sum"))


def _staged(user_days: Tabular, users: Tabular, rules: Sequence[StageRule], ends: Sequence[date]) -> ir.Table:
    """One row per end and user alive then -- place (of the end), user, stage."""
    alive = _lives(users).cross_join(_window(1, ends).drop("number")).filter(_.life <= _.end)
    seen = _recent(user_days, _window(lookback_days(rules), ends)).drop("end")
    placed = alive.left_join(seen, ["place", "user"])
    return placed.select("place", "user", stage=_stage(_facts(placed, placed.end), rules))


def _lives(users: Tabular) -> ir.Table:
    """One row per user -- user, life (day number of the first day), known (whether that is where life began)."""
    people = engine_table(users)
    first, first_active = (people[name].cast("date") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(first, first_active), first, first_active)
    return people.select("user", known=people.life_start != "unknown", life=life.epoch_days().cast("int32"))


def _window(lookback: int, ends: Sequence[date]) -> ir.Table:
    """One row per end and day of its look-back -- place (of the end), end, number (both day numbers)."""
    rows = [
        (place, _day_number(end), _day_number(end) - shift)
        for place, end in enumerate(ends)
        for shift in range(lookback)
    ]
    return ibis.memtable(pd.DataFrame(rows, columns=["place", "end", "number"], dtype="int32"))


def _recent(user_days: Tabular, window: ir.Table) -> ir.Table:
    """One row per end and user active in its look-back -- place, end, user, last_day, active_days (28), orders (90)."""
    table = engine_table(user_days)
    orders = table.orders.cast("int32") if "orders" in table.columns else ibis.literal(0, type="int32")
    days = table.select("user", number=table.day.cast("date").epoch_days().cast("int32"), orders=orders)
    inside = days.inner_join(window, "number")
    active, bought = (inside.number > inside.end - span for span in (ACTIVITY_DAYS, ORDER_DAYS))
    return inside.group_by("place", "end", "user").agg(
        last_day=_.number.max(), active_days=active.sum(), orders=inside.orders.sum(where=bought)
    )


def _facts(row: ir.Table, end: ir.IntegerValue) -> _Facts:
    """Facts of users of whom something may have been seen in the look-back; if nothing was, as `_unseen`."""
    tenure = end - row.life
    silent = ibis.coalesce(end - row.last_day, tenure)
    counts = (row[name].fill_null(0) for name in ("active_days", "orders"))
    return _Facts(row.known, tenure, silent, *counts)


def _unseen(row: ir.Table) -> _Facts:
    """Facts of users not seen in the look-back: silent since the start of life, or longer than any rule asks."""
    tenure = row.end - row.life
    return _Facts(row.known, tenure, tenure, ibis.literal(0), ibis.literal(0))


def _stage(facts: _Facts, rules: Sequence[StageRule]) -> ir.StringValue:
    """The stage of the first rule that holds; the last rule has no bounds."""
    matches = [(_holds(rule, facts), rule.stage) for rule in rules[:-1]]
    return ibis.cases(*matches, else_=rules[-1].stage) if matches else ibis.literal(rules[-1].stage)


def _holds(rule: StageRule, facts: _Facts) -> ir.BooleanValue:
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


def _covered(end: date, lookback: int, data_start: date, settled_through: date) -> bool:
    return end <= settled_through and end - timedelta(days=lookback - 1) >= data_start


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
