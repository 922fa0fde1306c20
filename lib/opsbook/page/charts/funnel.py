"""Charts of notebook 01 about the funnel: how far users come, how soon, in which groups, and over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from opsbook.page import theme, words
from opsbook.page.charts import bars

TICKS = {1 / 60: "minute", 1.0: "hour", 24.0: "day", 168.0: "week", 720.0: "month"}
SHADES = ("#0a5a94", "#d55e00", "#009e73", "#cc79a7", "#5b6776", "#8c6d00", "#56b4e9")


def steps(rates: pd.DataFrame, *, names: Mapping[str, str]) -> Figure | None:
    """One bar per step: users who came so far, of all who entered; pale, what was left from the step before."""
    if rates.empty or not rates["users"].any():
        return None
    fig, ax = theme.axes(height=0.9 + 0.66 * len(rates))
    places, share = np.arange(len(rates))[::-1], rates["share_of_entry"].to_numpy()
    ax.barh(places, rates["previous"] / rates["users"].iloc[0], color=theme.COLORS["band"], height=0.6)
    ax.barh(places, share, color=theme.COLORS["main"], height=0.6)
    errors = _reach(rates, "share_of_entry")
    ax.errorbar(share, places, xerr=errors, fmt="none", ecolor=theme.INK, elinewidth=1.2, capsize=3)
    ends = np.maximum(rates["share_of_entry_high"], rates["previous"] / rates["users"].iloc[0])
    texts = [_step_text(row) for row in records(rates)]
    for place, end, text in zip(places, ends, texts, strict=True):
        ax.text(end + 0.015, place, text, va="center", fontsize=11, linespacing=1.1)
    ax.set_yticks(places, [_step_name(row, names) for row in records(rates)])
    ax.set_xlabel(words.label("lifecycle.chart.funnel_share"))
    ax.set_xlim(0, 1.62)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    _across(ax)
    return fig


def time_to_convert(curves: pd.DataFrame, *, names: Mapping[str, str]) -> Figure | None:
    """Share of those at the step before who have gone on, by time since then; one line per step, named at its end."""
    known = curves[(curves["step"] > 0) & (curves["hours"] > 0)] if len(curves) else curves
    if known.empty or not known["share"].max() > 0:
        return None
    fig, ax = theme.axes(height=4.2)
    ends, texts, shades = [], [], []
    for number, (_step, line) in enumerate(known.groupby("step", sort=True)):
        shade = SHADES[number % len(SHADES)]
        ax.plot(line["hours"], line["share"], color=shade, drawstyle="steps-post")
        ax.fill_between(line["hours"], line["share_low"], line["share_high"], color=shade, alpha=0.13, linewidth=0,
                        step="post")  # fmt: skip
        told = {"step": names.get(str(line["event"].iloc[0]), str(line["event"].iloc[0])), "n": line["waited"].iloc[0]}
        ends.append(float(line["share"].iloc[-1]))
        texts.append(words.label("lifecycle.chart.funnel_to", **told))
        shades.append(shade)
    ax.set_ylim(0, 1)
    _hours_axis(ax, float(known["hours"].max()))
    ax.set_ylabel(words.label("lifecycle.chart.funnel_gone_on"))
    theme.percent_axis(ax)
    bars.side_labels(ax, float(known["hours"].max()), ends, texts, shades)
    return fig


def groups(table: pd.DataFrame) -> Figure | None:
    """Conversion through the whole funnel of each group with its interval; clear differences in colour."""
    whole = table[table["step"] == 0].sort_values(["share", "group"], kind="stable") if len(table) else table
    if len(whole) < 2:
        return None
    fig, ax = theme.axes(height=1.0 + 0.5 * len(whole))
    places = np.arange(len(whole))
    clear = (whole["p_adjusted"] <= 0.05).to_numpy()
    for place, row, sure in zip(places, records(whole), clear, strict=True):
        shade = theme.COLORS["good" if row["difference"] > 0 else "bad"] if sure else theme.SOFT_INK
        reach = [[row["share"] - row["share_low"]], [row["share_high"] - row["share"]]]
        ax.errorbar([row["share"]], [place], xerr=reach, fmt="o", color=shade, capsize=3, markersize=7)
    overall = whole["users"].sum() / whole["previous"].sum()
    ax.axvline(overall, color=theme.COLORS["target"], linewidth=1.1, linestyle=(0, (5, 3)))
    told = words.label("lifecycle.chart.funnel_overall", share=overall)
    ax.annotate(told, (overall, 1), xycoords=("data", "axes fraction"), xytext=(4, 3), textcoords="offset points",
                color=theme.SOFT_INK, fontsize=10.5)  # fmt: skip
    labels = [words.label("lifecycle.chart.funnel_group", group=group_name(row["group"]), n=row["entered"])
              for row in records(whole)]  # fmt: skip
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.6, len(whole) - 0.4)
    ax.set_xlim(0, float(whole["share_high"].max()) * 1.12)
    ax.set_xlabel(words.label("lifecycle.chart.funnel_whole"))
    _across(ax)
    return fig


def trend(table: pd.DataFrame, changed: pd.DataFrame, *, names: Mapping[str, str]) -> Figure | None:
    """Conversion of each step and, strong, of the whole funnel by period of entry; a bar where the last should lie."""
    if table.empty or table["period"].nunique() < 2:
        return None
    fig, ax = theme.axes(height=4.4)
    spans = table.drop_duplicates("start").sort_values("start", ignore_index=True)
    place = {start: number for number, start in enumerate(spans["start"])}
    ends, texts, shades = [], [], []
    for number, (step, line) in enumerate(table.groupby("step", sort=True)):
        shade = theme.COLORS["main"] if step == 0 else SHADES[(number - 1) % len(SHADES)]
        x = line["start"].map(place)
        ax.plot(x, line["share"], color=shade, marker="o", markersize=4, linewidth=2.8 if step == 0 else 1.6)
        ax.fill_between(x, line["share_low"], line["share_high"], color=shade, alpha=0.13, linewidth=0)
        own = "whole" if step == 0 else str(line["event"].iloc[0])
        name = names.get(own, own)
        texts.append(words.label("lifecycle.chart.funnel_line", name=name, share=line["share"].iloc[-1]))
        ends.append(float(line["share"].iloc[-1]))
        shades.append(shade)
    _expected(ax, changed, len(spans) - 1)
    ax.set_ylim(0, 1)
    bars.period_ticks(ax, spans)
    bars.side_labels(ax, len(spans) - 0.75, ends, texts, shades)
    ax.set_ylabel(words.label("lifecycle.chart.funnel_step_share"))
    theme.percent_axis(ax)
    return fig


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as mappings of column to value."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def group_name(group: str) -> str:
    """A group as a reader says it: the company's own word, but `other` and `unknown` in the reader's language."""
    return words.find(f"lifecycle.funnel.group.{group}") or group


def _expected(ax: Axes, changed: pd.DataFrame, place: int) -> None:
    known = changed.dropna(subset=["expected_low"])
    grey = theme.COLORS["expected"]
    for row in records(known[known["step"] == 0]):
        span = [row["expected_low"], row["expected_high"]]
        ax.plot([place + 0.16] * 2, span, color=grey, linewidth=5, solid_capstyle="butt")


def _step_name(row: dict[str, Any], names: Mapping[str, str]) -> str:
    name = names.get(row["event"], row["event"])
    return words.label("lifecycle.chart.funnel_optional", step=name) if row["optional"] else name


def _step_text(row: dict[str, Any]) -> str:
    told = {"users": row["users"], "share": row["share_of_entry"], "previous": row["share_of_previous"]}
    key = "entered" if row["step"] == 1 else "optional" if row["optional"] else "reached"
    return words.label(f"lifecycle.chart.funnel_users_{key}", **told)


def _hours_axis(ax: Axes, last: float) -> None:
    ax.set_xscale("log")
    ax.set_xlim(1 / 60, last)
    ticks = {hours: name for hours, name in TICKS.items() if hours <= last}
    ax.xaxis.set_major_locator(FixedLocator(list(ticks)))
    ax.xaxis.set_major_formatter(
        FixedFormatter([words.label(f"lifecycle.chart.funnel_{name}") for name in ticks.values()])
    )
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(words.label("lifecycle.chart.funnel_since"))


def _across(ax: Axes) -> None:
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, axis="x")


def _reach(table: pd.DataFrame, name: str) -> np.ndarray:
    values = table[name]
    return np.clip(np.nan_to_num([values - table[f"{name}_low"], table[f"{name}_high"] - values]), 0, None)
