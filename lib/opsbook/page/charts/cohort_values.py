"""Heat map of what a cohort member brings, by age; a cell that is not complete is blank, never zero."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.page import theme, words

CELLS_WITH_NUMBERS = 14 * 32


def grid(values: pd.DataFrame, *, unit: str) -> Figure | None:
    """One row per cohort with its users, one column per age, the amount per member in each cell."""
    shown = values.dropna(subset=["per_member"])
    if shown.empty:
        return None
    wide = shown.pivot_table(index="cohort", columns="age", values="per_member")
    fig, ax = theme.axes(width=7.6, height=1.1 + 0.27 * len(wide))
    top = max(float(np.nanmax(wide.to_numpy())), 1e-9)
    ax.imshow(wide.to_numpy(), aspect="auto", cmap=theme.SEQUENTIAL, vmin=0, vmax=top)
    for (row, column), value in np.ndenumerate(wide.to_numpy()):
        if np.isfinite(value) and wide.size <= CELLS_WITH_NUMBERS:
            color = theme.text_on(theme.SEQUENTIAL(value / top))
            ax.text(column, row, words.show(float(value), "number"), ha="center", va="center", fontsize=8, color=color)
    users = shown.groupby("cohort")["users"].first()
    spec = "month" if unit == "month" else "date"
    ax.set_yticks(range(len(wide)), [f"{words.show(day, spec)} ({users[day]:,})" for day in wide.index], fontsize=9.5)
    ax.set_xticks(range(wide.shape[1]), [str(age) for age in wide.columns], fontsize=10)
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel(words.label(f"retention.axis.age_{unit}"))
    ax.grid(visible=False)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return fig
