"""The chart of the campaign memory: every known effect, thin as measured, thick as the others make it likely."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.says.memory import name


def effects(table: pd.DataFrame, *, campaign_id: str, expected: pd.Series | None) -> Figure | None:
    """Relative net lift per campaign in its order; this one in the main colour, the span of a further one as a band.

    table: `analysis.memory.ranked`; expected: `analysis.memory.expected`
    """
    known = table[table["rank"].notna()].reset_index(drop=True)
    if len(known) < 2:
        return None
    fig, ax = theme.axes(height=1.3 + 0.55 * len(known))
    if expected is not None and expected["new_low"] == expected["new_low"]:
        ax.axvspan(expected["new_low"], expected["new_high"], color=theme.COLORS["band"], linewidth=0, zorder=0)
    for place, row in enumerate(known.to_dict("records")):
        color = theme.COLORS["main"] if row["campaign_id"] == campaign_id else theme.SOFT_INK
        ax.plot([row["relative_low"], row["relative_high"]], [place, place], color=color, linewidth=1.2)
        ax.plot([row["shrunk_low"], row["shrunk_high"]], [place, place], color=color, linewidth=4, alpha=0.45)
        ax.plot(row["relative"], place, marker="o", fillstyle="none", color=color, markersize=6)
        ax.plot(row["shrunk"], place, marker="o", color=color, markersize=7)
    ax.axvline(0, color=theme.INK, linewidth=1)
    labels = [f"{name(row)}\n{words.label('campaign.memory.users', n=row['users'])}" for _at, row in known.iterrows()]
    ax.set_yticks(np.arange(len(known)), labels, fontsize=10.5)
    ax.set_ylim(len(known) - 0.4, -0.6)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")
    ax.set_xlabel(words.label("campaign.memory.axis"))
    return fig
