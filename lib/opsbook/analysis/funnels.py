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
    """
    if len(set(path)) != len(path):
        raise ValueError(f"A funnel needs different events, found {', '.join(path)}")
    if not path:
        return _table(pd.Series([0]), path, 0)
    marked = _marked(engine_table(steps), path=path, start=start, end=end)
    last_complete = as_of - timedelta(days=window_days)
    reached = _reached(_entries(marked, last_complete, anchor), path=path, window_days=window_days)
    steps_reached = {f"users_{k}": reached[f"start_{k}"].count() for k in range(1, len(path) + 1)}
    counts = reached.agg(**steps_reached)
    young = _only_young(marked, last_complete, anchor)
    return _table(counts.to_pandas().iloc[0], path, int(young.count().to_pandas()))


def _marked(steps: ir.Table, *, path: Sequence[str], start: date, end: date) -> ir.Table:
    """The path's events with their position; entries outside start..end are left out, later steps are not."""
    position = ibis.cases(*((steps.event.cast("string") == event, k) for k, event in enumerate(path, 1)), else_=0)
    timed = steps.select(user=steps.user, at=steps.at.cast("timestamp"), day=steps.day.cast("date"), position=position)
    return timed.filter((_.position > 1) | ((_.position == 1) & (_.day >= start) & (_.day <= end)))


def _entries(marked: ir.Table, last_complete: date, anchor: Anchor) -> ir.Table:
    """The rows with `start_1`: the time of the entries that are old enough, or of the first entry alone."""
    entered = marked.mutate(entry_at=ibis.ifelse(_.position == 1, _.at, None))
    first = entered.entry_at.min().over(group_by="user")
    kept = entered.day <= last_complete
    if anchor == "first_entry":
        kept = kept & (entered.entry_at == first)
    return entered.mutate(start_1=ibis.ifelse(kept, entered.entry_at, None))


def _reached(entered: ir.Table, *, path: Sequence[str], window_days: int) -> ir.Table:
    """One row per user -- user, start_k: the latest entry time from which step k was reached in time."""
    walked = entered
    for k in range(2, len(path) + 1):
        before = ibis.window(group_by="user", order_by=["at", "position"], preceding=None, following=0)
        latest = walked[f"start_{k - 1}"].max().over(before)
        walked = walked.mutate(latest=latest)
        in_time = (walked.position == k) & (walked.at <= walked.latest + ibis.interval(days=window_days))
        walked = walked.mutate(**{f"start_{k}": ibis.ifelse(in_time, walked.latest, None)})
    return walked.group_by("user").agg(**{f"start_{k}": walked[f"start_{k}"].max() for k in range(1, len(path) + 1)})


def _only_young(marked: ir.Table, last_complete: date, anchor: Anchor) -> ir.Table:
    """Users none of whose entries is old enough (or whose first entry is not): they are shown apart."""
    first = marked.filter(_.position == 1).group_by("user").agg(first=_.day.min())
    return first.filter(_.first > last_complete)


def _table(counts: pd.Series, path: Sequence[str], incomplete: int) -> pd.DataFrame:
    users = counts.astype("int64").to_numpy()
    table = pd.DataFrame({"step": range(1, len(path) + 1), "event": list(path), "users": users[: len(path)]})
    previous = table["users"].shift(fill_value=int(users[0]))
    table = table.assign(lost=previous - table["users"], entry=int(users[0]), previous=previous)
    for name, base in zip(SHARES, ("entry", "previous"), strict=True):
        table = add_share(table, of="users", out_of=base, name=name)
    return table.drop(columns=["entry", "previous"]).assign(incomplete=incomplete)
