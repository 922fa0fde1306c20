"""When the campaign had earned its cost: cumulated incremental margin, week by week from the start."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.experiment import anybody
from opsbook.analysis.means import cuped, welch
from opsbook.analysis.moments import count_moments, pair_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "cumulated difference of the arms, CUPED, Welch"
COLUMNS = ["day", "days", "earned", "low", "high", "cost", "treated_users", "control_users"]


class PaidBack(NamedTuple):
    """The end of the first week from which on the cost is earned, by the estimate and by both ends of its interval.

    What is earned and given back later is not earned. case: known; likely = by the estimate, not by its lower end;
    open = by the upper end only; not = not even by that; none = nothing to tell. Dates not reached are missing.
    """

    day: pd.Timestamp | None
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    case: str


def curve(
    units: Tabular, user_days: Tabular, *, start: date, end: date, after_days: int, as_of: date,
    margin: float | None, cost: float,
) -> pd.DataFrame:  # fmt: skip
    """Incremental margin earned from the start to the end of every week, and to the last day that is watched.

    units:   `experiment.units`; as_of: last complete day of data
    returns: one row per week end -- day, days (since the start, both included), earned (currency) with low and high,
             cost, treated_users, control_users; none without margin, cost or two arms

    >>> from opsbook import tiny
    >>> from opsbook.analysis.experiment import units
    >>> spring = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 14}
    >>> placed = units(tiny.assignments, tiny.user_days, experiment_id="spring", control="control", **spring)
    >>> found = curve(placed, tiny.user_days, **spring, as_of=tiny.AS_OF, margin=0.5, cost=60)
    >>> columns = ["day", "days", "earned", "low", "high", "cost", "treated_users"]
    >>> print(found[columns].to_string(index=False, float_format="%.0f"))
           day  days  earned  low  high  cost  treated_users
    2026-02-22     7      20  -76   116    60             14
    2026-03-01    14      80  -45   205    60             14
    2026-03-08    21     118  -32   269    60             14
    2026-03-15    28     105  -83   294    60             14
    """
    last = min(end + timedelta(days=after_days), as_of)
    length = (last - start).days + 1
    if margin is None or not cost > 0 or length < 7 or not anybody(assigned := engine_table(units)):
        return pd.DataFrame(columns=COLUMNS)
    ends = sorted({*range(7, length + 1, 7), length})
    wide = _cumulated(assigned, user_days, start, ends)
    pairs = {str(days): (wide[f"to_{days}"], wide.revenue_before) for days in ends}
    counted = count_moments(wide, by="arm", pairs=pairs)
    rows = [_row(days, counted[counted["name"] == str(days)], start, margin, cost) for days in ends]
    return pd.DataFrame([row for row in rows if row], columns=COLUMNS)


def paid_back(curve: pd.DataFrame) -> PaidBack:
    """The first week end from which on each side of the interval is at the cost or above, to the last day watched.

    >>> weeks = pd.DataFrame({"day": pd.date_range("2026-06-07", periods=4, freq="7D"), "cost": 100.0,
    ...                       "earned": [80.0, 120, 90, 130], "low": [40.0, 70, 50, 80],
    ...                       "high": [120.0, 170, 130, 180]})
    >>> found = paid_back(weeks)
    >>> print(f"{found.case}: by the estimate on {found.day:%d %B}, at best {found.first:%d %B}, surely {found.last}")
    likely: by the estimate on 28 June, at best 07 June, surely None
    """
    if curve.empty:
        return PaidBack(None, None, None, "none")
    day, first, last = (_for_good(curve, side) for side in ("earned", "high", "low"))
    case = "known" if last is not None else "likely" if day is not None else "open" if first is not None else "not"
    return PaidBack(day, first, last, case)


def _for_good(curve: pd.DataFrame, side: str) -> pd.Timestamp | None:
    reached = (curve[side] >= curve["cost"])[::-1].cummin()[::-1]
    return curve.loc[reached, "day"].iloc[0] if reached.any() else None


def _cumulated(units: ir.Table, user_days: Tabular, start: date, ends: list[int]) -> ir.Table:
    """One row per assigned user -- arm, revenue_before, to_<days> (net revenue of the first so many days)."""
    days = engine_table(user_days)
    since = days.day.cast("date").delta(ibis.date(start), unit="day") + 1
    inside = days.filter((since >= 1) & (since <= ends[-1])).mutate(since=since)
    sums = {f"to_{end}": _.revenue.sum(where=_.since <= end) for end in ends}
    spent = inside.group_by("user").agg(**sums)
    wide = units.select("user", "arm", "revenue_before").left_join(spent, "user").drop("user_right")
    return wide.mutate(**{name: wide[name].fill_null(0.0) for name in sums})


def _row(days: int, part: pd.DataFrame, start: date, margin: float, cost: float) -> list[object] | None:
    arms = {row["arm"]: pair_moments(row) for row in part.to_dict("records")}
    if set(arms) != {"treated", "control"}:
        return None
    treated, control = cuped(arms["treated"], arms["control"])
    found = [value * treated.n * margin for value in welch(treated, control)[:3]]
    return [pd.Timestamp(start + timedelta(days=days - 1)), days, *found, cost, treated.n, control.n]
