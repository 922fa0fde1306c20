"""The cohort grid under any of the field's rules: who starts a cohort, what counts as coming back, and what it brings.

Starts are users' first days or an event, once or every time; returns are active days or an event. A cell is complete
when its whole unit lies inside the data; the others are blank, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from opsbook.analysis.cohorts import TRIANGLE, Window
from opsbook.analysis.proportion import wilson
from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "Wilson"
METHOD_VALUE = "mean per cohort member, normal interval over users"
RULES = ("on", "on_or_after", "bracket", "streak", "hours24")
METRICS = ("revenue", "orders")
VALUES = ["cohort", "age", "users", "total", "per_member", "low", "high", "complete"]
SIMPLE = ["age", "simple_share", "simple_low", "simple_high", "cohorts"]
DAY_SECONDS = 86_400
ORDER = "order"


def events_named(name: str, *, groups: Mapping[str, Sequence[str]], steps: Tabular) -> list[str]:
    """The events a parameter means: those of a group, or the one of that name; none for an empty name.

    raises: ParameterError for a name that is neither a group nor an event of the data

    >>> from opsbook import retention_grid, tiny
    >>> retention_grid.events_named("social", groups=tiny.WORKBOOK.event_groups, steps=tiny.steps)
    ['share']
    >>> retention_grid.events_named("order", groups=tiny.WORKBOOK.event_groups, steps=tiny.steps)
    ['order']
    """
    if not name:
        return []
    if name in groups:
        return list(groups[name])
    known = sorted(engine_table(steps).event.cast("string").name("event").as_table().distinct().to_pandas()["event"])
    if name not in known:
        raise ParameterError(f"`{name}` is no event and no event group", fix=did_you_mean(name, [*groups, *known]))
    return [name]


def starts(
    user_days: Tabular,
    users: Tabular,
    steps: Tabular,
    *,
    window: Window,
    events: Sequence[str] = (),
    recurring: bool = False,
    by: Sequence[str] = (),
) -> ir.Table:
    """Who belongs to which cohort: one row per user and cohort -- user, cohort (number of the unit), since (UTC), *by.

    events:    what starts a cohort; none = the first day of the user's life (recurring: every active unit)
    recurring: a user belongs to the cohort of every unit with a start, else to that of the first start alone. First
               starts count only for users whose life began inside the data: an earlier one could not have been seen.
    since:     instant of sign-up or of the event; missing where only the day is known

    >>> from opsbook import cohorts, retention_grid, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> buyers = retention_grid.starts(tiny.user_days, tiny.users, tiny.steps, window=window, events=["order"])
    >>> counted = buyers.to_pandas().groupby("cohort").size().head(3)
    >>> print({str(window.first_day(cohort)): users for cohort, users in counted.items()})
    {'2026-01-05': 3, '2026-01-12': 3, '2026-01-19': 3}
    """
    people = engine_table(users)
    known = people.filter(_.first_day.notnull() & (_.first_day <= ibis.date(window.as_of)))
    if events:
        named = engine_table(steps).filter(_.event.isin(list(events)))
        rows = named.select("user", day=_.day.cast("date"), since=_.at)
    elif recurring:
        rows = engine_table(user_days).select("user", day=_.day.cast("date"), since=ibis.null("timestamp"))
    else:
        at = known.signed_up_at if "signed_up_at" in known.columns else ibis.null("timestamp")
        rows = known.select("user", day=known.first_day.cast("date"), since=at.cast("timestamp"))
    inside = rows.filter((_.day >= ibis.date(window.data_start)) & (_.day <= ibis.date(window.as_of)))
    each = inside.mutate(cohort=window.index(inside.day)).group_by("user", "cohort").agg(since=_.since.min())
    return _joined(each, known, window, recurring, by)


def returns(
    user_days: Tabular, steps: Tabular, *, window: Window, events: Sequence[str] = (), by_instant: bool = False
) -> ir.Table:
    """When users came back: one row per user and unit -- user, at (number), orders, revenue; by_instant: instants.

    events: what counts as coming back; none = an active day. by_instant: user, instant (UTC) of every such event.

    >>> from opsbook import cohorts, retention_grid, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> back = retention_grid.returns(tiny.user_days, tiny.steps, window=window).order_by("user", "at").to_pandas()
    >>> print(back.query("user == 5").to_string(index=False))
     user   at  orders  revenue
        5 2922       1     30.0
        5 2923       1     30.0
        5 2924       1     30.0
        5 2925       1     30.0
    """
    days = engine_table(user_days).filter(_.day <= ibis.date(window.as_of))
    named = engine_table(steps).filter(_.day <= ibis.date(window.as_of))
    named = named.filter(_.event.isin(list(events))) if events else named
    if by_instant:
        return named.select("user", instant=named.at.cast("timestamp"))
    worth = days.group_by("user", at=window.index(days.day.cast("date")))
    spent = worth.agg(orders=_.orders.sum(), revenue=_.revenue.sum())
    if not events:
        return spent
    came = named.select("user", at=window.index(named.day.cast("date"))).distinct()
    joined = came.left_join(spent, ["user", "at"]).drop("user_right", "at_right")
    return joined.mutate(orders=_.orders.fill_null(0), revenue=_.revenue.fill_null(0.0))


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

    >>> from opsbook import cohorts, retention_grid, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> start = retention_grid.starts(tiny.user_days, tiny.users, tiny.steps, window=window)
    >>> back = retention_grid.returns(tiny.user_days, tiny.steps, window=window)
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
    aged = _by_clock(starts, returns) if rule == "hours24" else _by_unit(starts, returns)
    counted = _counted(aged, rule, last_age, brackets)
    ages = [last for _first, last in brackets] if rule == "bracket" else list(range(last_age + 1))
    cells = _cells(starts, window, ages).merge(counted, on=["cohort", "age"], how="left")
    end = cells["cohort"] + cells["age"] + (1 if rule == "hours24" else 0)
    cells["complete"] = window.observed(end) & window.observed(cells["cohort"])
    return _with_shares(cells, window)


def values(
    starts: Tabular, returns: Tabular, *, window: Window, metric: str, last_age: int = 12, level: float = 0.95
) -> pd.DataFrame:
    """Revenue or orders per cohort member in each unit after the start, those who did not come back counted as zero.

    returns: one row per cohort and age -- cohort (first day of the unit), age, users, total, per_member, low,
             high (missing unless complete), complete
             No rows for the metric users, which the grid itself counts.
    raises:  KeyError for any other metric that is not in METRICS

    >>> from opsbook import cohorts, retention_grid, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> start = retention_grid.starts(tiny.user_days, tiny.users, tiny.steps, window=window)
    >>> back = retention_grid.returns(tiny.user_days, tiny.steps, window=window)
    >>> told = retention_grid.values(start, back, window=window, metric="revenue", last_age=2)
    >>> print(told.head(3)[["cohort", "age", "users", "total", "per_member"]].to_string(index=False))
        cohort  age  users  total  per_member
    2026-01-05    0      5   90.0        18.0
    2026-01-05    1      5  110.0        22.0
    2026-01-05    2      5   40.0         8.0
    """
    starts, returns = engine_table(starts), engine_table(returns)
    if metric == "users":
        return _dated(_cells(starts.limit(0), window, []), window).reindex(columns=VALUES)
    if metric not in METRICS:
        raise KeyError(metric)
    aged = _by_unit(starts, returns).filter(_.age <= last_age)
    worth = aged[metric].cast("float64")
    sums = aged.group_by("cohort", "age").agg(total=worth.sum().round(4), square=(worth * worth).sum().round(4))
    cells = _cells(starts, window, list(range(last_age + 1)))
    cells = cells.merge(sums.to_pandas(), on=["cohort", "age"], how="left").fillna({"total": 0.0, "square": 0.0})
    n = cells["users"].astype(float)
    mean = cells["total"] / n
    variance = (cells["square"] / n - mean**2).clip(lower=0) * n / (n - 1).where(n > 1)
    half = ndtri(0.5 + level / 2) * np.sqrt(variance / n)
    cells["complete"] = window.observed(cells["cohort"] + cells["age"])
    shown = {"per_member": mean, "low": mean - half, "high": mean + half}
    shown = {name: column.where(cells["complete"]) for name, column in shown.items()}
    return _dated(cells, window).assign(**shown, total=cells["total"].where(cells["complete"]))[VALUES]


def large_cohorts(values: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The table of `values` with money and interval missing, and complete false, for cohorts below min_cell users.

    >>> import pandas as pd
    >>> from opsbook import retention_grid
    >>> cells = pd.DataFrame({"users": [40, 4], "total": [90.0, 50.0], "per_member": [2.25, 12.5]})
    >>> cells = cells.assign(low=cells["per_member"] - 1, high=cells["per_member"] + 1, complete=True)
    >>> print(retention_grid.large_cohorts(cells, min_cell=10).to_string(index=False))
     users  total  per_member  low  high  complete
        40   90.0        2.25 1.25  3.25      True
         4    NaN         NaN  NaN   NaN     False
    """
    small = values["users"] < min_cell
    hidden = values.assign(complete=values["complete"].astype(bool) & ~small)
    return hidden.assign(**{name: hidden[name].where(~small) for name in ("total", "per_member", "low", "high")})


def pooled_values(values: pd.DataFrame) -> pd.DataFrame:
    """Money per member over all complete cohorts: one row per age -- age, per_member, low, high, users, cohorts.

    source: weighted by users; the variance of a weighted mean of independent cohorts

    >>> import pandas as pd
    >>> from opsbook import retention_grid
    >>> cells = pd.DataFrame({"age": 1, "users": [100, 300], "per_member": [4.0, 2.0], "low": [3.0, 1.5]})
    >>> cells = cells.assign(high=[5.0, 2.5], cohort=["2026-01", "2026-02"], complete=True)
    >>> print(retention_grid.pooled_values(cells).round(2).to_string(index=False))
     age  per_member  low  high  users  cohorts
       1         2.5 2.05  2.95    400        2
    """
    known = values[values["complete"].astype(bool)]
    half = (known["high"] - known["low"]) / 2
    parts = known.assign(total=known["users"] * known["per_member"], spread=(known["users"] * half) ** 2)
    sums = parts.groupby("age").agg(
        total=("total", "sum"), spread=("spread", "sum"), users=("users", "sum"), cohorts=("cohort", "nunique")
    )
    mean, half = sums["total"] / sums["users"], np.sqrt(sums["spread"]) / sums["users"]
    table = pd.DataFrame({"age": sums.index, "per_member": mean, "low": mean - half, "high": mean + half})
    return table.assign(users=sums["users"], cohorts=sums["cohorts"]).reset_index(drop=True)


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


def _joined(each: ir.Table, known: ir.Table, window: Window, recurring: bool, by: Sequence[str]) -> ir.Table:
    people = known.select("user", "life_start", "first_day", *by)
    joined = each.inner_join(people, "user")
    if recurring:
        return joined.select("user", "cohort", "since", *by)
    inside = (joined.life_start != "unknown") & (joined.first_day.cast("date") >= ibis.date(window.data_start))
    first = joined.cohort == joined.cohort.min().over(ibis.window(group_by="user"))
    return joined.mutate(first=first).filter(inside & _.first).select("user", "cohort", "since", *by)


def _by_unit(starts: ir.Table, returns: ir.Table) -> ir.Table:
    """One row per user, cohort and unit of return -- user, cohort, age, orders, revenue."""
    joined = starts.select("user", "cohort").inner_join(returns, "user")
    return joined.mutate(age=joined["at"] - joined.cohort).filter(_.age >= 0)


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


def _cells(starts: ir.Table, window: Window, ages: Sequence[int]) -> pd.DataFrame:
    """One row per cohort and age that has begun by as_of -- cohort, age, users."""
    sizes = starts.group_by("cohort").agg(users=_.user.nunique()).order_by("cohort").to_pandas().astype("int64")
    cells = sizes.merge(pd.DataFrame({"age": pd.Series(ages, dtype="int64")}), how="cross")
    return cells[cells["cohort"] + cells["age"] <= window.number(window.as_of)].reset_index(drop=True)


def _with_shares(cells: pd.DataFrame, window: Window) -> pd.DataFrame:
    retained = cells["retained"].fillna(0).astype("int64")
    share = wilson(retained, cells["users"])
    columns = {"retained": retained, "share": share.value, "low": share.low, "high": share.high}
    known = {name: pd.Series(column, index=cells.index, dtype=float) for name, column in columns.items()}
    shown = {name: column.where(cells["complete"]) for name, column in known.items()}
    return _dated(cells, window).assign(**shown)[TRIANGLE]


def _dated(cells: pd.DataFrame, window: Window) -> pd.DataFrame:
    days = {number: pd.Timestamp(window.first_day(number)) for number in cells["cohort"].unique()}
    return cells.assign(cohort=pd.to_datetime(cells["cohort"].map(days)))
