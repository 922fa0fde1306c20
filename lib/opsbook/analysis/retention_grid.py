"""The cohort grid under any of the field's rules: which share of the starters came back, by age.

Who starts and what counts as coming back is decided in `retention_events`. A cell is complete when its whole unit lies
inside the data; the others are blank, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import stdtrit

from opsbook.analysis import retention_events
from opsbook.analysis.cohorts import TRIANGLE, Window
from opsbook.analysis.proportion import wilson
from opsbook.errors import ParameterError
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "Wilson"
RULES = ("on", "on_or_after", "bracket", "streak", "hours24")
SIMPLE = ["age", "simple_share", "simple_low", "simple_high", "cohorts"]
DAY_SECONDS = 86_400


def grid(
    starts: Tabular,
    returns: Tabular,
    *,
    window: Window,
    rule: str = "on",
    last_age: int = 12,
    brackets: Sequence[tuple[int, int]] = (),
) -> pd.DataFrame:
    """Share of each cohort that came back, by age, under a rule.

    rule:    on = in that unit; on_or_after = in it or any later observed one; streak = in every unit up to it;
             bracket = at least once in first..last of each of `brackets` (age = its last unit); hours24 = in the N-th
             24 hours after the start (unit day, returns by_instant)
    returns: the columns of cohorts.TRIANGLE -- cohort (first day of the unit), age, users, retained, share, low, high
             (Wilson; missing unless complete), complete
    raises:  ParameterError for a rule that does not exist or does not fit the unit

    >>> from opsbook import cohorts, retention_events, retention_grid, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> start = retention_events.starts(tiny.user_days, tiny.users, tiny.steps, window=window)
    >>> back = retention_events.returns(tiny.user_days, tiny.steps, window=window)
    >>> told = retention_grid.grid(start, back, window=window, rule="on_or_after", last_age=3)
    >>> print(told.pivot(index="cohort", columns="age", values="share").round(2).to_string())
    age           0     1     2     3
    cohort
    2026-01-05  1.0  1.00  0.80  0.60
    2026-01-12  1.0  1.00  1.00  1.00
    2026-01-19  1.0  0.75  0.75  0.75
    2026-01-26  1.0  1.00  0.75  0.75
    2026-02-02  1.0  1.00  0.80  0.80
    2026-02-09  1.0  1.00  1.00  1.00
    2026-02-16  1.0  1.00  1.00  0.80
    2026-02-23  1.0  1.00  1.00  0.80
    2026-03-02  1.0  1.00  1.00  1.00
    """
    starts, returns = engine_table(starts), engine_table(returns)
    if rule not in RULES or (rule == "hours24" and window.unit != "day"):
        raise ParameterError(
            f"`{rule}` is no retention rule for cohorts by {window.unit}", fix=f"use {', '.join(RULES)}"
        )
    aged = _by_clock(starts, returns) if rule == "hours24" else retention_events.returns_by_age(starts, returns)
    counted = _counted(aged, rule, last_age, brackets)
    ages = [last for _first, last in brackets] if rule == "bracket" else list(range(last_age + 1))
    cells = cohort_ages(starts, window=window, ages=ages).merge(counted, on=["cohort", "age"], how="left")
    end = cells["cohort"] + cells["age"] + (1 if rule == "hours24" else 0)
    cells["complete"] = window.observed(end) & window.observed(cells["cohort"])
    return _with_shares(cells, window)


def simple_mean(grid: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Mean over cohorts, each counting once whatever its size, with a t interval over cohorts.

    returns: one row per age with a complete cell -- age, simple_share, simple_low, simple_high (missing for a single
             cohort), cohorts

    >>> import pandas as pd
    >>> from opsbook import retention_grid
    >>> grid = pd.DataFrame({"age": 1, "users": [1000, 10], "share": [0.2, 0.6], "complete": True})
    >>> print(retention_grid.simple_mean(grid)[["age", "simple_share", "cohorts"]].to_string(index=False))
     age  simple_share  cohorts
       1           0.4        2
    """
    shares = grid[grid["complete"]].groupby("age")["share"].agg(["mean", "std", "size"]).reset_index()
    freedom = (shares["size"] - 1).clip(lower=1)
    half = stdtrit(freedom, 0.5 + level / 2) * shares["std"] / np.sqrt(shares["size"])
    low, high = (shares["mean"] - half).clip(lower=0), (shares["mean"] + half).clip(upper=1)
    columns = [shares["age"], shares["mean"], low, high, shares["size"]]
    return pd.DataFrame(dict(zip(SIMPLE, columns, strict=True)))


def cohort_ages(starts: Tabular, *, window: Window, ages: Sequence[int]) -> pd.DataFrame:
    """The cells of a grid: one row per cohort and age that has begun by as_of -- cohort (number), age, users.

    starts: as from `retention_events.starts`; ages: in units of the window

    >>> from opsbook import cohorts, retention_events, retention_grid, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> start = retention_events.starts(tiny.user_days, tiny.users, tiny.steps, window=window)
    >>> print(retention_grid.cohort_ages(start, window=window, ages=[0, 4]).tail(3).to_string(index=False))
     cohort  users  age
       2929      5    0
       2929      5    4
       2930      2    0
    """
    people = engine_table(starts).group_by("cohort").agg(users=_.user.nunique())
    sizes = people.order_by("cohort").to_pandas().astype("int64")
    cells = sizes.merge(pd.DataFrame({"age": pd.Series(ages, dtype="int64")}), how="cross")
    return cells[cells["cohort"] + cells["age"] <= window.number(window.as_of)].reset_index(drop=True)


def _by_clock(starts: ir.Table, returns: ir.Table) -> ir.Table:
    """One row per user, cohort and 24 hours with a return -- user, cohort, age."""
    joined = starts.filter(_.since.notnull()).inner_join(returns, "user")
    age = (joined.instant.epoch_seconds() - joined.since.epoch_seconds()) // DAY_SECONDS
    return joined.select("user", "cohort", age=age).filter(_.age >= 0).distinct()


def _counted(aged: ir.Table, rule: str, last_age: int, brackets: Sequence[tuple[int, int]]) -> pd.DataFrame:
    if rule == "bracket":
        return pd.concat([_in_bracket(aged, *one) for one in brackets]) if brackets else _empty()
    if rule == "on_or_after":
        return _reached(aged.group_by("user", "cohort").agg(age=_.age.max()), last_age)
    if rule == "streak":
        return _reached(_streaks(aged), last_age)
    inside = aged.filter(_.age <= last_age)
    counted = inside.group_by("cohort", "age").agg(retained=_.user.nunique())
    return counted.to_pandas().astype("int64")


def _in_bracket(aged: ir.Table, first: int, last: int) -> pd.DataFrame:
    inside = aged.filter(_.age.between(first, last))
    counted = inside.group_by("cohort").agg(retained=_.user.nunique()).to_pandas().astype("int64")
    return counted.assign(age=last)


def _streaks(aged: ir.Table) -> ir.Table:
    """The last unit of an unbroken run from unit 1 on: there the place in the row equals the age."""
    later = aged.filter(_.age >= 1).select("user", "cohort", "age").distinct()
    place = ibis.row_number().over(ibis.window(group_by=["user", "cohort"], order_by="age")) + 1
    run = later.mutate(place=place).filter(_.place == _.age).group_by("user", "cohort").agg(age=_.age.max())
    started = aged.select("user", "cohort").distinct()
    joined = started.left_join(run, ["user", "cohort"])
    return joined.select("user", "cohort", age=joined.age.fill_null(0))


def _reached(ends: ir.Table, last_age: int) -> pd.DataFrame:
    """Users by cohort who got at least to each age, from the last age each of them got to."""
    counted = ends.group_by("cohort", age=ibis.least(ends.age, last_age)).agg(retained=_.count()).to_pandas()
    if counted.empty:
        return _empty()
    wide = counted.astype("int64").pivot(index="cohort", columns="age", values="retained").fillna(0)
    wide = wide.reindex(columns=range(last_age + 1), fill_value=0)
    summed = wide.iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1]
    return summed.stack().rename("retained").reset_index().astype("int64")


def _empty() -> pd.DataFrame:
    return pd.DataFrame({"cohort": [], "age": [], "retained": []}, dtype="int64")


def _with_shares(cells: pd.DataFrame, window: Window) -> pd.DataFrame:
    retained = cells["retained"].fillna(0).astype("int64")
    share = wilson(retained, cells["users"])
    columns = {"retained": retained, "share": share.value, "low": share.low, "high": share.high}
    known = {name: pd.Series(column, index=cells.index, dtype=float) for name, column in columns.items()}
    shown = {name: column.where(cells["complete"]) for name, column in known.items()}
    return cells.assign(cohort=window.first_days(cells["cohort"]), **shown)[TRIANGLE]
