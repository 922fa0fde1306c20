"""Newcomers whom the campaign met on their first day, beside the other newcomers of the same days: do they stay?"""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.time_to_churn import durations
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
GROUPS = ("campaign", "others")


def newcomers(
    user_days: Tabular,
    users: Tabular,
    touches: Tabular,
    *,
    start: date,
    end: date,
    as_of: date,
    churn_after_days: int | None,
    min_cell: int,
) -> pd.DataFrame:
    """How long the newcomers of start..end stayed, by where they came from; groups, not an effect.

    Of the campaign is who was shown it or took part on the very day of the start of life: whoever met it later had to
    stay until then, and would only look more faithful by that.
    touches: `audience.touches`
    returns: one row per (entry_days, duration_days, came_by) -- came_by (campaign, others), churned, censored (users);
             none where a group has fewer than min_cell users or churn_after_days is not fixed

    >>> from opsbook import acquired, tiny
    >>> february = tiny.period("2026-02")
    >>> shown = tiny.users[tiny.users["user"] % 2 == 0]  # as if these had met the campaign on their first day
    >>> touches = shown.assign(day=shown["first_day"], event="exposed")[["user", "day", "event"]]
    >>> span = {"start": february.start, "end": february.end, "as_of": tiny.AS_OF}
    >>> stays = acquired.newcomers(tiny.user_days, tiny.users, touches, **span, churn_after_days=14, min_cell=1)
    >>> print(stays.groupby("came_by", as_index=False)[["churned", "censored"]].sum().to_string(index=False))
     came_by  churned  censored
    campaign        2         8
      others        4         5
    """
    touches = engine_table(touches)
    if churn_after_days is None:
        return _nobody()
    known = engine_table(users)
    met = touches.filter(_.event != "converted").group_by("user").agg(met_on=_.day.min())
    day = known.first_day.cast("date")
    fresh = known.filter((day >= start) & (day <= end) & (known.life_start != "unknown"))
    told = fresh.left_join(met, "user").drop("user_right")
    marked = told.mutate(came_by=ibis.ifelse((_.met_on <= _.first_day.cast("date")).fill_null(False), *GROUPS))
    if _fewest(marked) < min_cell:
        return _nobody()
    people = marked.drop("met_on")
    counted = durations(user_days, people, as_of=as_of, churn_after_days=churn_after_days, by=["came_by"])
    both = counted.groupby("came_by")[["churned", "censored"]].sum().sum(axis=1).reindex(list(GROUPS)).fillna(0)
    return counted if both.min() >= min_cell else _nobody()


def _fewest(marked: ir.Table) -> int:
    counted = marked.group_by("came_by").agg(users=_.count()).to_pandas().set_index("came_by")["users"]
    return int(counted.reindex(list(GROUPS)).fillna(0).min())


def _nobody() -> pd.DataFrame:
    numbers = dict.fromkeys(["entry_days", "duration_days", "churned", "censored"], np.int64(0))
    return pd.DataFrame([numbers | {"came_by": ""}]).iloc[:0]
