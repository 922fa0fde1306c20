"""Bars that several charts share: stacks, names beside the last bar, short period names below."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opsbook.page import colors, words
from opsbook.page.charts.end_labels import End, end_labels


def stack(ax: Axes, places: np.ndarray, heights: np.ndarray, floor: np.ndarray, color: str, fade: np.ndarray) -> None:
    """One layer of bars on a floor; `fade` is each bar's opacity, 1 where the period is complete."""
    for place, height, bottom, alpha in zip(places, heights, floor, fade, strict=True):
        ax.bar(place, height, bottom=bottom, color=color, alpha=alpha, width=0.8)


def side_labels(ax: Axes, x: float, heights: list[float], texts: list[str], shades: list[str]) -> None:
    """Names right of the last bar, moved apart where they would touch."""
    shown = (colors.readable(shade, colors.LIGHT) for shade in shades)
    end_labels(ax, [End(x, *three) for three in zip(heights, texts, shown, strict=True)])


def period_ticks(ax: Axes, table: pd.DataFrame) -> None:
    """Short period names under the bars, every second or fourth when they would touch; the year where it begins."""
    few, many = (8, 18) if _year(table, 0) else (4, 8)  # whole dates take twice the room
    step = 1 if len(table) <= few else 2 if len(table) <= many else 4
    places = np.arange(len(table))[::-1][::step][::-1]
    names, years = [], [None, *(_year(table, place) for place in places)]
    for before, place in zip(years, places, strict=False):
        year = _year(table, place)
        names.append(_period_name(table, place) + (f"\n{year}" if year != before else ""))
    ax.set_xticks(places, names)
    ax.set_xlim(-0.6, len(table) - 0.4)


def _year(table: pd.DataFrame, place: int) -> str:
    """The year a month or week label begins with; "" for other labels, which are shown whole."""
    year, _, rest = str(table["period"].iloc[place]).partition("-")
    return year if len(rest) in (2, 3) else ""


def _period_name(table: pd.DataFrame, place: int) -> str:
    label = str(table["period"].iloc[place])
    if not _year(table, place):
        return words.show(table["start"].iloc[place], "date") if "_" in label and "start" in table else label
    number = label.partition("-")[2]
    if not number.isdigit():
        return number
    month = words.show(table["end"].iloc[place], "month")
    return month.partition("年")[2] if words.language() == "zh" else month[:3]
