"""Charts of notebook 02 about users at risk: predicted against observed, and who finds more leavers sooner."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import colors, theme, words

RANKINGS = {"model": "main", "recency": "warn"}


def calibration(bands: pd.DataFrame) -> Figure | None:
    """Each band of risk: its predicted share, its observed share with the Wilson interval, and the line of equality."""
    if bands.empty:
        return None
    fig, ax = theme.axes(height=4.2)
    top = min(1.0, 1.08 * float(bands[["predicted", "high"]].to_numpy().max()))
    ax.plot([0, top], [0, top], color=theme.COLORS["target"], linewidth=1.2, linestyle=(0, (5, 3)))
    reach = np.clip([bands["observed"] - bands["low"], bands["high"] - bands["observed"]], 0, None)
    ax.errorbar(bands["predicted"], bands["observed"], yerr=reach, fmt="o", color=theme.COLORS["main"], markersize=7,
                elinewidth=1.6, capsize=3, zorder=3)  # fmt: skip
    for place, row in enumerate(bands.sort_values("predicted").to_dict("records")):
        text = words.label("retention.chart.risk_n", n=row["users"])
        shift = (9, -4 if place else -13)  # the lowest bands lie close together
        ax.annotate(text, (row["predicted"], row["observed"]), xytext=shift, textcoords="offset points",
                    color=theme.SOFT_INK, fontsize=10, path_effects=theme.HALO, zorder=4)  # fmt: skip
    ax.annotate(words.label("retention.chart.as_predicted"), (0.97 * top, 0.97 * top), xytext=(-6, 4), ha="right",
                textcoords="offset points", color=theme.INK, fontsize=10.5, path_effects=theme.HALO)  # fmt: skip
    _shares(ax, "retention.axis.risk_predicted", "retention.axis.risk_observed")
    return fig


def lift(curve: pd.DataFrame, at: pd.DataFrame) -> Figure | None:
    """Share of the leavers found among the first users of each ranking; the line marks today's capacity."""
    if curve.empty:
        return None
    fig, ax = theme.axes(height=4.2)
    ax.plot([0, 1], [0, 1], color=theme.COLORS["muted"], linewidth=1.2, linestyle=(0, (2, 2)))
    ax.annotate(words.label("retention.chart.at_random"), (0.7, 0.7), xytext=(6, -12), textcoords="offset points",
                color=theme.SOFT_INK, fontsize=10.5)  # fmt: skip
    for number, (name, own) in enumerate(curve.groupby("ranking", sort=False)):
        color = theme.COLORS[RANKINGS[str(name)]]
        ax.plot(np.r_[0, own["share_users"]], np.r_[0, own["share_found"]], color=color, linewidth=2.2,
                linestyle="-" if name == "model" else (0, (6, 2)))  # fmt: skip
        ax.annotate(words.label(f"retention.chart.by_{name}"), (0.98, 0.16 - 0.08 * number), ha="right",
                    xycoords="axes fraction", color=colors.readable(color, colors.LIGHT), fontsize=11.5,
                    fontweight="bold")  # fmt: skip
    if len(at):
        _capacity(ax, float(at["share_users"].iloc[0]))
    _shares(ax, "retention.axis.users_first", "retention.axis.leavers_found")
    theme.percent_axis(ax, "x")
    return fig


def _capacity(ax: Axes, share: float) -> None:
    ax.axvline(share, color=theme.SOFT_INK, linewidth=1, linestyle=":")
    ax.annotate(words.label("retention.chart.capacity"), (share, 1.0), xytext=(5, -2), textcoords="offset points",
                va="top", color=theme.SOFT_INK, fontsize=10.5, path_effects=theme.HALO)  # fmt: skip


def _shares(ax: Axes, x: str, y: str) -> None:
    ax.set_xlim(0, None)
    ax.set_ylim(0, None)
    ax.set_xlabel(words.label(x))
    ax.set_ylabel(words.label(y))
    theme.percent_axis(ax)
    theme.percent_axis(ax, "x")
