"""Charts of notebook 02 about roads out: what became of everybody, stacked, day by day."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.inputs.exits import SILENT, Exits
from opsbook.page import theme, words
from opsbook.page.charts.end_labels import End, end_labels
from opsbook.page.says import roads as says

ROADS = ["#d55e00", "#b87900", "#8c4a1f", "#a3507e", "#00805f", "#0a5a94"]
TICKS = (1, 2, 7, 14, 30, 60, 90, 180, 365, 3650)


def stacked(curve: pd.DataFrame, exits: Exits) -> Figure | None:
    """Shares of all roads above those still active, adding up to 1; each named at the right with its last share."""
    if curve.empty or curve["day"].max() < 1:
        return None
    wide = curve.pivot(index="day", columns="cause", values="share")
    order = [name for name in ("active", SILENT, *exits.roads) if name in wide]
    fig, ax = theme.axes(height=4.2)
    colors = _colors(order)
    ax.stackplot(wide.index, *(wide[name] for name in order), colors=colors, step="post", linewidth=0, alpha=0.9)
    top = np.cumsum(wide[order].iloc[-1].to_numpy())
    ends = []
    for name, place, color in zip(order, top - wide[order].iloc[-1].to_numpy() / 2, colors, strict=True):
        share = words.show(float(wide[name].iloc[-1]), "percent")
        text = words.label("retention.chart.road", name=says.road(exits, name), share=share)
        ends.append(End(wide.index[-1], place, text, theme.SOFT_INK if name in ("active", SILENT) else color))
    ax.set_ylim(0, 1)
    end_labels(ax, ends)
    ax.set_xlim(0, wide.index[-1])
    ax.set_xticks(range(0, int(wide.index[-1]) + 1, next(step for step in TICKS if wide.index[-1] / step <= 8)))
    ax.set_xlabel(words.label("common.axis.days_since_start"))
    ax.set_ylabel(words.label("retention.axis.roads"))
    theme.percent_axis(ax)
    ax.grid(visible=False)
    return fig


def _colors(order: list[str]) -> list[str]:
    own = iter(ROADS * 3)
    fixed = {"active": theme.COLORS["band"], SILENT: theme.COLORS["muted"]}
    return [fixed[name] if name in fixed else next(own) for name in order]
