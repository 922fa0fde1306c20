"""Chart of notebook 02: how many more or fewer days each segment stays than the rest."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.charts.retention import level_name

ROW, PER = 0.45, 100


def against_rest(table: pd.DataFrame, *, by: str, clear: float = 0.05) -> Figure | None:
    """Days per hundred users against all the others with interval; grey where Holm finds no clear difference."""
    shown = table.dropna(subset=["low"]).iloc[::-1]
    if len(shown) < 2:
        return None
    fig, ax = theme.axes(height=1.0 + ROW * len(shown))
    for place, row in enumerate(shown.to_dict("records")):
        color = theme.COLORS["muted" if row["p_holm"] >= clear else "good" if row["difference"] > 0 else "bad"]
        ax.plot([PER * row["low"], PER * row["high"]], [place, place], color=color, linewidth=2)
        ax.plot(PER * row["difference"], place, "o", color=color, markersize=7)
    ax.axvline(0, color=theme.INK, linewidth=1)
    rows = shown.to_dict("records")
    names = [f"{level_name(by, str(row['segment']))}, n = {row['users']:,}" for row in rows]
    ax.set_yticks(range(len(shown)), names)
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlabel(words.label("retention.axis.days_per_hundred", hundred=PER))
    return fig
