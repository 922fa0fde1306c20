"""Wall-clock times of a zone to UTC, as plain arithmetic the engine does in passing.

A zone function per row costs fifteen times as much as subtracting an offset; the changes of offset of a
zone are few, so they are looked up once and searched by halving.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

FIRST, LAST = datetime(1990, 1, 1), datetime(2100, 1, 1)


def utc_from_local(local: str, zone: str) -> str:
    """SQL for the naive UTC instant of the naive wall-clock timestamp `local` (an SQL expression) in the zone.

    An hour that a clock shows twice is read as its first passing; an hour that a clock skips is read with the
    offset before the change (02:30 becomes 03:30 summer time): Python's fold=0, in both cases.
    """
    return f"({local} - {_search(local, list(_offsets(zone)))})"


def start_of_day(day: datetime, zone: str) -> datetime:
    """The naive UTC instant at which the calendar day begins in the zone."""
    return day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


@lru_cache
def _offsets(zone: str) -> tuple[tuple[datetime, timedelta], ...]:
    """Pairs (first wall-clock time with the offset, offset) from 1990 to 2100, in time order."""
    info = ZoneInfo(zone)
    pairs, week = [(datetime.min, _offset(info, FIRST))], FIRST
    while week < LAST:
        following = week + timedelta(days=7)
        before, after = _offset(info, week), _offset(info, following)
        if before != after:
            pairs.append((_change(info, week, following) + max(before, after), after))
        week = following
    return tuple(pairs)


def _change(info: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The first UTC second with the new offset."""
    old = _offset(info, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _offset(info, middle) == old else (before, middle)
    return after


def _offset(info: ZoneInfo, instant: datetime) -> timedelta:
    return instant.replace(tzinfo=UTC).astimezone(info).utcoffset() or timedelta()


def _search(local: str, pairs: list[tuple[datetime, timedelta]]) -> str:
    if len(pairs) == 1:
        return f"INTERVAL ({int(pairs[0][1].total_seconds())}) SECOND"
    half = len(pairs) // 2
    start = f"TIMESTAMP '{pairs[half][0]:%Y-%m-%d %H:%M:%S}'"
    return f"CASE WHEN {local} < {start} THEN {_search(local, pairs[:half])} ELSE {_search(local, pairs[half:])} END"
