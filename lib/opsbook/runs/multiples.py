"""The card numbers of each run over its past periods: the table behind the small lines of the index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice, takewhile
from typing import Any

from opsbook.inputs.periods import DAYS_OF_WEEK, KINDS, Period, period_of, previous
from opsbook.page.spark import DRAWN, Point
from opsbook.runs.entries import Entry


@dataclass(frozen=True)
class Series:
    """One number of one run: points are (period, value, low, high), oldest first, missing periods without a value."""

    key: str
    label: str
    unit: str
    target: float | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Multiple:
    """The series of one run, and its newest report, whose language their labels have."""

    entry: Entry
    series: tuple[Series, ...]


def multiples(entries: Sequence[Entry], *, language: str) -> list[Multiple]:
    """One multiple per run that has good reports of more than one period of the kind its newest one has."""
    runs: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        if entry.good:
            runs.setdefault(entry.run_key, []).append(entry)
    chosen = [_comparable(found, language) for found in runs.values()]
    return [made for found in chosen if len(found) > 1 and (made := _multiple(found)).series]


def _comparable(found: Sequence[Entry], language: str) -> list[Entry]:
    """Oldest first, in the language with the most periods (the reader's, of equal ones), of the newest one's kind."""
    often = Counter(entry.language for entry in found)
    spoken = max(often, key=lambda one: (often[one], one == language))
    own = sorted((entry for entry in found if entry.language == spoken), key=lambda entry: entry.period_end)
    return [entry for entry in own if entry.period_kind == own[-1].period_kind]


def _multiple(found: Sequence[Entry]) -> Multiple:
    newest = found[-1]
    told = {entry.period: {number.get("key"): number for number in entry.numbers} for entry in found}
    labels = _labels(found)
    series = (_series(number, labels, told) for number in newest.numbers)
    return Multiple(newest, tuple(one for one in series if sum(point[1] is not None for point in one.points) > 1))


def _labels(found: Sequence[Entry]) -> list[str]:
    """The periods from the first to the last, no more than are drawn; of ranges, which nothing counts, those there are.

    found: good reports of one run and kind, oldest first
    """
    if found[-1].period_kind not in KINDS:
        return [entry.period for entry in found][-DRAWN:]
    start = date.fromisoformat(found[0].period_start)
    latest = takewhile(lambda period: period.start >= start, _backwards(found[-1]))
    return [period.label for period in islice(latest, DRAWN)][::-1]


def _backwards(newest: Entry) -> Iterator[Period]:
    """The newest entry's period and, one after the other, those before it."""
    start = date.fromisoformat(newest.period_start)
    week_start = DAYS_OF_WEEK[start.weekday()]
    period = period_of(start, newest.period_kind, week_start=week_start)
    while True:
        yield period
        period = previous(period, week_start=week_start)


def _series(number: Mapping[str, Any], labels: Sequence[str], told: Mapping[str, Mapping[Any, Any]]) -> Series:
    key, unit = number.get("key"), str(number.get("unit"))
    points = tuple(_point(label, told.get(label, {}).get(key), unit) for label in labels)
    return Series(str(key), str(number.get("label", key)), unit, _plain(number.get("target")), points)


def _point(label: str, number: Mapping[str, Any] | None, unit: str) -> Point:
    """A value in another unit than the newest one has no place on its line."""
    if number is None or number.get("unit") != unit:
        return label, None, None, None
    return label, _plain(number.get("value")), _plain(number.get("low")), _plain(number.get("high"))


def _plain(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
