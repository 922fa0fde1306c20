"""Chart of notebook 03 about the pace of a campaign towards its goals."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import theme, words

SHOWN = 3


def pace(path: pd.DataFrame, table: pd.DataFrame, *, running: bool) -> Figure | None:
    """Per goal the running total so far, the way to the end with its band, and the target; the first three goals.

    Of a campaign that is over the table says enough.
    """
    known = table[table["forecast"].notna()].head(SHOWN)
    if known.empty or not running:
        return None
    fig, grid = theme.panels(len(known), 1, height=1.0 + 2.1 * len(known), sharex=True)
    for ax, row in zip(grid[:, 0], known.to_dict("records"), strict=True):
        _panel(ax, path[path["metric"] == row["metric"]].reset_index(drop=True), row["target"], row["came"])
        ax.set_title(words.label(f"campaign.goal.{row['metric']}"), loc="left", fontsize=12)
    theme.date_axis(grid[-1, 0])
    return fig


def _panel(ax: Axes, days: pd.DataFrame, target: float, came: float) -> None:
    when, main = theme.days_of(days["day"]), theme.COLORS["main"]
    ax.fill_between(when, days["low"], days["high"], color=main, alpha=0.2, linewidth=0)
    ax.plot(when, days["forecast"], color=main, linestyle=(0, (4, 2)))
    ax.plot(when, days["actual"], color=main, marker="o", markersize=3.5)
    if not pd.isna(target):
        ax.plot(when, days["due"], color=theme.COLORS["expected"], linewidth=1.2)
        theme.target_line(ax, target, words.label("campaign.pace_chart.target"))
    if not pd.isna(came):
        ax.plot(when[-1], came, marker="D", color=theme.INK, markersize=6, linestyle="none")
    tops = [days["high"].max(), 0.0 if pd.isna(target) else target, 0.0 if pd.isna(came) else came]
    ax.set_ylim(0, 1.12 * float(max(tops)))
    theme.count_axis(ax)
