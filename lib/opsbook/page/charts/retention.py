"""Charts of notebook 02: each draws the table it is given and returns None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from opsbook.page import theme, words
from opsbook.page.charts.end_labels import End, end_labels

CELLS_WITH_NUMBERS = 14 * 32
SHOWN_RATIOS = (0.25, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 4)


def false_churn(table: pd.DataFrame, *, chosen_days: int, target: float) -> Figure | None:
    """Share of silences that a return ends, by their length so far; the target and the threshold in use are marked."""
    shown = table[table["threshold_days"] <= max(90, 2 * chosen_days)]
    if shown.empty:
        return None
    fig, ax = theme.axes()
    _band(ax, shown["threshold_days"], shown, "low", "high", theme.COLORS["main"])
    judged = shown["follow_up_days"] >= shown["threshold_days"]
    ax.plot(shown["threshold_days"], shown["false_churn"], color=theme.COLORS["muted"], linewidth=1.4)
    ax.plot(shown["threshold_days"], shown["false_churn"].where(judged), color=theme.COLORS["main"])
    theme.target_line(ax, target, words.label("retention.chart.target", target=target))
    ax.axvline(chosen_days, color=theme.COLORS["bad"], linewidth=1.4)
    text = words.label("retention.chart.threshold", days=chosen_days)
    ax.annotate(text, (chosen_days, 0.97), xycoords=("data", "axes fraction"), xytext=(5, 0),
                textcoords="offset points", va="top", color=theme.COLORS["bad"])  # fmt: skip
    ax.set_ylim(0, min(1.0, 1.08 * float(shown["false_churn"].max()) + 0.02))
    ax.set_xlim(0, shown["threshold_days"].max())
    _axis_labels(ax, "retention.axis.silent_days", "retention.axis.false_churn")
    return fig


def triangle(cells: pd.DataFrame, *, unit: str) -> Figure | None:
    """Heat map of cohorts by age; a cell that is not complete is blank, never zero. Column 0 is 100 % and left out."""
    grid = cells[cells["age"] > 0].pivot_table(index="cohort", columns="age", values="share", dropna=False)
    grid = grid.dropna(how="all").dropna(axis="columns", how="all")
    if grid.empty:
        return None
    fig, ax = theme.axes(width=7.6, height=0.7 + 0.27 * len(grid) + 0.4)
    top = float(np.nanmax(grid.to_numpy()))
    ax.imshow(grid.to_numpy(), aspect="auto", cmap=theme.SEQUENTIAL, vmin=0, vmax=max(top, 0.01))
    if grid.size <= CELLS_WITH_NUMBERS:
        _cell_numbers(ax, grid.to_numpy(), top)
    users = cells.groupby("cohort")["users"].first()
    names = [f"{words.show(day, _cohort_spec(unit))} ({users[day]:,})" for day in grid.index]
    ax.set_yticks(range(len(grid)), names, fontsize=9.5)
    ax.set_xticks(range(grid.shape[1]), [str(age) for age in grid.columns], fontsize=10)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel(words.label(f"retention.axis.age_{unit}"))
    ax.grid(visible=False)
    ax.tick_params(length=0)
    return _bare(fig, ax)


def retention_curve(
    on: pd.DataFrame, later: pd.DataFrame, *, targets: Mapping[str, float] | None = None
) -> Figure | None:
    """Share active on day N and on day N or later, over complete cells; the dotted line keeps the cohorts constant.

    targets: day_N -> share that is wanted on that day, drawn as a mark
    """
    on, later = on[on["age"] > 0], later[later["age"] > 0]
    if on.empty:
        return None
    fig, ax = theme.axes()
    ends = []
    lines = [(later, "retention.chart.on_or_after", theme.partner()), (on, "retention.chart.on", theme.COLORS["main"])]
    for table, label, color in lines:
        _band(ax, table["age"], table, "low", "high", color)
        ax.plot(table["age"], table["share"], color=color)
        ax.plot(table["age"], table["constant_share"], color=color, linewidth=1.2, linestyle=":")
        ends.append(End(table["age"].iloc[-1], float(table["share"].iloc[-1]), words.label(label), color))
    _targets(ax, targets or {})
    ax.set_ylim(0, 1.05 * float(max(on["high"].max(), later["high"].max())))
    end_labels(ax, ends)
    ax.set_xlim(0, on["age"].max())
    _axis_labels(ax, "common.axis.days_since_start", "common.axis.share")
    return fig


def _targets(ax: Axes, targets: Mapping[str, float]) -> None:
    """A diamond at the day and the share that is wanted."""
    for name, share in targets.items():
        if name.startswith("day_"):
            day = int(name.removeprefix("day_"))
            ax.plot(day, share, "D", color=theme.COLORS["target"], markersize=6, zorder=4)
            text = words.label("page.card.target", target=words.show(share, "percent"))
            theme.label_line(ax, day, share, text, theme.INK)


def survival_curve(curve: pd.DataFrame) -> Figure | None:
    """Share not yet churned by age with its band; below it the users watched at each tick."""
    if curve.empty:
        return None
    fig, ax = theme.axes(height=4.0)
    _step(ax, curve, theme.COLORS["main"])
    _half_line(ax, curve)
    ticks = _age_ticks(ax, curve["day"].max())
    watched = curve.set_index("day")["at_risk"]
    row = [words.show(int(watched.get(tick, 0)), "count") for tick in ticks]
    texts = [f"{tick}\n{users}" for tick, users in zip(ticks, row, strict=True)]
    ax.set_xticks(ticks, texts)
    ax.set_ylim(0, 1.02)
    _axis_labels(ax, "retention.axis.days_and_watched", "retention.axis.not_churned")
    return fig


def segments(curves: pd.DataFrame, *, by: str) -> Figure | None:
    """One survival curve per segment, named at its end with its number of users."""
    if curves.empty:
        return None
    fig, ax = theme.axes(height=4.2)
    names = list(dict.fromkeys(curves[by]))
    ends = []
    for color, name in zip(_colors(names), names, strict=True):
        part = curves[curves[by] == name]
        _step(ax, part, color, alpha=0.10)
        label = words.label("retention.chart.segment", name=level_name(by, name), n=int(part["users"].iloc[0]))
        ends.append(End(part["day"].iloc[-1], float(part["active"].iloc[-1]), label, color))
    _age_ticks(ax, curves["day"].max())
    ax.set_ylim(0, 1.02)
    end_labels(ax, ends)
    _axis_labels(ax, "common.axis.days_since_start", "retention.axis.not_churned")
    return fig


def forest(ratios: pd.DataFrame) -> Figure | None:
    """Hazard ratios with intervals on a log scale, grouped by covariate; the reference level is the line at 1."""
    estimated = ratios.loc[ratios["low"].notna() & ~ratios["is_reference"], "covariate"]
    shown = ratios[ratios["hazard_ratio"].notna() & ratios["covariate"].isin(estimated)].reset_index(drop=True)
    if shown.empty:
        return None
    places = np.arange(len(shown)) + 0.6 * shown["covariate"].ne(shown["covariate"].shift()).cumsum().to_numpy()
    fig, ax = theme.axes(height=1.0 + 0.3 * places[-1])
    ax.axvline(1, color=theme.SOFT_INK, linewidth=1)
    for place, row in zip(places, shown.to_dict("records"), strict=True):
        _ratio(ax, place, row)
    ax.set_yticks(places, [_level_label(row) for row in shown.to_dict("records")], fontsize=10)
    ax.set_ylim(places[-1] + 0.8, places[0] - 0.8)
    _ratio_axis(ax, shown)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel(words.label("retention.axis.hazard_ratio"))
    return fig


def level_name(covariate: str, level: str) -> str:
    """A level in words: the catalogue's, the common words for pooled and unknown, else the company's own."""
    return words.find(f"retention.level.{covariate}.{level}", f"common.{level}") or words.named(str(level))


def covariate_name(covariate: str) -> str:
    """A covariate in words: the catalogue's, else the column's own name."""
    return words.find(f"retention.covariate.{covariate}", f"common.column.{covariate}") or words.readable(covariate)


def _level_label(row: Mapping[Any, Any]) -> str:
    level = f"{covariate_name(row['covariate'])}: {level_name(row['covariate'], row['level'])}"
    return words.label("retention.chart.segment", name=level, n=row["users"])


def _ratio(ax: Axes, place: float, row: Mapping[Any, Any]) -> None:
    if row["is_reference"]:
        ax.plot(1, place, marker="D", color=theme.COLORS["muted"], markersize=6)
        return
    clear = row["low"] > 1 or row["high"] < 1
    color = theme.COLORS["bad" if row["low"] > 1 else "good" if clear else "muted"]
    ax.plot([row["low"], row["high"]], [place, place], color=color, linewidth=2)
    ax.plot(row["hazard_ratio"], place, marker="o", color=color, markersize=7)


def _ratio_axis(ax: Axes, shown: pd.DataFrame) -> None:
    low, high = float(shown["low"].clip(lower=0.1).min()), float(shown["high"].clip(upper=10).max())
    ax.set_xscale("log")
    ax.set_xlim(0.9 * min(low, 0.9), 1.1 * max(high, 1.1))
    ticks = [ratio for ratio in SHOWN_RATIOS if ax.get_xlim()[0] <= ratio <= ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{ratio:g}" for ratio in ticks])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="x", which="minor", length=0)


def _step(ax: Axes, curve: pd.DataFrame, color: str, *, alpha: float = 0.18) -> None:
    ax.step(curve["day"], curve["active"], where="post", color=color)
    ax.fill_between(
        curve["day"], curve["active_low"], curve["active_high"], step="post", color=color, alpha=alpha, linewidth=0
    )


def _half_line(ax: Axes, curve: pd.DataFrame) -> None:
    """A thin line at one half where the curve crosses it: the median."""
    reached = curve.loc[curve["active"] <= 0.5, "day"]
    if len(reached):
        day = reached.iloc[0]
        ax.plot([0, day, day], [0.5, 0.5, 0], color=theme.SOFT_INK, linewidth=1, linestyle=":")


def _band(ax: Axes, x: pd.Series, table: pd.DataFrame, low: str, high: str, color: str) -> None:
    ax.fill_between(x, table[low], table[high], color=color, alpha=0.18, linewidth=0)


def _age_ticks(ax: Axes, last_day: int) -> list[int]:
    step = next(step for step in (1, 2, 7, 14, 30, 60, 90, 180, 365, 3650) if last_day / step <= 8)
    ticks = list(range(0, int(last_day) + 1, step))
    ax.set_xlim(0, max(last_day, 1))
    ax.set_xticks(ticks)
    return ticks


def _axis_labels(ax: Axes, x: str, y: str) -> None:
    ax.set_xlabel(words.label(x))
    ax.set_ylabel(words.label(y))
    theme.percent_axis(ax)


def _colors(names: list[str]) -> list[str]:
    plain = iter(theme.SERIES * 3)
    return [theme.COLORS["muted"] if name == "other" else next(plain) for name in names]


def _cell_numbers(ax: Axes, shares: np.ndarray, top: float) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if np.isfinite(share):
            color = theme.text_on(theme.SEQUENTIAL(share / max(top, 0.01)))
            ax.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=9, color=color)


def _cohort_spec(unit: str) -> str:
    return "month" if unit == "month" else "date"


def _bare(fig: Figure, ax: Axes) -> Figure:
    for side in ax.spines.values():
        side.set_visible(False)
    return fig
