"""Calendar arithmetic in the workbook's zone: which days a period has, and which one comes before it."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from opsbook.errors import ParameterError

KINDS = ("day", "week", "month", "quarter")
DAYS_OF_WEEK = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
FORMS = "2026-10-31, 2026-W41, 2026-10, 2026-Q4, 2026-10-01..2026-10-31, last-day, last-week, last-month, last-quarter"


@dataclass(frozen=True, order=True)
class Period:
    """Inclusive calendar days `start`..`end` in the workbook's zone; `label` names the output folder."""

    start: date
    end: date
    kind: str
    label: str

    @property
    def days(self) -> int:
        """Number of calendar days, both ends counted."""
        return (self.end - self.start).days + 1

    def contains(self, day: date) -> bool:
        """Whether the day lies in the period."""
        return self.start <= day <= self.end


def parse_period(text: str, *, as_of: date, week_start: str = "monday") -> Period:
    """Read a period such as 2026-10, 2026-W41, 2026-Q4, 2026-10-01..2026-10-14 or last-month.

    `last-*` is the last period that is complete at `as_of`, the last complete day of data.
    raises: ParameterError for any other form, an impossible date, or an end before the start.
    """
    text = text.strip()
    try:
        if text.removeprefix("last-") in KINDS and text.startswith("last-"):
            return last_complete(text.removeprefix("last-"), as_of=as_of, week_start=week_start)
        if ".." in text:
            return between(*(date.fromisoformat(part) for part in text.split("..", 1)))
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return _day(date.fromisoformat(text))
        if match := re.fullmatch(r"(\d{4})-W(\d{2})", text):
            return _numbered_week(int(match[1]), int(match[2]), week_start)
        if match := re.fullmatch(r"(\d{4})-(\d{2})", text):
            return period_of(date(int(match[1]), int(match[2]), 1), "month")
        if match := re.fullmatch(r"(\d{4})-Q([1-4])", text):
            return period_of(date(int(match[1]), 3 * int(match[2]) - 2, 1), "quarter")
    except ValueError as wrong:
        raise ParameterError(f"`{text}` is not a period", found=str(wrong), fix=f"write one of {FORMS}") from wrong
    raise ParameterError(f"`{text}` is not a period", fix=f"write one of {FORMS}")


def between(start: date, end: date) -> Period:
    """The days from start to end, both included; raises ParameterError when the end comes first."""
    if end < start:
        raise ParameterError("A period cannot end before it starts", found=f"{start} .. {end}", fix="swap the two days")
    return Period(start, end, "range", f"{start}_{end}")


def period_of(day: date, kind: str, *, week_start: str = "monday") -> Period:
    """The day, week, month or quarter that holds the day; raises ParameterError for another kind."""
    if kind == "day":
        return _day(day)
    if kind == "week":
        return _week_from(day - timedelta(days=(day.weekday() - DAYS_OF_WEEK.index(week_start)) % 7))
    if kind == "month":
        last = calendar.monthrange(day.year, day.month)[1]
        return Period(day.replace(day=1), day.replace(day=last), "month", f"{day:%Y-%m}")
    if kind == "quarter":
        quarter = (day.month - 1) // 3 + 1
        end = period_of(date(day.year, 3 * quarter, 1), "month").end
        return Period(date(day.year, 3 * quarter - 2, 1), end, "quarter", f"{day.year:04d}-Q{quarter}")
    raise ParameterError(f"`{kind}` is not a kind of period", fix="use day, week, month or quarter")


def last_complete(kind: str, *, as_of: date, week_start: str = "monday") -> Period:
    """The last day, week, month or quarter whose final day is not after `as_of`."""
    current = period_of(as_of, kind, week_start=week_start)
    return current if current.end == as_of else previous(current, week_start=week_start)


def previous(period: Period, *, week_start: str = "monday") -> Period:
    """The period of the same kind just before; for a range, as many days just before."""
    before = period.start - timedelta(days=1)
    if period.kind == "range":
        return between(before - timedelta(days=period.days - 1), before)
    return period_of(before, period.kind, week_start=week_start)


def same_last_year(period: Period, *, week_start: str = "monday") -> Period:
    """The period a year earlier: same month or quarter; weeks, days and ranges 364 days earlier (same weekdays)."""
    if period.kind in ("month", "quarter"):
        return period_of(date(period.start.year - 1, period.start.month, 1), period.kind)
    shift = timedelta(days=364)
    if period.kind == "range":
        return between(period.start - shift, period.end - shift)
    return period_of(period.start - shift, period.kind, week_start=week_start)


def periods_between(start: date, end: date, kind: str, *, week_start: str = "monday") -> Iterator[Period]:
    """Every complete period of the kind inside start..end, oldest first: what a backfill runs."""
    current = period_of(start, kind, week_start=week_start)
    if current.start < start:
        current = period_of(current.end + timedelta(days=1), kind, week_start=week_start)
    while current.end <= end:
        yield current
        current = period_of(current.end + timedelta(days=1), kind, week_start=week_start)


def yesterday(zone: str, now: datetime) -> date:
    """The last complete calendar day in the zone at the instant `now` (which must carry an offset)."""
    return now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)


def _day(day: date) -> Period:
    return Period(day, day, "day", day.isoformat())


def _numbered_week(year: int, week: int, week_start: str) -> Period:
    """Week `week` of `year`: the one with the number's Thursday-rule, counted from the chosen first day."""
    monday = date.fromisocalendar(year, week, 1)
    return period_of(monday, "week", week_start=week_start) if week_start == "monday" else _shifted(monday, week_start)


def _shifted(monday: date, week_start: str) -> Period:
    """The week starting on another day whose fourth day lies in the ISO week that starts on `monday`."""
    for shift in range(-3, 4):
        start = monday + timedelta(days=shift)
        if start.weekday() == DAYS_OF_WEEK.index(week_start):
            return _week_from(start)
    raise ValueError(week_start)


def _week_from(start: date) -> Period:
    """Named after the ISO week of the week's fourth day, so that labels are unique for any first day."""
    year, week, _ = (start + timedelta(days=3)).isocalendar()
    return Period(start, start + timedelta(days=6), "week", f"{year:04d}-W{week:02d}")
