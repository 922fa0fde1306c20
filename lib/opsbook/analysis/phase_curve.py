"""Day by day through a campaign: before, warm-up, burst, wind-down and after, against the weekdays before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

import ibis
import numpy as np
import pandas as pd
from scipy import stats

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METRICS = ("orders", "revenue", "active_users")
DAILY = ["day", "phase", *METRICS]
PHASES = ["before", "warm_up", "burst", "wind_down", "campaign", "after"]
HOURS = ["day", "hour", "value", "usual", "low", "high", "usual_days"]
TOTALS = ["phase", "start", "end", "days", "actual", "expected", "low", "high", "ratio"]


class Span(Protocol):
    """A named span of days, both included."""

    name: str
    start: date
    end: date


def daily(
    user_days: Tabular,
    *,
    start: date,
    end: date,
    phases: Sequence[Span] = (),
    before_days: int = 28,
    after_days: int = 28,
    data_start: date,
    as_of: date,
) -> pd.DataFrame:
    """The company's days around a campaign, days without activity included; nothing before data_start or after as_of.

    returns: one row per day, in order -- day, phase (before, a phase's name, `campaign` between them, after),
             orders, revenue (net, currency), active_users

    >>> user_days = pd.DataFrame({"user": [1, 2, 1], "day": pd.to_datetime(["2026-06-01", "2026-06-02", "2026-06-04"]),
    ...                           "orders": [1, 0, 2], "revenue": [10.0, 0.0, 25.0]})
    >>> span = {"start": date(2026, 6, 2), "end": date(2026, 6, 3), "data_start": date(2026, 6, 1)}
    >>> print(daily(user_days, **span, as_of=date(2026, 6, 4)).to_string(index=False))
           day    phase  orders  revenue  active_users
    2026-06-01   before       1     10.0             1
    2026-06-02 campaign       0      0.0             1
    2026-06-03 campaign       0      0.0             0
    2026-06-04    after       2     25.0             1
    """
    first = max(start - timedelta(days=before_days), data_start)
    last = min(end + timedelta(days=after_days), as_of)
    days = engine_table(user_days)
    day = days.day.cast("date")
    around = days.filter((day >= first) & (day <= last)).mutate(day=day)
    counted = around.group_by("day").agg(
        orders=_.orders.sum(), revenue=exact_sum(around.revenue), active_users=_.user.nunique()
    )
    calendar = pd.DataFrame({"day": pd.date_range(first, last, freq="D").astype("datetime64[ns]")})
    found = counted.order_by("day").to_pandas().astype({"day": "datetime64[ns]"})
    table = calendar.merge(found, on="day", how="left").fillna(dict.fromkeys(METRICS, 0))
    table["phase"] = _phase_names(table["day"], start, end, phases)
    return table.astype({"orders": "int64", "active_users": "int64", "revenue": "float64"})[DAILY]


def peak_hours(
    steps: Tabular, curve: pd.DataFrame, *, event: str | None, start: date, end: date, before_days: int = 28
) -> pd.DataFrame:
    """Hour by hour through the campaign's highest day, beside the same weekdays of the weeks before.

    steps:   one row per event -- day, hour (local), event; curve: `against_baseline`; event: counted alone, None = all
    returns: one row per hour -- day (the peak), hour (0-23), value (events), usual (mean of the same weekdays before),
             low, high (their smallest and largest), usual_days (how many there are); no rows where nothing happened

    >>> curve = pd.DataFrame({"day": pd.date_range("2026-06-01", "2026-06-08"), "value": [5.0, 1, 1, 1, 1, 1, 2, 9]})
    >>> steps = pd.DataFrame({"day": pd.to_datetime(["2026-06-01", "2026-06-08", "2026-06-08"]), "hour": [20, 20, 20],
    ...                       "event": "order"})
    >>> found = peak_hours(steps, curve, event="order", start=date(2026, 6, 8), end=date(2026, 6, 8))
    >>> print(found.iloc[19:22].to_string(index=False))
           day  hour  value  usual  low  high  usual_days
    2026-06-08    19    0.0    0.0  0.0   0.0           1
    2026-06-08    20    2.0    1.0  1.0   1.0           1
    2026-06-08    21    0.0    0.0  0.0   0.0           1
    """
    inside = curve[(curve["day"] >= pd.Timestamp(start)) & (curve["day"] <= pd.Timestamp(end))]
    if inside.empty or not inside["value"].any():
        return pd.DataFrame(columns=HOURS)
    peak = pd.Timestamp(inside["day"].iloc[int(inside["value"].argmax())])
    first = max(pd.Timestamp(start) - pd.Timedelta(days=before_days), curve["day"].min())
    usual = pd.date_range(first, pd.Timestamp(start) - pd.Timedelta(days=1))
    days = [peak.date(), *(day.date() for day in usual if day.weekday() == peak.weekday())]
    own = engine_table(steps)
    chosen = own.filter(own.day.cast("date").isin(days) & ((own.event == event) if event else ibis.literal(value=True)))
    counted = chosen.group_by(day=chosen.day.cast("date"), hour=chosen.hour.cast("int64")).agg(value=_.count())
    found = counted.to_pandas().assign(day=lambda t: pd.to_datetime(t["day"]))
    grid = found.pivot(index="hour", columns="day", values="value").reindex(range(24), columns=pd.to_datetime(days))
    filled, before = grid.fillna(0.0), grid.fillna(0.0).iloc[:, 1:]
    told = {"day": peak, "hour": range(24), "value": filled[peak].to_numpy(), "usual": before.mean(axis=1).to_numpy()}
    told |= {"low": before.min(axis=1).to_numpy(), "high": before.max(axis=1).to_numpy()}
    return pd.DataFrame(told).assign(usual_days=before.shape[1])[HOURS]


def against_baseline(daily: pd.DataFrame, *, metric: str, level: float = 0.95) -> pd.DataFrame:
    """The metric with what the same weekday of the days before would have been.

    The baseline needs 14 days before; its band is a prediction interval for one day. It knows weekdays, not trends
    or festivals.
    returns: `daily`'s day and phase, value, expected, low, high (the metric's unit; missing without a baseline)

    >>> table = pd.DataFrame({"day": pd.date_range("2026-06-01", "2026-06-16")})
    >>> table["phase"] = ["before"] * 14 + ["burst"] * 2
    >>> table["orders"] = [9, 11, 12, 10, 11, 30, 31, 11, 11, 12, 10, 11, 30, 31, 20, 22]
    >>> found = against_baseline(table, metric="orders")
    >>> print(found.iloc[13:].to_string(index=False, float_format="%.1f"))
           day  phase  value  expected  low  high
    2026-06-14 before   31.0      31.0 29.5  32.5
    2026-06-15  burst   20.0      10.0  8.5  11.5
    2026-06-16  burst   22.0      11.0  9.5  12.5
    """
    table = daily[["day", "phase"]].assign(value=daily[metric].astype("float64"))
    before = table[table["phase"] == "before"]
    weekday = table["day"].dt.day_of_week
    means, counts, noise, freedom = _weekday_baseline(before)
    half = stats.t.ppf(0.5 + level / 2, freedom) * noise * np.sqrt(1 + 1 / weekday.map(counts))
    expected = weekday.map(means)
    return table.assign(expected=expected, low=(expected - half).clip(lower=0), high=expected + half)


def whole_campaign(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve with all days from the first to the last phase under the one name `campaign`.

    >>> curve = pd.DataFrame({"phase": ["before", "warm_up", "burst", "campaign", "after"], "value": 10.0})
    >>> print(whole_campaign(curve)["phase"].tolist())
    ['before', 'campaign', 'campaign', 'campaign', 'after']
    """
    return curve.assign(phase=curve["phase"].where(curve["phase"].isin(["before", "after"]), "campaign"))


def phase_totals(curve: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Each phase as a whole against its baseline; the band is a prediction interval for the phase's sum.

    curve:   table of `against_baseline`
    returns: one row per phase, in order of time -- phase, start, end, days, actual, expected, low, high (sums of the
             metric's unit), ratio (actual / expected). Before/after figures: they do not say what the campaign caused.

    >>> table = pd.DataFrame({"day": pd.date_range("2026-06-01", "2026-06-16")})
    >>> table["phase"] = ["before"] * 14 + ["burst"] * 2
    >>> table["orders"] = [9, 11, 12, 10, 11, 30, 31, 11, 11, 12, 10, 11, 30, 31, 20, 22]
    >>> found = phase_totals(against_baseline(table, metric="orders"))
    >>> print(found[["phase", "days", "actual", "expected", "low", "high", "ratio"]].round(2).to_string(index=False))
    phase  days  actual  expected   low  high  ratio
    burst     2    42.0      21.0 18.81 23.19    2.0
    """
    means, counts, noise, freedom = _weekday_baseline(curve[curve["phase"] == "before"])
    spans = curve[curve["phase"] != "before"].groupby("phase", sort=False)
    rows = [[phase, *_observed(part), *_band(part, means, counts, noise)] for phase, part in spans]
    table = pd.DataFrame(rows, columns=[*TOTALS[:6], "error"])
    half = stats.t.ppf(0.5 + level / 2, freedom) * table["error"].astype("float64")
    expected = table["expected"].astype("float64")
    ratio = table["actual"] / expected.where(expected > 0)
    return table.assign(low=(expected - half).clip(lower=0), high=expected + half, ratio=ratio)[TOTALS]


def _phase_names(day: pd.Series, start: date, end: date, phases: Sequence[Span]) -> pd.Series:
    names = pd.Series("campaign", index=day.index).mask(day < pd.Timestamp(start), "before")
    names = names.mask(day > pd.Timestamp(end), "after")
    for phase in phases:
        names = names.mask((day >= pd.Timestamp(phase.start)) & (day <= pd.Timestamp(phase.end)), phase.name)
    return names


def _weekday_baseline(before: pd.DataFrame) -> tuple[pd.Series, pd.Series, float, float]:
    """Mean and number of days per weekday, the spread around them and its degrees of freedom."""
    if len(before) < 14:
        nothing = pd.Series(np.nan, index=range(7))
        return nothing, nothing, float("nan"), float("nan")
    groups = before.groupby(before["day"].dt.day_of_week)["value"]
    residual = before["value"] - groups.transform("mean")
    freedom = len(before) - groups.ngroups
    return groups.mean(), groups.size(), float(np.sqrt((residual**2).sum() / freedom)), float(freedom)


def _observed(part: pd.DataFrame) -> tuple[pd.Timestamp, pd.Timestamp, int, float]:
    return part["day"].min(), part["day"].max(), len(part), float(part["value"].sum())


def _band(part: pd.DataFrame, means: pd.Series, counts: pd.Series, noise: float) -> tuple[float, float]:
    """Expected sum of the phase and its prediction error: own noise plus that of the weekday means it repeats."""
    days = part["day"].dt.day_of_week.value_counts()
    repeated = (days**2 / counts.reindex(days.index)).sum(skipna=False)
    return (days * means.reindex(days.index)).sum(skipna=False), noise * float(np.sqrt(len(part) + repeated))
