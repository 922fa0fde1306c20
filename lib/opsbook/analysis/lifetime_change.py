"""Do this period's users stay longer than the last period's, in active days that an operations team can count?"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import ibis
import numpy as np
from scipy.special import ndtri

from opsbook.analysis import segment_survival, time_to_churn
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
    data_start: date | None = None,
    level: float = 0.95,
) -> Change:
    """Mean days until churn of the users who began in each period, to the longest horizon both could be watched.

    user_days, users: as in `time_to_churn.durations`
    data_start: where given, a previous period that begins before it was not seen whole and is not compared with
    source: Irwin 1949; independent cohorts, Greenwood-integral errors; missing where a period has no users to judge

    >>> from opsbook import tiny
    >>> from opsbook.inputs.periods import parse_period
    >>> january, february = (parse_period(f"2026-{month}", as_of=tiny.AS_OF) for month in ("01", "02"))
    >>> asked = {"as_of": tiny.AS_OF, "churn_after_days": 14, "horizon_days": 28}
    >>> found = against_previous(tiny.user_days, tiny.users, period=february, previous=january, **asked)
    >>> print(f"{found.n} users stay {found.now:.1f} days, {found.base_n} before them {found.before:.1f}")
    19 users stay 23.6 days, 17 before them 21.1
    >>> print(f"{found.difference:+.1f} [{found.low:.1f}; {found.high:.1f}] within {found.horizon_days:.0f} days")
    +2.4 [-3.2; 8.0] within 28 days
    """
    if data_start and previous.start < data_start:
        return UNKNOWN
    people = engine_table(users)
    born = people.first_day.cast("date")
    within = [born.between(one.start, one.end) for one in (period, previous)]
    both = people.filter(within[0] | within[1]).mutate(cohort=ibis.ifelse(within[0], "now", "before"))
    table = time_to_churn.durations(user_days, both, as_of=as_of, churn_after_days=churn_after_days, by=["cohort"])
    means = segment_survival.restricted_means(table, by="cohort", horizon_days=horizon_days).set_index("cohort")
    if len(means) < 2 or means["standard_error"].isna().any():
        return UNKNOWN
    now, before = means.loc["now"], means.loc["before"]
    difference = float(now["days"] - before["days"])
    half = float(ndtri(0.5 + level / 2) * np.hypot(now["standard_error"], before["standard_error"]))
    sizes = int(now["users"]), int(before["users"])
    low, high = difference - half, difference + half
    return Change(float(now["days"]), float(before["days"]), difference, low, high, *sizes, float(now["horizon_days"]))
