"""Charts of notebook 01 about stages in depth: flows, move rates, value per stage, usage intervals, waking."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import colors, theme, words
from opsbook.page.charts import bars, ribbons
from opsbook.page.says.stages import moving

ORDER = ["mature", "growth", "introduction", "entered", "sleeping", "lost"]
MOVES = {"kept_mature": "stage_mature", "woke_sleeping": "stage_growth", "fell_asleep": "stage_sleeping"}


def flow(matrix: pd.DataFrame) -> Figure | None:
    """From the stage before to the stage now, as ribbons; who was lost at both ends is left out.

    matrix: with its hidden cells missing (stages.without_small_cells), so that no ribbon shows what the matrix hides
    """
    moved = moving(matrix)
    if not moved["users"].sum() or not matrix["complete"].all():
        return None
    fig, ax = theme.axes(height=5.0)
    flows = [
        ribbons.Flow(start, end, float(users))
        for start, end, users in moved[["from_stage", "to_stage", "users"]].itertuples(index=False)
    ]
    left, right = ([name for name in ORDER if name in set(moved[side])] for side in ("from_stage", "to_stage"))
    shades = {name: theme.COLORS.get(f"stage_{name}", theme.COLORS["muted"]) for name in ORDER}
    starts, ends = ribbons.draw(ax, flows, left=left, right=right, colors=shades, gap=0.035)
    for middles, side, x in ((starts, "from_stage", 0.0), (ends, "to_stage", 1.0)):
        users = moved.groupby(side)["users"].sum()
        _name_blocks(ax, middles, users, x, side)
    return fig


def moves(rates: pd.DataFrame, *, min_cell: int = 10) -> Figure | None:
    """Three move rates over the complete periods, each with its interval, named at its end."""
    shown = rates[rates["complete"] & (rates["from_users"] >= min_cell) & rates["move"].isin(MOVES)]
    shown = shown.dropna(subset=["share"])
    if shown.empty:
        return None
    fig, ax = theme.axes()
    periods = rates.drop_duplicates("end").sort_values("end").reset_index(drop=True)
    place = {end: number for number, end in enumerate(periods["end"])}
    today = rates.loc[rates["complete"], "end"].max()
    heights, texts, shades = [], [], []
    for move in [name for name in MOVES if (shown["move"] == name).any()]:
        line, color = shown[shown["move"] == move].sort_values("end"), theme.COLORS[MOVES[move]]
        x = line["end"].map(place).to_numpy(float)
        reach = np.clip([line["share"] - line["share_low"], line["share_high"] - line["share"]], 0, None)
        ax.errorbar(x, line["share"], yerr=reach, color=color, elinewidth=1.2, capsize=2.5, marker="o", markersize=4)
        heights.append(float(line["share"].iloc[-1]))
        name = words.label(f"lifecycle.move.{move}")
        now = line["end"].iloc[-1] == today  # else its last share is hidden, and an older one no share now
        share = line["share"].iloc[-1]
        texts.append(words.label("lifecycle.chart.move_share", move=name, share=share) if now else name)
        shades.append(color)
    ax.set_ylim(0, 1)
    bars.side_labels(ax, len(periods) - 0.6, heights, texts, shades)
    bars.period_ticks(ax, periods)
    ax.set_ylabel(words.label("lifecycle.chart.share_moved"))
    theme.percent_axis(ax)
    return fig


def value(table: pd.DataFrame) -> Figure | None:
    """Per stage the share of users and the share of revenue, each with its interval."""
    if not table["users"].sum() or table["share_revenue"].isna().all() or not table["complete"].all():
        return None
    fig, ax = theme.axes(height=3.8)
    shown = table.set_index("stage").loc[[name for name in ORDER if name in set(table["stage"])]].reset_index()
    places = np.arange(len(shown))[::-1]
    for name, color, shift in (("share", "muted", 0.19), ("share_revenue", "main", -0.19)):
        share, low, high = (shown[f"{name}{side}"] for side in ("", "_low", "_high"))
        ax.barh(places + shift, share, height=0.36, color=theme.COLORS[color])
        reach = np.clip(np.nan_to_num([share - low, high - share]), 0, None)
        ax.errorbar(share, places + shift, xerr=reach, fmt="none", ecolor=theme.INK, elinewidth=1.1, capsize=2)
    names = [words.label(f"common.stage.{stage}") for stage in shown["stage"]]
    users = [words.label("lifecycle.chart.n", n=count) for count in shown["users"]]
    ax.set_yticks(places, [f"{name}\n{count}" for name, count in zip(names, users, strict=True)], fontsize=10.5)
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")
    _key(ax, [("lifecycle.chart.stage_users", "muted"), ("lifecycle.chart.stage_revenue", "main")])
    return fig


def returns(curve: pd.DataFrame, thresholds: pd.DataFrame) -> Figure | None:
    """The share of returns that has happened after so many days; the thresholds in use as upright lines."""
    if curve.empty or curve["returned_share"].isna().all():
        return None
    fig, ax = theme.axes()
    lines = thresholds[thresholds["threshold"].isin(["sleeping", "lost"])].dropna(subset=["in_use_days"])
    last = _last_shown(curve, lines)
    shown = curve[curve["day"] <= last]
    color = theme.COLORS["main"]
    ax.fill_between(shown["day"], shown["returned_low"], shown["returned_high"], color=color, alpha=0.18, linewidth=0)
    ax.plot(shown["day"], shown["returned_share"], color=color)
    for stage, days in lines.loc[lines["in_use_days"] <= last, ["threshold", "in_use_days"]].itertuples(index=False):
        _upright(ax, str(stage), float(days), before=days > 0.6 * last)
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0, last)
    ax.set_xlabel(words.label("lifecycle.chart.days_since_active", n=curve["returns_seen"].iloc[0]))
    ax.set_ylabel(words.label("lifecycle.chart.share_returns"))
    theme.percent_axis(ax)
    return fig


def waking(chances: pd.DataFrame) -> Figure | None:
    """The chance of a return within 7 and within 28 days by how long the user has been silent, with intervals."""
    if chances.empty or not (chances["silences"] > 0).any():
        return None
    fig, ax = theme.axes()
    days = sorted(chances["silent_days"].unique())
    place = {day: number for number, day in enumerate(days)}
    heights, texts, shades = [], [], []
    for within, color in zip(sorted(chances["within_days"].unique()), ("resurrected", "current"), strict=False):
        line = chances[chances["within_days"] == within].sort_values("silent_days")
        x, shade = line["silent_days"].map(place).to_numpy(float), theme.COLORS[color]
        reach = np.nan_to_num([line["chance"] - line["low"], line["high"] - line["chance"]])
        ax.errorbar(x, line["chance"], yerr=np.clip(reach, 0, None), color=shade, elinewidth=1.2, capsize=2.5,
                    marker="o", markersize=4)  # fmt: skip
        heights.append(float(line["chance"].iloc[0]))
        texts.append(words.label("lifecycle.chart.within", days=within))
        shades.append(shade)
    ax.set_ylim(0, 1.08 * float(np.nan_to_num(chances[["chance", "high"]]).max()))
    _start_labels(ax, heights, texts, shades)
    ax.set_xticks(range(len(days)), [str(day) for day in days])
    ax.set_xlabel(words.label("lifecycle.chart.silent_days"))
    ax.set_ylabel(words.label("lifecycle.chart.chance"))
    theme.percent_axis(ax)
    return fig


def _name_blocks(ax: Axes, middles: dict[str, float], users: pd.Series, x: float, side: str) -> None:
    """Each block's stage and users outside the chart, moved apart where they would touch."""
    low, high = ax.get_ylim()
    step, bottom = (high - low) * 0.062, np.inf
    for name, middle in middles.items():
        bottom = min(middle, bottom - step)
        text = words.label("lifecycle.chart.flow", flow=words.label(f"lifecycle.{side}.{name}"), users=users[name])
        color = colors.readable(theme.COLORS.get(f"stage_{name}", theme.COLORS["muted"]), colors.LIGHT)
        ax.annotate(text, (x, bottom), xytext=(6 if x else -6, 0), textcoords="offset points", va="center",
                    ha="left" if x else "right", color=color, fontsize=11.5, annotation_clip=False)  # fmt: skip


def _last_shown(curve: pd.DataFrame, lines: pd.DataFrame) -> float:
    """A little beyond the later of the last threshold and the day of 99 % of returns, never beyond the data."""
    nearly = curve.loc[curve["returned_share"] >= 0.99, "day"].min()
    return float(min(curve["day"].max(), 1.15 * np.nanmax([nearly, lines["in_use_days"].max(), 1])))


def _upright(ax: Axes, stage: str, days: float, *, before: bool) -> None:
    """A dashed line where the stage begins, named beside its foot, on the side that has room."""
    color = theme.COLORS[f"stage_{stage}"]
    ax.axvline(days, color=color, linewidth=1.6, linestyle=(0, (5, 3)))
    text = words.label("lifecycle.chart.begins", stage=words.label(f"common.stage.{stage}"), days=days)
    height = {"sleeping": 0.04, "lost": 0.14}[stage]  # neither name writes over the other
    ax.annotate(text, (days, height), xytext=(-5 if before else 5, 0), textcoords="offset points", fontsize=10.5,
                ha="right" if before else "left", color=colors.readable(color, colors.LIGHT))  # fmt: skip


def _start_labels(ax: Axes, heights: list[float], texts: list[str], shades: list[str]) -> None:
    """The lines' names in the empty corner, in the lines' colours, the upper line first."""
    order = np.argsort(heights)[::-1]
    for row, number in enumerate(order):
        ax.annotate(texts[number], (1, 0.97 - 0.085 * row), xycoords="axes fraction", ha="right", va="top",
                    color=colors.readable(shades[number], colors.LIGHT), fontsize=12, fontweight="bold")  # fmt: skip


def _key(ax: Axes, names: list[tuple[str, str]]) -> None:
    """Words in their bars' colours above the chart instead of a legend box."""
    for place, (key, color) in enumerate(names):
        ax.annotate(words.label(key), (0.5 * place, 1), xycoords="axes fraction", xytext=(0, 5),
                    textcoords="offset points", color=colors.readable(theme.COLORS[color], colors.LIGHT), fontsize=12,
                    fontweight="bold")  # fmt: skip
