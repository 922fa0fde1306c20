"""Charts of notebook 01 about intensity: days by age, quantiles per user, rising and falling, breadth x frequency."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.charts import bars
from opsbook.page.says.intensity import metric_name

SIDES = {"rising": "resurrected", "falling": "dormant"}


def days_by_age(bands: pd.DataFrame, *, min_cell: int = 10) -> Figure | None:
    """One bar per age band, parted by the number of active days; darker means more days."""
    shown = bands[bands["band_users"] >= min_cell]
    if shown.empty or not shown["complete"].all():
        return None
    ages = shown["age_band"].drop_duplicates().tolist()
    fig, ax = theme.axes(height=1.3 + 0.5 * len(ages))
    starts = sorted(shown["from_days"].unique())
    shades = [theme.SEQUENTIAL(0.08 + 0.92 * place / max(len(starts) - 1, 1)) for place in range(len(starts))]
    floor, places = np.zeros(len(ages)), np.arange(len(ages))[::-1]
    for start, shade in zip(starts, shades, strict=True):
        part = shown[shown["from_days"] == start].set_index("age_band").loc[ages]
        ax.barh(places, part["share"], left=floor, height=0.7, color=shade, edgecolor=theme.PAPER, linewidth=0.8)
        _inside(ax, places, floor, part["share"].to_numpy(), shade)
        floor = floor + part["share"].to_numpy()
    names = [words.label(f"lifecycle.age_band.{age}") for age in ages]
    n = shown.drop_duplicates("age_band").set_index("age_band")["band_users"].loc[ages]
    users = [words.label("lifecycle.chart.n", n=count) for count in n]
    ax.set_yticks(places, [f"{name}\n{count}" for name, count in zip(names, users, strict=True)], fontsize=10.5)
    ax.set_xlim(0, 1)
    ax.grid(visible=False)
    theme.percent_axis(ax, axis="x")
    _band_key(ax, shown.drop_duplicates("from_days").sort_values("from_days")["active_days"].tolist(), shades)
    return fig


def metrics(quantiles: pd.DataFrame) -> Figure | None:
    """One line per metric: the middle 80 % thin, the middle half thick, the median as a dot with its number."""
    if quantiles.empty or not quantiles["users"].any() or not quantiles["complete"].all():
        return None
    fig, ax = theme.axes(height=1.0 + 0.42 * len(quantiles))
    places, color = np.arange(len(quantiles))[::-1], theme.COLORS["main"]
    ax.hlines(places, quantiles["p10"], quantiles["p90"], color=color, linewidth=1.6)
    ax.hlines(places, quantiles["p25"], quantiles["p75"], color=color, linewidth=8, alpha=0.45)
    ax.plot(quantiles["median"], places, "o", color=color, markersize=8, markeredgecolor=theme.PAPER)
    ax.plot(quantiles["mean"], places, "|", color=theme.INK, markersize=12, markeredgewidth=1.8)
    for place, median in zip(places, quantiles["median"], strict=True):
        ax.annotate(words.show(median, "number"), (median, place), xytext=(0, 8), textcoords="offset points",
                    ha="center", fontsize=10.5, color=theme.INK)  # fmt: skip
    ax.set_yticks(places, [metric_name(name).text() for name in quantiles["metric"]])
    ax.set_ylim(-0.7, len(quantiles) - 0.3)
    ax.set_xscale("symlog", linthresh=1, linscale=0.6)
    _log_ticks(ax, float(quantiles["p90"].max()))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    n = words.label("lifecycle.chart.n", n=quantiles["users"].iloc[0])
    ax.set_xlabel(words.label("lifecycle.chart.per_user", window=quantiles["window_days"].iloc[0], n=n))
    return fig


def trend(table: pd.DataFrame) -> Figure | None:
    """The shares of compared users whose usage rose and fell, window by window, with intervals."""
    shown = table[table["complete"] & (table["users"] > 0)] if len(table) else table
    if shown.empty:
        return None
    fig, ax = theme.axes()
    heights, texts, shades = [], [], []
    for side, color in SIDES.items():
        share, low, high = (shown[f"share_{side}{end}"] for end in ("", "_low", "_high"))
        reach, shade = np.clip([share - low, high - share], 0, None), theme.COLORS[color]
        ax.errorbar(theme.days_of(shown["end"]), share, yerr=reach, color=shade, elinewidth=1.2, capsize=2.5,
                    marker="o", markersize=4)  # fmt: skip
        name = words.label(f"lifecycle.trend_side.{side}")
        texts.append(words.label("lifecycle.chart.move_share", move=name, share=share.iloc[-1]))
        heights.append(float(share.iloc[-1]))
        shades.append(shade)
    ax.set_ylim(0, 1.3 * float(shown[["share_rising_high", "share_falling_high"]].max().max()))
    if len(shown) == 1:
        middle = theme.days_of(shown["end"])[0]
        ax.set_xlim(middle - 20, middle + 4)
    bars.side_labels(ax, float(theme.days_of(shown["end"]).max()), heights, texts, shades)
    ax.set_xlabel(words.label("lifecycle.chart.window_end"))
    ax.set_ylabel(words.label("lifecycle.chart.share_compared"))
    theme.percent_axis(ax)
    theme.date_axis(ax)
    return fig


def breadth(table: pd.DataFrame) -> Figure | None:
    """A heat map of next-window retention by event groups used and active days, with n in every cell."""
    if table.empty or not table["users"].sum() or not table["complete"].all():
        return None
    cells = table.pivot(index="features_used", columns="from_days", values="share_retained").sort_index(ascending=False)
    fig, ax = theme.axes(height=1.2 + 0.56 * len(cells))
    ax.imshow(cells.to_numpy(float), cmap=theme.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for used, start, share, count in table[["features_used", "from_days", "share_retained", "users"]].itertuples(
        index=False
    ):
        _cell(ax, list(cells.columns).index(start), list(cells.index).index(used), share, count)
    names = table.drop_duplicates("from_days").set_index("from_days")["active_days"]
    ax.set_xticks(range(len(cells.columns)), [str(names[start]) for start in cells.columns])
    ax.set_yticks(range(len(cells)), [str(used) for used in cells.index])
    ax.set_xlabel(words.label("lifecycle.chart.active_days_before", window=table["window_days"].iloc[0]))
    ax.set_ylabel(words.label("lifecycle.chart.groups_used"))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return fig


def _inside(ax: Axes, places: np.ndarray, floor: np.ndarray, shares: np.ndarray, shade: object) -> None:
    """The percentage inside each part that is wide enough for it."""
    for place, left, share in zip(places, floor, shares, strict=True):
        if share >= 0.07:
            ax.annotate(words.show(round(100 * share), "whole") + "%", (left + share / 2, place), ha="center",
                        va="center", fontsize=10, color=theme.text_on(shade))  # fmt: skip


def _band_key(ax: Axes, names: list[str], shades: list[object]) -> None:
    """Small squares above the bars that say which shade is how many days."""
    title = ax.annotate(words.label("lifecycle.chart.days_key"), (0, 1), xycoords="axes fraction", xytext=(0, 9),
                        textcoords="offset points", fontsize=10.5, color=theme.SOFT_INK)  # fmt: skip
    title.set_in_layout(True)
    for place, (name, shade) in enumerate(zip(names, shades, strict=True)):
        x = 0.42 + 0.58 * place / len(names)
        ax.annotate(name, (x, 1), xycoords="axes fraction", xytext=(0, 9), textcoords="offset points", fontsize=10.5,
                    color=theme.text_on(shade), bbox={"boxstyle": "square,pad=0.25", "facecolor": shade,
                    "linewidth": 0})  # fmt: skip


def _log_ticks(ax: Axes, highest: float) -> None:
    ticks = [tick for tick in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick <= 1.2 * highest]
    ax.set_xticks(ticks, [words.show(tick, "whole") for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(-0.15, max(1.25 * highest, 1.5))


def _cell(ax: Axes, column: int, row: int, share: float, users: float) -> None:
    """Retention over n; a dot where the cell is hidden."""
    if np.isnan(users):
        ax.text(column, row, "·", ha="center", va="center", color=theme.SOFT_INK, fontsize=12)
        return
    text = words.show(share, "percent")
    color = theme.text_on(theme.SEQUENTIAL(0.0 if np.isnan(share) else share))
    ax.text(column, row - 0.14, text, ha="center", va="center", color=color, fontsize=11)
    n = words.label("lifecycle.chart.n", n=users)
    ax.text(column, row + 0.24, n, ha="center", va="center", color=color, fontsize=8.5)
