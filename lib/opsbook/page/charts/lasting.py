"""Charts of notebook 03 about what lasted: weeks after the end, the pull-forward ledger, newcomers who stayed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.charts.end_labels import End, end_labels
from opsbook.page.charts.waterfall import waterfall
from opsbook.page.says.lasting import added_up

COLORS = {"campaign": "main", "others": "muted"}


def weeks(effects: pd.DataFrame, *, grade: str) -> Figure | None:
    """The difference between the arms in every week after the end, with its interval; zero as a line."""
    if effects.empty or grade not in ("A", "B"):
        return None
    fig, ax = theme.axes(height=3.2)
    main, value = theme.COLORS["main"], effects["relative"]
    reach = [value - effects["relative_low"], effects["relative_high"] - value]
    ax.errorbar(effects["week"], value, yerr=reach, fmt="o", color=main, capsize=3, markersize=7)
    ax.axhline(0, color=theme.INK, linewidth=1)
    ax.set_xticks(effects["week"])
    ax.set_xlabel(words.label("campaign.lasting.axis_week"))
    ax.set_ylabel(words.label("campaign.axis.relative"))
    theme.percent_axis(ax)
    return fig


def ledger(lines: pd.DataFrame, *, metric: str, grade: str) -> Figure | None:
    """A waterfall from gross to net: what would have come anyway, other orders, what came back later."""
    if lines.empty or grade not in ("A", "B"):
        return None
    shown = lines.assign(shown=added_up(lines["total"], digits=0))
    parts = shown.iloc[1:-1].dropna(subset=["total"])
    parts = parts.assign(part=parts["total"], clear=(parts["low"] > 0) | (parts["high"] < 0) | parts["low"].isna())
    parts = parts.assign(low=parts["low"].fillna(parts["total"]), high=parts["high"].fillna(parts["total"]))
    rounded = shown["shown"].tolist()
    texts = [words.show(value, "count") for value in (rounded[0], rounded[-1])]
    spec = "signed_count"
    fig, ax = waterfall(
        parts[["part", "low", "high", "clear"]],
        start=float(lines["total"].iloc[0]),
        end=float(lines["total"].iloc[-1]),
        names=[words.label(f"campaign.entry.{name}") for name in parts["line"]],
        ends=(words.label("campaign.entry.gross"), words.label("campaign.entry.net")),
        texts=[texts[0], *(words.show(value, spec) for value in parts["shown"]), texts[1]],
        axis=words.label("campaign.lasting.axis_money", currency=words.currency())
        if metric == "revenue"
        else words.label("campaign.metric.orders"),
    )
    theme.count_axis(ax, axis="x")
    return fig


def acquired(curves: pd.DataFrame, *, min_cell: int) -> Figure | None:
    """The survival curves of newcomers whom the campaign met and of the others, as far as enough are watched."""
    watched = curves[curves["at_risk"] >= min_cell] if len(curves) else curves
    if watched.empty or watched["came_by"].nunique() < 2:
        return None
    fig, ax = theme.axes(height=3.4)
    ends = []
    for name, curve in watched.groupby("came_by", sort=False):
        color, users = theme.COLORS[COLORS[str(name)]], int(curve["users"].iloc[0])
        ax.step(curve["day"], curve["active"], where="post", color=color)
        band = curve.dropna(subset=["active_low", "active_high"])
        ax.fill_between(band["day"], band["active_low"], band["active_high"], step="post", color=color, alpha=0.18)
        end = curve.iloc[-1]
        text = f"{words.label(f'campaign.came_by.{name}')} (n = {words.show(users, 'whole')})"
        ends.append(End(end["day"], float(end["active"]), text, color))
    ax.set_xlim(0, float(watched["day"].max()) * 1.55 + 1)
    ax.set_ylim(0, 1.02)
    end_labels(ax, ends)
    ax.set_xlabel(words.label("campaign.lasting.axis_day"))
    theme.percent_axis(ax)
    ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= np.ceil(watched["day"].max())])
    return fig
