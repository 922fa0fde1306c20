"""Charts of “Compared with whom?”: forests, paths of cities, placebos, balance; None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import theme, words

LARGE_GAP = 0.1


def estimates(table: pd.DataFrame) -> Figure | None:
    """One row per method: the net difference per user with its interval."""
    names = [words.find(f"campaign.method.{name}") or str(name) for name in table["method"]]
    return _forest(table, names, words.label("campaign.axis.difference"))


def variants(table: pd.DataFrame) -> Figure | None:
    """One row per variant, best first: the difference to the control with its interval."""
    names = [
        f"{name} (n = {words.show(users, 'whole')})"
        for name, users in zip(table["variant"], table["users"], strict=True)
    ]
    return _forest(table, names, words.label("campaign.axis.against_control"))


def placebo_dates(table: pd.DataFrame, increments: pd.DataFrame, *, metric: str) -> Figure | None:
    """The campaign first, then the same comparison on dates without a campaign."""
    if table.empty:
        return None
    own = increments[(increments["metric"] == metric) & (increments["window"] == "net")].head(1)
    names = [words.label("campaign.chart.this_campaign")] * len(own)
    names += [words.show(day, "date") for day in table["start"]]
    columns = ["difference", "low", "high"]
    rows = pd.concat([part[columns] for part in (own, table) if len(part)], ignore_index=True)
    colors = [theme.COLORS["main"]] * len(own) + [theme.COLORS["muted"]] * len(table)
    return _forest(rows, names, words.label("campaign.axis.difference"), colors)


def path(table: pd.DataFrame, increments: pd.DataFrame) -> Figure | None:
    """Treated units and what the others foretell, week by week; where no effect may be read, only before the start."""
    shown = table if len(increments) else table[table["window"] == "before"]
    if shown.empty:
        return None
    fig, ax = theme.axes(height=3.8)
    days = theme.days_of(shown["first_day"])
    own, other = theme.COLORS["main"], theme.SOFT_INK
    ax.plot(days, shown["expected"], color=other, linewidth=1.6, linestyle="--")
    ax.plot(days, shown["actual"], color=own)
    for window, color in (("during", "phase_burst"), ("after", "phase_after")):
        inside = days[(shown["window"] == window).to_numpy()]
        if len(inside):
            ax.axvspan(inside[0], inside[-1] + 7, color=theme.COLORS[color], alpha=0.13, linewidth=0)
    low, high = float(shown[["actual", "expected"]].min().min()), float(shown[["actual", "expected"]].max().max())
    ax.set_ylim(max(low - 0.35 * (high - low), 0), high + 0.15 * (high - low))
    ax.set_ylabel(words.label("campaign.axis.per_user_day"))
    theme.date_axis(ax)
    _key(ax, [(words.label("campaign.chart.actual"), own), (words.label("campaign.chart.foretold"), other)])
    return fig


def placebo_units(table: pd.DataFrame) -> Figure | None:
    """Each dot is a set of units: the treated one, and those that never had the campaign."""
    if len(table) < 4:
        return None
    treated = table["is_treated"].astype(bool).to_numpy()
    return _dots(table["difference"].to_numpy(float), treated, words.label("campaign.axis.difference"), percent=False)


def balance(table: pd.DataFrame) -> Figure | None:
    """One row per covariate: the standardised gap without weights (open) and with them (filled)."""
    if table.empty:
        return None
    fig, ax = theme.axes(height=1.4 + 0.42 * len(table))
    places = np.arange(len(table))[::-1]
    before, after = table["gap_before"].abs(), table["gap_after"].abs()
    ax.hlines(places, np.minimum(before, after), np.maximum(before, after), color=theme.COLORS["band"], linewidth=2)
    ax.plot(before, places, "o", color=theme.SOFT_INK, fillstyle="none", markersize=8, markeredgewidth=1.6)
    ax.plot(after, places, "o", color=theme.COLORS["main"], markersize=7)
    ax.axvline(LARGE_GAP, color=theme.INK, linewidth=1, linestyle=":")
    ax.set_yticks(places, [words.find(f"campaign.covariate.{name}") or str(name) for name in table["covariate"]])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(left=-0.03 * max(float(before.max()), LARGE_GAP))
    ax.set_xlabel(words.label("campaign.axis.gap"))
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x")
    labels = (words.label("campaign.chart.weighted"), words.label("campaign.chart.unweighted"))
    _key(ax, list(zip(labels, (theme.COLORS["main"], theme.SOFT_INK), strict=True)))
    return fig


def interrupted(forecast: pd.DataFrame, errors: pd.DataFrame, *, metric: str) -> Figure | None:
    """The campaign's days against their forecast, among the same for days without a campaign."""
    row = forecast[forecast["metric"] == metric] if metric in set(forecast["metric"]) else forecast.head(1)
    known = errors["error"].dropna().to_numpy(float)
    if row.empty or not len(known):
        return None
    values = np.append(np.expm1(known), float(row["relative"].iloc[0]))
    treated = np.arange(len(values)) == len(values) - 1
    fig = _dots(values, treated, words.label("campaign.axis.against_forecast"), percent=True)
    ax = fig.axes[0]
    low, high = float(row["relative_low"].iloc[0]), float(row["relative_high"].iloc[0])
    ax.plot([low, high], [0.55, 0.55], color=theme.COLORS["main"], linewidth=2.4)
    return fig


def _forest(
    table: pd.DataFrame, names: Sequence[str], label: str, colors: Sequence[str] | None = None
) -> Figure | None:
    """Rows of an estimate with its interval; zero is a line."""
    if table.empty:
        return None
    fig, ax = theme.axes(height=1.1 + 0.5 * len(table))
    places = np.arange(len(table))[::-1]
    shades = colors or [theme.COLORS["main"]] * len(table)
    for place, color, value, low, high in zip(
        places, shades, table["difference"], table["low"], table["high"], strict=True
    ):
        ax.plot([low, high], [place, place], color=color, linewidth=2.4)
        ax.plot(value, place, marker="o", markersize=7, color=color)
    ax.axvline(0, color=theme.INK, linewidth=1)
    ax.set_yticks(places, list(names))
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlabel(label)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x")
    return fig


def _dots(values: np.ndarray, treated: np.ndarray, label: str, *, percent: bool) -> Figure:
    """Values on one line: the campaign's above it, those without a campaign stacked below."""
    fig, ax = theme.axes(height=2.4)
    others = np.sort(values[~treated])
    ax.plot(others, np.full(len(others), 0.0), "o", color=theme.COLORS["muted"], alpha=0.55, markersize=7)
    ax.plot(values[treated], [0.55] * int(treated.sum()), "o", color=theme.COLORS["main"], markersize=9)
    ax.axvline(0, color=theme.INK, linewidth=1)
    ax.set_yticks([0.55, 0.0], [words.label("campaign.chart.this_campaign"), words.label("campaign.chart.no_campaign")])
    ax.set_ylim(-0.4, 0.95)
    ax.set_xlabel(label)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x")
    if percent:
        theme.percent_axis(ax, "x")
    return fig


def _key(ax: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Two names over the plot in their colours, one at either end."""
    for place, (text, color) in enumerate(entries):
        side = "right" if place else "left"
        ax.annotate(text, (place, 1.0), xycoords="axes fraction", xytext=(0, 4), textcoords="offset points",
                    va="bottom", ha=side, fontsize=11.5, color=color, fontweight="bold")  # fmt: skip
