"""How long everybody stayed: one life per user, from the first day to churn or to the last day that can be told.

Churned: silent for churn_after_days; the event is dated at the last active day before the first such silence. The last
churn_after_days of the data classify nobody: whoever has not churned before is censored at their beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
FATES = ("gone", "came_back", "undecided", "too_young", "not_at_risk", "start_unknown")
FOUND_OUT_LATER = {
    "user", "user_id", "first_day", "life_start", "signed_up_day", "first_active_day", "last_active_day",
    "active_days", "entry_day", "exit_day", "exit_road", "watched_through",
}  # fmt: skip


def durations(
    user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Time from the first day to churn, counted: the table that `life_table` describes and every estimator reads.

    user_days: one row per user and active day -- user, day, gap_after
    users:     one row per user -- user, first_day, life_start, first_active_day, entry_day, and the columns in `by`
    returns:   one row per (entry_days, duration_days, *by) -- churned, censored (users). Users whose life began before
               the data enter late; users of fates too_young, not_at_risk and start_unknown are not in it.
    raises:    ParameterError for a column in `by` that is not known at the first day (immortal time)

    >>> from opsbook import time_to_churn, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 14}
    >>> counted = time_to_churn.durations(tiny.user_days, tiny.users, **span, by=["channel"])
    >>> print(counted.groupby("channel", as_index=False)[["churned", "censored"]].sum().to_string(index=False))
    channel  churned  censored
        ads       17         2
     search        8        29
    """
    lives = user_lives(user_days, users, as_of=as_of, churn_after_days=churn_after_days, by=by)
    keys = ["entry_days", "duration_days", *by]
    seen = lives.filter(_.fate.isin(["gone", "came_back", "undecided"])).group_by(keys)
    counted = seen.agg(churned=(_.fate != "undecided").sum(), censored=(_.fate == "undecided").sum())
    table = counted.order_by(keys).to_pandas()
    return table.astype(dict.fromkeys(["entry_days", "duration_days", "churned", "censored"], "int64"))


def fates(user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int) -> pd.DataFrame:
    """What became of every user: one row per fate -- fate, users, share (of all users).

    fate: gone (silent for churn_after_days and never back), came_back (churned, seen again later), undecided (no such
          silence yet: censored), too_young (first day within the last churn_after_days), not_at_risk (began before
          the data and not seen in time), start_unknown

    >>> from opsbook import time_to_churn, tiny
    >>> found = time_to_churn.fates(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=14)
    >>> print(found.round(2).to_string(index=False))
             fate  users  share
             gone     22   0.37
        came_back      3   0.05
        undecided     31   0.52
        too_young      0   0.00
      not_at_risk      0   0.00
    start_unknown      4   0.07
    """
    lives = user_lives(user_days, users, as_of=as_of, churn_after_days=churn_after_days)
    counted = lives.group_by("fate").agg(users=_.count()).to_pandas().set_index("fate")["users"]
    table = counted.reindex(list(FATES), fill_value=0).rename_axis("fate").reset_index()
    total = int(table["users"].sum())
    return table.assign(users=table["users"].astype("int64"), share=table["users"] / total if total else np.nan)


def user_lives(
    user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int, by: Sequence[str] = ()
) -> ir.Table:
    """One row per user -- user, first_day, entry_days, duration_days, fate (as in `fates`), *by.

    The days mean something for the fates gone, came_back and undecided (censored) only; parameters as in `durations`.
    Where users carry watched_through, silence ends no life: their recorded exit does, else that day censors.

    >>> from opsbook import time_to_churn, tiny
    >>> lives = time_to_churn.user_lives(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=14).to_pandas()
    >>> shown = lives.sort_values("user")[["user", "entry_days", "duration_days", "fate"]].head(4)
    >>> print(shown.to_string(index=False))
     user  entry_days  duration_days      fate
        0           2              9      gone
        1           5             39      gone
        2           8             77 undecided
        3          11             26      gone
    """
    people = engine_table(users)
    refuse_immortal_time(people.columns, by)
    people = people.filter(_.first_day.isnull() | (_.first_day <= ibis.date(as_of)))
    days = {"entry_days": _days(_.first_day, _.entry_day), "duration_days": _days(_.first_day, _.end_day)}
    chosen = ["user", "first_day", *by]
    if "watched_through" not in people.columns:
        dated = with_silence(user_days, people, as_of=as_of, churn_after_days=churn_after_days)
        return dated.select(*chosen, fate=_fate(as_of, churn_after_days), **days)
    silent, recorded = people.filter(_.watched_through.isnull()), people.filter(_.watched_through.notnull())
    dated = with_silence(user_days, silent, as_of=as_of, churn_after_days=churn_after_days)
    parts = dated.select(*chosen, fate=_fate(as_of, churn_after_days), **days)
    return parts.union(_recorded_end(recorded, as_of).select(*chosen, fate=_recorded_fate(), **days))


def with_silence(user_days: Tabular, people: Tabular, *, as_of: date, churn_after_days: int) -> ir.Table:
    """The users with seen_day, churned, returned and end_day, as silence alone tells.

    >>> from opsbook import time_to_churn, tiny
    >>> rule = {"as_of": tiny.AS_OF, "churn_after_days": 14}
    >>> people = time_to_churn.with_silence(tiny.user_days, tiny.users, **rule).to_pandas()
    >>> shown = people[people["churned"]].sort_values("user")[["user", "end_day", "returned"]].head(3)
    >>> print(shown.to_string(index=False))
     user    end_day returned
        0 2026-01-12    False
        1 2026-02-08    False
        3 2026-01-20    False
    """
    people = engine_table(people)
    people = people.mutate(seen_day=(_.first_active_day <= ibis.date(as_of)).ifelse(_.first_active_day, ibis.null()))
    churns = _first_churn(engine_table(user_days), people, as_of, churn_after_days)
    return _with_end(people.left_join(churns, "user").drop("user_right"), as_of, churn_after_days)


def refuse_immortal_time(columns: Sequence[str], by: Sequence[str]) -> None:
    """Raise ParameterError for a segment that is no column of users or is only known after the first day.

    >>> from opsbook import time_to_churn, tiny
    >>> from opsbook.errors import ParameterError
    >>> time_to_churn.refuse_immortal_time(tiny.users.columns, ["channel"])
    >>> try:
    ...     time_to_churn.refuse_immortal_time(tiny.users.columns, ["active_days"])
    ... except ParameterError as refused:
    ...     print(str(refused).splitlines()[0])
    `active_days` cannot split survival curves: it is found out while the user stays (immortal time)
    """
    for name in by:
        if name in FOUND_OUT_LATER:
            raise ParameterError(
                f"`{name}` cannot split survival curves: it is found out while the user stays (immortal time)",
                fix="take an attribute known on the first day, or measure it in the landmark window",
            )
        if name not in columns:
            known = sorted(set(columns) - FOUND_OUT_LATER)
            raise ParameterError(f"`{name}` is not a column of users", fix=did_you_mean(name, known))


def _days(start: ir.Value, end: ir.Value) -> ir.Value:
    return -start.delta(end, unit="day")


def _first_churn(user_days: ir.Table, people: ir.Table, as_of: date, churn_after_days: int) -> ir.Table:
    """One row per user with a long silence after the first day -- user, churn_day, returned.

    A silence is long when churn_after_days whole days passed: a return ends it a day later at the earliest, and it
    began at least as many days before as_of.
    """
    last_day = ibis.date(as_of - timedelta(days=churn_after_days))
    long = user_days.filter((_.day <= last_day) & (_.gap_after.isnull() | (_.gap_after > churn_after_days)))
    long = long.join(people.select("user", "first_day"), "user")
    before = ibis.greatest(_days(_.day, _.first_day), 0)
    long = long.filter((_.first_day <= last_day) & (_.gap_after.isnull() | (_.gap_after - before > churn_after_days)))
    returned = (_.gap_after <= _days(_.day, ibis.date(as_of))).fill_null(False)
    dated = long.mutate(start_day=ibis.greatest(_.day, _.first_day), returned=returned)
    return dated.group_by("user").agg(churn_day=_.start_day.min(), returned=_.returned.argmin(_.start_day))


def _with_end(people: ir.Table, as_of: date, churn_after_days: int) -> ir.Table:
    """Adds churned, returned, end_day (churn, else the last day that can be classified); a signup is a sign of life."""
    quiet_days = _days(_.first_day, ibis.coalesce(_.seen_day, ibis.date(as_of + timedelta(days=1))))
    never_began = (_.entry_day == _.first_day) & (quiet_days > churn_after_days)
    began = people.mutate(
        churn_day=never_began.ifelse(_.first_day, _.churn_day),
        returned=never_began.ifelse(_.seen_day.notnull(), _.returned),
    )
    last_day = ibis.date(as_of - timedelta(days=churn_after_days))
    return began.mutate(churned=_.churn_day.notnull(), end_day=ibis.coalesce(_.churn_day, last_day))


def _fate(as_of: date, churn_after_days: int) -> ir.Value:
    late = _.entry_day > _.first_day
    silent_at_start = _.seen_day.isnull() | (_days(_.entry_day, _.seen_day) >= churn_after_days)
    return ibis.cases(
        (_.first_day.isnull() | (_.life_start == "unknown"), "start_unknown"),
        (_.first_day > ibis.date(as_of - timedelta(days=churn_after_days)), "too_young"),
        (late & (silent_at_start | (_.end_day <= _.entry_day)), "not_at_risk"),
        (_.churned & _.returned, "came_back"),
        (_.churned, "gone"),
        else_="undecided",
    )


def _recorded_end(people: ir.Table, as_of: date) -> ir.Table:
    """Adds churned and end_day of users whose life only a recorded exit ends; one on the last day watched counts."""
    watched = people.mutate(last_day=ibis.least(_.watched_through, ibis.date(as_of)))
    left = watched.mutate(churned=(_.exit_day <= _.last_day).fill_null(False))
    return left.mutate(end_day=_.churned.ifelse(_.exit_day, _.last_day))


def _recorded_fate() -> ir.Value:
    late = _.entry_day > _.first_day
    return ibis.cases(
        (_.first_day.isnull() | _.entry_day.isnull() | (_.life_start == "unknown"), "start_unknown"),
        ((_.end_day < _.first_day) | (late & (_.end_day <= _.entry_day)), "not_at_risk"),
        (_.churned, "gone"),
        else_="undecided",
    )
