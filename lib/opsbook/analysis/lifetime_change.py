"""Do this period's users stay longer than the last period's, in active days that an operations team can count?"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import ibis
import numpy as np
from scipy.special import ndtri

from opsbook.analysis import churn, survival
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

METHOD = "difference of restricted means, Greenwood"
PER = 100


class Change(NamedTuple):
    """Restricted mean of now and before to one horizon, and their difference with interval, in days per user."""

    now: float
    before: float
    difference: float
    low: float
    high: float
    n: int
    base_n: int
    horizon_days: float


NAN = float("nan")
UNKNOWN = Change(NAN, NAN, NAN, NAN, NAN, 0, 0, NAN)


def against_previous(
    user_days: Tabular,
    users: Tabular,
    *,
    period: Period,
    previous: Period,
    as_of: date,
    churn_after_days: int,
    horizon_days: int,
    level: float = 0.95,
) -> Change:
    """Mean days until churn of the users who began in each period, to the longest horizon both could be watched.

    user_days, users: as in `churn.durations`
    source: Irwin 1949; independent cohorts, Greenwood-integral errors; missing where a period has no users to judge

    >>> import pandas as pd
    >>> days = pd.to_datetime(["2026-01-05"] * 4 + ["2026-02-05"] * 4)
    >>> stays = pd.DataFrame({"user": range(8), "first_day": days, "gap_after": [1, 1, 6, 9, 3, 7, 12, 15]})
    >>> users = stays.assign(life_start="signup", first_active_day=days, entry_day=days)
    >>> later = stays["first_day"] + pd.to_timedelta(stays["gap_after"], unit="D")
    >>> user_days = pd.concat([stays.assign(day=days), stays.assign(day=later, gap_after=None)])
    >>> months = [Period(date(2026, m, 1), date(2026, m, 28), "month", f"2026-{m:02}") for m in (1, 2)]
    >>> span = {"as_of": date(2026, 5, 31), "churn_after_days": 28, "horizon_days": 20}
    >>> found = against_previous(user_days, users, period=months[1], previous=months[0], **span)
    >>> print(f"{found.now} days, before {found.before}: {found.difference:+.1f} [{found.low:.1f}; {found.high:.1f}]")
    9.25 days, before 4.25: +5.0 [-0.6; 10.6]
    """
    people = engine_table(users)
    born = people.first_day.cast("date")
    within = [born.between(one.start, one.end) for one in (period, previous)]
    both = people.filter(within[0] | within[1]).mutate(cohort=ibis.ifelse(within[0], "now", "before"))
    table = churn.durations(user_days, both, as_of=as_of, churn_after_days=churn_after_days, by=["cohort"])
    means = survival.restricted_means(table, by="cohort", horizon_days=horizon_days).set_index("cohort")
    if len(means) < 2 or means["standard_error"].isna().any():
        return UNKNOWN
    now, before = means.loc["now"], means.loc["before"]
    difference = float(now["days"] - before["days"])
    half = float(ndtri(0.5 + level / 2) * np.hypot(now["standard_error"], before["standard_error"]))
    sizes = int(now["users"]), int(before["users"])
    low, high = difference - half, difference + half
    return Change(float(now["days"]), float(before["days"]), difference, low, high, *sizes, float(now["horizon_days"]))
