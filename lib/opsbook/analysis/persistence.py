"""Did it last: the difference between the arms week by week after the end, and how fast it fades."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.special import ndtri

from opsbook.analysis.experiment import METRICS, SHARES, anybody
from opsbook.analysis.means import cuped, relative, welch
from opsbook.analysis.moments import count_moments, pair_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "CUPED, Welch, week by week; exponential decay by weighted least squares"
COLUMNS = ["week", "start", "end", "treated_users", "control_users", "treated", "control", "difference", "low", "high",
           "relative", "relative_low", "relative_high", "p"]  # fmt: skip


class HalfLife(NamedTuple):
    """Weeks after which half of the effect is left, with interval; case: known, none (no effect to fade), open."""

    value: float
    low: float
    high: float
    n: int
    case: str


def metric_of(primary: str) -> str:
    """What is followed week by week: the primary metric, or orders where that is a share of users.

    >>> metric_of("revenue"), metric_of("buyers")
    ('revenue', 'orders')
    """
    return "orders" if primary in SHARES else primary


def weekly_effects(
    units: Tabular, user_days: Tabular, *, metric: str, end: date, as_of: date, weeks: int = 8
) -> pd.DataFrame:
    """Treated minus control in every whole week after the campaign's end, adjusted by the days before it.

    units:   table of `experiment.units`; metric: one of experiment.METRICS but a share
    returns: one row per whole week up to as_of -- week (1 = the seven days after `end`), start, end (days),
             treated_users, control_users, treated, control (adjusted means per user), difference with low and high,
             relative with its interval, p; every week looks at all assigned users, active or not
    raises:  KeyError for a metric that is not in experiment.METRICS

    >>> from opsbook import tiny
    >>> from opsbook.analysis.experiment import units
    >>> spring = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 28}
    >>> placed = units(tiny.assignments, tiny.user_days, experiment_id="spring", control="control", **spring)
    >>> span = {"end": tiny.CAMPAIGN_END, "as_of": tiny.AS_OF}
    >>> found = weekly_effects(placed, tiny.user_days, metric="active_days", **span)
    >>> columns = ["week", "start", "treated", "control", "difference", "low", "high"]
    >>> print(found[columns].to_string(index=False, float_format="%.1f"))
     week      start  treated  control  difference  low  high
        1 2026-03-02      2.6      2.1         0.4 -0.4   1.3
        2 2026-03-09      2.7      2.0         0.7 -0.2   1.6
        3 2026-03-16      2.6      1.8         0.8 -0.2   1.7
        4 2026-03-23      2.6      1.6         1.0  0.2   1.9
    """
    if metric not in METRICS or metric in SHARES:
        raise KeyError(metric)
    whole, assigned = min(weeks, (as_of - end).days // 7), engine_table(units)
    if whole < 1 or not anybody(assigned):
        return pd.DataFrame(columns=COLUMNS)
    wide = _by_week(assigned, engine_table(user_days), metric, end, whole)
    pairs = {str(week): (wide[f"week_{week}"], wide[f"{metric}_before"]) for week in range(1, whole + 1)}
    counted = count_moments(wide, by="arm", pairs=pairs)
    rows = [_row(int(str(week)), part, end) for week, part in counted.groupby("name", sort=False) if len(part) == 2]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("week", ignore_index=True)


def half_life(effects: pd.DataFrame, *, level: float = 0.95) -> HalfLife:
    """Weeks until the effect has halved, as if it faded by the same share every week.

    effects: table of weekly_effects
    returns: case none when the first week's effect is not clear, open when the interval of the rate covers no fading
             (then low is the shortest half-life the data allow, value and high are missing), else known
    source:  weighted least squares of a * 2^(-(week - 1) / half-life); delta method on the rate

    >>> weeks = pd.DataFrame({"week": [1, 2, 3, 4], "treated_users": 1000, "difference": [0.40, 0.20, 0.10, 0.05]})
    >>> found = half_life(weeks.assign(low=weeks["difference"] - 0.05, high=weeks["difference"] + 0.05))
    >>> print(f"{found.value:.2f} weeks [{found.low:.2f}; {found.high:.2f}], {found.case}")
    1.00 weeks [0.80; 1.34], known
    >>> half_life(weeks.assign(low=-0.1, high=0.9)).case
    'none'
    """
    nan, users = float("nan"), int(effects["treated_users"].iloc[0]) if len(effects) else 0
    if len(effects) < 3 or not effects["low"].iloc[0] * effects["high"].iloc[0] > 0:
        return HalfLife(nan, nan, nan, users, "none")
    week, value = effects["week"].to_numpy(float) - 1, effects["difference"].to_numpy(float)
    error = (effects["high"] - effects["low"]).to_numpy(float) / 2 / ndtri(0.975)
    start = (value[0], 0.3)
    fitted, spread = curve_fit(_decay, week, value, p0=start, sigma=error, absolute_sigma=True, maxfev=20_000)
    rate, half = float(fitted[1]), float(ndtri(0.5 + level / 2) * np.sqrt(spread[1, 1]))
    if not np.isfinite(half) or rate - half <= 0:
        return HalfLife(nan, 1 / (rate + half) if rate + half > 0 else nan, nan, users, "open")
    return HalfLife(1 / rate, 1 / (rate + half), 1 / (rate - half), users, "known")


def _decay(week: np.ndarray, first: float, rate: float) -> np.ndarray:
    return first * 2.0 ** (-rate * week)


def _by_week(units: ir.Table, days: ir.Table, metric: str, end: date, weeks: int) -> ir.Table:
    since = days.day.cast("date").delta(ibis.date(end), unit="day")
    value = ibis.literal(1).cast("int64") if metric == "active_days" else days[metric]
    after = days.filter((since > 0) & (since <= 7 * weeks)).mutate(week=(since - 1) // 7 + 1, value=value)
    sums = {f"week_{week}": _.value.sum(where=_.week == week).fill_null(0) for week in range(1, weeks + 1)}
    spent = after.group_by("user").agg(**sums)
    joined = units.left_join(spent, "user").drop("user_right")
    return joined.mutate(**{name: joined[name].fill_null(0) for name in sums})


def _row(week: int, part: pd.DataFrame, end: date) -> list[object]:
    arms = {row["arm"]: pair_moments(row) for row in part.to_dict("records")}
    treated, control = cuped(arms["treated"], arms["control"])
    first = pd.Timestamp(end + timedelta(days=7 * (week - 1) + 1))
    difference, ratio = welch(treated, control), relative(treated, control)
    told = [week, first, first + pd.Timedelta(days=6), treated.n, control.n, treated.mean, control.mean]
    return [*told, *difference[:3], *ratio[:3], difference.p]
