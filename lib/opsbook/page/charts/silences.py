"""Charts of notebook 02 on thresholds by segment and on times to return."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from opsbook.page import theme, words
from opsbook.page.charts.retention import level_name

ROW = 0.45


def returns(table: pd.DataFrame) -> Figure | None:
    """Share of the users given up who came back, by days since then, with its band."""
    if len(table) < 2 or not table["returned"].iloc[-1] > 0:
        return None
    fig, ax = theme.axes(height=3.2)
    ax.fill_between(table["days"], table["low"], table["high"], step="post", color=theme.COLORS["main"], alpha=0.18,
                    linewidth=0)  # fmt: skip
    ax.step(table["days"], table["returned"], where="post", color=theme.COLORS["main"])
    end = table.iloc[-1]
    theme.label_line(ax, end["days"], end["returned"], words.show(end["returned"], "percent"), theme.COLORS["main"])
    ax.set_xlim(0, end["days"])
    ax.set_ylim(0, max(1.15 * float(table["high"].max()), 0.01))
    ax.set_xlabel(words.label("retention.axis.days_given_up"))
    ax.set_ylabel(words.label("retention.axis.returned"))
    theme.percent_axis(ax)
    return fig


def segments(table: pd.DataFrame, *, by: str, chosen_days: int, target: float) -> Figure | None:
    """The threshold that each segment's own silences suggest, beside the one in use."""
    shown = table.dropna(subset=["suggested_days"]).iloc[::-1]
    if len(shown) < 2:
        return None
    fig, ax = theme.axes(height=1.1 + ROW * len(shown))
    for place, row in enumerate(shown.to_dict("records")):
        ax.plot(row["suggested_days"], place, "o", color=theme.COLORS["main"], markersize=8)
        left = row["suggested_days"] < chosen_days  # away from the line of the threshold in use
        ax.annotate(words.show(row["suggested_days"], "days"), (row["suggested_days"], place),
                    xytext=(-9 if left else 9, 0), ha="right" if left else "left", textcoords="offset points",
                    va="center")  # fmt: skip
    ax.axvline(chosen_days, color=theme.COLORS["bad"], linewidth=1.4)
    text = words.label("retention.chart.threshold", days=chosen_days)
    ax.annotate(text, (chosen_days, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 4),
                textcoords="offset points", ha="center", color=theme.COLORS["bad"])  # fmt: skip
    rows = shown.to_dict("records")
    ax.set_yticks(range(len(rows)), [f"{level_name(by, str(row['segment']))}, n = {row['users']:,}" for row in rows])
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlim(0, 1.25 * max(float(shown["suggested_days"].max()), chosen_days))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(words.label("retention.axis.suggested", target=target))
    return fig
