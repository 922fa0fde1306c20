"""A waterfall: from one number to another, one floating bar per part; whiskers are intervals, grey is no clear part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import theme


def waterfall(
    parts: pd.DataFrame,
    *,
    start: float,
    end: float,
    names: Sequence[str],
    ends: tuple[str, str],
    texts: Sequence[str],
    axis: str,
) -> tuple[Figure, Axes]:
    """Draw the parts from top to bottom between the two totals.

    parts: one row per bar, in order -- part, low, high, clear (bool); names: of the parts; ends: names of the totals;
    texts: right of the plot, for the first total, each part, and the last total; axis: what the x axis counts
    """
    fig, ax = theme.axes(height=1.5 + 0.44 * len(parts))
    floors = start + np.concatenate([[0.0], parts["part"].cumsum().to_numpy()])
    places = np.arange(len(parts) + 1, 0, -1)
    for floor, place, row in zip(floors[:-1], places[1:], parts.itertuples(index=False), strict=True):
        _step(ax, place, floor, row)
    for place, total in ((places[0], start), (0, end)):
        ax.plot([total, total], [place - 0.36, place + 0.36], color=theme.INK, linewidth=3.2, solid_capstyle="butt")
    for place, total in zip(places, floors, strict=True):
        ax.plot([total, total], [place, place - 1], color=theme.COLORS["muted"], linewidth=0.9, zorder=1)
    _name_rows(ax, [ends[0], *names, ends[1]], [*places, 0], texts)
    ax.margins(x=0.06)
    ax.set_xlabel(axis)
    return fig, ax


def _step(ax: Axes, place: float, floor: float, row: tuple[float, float, float, bool]) -> None:
    """One part as a floating bar with the interval of its end."""
    part, low, high, clear = row
    name = ("good" if part > 0 else "bad") if clear else "muted"
    ax.barh(place, part, left=floor, height=0.6, color=theme.COLORS[name])
    reach = [[part - low], [high - part]]
    ax.errorbar(floor + part, place, xerr=reach, fmt="none", ecolor=theme.INK, elinewidth=1.2, capsize=3)


def _name_rows(ax: Axes, names: Sequence[str], places: Sequence[float], texts: Sequence[str]) -> None:
    """Names left of the axis, numbers right of the plot."""
    ax.set_yticks(places, names)
    ax.set_ylim(-0.6, places[0] + 0.6)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    for place, text in zip(places, texts, strict=True):
        ax.annotate(text, (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                    va="center", fontsize=11, annotation_clip=False)  # fmt: skip
