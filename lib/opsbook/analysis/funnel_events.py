"""What a funnel is walked on: its entries and the events of its steps, placed by user, period of entry and instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.inputs.funnels import Funnel
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
EPOCH = datetime(1970, 1, 1)
HOUR = 3_600_000_000
NOTHING = ibis.null("int64")
ENTRY = ["cohort", "user", "held", "us", "day"]
STRICTLY_BEFORE = ibis.range_window(group_by="user", order_by="us", preceding=(None, 1))


class Trail(NamedTuple):
    """Entries and events of a funnel, kept in the engine; `first` and `near` are those of each user's first entry.

    entries, first: one row per entry -- cohort (place of its period), user, held, us (since 1970), day (number)
    events, near:   one row per event of a step, period and user in it -- the same, with position (of the step: 1, 2, …)
                    and barrier (the latest instant before the event that no chain may span; missing if none)
    """

    entries: ir.Table
    events: ir.Table
    first: ir.Table
    near: ir.Table


def trail(steps: Tabular, users: Tabular, *, funnel: Funnel, periods: Sequence[Period], as_of: date) -> Trail:
    """Everything of the funnel that happened up to as_of; steps and users as in `funnel_modes.walk`.

    >>> from opsbook import funnel_events, tiny
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel.model_validate({"name": "buying", "steps": ["add_to_cart", "order"], "window_days": 7})
    >>> when = {"periods": [tiny.period("2026-02")], "as_of": tiny.AS_OF}
    >>> found = funnel_events.trail(tiny.steps, tiny.users, funnel=funnel, **when)
    >>> [int(part.count().to_pandas()) for part in (found.entries, found.events, found.first)]
    [95, 213, 34]
    """
    events = _events(engine_table(steps), funnel, periods, as_of)
    calendar = _calendar(funnel, periods, as_of)
    if funnel.entry == "signup":
        entries = _sign_ups(engine_table(users), calendar)
        near = _of_windows(events, entries, funnel, on=["user"])
        return Trail(entries, near, entries, near)
    placed = events.inner_join(calendar, "day").cache()
    entries = _first_steps(placed, funnel)
    first = entries.filter(entries.us == entries.us.min().over(group_by=["cohort", "user"])).cache()
    return Trail(entries, placed, first, _of_windows(placed, first, funnel, on=["cohort", "user"]))


def day_number(day: date) -> int:
    """Days since 1970.

    >>> from datetime import date
    >>> from opsbook import funnel_events
    >>> funnel_events.day_number(date(1970, 1, 2))
    1
    """
    return (day - EPOCH.date()).days


def window_us(funnel: Funnel) -> int:
    """Microseconds from an entry to the end of its window.

    >>> from opsbook import funnel_events
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel.model_validate({"name": "buying", "steps": ["add_to_cart", "order"], "window_days": 7})
    >>> funnel_events.window_us(funnel) // 1_000_000 == 7 * 24 * 60 * 60
    True
    """
    return funnel.window_days * 24 * HOUR


def _calendar(funnel: Funnel, periods: Sequence[Period], as_of: date) -> ir.Table:
    """One row per period and day on which its entries' windows may be open -- day (number), cohort, enters."""
    rows = [
        (day_number(day), cohort, day <= period.end)
        for cohort, period in enumerate(periods)
        for day in (period.start + timedelta(days=shift) for shift in range(period.days + funnel.window_days + 2))
        if day <= as_of
    ]
    types = {"day": "int32", "cohort": "int32", "enters": "bool"}
    return ibis.memtable(pd.DataFrame(rows, columns=list(types)).astype(types))


def _events(steps: ir.Table, funnel: Funnel, periods: Sequence[Period], as_of: date) -> ir.Table:
    """Events of the steps, from the first period to the end of the last window, as in a trail but without cohort."""
    held = steps[funnel.hold].cast("string") if funnel.hold else ibis.literal("")
    plain = steps.select(
        user=steps.user,
        us=steps.at.cast("timestamp(6)").delta(ibis.literal(EPOCH), unit="microsecond"),
        day=steps.day.cast("date").epoch_days().cast("int32"),
        event=steps.event.cast("string"),
        held=held,
    )
    first = min(period.start for period in periods)
    last = min(as_of, max(period.end for period in periods) + timedelta(days=funnel.window_days + 1))
    seen = plain.filter(plain.day.between(day_number(first), day_number(last)))
    placed = _with_barriers(seen, funnel).filter(_.position.notnull() & _.held.notnull())
    return placed.select("user", "held", "us", "day", "position", "barrier")


def _with_barriers(seen: ir.Table, funnel: Funnel) -> ir.Table:
    """The events of the steps with position and barrier: the latest instant before them that no chain may span."""
    positions = [k for k in range(1, len(funnel.names) + 1) if funnel.events(k)]
    branches = [(seen.event.isin(funnel.events(k)), k) for k in positions]
    placed = seen.mutate(position=ibis.cases(*branches, else_=ibis.null("int32")))
    if funnel.mode == "strict":
        return placed.mutate(barrier=placed.us.max().over(STRICTLY_BEFORE))
    if not funnel.exclude:
        return placed.mutate(barrier=NOTHING)
    parts = [_barred(placed, placed.filter(_.position == k), funnel.excluded(max(k, 2))) for k in positions]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _barred(seen: ir.Table, own: ir.Table, excluded: Sequence[str]) -> ir.Table:
    """The own events with the latest excluded one strictly before them as barrier."""
    if not excluded:
        return own.mutate(barrier=NOTHING)
    breaks = seen.filter(_.event.isin(excluded)).mutate(position=ibis.null("int32"), broken=_.us)
    both = own.mutate(broken=NOTHING).union(breaks)
    return both.mutate(barrier=both.broken.max().over(STRICTLY_BEFORE)).drop("broken")


def _first_steps(events: ir.Table, funnel: Funnel) -> ir.Table:
    """Entries by event -- cohort, user, held, us, day; without an order every step of the period may be one."""
    entries = events.filter(_.enters) if funnel.mode == "any_order" else events.filter(_.enters & (_.position == 1))
    return entries.select(ENTRY)


def _sign_ups(users: ir.Table, calendar: ir.Table) -> ir.Table:
    """Entries by sign-up, one for each user who signed up in a period."""
    signed_up = users.filter(users.signed_up_at.notnull()).select(
        user=users.user,
        us=users.signed_up_at.cast("timestamp(6)").delta(ibis.literal(EPOCH), unit="microsecond"),
        day=users.signed_up_day.cast("date").epoch_days().cast("int32"),
        held=ibis.literal(""),
    )
    return signed_up.inner_join(calendar.filter(_.enters), "day").select(ENTRY).cache()


def _of_windows(events: ir.Table, entries: ir.Table, funnel: Funnel, *, on: list[str]) -> ir.Table:
    """The events in the window of the user's only entry: all that its chains need."""
    opened = entries.select("cohort", "user", opened=_.us).distinct()
    joined = events.inner_join(opened, on)
    return joined.filter((_.us >= _.opened) & (_.us <= _.opened + window_us(funnel))).drop("opened").cache()
