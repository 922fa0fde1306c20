"""When can we still act: where users leave, how many can be reached there, and how many would come back anyway.

Two clocks: days since the first day, and days since the last activity. Nothing that happens after a moment decides who
is counted at it.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from opsbook.analysis import hazard, life_table, survival
from opsbook.analysis.churn import gaps_as_durations
from opsbook.analysis.proportion import Estimate

METHOD = "Kaplan-Meier within the window, log-log interval"
AGES = ["from_day", "to_day", "at_risk", "reached_per_day", "leaves", "leaves_low", "leaves_high", "leavers_per_day",
        "leavers_low", "leavers_high", "stands_out"]  # fmt: skip
SILENCES = ["silent_days", "silences", "reached_per_day", "gone", "gone_low", "gone_high", "leavers_per_day"]


def risk_by_age(durations: pd.DataFrame, *, horizon_days: int, min_at_risk: int = 50) -> pd.DataFrame:
    """`hazard.hazard` by week of life, for the weeks in which enough users were watched to say anything.

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [3, 10, 17, 30], "churned": [70, 20, 10, 0],
    ...                           "censored": [0, 0, 0, 100]})
    >>> columns = ["from_day", "to_day", "user_days_at_risk", "churned", "hazard_per_day"]
    >>> print(risk_by_age(durations, horizon_days=28)[columns].round(4).to_string(index=False))
     from_day  to_day  user_days_at_risk  churned  hazard_per_day
            0       6               1190       70          0.0588
            7      13                850       20          0.0235
           14      20                740       10          0.0135
           21      27                700        0          0.0000
    """
    table = hazard.hazard(durations, horizon_days=horizon_days)
    days = table["to_day"] - table["from_day"] + 1
    return table[table["user_days_at_risk"] >= min_at_risk * days].reset_index(drop=True)


def by_age(
    durations: pd.DataFrame, *, days_of_data: int, window_days: int = 7, horizon_days: int = 180, min_at_risk: int = 50
) -> pd.DataFrame:
    """Windows of age one after the other: who gets there, and which share leaves inside.

    durations:    one row per (entry_days, duration_days) -- churned, censored (users)
    days_of_data: calendar days over which users could be watched and judged
    returns:      one row per window with at least min_at_risk users at its beginning -- from_day, to_day, at_risk
                  (users), reached_per_day (users who get there per calendar day), leaves (share of them that churns
                  inside, 0-1) with interval, leavers_per_day (the product) with interval, stands_out (the most leavers
                  per day, and clearly more than any other window)
    source:       1 - S(end) / S(begin), Greenwood's sum over the window on the log(-log) scale

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [3, 10, 17, 30], "churned": [70, 20, 10, 0],
    ...                           "censored": [0, 0, 0, 100]})
    >>> found = by_age(durations, days_of_data=107, horizon_days=21)
    >>> columns = ["from_day", "to_day", "at_risk", "reached_per_day", "leaves", "leavers_per_day", "stands_out"]
    >>> print(found[columns].round(3).to_string(index=False))
     from_day  to_day  at_risk  reached_per_day  leaves  leavers_per_day  stands_out
            0       6      200            1.869   0.350            0.654        True
            7      13      130            1.300   0.154            0.200       False
           14      20      110            1.183   0.091            0.108       False
    """
    steps = survival.kaplan_meier(durations)
    starts = np.arange(0, horizon_days, window_days)
    watched = life_table.at_risk(life_table.checked(durations), starts) if len(steps) else np.zeros(len(starts))
    last = float(steps["duration_days"].max()) if len(steps) else -1.0
    known = (watched >= min_at_risk) & (starts + window_days - 1 <= last)
    starts, watched = starts[known], watched[known]
    stays, low, high = _kept(steps, starts - 1, starts + window_days - 1)
    per_day = watched / np.maximum(days_of_data - starts, 1)
    columns = [starts, starts + window_days - 1, watched.astype("int64"), per_day, 1 - stays, 1 - high, 1 - low,
               per_day * (1 - stays), per_day * (1 - high), per_day * (1 - low)]  # fmt: skip
    table = pd.DataFrame(dict(zip(AGES[:-1], columns, strict=True)))
    return table.assign(stands_out=_stands_out(table))[AGES]


def by_silence(gaps: pd.DataFrame, *, days_of_data: int, churn_after_days: int) -> pd.DataFrame:
    """Days of silence one after the other: who gets there, and which share will not come back before it is churn.

    gaps:    table of `churn.gap_table` -- gap_days, returned, open
    returns: one row per day 1..churn_after_days - 1 -- silent_days (whole days without activity), silences (longer
             ones, over all data), reached_per_day, gone (share that stays silent for churn_after_days, 0-1) with
             interval, leavers_per_day
    source:  G(churn_after_days) / G(day), G = Kaplan-Meier of gaps with open gaps censored; gaps taken as independent

    >>> gaps = pd.DataFrame({"gap_days": [1, 2, 3, 5, 8], "returned": [500, 200, 100, 50, 0],
    ...                      "open": [0, 0, 10, 20, 120]})
    >>> columns = ["silent_days", "silences", "reached_per_day", "gone", "leavers_per_day"]
    >>> print(by_silence(gaps, days_of_data=100, churn_after_days=4)[columns].round(2).to_string(index=False))
     silent_days  silences  reached_per_day  gone  leavers_per_day
               1       500              5.0  0.40              2.0
               2       300              3.0  0.67              2.0
               3       190              1.9  1.00              1.9
    """
    rows = gaps_as_durations(gaps)
    steps = survival.kaplan_meier(rows)
    days = np.arange(1, churn_after_days)
    if steps.empty or steps["duration_days"].max() < churn_after_days:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in SILENCES})
    reached = life_table.at_risk(rows, days + 1).astype("int64")
    gone, low, high = _kept(steps, days, np.full(len(days), churn_after_days))
    per_day = reached / max(days_of_data, 1)
    return pd.DataFrame(dict(zip(SILENCES, [days, reached, per_day, gone, low, high, per_day * gone], strict=True)))


def turning_point(silences: pd.DataFrame, *, share: float = 0.5) -> Estimate:
    """First day of silence from which at least `share` of those who got there will not come back by themselves.

    returns: value with the days on which the interval's ends get there, n = silences longer than that day; missing
             when it is not reached before users count as churned anyway

    >>> silences = pd.DataFrame({"silent_days": [1, 2, 3], "silences": [500, 300, 200], "gone": [0.3, 0.55, 0.8],
    ...                          "gone_low": [0.25, 0.49, 0.74], "gone_high": [0.35, 0.61, 0.85]})
    >>> turning_point(silences)
    Estimate(value=2.0, low=2.0, high=3.0, n=300)
    """
    firsts = [silences.loc[silences[name] >= share, "silent_days"] for name in ("gone", "gone_high", "gone_low")]
    value, low, high = (float(days.iloc[0]) if len(days) else float("nan") for days in firsts)
    at = silences.loc[silences["silent_days"] == value, "silences"]
    return Estimate(value, low, high, int(at.iloc[0]) if len(at) else 0)


def days_of_data(*, data_start: date, as_of: date, churn_after_days: int) -> int:
    """Calendar days on which somebody could be counted and later judged.

    >>> days_of_data(data_start=date(2026, 1, 1), as_of=date(2026, 3, 31), churn_after_days=28)
    62
    """
    return max((as_of - data_start).days + 1 - churn_after_days, 0)


def _kept(steps: pd.DataFrame, begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """S(end) / S(begin) with its interval; before the first step S is 1."""
    at = steps["duration_days"].to_numpy(float)
    active = np.concatenate([[1.0], steps["active"].to_numpy()])
    terms = survival.greenwood_terms(*steps[["at_risk", "churned"]].to_numpy(float).T)
    spread = np.concatenate([[0.0], np.cumsum(np.where(np.isfinite(terms), terms, 0.0))])
    first, last = (np.searchsorted(at, days, side="right") for days in (begin, end))
    kept = np.divide(active[last], active[first], out=np.zeros(len(last)), where=active[first] > 0)
    low, high = survival.log_log_interval(kept, spread[last] - spread[first])
    return kept, low, high


def _stands_out(table: pd.DataFrame) -> pd.Series:
    """True for the window whose fewest leavers are more than the most of any other."""
    most = table["leavers_high"].fillna(table["leavers_per_day"])
    least = table["leavers_low"].fillna(table["leavers_per_day"])
    if len(table) < 2:
        return pd.Series(False, index=table.index)
    best = table["leavers_per_day"].idxmax()
    return pd.Series((table.index == best) & bool(least[best] > most.drop(best).max()), index=table.index)
