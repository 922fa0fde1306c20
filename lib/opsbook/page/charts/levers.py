"""Charts of notebook 01 about the levers behind a change, and about where the number comes to rest."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import colors, theme, words
from opsbook.page.charts.waterfall import waterfall
from opsbook.page.says.levers import is_clear, moving


def levers(parts: pd.DataFrame) -> Figure | None:
    """A waterfall from the previous to this period's active users; whiskers are intervals, grey is no clear part."""
    if parts.empty or parts["low"].isna().any():
        return None
    shown = moving(parts)
    start, end = (float(parts[name].iloc[0]) for name in ("previous_users", "active_users"))
    bars = shown[["part", "low", "high"]].assign(clear=is_clear(shown["low"], shown["high"]))
    cells = bars[["part", "low", "high"]].to_dict("records")
    texts = [words.label("lifecycle.cell.part", **{str(k): v for k, v in cell.items()}) for cell in cells]
    fig, ax = waterfall(
        bars,
        start=start,
        end=end,
        names=[words.label(f"lifecycle.lever_short.{lever}") for lever in shown["lever"]],
        ends=(words.label("lifecycle.chart.previous_period"), words.label("lifecycle.chart.this_period")),
        texts=[words.show(start, "count"), *texts, words.show(end, "count")],
        axis=words.label("common.axis.active_users"),
    )
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
