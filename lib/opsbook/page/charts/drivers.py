"""Charts of notebook 01 about a funnel's steps: differences by attribute and early event, and users who wait long."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.says.drivers import CLEAR, what

ROWS = 12


def drivers(found: pd.DataFrame) -> Figure | None:
    """Differences with intervals, the most surprising first; those beyond the correction are coloured."""
    if found.empty:
        return None
    shown = found.sort_values(["p_value", "name", "value"], kind="stable").head(ROWS).reset_index(drop=True)
    fig, ax = theme.axes(height=1.2 + 0.4 * len(shown))
    ax.axvline(0, color=theme.SOFT_INK, linewidth=1)
    for place, row in enumerate(shown.to_dict("records")):
        sign = "good" if row["difference"] > 0 else "bad"
        color = theme.COLORS[sign if row["p_adjusted"] <= CLEAR else "muted"]
        ax.plot([row["difference_low"], row["difference_high"]], [place, place], color=color, linewidth=2)
        ax.plot(row["difference"], place, marker="o", color=color, markersize=7)
    labels = [
        words.label("lifecycle.chart.drivers_label", what=what(row), n=row["group_users"])
        for row in shown.to_dict("records")
    ]
    ax.set_yticks(range(len(shown)), labels, fontsize=10.5)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    ax.xaxis.set_major_formatter(lambda value, _place: words.show(round(100 * value, 6), "signed_number"))
    ax.set_xlabel(words.label("lifecycle.chart.drivers_difference"))
    return fig


def ageing(table: pd.DataFrame, *, names: Mapping[str, str]) -> Figure | None:
    """Per step the share of standing users who wait longer than usual, with interval."""
    shown = table[table["share_overdue"].notna()].reset_index(drop=True)
    if shown.empty:
        return None
    fig, ax = theme.axes(height=1.0 + 0.62 * len(shown))
    places, share = np.arange(len(shown)), shown["share_overdue"].to_numpy(float)
    ax.barh(places, share, height=0.6, color=theme.COLORS["main"])
    reach = [share - shown["share_overdue_low"], shown["share_overdue_high"] - share]
    ax.errorbar(share, places, xerr=np.clip(reach, 0, None), fmt="none", ecolor=theme.INK, elinewidth=1.1, capsize=2)
    labels = [
        words.label(
            "lifecycle.chart.ageing_label",
            step=names.get(row["event"], row["event"]),
            n=row["standing"],
            slow=row["slow_after_days"],
        )
        for row in shown.to_dict("records")
    ]
    ax.set_yticks(places, labels, fontsize=10.5)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x")
    theme.percent_axis(ax, axis="x")
    ax.set_xlabel(words.label("lifecycle.chart.ageing_share"))
    return fig
