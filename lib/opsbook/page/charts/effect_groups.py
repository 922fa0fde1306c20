"""Chart of notebook 03 about the effect in groups: own figures thin, drawn towards the other groups thick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from opsbook.analysis.effect_groups import SEGMENT
from opsbook.inputs.segments import Segment
from opsbook.page import theme, words
from opsbook.page.says.effect_groups import group_name, split_name

WIDEST = 2.0


def forest(groups: pd.DataFrame, segments: Mapping[str, Segment], *, grade: str) -> Figure | None:
    """One row per group: a thin line is the group's own interval, the thick one what all groups of the split say."""
    known = groups.dropna(subset=["relative", "shrunk"]).reset_index(drop=True)
    if known.empty or grade not in ("A", "B"):
        return None
    family = known["dimension"].where(~known["dimension"].str.startswith(SEGMENT), SEGMENT)
    places = -(np.arange(len(known)) + 0.8 * (family != family.shift()).cumsum().to_numpy())
    fig, ax = theme.axes(height=1.2 + 0.3 * len(known) + 0.24 * family.nunique())
    own, drawn = (known[[name, f"{name}_low", f"{name}_high"]].to_numpy() for name in ("relative", "shrunk"))
    ax.hlines(places, own[:, 1], own[:, 2], color=theme.COLORS["muted"], linewidth=1.1)
    ax.plot(own[:, 0], places, "|", color=theme.SOFT_INK, markersize=9)
    ax.hlines(places, drawn[:, 1], drawn[:, 2], color=theme.COLORS["main"], linewidth=3.6)
    ax.plot(drawn[:, 0], places, "o", color=theme.COLORS["main"], markersize=6)
    ax.axvline(0, color=theme.INK, linewidth=1)
    ax.set_xlim(max(-1.0, own[:, 1].min() - 0.05), min(WIDEST, own[:, 2].max() + 0.05))
    ax.set_yticks(places, [_name(row, segments) for row in known.to_dict("records")])
    ax.set_ylim(places.min() - 0.7, places.max() + 0.7)
    ax.set_xlabel(words.label("campaign.axis.relative"))
    ax.grid(axis="x")
    ax.grid(visible=False, axis="y")
    theme.percent_axis(ax, "x")
    return fig


def _name(row: Mapping[Any, Any], segments: Mapping[str, Segment]) -> str:
    dimension, group = str(row["dimension"]), str(row["group"])
    name = str(group_name(dimension, group, segments))
    if dimension.startswith(SEGMENT) or dimension == "life":
        return name
    return words.label("campaign.whom.of", split=str(split_name(dimension, segments)), group=name)
