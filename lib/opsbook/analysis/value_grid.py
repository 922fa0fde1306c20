"""What the members of a cohort bring by age, in money or orders: the cohort grid of value beside the one of shares.

A cell is complete when its whole unit lies inside the data; the others are blank, never zero.
"""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import retention_events, retention_grid
from opsbook.analysis.cohorts import Window
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "mean per cohort member, normal interval over users"
METRICS = ("revenue", "orders")
VALUES = ["cohort", "age", "users", "total", "per_member", "low", "high", "complete"]


def values(
    starts: Tabular, returns: Tabular, *, window: Window, metric: str, last_age: int = 12, level: float = 0.95
) -> pd.DataFrame:
    """Revenue or orders per cohort member in each unit after the start, those who did not come back counted as zero.

    returns: one row per cohort and age -- cohort (first day of the unit), age, users, total, per_member, low,
             high (missing unless complete), complete
             No rows for the metric users, which the grid itself counts.
    raises:  KeyError for any other metric that is not in METRICS

    >>> from opsbook import cohorts, retention_events, tiny, value_grid
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> start = retention_events.starts(tiny.user_days, tiny.users, tiny.steps, window=window)
    >>> back = retention_events.returns(tiny.user_days, tiny.steps, window=window)
    >>> told = value_grid.values(start, back, window=window, metric="revenue", last_age=2)
    >>> print(told.head(3)[["cohort", "age", "users", "total", "per_member"]].to_string(index=False))
        cohort  age  users  total  per_member
    2026-01-05    0      5   90.0        18.0
    2026-01-05    1      5  110.0        22.0
    2026-01-05    2      5   40.0         8.0
    """
    starts, returns = engine_table(starts), engine_table(returns)
    if metric == "users":
        none = retention_grid.cohort_ages(starts.limit(0), window=window, ages=[])
        return none.assign(cohort=window.first_days(none["cohort"])).reindex(columns=VALUES)
    if metric not in METRICS:
        raise KeyError(metric)
    aged = retention_events.returns_by_age(starts, returns).filter(_.age <= last_age)
    worth = aged[metric].cast("float64")
    sums = aged.group_by("cohort", "age").agg(total=worth.sum().round(4), square=(worth * worth).sum().round(4))
    cells = retention_grid.cohort_ages(starts, window=window, ages=range(last_age + 1))
    cells = cells.merge(sums.to_pandas(), on=["cohort", "age"], how="left").fillna({"total": 0.0, "square": 0.0})
    n = cells["users"].astype(float)
    mean = cells["total"] / n
    variance = (cells["square"] / n - mean**2).clip(lower=0) * n / (n - 1).where(n > 1)
    half = ndtri(0.5 + level / 2) * np.sqrt(variance / n)
    cells["complete"] = window.observed(cells["cohort"] + cells["age"])
    shown = {"per_member": mean, "low": mean - half, "high": mean + half}
    shown = {name: column.where(cells["complete"]) for name, column in {**shown, "total": cells["total"]}.items()}
    return cells.assign(cohort=window.first_days(cells["cohort"]), **shown)[VALUES]


def large_cohorts(values: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The table of `values` with money and interval missing, and complete false, for cohorts below min_cell users.

    >>> import pandas as pd
    >>> from opsbook import value_grid
    >>> cells = pd.DataFrame({"users": [40, 4], "total": [90.0, 50.0], "per_member": [2.25, 12.5]})
    >>> cells = cells.assign(low=cells["per_member"] - 1, high=cells["per_member"] + 1, complete=True)
    >>> print(value_grid.large_cohorts(cells, min_cell=10).to_string(index=False))
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
    >>> from opsbook import value_grid
    >>> cells = pd.DataFrame({"age": 1, "users": [100, 300], "per_member": [4.0, 2.0], "low": [3.0, 1.5]})
    >>> cells = cells.assign(high=[5.0, 2.5], cohort=["2026-01", "2026-02"], complete=True)
    >>> print(value_grid.pooled_values(cells).round(2).to_string(index=False))
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
