"""Chart of notebook 02: one retention, six definitions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import theme, words


def definitions(table: pd.DataFrame) -> Figure | None:
    """Per definition a point with its interval for each age; the ages stand over the points of the first row."""
    if table.empty:
        return None
    names = list(dict.fromkeys(table["counted_as"]))
    fig, ax = theme.axes(height=1.1 + 0.75 * len(names))
    for place, age in enumerate(dict.fromkeys(table["age"])):
        cells = table[table["age"] == age]
        rows = cells["counted_as"].map(names.index).to_numpy() + 0.28 * (place - 1)
        color = (theme.COLORS["main"], theme.SOFT_INK, theme.partner())[place % 3]
        ax.hlines(rows, cells["low"], cells["high"], color=color, linewidth=2)
        ax.plot(cells["share"], rows, "o", color=color, markersize=7)
        _numbers(ax, cells, rows, color)
    ax.set_yticks(np.arange(len(names)), [words.label(f"retention.counted_as.{name}") for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(0, 1.12)
    ax.set_xlabel(words.label("common.axis.share"))
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")
    return fig


def _numbers(ax: Axes, cells: pd.DataFrame, rows: np.ndarray, color: str) -> None:
    for row, cell in zip(rows, cells.to_dict("records"), strict=True):
        text = words.label("retention.chart.definition", age=int(cell["age"]), share=cell["share"])
        ax.annotate(text, (cell["high"], row), xytext=(6, 0), textcoords="offset points", va="center",
                    color=color, fontsize=9.5)  # fmt: skip
