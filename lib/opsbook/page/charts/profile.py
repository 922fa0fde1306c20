"""Charts about who a group of users is: TGI of attributes, and what tells clusters apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from opsbook.analysis.clusters import Clusters
from opsbook.page import theme, words
from opsbook.page.says import profile as says

CLEAR = 0.05
TICKS = (10, 20, 33, 50, 67, 80, 100, 125, 150, 200, 300, 500, 1000)


def tgi(table: pd.DataFrame) -> Figure | None:
    """Per value of each attribute its TGI with interval around 100; grey where it does not differ clearly."""
    if table.empty:
        return None
    rows = table.reset_index(drop=True)
    places = _places(rows["attribute"])
    fig, ax = theme.axes(height=1.2 + 0.36 * (places.max() + 1))
    ax.set_xscale("log")
    ax.axvline(100, color=theme.SOFT_INK, linewidth=1)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        clear = row["p_bh"] < CLEAR
        color = theme.COLORS["muted" if not clear else "good" if row["tgi"] > 100 else "warn"]
        ax.plot([row["tgi_low"], row["tgi_high"]], [place, place], color=color, linewidth=2)
        ax.plot(row["tgi"], place, marker="o", color=color, markersize=7)
        theme.label_line(ax, row["tgi_high"], place, words.show(float(round(row["tgi"])), "number"), theme.INK)
    _value_names(ax, rows, places)
    _log_axis(ax, rows["tgi_low"].min(), rows["tgi_high"].max())
    ax.set_xlabel(words.label("lifecycle.chart.tgi"))
    return fig


def behaviours(table: pd.DataFrame) -> Figure | None:
    """How far the group lies from everybody else in each behaviour, in standard deviations."""
    if table.empty or table["standardised"].isna().all():
        return None
    rows = table[table["standardised"].notna()].reset_index(drop=True)
    places = np.arange(len(rows))[::-1]
    fig, ax = theme.axes(height=1.0 + 0.42 * len(rows))
    ax.axvline(0, color=theme.SOFT_INK, linewidth=1)
    reach = [rows["standardised"] - rows["standardised_low"], rows["standardised_high"] - rows["standardised"]]
    ax.errorbar(
        rows["standardised"], places, xerr=np.clip(reach, 0, None), fmt="o", color=theme.COLORS["main"], capsize=3
    )
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        theme.label_line(
            ax, row["standardised_high"], place, words.show(round(row["standardised"], 2), "signed_number"), theme.INK
        )
    ax.set_yticks(places, [str(says.feature(name)) for name in rows["behaviour"]])
    ax.set_ylim(-0.7, len(rows) - 0.3)
    ax.grid(visible=True, axis="x")
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.12)
    ax.set_xlabel(words.label("lifecycle.chart.standardised"))
    return fig


def clusters(found: Clusters) -> Figure | None:
    """A heat map: each row a cluster, each column a behaviour, coloured by its distance from everybody else."""
    if not found.k:
        return None
    cells = found.table.pivot(index="cluster", columns="feature", values="standardised")
    cells = cells[list(dict.fromkeys(found.table["feature"]))]
    fig, ax = theme.axes(height=1.6 + 0.55 * len(cells))
    ax.imshow(cells.fillna(0.0).to_numpy(), cmap=theme.DIVERGING, vmin=-3, vmax=3, aspect="auto")
    for (row, column), d in np.ndenumerate(cells.to_numpy()):
        color = theme.text_on(theme.DIVERGING((np.clip(np.nan_to_num(d), -3, 3) + 3) / 6))
        text = "" if np.isnan(d) else words.show(round(float(d), 1), "signed_number")
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=11)
    shares = found.table.drop_duplicates("cluster")["share"]
    names = [
        words.label("lifecycle.chart.cluster", cluster=int(k), share=share)
        for k, share in zip(cells.index, shares, strict=True)
    ]
    ax.set_yticks(range(len(names)), names)
    ax.set_xticks(range(cells.shape[1]), [str(says.feature(str(name))) for name in cells], rotation=35, ha="right")
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return fig


def _places(attribute: pd.Series) -> np.ndarray:
    """Heights from the top, with a gap (and room for its name) before each attribute."""
    gaps = 1.1 * attribute.ne(attribute.shift()).cumsum().to_numpy()
    places = np.arange(len(attribute)) + gaps
    return np.asarray(places.max() - places)


def _value_names(ax: Axes, rows: pd.DataFrame, places: np.ndarray) -> None:
    """Value and users at the left, the attribute's name in bold over its first value."""
    labels = [
        words.label("lifecycle.chart.value", value=says.value(row["value"], pooled=row["pooled"]), n=row["own_users"])
        for row in rows.to_dict("records")
    ]
    ax.set_yticks(places, labels, fontsize=10.5)
    for place, row in zip(
        places[~rows["attribute"].duplicated()], rows.drop_duplicates("attribute").itertuples(), strict=True
    ):
        ax.annotate(
            str(says.attribute(str(row.attribute))),
            (0, place + 0.85),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=11,
            fontweight="bold",
            color=theme.INK,
            annotation_clip=False,
        )
    ax.set_ylim(-0.7, places.max() + 1.4)
    ax.grid(visible=False, axis="y")


def _log_axis(ax: Axes, low: float, high: float) -> None:
    """A log axis with round numbers as ticks, wide enough that 100 never stands at its edge."""
    low, high = min(low, 80) / 1.06, max(high, 125) * 1.16
    ax.set_xlim(low, high)
    span = np.log(high / low)
    shown: list[float] = [100]
    for tick in sorted(TICKS, key=lambda tick: abs(np.log(tick / 100))):
        if low <= tick <= high and all(abs(np.log(tick / other)) > span / 9 for other in shown):
            shown.append(tick)
    ax.xaxis.set_major_locator(FixedLocator(shown))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: words.show(float(value), "number")))
    ax.grid(visible=True, axis="x")
