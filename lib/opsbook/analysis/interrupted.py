"""A campaign for everybody: what the days before foretell of its days, and how wrong such foretelling was before.

The forecast is the level of the last four weeks with the weekdays of the last eight. The same forecast is made for
campaigns that never were, as long, all over before the start; their errors are the interval. Whatever else happened in
those days is in the difference too: grade D.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

METRICS = ("revenue", "orders", "active_days")
METHOD = "weekday forecast, errors of earlier forecasts"
LEVEL_DAYS, WEEKDAY_DAYS, HISTORY_DAYS, STEP = 28, 56, 364, 7
FEWEST = 3
FORECAST = ["metric", "actual", "expected", "low", "high", "relative", "relative_low", "relative_high", "checks"]
ERRORS = ["start", "actual", "expected", "error"]


class Interrupted(NamedTuple):
    """forecast: one row per metric; errors: the placebo forecasts of the primary metric."""

    forecast: pd.DataFrame
    errors: pd.DataFrame


NOTHING = Interrupted(pd.DataFrame(columns=FORECAST), pd.DataFrame(columns=ERRORS))


def review(
    user_days: Tabular, *, comparison: str, metric: str, start: date, end: date, through: date, data_start: date
) -> Interrupted:
    """The forecast for the days of the campaign that the data cover; nothing unless the comparison is before_after.

    >>> days = pd.date_range("2026-01-01", "2026-04-30")
    >>> user_days = pd.DataFrame({"user": range(len(days)), "day": days, "orders": 10 + days.day % 3, "revenue": 50.0})
    >>> may = {"metric": "orders", "start": date(2026, 4, 24), "end": date(2026, 4, 30), "through": date(2026, 4, 30)}
    >>> found = review(user_days, comparison="before_after", data_start=date(2026, 1, 1), **may)
    >>> print(found.forecast[["metric", "actual", "expected", "checks"]].round(1).to_string(index=False))
         metric  actual  expected  checks
        revenue   350.0     350.0       8
         orders    76.0      77.0       8
    active_days     7.0       7.0       8
    >>> len(review(user_days, comparison="randomised", data_start=date(2026, 1, 1), **may).forecast)
    0
    """
    last = min(end, through)
    if comparison != "before_after" or last < start:
        return NOTHING
    days = daily(user_days, first=max(data_start, start - timedelta(days=HISTORY_DAYS)), last=last)
    found = {name: forecast(days, metric=name, start=start, end=last) for name in METRICS}
    errors = placebo_errors(days, metric=metric if metric in METRICS else "orders", start=start, end=last)
    return Interrupted(pd.concat([one for one in found.values() if len(one)] or [NOTHING.forecast]), errors)


def daily(user_days: Tabular, *, first: date, last: date) -> pd.DataFrame:
    """The whole company's days -- day (index, every day), revenue, orders, active_days (user-days).

    >>> user_days = pd.DataFrame({"user": [1, 2, 1], "day": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-03"]),
    ...                           "revenue": [20.0, 0.0, 5.0], "orders": [1, 0, 1]})
    >>> print(daily(user_days, first=date(2026, 1, 1), last=date(2026, 1, 3)).to_string())
                revenue  orders  active_days
    day
    2026-01-01     20.0     1.0          2.0
    2026-01-02      0.0     0.0          0.0
    2026-01-03      5.0     1.0          1.0
    """
    days = engine_table(user_days)
    day = days.day.cast("date")
    inside = days.filter((day >= first) & (day <= last)).mutate(day=day)
    counted = inside.group_by("day").agg(
        revenue=exact_sum(inside.revenue), orders=inside.orders.sum(), active_days=inside.count()
    )
    table = counted.to_pandas().astype({"day": "datetime64[ns]"} | dict.fromkeys(METRICS, "float64")).set_index("day")
    return table.reindex(pd.date_range(first, last, name="day"), fill_value=0.0)


def forecast(days: pd.DataFrame, *, metric: str, start: date, end: date, level: float = 0.95) -> pd.DataFrame:
    """One metric over the campaign's days against what the days before foretold.

    days:    table of `daily`
    returns: one row -- metric, actual, expected (sums), low, high (prediction interval of expected), relative (actual /
             expected - 1) with its interval, checks (placebo forecasts that measured the error). No row without eight
             weeks before, or with fewer than three separate placebo campaigns.
    source:  t interval with the root mean square of the placebo forecasts' log errors; overlapping ones count once

    >>> days = pd.date_range("2026-01-01", "2026-06-30", name="day")
    >>> orders = np.where(days.day_of_week >= 5, 200.0, 100.0) + days.day % 5 + np.where(days >= "2026-06-24", 40, 0)
    >>> table = pd.DataFrame({"orders": orders}, index=days)
    >>> found = forecast(table, metric="orders", start=date(2026, 6, 24), end=date(2026, 6, 30))
    >>> print(found[["actual", "expected", "low", "high", "relative", "checks"]].round(2).to_string(index=False))
     actual  expected    low   high  relative  checks
     1194.0     914.0 908.37 919.66      0.31      16
    """
    errors = placebo_errors(days, metric=metric, start=start, end=end)
    length, known = (end - start).days + 1, errors["error"].dropna()
    apart = min(len(known), (len(known) - 1) * STEP // length + 1 if len(known) else 0)
    expected, actual = _foretold(days[metric], start, length), _sum(days[metric], start, length)
    if apart < FEWEST or not (expected > 0 and actual > 0):
        return pd.DataFrame(columns=FORECAST)
    half = float(stdtrit(apart, 0.5 + level / 2) * np.sqrt((known**2).mean() * (1 + 1 / apart)))
    low, high = expected * np.exp(-half), expected * np.exp(half)
    relative = [actual / expected - 1, actual / high - 1, actual / low - 1]
    return pd.DataFrame([[metric, actual, expected, low, high, *relative, len(known)]], columns=FORECAST)


def placebo_errors(days: pd.DataFrame, *, metric: str, start: date, end: date) -> pd.DataFrame:
    """The same forecast for pretended campaigns, a week apart, each over before the start.

    returns: one row per pretended start, latest first -- start, actual, expected (sums), error (log of actual /
             expected; missing where either is nothing)

    >>> days = pd.date_range("2026-01-01", "2026-03-25", name="day")
    >>> orders = pd.DataFrame({"orders": 100.0 + days.day % 5}, index=days)
    >>> found = placebo_errors(orders, metric="orders", start=date(2026, 3, 19), end=date(2026, 3, 25))
    >>> print(found.to_string(index=False, float_format="%.3f"))
         start  actual  expected  error
    2026-03-12 715.000   714.000  0.001
    2026-03-05 711.000   714.000 -0.004
    2026-02-26 716.000   713.750  0.003
    """
    length = (end - start).days + 1
    first = start - timedelta(days=length)
    starts = []
    while first - timedelta(days=WEEKDAY_DAYS) >= days.index[0].date():
        starts.append(first)
        first -= timedelta(days=STEP)
    rows = [(pd.Timestamp(day), _sum(days[metric], day, length), _foretold(days[metric], day, length))
            for day in starts]  # fmt: skip
    table = pd.DataFrame(rows, columns=ERRORS[:-1])
    usable = (table["actual"] > 0) & (table["expected"] > 0)
    ratio = (table["actual"] / table["expected"].where(usable)).where(usable)
    return table.assign(error=np.log(ratio.astype("float64")))[ERRORS]


def _foretold(values: pd.Series, start: date, length: int) -> float:
    """Sum foretold for so many days from the start; missing without eight weeks before."""
    first = pd.Timestamp(start)
    if first - pd.Timedelta(days=WEEKDAY_DAYS) < values.index[0]:
        return float("nan")
    early = values[first - pd.Timedelta(days=WEEKDAY_DAYS) : first - pd.Timedelta(days=1)]
    shape = early.groupby(pd.DatetimeIndex(early.index).day_of_week).mean() / max(early.mean(), 1e-300)
    ahead = pd.date_range(first, periods=length).day_of_week
    return float(early.iloc[-LEVEL_DAYS:].mean() * shape.reindex(ahead).sum())


def _sum(values: pd.Series, start: date, length: int) -> float:
    first = pd.Timestamp(start)
    return float(values[first : first + pd.Timedelta(days=length - 1)].sum())
