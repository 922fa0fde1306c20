"""Charts of notebook 01 about the levers behind a change, and about where the number comes to rest."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import colors, theme, words
from opsbook.page.says.levers import is_clear, moving


def levers(parts: pd.DataFrame) -> Figure | None:
    """A waterfall from the previous to this period's active users; whiskers are intervals, grey is no clear part."""
    if parts.empty or parts["low"].isna().any():
        return None
    shown = moving(parts)
    fig, ax = theme.axes(height=1.5 + 0.44 * len(shown))
    start, end = (float(parts[name].iloc[0]) for name in ("previous_users", "active_users"))
    floors = start + np.concatenate([[0.0], shown["part"].cumsum().to_numpy()])
    places = np.arange(len(shown) + 1, 0, -1)
    values = shown[["part", "low", "high"]].to_numpy(dtype=float)
    for floor, place, value in zip(floors[:-1], places[1:], values, strict=True):
        _step(ax, place, floor, *value)
    for place, users in ((places[0], start), (0, end)):
        ax.plot([users, users], [place - 0.36, place + 0.36], color=theme.INK, linewidth=3.2, solid_capstyle="butt")
    for place, users in zip(places, floors, strict=True):
        ax.plot([users, users], [place, place - 1], color=theme.COLORS["muted"], linewidth=0.9, zorder=1)
    _name_rows(ax, shown, places, start, end)
    ax.margins(x=0.06)
    ax.set_xlabel(words.label("common.axis.active_users"))
    theme.count_axis(ax, axis="x")
    return fig


def steady(weeks: pd.DataFrame, path: pd.DataFrame, level: pd.DataFrame) -> Figure | None:
    """28-day actives of the recent weeks, their way on if nothing changes, and the level at which they rest."""
    if weeks.empty or path.empty:
        return None
    fig, ax = theme.axes(height=3.8)
    past, ahead = theme.days_of(weeks["end"]), theme.days_of(path["end"])
    main = colors.readable(theme.COLORS["main"], colors.LIGHT)
    theme.shade(ax, ahead[0], ahead[-1], words.label("lifecycle.chart.if_nothing"))
    ax.fill_between(ahead, path["low"], path["high"], color=theme.COLORS["main"], alpha=0.22, linewidth=0)
    ax.plot(past, weeks["active_28"], color=theme.COLORS["main"], marker="o", markersize=4)
    ax.plot(ahead, path["users"], color=theme.COLORS["main"], linestyle=(0, (4, 2)))
    rest = level.iloc[0]
    ax.axhline(rest["steady"], color=theme.INK, linewidth=1.2, linestyle=(0, (1, 2)))
    place = ahead[-1] + 0.05 * (ahead[-1] - past[0])
    reach = [[rest["steady"] - rest["steady_low"]], [rest["steady_high"] - rest["steady"]]]
    ax.errorbar(place, rest["steady"], reach, fmt="D", color=theme.INK, markersize=5, elinewidth=1.4, capsize=4)
    told = {"level": rest["steady"], "low": rest["steady_low"], "high": rest["steady_high"]}
    theme.label_line(ax, place, float(rest["steady"]), words.label("lifecycle.chart.settles", **told), theme.INK)
    side = -14 if rest["steady"] >= rest["today"] else 10  # on the side the path does not take
    ax.annotate(words.label("lifecycle.chart.today", users=rest["today"]), (ahead[0], path["users"].iloc[0]),
                xytext=(6, side), textcoords="offset points", color=main, fontsize=11)  # fmt: skip
    ax.set_xlim(past[0] - 3, place + 4)
    ax.margins(y=0.12)
    ax.set_ylabel(words.label("lifecycle.chart.active_28"))
    theme.count_axis(ax)
    theme.date_axis(ax)
    return fig


def _step(ax: Axes, place: float, floor: float, part: float, low: float, high: float) -> None:
    """One lever as a floating bar with the interval of its end."""
    name = ("good" if part > 0 else "bad") if is_clear(low, high) else "muted"
    ax.barh(place, part, left=floor, height=0.6, color=theme.COLORS[name])
    reach = [[part - low], [high - part]]
    ax.errorbar(floor + part, place, xerr=reach, fmt="none", ecolor=theme.INK, elinewidth=1.2, capsize=3)


def _name_rows(ax: Axes, shown: pd.DataFrame, places: np.ndarray, start: float, end: float) -> None:
    """Levers left of the axis, their numbers right of the plot."""
    names = [words.label(f"lifecycle.lever_short.{lever}") for lever in shown["lever"]]
    totals = [words.label("lifecycle.chart.previous_period"), words.label("lifecycle.chart.this_period")]
    ax.set_yticks([*places, 0], [totals[0], *names, totals[1]])
    ax.set_ylim(-0.6, places[0] + 0.6)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    cells = zip(shown["part"], shown["low"], shown["high"], strict=True)
    parts = [words.label("lifecycle.cell.part", part=part, low=low, high=high) for part, low, high in cells]
    texts = [words.show(start, "count"), *parts, words.show(end, "count")]
    for place, text in zip([*places, 0], texts, strict=True):
        ax.annotate(text, (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                    va="center", fontsize=11, annotation_clip=False)  # fmt: skip
