"""The chart of attribution: per channel its share of conversions by each rule, and the span between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words

MARKS = {"last": ("s", "warn"), "shapley": ("o", "main")}  # the usual rule, and the one that is fair to all met
MOST = 10


def attribution(credits: pd.DataFrame) -> Figure | None:
    """The ten channels with most credit: a line from the lowest of all rules to the highest, last touch and Shapley."""
    total = float(credits["linear"].sum())
    if len(credits) < 2 or not total > 0:
        return None
    shown = credits.head(MOST).reset_index(drop=True)
    fig, ax = theme.axes(height=1.9 + 0.5 * len(shown))
    places = np.arange(len(shown))
    ax.hlines(
        places, shown["lowest"] / total, shown["highest"] / total, color=theme.COLORS["band"], linewidth=5, zorder=1
    )
    for method, (mark, color) in MARKS.items():
        label = words.label(f"campaign.rule_of_credit.{method}")
        ax.plot(shown[method] / total, places, mark, color=theme.COLORS[color], markersize=8, label=label, zorder=3)
    names = [f"{words.named(str(c))} (n = {words.show(int(n), 'whole')})"
             for c, n in zip(shown["channel"], shown["touched"], strict=True)]  # fmt: skip
    ax.set_yticks(places, names)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")
    ax.set_xlabel(words.label("campaign.axis.credit"))
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.4, -0.9 / (1.9 + 0.5 * len(shown))), ncols=4, frameon=False, fontsize=9.5
    )
    return fig
