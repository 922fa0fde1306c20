"""Charts of notebook 03 about whether it paid: when the cost was earned back, and at which margin."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from opsbook.analysis.margins import BreakEven
from opsbook.page import theme, words


def paid_back(curve: pd.DataFrame, *, grade: str) -> Figure | None:
    """Cumulated incremental margin at the end of every week with its band; the cost as a line."""
    if curve.empty or grade not in ("A", "B"):
        return None
    fig, ax = theme.axes(height=3.2)
    days, main = theme.days_of(curve["day"]), theme.COLORS["main"]
    ax.fill_between(days, curve["low"], curve["high"], color=main, alpha=0.18, linewidth=0)
    ax.plot(days, curve["earned"], color=main, marker="o", markersize=5)
    theme.target_line(ax, float(curve["cost"].iloc[0]), words.label("campaign.metric.cost"))
    ax.set_ylim(
        min(0.0, float(curve["low"].min()) * 1.05), max(float(curve["high"].max()), float(curve["cost"].iloc[0])) * 1.08
    )
    ax.set_ylabel(words.label("campaign.pays.axis_earned"))
    theme.money_axis(ax)
    theme.date_axis(ax)
    return fig


def margins(table: pd.DataFrame, even: BreakEven, *, grade: str) -> Figure | None:
    """The return over the margin with its band; zero as a line, the campaign's own margin as a point."""
    if table.empty or grade not in ("A", "B"):
        return None
    fig, ax = theme.axes(height=3.2)
    main, share = theme.COLORS["main"], table["share_margin"]
    ax.fill_between(share, table["low"], table["high"], color=main, alpha=0.18, linewidth=0)
    ax.plot(share, table["roi"], color=main)
    ax.axhline(0, color=theme.INK, linewidth=1)
    own = table[table["given"]]
    ax.plot(own["share_margin"], own["roi"], "o", color=theme.COLORS["target"], markersize=8)
    if even.case == "known" and even.value <= 1:
        ax.plot(even.value, 0, "D", color=theme.INK, markersize=7, fillstyle="none", markeredgewidth=1.6)
    ax.set_xlabel(words.label("campaign.column.share_margin"))
    ax.set_ylabel(words.label("campaign.column.net_roi"))
    theme.percent_axis(ax)
    theme.percent_axis(ax, "x")
    return fig
