"""Durations of groups that users only come to belong to after the start: grouped at a landmark, followed from there.

Whoever bought twice had the days to do so. Grouped by that and counted from the first day, they are credited with the
days they had to survive to get in (immortal time), and look loyal where nothing differs. So every user is judged at the
end of an own landmark window, the first landmark_days of life; only users still there after it are compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis import segments, time_to_churn
from opsbook.analysis.standing import standing
from opsbook.inputs.segments import Segment
from opsbook.inputs.workbook import Thresholds
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
COMMON_DAY = date(2000, 1, 1)  # every user's own landmark day is moved here, so that one rule for one day serves all
WATCHED = ("gone", "came_back", "undecided")
DAYS = ("first_day", "first_active_day", "last_active_day")


def durations(
    user_days: Tabular,
    users: Tabular,
    orders: Tabular,
    steps: Tabular,
    *,
    by: str,
    landmark_days: int,
    named: Mapping[str, Segment],
    limits: Thresholds,
    event_groups: Mapping[str, Sequence[str]],
    as_of: date,
    churn_after_days: int,
) -> pd.DataFrame:
    """Time to churn by one group, as `time_to_churn.durations` has it; with a landmark, of users still there after it.

    by:            a users column, or a segment of `named`; one of behaviour, stage or RFM group needs a landmark
    landmark_days: 0 = none: everybody from the first day on. Else the rule is read as of the last of a user's first so
                   many days, and nothing later of that user counts; users whose start lies before the data are left out
    returns:       one row per (entry_days, duration_days, <by>) -- churned, censored (users); with a landmark everybody
                   enters at the last day of the window
    source:        landmark analysis, Anderson, Cain & Gelber 1983

    >>> from opsbook import segment_landmark, tiny
    >>> from opsbook.inputs.segments import Segment
    >>> from opsbook.inputs.workbook import Thresholds
    >>> named = {"early_buyer": Segment(rule={"count": "orders", "within_days": 7, "at_least": 1})}
    >>> asked = {"named": named, "limits": Thresholds(), "event_groups": {}, "as_of": tiny.AS_OF}
    >>> tables = tiny.user_days, tiny.users, tiny.orders, tiny.steps
    >>> asked |= {"by": "early_buyer", "landmark_days": 7, "churn_after_days": 10}
    >>> found = segment_landmark.durations(*tables, **asked)
    >>> print(found.groupby("early_buyer")[["churned", "censored"]].sum().to_string())
                 churned  censored
    early_buyer
    in_segment        10         9
    outside            2        13
    """
    if not landmark_days:
        split = segments.split_users(users, named, by=by)
        return time_to_churn.durations(user_days, split, by=[by], as_of=as_of, churn_after_days=churn_after_days)
    people = still_there(
        user_days, users, orders, steps, by=by, landmark_days=landmark_days, named=named, limits=limits,
        event_groups=event_groups, as_of=as_of, churn_after_days=churn_after_days,
    )  # fmt: skip
    keys = ["entry_days", "duration_days", by]
    counted = people.group_by(keys).agg(churned=(_.fate != "undecided").sum(), censored=(_.fate == "undecided").sum())
    table = counted.order_by(keys).to_pandas()
    return table.astype(dict.fromkeys(["entry_days", "duration_days", "churned", "censored"], "int64"))


def still_there(
    user_days: Tabular,
    users: Tabular,
    orders: Tabular,
    steps: Tabular,
    *,
    by: str,
    landmark_days: int,
    named: Mapping[str, Segment],
    limits: Thresholds,
    event_groups: Mapping[str, Sequence[str]],
    as_of: date,
    churn_after_days: int,
) -> ir.Table:
    """One row per user followed from the landmark on -- user, entry_days, duration_days, fate, <by>; as `durations`.

    >>> from opsbook import segment_landmark, tiny
    >>> from opsbook.inputs.workbook import Thresholds
    >>> asked = {"named": {}, "limits": Thresholds(), "event_groups": {}, "as_of": tiny.AS_OF, "churn_after_days": 10}
    >>> tables = tiny.user_days, tiny.users, tiny.orders, tiny.steps
    >>> there = segment_landmark.still_there(*tables, by="channel", landmark_days=7, **asked).to_pandas()
    >>> print(there.groupby(["channel", "fate"]).size().to_string())
    channel  fate
    ads      gone          9
    search   came_back     1
             gone          2
             undecided    22
    """
    own_column = [] if by in named else [by]
    lives = time_to_churn.user_lives(user_days, users, by=own_column, as_of=as_of, churn_after_days=churn_after_days)
    alive = lives.filter(_.fate.isin(WATCHED), _.entry_days == 0, _.duration_days >= landmark_days)
    alive = alive.mutate(entry_days=ibis.literal(landmark_days - 1))
    if by not in named:
        return alive
    own = [at_own_day(table, alive, landmark_days=landmark_days) for table in (user_days, users, orders, steps)]
    rule = named[by].rule
    stand = standing(*own, as_of=COMMON_DAY, limits=limits, rules=[rule], event_groups=event_groups)
    belongs = ibis.ifelse(segments.holds(rule, stand), segments.IN, segments.OUT)
    return alive.inner_join(stand.select("user", **{by: belongs}), "user")


def at_own_day(table: Tabular, alive: Tabular, *, landmark_days: int) -> ir.Table:
    """The rows of the users in `alive`, every user's days moved so that the own landmark day is COMMON_DAY.

    table: one row per user, or per user and `day`; rows after the landmark day are left out

    >>> import pandas as pd
    >>> from opsbook import segment_landmark
    >>> alive = pd.DataFrame({"user": [1, 2], "first_day": pd.to_datetime(["2026-01-05", "2026-02-02"])})
    >>> days = pd.DataFrame({"user": [1, 1, 2], "day": pd.to_datetime(["2026-01-11", "2026-01-12", "2026-02-02"])})
    >>> moved = segment_landmark.at_own_day(days, alive, landmark_days=7)
    >>> print(moved.order_by("user").to_pandas().to_string(index=False))
     user        day
        1 2000-01-01
        2 1999-12-26
    """
    alive = engine_table(alive)
    rows = engine_table(table)
    starts = alive.select("user", began=_.first_day.cast("date"))
    joined = rows.inner_join(starts, "user")
    moved = {name: _moved(joined[name], joined.began, landmark_days) for name in DAYS if name in rows.columns}
    if "day" not in rows.columns:
        return joined.mutate(**moved).drop("began")
    shifted = joined.mutate(day=_moved(joined.day, joined.began, landmark_days)).drop("began")
    return shifted.filter(_.day <= ibis.date(COMMON_DAY))


def _moved(day: ir.Value, began: ir.Value, landmark_days: int) -> ir.Value:
    """The day as many days before or after COMMON_DAY as it lies from the last day of the user's window."""
    age = day.cast("date").epoch_days() - began.epoch_days() - (landmark_days - 1)
    return (ibis.date(COMMON_DAY) + age.cast("int32").as_interval("D")).cast("date")
