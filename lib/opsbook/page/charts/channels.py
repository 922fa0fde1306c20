"""Chart of notebook 03 about channels: cost per new user, and per new user who came and stayed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.says.channels import group

MARKS = {"effective_cac": ("o", "main", 0.14), "cac": ("D", "muted", -0.14)}


def cac(table: pd.DataFrame) -> Figure | None:
    """Per channel both prices with their intervals, the dearest on top."""
    known = table.dropna(subset=["effective_cac"]).sort_values("effective_cac", kind="stable").reset_index(drop=True)
    if len(known) < 2:
        return None
    fig, ax = theme.axes(height=1.4 + 0.55 * len(known))
    places = np.arange(len(known))
    for name, (mark, color, offset) in MARKS.items():
        ends = np.clip([known[name] - known[f"{name}_low"], known[f"{name}_high"] - known[name]], 0, None)
        ax.errorbar(known[name], places + offset, xerr=ends, fmt=mark, color=theme.COLORS[color], capsize=3,
                    markersize=7, label=words.label(f"campaign.column.{name}"))  # fmt: skip
    counted = [
        f"{words.named(str(group(row['channel'])))} (n = {words.show(row['new_users'], 'whole')})"
        for row in known.to_dict("records")
    ]
    ax.set_yticks(places, counted)
    ax.set_ylim(-0.6, len(known) - 0.4)
    ax.set_xlim(left=0)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.legend(loc="lower right", frameon=False)
    theme.money_axis(ax, "x")
    return fig
