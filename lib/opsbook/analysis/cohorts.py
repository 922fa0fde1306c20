"""How many come back: cohorts by day, week or month of the first day, followed by age in the same unit.

A cell is complete when every member of the cohort could have been observed for the whole of it; the others are blank
(missing), never zero. Users of unknown start belong to no cohort.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.cohort_window import Window as Window
from opsbook.analysis.proportion import newcombe, wilson
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "Wilson"
METHOD_CHANGE = "Newcombe hybrid"
TRIANGLE = ["cohort", "age", "users", "retained", "share", "low", "high", "complete"]
CHANGE = [
    "age", "start", "end", "users", "retained", "share", "low", "high",
    "previous_start", "previous_end", "previous_users", "previous_share", "change", "change_low", "change_high",
]  # fmt: skip

ONE_DAY = pd.Timedelta(days=1)
WEEK_ENDS = {"monday": "W-SUN", "sunday": "W-SAT", "saturday": "W-FRI"}


def retained_on(
    user_days: Tabular, users: Tabular, *, window: Window, since: date | None = None, last_age: int | None = None
) -> pd.DataFrame:
    """Cohort triangle of "retained on N": share of a cohort active in the N-th day, week or month after its own.

    user_days: one row per user and active day -- user, day, gap_before (days since the active day before, or missing)
    users:     one row per user -- user, first_day, life_start; cohorts start on or after `since` (default: data_start)
    returns:   one row per cohort and age up to last_age that has begun by as_of -- cohort (first day of the unit), age
               (units), users, retained, share, low, high (Wilson; missing unless complete), complete

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> triangle = cohorts.retained_on(tiny.user_days, tiny.users, window=weeks, last_age=4)
    >>> shown = triangle[triangle["complete"]].pivot(index="cohort", columns="age", values="retained")
    >>> print(shown.head(3).to_string())
    age           0    1    2    3    4
    cohort
    2026-01-05  5.0  5.0  4.0  2.0  2.0
    2026-01-12  4.0  4.0  4.0  4.0  3.0
    2026-01-19  4.0  3.0  3.0  3.0  3.0
    """
    seen = _aged(user_days, users, window).filter((_.before < _.at).fill_null(True))
    counted = seen.group_by(["cohort", "age"]).agg(retained=_.count()).to_pandas()
    return _triangle(counted, _cohort_sizes(users, window, since), window, last_age)


def retained_on_or_after(
    user_days: Tabular, users: Tabular, *, window: Window, since: date | None = None, last_age: int | None = None
) -> pd.DataFrame:
    """Cohort triangle of "on or after N" (rolling): share active in the N-th unit after its own or any later one.

    As retained_on. It can only rise with later data, most for the youngest cohorts, and never rises with age.

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> rolling = cohorts.retained_on_or_after(tiny.user_days, tiny.users, window=weeks, last_age=4)
    >>> print(rolling.pivot(index="cohort", columns="age", values="retained").head(3).to_string())
    age           0    1    2    3    4
    cohort
    2026-01-05  5.0  5.0  4.0  3.0  3.0
    2026-01-12  4.0  4.0  4.0  4.0  3.0
    2026-01-19  4.0  3.0  3.0  3.0  3.0
    """
    aged = _aged(user_days, users, window)
    last = aged.group_by(["user", "cohort"]).agg(age=_.age.max()).group_by(["cohort", "age"]).agg(retained=_.count())
    counted = last.to_pandas().sort_values(["cohort", "age"], ascending=[True, False])
    counted["retained"] = counted.groupby("cohort")["retained"].cumsum()
    triangle = _triangle(counted, _cohort_sizes(users, window, since), window, None, later_counts=True)
    return triangle if last_age is None else triangle[triangle["age"] <= last_age].reset_index(drop=True)


def retained_within(
    user_days: Tabular,
    users: Tabular,
    *,
    window: Window,
    first_age: int,
    last_age: int,
    since: date | None = None,
) -> pd.DataFrame:
    """Bracket retention: share of each cohort active at least once from the first_age-th to the last_age-th unit.

    returns: one row per cohort with the columns of retained_on, age = last_age

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> days = Window("day", tiny.DATA_START, tiny.AS_OF)
    >>> bracket = cohorts.retained_within(tiny.user_days, tiny.users, window=days, first_age=1, last_age=7)
    >>> print(bracket[["cohort", "users", "retained", "complete"]].tail(2).to_string(index=False))
        cohort  users  retained  complete
    2026-03-03      1       1.0      True
    2026-03-04      1       1.0      True
    """
    aged = _aged(user_days, users, window).filter(_.age.between(first_age, last_age))
    first = aged.filter((_.before - _.cohort < first_age).fill_null(True))
    counted = first.group_by("cohort").agg(retained=_.count()).to_pandas().assign(age=last_age)
    triangle = _triangle(counted, _cohort_sizes(users, window, since), window, last_age)
    return triangle[triangle["age"] == last_age].reset_index(drop=True)


def overall(triangle: pd.DataFrame) -> pd.DataFrame:
    """The retention curve: weighted mean over complete cells, and the line of cohorts complete through the last age.

    returns: one row per age with a complete cell -- age, share (retained / users of complete cells), low, high
             (Wilson), users, cohorts, constant_share, constant_low, constant_high, constant_users, constant_cohorts;
             the constant line cannot bend by a change of mix and is missing without a cohort complete through the
             last age

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> curve = cohorts.overall(cohorts.retained_on(tiny.user_days, tiny.users, window=weeks, last_age=4))
    >>> print(curve[["age", "share", "users", "constant_share", "constant_users"]].round(2).to_string(index=False))
     age  share  users  constant_share  constant_users
       0   0.95     38            0.94              36
       1   0.92     38            0.92              36
       2   0.87     38            0.86              36
       3   0.76     38            0.75              36
       4   0.67     36            0.67              36
    """
    complete = triangle[triangle["complete"]]
    last_ages = complete.groupby("cohort")["age"].agg(["min", "max"])
    last = complete["age"].max()
    steady = last_ages.index[(last_ages["max"] == last) & (last_ages["min"] == triangle["age"].min())]
    table = _pooled(complete)
    constant = _pooled(complete[complete["cohort"].isin(steady)]).set_index("age").add_prefix("constant_")
    return table.join(constant, on="age")


def against_previous(
    triangle: pd.DataFrame, *, age: int, period: Period, previous: Period, data_start: date
) -> pd.DataFrame:
    """Are newer users better at the same age: the cohorts of a period against those of the one before.

    triangle: cohorts of both periods; only cells complete at `age` count
    returns:  one row, or none without a complete cell in the period -- age, start, end (first and last cohort that
              counts), users, retained, share, low, high, previous_start, previous_end, previous_users, previous_share,
              change (difference of shares), change_low, change_high (Newcombe); missing unless the data cover the
              previous period from its first day

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> triangle = cohorts.retained_on(tiny.user_days, tiny.users, window=weeks)
    >>> spans = {"previous": tiny.period("2026-01-05..2026-02-01"), "period": tiny.period("2026-02-02..2026-03-01")}
    >>> better = cohorts.against_previous(triangle, age=2, **spans, data_start=tiny.DATA_START)
    >>> shown = better[["users", "share", "previous_share", "change", "change_low", "change_high"]]
    >>> print(shown.round(2).to_string(index=False))
     users  share  previous_share  change  change_low  change_high
        19   0.95            0.76    0.18       -0.06         0.42
    """
    cells = triangle[triangle["complete"] & (triangle["age"] == age)].sort_values("cohort")
    now, before = _of_period(cells, period), _of_period(cells, previous)
    if now.empty:
        return pd.DataFrame(columns=CHANGE)
    if previous.start < data_start:
        before = before.iloc[:0]
    k, n, k0, n0 = (int(part[name].sum()) for part in (now, before) for name in ("retained", "users"))
    share, base, change = wilson(k, n), wilson(k0, n0), newcombe(k, n, k0, n0)
    values = [age, now["cohort"].min(), now["cohort"].max(), n, k, share.value, share.low, share.high]
    values += [before["cohort"].min(), before["cohort"].max(), n0, base.value, change.value, change.low, change.high]
    return pd.DataFrame([dict(zip(CHANGE, values, strict=True))])


def judged_age(triangle: pd.DataFrame, *, period: Period, ages: Sequence[int] = (30, 7, 1)) -> int:
    """The first of the ages at which at least half of the period's users are complete, else the last one.

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> days = Window("day", tiny.DATA_START, tiny.AS_OF)
    >>> triangle = cohorts.retained_on(tiny.user_days, tiny.users, window=days)
    >>> [cohorts.judged_age(triangle, period=tiny.period(text)) for text in ("2026-02", "2026-W09")]
    [30, 30]
    """
    cells = _of_period(triangle, period)
    users = cells.loc[cells["age"] == 0, "users"].sum()
    ready = cells[cells["complete"]].groupby("age")["users"].sum()
    return next((age for age in ages if users and ready.get(age, 0) >= users / 2), ages[-1])


def of_period(triangle: pd.DataFrame, *, period: Period) -> pd.DataFrame:
    """The triangle's cohorts that begin in the period.

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> days = Window("day", tiny.DATA_START, tiny.AS_OF)
    >>> triangle = cohorts.retained_on(tiny.user_days, tiny.users, window=days, last_age=1)
    >>> february = cohorts.of_period(triangle, period=tiny.period("2026-02"))
    >>> str(february["cohort"].min())[:10], str(february["cohort"].max())[:10]
    ('2026-02-01', '2026-02-28')
    """
    return _of_period(triangle, period).reset_index(drop=True)


def by_first_day(
    triangle: pd.DataFrame, *, age: int, through: date, by: str = "week", week_start: str = "monday", min_cell: int = 1
) -> pd.DataFrame:
    """The share at one age by week or month of the first day: how it went over time.

    triangle: daily cohorts; through: the last first day that counts; by: week or month (day is read as week)
    returns:  one row per week or month that lies whole between the first cohort and `through` and is complete at the
              age, empty ones between them too -- cohort (its first day), users, retained, share, low, high (Wilson;
              missing below min_cell users)

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> days = Window("day", tiny.DATA_START, tiny.AS_OF)
    >>> triangle = cohorts.retained_on(tiny.user_days, tiny.users, window=days, last_age=7)
    >>> weeks = cohorts.by_first_day(triangle, age=7, through=tiny.AS_OF, min_cell=5)
    >>> print(weeks[["users", "retained", "share", "low", "high"]].head(2).round(2).to_string(index=False))
     users  retained  share  low  high
         5         2    0.4 0.12  0.77
         4         2    NaN  NaN   NaN
    """
    cells = triangle[triangle["age"] == age]
    unit = cells["cohort"].dt.to_period("M" if by == "month" else WEEK_ENDS[week_start])
    inside = (unit.dt.start_time >= cells["cohort"].min()) & (unit.dt.end_time < pd.Timestamp(through) + ONE_DAY)
    whole = inside & cells.groupby(unit)["complete"].transform("all").astype(bool)
    counted = cells[whole].groupby(unit[whole].dt.start_time)[["users", "retained"]].sum().astype("int64")
    step = {"month": "MS"}.get(by, "7D")
    every = pd.date_range(counted.index.min(), counted.index.max(), freq=step) if len(counted) else counted.index
    found = counted.reindex(every, fill_value=0).rename_axis("cohort").reset_index()
    shown = found[["retained", "users"]].where(found["users"] >= min_cell, 0)
    rates = [wilson(k, n) for k, n in shown.itertuples(index=False)]
    ends = [(one.value, one.low, one.high) for one in rates]
    return found.join(pd.DataFrame(ends, columns=["share", "low", "high"], dtype="float64"))


def suppressed(triangle: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The triangle without the cells of cohorts below min_cell users: counts and shares missing, complete false.

    >>> from opsbook import cohorts, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> triangle = cohorts.retained_on(tiny.user_days, tiny.users, window=weeks, last_age=1)
    >>> shown = cohorts.suppressed(triangle, min_cell=5)
    >>> print(shown[["cohort", "age", "users", "retained", "complete"]].head(4).to_string(index=False))
        cohort  age  users  retained  complete
    2026-01-05    0      5       5.0      True
    2026-01-05    1      5       5.0      True
    2026-01-12    0      4       NaN     False
    2026-01-12    1      4       NaN     False
    """
    small = triangle["users"] < min_cell
    hidden = triangle.assign(complete=triangle["complete"] & ~small)
    for name in ("retained", "share", "low", "high"):
        hidden[name] = hidden[name].where(~small)
    return hidden


def _of_period(cells: pd.DataFrame, period: Period) -> pd.DataFrame:
    return cells[cells["cohort"].between(pd.Timestamp(period.start), pd.Timestamp(period.end))]


def _aged(user_days: Tabular, users: Tabular, window: Window) -> ir.Table:
    """One row per active day of a cohort's user -- user, cohort, at, before (unit numbers), age."""
    born = _born(users, window).select("user", cohort=window.index(_.first_day))
    days = engine_table(user_days).filter(_.day <= ibis.date(window.as_of))
    earlier = _.day - _.gap_before.cast("int64").as_interval("D")
    timed = days.select("user", at=window.index(_.day), before=window.index(earlier))
    return timed.join(born, "user").mutate(age=_.at - _.cohort).filter(_.age >= 0)


def _born(users: Tabular, window: Window) -> ir.Table:
    known = (_.life_start != "unknown") & _.first_day.notnull() & (_.first_day <= ibis.date(window.as_of))
    return engine_table(users).filter(known)


def _cohort_sizes(users: Tabular, window: Window, since: date | None) -> pd.Series:
    """Users per cohort number, oldest first."""
    born = _born(users, window).group_by(cohort=window.index(_.first_day)).agg(users=_.count()).to_pandas()
    sizes = born.astype("int64").set_index("cohort")["users"].sort_index()
    return sizes[[window.first_day(n) >= (since or window.data_start) for n in sizes.index]]


def _triangle(
    counted: pd.DataFrame, sizes: pd.Series, window: Window, last_age: int | None, *, later_counts: bool = False
) -> pd.DataFrame:
    newest = window.number(window.as_of)
    reach = newest - sizes.index.to_numpy(dtype="int64") + 1
    reach = reach if last_age is None else np.minimum(reach, last_age + 1)
    cohort = np.repeat(sizes.index.to_numpy(dtype="int64"), reach)
    age = np.concatenate([np.arange(size) for size in reach] or [np.arange(0)])
    grid = pd.DataFrame({"cohort": cohort, "age": age, "users": np.repeat(sizes.to_numpy(), reach)})
    cells = grid.merge(counted.astype("int64"), on=["cohort", "age"], how="left", sort=False)
    if later_counts:
        cells["retained"] = cells.groupby("cohort")["retained"].bfill()
    cells["complete"] = window.observed(cells["cohort"] + cells["age"])
    return _with_shares(cells, window)


def _with_shares(cells: pd.DataFrame, window: Window) -> pd.DataFrame:
    retained = cells["retained"].fillna(0).astype("int64")
    share = wilson(retained, cells["users"])
    cells = cells.assign(
        cohort=window.first_days(cells["cohort"]),
        retained=retained,
        share=share.value,
        low=share.low,
        high=share.high,
    )
    for name in ("retained", "share", "low", "high"):
        cells[name] = cells[name].astype(float).where(cells["complete"])
    return cells[TRIANGLE]


def _pooled(complete: pd.DataFrame) -> pd.DataFrame:
    sums = complete.groupby("age").agg(
        retained=("retained", "sum"), users=("users", "sum"), cohorts=("cohort", "nunique")
    )
    share = wilson(sums["retained"], sums["users"])
    pooled = pd.DataFrame({"age": sums.index, "share": share.value, "low": share.low, "high": share.high})
    return pooled.assign(users=sums["users"].to_numpy(), cohorts=sums["cohorts"].to_numpy()).reset_index(drop=True)
