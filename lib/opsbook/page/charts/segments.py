"""Charts about named segments: who came back, against everybody else; who took part in a campaign."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.inputs.segments import Segment
from opsbook.page import theme, words
from opsbook.page.says import segments as says


def returning(table: pd.DataFrame, segments: Mapping[str, Segment]) -> Figure | None:
    """Per segment the share that came back with its interval, and the same of everybody else beside it."""
    if table.empty or not table["complete"].all():
        return None
    key = ("lifecycle.chart.segment_own", "lifecycle.chart.segment_rest")
    return _against_rest(
        table, segments, share="share_returned", n="users", xlabel="lifecycle.chart.came_back", key=key
    )


def campaign(table: pd.DataFrame, segments: Mapping[str, Segment]) -> Figure | None:
    """Per segment the share that took part with its interval, and the same of everyone as a line."""
    own = table[table["segment"] != "everyone"]
    key = ("lifecycle.chart.segment_own", "lifecycle.chart.segment_rest")
    rest = own["share_participants"] - own["difference"]
    shown = own.assign(share_rest=rest)
    return _against_rest(
        shown, segments, share="share_participants", n="base", xlabel="campaign.chart.segment_share", key=key
    )


def _against_rest(
    table: pd.DataFrame, segments: Mapping[str, Segment], *, share: str, n: str, xlabel: str, key: tuple[str, str]
) -> Figure | None:
    rows = table[table[share].notna()].reset_index(drop=True)
    if rows.empty:
        return None
    places = np.arange(len(rows))[::-1]
    fig, ax = theme.axes(height=1.5 + 0.55 * len(rows))
    ax.hlines(places, rows[["share_rest", share]].min(axis=1), rows[["share_rest", share]].max(axis=1),
              color=theme.COLORS["band"], linewidth=2, zorder=1)  # fmt: skip
    ax.plot(rows["share_rest"], places, "D", color=theme.SOFT_INK, fillstyle="none", markersize=8, markeredgewidth=1.6)
    reach = np.clip([rows[share] - rows[f"{share}_low"], rows[f"{share}_high"] - rows[share]], 0, None)
    ax.errorbar(rows[share], places, xerr=reach, fmt="o", color=theme.COLORS["main"], markersize=7, capsize=3)
    for place, value, end in zip(places, rows[share], rows[f"{share}_high"], strict=True):
        right = max(float(end), float(rows["share_rest"].iloc[len(rows) - 1 - place]))
        theme.label_line(ax, right + 0.01, place, words.show(value, "percent"), theme.COLORS["main"])
    names = [str(says.name(segments, name)) for name in rows["segment"]]
    users = [words.label("lifecycle.chart.n", n=count) for count in rows[n]]
    ax.set_yticks(places, [f"{name}\n{count}" for name, count in zip(names, users, strict=True)], fontsize=10.5)
    ax.set_ylim(-0.6, len(rows) - 0.1)
    ax.set_xlim(left=0)
    ax.margins(x=0.14)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")
    ax.set_xlabel(words.label(xlabel))
    for place, (text, color) in enumerate(zip(key, (theme.COLORS["main"], theme.SOFT_INK), strict=True)):
        ax.annotate(words.label(text), (place, 1.0), xycoords="axes fraction", xytext=(0, 4), va="bottom",
                    textcoords="offset points", ha="right" if place else "left", color=color, fontsize=11.5,
                    fontweight="bold")  # fmt: skip
    return fig
