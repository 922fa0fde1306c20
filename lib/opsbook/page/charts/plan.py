"""Charts of the campaign plan: the lift that each holdout sees, and goals beside what last time's rates bring."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.charts.aha import HALO
from opsbook.page.charts.retention import apart


def sizes(table: pd.DataFrame, *, days: int, worthwhile: float, planned: float | None) -> Figure | None:
    """Smallest lift seen against the share held out, one line per duration, the planned one strong; target dashed."""
    known = table.dropna(subset=["detectable"])
    if known.empty:
        return None
    fig, ax = theme.axes()
    ends, top = [], 1.1 * max(float(known["detectable"].max()), worthwhile)
    for number, (span, line) in enumerate(known.groupby("days", sort=True)):
        own = span == days
        color = theme.COLORS["main"] if own else theme.SERIES[1 + number % (len(theme.SERIES) - 1)]
        ax.plot(line["control_share"], line["detectable"], color=color, linewidth=2.6 if own else 1.4)
        ends.append((float(line["detectable"].iloc[-1]), words.show(span, "days"), color))
    ends.sort(reverse=True)
    heights = apart([end[0] for end in ends], 0.085 * top)
    for height, (_value, text, color) in zip(heights, ends, strict=True):
        theme.label_line(ax, known["control_share"].max(), height, text, color)
    ax.axhline(worthwhile, color=theme.COLORS["target"], linewidth=1.2, linestyle=(0, (5, 3)))
    if known["control_share"].nunique() > 1:
        ax.set_xlim(known["control_share"].min(), known["control_share"].max())
    text = words.label("plan.chart.worthwhile", lift=worthwhile)
    ax.annotate(text, (known["control_share"].max(), worthwhile), xytext=(0, 4), textcoords="offset points",
                ha="right", fontsize=10.5, color=theme.SOFT_INK, path_effects=HALO)  # fmt: skip
    if planned:
        ax.axvline(planned, color=theme.SOFT_INK, linewidth=1, linestyle=":")
    ax.set_ylim(0, top)
    theme.percent_axis(ax, axis="x")
    theme.percent_axis(ax, axis="y")
    ax.set_xlabel(words.label("plan.axis.share"))
    ax.set_ylabel(words.label("plan.axis.detectable"))
    return fig


def goals(table: pd.DataFrame) -> Figure | None:
    """Each goal as 100 %, and beside it what the last campaign's rates bring with the interval."""
    if table.empty:
        return None
    fig, ax = theme.axes(height=1.2 + 0.6 * len(table))
    ax.axvline(1, color=theme.COLORS["target"], linewidth=1.2, linestyle=(0, (5, 3)))
    for place, row in enumerate(table.to_dict("records")):
        low, value, high = (row[name] / row["target"] for name in ("low", "expected", "high"))
        color = theme.COLORS[{"ambitious": "bad", "modest": "good"}.get(row["judgement"], "main")]
        ax.plot([low, high], [place, place], color=color, linewidth=2)
        ax.plot(value, place, marker="o", color=color, markersize=8)
    ax.set_yticks(range(len(table)), [words.label(f"campaign.goal.{name}") for name in table["metric"]])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")
    ax.set_xlabel(words.label("plan.axis.of_goal"))
    return fig
