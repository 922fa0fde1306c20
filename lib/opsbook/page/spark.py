"""A line the size of a word: past values of one number as a tiny inline SVG, table in, picture out.

It needs no style sheet: everything is drawn in the colour of the text around it, so that it stands out on dark paper
and in print alike. Its classes (spark, band, target, line, low, high, last) let a page say more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise

Point = tuple[str, float | None, float | None, float | None]
DRAWN = 26  # half a year of weeks, two years of months: more can hardly be told apart, and weigh too much
FINE = 2  # drawn on half pixels: whole numbers are short, and nobody sees less
EDGE = 4 * FINE  # what the dots need around the line
THIN = 3  # half the width of an interval that stands alone


@dataclass(frozen=True)
class _Placed:
    """A point of the picture: what it is called, its value, and where value, low and high end stand."""

    name: str
    value: float
    x: int
    y: int
    ends: tuple[int, int] | None


def spark(
    points: Sequence[Point], *, label: str, width: int = 160, height: int = 36, target: float | None = None
) -> str:
    """The newest DRAWN points as one `<svg>`: line, interval band, hollow dots at low and high, full dot at the last.

    points: (what the point is called on hovering: "2026-10: 12.1%", value, low, high), oldest first, evenly spaced; a
            point without a value is a gap, one without both ends of its interval has no band
    label:  the sentence that a reader who does not see it hears; width, height: pixels; target: drawn as a dashed line
    returns: "" where no value is known
    """
    kept, goal = [_clean(point) for point in points[-DRAWN:]], _finite(target)
    down = _down(kept, goal, FINE * height)
    placed = _placed(kept, FINE * width, down)
    runs = list(_runs(placed))
    if not runs:
        return ""
    aim = "" if goal is None else _aim(down(goal), FINE * width)
    shapes = _band(placed) + aim + _line(runs) + "".join(_dots([point for run in runs for point in run]))
    return (
        f'<svg class="spark" role="img" aria-label="{escape(label, quote=True)}" width="{width}" height="{height}"'
        f' viewBox="0 0 {FINE * width} {FINE * height}" fill="none" stroke="currentColor" stroke-width="3"'
        f' stroke-linecap="round" stroke-linejoin="round">{shapes}</svg>'
    )


def _finite(value: float | None) -> float | None:
    """What cannot be drawn is not there."""
    return value if value is not None and math.isfinite(value) else None


def _clean(point: Point) -> Point:
    name, value, low, high = point
    return name, _finite(value), _finite(low), _finite(high)


def _placed(points: Sequence[Point], width: int, down: Callable[[float], int]) -> list[_Placed | None]:
    """Where each point stands, None for a gap; a single one stands at the right, where the last always is."""
    steps = max(1, len(points) - 1)
    behind = steps - len(points) + 1
    across = [EDGE + round((width - 2 * EDGE) * (place + behind) / steps) for place in range(len(points))]
    return [_placed_one(point, x, down) for point, x in zip(points, across, strict=True)]


def _placed_one(point: Point, x: int, down: Callable[[float], int]) -> _Placed | None:
    name, value, low, high = point
    if value is None:
        return None
    return _Placed(name, value, x, down(value), None if low is None or high is None else (down(low), down(high)))


def _down(points: Sequence[Point], goal: float | None, height: int) -> Callable[[float], int]:
    """From a value to its height in the picture: all that is drawn fits, and what is constant stands in the middle."""
    seen = [number for point in points for number in _drawn(point)] + ([] if goal is None else [goal])
    bottom, top = (min(seen), max(seen)) if seen else (0.0, 0.0)
    extent = top / 2 - bottom / 2  # in halves, since the largest floats have no distance

    def down(value: float) -> int:
        share = (value / 2 - bottom / 2) / extent if extent else 0.5
        return EDGE + round((height - 2 * EDGE) * (1 - share))

    return down


def _drawn(point: Point) -> list[float]:
    """The value of a point, with its interval where it has one."""
    _, value, low, high = point
    if value is None:
        return []
    return [value] if low is None or high is None else [value, low, high]


def _runs(placed: Sequence[_Placed | None], *, banded: bool = False) -> Iterator[list[_Placed]]:
    """Points that follow each other without a gap; with `banded` only those that have an interval."""
    for there, run in groupby(placed, key=lambda point: point is not None and not (banded and point.ends is None)):
        if there:
            yield [point for point in run if point]


def _line(runs: Sequence[Sequence[_Placed]]) -> str:
    return f'<path class="line" d="{"".join(_path([(point.x, point.y) for point in run]) for run in runs)}"/>'


def _band(placed: Sequence[_Placed | None]) -> str:
    outlines = "".join(_outline(run) for run in _runs(placed, banded=True))
    return f'<path class="band" fill="currentColor" stroke="none" opacity=".16" d="{outlines}"/>' if outlines else ""


def _outline(run: Sequence[_Placed]) -> str:
    """Along the low ends there and along the high ends back."""
    ends = [(point.x, *point.ends) for point in run if point.ends]
    if len(ends) == 1:
        ((x, low, high),) = ends
        ends = [(x - THIN, low, high), (x + THIN, low, high)]
    return _path([(x, low) for x, low, _ in ends] + [(x, high) for x, _, high in reversed(ends)]) + "z"


def _aim(y: int, width: int) -> str:
    path = f"M{EDGE} {y}h{width - 2 * EDGE}"
    return f'<path class="target" stroke-width="2" stroke-dasharray="2 6" d="{path}"/>'


def _dots(known: Sequence[_Placed]) -> Iterator[str]:
    """The lowest and the highest value, of equal ones the first, none of a constant; and the last."""
    low, high = min(known, key=lambda point: point.value), max(known, key=lambda point: point.value)
    if low.value < high.value:
        yield _dot("low", low, 'r="4" stroke-width="2"')
        yield _dot("high", high, 'r="4" stroke-width="2"')
    yield _dot("last", known[-1], 'r="5" fill="currentColor"')


def _dot(kind: str, point: _Placed, look: str) -> str:
    title = f"<title>{escape(point.name)}</title>" if point.name else ""
    return f'<circle class="{kind}" cx="{point.x}" cy="{point.y}" {look}>{title}</circle>'


def _path(places: Sequence[tuple[int, int]]) -> str:
    """Steps from place to place, which are short to write; a lone place is a dot, by the round end of its line."""
    (x, y), *_ = places
    steps = [str(end - start) for one, other in pairwise(places) for start, end in zip(one, other, strict=True)]
    written = "".join(step if step.startswith("-") or not place else f" {step}" for place, step in enumerate(steps))
    return f"M{x} {y}" + (f"l{written}" if steps else "h0")
