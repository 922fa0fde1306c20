"""Cohorts at the same age: who was active in a window of days after the first day, by cohort and level of a segment.

A cell counts when the youngest member of the cohort could be observed for the whole window; the others are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from opsbook.analysis.cohort_window import Window
from opsbook.analysis.proportion import wilson
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
OTHER = "other"
MIN_LEVEL = 5
SPAN_DAYS = {"day": 60, "week": 182, "month": 731}


class Age(NamedTuple):
    """A window of days after the first day, both included: day 7 is (7, 7), week 4 is (28, 34)."""

    unit: str
    number: int

    @property
    def first(self) -> int:
        """First day of the window."""
        return self.number * (7 if self.unit == "week" else 1)

    @property
    def last(self) -> int:
        """Last day of the window."""
        return self.first + (6 if self.unit == "week" else 0)


DAYS = (Age("day", 1), Age("day", 7), Age("day", 30))
WEEKS = (Age("week", 1), Age("week", 4), Age("week", 8))


def ages(window: Window) -> tuple[Age, ...]:
    """Day 1, 7 and 30 for cohorts by day or week; week 1, 4 and 8 for cohorts by month.

    >>> from opsbook import age_shares, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> [f"{age.unit} {age.number}" for age in age_shares.ages(Window("month", tiny.DATA_START, tiny.AS_OF))]
    ['week 1', 'week 4', 'week 8']
    """
    return WEEKS if window.unit == "month" else DAYS


def counts(
    user_days: Tabular, users: Tabular, *, window: Window, ages: Sequence[Age], by: str | None = None
) -> pd.DataFrame:
    """Who was active at an age, counted once in the engine.

    user_days: one row per user and active day -- user, day
    users:     one row per user -- user, first_day, life_start, and the column `by`
    returns:   one row per cohort, level and age whose window every member could be observed for -- cohort (first day
               of the unit), level (`all` without `by`, `unknown` where missing), unit, age, users, retained

    >>> from opsbook import age_shares, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> counted = age_shares.counts(tiny.user_days, tiny.users, window=weeks, ages=age_shares.ages(weeks), by="channel")
    >>> print(counted[counted["age"] == 7].head(4).to_string(index=False))
        cohort  level unit  age  users  retained
    2026-01-05    ads  day    7      2         1
    2026-01-05 search  day    7      3         1
    2026-01-12 search  day    7      4         2
    2026-01-19    ads  day    7      2         0
    """
    level = _[by].cast("string").fill_null("unknown") if by else ibis.literal("all")
    known = (_.life_start != "unknown") & _.first_day.notnull() & (_.first_day <= ibis.date(window.as_of))
    born = engine_table(users).mutate(level=level).filter(known)
    born = born.select("user", "first_day", "level", cohort=window.index(_.first_day))
    days = engine_table(user_days).filter(_.day <= ibis.date(window.as_of)).select("user", "day")
    aged = days.inner_join(born, "user").select("user", since=_.day.delta(_.first_day, unit="day"))
    seen = aged.filter(_.since.between(1, max(age.last for age in ages))).group_by("user")
    flags = seen.agg(**{f"in_{n}": _.since.between(age.first, age.last).any() for n, age in enumerate(ages)})
    joined = born.left_join(flags, "user").group_by(["cohort", "level"])
    sums = {f"in_{n}": _[f"in_{n}"].fill_null(False).sum() for n in range(len(ages))}
    wide = joined.agg(users=_.count(), **sums).order_by(["cohort", "level"]).to_pandas()
    return _long(wide, window, ages)


def _long(wide: pd.DataFrame, window: Window, ages: Sequence[Age]) -> pd.DataFrame:
    starts = [window.first_day(n) for n in wide["cohort"]]
    ends = [window.first_day(n + 1) - timedelta(1) for n in wide["cohort"]]
    parts = []
    for n, age in enumerate(ages):
        cells = pd.DataFrame({"cohort": pd.to_datetime(starts), "level": wide["level"].astype(object)})
        cells = cells.assign(unit=age.unit, age=age.number, users=wide["users"], retained=wide[f"in_{n}"])
        whole = [
            start >= window.data_start and end + timedelta(days=age.last) <= window.as_of
            for start, end in zip(starts, ends, strict=True)
        ]
        parts.append(cells[np.array(whole, dtype=bool)])
    return pd.concat(parts, ignore_index=True).astype({"users": "int64", "retained": "int64"})


def since(counted: pd.DataFrame, *, window: Window, period: Period, min_cell: int = 1) -> pd.DataFrame:
    """The cohorts of a trend: those of the period, and of the 60 days, 26 weeks or 24 months to its end.

    Cohorts below min_cell users are left out altogether, so that no subtraction reveals them.

    >>> from opsbook import age_shares, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> counted = age_shares.counts(tiny.user_days, tiny.users, window=weeks, ages=age_shares.ages(weeks)[:1])
    >>> kept = age_shares.since(counted, window=weeks, period=tiny.period("2026-02"), min_cell=5)
    >>> print(kept.to_string(index=False))
        cohort level unit  age  users  retained
    2026-01-05   all  day    1      5         1
    2026-02-02   all  day    1      5         1
    2026-02-16   all  day    1      5         1
    2026-02-23   all  day    1      5         1
    """
    reach = timedelta(days=SPAN_DAYS[window.unit] - 1)
    first, last = pd.Timestamp(min(period.start, period.end - reach)), pd.Timestamp(period.end)
    size = counted.groupby(["unit", "age", "cohort"])["users"].transform("sum")
    return counted[counted["cohort"].between(first, last) & (size >= min_cell)].reset_index(drop=True)


def by_cohort(counted: pd.DataFrame) -> pd.DataFrame:
    """Share by cohort: one row per unit, age and cohort -- cohort, unit, age, users, retained, share, low, high
    (Wilson).

    counted: counts

    >>> from opsbook import age_shares, tiny
    >>> from opsbook.analysis.cohort_window import Window
    >>> weeks = Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> counted = age_shares.counts(tiny.user_days, tiny.users, window=weeks, ages=age_shares.ages(weeks)[1:2])
    >>> print(age_shares.by_cohort(counted).head(3).to_string(index=False, float_format="%.2f"))
    unit  age     cohort  users  retained  share  low  high
     day    7 2026-01-05      5         2   0.40 0.12  0.77
     day    7 2026-01-12      4         2   0.50 0.15  0.85
     day    7 2026-01-19      4         0   0.00 0.00  0.49
    """
    sums = counted.groupby(["unit", "age", "cohort"], as_index=False)[["users", "retained"]].sum()
    share = wilson(sums["retained"], sums["users"])
    return sums.assign(share=share.value, low=share.low, high=share.high)


def pooled(counted: pd.DataFrame, *, min_level: int = MIN_LEVEL) -> pd.DataFrame:
    """Counts of one age in which every level has at least `min_level` users in every cohort.

    Levels that fall short become `other`; when `other` falls short too it takes the smallest of the rest. Without two
    levels left there is nothing to adjust for, and the levels are one.

    >>> import pandas as pd
    >>> from opsbook import age_shares
    >>> counted = pd.DataFrame({"level": ["search", "ads", "friends"], "users": [90, 60, 4], "retained": [30, 10, 2]})
    >>> counted = counted.assign(cohort="2026-01", unit="day", age=7)
    >>> print(age_shares.pooled(counted, min_level=5)[["level", "users", "retained"]].to_string(index=False))
     level  users  retained
     other     64        12
    search     90        30
    """
    cohorts = counted["cohort"].nunique()
    while True:
        sizes = counted.groupby(["level", "cohort"])["users"].sum().unstack(fill_value=0)
        enough = (sizes >= min_level).sum(axis=1) == cohorts
        small = list(enough.index[~enough])
        if small == [OTHER]:
            rest = sizes.drop(index=OTHER).sum(axis=1)
            small = [*small, *([rest.idxmin()] if len(rest) else [])]
        if len(small) == 0 or len(sizes) == 1:
            break
        counted = counted.assign(level=counted["level"].mask(counted["level"].isin(small), OTHER))
    return counted.groupby(["cohort", "level"], as_index=False)[["users", "retained"]].sum()


def standardised(counted: pd.DataFrame) -> pd.DataFrame:
    """What each cohort's share would be with the same mix, and what the mix alone makes of it.

    counted: pooled
    returns: one row per cohort -- cohort, users, adjusted (0-1), adjusted_users, mix (0-1), mix_users
    source:  direct standardisation to the mix of all cohorts together; `mix` is the expected share of the cohort's
             own mix at the levels' pooled shares. The *_users are effective sizes, p (1 - p) / variance, so that a
             binomial of that size is as uncertain as the estimate. Variances take each level's share with half a
             user added on either side, so that a level where nobody or everybody came back is not certain.

    >>> import pandas as pd
    >>> from opsbook import age_shares
    >>> counted = pd.DataFrame({"cohort": [1, 1, 2, 2], "level": ["ads", "search"] * 2, "unit": "day", "age": 7})
    >>> counted = counted.assign(users=[20, 80, 80, 20], retained=[2, 40, 8, 10])  # ads always 10 %, search always 50 %
    >>> print(age_shares.standardised(counted)[["cohort", "users", "adjusted", "mix"]].round(2).to_string(index=False))
     cohort  users  adjusted  mix
          1    100       0.3 0.42
          2    100       0.3 0.18
    """
    n = counted.pivot(index="cohort", columns="level", values="users").astype(float)
    k = counted.pivot(index="cohort", columns="level", values="retained").astype(float)
    weight, size = n.sum() / n.to_numpy().sum(), n.sum(axis=1)
    shrunk = (k + 0.5) / (n + 1)
    adjusted = ((k / n) * weight).sum(axis=1)
    spread = (shrunk * (1 - shrunk) / n * weight**2).sum(axis=1)
    level, own = k.sum() / n.sum(), n.div(size, axis=0)
    mix = (own * level).sum(axis=1)
    mix_spread = ((own * level**2).sum(axis=1) - mix**2).clip(lower=0) / size
    table = pd.DataFrame({"users": size.astype("int64"), "adjusted": adjusted, "mix": mix})
    table["adjusted_users"] = _effective(adjusted, spread, size)
    table["mix_users"] = _effective(mix, mix_spread, size)
    return table.reset_index()


def _effective(share: pd.Series, spread: pd.Series, size: pd.Series) -> pd.Series:
    """Size of a binomial with this share and variance; the cohort's own size where either is 0."""
    usual = (share > 0) & (share < 1) & (spread > 0)
    return (share * (1 - share) / spread.where(usual)).fillna(size)
