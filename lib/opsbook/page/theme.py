"""One visual language for every chart: the same thing has the same colour in all reports.

Colours are Okabe and Ito's, which stay apart for colour-blind readers, ordered so that neighbours also differ in grey.
Figures are made by `axes`, never by pyplot, so that no state outlives a cell.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from opsbook.page import colors, fonts, words

INK, SOFT_INK, GRID, PAPER = "#1d2733", "#5b6776", "#e3e8ee", "#ffffff"
BLACK = "#000000"
DEFAULT_MAIN = "#0072b2"

COLORS: dict[str, str] = {
    "main": DEFAULT_MAIN,
    "muted": "#9aa5b1",
    "band": "#d5dde6",
    "good": "#00805f",
    "bad": "#c8442b",
    "warn": "#b87900",
    "target": "#1d2733",
    # flows of growth accounting
    "new": "#56b4e9",
    "current": "#0a5a94",
    "resurrected": "#009e73",
    "dormant": "#d55e00",
    "unknown": "#9aa5b1",
    # lifecycle stages
    "stage_introduction": "#56b4e9",
    "stage_growth": "#009e73",
    "stage_mature": "#0a5a94",
    "stage_sleeping": "#e69f00",
    "stage_lost": "#8c4a1f",
    # sides of a comparison
    "treated": "#0a5a94",
    "control": "#e69f00",
    "actual": "#0a5a94",
    "expected": "#9aa5b1",
    # phases of a campaign
    "phase_warm_up": "#e69f00",
    "phase_burst": "#d55e00",
    "phase_wind_down": "#56b4e9",
    "phase_after": "#9aa5b1",
}
SERIES = ("#0a5a94", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#5b6776", "#8c6d00")
HALO: list[AbstractPathEffect] = [withStroke(linewidth=3, foreground=PAPER)]
# so light that black numbers can be read on every shade, by day and through the filter of the dark page
SEQUENTIAL = sns.light_palette("#6aaede", as_cmap=True)
DIVERGING = sns.diverging_palette(28, 240, s=85, l=72, as_cmap=True)


def use(language: str = "en", brand_color: str | None = None) -> None:
    """Set matplotlib's and seaborn's defaults; `main` becomes the brand colour where it is dark enough on white."""
    COLORS["main"] = brand_color if brand_color and colors.contrast(brand_color, PAPER) >= 3 else DEFAULT_MAIN
    sns.set_theme(style="ticks", palette=list(SERIES), rc=_settings(language))


def _settings(language: str) -> dict[str, Any]:
    return {
        "font.family": list(fonts.families()),
        "font.size": 12,
        "axes.labelsize": 12,
        "axes.titlesize": 12,
        "xtick.labelsize": 11.5,
        "ytick.labelsize": 11.5,
        "legend.fontsize": 11.5,
        "legend.frameon": False,
        "text.color": INK,
        "axes.labelcolor": SOFT_INK,
        "xtick.color": SOFT_INK,
        "ytick.color": SOFT_INK,
        "axes.edgecolor": "#b6c0cb",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "grid.color": GRID,
        "grid.linewidth": 0.8,
        "xtick.major.size": 4,
        "ytick.major.size": 0,
        "lines.linewidth": 2.2,
        "lines.solid_capstyle": "round",
        "patch.linewidth": 0,
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "savefig.facecolor": PAPER,
        "figure.dpi": 100,
        "svg.fonttype": "path",
        "svg.hashsalt": "opsbook",
        "path.simplify": True,
    }


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def axes(width: float = 7.2, height: float = 3.6) -> tuple[Figure, Axes]:
    """A figure of the given inches with one pair of axes."""
    fig, grid = panels(1, 1, width=width, height=height)
    return fig, grid[0, 0]


def panels(rows: int, columns: int, *, width: float = 7.2, height: float = 3.6, **shared: Any) -> tuple[Figure, Any]:
    """A figure with rows x columns axes (a 2-d array); `sharex`/`sharey` as in matplotlib."""
    fig = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.subplots(rows, columns, squeeze=False, **shared)


def label_line(ax: Axes, x: Any, y: float, text: str, color: str) -> None:
    """Write a line's name right of its last point instead of a legend."""
    ax.annotate(
        text,
        (x, y),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=colors.readable(mpl.colors.to_hex(color), PAPER),
        fontsize=11.5,
        annotation_clip=False,
    )


def shade(ax: Axes, start: Any, end: Any, text: str = "", color: str | None = None) -> None:
    """Grey a span of the x axis (incomplete days, a festival, an incident) and name it above the plot."""
    ax.axvspan(start, end, color=color or COLORS["band"], alpha=0.55, linewidth=0, zorder=0)
    if text:
        ax.annotate(
            text,
            (start, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            va="bottom",
            color=SOFT_INK,
            fontsize=10.5,
            path_effects=HALO,
        )


def target_line(ax: Axes, y: float, text: str = "") -> None:
    """A dashed horizontal line at a target, named at its left end."""
    ax.axhline(y, color=COLORS["target"], linewidth=1.2, linestyle=(0, (5, 3)), zorder=1.5)
    if text:
        ax.annotate(
            text,
            (0, y),
            xycoords=("axes fraction", "data"),
            xytext=(4, 3),
            textcoords="offset points",
            color=INK,
            fontsize=10.5,
            path_effects=HALO,
        )


def percent_axis(ax: Axes, axis: str = "y") -> None:
    """Show shares 0-1 on the axis as percent with as many decimals as the ticks need."""

    def tick(value: float, _: int | None) -> str:
        low, high = getattr(ax, f"get_{axis}lim")()
        return words.show(value, "percent") if abs(high - low) < 0.04 else _whole_percent(value)

    getattr(ax, f"{axis}axis").set_major_formatter(FuncFormatter(tick))


def count_axis(ax: Axes, axis: str = "y") -> None:
    """Show counts on the axis with separators (en) or 万/亿 (zh); ticks at whole numbers only."""
    side = getattr(ax, f"{axis}axis")
    side.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
    side.set_major_formatter(FuncFormatter(lambda value, _: _tick_count(value)))


def money_axis(ax: Axes, axis: str = "y") -> None:
    """Show amounts on the axis in the workbook's currency."""
    getattr(ax, f"{axis}axis").set_major_formatter(FuncFormatter(lambda value, _: _short(words.show(value, "money"))))


def date_axis(ax: Axes, axis: str = "x") -> None:
    """Few, short, localised date ticks: days within a quarter, months beyond; the year where it begins."""
    side = getattr(ax, f"{axis}axis")
    first, last = sorted(getattr(ax, f"get_{axis}lim")())
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7) if last - first < 100 else _months(last - first)
    side.set_major_locator(locator)
    by_month = last - first >= 100
    side.set_major_formatter(FuncFormatter(lambda value, place: _date_tick(value, place, by_month=by_month)))


def _months(days: float) -> mdates.MonthLocator:
    return mdates.MonthLocator(interval=max(1, round(days / 30.4 / 6)))


def _date_tick(value: float, place: int | None, *, by_month: bool) -> str:
    day = mdates.num2date(value).date()
    year = place == 0 or (day.month == 1 and (by_month or day.day <= 7))
    shape = {"en": ("%b", "%-d %b"), "zh": ("%-m月", "%-m月%-d日")}[words.language()][not by_month]
    text = _portable(day, shape)
    return f"{text}\n{day.year}{'年' if words.language() == 'zh' else ''}" if year else text


def _portable(day: date, shape: str) -> str:
    """A tick text with unpadded numbers on every platform and English month names in every locale."""
    month = _MONTHS[day.month - 1]
    return shape.replace("%b", month).replace("%-d", str(day.day)).replace("%-m", str(day.month))


def _whole_percent(value: float) -> str:
    return words.show(round(100 * value), "number") + "%"


def _tick_count(value: float) -> str:
    return _short(words.show(float(value), "count"))


def _short(text: str) -> str:
    """Ticks are round numbers: 12.00 万 reads better as 12 万."""
    head, _, tail = text.partition(".")
    digits = tail.rstrip(" 万亿")
    unit = tail[len(digits) :].strip()
    kept = digits.rstrip("0")
    return head + (f".{kept}" if kept else "") + (f" {unit}" if unit else "")


def partner() -> str:
    """The first colour of the series whose hue lies far from `main`, which is the company's own: no two greens."""
    own = colors.hue(COLORS["main"])
    return next(color for color in ("#009e73", "#0a5a94", "#d55e00") if colors.hues_apart(colors.hue(color), own) > 0.2)


def text_on(color: Any) -> str:
    """Black or white, whichever reads better on the colour where it reads worse, by day or at night."""
    shade = mpl.colors.to_hex(color)

    def worst(text: str) -> float:
        return min(colors.contrast(shade, text), colors.contrast(colors.at_night(shade), colors.at_night(text)))

    return max((BLACK, PAPER), key=worst)


def days_of(column: pd.Series) -> np.ndarray:
    """A date column as matplotlib day numbers."""
    return np.asarray(mdates.date2num(pd.to_datetime(column)))
