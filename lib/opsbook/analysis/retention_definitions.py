"""The same users' retention under the field's common definitions, so that two teams see why their numbers differ."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.proportion import wilson
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
DEFINITIONS = ["on_day", "on_24_hours", "following_week", "through_day", "on_or_after", "every_day"]
FOLLOWED_DAYS = 6
SECONDS_A_DAY = 86_400


def definition_table(
    user_days: Tabular,
    users: Tabular,
    steps: Tabular,
    *,
    period: Period,
    as_of: date,
    ages: Sequence[int] = (1, 7, 30),
    active_events: Sequence[str] = (),
) -> pd.DataFrame:
    """Share of a period's new users retained at day N under six definitions, counted on the same users.

    on_day: active on calendar day N after the first day; on_24_hours: in hours 24 N to 24 (N + 1) after the instant of
    sign-up; following_week: at least once on days N to N + 6; through_day: at least once on days 1 to N; on_or_after:
    on day N or any later observed day; every_day: on each of the days 1 to N.

    user_days: one row per user and active day -- user, day
    users:     one row per user -- user, first_day, life_start, signed_up_at (instant, UTC; missing when not given)
    steps:     one row per event -- user, at (UTC), day, event
    active_events: those that make a user active (none = any)
    returns:   one row per age and definition -- age (days), counted_as (of DEFINITIONS), users (new ones who could be
               followed through day N + 6; for on_24_hours those with an instant of sign-up), retained, share, low, high
               (Wilson), difference (share minus that of on_day); ages whose last day nobody has reached are left out

    >>> from opsbook import retention_definitions, tiny
    >>> period = tiny.period("2026-01-05..2026-01-25")
    >>> tables = tiny.user_days, tiny.users, tiny.steps
    >>> told = retention_definitions.definition_table(*tables, period=period, as_of=tiny.AS_OF, ages=[7])
    >>> print(told[["age", "counted_as", "users", "retained", "share"]].round(2).to_string(index=False))
     age     counted_as  users  retained  share
       7         on_day     13         4   0.31
       7    on_24_hours     13         4   0.31
       7 following_week     13        11   0.85
       7    through_day     13        13   1.00
       7    on_or_after     13        11   0.85
       7      every_day     13         2   0.15
    """
    born = _born(users, period)
    counted = _by_calendar(born, _aged(user_days, born, as_of), ages, as_of)
    counted = pd.concat([counted, _by_clock(born, _elapsed(steps, born, as_of, active_events), ages, as_of)])
    counted = counted[counted["users"] > 0].astype({"age": "int64", "users": "int64", "retained": "int64"})
    counted["counted_as"] = pd.Categorical(counted["counted_as"], DEFINITIONS, ordered=True)
    counted = counted.sort_values(["age", "counted_as"], ignore_index=True).astype({"counted_as": "object"})
    share = wilson(counted["retained"], counted["users"])
    shown = counted.assign(share=share.value, low=share.low, high=share.high)
    base = shown[shown["counted_as"] == "on_day"].set_index("age")["share"]
    return shown.assign(difference=shown["share"] - shown["age"].map(base).astype(float))


def _born(users: Tabular, period: Period) -> ir.Table:
    """The period's new users -- user, first_day, signed_up_at."""
    known = (_.life_start != "unknown") & _.first_day.between(ibis.date(period.start), ibis.date(period.end))
    return engine_table(users).filter(known).select("user", "first_day", "signed_up_at")


def _aged(user_days: Tabular, born: ir.Table, as_of: date) -> ir.Table:
    """One row per active day of a new user -- user, age (days since the first day)."""
    days = engine_table(user_days).filter(_.day <= ibis.date(as_of)).select("user", "day")
    return days.inner_join(born, "user").select("user", age=_.day.delta(_.first_day, unit="day"))


def _elapsed(steps: Tabular, born: ir.Table, as_of: date, active_events: Sequence[str]) -> ir.Table:
    """One row per event of a new user with an instant of sign-up -- user, age (whole times 24 hours since it)."""
    table = engine_table(steps).filter(_.day <= ibis.date(as_of))
    qualifying = table.filter(_.event.isin(list(active_events))) if active_events else table
    timed = qualifying.select("user", "at").inner_join(born.filter(_.signed_up_at.notnull()), "user")
    seconds = timed.at.epoch_seconds() - timed.signed_up_at.epoch_seconds()
    return timed.select("user", age=seconds // SECONDS_A_DAY)


def _by_calendar(born: ir.Table, aged: ir.Table, ages: Sequence[int], as_of: date) -> pd.DataFrame:
    flags: dict[str, ir.BooleanValue] = {}
    for n in ages:
        flags |= {
            f"on_day_{n}": (_.age == n).any(),
            f"following_week_{n}": _.age.between(n, n + FOLLOWED_DAYS).any(),
            f"through_day_{n}": _.age.between(1, n).any(),
            f"on_or_after_{n}": (_.age >= n).any(),
            f"every_day_{n}": _.age.between(1, n).sum() == n,
        }
    names = [name for name in DEFINITIONS if name != "on_24_hours"]
    return _counted(born, aged.group_by("user").agg(**flags), names, ages, as_of)


def _by_clock(born: ir.Table, elapsed: ir.Table, ages: Sequence[int], as_of: date) -> pd.DataFrame:
    flags = {f"on_24_hours_{n}": (_.age == n).any() for n in ages}
    timed = born.filter(_.signed_up_at.notnull())
    return _counted(timed, elapsed.group_by("user").agg(**flags), ["on_24_hours"], ages, as_of)


def _counted(
    born: ir.Table, flags: ir.Table, definitions: Sequence[str], ages: Sequence[int], as_of: date
) -> pd.DataFrame:
    """One row per definition and age -- counted_as, age, users (who could be followed), retained."""
    people = born.left_join(flags, "user")
    sums = {}
    for n in ages:
        followed = people.first_day <= ibis.date(as_of - timedelta(days=n + FOLLOWED_DAYS))
        sums[f"users_{n}"] = followed.sum()
        for name in definitions:
            sums[f"{name}_{n}"] = (followed & people[f"{name}_{n}"].fill_null(False)).sum()
    row = people.aggregate(**sums).fill_null(0).to_pandas().iloc[0]
    cells = [(name, n, row[f"users_{n}"], row[f"{name}_{n}"]) for n in ages for name in definitions]
    return pd.DataFrame(cells, columns=["counted_as", "age", "users", "retained"])
