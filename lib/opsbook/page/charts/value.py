"""Charts of notebook 01 about value: revenue since acquisition, and orders foretold against orders seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import colors, theme, words
from opsbook.page.charts import bars
from opsbook.page.charts.end_labels import End, end_labels

SHORTEST = 30  # days a curve must have to be drawn
NAMED = 2
HEADLINE_DAYS = 90


def ltv_curves(curves: pd.DataFrame, observed: pd.DataFrame) -> Figure | None:
    """Each cohort's revenue per user by day of life; the newest ones named, all complete cohorts as dots."""
    long = [(name, own) for name, own in curves.groupby("cohort") if len(own) >= SHORTEST]
    if not long:
        return None
    fig, ax = theme.axes(height=4.2)
    ends = []
    for _name, own in long[:-NAMED]:
        ax.plot(own["age_days"] + 1, own["ltv"], color=theme.COLORS["muted"], linewidth=1, alpha=0.7)
    for (name, own), color in zip(long[-NAMED:], theme.SERIES[1:], strict=False):
        ax.plot(own["age_days"] + 1, own["ltv"], color=color, linewidth=2)
        text = words.label("lifecycle.chart.cohort", cohort=str(name), n=own["users"].iloc[-1])
        shade = colors.readable(color, colors.LIGHT)
        ends.append(End(own["age_days"].iloc[-1] + 1, float(own["ltv"].iloc[-1]), text, shade))
    _all_cohorts(ax, observed)
    ax.set_xlim(0, None)
    ax.set_ylim(0, None)
    end_labels(ax, ends)
    ax.set_xlabel(words.label("lifecycle.chart.days_of_life"))
    ax.set_ylabel(words.label("lifecycle.chart.revenue_per_user"))
    theme.money_axis(ax)
    return fig


def holdout(track: pd.DataFrame) -> Figure | None:
    """Repeat orders since the fit: seen, foretold with its band, and the plain forecast of the same again."""
    told = track.dropna(subset=["expected"]) if len(track) else track
    if told.empty or not track["actual"].iloc[-1]:
        return None
    fig, ax = theme.axes(height=3.9)
    days = np.concatenate([[0], told["day_number"]])
    lines = {name: np.concatenate([[0], told[name].astype(float)]) for name in ("expected", "low", "high", "again")}
    ax.fill_between(days, lines["low"], lines["high"], color=theme.COLORS["band"], linewidth=0)
    ax.plot(days, lines["again"], color=theme.COLORS["muted"], linewidth=1.4, linestyle=(0, (2, 2)))
    ax.plot(days, lines["expected"], color=theme.COLORS["warn"], linewidth=2, linestyle=(0, (6, 2)))
    ax.plot(track["day_number"], track["actual"].astype(float), color=theme.COLORS["actual"])
    ends = {"actual": track["actual"].iloc[-1], "expected": lines["expected"][-1], "again": lines["again"][-1]}
    texts = [words.label(f"lifecycle.chart.line_{name}", orders=orders) for name, orders in ends.items()]
    ax.set_xlim(0, days[-1])
    ax.set_ylim(0, None)
    shades = [theme.COLORS[color] for color in ("actual", "warn", "muted")]
    bars.side_labels(ax, days[-1], [float(end) for end in ends.values()], texts, shades)
    ax.set_xlabel(words.label("lifecycle.chart.days_after_fit"))
    ax.set_ylabel(words.label("lifecycle.chart.repeat_orders"))
    theme.count_axis(ax)
    return fig


def holdout_classes(classes: pd.DataFrame) -> Figure | None:
    """Orders per customer by the number of repeat orders before: foretold with its interval, and seen."""
    if classes.empty:
        return None
    fig, ax = theme.axes(height=3.9)
    places = np.arange(len(classes))
    value, low, high = (classes[name].to_numpy(dtype=float) for name in ("expected", "low", "high"))
    ax.bar(places, value, width=0.62, color=theme.COLORS["band"])
    ax.errorbar(places, value, yerr=np.clip([value - low, high - value], 0, None), fmt="none", ecolor=theme.SOFT_INK,
                elinewidth=1.2, capsize=3)  # fmt: skip
    ax.scatter(places, classes["actual"].astype(float), color=theme.COLORS["actual"], s=46, zorder=3)
    ax.set_xticks(places, [f"{name}\n{words.show(n, 'count')}" for name, n in _named(classes)])
    ax.set_xlabel(words.label("lifecycle.chart.orders_before"))
    ax.set_ylabel(words.label("lifecycle.chart.orders_each"))
    for number, (key, color) in enumerate((("actual", theme.COLORS["actual"]), ("expected_band", theme.SOFT_INK))):
        ax.annotate(words.label(f"lifecycle.chart.{key}"), (0.02, 0.93 - 0.08 * number), xycoords="axes fraction",
                    color=color, fontsize=11.5, fontweight="bold")  # fmt: skip
    return fig


def _named(classes: pd.DataFrame) -> list[tuple[str, int]]:
    return list(zip(classes["class"], classes["customers"], strict=True))


def _all_cohorts(ax: Axes, observed: pd.DataFrame) -> None:
    """The complete cohorts together at each window, with interval."""
    dots = observed[(observed["cohort"] == "all") & observed["ltv"].notna()]
    reach = [dots["ltv"] - dots["ltv_low"], dots["ltv_high"] - dots["ltv"]]
    ax.errorbar(dots["window_days"], dots["ltv"], yerr=reach, fmt="o", color=theme.COLORS["main"], markersize=6,
                elinewidth=1.4, capsize=3, zorder=4)  # fmt: skip
    named = dots[dots["window_days"].isin([HEADLINE_DAYS, dots["window_days"].max()])]
    for days, value in zip(named["window_days"], named["ltv"], strict=True):
        ax.annotate(words.show(value, "money"), (days, value), xytext=(-4, 7), textcoords="offset points", ha="right",
                    color=theme.COLORS["main"], fontsize=11, path_effects=theme.HALO, zorder=5)  # fmt: skip
