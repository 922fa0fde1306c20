"""Line of what a cohort member brings, by age, over all complete cohorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.analysis.value_grid import pooled_values
from opsbook.page import theme, words

TICKS = 13


def line(values: pd.DataFrame, *, unit: str, metric: str) -> Figure | None:
    """Amount per member in each unit of age with its band; below each tick the members it rests on.

    values: `value_grid.values`; metric: revenue or orders
    """
    known = pooled_values(values).dropna(subset=["per_member"])
    if known.empty:
        return None
    fig, ax = theme.axes()
    color = theme.COLORS["main"]
    ax.fill_between(known["age"], known["low"], known["high"], color=color, alpha=0.15, linewidth=0)
    ax.plot(known["age"], known["per_member"], color=color, marker="o", markersize=4)
    shown = known[known["age"] % int(np.ceil(len(known) / TICKS)) == 0]
    users = [words.show(int(n), "count") for n in shown["users"]]
    ax.set_xticks(shown["age"], [f"{age}\n{n}" for age, n in zip(shown["age"], users, strict=True)], fontsize=9.5)
    ax.set_ylim(0, 1.08 * float(known["high"].fillna(known["per_member"]).max()) or 1.0)
    if metric == "revenue":
        theme.money_axis(ax)
    ax.set_xlabel(words.label(f"retention.axis.value_age_{unit}"))
    ax.set_ylabel(words.label(f"retention.axis.per_member_{metric}"))
    return fig
