"""Before against after, for want of a comparison group: a description with grade D, and why it overstates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.means import paired
from opsbook.analysis.moments import Moments, count_moments, exact_sum, pair_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
QUIET_DAYS = 28
METRICS = ("revenue", "orders", "active_days")
COLUMNS = ["metric", "users", "before", "during", "change", "low", "high", "relative", "p"]
REGRESSION = ["group", "users", "first", "second", "third"]


def reachable(members: Tabular, users: Tabular, *, start: date, end: date) -> ir.Table:
    """Users seen since before the compared days: those shown the campaign, or everybody when nobody is recorded so.

    Never the participants alone: they chose to take part, mostly when they were about to buy.
    returns: one row per user -- user

    >>> from opsbook import audience, before_after, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> people = before_after.reachable(members, tiny.users, start=tiny.CAMPAIGN_START, end=tiny.CAMPAIGN_END)
    >>> len(people.to_pandas()), len(members.to_pandas())
    (12, 14)
    """
    members = engine_table(members)
    known = engine_table(users)
    old = known.filter(known.entry_day.cast("date") <= _shift(start, end, -_length(start, end))[0]).select("user")
    shown = members.filter(_.exposed).select("user")
    return old.semi_join(shown, "user") if int(shown.count().to_pandas()) else old


def comparison(people: Tabular, user_days: Tabular, *, start: date, end: date, data_start: date) -> pd.DataFrame:
    """The same users during the campaign and in as many days just before it.

    returns: one row per metric -- metric (revenue, orders, active_days), users, before, during (means per user),
             change with low and high (Student interval of the users' own changes), relative, p.
             No rows when the days before are not all in the data.

    >>> from opsbook import before_after, tiny
    >>> people = tiny.exposures[["user"]]
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "data_start": tiny.DATA_START}
    >>> changed = before_after.comparison(people, tiny.user_days, **span)
    >>> print(changed.round(2).to_string(index=False))
         metric  users  before  during  change  low  high  relative    p
        revenue     14   20.00   41.43   21.43 5.76 37.10      1.07 0.01
         orders     14    0.79    1.93    1.14 0.47  1.82      1.45 0.00
    active_days     14    5.14   10.00    4.86 1.95  7.76      0.94 0.00
    """
    people = engine_table(people)
    before = _shift(start, end, -_length(start, end))
    if before[0] < data_start:
        return pd.DataFrame(columns=COLUMNS)
    spent = _windows(people, user_days, {"before": before, "during": (start, end)})
    pairs = {m: (spent[f"{m}_during"], spent[f"{m}_before"]) for m in METRICS}
    counted = count_moments(spent.mutate(group=ibis.literal("all")), by="group", pairs=pairs)
    return pd.DataFrame([_row(row) for _, row in counted.iterrows()], columns=COLUMNS)


def quiet_windows(*, start: date, data_start: date) -> list[tuple[date, date]]:
    """Three windows of 28 days just before the campaign, oldest first; none when they are not all in the data.

    >>> from datetime import date
    >>> from opsbook import before_after
    >>> windows = before_after.quiet_windows(start=date(2026, 3, 29), data_start=date(2026, 1, 1))
    >>> [f"{first} to {last}" for first, last in windows]
    ['2026-01-04 to 2026-01-31', '2026-02-01 to 2026-02-28', '2026-03-01 to 2026-03-28']
    """
    starts = [start - timedelta(days=QUIET_DAYS * back) for back in (3, 2, 1)]
    windows = [(first, first + timedelta(days=QUIET_DAYS - 1)) for first in starts]
    return windows if starts[0] >= data_start else []


def regression_to_the_mean(
    people: Tabular, user_days: Tabular, *, windows: Sequence[tuple[date, date]]
) -> pd.DataFrame:
    """What users do by themselves after a bad spell: three windows of equal length, no campaign needed.

    people:   one row per user -- user; windows: three (first day, last day), oldest first
    returns:  rows `fell_by_half` (spent more than the median in the first window and less than half of that in the
              second) and `everybody` -- group, users, first, second, third (mean revenue per user in each window).
              No rows without windows.

    >>> from datetime import timedelta
    >>> from opsbook import before_after, tiny
    >>> first = [tiny.DATA_START + timedelta(days=28 * number) for number in range(3)]
    >>> windows = [(day, day + timedelta(days=27)) for day in first]
    >>> table = before_after.regression_to_the_mean(tiny.users, tiny.user_days, windows=windows)
    >>> print(table.round(1).to_string(index=False))
           group  users  first  second  third
    fell_by_half     13   62.3     5.4   12.3
       everybody     60   28.0    33.0   34.8
    """
    if not windows:
        return pd.DataFrame(columns=REGRESSION)
    names = ("first", "second", "third")
    spent = _windows(engine_table(people), user_days, dict(zip(names, windows, strict=True)))
    first, second, third = (spent[f"revenue_{name}"] for name in names)
    fell = (first > first.median().over()) & (second < first / 2)
    marked = spent.select(fell=fell, first=first, second=second, third=third)
    rows = [_means(marked.filter(_.fell), "fell_by_half", names), _means(marked, "everybody", names)]
    return pd.DataFrame(rows, columns=REGRESSION)


def _windows(people: ir.Table, user_days: Tabular, spans: dict[str, tuple[date, date]]) -> ir.Table:
    """One row per person -- user, and per window revenue_<window>, orders_<window>, active_days_<window>."""
    days = engine_table(user_days)
    day = days.day.cast("date")
    sums: dict[str, ir.Scalar] = {}
    for name, (first, last) in spans.items():
        inside = (day >= first) & (day <= last)
        sums[f"revenue_{name}"] = days.revenue.sum(where=inside)
        sums[f"orders_{name}"] = days.orders.sum(where=inside)
        sums[f"active_days_{name}"] = inside.sum()
    spent = days.group_by("user").agg(**sums)
    joined = people.select("user").left_join(spent, "user").drop("user_right")
    return joined.mutate(**{name: joined[name].fill_null(0) for name in sums})


def _length(start: date, end: date) -> int:
    return (end - start).days + 1


def _shift(start: date, end: date, days: int) -> tuple[date, date]:
    return start + timedelta(days=days), end + timedelta(days=days)


def _row(counted: pd.Series) -> list[object]:
    pair = pair_moments(counted)
    change = Moments(pair.n, pair.mean - pair.other_mean, pair.variance + pair.other_variance - 2 * pair.covariance)
    shift = paired(change)
    relative = change.mean / pair.other_mean if pair.other_mean > 0 else float("nan")
    return [counted["name"], pair.n, pair.other_mean, pair.mean, *shift[:3], relative, shift.p]


def _means(spent: ir.Table, group: str, names: Sequence[str]) -> list[object]:
    sums = spent.agg(users=_.count(), **{name: exact_sum(spent[name]) for name in names}).to_pandas().iloc[0]
    users = int(sums["users"])
    return [group, users, *(sums[name] / users if users else float("nan") for name in names)]
