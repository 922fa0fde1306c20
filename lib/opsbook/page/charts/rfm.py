"""Charts of notebook 01 about the RFM groups: where the buyers of each group went, and what each group kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.analysis.buyers import KEYS
from opsbook.analysis.rfm_migration import ENTERED, LEFT
from opsbook.page import colors, theme, words


def moves(moves: pd.DataFrame) -> Figure | None:
    """A heat map of the last step: each row a group at the start, each column a group at the end.

    Groups are named by their letters, so that nine columns can be read on a telephone; hidden cells show a dot.
    """
    last = moves[moves["end"] == moves["end"].max()]
    if last.empty or not last["settled"].all() or not last["users"].sum():
        return None
    shares = last.pivot(index="from_key", columns="to_key", values="share").loc[[*KEYS, ENTERED], [*KEYS, LEFT]]
    n = last.drop_duplicates("from_key").set_index("from_key")["from_users"].reindex(shares.index)
    hidden = last.pivot(index="from_key", columns="to_key", values="hidden").loc[shares.index, shares.columns]
    fig, ax = theme.axes(height=4.6)
    ax.imshow(shares.fillna(0.0).to_numpy(), cmap=theme.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares.to_numpy()):
        text = "·" if hidden.iat[row, column] else "" if np.isnan(share) or share == 0 else _whole_percent(share)
        color = theme.text_on(theme.SEQUENTIAL(0.0 if np.isnan(share) else share))
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=12)
    names = [words.label(f"lifecycle.short_key.{key}") for key in shares.index]
    rows = [words.label("lifecycle.chart.rfm_row", key=name, n=count) for name, count in zip(names, n, strict=True)]
    ax.set_yticks(range(len(rows)), rows)
    ax.set_xticks(range(len(shares.columns)), [words.label(f"lifecycle.short_key.{key}") for key in shares.columns])
    ax.set_xlabel(words.label("lifecycle.chart.rfm_to", end=last["end"].iloc[0]))
    ax.set_ylabel(words.label("lifecycle.chart.rfm_from", start=last["start"].iloc[0]))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return fig


def kept(kept: pd.DataFrame) -> Figure | None:
    """Per group the share that stayed, with its interval, beside the share that stayed one step earlier."""
    if kept["share_kept"].isna().all():
        return None
    fig, ax = theme.axes(height=4.2)
    places = np.arange(len(kept))[::-1]
    reach = np.nan_to_num([kept["share_kept"] - kept["share_kept_low"], kept["share_kept_high"] - kept["share_kept"]])
    ax.plot(
        kept["share_kept_before"],
        places,
        "D",
        color=theme.COLORS["muted"],
        markersize=8,
        fillstyle="none",
        markeredgewidth=2,
    )
    ax.errorbar(kept["share_kept"], places, xerr=reach.clip(min=0), fmt="o", color=theme.COLORS["main"], markersize=7,
                ecolor=theme.COLORS["main"], elinewidth=1.6, capsize=3)  # fmt: skip
    labels = [words.label(f"lifecycle.key.{key}") for key in kept["key"]]
    users = [words.label("lifecycle.chart.n", n=count) for count in kept["from_users"]]
    ax.set_yticks(places, [f"{label}\n{count}" for label, count in zip(labels, users, strict=True)], fontsize=10)
    ax.set_xlim(0, 1)
    ax.set_xlabel(words.label("lifecycle.chart.rfm_kept"))
    theme.percent_axis(ax, axis="x")
    for key, color, height in (("rfm_now", "main", 1.01), ("rfm_before", "muted", 1.07)):
        ax.annotate(words.label(f"lifecycle.chart.{key}"), (1, height), xycoords="axes fraction", ha="right",
                    color=colors.readable(theme.COLORS[color], colors.LIGHT), fontsize=11.5,
                    fontweight="bold")  # fmt: skip
    return fig


def _whole_percent(share: float) -> str:
    """Whole percent, so that nine columns fit; below one percent says so."""
    return "<1%" if share < 0.005 else f"{round(100 * share)}%"
