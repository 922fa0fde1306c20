"""Instants to wall-clock time of the workbook's zone, as plain interval arithmetic the engine does in passing.

A zone function per row costs sixteen times as much as adding an interval, and not every backend has one;
the few changes of offset inside the data's span are looked up once, here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir


def local_time(at: ir.TimestampValue, zone: ZoneInfo, *, first: datetime, last: datetime) -> ir.TimestampValue:
    """The naive UTC instant as wall-clock time in the zone; right for every instant from `first` to `last`."""
    changes = offset_changes(zone, first=first, last=last)
    branches = [(at < until, at + _interval(offset)) for until, offset in changes[:-1]]
    final = at + _interval(changes[-1][1])
    return ibis.cases(*branches, else_=final) if branches else final


def offset_changes(zone: ZoneInfo, *, first: datetime, last: datetime) -> list[tuple[datetime, timedelta]]:
    """Pairs (naive UTC end, UTC offset) in time order that cover first..last; the last pair has no real end."""
    pairs, day = [], first
    while day < last:
        following = min(day + timedelta(days=1), last)
        if _offset(zone, day) != _offset(zone, following):
            pairs.append((_bisect(zone, day, following), _offset(zone, day)))
        day = following
    return [*pairs, (last, _offset(zone, last))]


def utc_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The naive UTC instant of a wall-clock time (the first one where a clock turns back)."""
    return local.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _bisect(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first second with the new offset."""
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(zone, middle) == _offset(zone, before) else (before, middle)
    return after


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()


def _interval(offset: timedelta) -> ir.IntervalScalar:
    return ibis.interval(seconds=int(offset.total_seconds()))
