"""Charts of notebook 02 on staying beyond the data, risk by age and stage, and the moment to act."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from opsbook.analysis.proportion import Estimate
from opsbook.page import theme, words

STAGE_HEIGHT = 0.5


def beyond(curve: pd.DataFrame, carried: pd.DataFrame, *, model: str) -> Figure | None:
    """What was observed, and the formula carried on from there with its band; beyond the data the ground is grey."""
    if curve.empty or carried.empty:
        return None
    fig, ax = theme.axes(height=3.8)
    end, last = float(curve["day"].max()), float(carried["day"].max())
    theme.shade(ax, end, last, words.label("retention.chart.beyond"))
    ahead = carried[carried["day"] >= end]
    ax.fill_between(ahead["day"], ahead["low"], ahead["high"], color=theme.SERIES[0], alpha=0.18, linewidth=0)
    ax.plot(carried["day"], carried["active"], color=theme.SERIES[0], linestyle="--")
    ax.step(curve["day"], curve["active"], where="post", color=theme.COLORS["main"])
    name = words.label("retention.chart.fitted", model=words.label(f"retention.model.{model}"))
    share = words.show(float(carried["active"].iloc[-1]), "percent")
    theme.label_line(ax, last, float(carried["active"].iloc[-1]), f"{name} {share}", theme.SERIES[0])
    ax.set_xlim(0, last)
    ax.set_ylim(0, 1.02)
    return _labelled(fig, "common.axis.days_since_start", "retention.axis.not_churned")


def hazard(table: pd.DataFrame) -> Figure | None:
    """Risk of leaving per day by week of life, with its interval."""
    if len(table) < 2:
        return None
    fig, ax = theme.axes(height=3.4)
    middle = (table["from_day"] + table["to_day"]) / 2
    ax.fill_between(middle, table["low"], table["high"], color=theme.COLORS["main"], alpha=0.18, linewidth=0)
    ax.plot(middle, table["hazard_per_day"], color=theme.COLORS["main"], marker="o", markersize=4)
    ax.set_xlim(0, float(table["to_day"].max()) + 1)
    ax.set_ylim(0, 1.05 * float(table["high"].max()))
    return _labelled(fig, "common.axis.days_since_start", "retention.axis.risk_per_day")


def stages(table: pd.DataFrame, *, min_cell: int) -> Figure | None:
    """Share of each stage's users who were not seen again in time."""
    shown = table[table["users"] >= min_cell] if len(table) else table
    if len(shown) < 2:
        return None
    fig, ax = theme.axes(height=1.0 + STAGE_HEIGHT * len(shown))
    for place, row in enumerate(shown.iloc[::-1].to_dict("records")):
        ax.plot([row["share_low"], row["share_high"]], [place, place], color=theme.COLORS["main"], linewidth=2)
        ax.plot(row["share"], place, "o", color=theme.COLORS["main"], markersize=7)
        ax.annotate(words.show(row["share"], "percent"), (row["share_high"], place), xytext=(8, 0),
                    textcoords="offset points", va="center")  # fmt: skip
    named = [f"{words.label('common.stage.' + row['stage'])}, n = {row['users']:,}" for row in shown.to_dict("records")]
    ax.set_yticks(range(len(shown)), named[::-1])
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlim(0, min(1.0, 1.15 * float(shown["share_high"].max()) + 0.05))
    ax.set_xlabel(words.label("retention.axis.stage_left"))
    theme.percent_axis(ax, "x")
    return fig


def windows(table: pd.DataFrame, *, most: int = 13) -> Figure | None:
    """Leavers per day by week of life; the window that stands out is drawn in the main colour."""
    if len(table) < 2:
        return None
    shown = table.head(most)
    fig, ax = theme.axes(height=3.4)
    low = (shown["leavers_per_day"] - shown["leavers_low"]).fillna(0)
    high = (shown["leavers_high"] - shown["leavers_per_day"]).fillna(0)
    colors = [theme.COLORS["main" if one else "muted"] for one in shown["stands_out"]]
    ax.bar(range(len(shown)), shown["leavers_per_day"], yerr=[low, high], color=colors, ecolor=theme.INK, width=0.8)
    ax.set_xticks(range(len(shown)), [f"{a}–{b}" for a, b in zip(shown["from_day"], shown["to_day"], strict=True)])
    ax.tick_params(axis="x", labelsize=9)
    ax.set_xlabel(words.label("retention.axis.window"))
    ax.set_ylabel(words.label("retention.axis.leavers_per_day"))
    return fig


def silences(table: pd.DataFrame, turn: Estimate) -> Figure | None:
    """Share of the silent who stay away, by days of silence; the turning point is marked."""
    if len(table) < 2:
        return None
    fig, ax = theme.axes(height=3.4)
    ax.fill_between(table["silent_days"], table["gone_low"], table["gone_high"], color=theme.COLORS["main"], alpha=0.18,
                    linewidth=0)  # fmt: skip
    ax.plot(table["silent_days"], table["gone"], color=theme.COLORS["main"])
    theme.target_line(ax, 0.5)
    if pd.notna(turn.value):
        ax.axvline(turn.value, color=theme.COLORS["bad"], linewidth=1.4)
        ax.annotate(words.label("retention.chart.turn", day=turn.value), (turn.value, 0.97),
                    xycoords=("data", "axes fraction"), xytext=(5, 0), textcoords="offset points", va="top",
                    color=theme.COLORS["bad"])  # fmt: skip
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0, float(table["silent_days"].max()))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _labelled(fig, "retention.axis.silent_days", "retention.axis.gone")


def _labelled(fig: Figure, x: str, y: str) -> Figure:
    ax = fig.axes[0]
    ax.set_xlabel(words.label(x))
    ax.set_ylabel(words.label(y))
    theme.percent_axis(ax)
    return fig
