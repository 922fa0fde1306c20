"""Headline numbers over past periods, as the index shows them: a small line per number, its last value beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsbook.page import words
from opsbook.page.numbers import UNITS
from opsbook.page.trend import trend
from opsbook.runs.index_filters import tags
from opsbook.runs.index_names import HTML_LANG, link, say, titled
from opsbook.runs.index_shelf import Shelf
from opsbook.runs.multiples import Multiple, Series, multiples

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Line:
    """One number: name, picture, last value, lowest and highest value with their periods, all of them in words."""

    label: str
    svg: Markup
    last: str
    interval: str
    span: str


@dataclass(frozen=True)
class Strip:
    """The lines of one run, in the language of its newest report, to which it leads."""

    title: str
    lang: str
    href: str
    period: str
    tags: dict[str, str | None]
    lines: tuple[Line, ...]


def strips(shelf: Shelf) -> list[Strip]:
    """One strip per run of more than one period."""
    found = (_strip(one, shelf) for one in multiples(shelf.entries, language=shelf.language))
    return [strip for strip in found if strip.lines]


def _strip(one: Multiple, shelf: Shelf) -> Strip:
    entry, title = one.entry, titled(one.entry, shelf)
    told = tags(entry, title, *(series.label for series in one.series)) | {"data-period": None}
    with words.speaking(entry.language, currency=shelf.company(entry.company).currency):
        drawn = tuple(_line(series) for series in one.series if series.unit in UNITS)
    return Strip(title, HTML_LANG.get(entry.language, ""), link(entry, "report.html"), entry.period, told, drawn)


def _line(series: Series) -> Line:
    from markupsafe import Markup

    spec = UNITS[series.unit]
    known = [point for point in series.points if point[1] is not None]
    low, high = min(known, key=lambda point: point[1] or 0.0), max(known, key=lambda point: point[1] or 0.0)
    last = known[-1]
    return Line(
        series.label,
        # drawn by opsbook.page.spark, which escapes every word it is given
        Markup(trend(series.points, unit=series.unit, target=series.target, width=200, height=44)),
        words.show(last[1], spec),
        _interval(last[2], last[3], spec),
        say("span", low=words.show(low[1], spec), low_at=low[0], high=words.show(high[1], spec), high_at=high[0]),
    )


def _interval(low: float | None, high: float | None, spec: str) -> str:
    if low is None or high is None:
        return ""
    return words.label("page.card.interval", low=words.show(low, spec), high=words.show(high, spec))
