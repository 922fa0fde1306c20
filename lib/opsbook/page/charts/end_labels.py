"""Names at the ends of lines and bars, moved as little as keeps them apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from opsbook.page import theme

LINE = 15.0  # points that a label needs
PLOT = 0.78  # of a figure's height, what ticks and axis labels leave


class End(NamedTuple):
    """Where a line ends, and what it is called."""

    x: Any
    y: float
    text: str
    color: str


def end_labels(ax: Axes, ends: Sequence[End]) -> None:
    """Write the names right of the ends, none over another; the limits of the y axis must have been set."""
    low, high = ax.get_ylim()
    figure = ax.get_figure(root=True)
    inches = figure.get_figheight() if isinstance(figure, Figure) else 3.6
    gap = LINE / (72 * inches * PLOT) * (high - low)
    places = apart([end.y for end in ends], gap, floor=low + gap / 4, ceiling=high)
    for end, place in zip(ends, places, strict=True):
        theme.label_line(ax, end.x, place, end.text, end.color)


def apart(heights: Sequence[float], gap: float, *, floor: float = -np.inf, ceiling: float = np.inf) -> list[float]:
    """The heights, moved as little (least squares) as keeps them a gap apart and, where they fit, inside the limits.

    Less the room below them, places must not fall: an isotonic regression. In the order of the heights given.
    """
    values = np.asarray(heights, dtype=float)
    if not len(values):
        return []
    order, room = np.argsort(values, kind="stable"), gap * np.arange(len(values))
    free = isotonic_regression(values[order] - room).x
    placed = np.empty_like(values)
    placed[order] = np.maximum(np.minimum(free, ceiling - room[-1]), floor) + room
    return placed.tolist()
