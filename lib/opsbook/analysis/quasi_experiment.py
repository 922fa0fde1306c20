"""A campaign given to some users by rule, not by lot: difference in differences, and the checks that may sink it.

Users of both groups are fixed before the start. The change of each user against the same user's days before is
compared between the groups; pretended earlier campaigns and the trend before say whether such a difference comes by
itself. Passed, the evidence is grade B; failed or untestable, it is C.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import experiment
from opsbook.analysis.incrementality import COLUMNS, by_comparison
from opsbook.analysis.means import Difference, welch
from opsbook.analysis.moments import Moments, PairMoments, count_moments, pair_moments
from opsbook.analysis.multiplicity import holm
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "difference in differences"
KEY = "rule"
CONTROL, TREATED = "control", "treated"
BEFORE_DAYS = 28
TREND_WEEKS = 8
PLACEBOS = ["start", "treated_users", "control_users", "difference", "low", "high", "p", "p_holm"]
CHECKS = ["check", "measured", "limit", "outcome"]
ALPHA = 0.05
NOBODY = Moments(0, 0.0, 0.0)
MARK = "treated"


class Review(NamedTuple):
    """Tables of `increments`, `placebo_dates` and `checks`; all empty where no rule says who was treated."""

    increments: pd.DataFrame
    placebos: pd.DataFrame
    checks: pd.DataFrame


NOTHING = Review(*(pd.DataFrame(columns=names) for names in (COLUMNS, PLACEBOS, CHECKS)))


def review(
    chosen: Tabular | None,
    user_days: Tabular,
    *,
    comparison: str,
    metric: str,
    start: date,
    end: date,
    after_days: int,
    through: date,
    data_start: date,
    dates: Sequence[date] = (),
) -> Review:
    """The comparison and its checks in one; nothing is counted unless the comparison is `did` by a rule on users.

    chosen: one row per user -- user, entry_day, treated (bool); through: last settled day; dates: pretended starts

    >>> weeks = pd.date_range("2026-01-05", periods=20, freq="7D")
    >>> user_days = pd.DataFrame({"user": np.repeat(range(40), 20), "day": np.tile(weeks, 40), "revenue": 5.0})
    >>> gift = (user_days["day"] == weeks[18]) & (user_days["user"] % 2 == 0)
    >>> user_days["orders"] = (user_days["user"] * 7 + user_days["day"].dt.day) % 3 + gift
    >>> chosen = pd.DataFrame({"user": range(40), "entry_day": weeks[0], "treated": [True, False] * 20})
    >>> may = {"start": date(2026, 5, 11), "end": date(2026, 5, 17), "after_days": 7, "through": date(2026, 5, 24)}
    >>> found = review(chosen, user_days, comparison="did", metric="orders", data_start=date(2026, 1, 5), **may)
    >>> print(found.checks.round(2).to_string(index=False))
            check  measured  limit outcome
    placebo_dates      1.00   0.05  passed
        pre_trend      0.85   0.05  passed
     placebo_size      0.07   1.00  passed
    """
    if comparison != "did" or chosen is None:
        return NOTHING
    span: dict[str, Any] = {"start": start, "end": end, "after_days": after_days}
    known: dict[str, Any] = {"treated": MARK, "metric": metric, "data_start": data_start}
    placed = assigned(chosen, treated=MARK, start=start)
    units = experiment.units(placed, user_days, experiment_id=KEY, control=CONTROL, **span)
    found = increments(experiment.arm_moments(units), days=experiment.window_days(through=through, **span))
    placebos = placebo_dates(chosen, user_days, dates=dates, **known, **span)
    net = found[(found["metric"] == metric) & (found["window"] == "net") & (found["method"] == "did")]
    effect = float(net["difference"].iloc[0]) if len(net) else float("nan")
    return Review(found, placebos, checks(placebos, pre_trend(chosen, user_days, start=start, **known), effect=effect))


def assigned(
    users: Tabular, *, treated: ir.BooleanValue | str, start: date, before_days: int = BEFORE_DAYS
) -> ir.Table:
    """Users of both groups as an assignment table that `experiment.units` reads.

    users:   one row per user -- user, entry_day, and what the rule asks for; treated: expression or boolean column,
             decided on what was known before the start
    returns: one row per user whom the data could see for all days before -- experiment_id, user, variant (treated,
             control), day (the campaign's start)

    >>> users = pd.DataFrame({"user": [1, 2, 3], "premium": [True, None, True],
    ...                       "entry_day": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-05-30"])})
    >>> found = assigned(users, treated="premium", start=date(2026, 6, 1))
    >>> print(found.select("user", "variant").order_by("user").to_pandas().to_string(index=False))
     user variant
        1 treated
        2 control
    """
    people = engine_table(users)
    known = people.filter(people.entry_day.cast("date") <= start - timedelta(days=before_days))
    rule = known[treated] if isinstance(treated, str) else treated
    variant = ibis.ifelse(rule.fill_null(False), TREATED, CONTROL)
    return known.select("user", variant=variant, experiment_id=ibis.literal(KEY), day=ibis.literal(start))


def increments(moments: pd.DataFrame, *, days: Mapping[str, int], before_days: int = BEFORE_DAYS) -> pd.DataFrame:
    """Treated minus control in the change against the days before, in the shape of `incrementality.increments`.

    moments: table of `experiment.arm_moments` on users of `assigned`; days: window (during, after, net) -> its days
    returns: rows of methods did and capped_did; treated is the mean as it was, control what it would have been; the
             change scales the days before to the window's length. Shares (buyers) have no such change and no row.
    source:  difference in differences with users as units; delta method for the relative effect

    >>> moments = pd.DataFrame({"arm": ["control", "treated"], "metric": "orders", "window": "net", "capped": False,
    ...                         "users": 1000, "mean": [1.0, 1.3], "variance": 1.0, "other_mean": [2.0, 2.4],
    ...                         "other_variance": 1.5, "covariance": 0.9})
    >>> columns = ["method", "treated", "control", "difference", "low", "high", "total"]
    >>> print(increments(moments, days={"net": 14})[columns].round(3).to_string(index=False))
    method  treated  control  difference  low  high  total
       did      1.3      1.2         0.1 0.04  0.16  100.0
    """
    known = {key: arms for key, arms in by_comparison(moments).items() if key[0] != "buyers"}
    rows = [
        [metric, window, "capped_did" if capped else "did", *_row(arms, days[window] / before_days)]
        for (metric, window, capped), arms in known.items()
    ]
    numbers = dict.fromkeys(COLUMNS[5:], "float64") | {"treated_users": "int64", "control_users": "int64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(numbers)


def placebo_dates(
    users: Tabular,
    user_days: Tabular,
    *,
    treated: ir.BooleanValue | str,
    metric: str,
    start: date,
    end: date,
    after_days: int,
    data_start: date,
    before_days: int = BEFORE_DAYS,
    most: int = 6,
    dates: Sequence[date] = (),
) -> pd.DataFrame:
    """The same comparison for campaigns that never were: as long, wholly before the start, one after the other.

    dates: pretended starts; empty = back from the start, at most `most`
    returns: one row per pretended start, latest first -- start, treated_users, control_users, difference (per user,
             net window), low, high, p, p_holm (over these rows); none where the data before are too short

    >>> weeks = pd.date_range("2026-01-05", periods=20, freq="7D")
    >>> user_days = pd.DataFrame({"user": np.repeat(range(40), 20), "day": np.tile(weeks, 40), "revenue": 5.0})
    >>> user_days["orders"] = (user_days["user"] * 7 + user_days["day"].dt.day) % 3
    >>> users = pd.DataFrame({"user": range(40), "entry_day": weeks[0], "vip": [True, False] * 20})
    >>> may = {"start": date(2026, 5, 11), "end": date(2026, 5, 17), "after_days": 7, "data_start": date(2026, 1, 5)}
    >>> found = placebo_dates(users, user_days, treated="vip", metric="orders", **may, most=2)
    >>> columns = ["start", "treated_users", "control_users", "difference", "p_holm"]
    >>> print(found[columns].to_string(index=False, float_format="%.2f"))
         start  treated_users  control_users  difference  p_holm
    2026-04-27             20             20       -0.07    1.00
    2026-04-13             20             20       -0.07    1.00
    """
    whole = (end - start).days + 1 + after_days
    starts = sorted(dates, reverse=True) or [start - timedelta(days=whole * back) for back in range(1, most + 1)]
    starts = [first for first in starts if first - timedelta(days=before_days) >= data_start]
    asked: dict[str, Any] = {"treated": treated, "before_days": before_days, "metric": metric, "length": end - start}
    rows = [_pretended(users, user_days, first, after_days=after_days, **asked) for first in starts]
    table = pd.DataFrame(rows, columns=PLACEBOS[:-1])
    return table.assign(p_holm=holm(table["p"]))


def pre_trend(
    users: Tabular,
    user_days: Tabular,
    *,
    treated: ir.BooleanValue | str,
    metric: str,
    start: date,
    data_start: date,
    weeks: int = TREND_WEEKS,
) -> Difference:
    """Difference of the groups' weekly trends before the start: per user the least-squares slope over whole weeks.

    returns: slope difference in the metric's unit per week, with Welch interval and p; missing with under 4 weeks

    >>> weeks = pd.date_range("2026-01-05", periods=8, freq="7D")
    >>> user_days = pd.DataFrame({"user": np.repeat(range(40), 8), "day": np.tile(weeks, 40)})
    >>> grows = np.where(user_days["user"] < 20, user_days["user"] % 3, 0)
    >>> user_days["orders"] = 1 + grows * np.tile(range(8), 40)
    >>> users = pd.DataFrame({"user": range(40), "entry_day": weeks[0], "vip": [True] * 20 + [False] * 20})
    >>> span = {"start": date(2026, 3, 2), "data_start": date(2026, 1, 5)}
    >>> found = pre_trend(users, user_days, treated="vip", metric="orders", **span)
    >>> print(f"every week {found.value:+.2f} orders more [{found.low:.2f}; {found.high:.2f}], p = {found.p:.5f}")
    every week +0.95 orders more [0.56; 1.34], p = 0.00006
    """
    weeks = min(weeks, (start - data_start).days // 7)
    if weeks < 4:
        return welch(NOBODY, NOBODY)
    people = assigned(users, treated=treated, start=start, before_days=7 * weeks)
    slopes = _slopes(engine_table(user_days), metric, first=start - timedelta(days=7 * weeks), weeks=weeks)
    filled = people.left_join(slopes, "user").drop("user_right").mutate(slope=_.slope.fill_null(0.0))
    counted = count_moments(filled, by="variant", pairs={"slope": (filled.slope, filled.slope * 0)})
    arms = {row["variant"]: pair_moments(row).own for row in counted.to_dict("records")}
    return welch(arms.get(TREATED, NOBODY), arms.get(CONTROL, NOBODY))


def checks(placebos: pd.DataFrame, trend: Difference, *, effect: float) -> pd.DataFrame:
    """What must hold before a difference in differences may be called an effect.

    effect:  the net difference per user that the placebos are held against
    returns: one row per check -- check (placebo_dates = smallest Holm p, pre_trend = p, placebo_size = largest
             placebo as a share of the effect), measured, limit, outcome (passed, failed, untested)

    >>> placebos = pd.DataFrame({"difference": [0.01, -0.02], "p_holm": [0.8, 0.8]})
    >>> trend = Difference(0.001, -0.01, 0.012, 800, 0.86)
    >>> print(checks(placebos, trend, effect=0.1).to_string(index=False))
            check  measured  limit outcome
    placebo_dates      0.80   0.05  passed
        pre_trend      0.86   0.05  passed
     placebo_size      0.20   1.00  passed
    >>> print(checks(placebos.iloc[:1], trend, effect=0.1)["outcome"].tolist())
    ['untested', 'passed', 'untested']
    """
    tried = len(placebos) > 1
    smallest = float(placebos["p_holm"].min()) if tried else float("nan")
    size = float(placebos["difference"].abs().max() / abs(effect)) if tried and effect else float("nan")
    rows = [
        ["placebo_dates", smallest, ALPHA, _outcome(smallest, fails=smallest < ALPHA)],
        ["pre_trend", trend.p, ALPHA, _outcome(trend.p, fails=trend.p < ALPHA)],
        ["placebo_size", size, 1.0, _outcome(size, fails=size >= 1)],
    ]
    return pd.DataFrame(rows, columns=CHECKS)


def passed(checks: pd.DataFrame) -> bool:
    """Whether every check could be made and was passed: only then is the evidence grade B.

    >>> passed(pd.DataFrame({"outcome": ["passed", "passed"]}))
    True
    >>> passed(pd.DataFrame({"outcome": ["passed", "untested"]}))
    False
    """
    return bool(len(checks)) and bool((checks["outcome"] == "passed").all())


def _pretended(
    users: Tabular,
    user_days: Tabular,
    start: date,
    *,
    treated: ir.BooleanValue | str,
    metric: str,
    length: timedelta,
    after_days: int,
    before_days: int,
) -> list[object]:
    people = assigned(users, treated=treated, start=start, before_days=before_days)
    span: dict[str, Any] = {"start": start, "end": start + length, "after_days": after_days, "before_days": before_days}
    units = experiment.units(people, user_days, experiment_id=KEY, control=CONTROL, **span)
    whole = length.days + 1 + after_days
    arms = by_comparison(experiment.arm_moments(units)).get((metric, "net", False))
    if arms is None:
        return [pd.Timestamp(start), 0, 0, *[float("nan")] * 4]
    change = _difference(arms, whole / before_days)
    return [pd.Timestamp(start), arms[TREATED].n, arms[CONTROL].n, *change[:3], change.p]


def _row(arms: Mapping[str, PairMoments], scale: float) -> list[float]:
    treated, control = arms[TREATED], arms[CONTROL]
    change = _difference(arms, scale)
    otherwise = treated.mean - change.value
    relative = _relative(treated, control, scale, otherwise)
    totals = [part * treated.n for part in change[:3]]
    return [treated.n, control.n, treated.mean, otherwise, *change[:3], *relative, change.p, *totals]


def _difference(arms: Mapping[str, PairMoments], scale: float) -> Difference:
    return welch(_change(arms[TREATED], scale), _change(arms[CONTROL], scale))


def _change(arm: PairMoments, scale: float) -> Moments:
    variance = arm.variance - 2 * scale * arm.covariance + scale**2 * arm.other_variance
    return Moments(int(arm.n), arm.mean - scale * arm.other_mean, max(variance, 0.0))


def _relative(treated: PairMoments, control: PairMoments, scale: float, otherwise: float) -> list[float]:
    """Treated mean / what it would have been - 1, normal interval by the delta method."""
    if otherwise <= 0 or min(treated.n, control.n) < 2:
        return [float("nan")] * 3
    ratio = treated.mean / otherwise
    counterfactual = _change(control, scale).variance / control.n + scale**2 * treated.other_variance / treated.n
    shared = scale * treated.covariance / treated.n
    variance = (treated.variance / treated.n + ratio**2 * counterfactual - 2 * ratio * shared) / otherwise**2
    half = float(ndtri(0.975) * np.sqrt(max(variance, 0.0)))
    return [ratio - 1, ratio - 1 - half, ratio - 1 + half]


def _slopes(days: ir.Table, metric: str, *, first: date, weeks: int) -> ir.Table:
    """One row per user seen in the weeks from `first` on -- user, slope (least squares, the metric per week)."""
    since = days.day.cast("date").delta(ibis.date(first), unit="day")
    centre = (weeks - 1) / 2
    width = sum((week - centre) ** 2 for week in range(weeks))
    seen = days.mutate(weight=((since // 7) - centre) / width, value=_value(days, metric))
    return seen.filter((since >= 0) & (since < 7 * weeks)).group_by("user").agg(slope=(_.value * _.weight).sum())


def _value(days: ir.Table, metric: str) -> ir.NumericValue:
    if metric == "active_days":
        return ibis.literal(1.0)
    return ((days.orders > 0) if metric == "buyers" else days[metric]).cast("float64")


def _outcome(measured: float, *, fails: bool) -> str:
    return "untested" if np.isnan(measured) else "failed" if fails else "passed"
