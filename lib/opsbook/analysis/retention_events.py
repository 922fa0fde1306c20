"""Who starts a cohort and when users come back, under any of the field's rules.

Starts are users' first days or an event, once or every time; returns are active days or an event. Both are numbered by
the unit (day, week, month) of a `cohorts.Window`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from opsbook.analysis.cohort_window import Window
from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._


def events_named(name: str, *, groups: Mapping[str, Sequence[str]], steps: Tabular) -> list[str]:
    """The events a parameter means: those of a group, or the one of that name; none for an empty name.

    raises: ParameterError for a name that is neither a group nor an event of the data

    >>> from opsbook import retention_events, tiny
    >>> retention_events.events_named("social", groups=tiny.WORKBOOK.event_groups, steps=tiny.steps)
    ['share']
    >>> retention_events.events_named("order", groups=tiny.WORKBOOK.event_groups, steps=tiny.steps)
    ['order']
    """
    if not name:
        return []
    if name in groups:
        return list(groups[name])
    known = sorted(engine_table(steps).event.cast("string").name("event").as_table().distinct().to_pandas()["event"])
    if name not in known:
        raise ParameterError(f"`{name}` is no event and no event group", fix=did_you_mean(name, [*groups, *known]))
    return [name]


def starts(
    user_days: Tabular,
    users: Tabular,
    steps: Tabular,
    *,
    window: Window,
    events: Sequence[str] = (),
    recurring: bool = False,
    by: Sequence[str] = (),
) -> ir.Table:
    """Who belongs to which cohort: one row per user and cohort -- user, cohort (number of the unit), since (UTC), *by.

    events:    what starts a cohort; none = the first day of the user's life (recurring: every active unit)
    recurring: a user belongs to the cohort of every unit with a start, else to that of the first start alone. First
               starts count only for users whose life began inside the data: an earlier one could not have been seen.
    since:     instant of sign-up or of the event; missing where only the day is known

    >>> from opsbook import cohorts, retention_events, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> buyers = retention_events.starts(tiny.user_days, tiny.users, tiny.steps, window=window, events=["order"])
    >>> counted = buyers.to_pandas().groupby("cohort").size().head(3)
    >>> print({str(window.first_day(cohort)): users for cohort, users in counted.items()})
    {'2026-01-05': 3, '2026-01-12': 3, '2026-01-19': 3}
    """
    people = engine_table(users)
    known = people.filter(_.first_day.notnull() & (_.first_day <= ibis.date(window.as_of)))
    if events:
        named = engine_table(steps).filter(_.event.isin(list(events)))
        rows = named.select("user", day=_.day.cast("date"), since=_.at)
    elif recurring:
        rows = engine_table(user_days).select("user", day=_.day.cast("date"), since=ibis.null("timestamp"))
    else:
        at = known.signed_up_at if "signed_up_at" in known.columns else ibis.null("timestamp")
        rows = known.select("user", day=known.first_day.cast("date"), since=at.cast("timestamp"))
    inside = rows.filter((_.day >= ibis.date(window.data_start)) & (_.day <= ibis.date(window.as_of)))
    each = inside.mutate(cohort=window.index(inside.day)).group_by("user", "cohort").agg(since=_.since.min())
    return _joined(each, known, window, recurring, by)


def returns(
    user_days: Tabular, steps: Tabular, *, window: Window, events: Sequence[str] = (), by_instant: bool = False
) -> ir.Table:
    """When users came back: one row per user and unit -- user, at (number), orders, revenue; by_instant: instants.

    events: what counts as coming back; none = an active day. by_instant: user, instant (UTC) of every such event.

    >>> from opsbook import cohorts, retention_events, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> back = retention_events.returns(tiny.user_days, tiny.steps, window=window).order_by("user", "at").to_pandas()
    >>> print(back.query("user == 5").to_string(index=False))
     user   at  orders  revenue
        5 2922       1     30.0
        5 2923       1     30.0
        5 2924       1     30.0
        5 2925       1     30.0
    """
    days = engine_table(user_days).filter(_.day <= ibis.date(window.as_of))
    named = engine_table(steps).filter(_.day <= ibis.date(window.as_of))
    named = named.filter(_.event.isin(list(events))) if events else named
    if by_instant:
        return named.select("user", instant=named.at.cast("timestamp"))
    worth = days.group_by("user", at=window.index(days.day.cast("date")))
    spent = worth.agg(orders=_.orders.sum(), revenue=_.revenue.sum())
    if not events:
        return spent
    came = named.select("user", at=window.index(named.day.cast("date"))).distinct()
    joined = came.left_join(spent, ["user", "at"]).drop("user_right", "at_right")
    return joined.mutate(orders=_.orders.fill_null(0), revenue=_.revenue.fill_null(0.0))


def returns_by_age(starts: Tabular, returns: Tabular) -> ir.Table:
    """One row per user, cohort and unit of return -- user, cohort, at, orders, revenue, age (units since the start).

    starts, returns: as from the functions of these names; units before the start are left out

    >>> from opsbook import cohorts, retention_events, tiny
    >>> window = cohorts.Window("week", tiny.DATA_START, tiny.AS_OF)
    >>> start = retention_events.starts(tiny.user_days, tiny.users, tiny.steps, window=window)
    >>> back = retention_events.returns(tiny.user_days, tiny.steps, window=window)
    >>> aged = retention_events.returns_by_age(start, back).order_by("user", "age").to_pandas()
    >>> print(aged.query("user == 22").head(4).to_string(index=False))
     user  cohort   at  orders  revenue  age
       22    2922 2922       0      0.0    0
       22    2922 2923       1     40.0    1
       22    2922 2924       0      0.0    2
       22    2922 2928       0      0.0    6
    """
    joined = engine_table(starts).select("user", "cohort").inner_join(engine_table(returns), "user")
    return joined.mutate(age=joined["at"] - joined.cohort).filter(_.age >= 0)


def _joined(each: ir.Table, known: ir.Table, window: Window, recurring: bool, by: Sequence[str]) -> ir.Table:
    people = known.select("user", "life_start", "first_day", *by)
    joined = each.inner_join(people, "user")
    if recurring:
        return joined.select("user", "cohort", "since", *by)
    inside = (joined.life_start != "unknown") & (joined.first_day.cast("date") >= ibis.date(window.data_start))
    first = joined.cohort == joined.cohort.min().over(ibis.window(group_by="user"))
    return joined.mutate(first=first).filter(inside & _.first).select("user", "cohort", "since", *by)
