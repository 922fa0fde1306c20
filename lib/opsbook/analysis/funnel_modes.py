"""Walk a funnel as the workbook defines it: how far every user came and when, for each period of entry.

What each setting means, exactly:

- A *chain* takes one event per step, never going back in time; equal instants keep the order of the steps. It starts at
  an entry (an event of the first step, or the sign-up) and ends within `window_days` of it, to the microsecond.
- `ordered`: any other events may lie between two steps of the chain.
- `strict`: no event of the user, listed or not, lies between two steps; a repeat of a step is such an event, too.
- `any_order`: row k counts users who did at least k different steps within the window of a first one of them.
- `best_entry`: a step is reached when some chain from some entry of the period reaches it. `first_entry`: only chains
  from the user's first entry of the period count.
- `within`: longest time since the previous step *on the chain*; a later repeat of that step may save the chain.
- `optional`: a chain may skip the step. It counts the users who did it on the way and is never a condition.
- `exclude`: a chain is discarded, not paused, when an excluded event of the user falls between the two steps named (or
  anywhere between its first and last event); another chain, such as one from a later entry, is not touched. Without
  an order the excluded event closes the entry's window; steps in its instant still count.
- `hold`: all steps carry one value of the column, so events without a value take no part. A sign-up fits every value.
- *Between* two steps means strictly between their instants: what happened in the same instant as a step does not count.
  Excluded events, and any event in strict mode, count whatever value they carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import ibis
import ibis.expr.types as ir

from opsbook.analysis.funnel_events import EPOCH, HOUR, NOTHING, day_number, trail, window_us
from opsbook.inputs.funnels import Funnel
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular

_ = ibis._
NEVER = -(2**62)


def walk(
    steps: Tabular,
    users: Tabular,
    *,
    funnel: Funnel,
    periods: Sequence[Period],
    as_of: date,
    timezone: tzinfo = UTC,
) -> ir.Table:
    """How far each user came, once for every period in which the user entered; kept in the engine.

    steps:   one row per event -- user, at (UTC), day, event and the column to hold
    users:   one row per user -- user, signed_up_at (UTC), signed_up_day; read when the sign-up is the entry
    returns: one row per (period, user) -- cohort (place of the period of entry in `periods`), user, entry_day (of the
             first entry), complete (an entry is old enough for its window to be over at as_of), reached_1, reached_2, …
             (by the anchor's rule; false unless complete), hours_1, hours_2, … (from the first entry to the first event
             that a chain from it reached the step with; missing if none, young entries too), watched_hours (from the
             first entry to the end of its window or of as_of, whichever comes first)
    raises:  ValueError without periods
    source:  for every event the latest entry from which a chain comes so far; one window function per step

    >>> import pandas as pd
    >>> from opsbook import funnel_modes, tiny
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel.model_validate({"name": "buying", "steps": ["add_to_cart", "order"], "window_days": 7})
    >>> at = pd.to_datetime(["2026-02-02 09:00", "2026-02-03 15:00", "2026-02-10 09:00", "2026-02-20 09:00"])
    >>> steps = pd.DataFrame({"user": [1, 1, 2, 2], "event": ["add_to_cart", "order"] * 2, "at": at})
    >>> steps = steps.assign(day=at.normalize())
    >>> when = {"periods": [tiny.period("2026-02")], "as_of": tiny.AS_OF}
    >>> walked = funnel_modes.walk(steps, tiny.users, funnel=funnel, **when).to_pandas().sort_values("user")
    >>> print(walked[["user", "complete", "reached_1", "reached_2", "hours_2"]].to_string(index=False))
     user  complete  reached_1  reached_2  hours_2
        1      True       True       True     30.0
        2      True       True      False      NaN
    """
    if not periods:
        raise ValueError("A funnel needs at least one period of entries")
    found = trail(steps, users, funnel=funnel, periods=periods, as_of=as_of)
    last_complete = day_number(as_of - timedelta(days=funnel.window_days))
    reached = _reached_any if funnel.mode == "any_order" else _reached_in_order
    pieces = _pieces(reached(found.first, found.near, funnel), at=_.us)
    if funnel.anchor == "best_entry" and funnel.entry == "event":
        old = found.entries.filter(_.day <= last_complete)
        pieces = pieces.union(_pieces(reached(old, found.events, funnel), at=NOTHING))
    else:
        pieces = pieces.mutate(best=True)
    return _per_user(found.entries, pieces, funnel, last_complete, _end_of(as_of, timezone))


def _end_of(day: date, timezone: tzinfo) -> int:
    """The first microsecond after the day, since 1970 in UTC."""
    after = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=timezone)
    return round((after - EPOCH.replace(tzinfo=UTC)) / timedelta(microseconds=1))


def _reached_in_order(entries: ir.Table, events: ir.Table, funnel: Funnel) -> list[ir.Table]:
    """For each step the events that a chain reached it with -- cohort, user, held, us, start (its latest entry)."""
    started = entries.select("cohort", "user", "held", "us", start=_.us)
    reached = [started.cache()]
    walkable = _for_every_value(started, events).cache() if funnel.hold and funnel.entry == "signup" else reached[0]
    for position in range(2, len(funnel.names) + 1):
        before = [walkable if k == 1 else reached[k - 1] for k in _steps_before(funnel, position)]
        union = ibis.union(*before) if len(before) > 1 else before[0]
        reached.append(_next(union, events.filter(_.position == position), funnel, position).cache())
    return reached


def _for_every_value(started: ir.Table, events: ir.Table) -> ir.Table:
    """Sign-ups, once for every value the user's events hold."""
    values = events.select("cohort", "user", "held").distinct()
    return started.drop("held").inner_join(values, ["cohort", "user"]).select(started.columns)


def _keys(funnel: Funnel) -> list[str]:
    """What one chain has in common."""
    return ["cohort", "user", "held"] if funnel.hold else ["cohort", "user"]


def _steps_before(funnel: Funnel, position: int) -> list[int]:
    """The step before, and as long as that one may be skipped, the one before it."""
    last = next(k for k in range(position - 1, 0, -1) if not funnel.optional[k - 1])
    return list(range(last, position))


def _next(before: ir.Table, events: ir.Table, funnel: Funnel, position: int) -> ir.Table:
    """The events of the step to which a chain goes on, with the latest entry of such a chain."""
    within = round(funnel.within(position) / timedelta(microseconds=1))
    barred = funnel.mode == "strict" or bool(funnel.excluded(position))
    since = events.us - events.barrier.fill_null(NEVER)
    back = ibis.least(since, within) if barred else ibis.literal(within, "int64")
    came = before.select("cohort", "user", "held", "us", "start", back=ibis.literal(0, "int64"), own=False)
    own = events.select("cohort", "user", "held", "us", start=NOTHING, back=back, own=True)
    both = came.union(own)
    if barred or within < window_us(funnel):
        frame = ibis.range_window(group_by=_keys(funnel), order_by="us", preceding=both.back, following=0)
    else:  # nothing limits the way back but the window, which the latest entry keeps best: one pass in order
        frame = ibis.window(group_by=_keys(funnel), order_by=["us", "own"], preceding=None, following=0)
    walked = both.mutate(latest=both.start.max().over(frame))
    in_time = walked.filter(_.own & (_.us <= _.latest + window_us(funnel)))
    return in_time.select("cohort", "user", "held", "us", start=_.latest)


def _reached_any(entries: ir.Table, events: ir.Table, funnel: Funnel) -> list[ir.Table]:
    """For each number of different steps the instants at which an entry's window had so many -- cohort, user, us."""
    signed_up = funnel.entry == "signup"
    anchors = _for_every_value(entries, events) if funnel.hold and signed_up else entries
    wanted = [k for k in range(1, len(funnel.names) + 1) if funnel.events(k)]
    found = _with_times(anchors, events, funnel, wanted).cache()
    counted = [
        found.filter(found.times.length() >= k).select("cohort", "user", us=found.times[k - 1])
        for k in range(1, len(wanted) + 1)
    ]
    return [entries.select("cohort", "user", "us"), *counted] if signed_up else counted


def _with_times(anchors: ir.Table, events: ir.Table, funnel: Funnel, wanted: Sequence[int]) -> ir.Table:
    """The anchors with `times`: in time order, when each step was first done in the window from there."""
    columns = ["cohort", "user", "held", "us"]
    here = anchors.select(columns, barrier=NOTHING, position=ibis.null("int32"))
    both = here.union(events.select(*columns, "barrier", position=_.position.cast("int32")))
    ahead = ibis.range_window(group_by=_keys(funnel), order_by="us", preceding=0, following=None)
    spans = {}
    for k in wanted:
        spans[f"next_{k}"] = both.us.min(where=both.position == k).over(ahead)
        # Barriers never fall in time, so the smallest one ahead is that of the step's next event.
        spans[f"barrier_{k}"] = both.barrier.fill_null(NEVER).min(where=both.position == k).over(ahead)
    if not funnel.exclude:
        spans = {name: span for name, span in spans.items() if name.startswith("next")}
    looked = both.mutate(**spans).filter(_.position.isnull())
    done = [_in_window(looked, k, funnel) for k in wanted]
    return looked.select("cohort", "user", times=ibis.array(done).filter(lambda time: time.notnull()).sort())


def _in_window(looked: ir.Table, k: int, funnel: Funnel) -> ir.Value:
    """The next event of step k, missing when the window is over or an excluded event lies before it."""
    reached = looked[f"next_{k}"] <= looked.us + window_us(funnel)
    if funnel.exclude:
        reached &= looked[f"barrier_{k}"] <= looked.us
    return ibis.ifelse(reached, looked[f"next_{k}"], NOTHING)


def _pieces(reached: Sequence[ir.Table], *, at: Any) -> ir.Table:
    """All steps in one table -- cohort, user, position, at; best where no instant is given."""
    best = ibis.literal(at is NOTHING)
    parts = [table.select("cohort", "user", position=k, at=at, best=best) for k, table in enumerate(reached, 1)]
    return ibis.union(*parts)


def _per_user(entries: ir.Table, pieces: ir.Table, funnel: Funnel, last_complete: int, end: int) -> ir.Table:
    """One row per period and user, as `walk` returns it."""
    numbers = range(1, len(funnel.names) + 1)
    first = entries.group_by("cohort", "user").agg(us=_.us.min(), day=_.day.min())
    at = {f"at_{k}": _.at.min(where=_.position == k) for k in numbers}
    was = {f"was_{k}": ((_.position == k) & _.best).any() for k in numbers}
    joined = first.left_join(pieces.group_by("cohort", "user").agg(**at, **was), ["cohort", "user"])
    complete = joined.day <= last_complete
    watched = ibis.least(joined.us + window_us(funnel), end) - joined.us
    return joined.select(
        "cohort",
        "user",
        entry_day=ibis.date(EPOCH.date()) + joined.day.as_interval("D"),
        complete=complete,
        **{f"reached_{k}": complete & joined[f"was_{k}"].fill_null(False) for k in numbers},
        **{f"hours_{k}": (joined[f"at_{k}"] - joined.us) / HOUR for k in numbers},
        watched_hours=watched / HOUR,
    ).cache()
