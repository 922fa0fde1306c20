"""Charts of notebook 01 about stocks: stages, the moves between them, and what the buyers are worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import colors, theme, words
from opsbook.page.charts import bars

STAGES = ["mature", "growth", "introduction", "sleeping", "lost"]


def stages(stock: pd.DataFrame) -> Figure | None:
    """Shares of the stages at the end of each period, stacked to 100 %, named at the last one."""
    if stock.empty or not stock["users"].any():
        return None
    fig, ax = theme.axes(height=4.0)
    shares = stock.pivot(index="end", columns="stage", values="share").fillna(0.0)
    last = stock.drop_duplicates("end").sort_values("end").reset_index(drop=True)
    fade, places, floor = np.where(last["complete"], 1.0, 0.4), np.arange(len(shares)), np.zeros(len(shares))
    middles, texts = [], []
    for stage in STAGES:
        heights = shares[stage].to_numpy()
        bars.stack(ax, places, heights, floor, theme.COLORS[f"stage_{stage}"], fade)
        middles.append(floor[-1] + heights[-1] / 2)
        name = words.label(f"common.stage.{stage}")
        texts.append(words.label("lifecycle.chart.stage_share", stage=name, share=heights[-1]))
        floor = floor + heights
    bars.side_labels(ax, places[-1] + 0.45, middles, texts, [theme.COLORS[f"stage_{stage}"] for stage in STAGES])
    bars.period_ticks(ax, last)
    ax.set_ylim(0, 1)
    ax.set_ylabel(words.label("lifecycle.chart.share_users"))
    theme.percent_axis(ax)
    return fig


def transitions(matrix: pd.DataFrame, *, min_cell: int = 10) -> Figure | None:
    """A heat map of row shares; rows of fewer than `min_cell` users and hidden cells are dots.

    Rows and columns of nobody are left out.
    """
    shown = matrix[matrix.groupby("from_stage")["users"].transform("sum") > 0]
    shown = shown[shown.groupby("to_stage")["users"].transform("sum") > 0]
    if shown.empty or not shown["complete"].all():
        return None
    rows, columns = shown["from_stage"].unique(), shown["to_stage"].unique()
    cells = shown.pivot(index="from_stage", columns="to_stage", values="share").loc[rows, columns]
    n = shown.drop_duplicates("from_stage").set_index("from_stage")["from_users"].loc[rows]
    fig, ax = theme.axes(height=0.9 + 0.5 * len(rows))
    cells = cells.where(n.ge(min_cell), axis=0)
    ax.imshow(cells.to_numpy(), cmap=theme.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    _cell_numbers(ax, cells)
    _matrix_axes(ax, n, columns)
    return fig


def rfm(groups: pd.DataFrame) -> Figure | None:
    """Per group the share of buyers and the share of revenue, each with its interval."""
    if not groups["users"].sum() or groups["share_revenue"].isna().all():
        return None
    fig, ax = theme.axes(height=4.6)
    places = np.arange(len(groups))[::-1]
    for name, color, shift in (("share_users", "muted", 0.19), ("share_revenue", "main", -0.19)):
        _share_bars(ax, groups, name, places + shift, theme.COLORS[color])
    labels = [words.label(f"lifecycle.key.{key}") for key in groups["key"]]
    users = [words.label("lifecycle.chart.n", n=count) for count in groups["users"]]
    ax.set_yticks(places, [f"{label}\n{count}" for label, count in zip(labels, users, strict=True)], fontsize=10)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(words.label("lifecycle.chart.share"))
    theme.percent_axis(ax, axis="x")
    _key(ax, [("lifecycle.chart.buyers", "muted"), ("lifecycle.chart.revenue", "main")])
    return fig


def _cell_numbers(ax: Axes, cells: pd.DataFrame) -> None:
    for row, values in enumerate(cells.to_numpy()):
        for column, share in enumerate(values):
            text = "·" if np.isnan(share) else words.show(share, "percent")
            color = theme.text_on(theme.SEQUENTIAL(0.0 if np.isnan(share) else share))
            ax.text(column, row, text, ha="center", va="center", color=color, fontsize=11)


def _matrix_axes(ax: Axes, n: pd.Series, columns: np.ndarray) -> None:
    names = [words.label(f"lifecycle.from_stage.{stage}") for stage in n.index]
    rows = [
        words.label("lifecycle.chart.from_stage", stage=name, n=count) for name, count in zip(names, n, strict=True)
    ]
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xticks(range(len(columns)), [words.label(f"lifecycle.to_stage.{stage}") for stage in columns])
    ax.set_xlabel(words.label("lifecycle.chart.to_end"))
    ax.set_ylabel(words.label("lifecycle.chart.from_start"))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _share_bars(ax: Axes, groups: pd.DataFrame, name: str, places: np.ndarray, color: str) -> None:
    values = groups[name].to_numpy()
    ax.barh(places, values, height=0.36, color=color)
    reach = np.nan_to_num([values - groups[f"{name}_low"], groups[f"{name}_high"] - values])
    ax.errorbar(values, places, xerr=np.clip(reach, 0, None), fmt="none", ecolor=theme.INK, elinewidth=1.1, capsize=2)


def _key(ax: Axes, names: list[tuple[str, str]]) -> None:
    """Two words in their bars' colours instead of a legend box."""
    for place, (key, color) in enumerate(names):
        ax.annotate(words.label(key), (1, 0.02 + 0.07 * (len(names) - 1 - place)), xycoords="axes fraction", ha="right",
                    color=colors.readable(theme.COLORS[color], colors.LIGHT), fontsize=12,
                    fontweight="bold")  # fmt: skip
