"""Growth accounting: who is new, who stayed, who came back and who fell silent, so that the numbers add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.proportion import add_share
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD_QUICK_RATIO = "ratio of two counts, log scale"
BEFORE, AFTER = -1, 9999
FLOWS = ["new", "current", "resurrected", "unknown", "dormant"]


def growth_accounting(
    user_days: Tabular, users: Tabular, *, periods: Sequence[Period], data_start: date, settled_through: date
) -> pd.DataFrame:
    """Active users of each period by where they come from, and those who fell silent.

    user_days: one row per user and active day -- day, gap_after (days to the next active day, missing = none yet)
    users:     one row per user -- first_day, first_active_day, life_start (signup, first_event, unknown)
    periods:   consecutive, oldest first; the first one serves only as the base of the second
    returns:   one row per period from the second on -- period (label), start, end, active_users, previous_users,
               new (first life period, active in it), new_silent (new, not active), current (active in both),
               resurrected (alive before, not active in the period before), first_use (those of them who signed up
               earlier and are active for the first time), unknown (first seen while the data began), dormant (active
               in the period before, not now), retained, retained_low, retained_high (share of previous_users),
               quick_ratio, quick_ratio_low, quick_ratio_high ((new + resurrected) / dormant), complete
    raises:    ValueError when the periods are not consecutive
    method:    a user's last active day in a period tells, through the gap after it, in which period the next one lies

    >>> from opsbook import tiny
    >>> from opsbook.inputs.periods import parse_period
    >>> weeks = [parse_period(f"2026-W{week:02}", as_of=tiny.AS_OF) for week in (7, 8, 9, 10)]
    >>> span = {"data_start": tiny.DATA_START, "settled_through": tiny.AS_OF}
    >>> found = growth_accounting(tiny.user_days, tiny.users, periods=weeks, **span)
    >>> columns = ["period", "previous_users", "new", "current", "resurrected", "dormant", "active_users"]
    >>> print(found[columns].to_string(index=False))
      period  previous_users  new  current  resurrected  dormant  active_users
    2026-W08              30    5       28            1        2            34
    2026-W09              34    5       32            3        2            40
    2026-W10              40    2       38            0        2            40
    """
    _refuse_gaps(periods)
    pairs, lives = _next_periods(user_days, periods), _life_periods(users, periods)
    rows = [_flows(pairs, lives, number) for number in range(1, len(periods))]
    table = _labelled(periods[1:], rows)
    table["complete"] = [data_start <= before.start and now.end <= settled_through for before, now in pairwise(periods)]
    table = add_share(table, of="current", out_of="previous_users", name="retained")
    return _with_quick_ratio(table).astype({"complete": "bool"})


def identities(growth: pd.DataFrame) -> pd.DataFrame:
    """The two laws of growth accounting, written out for every period.

    returns: one row per period and law -- period, law (parts, change), left, right, holds
    raises:  ArithmeticError when a law does not hold: the tables contradict each other

    >>> growth = pd.DataFrame({"period": ["2026-W03"], "active_users": 120, "previous_users": 110, "new": 20,
    ...                        "current": 90, "resurrected": 10, "unknown": 0, "dormant": 20})
    >>> print(identities(growth).to_string(index=False))
      period    law  left  right  holds
    2026-W03  parts   120    120   True
    2026-W03 change   120    120   True
    >>> identities(growth.assign(dormant=25))
    Traceback (most recent call last):
        ...
    ArithmeticError: Growth accounting does not add up in 2026-W03
    """
    parts = growth["new"] + growth["current"] + growth["resurrected"] + growth["unknown"]
    moved = growth["previous_users"] + growth["new"] + growth["resurrected"] + growth["unknown"] - growth["dormant"]
    laws = {"parts": parts, "change": moved}
    table = pd.concat(
        [
            pd.DataFrame({"period": growth["period"], "law": law, "left": growth["active_users"], "right": right})
            for law, right in laws.items()
        ],
        ignore_index=True,
    ).assign(holds=lambda t: t["left"] == t["right"])
    broken = table[~table["holds"]]
    if len(broken):
        raise ArithmeticError(f"Growth accounting does not add up in {', '.join(broken['period'].unique())}")
    return table


def _refuse_gaps(periods: Sequence[Period]) -> None:
    for before, after in pairwise(periods):
        if after.start != before.end + timedelta(days=1):
            raise ValueError(f"Periods must be consecutive; {after.label} does not follow {before.label}")


def _calendar(periods: Sequence[Period]) -> ir.Table:
    """One row per day of the periods -- day_number (days since 1970), period_number."""
    rows = [
        (day.toordinal() - date(1970, 1, 1).toordinal(), number)
        for number, period in enumerate(periods)
        for day in (period.start + timedelta(days=shift) for shift in range(period.days))
    ]
    frame = pd.DataFrame(rows, columns=["day_number", "period_number"], dtype="int32")
    return ibis.memtable(frame)


def _numbered(table: ir.Table, day: str, periods: Sequence[Period]) -> ir.Table:
    """The column of day numbers replaced by period numbers: BEFORE the first, AFTER the last period or never."""
    calendar = _calendar(periods).rename({day: "day_number", f"{day}_period": "period_number"})
    first = (periods[0].start - date(1970, 1, 1)).days
    joined = table.left_join(calendar, day)
    outside = ibis.ifelse(joined[day] < first, BEFORE, AFTER)
    number = ibis.coalesce(joined[f"{day}_period"], outside, AFTER).cast("int32")
    return joined.mutate(**{f"{day}_period": number}).drop(day, f"{day}_right")


def _next_periods(user_days: Tabular, periods: Sequence[Period]) -> pd.DataFrame:
    """One row per period of an active day and period of the user's next one -- users at the change of period."""
    if len(periods) < 2:
        return pd.DataFrame({"now": [], "next": [], "users": []})
    day = _.day.cast("date").epoch_days().cast("int32")
    days = engine_table(user_days).select(now=day, next=day + _.gap_after.cast("int32"))
    days = days.filter(_.now <= (periods[-1].end - date(1970, 1, 1)).days)
    pairs = days.group_by("now", "next").agg(users=_.count())
    numbered = _numbered(_numbered(pairs, "now", periods), "next", periods)
    numbered = numbered.filter(_.now_period != _.next_period)
    counted = numbered.group_by(now=_.now_period, next=_.next_period).agg(users=_.users.sum())
    return counted.order_by("now", "next").to_pandas()


def _life_periods(users: Tabular, periods: Sequence[Period]) -> pd.DataFrame:
    """One row per period in which life began, period of the first activity and whether the start is known -- users."""
    if len(periods) < 2:
        return pd.DataFrame({"life": [], "first": [], "known": [], "users": []})
    people = engine_table(users)
    start, first = (people[name].cast("date").epoch_days().cast("int32") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(start, first), start, first)
    counted = people.select(life=life, first=first, known=people.life_start != "unknown")
    counted = counted.group_by("life", "first", "known").agg(users=_.count())
    numbered = _numbered(_numbered(counted, "life", periods), "first", periods)
    keys = {"life": numbered.life_period, "first": numbered.first_period, "known": numbered.known}
    return numbered.group_by(**keys).agg(users=_.users.sum()).order_by("life", "first", "known").to_pandas()


def _flows(pairs: pd.DataFrame, lives: pd.DataFrame, number: int) -> dict[str, int]:
    """The counts of one period; `number` is its place among the periods."""
    now, following = pairs["now"], pairs["next"]
    life, first, known = lives["life"], lives["first"], lives["known"].astype(bool)

    def changing(rows: pd.Series) -> int:
        return int(pairs.loc[rows, "users"].sum())

    def starting(rows: pd.Series) -> int:
        return int(lives.loc[rows, "users"].sum())

    first_use = starting(known & (first == number) & (life < number))
    return {
        "active_users": changing(now == number),
        "previous_users": changing(now == number - 1),
        "new": starting(known & (life == number) & (first == number)),
        "new_silent": starting(known & (life == number) & (first != number)),
        "current": changing((now == number - 1) & (following == number)),
        "resurrected": changing((now < number - 1) & (following == number)) + first_use,
        "first_use": first_use,
        "unknown": starting(~known & (first == number)),
        "dormant": changing((now == number - 1) & (following != number)),
    }


def _labelled(periods: Sequence[Period], rows: list[dict[str, int]]) -> pd.DataFrame:
    names = ["active_users", "previous_users", "new", "new_silent", "current", "resurrected", "first_use"]
    counts = pd.DataFrame(rows, columns=[*names, "unknown", "dormant"]).astype("int64")
    days = {
        "period": pd.Series([period.label for period in periods], dtype="object"),
        "start": pd.to_datetime(pd.Series([period.start for period in periods], dtype="object")),
        "end": pd.to_datetime(pd.Series([period.end for period in periods], dtype="object")),
    }
    dated = pd.DataFrame(days).astype(dict.fromkeys(["start", "end"], "datetime64[ns]"))
    return pd.concat([dated, counts], axis=1)


def _with_quick_ratio(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """(new + resurrected) / dormant; missing when nobody fell silent, its interval also when nobody was gained."""
    gained = (table["new"] + table["resurrected"]).astype(float)
    lost = table["dormant"].astype(float).where(table["dormant"] > 0)
    ratio = gained / lost
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(1 / gained.where(gained > 0) + 1 / lost)
    return table.assign(quick_ratio=ratio, quick_ratio_low=ratio * np.exp(-half), quick_ratio_high=ratio * np.exp(half))
