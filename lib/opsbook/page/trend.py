"""Past values of one headline number as a line with its words: what the dots are called, and what a listener hears."""

from __future__ import annotations

from collections.abc import Sequence

from opsbook.page import words
from opsbook.page.spark import DRAWN, Point, spark
from opsbook.page.units import UNITS
from opsbook.page.words import Sentence


def trend(
    points: Sequence[Point], *, unit: str, target: float | None = None, width: int = 160, height: int = 36
) -> str:
    """The `<svg>` of `spark.spark` with names and label in the current language; "" where no value is known.

    points: (period, value, low, high) in `unit` (a key of numbers.UNITS), oldest first; a missing period has value None
    """
    sentence = trend_sentence(points, unit=unit)
    if sentence is None:
        return ""
    return spark(named(points, unit=unit), label=sentence.text(), width=width, height=height, target=target)


def named(points: Sequence[Point], *, unit: str) -> list[Point]:
    """The points with what each is called on hovering instead of its period alone."""
    return [(_named(period, value, unit), value, low, high) for period, value, low, high in points]


def trend_sentence(points: Sequence[Point], *, unit: str) -> Sentence | None:
    """`7 periods, from 12.1% (2026-04) to 13.0% (2026-10)` over the points that are drawn; None without a value."""
    known = [(period, value) for period, value, *_ in points[-DRAWN:] if value is not None]
    if not known:
        return None
    (start, first), (end, last) = known[0], known[-1]
    told = {"first": words.show(first, UNITS[unit]), "last": words.show(last, UNITS[unit])}
    return Sentence("page.trend", periods=len(known), start=start, end=end, **told)


def _named(period: str, value: float | None, unit: str) -> str:
    return "" if value is None else words.label("page.trend.point", period=period, value=words.show(value, UNITS[unit]))
