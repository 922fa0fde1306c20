"""Ordered conversion funnels with a window, counted in the engine with one window function per step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
Anchor = Literal["first_entry", "best_entry"]
COLUMNS = ["step", "event", "users", "lost"]
INSTANT = "timestamp(6)"
SHARES = ["share_of_entry", "share_of_previous"]


def funnel(
    steps: Tabular,
    *,
    path: Sequence[str],
    start: date,
    end: date,
    window_days: int,
    as_of: date,
    anchor: Anchor = "best_entry",
) -> pd.DataFrame:
    """Users who went along the path in order, other events between allowed, all within the window of their entry.

    steps:    one row per event -- user, at (timestamp), day (date), event; entries are the path's first event from
              start to end. `best_entry` lets a later entry start a longer chain, `first_entry` follows the first one.
              Equal timestamps keep step order.
    returns:  one row per step -- step (1, 2, …), event, users, lost (users lost since the step before),
              share_of_entry, share_of_previous (0-1) with Wilson _low and _high, incomplete (users whose every entry
              is younger than the window at as_of: in no other column)
              No rows for an empty path.
    raises:   ValueError when the path names an event twice
    source:   per user in time order, the latest start that reached each step is carried along

    >>> steps = pd.DataFrame({"user": [1, 1, 2, 2, 3], "event": ["view", "buy", "view", "buy", "view"],
    ...                       "day": pd.to_datetime([f"2026-01-{day}" for day in ("05", "06", "05", "20", "09")])})
    >>> january = {"start": date(2026, 1, 1), "end": date(2026, 1, 31), "as_of": date(2026, 3, 1)}
    >>> found = funnel(steps.assign(at=steps["day"]), path=["view", "buy"], window_days=7, **january)
    >>> print(found[["step", "event", "users", "lost", "share_of_entry"]].round(2).to_string(index=False))
     step event  users  lost  share_of_entry
        1  view      3     0            1.00
        2   buy      1     2            0.33
    """
    if len(set(path)) != len(path):
        raise ValueError(f"A funnel needs different events, found {', '.join(path)}")
    if not path:
        return _table([], path, 0)
    events = _path_events(engine_table(steps), path)
    entries = events.filter((_.position == 1) & (_.day >= start) & (_.day <= end))
    last_complete = as_of - timedelta(days=window_days)
    reached = [_first_starts(entries, last_complete, anchor)]
    for position in range(2, len(path) + 1):
        reached.append(_next_starts(reached[-1], events.filter(_.position == position), window_days))
    users = [int(starts.user.nunique().to_pandas()) for starts in reached]
    young = _only_young(entries, last_complete).count().to_pandas()
    return _table(users, path, int(young))


def _path_events(steps: ir.Table, path: Sequence[str]) -> ir.Table:
    """The events on the path -- user, at, day, position (1, 2, …)."""
    own = steps.filter(steps.event.cast("string").isin(list(path)))
    position = ibis.cases(*((own.event.cast("string") == event, k) for k, event in enumerate(path, 1)))
    return own.select(user=own.user, at=own.at.cast(INSTANT), day=own.day.cast("date"), position=position)


def _first_starts(entries: ir.Table, last_complete: date, anchor: Anchor) -> ir.Table:
    """Entries old enough, or the first entry alone if it is -- user, at, start (the same instant)."""
    chosen = entries
    if anchor == "first_entry":
        chosen = entries.filter(entries.at == entries.at.min().over(group_by="user"))
    old = chosen.filter(_.day <= last_complete)
    return old.select("user", "at", start=old.at).cache()


def _next_starts(reached: ir.Table, events: ir.Table, window_days: int) -> ir.Table:
    """Events of the next step in time -- user, at, start: the latest entry from which the step was reached.

    Events that reached nothing are left out, and with them most of the work of the steps to come.
    """
    nothing = ibis.null(INSTANT)
    before = reached.mutate(step=0)
    both = before.union(events.select("user", "at", start=nothing, step=1))
    order = ibis.window(group_by="user", order_by=["at", "step"], preceding=None, following=0)
    latest = both.start.max().over(order)
    walked = both.mutate(latest=latest).filter((_.step == 1) & (_.at <= _.latest + ibis.interval(days=window_days)))
    return walked.select("user", "at", start=walked.latest).cache()


def _only_young(entries: ir.Table, last_complete: date) -> ir.Table:
    """Users none of whose entries is old enough: they are shown apart."""
    first = entries.group_by("user").agg(first=_.day.min())
    return first.filter(_.first > last_complete)


def _table(users: Sequence[int], path: Sequence[str], incomplete: int) -> pd.DataFrame:
    table = pd.DataFrame(
        {"step": range(1, len(path) + 1), "event": list(path), "users": pd.Series(users, dtype="int64")}
    )
    entered = users[0] if users else 0
    previous = table["users"].shift(fill_value=entered)
    table = table.assign(lost=previous - table["users"], entry=entered, previous=previous)
    for name, base in zip(SHARES, ("entry", "previous"), strict=True):
        table = add_share(table, of="users", out_of=base, name=name)
    return table.drop(columns=["entry", "previous"]).assign(incomplete=incomplete)
