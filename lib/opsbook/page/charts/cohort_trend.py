"""Chart of notebook 02: cohorts at the same age over calendar time."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opsbook.page import theme, words
from opsbook.page.charts.end_labels import End, end_labels
from opsbook.page.says.cohort_trend import age_name


def same_age(shares: pd.DataFrame, trends: pd.DataFrame) -> Figure | None:
    """Per age a point with its interval for each cohort and the fitted trend; ages without a trend have no line."""
    if shares.empty:
        return None
    fig, ax = theme.axes(height=4.0)
    colors = (theme.COLORS["main"], theme.SOFT_INK, theme.partner())
    pairs = shares[["unit", "age"]].drop_duplicates().itertuples(index=False)
    beside, ends = _between(shares["cohort"]) / 6, []
    for place, (color, (unit, age)) in enumerate(zip(colors, pairs, strict=False)):
        cells = shares[(shares["unit"] == unit) & (shares["age"] == age)]
        reach = np.vstack([cells["share"] - cells["low"], cells["high"] - cells["share"]]).clip(0)
        days = cells["cohort"] + (place - 1) * beside
        ax.errorbar(days, cells["share"], yerr=reach, fmt="o", markersize=4, color=color,
                    elinewidth=0.9, alpha=0.75)  # fmt: skip
        _line(ax, trends[(trends["unit"] == unit) & (trends["age"] == age)], color)
        last = cells.iloc[-1]
        ends.append(End(last["cohort"] + beside, float(last["share"]), age_name(unit, age).text(), color))
    ax.set_ylim(0, min(1.0, 1.08 * float(shares["high"].max())))
    end_labels(ax, ends)
    theme.percent_axis(ax)
    theme.date_axis(ax)
    ax.set_xlabel(words.label("retention.axis.cohort_start"))
    return fig


def _between(cohorts: pd.Series) -> pd.Timedelta:
    """The usual time between cohorts; a sixth of it parts the intervals of ages that would cover each other."""
    return (
        pd.Timedelta(cohorts.drop_duplicates().sort_values().diff().median())
        if cohorts.nunique() > 1
        else pd.Timedelta(0)
    )


def _line(ax: Axes, row: pd.DataFrame, color: str) -> None:
    """The fitted trend, straight in log-odds."""
    if row.empty or row["start"].isna().any() or row["conclusion"].iloc[0] == "cannot_tell":
        return
    first, last = row[["start", "end"]].to_numpy(float)[0]
    odds = np.linspace(np.log(first / (1 - first)), np.log(last / (1 - last)), 60)
    days = pd.date_range(row["first_cohort"].iloc[0], row["last_cohort"].iloc[0], periods=60)
    ax.plot(days, 1 / (1 + np.exp(-odds)), color=color, linewidth=1.8)
