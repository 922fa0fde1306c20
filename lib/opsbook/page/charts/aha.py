"""Charts of notebook 01 about early behaviour: every count of the best window, and reach against difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from opsbook.analysis.aha import BEYOND_CHANCE
from opsbook.page import theme, words
from opsbook.page.format import MINUS

ROWS = 12
HALO = [withStroke(linewidth=3, foreground=theme.PAPER)]
NAMED = 3


def grid(cells: pd.DataFrame) -> Figure | None:
    """Heat map of things done by counts in the best behaviour's window; its cell is framed, untried ones are blank."""
    if cells.empty:
        return None
    best = cells.iloc[0]
    window = cells[cells["window_days"] == best["window_days"]].assign(name=_names)
    order = window.groupby("name")["train_z"].max().sort_values(ascending=False, kind="stable").index[:ROWS]
    shown = window.pivot_table(index="name", columns="at_least", values="adjusted", sort=False)
    shown = shown.reindex(order)[sorted(shown.columns)]
    clear = window[window["p_search"] <= BEYOND_CHANCE].set_index(["name", "at_least"]).index
    fig, ax = theme.axes(height=1.1 + 0.36 * len(shown))
    top = max(float(np.nanmax(np.abs(shown.to_numpy()))), 0.01)
    ax.imshow(shown.to_numpy(), cmap=theme.DIVERGING, vmin=-top, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(shown.to_numpy()):
        if np.isfinite(value):
            bold = (shown.index[row], shown.columns[column]) in clear
            _number(ax, row, column, value, top, bold=bold)
    place = (shown.columns.get_loc(best["at_least"]), shown.index.get_loc(_name(best)))
    ax.add_patch(Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, fill=False, edgecolor=theme.INK, linewidth=2))
    _grid_axes(ax, shown, int(best["window_days"]))
    return fig


def trade_off(cells: pd.DataFrame) -> Figure | None:
    """Share of newcomers who do it against the difference in staying; the best and those close to it are named."""
    if cells.empty:
        return None
    fig, ax = theme.axes(height=4.4)
    ax.axhline(0, color=theme.SOFT_INK, linewidth=1)
    clear = (cells["p_search"] <= BEYOND_CHANCE).to_numpy()
    for rows, color in ((cells[~clear], theme.COLORS["muted"]), (cells[clear], theme.SERIES[0])):
        ax.scatter(rows["reach"], rows["adjusted"], s=18, color=color, alpha=0.75, linewidth=0)
    named = cells[cells["is_best"] | cells["is_close"]].head(NAMED + 1)
    for row in named.to_dict("records"):
        _dot(ax, row)
    ax.set_xlim(0, 1)
    ax.set_xlabel(words.label("lifecycle.chart.aha_reach"))
    ax.set_ylabel(words.label("lifecycle.chart.aha_difference"))
    theme.percent_axis(ax, axis="x")
    ax.yaxis.set_major_formatter(lambda value, _place: words.show(round(100 * value, 6), "signed_number"))
    _labels(ax, named)
    return fig


def _names(cells: pd.DataFrame) -> pd.Series:
    return pd.Series([_name(row) for row in cells.to_dict("records")], index=cells.index, dtype="object")


def _name(row: Mapping[Any, Any] | pd.Series) -> str:
    kind = str(row["kind"])
    return str(row["item"]) if kind == "event" else words.label(f"lifecycle.chart.aha_{kind}", item=row["item"])


def _number(ax: Axes, row: int, column: int, value: float, top: float, *, bold: bool) -> None:
    color = theme.text_on(theme.DIVERGING(0.5 + value / top / 2))
    text, weight = f"{100 * value:+.1f}".replace("-", MINUS), "bold" if bold else "normal"
    ax.text(column, row, text, ha="center", va="center", fontsize=11, color=color, fontweight=weight)


def _grid_axes(ax: Axes, shown: pd.DataFrame, window: int) -> None:
    within = words.label("lifecycle.aha.within", window=window)
    ax.set_yticks(range(len(shown)), [words.named(str(name)) for name in shown.index])
    ax.set_xticks(range(shown.shape[1]), [words.label("lifecycle.chart.aha_times", count=n) for n in shown.columns])
    ax.set_xlabel(words.label("lifecycle.chart.aha_at_least", within=within))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _dot(ax: Axes, row: Mapping[Any, Any]) -> None:
    best = bool(row["is_best"])
    color = theme.COLORS["main"] if best else theme.SERIES[0]
    ax.plot([row["reach"]] * 2, [row["adjusted_low"], row["adjusted_high"]], color=color, linewidth=1.6)
    ax.plot(row["reach"], row["adjusted"], marker="o", markersize=10 if best else 7, color=color)


def _labels(ax: Axes, named: pd.DataFrame) -> None:
    """Names beside the dots, on the side with room, moved apart where they would touch."""
    low, high = ax.get_ylim()
    step, last = (high - low) * 0.07, {True: np.inf, False: np.inf}
    for row in named.sort_values("adjusted", ascending=False).to_dict("records"):
        left = row["reach"] > 0.5
        height = min(row["adjusted"], last[left] - step)
        last[left] = height
        ax.annotate(_label(row), (row["reach"], height), xytext=(-9 if left else 9, 0), textcoords="offset points",
                    ha="right" if left else "left", va="center", fontsize=10.5, path_effects=HALO,
                    color=theme.COLORS["main"] if row["is_best"] else theme.SERIES[0])  # fmt: skip


def _label(row: Mapping[Any, Any]) -> str:
    told = {"item": row["item"], "count": row["at_least"], "window": row["window_days"]}
    name = words.label(f"lifecycle.chart.aha_dot_{row['kind']}", **told)
    return words.label("lifecycle.chart.aha_label", behaviour=name, n=row["done_users"] + row["other_users"])
