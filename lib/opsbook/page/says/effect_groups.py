"""Sentences about the effect in groups: whether any group differs, never which one looks best by chance."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from opsbook.analysis.effect_groups import SEGMENT
from opsbook.analysis.verdict import CAUSAL_GRADES
from opsbook.inputs.segments import Segment
from opsbook.page import words
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

CLEAR = 0.05
RATIOS = ["relative", "relative_low", "relative_high", "shrunk", "shrunk_low", "shrunk_high"]
FORMATS = dict.fromkeys(RATIOS, "signed_percent") | {"p_holm": "pvalue", "p_split": "pvalue", "weight": "percent"}


def effects(
    groups: pd.DataFrame, splits: pd.DataFrame, segments: Mapping[str, Segment], *, grade: str, metric: str
) -> Sentence:
    """Whether groups differ (by the test over each way of splitting), and how many ways were looked at.

    groups: `effect_groups.shown`; splits: `effect_groups.splits`
    """
    if groups.empty or grade not in CAUSAL_GRADES:
        return Sentence("campaign.whom.none")
    if splits.empty:
        return Sentence("campaign.whom.few")
    named = Sentence(f"campaign.metric.{metric}")
    told = {"splits": len(splits), "groups": int(groups["relative"].notna().sum()), "p": splits["p_holm"].min()}
    first = splits.sort_values("p_holm", kind="stable").iloc[0]
    if not first["p_holm"] < CLEAR:
        return Sentence("campaign.whom.alike", metric=named, **told)
    told |= {"split": split_name(str(first["dimension"]), segments)}
    if str(first["dimension"]).startswith(SEGMENT):
        return Sentence(
            "campaign.whom.segment_differs", metric=named, **told | _figures(groups, first["dimension"], -1)
        )
    ends = _figures(groups, first["dimension"], -1), _figures(groups, first["dimension"], 0)
    told |= {"best": group_name(*_key(ends[0]), segments), "worst": group_name(*_key(ends[1]), segments)}
    told |= {name: value for name, value in ends[0].items() if name in ("value", "low", "high")}
    told |= {f"worst_{name}": value for name, value in ends[1].items() if name in ("value", "low", "high")}
    return Sentence("campaign.whom.differs", metric=named, **told)


def readable(groups: pd.DataFrame, splits: pd.DataFrame, segments: Mapping[str, Segment]) -> pd.DataFrame:
    """The groups for reading: names, own effect, the effect drawn towards the others, and the test of the split."""
    tested = splits.set_index("dimension")["p_holm"]
    rows = groups.to_dict("records")
    dimensions = (split_name(row["dimension"], segments) for row in rows)
    names = (group_name(row["dimension"], row["group"], segments) for row in rows)
    shown = groups.assign(p_split=groups["dimension"].map(tested).astype("float64"))
    shown = shown.assign(
        dimension=told_column(groups["dimension"], dimensions, like=groups),
        group=told_column(groups["group"], names, like=groups),
    )
    return shown.drop(columns=["p", "compared", "suppressed"])


def split_name(dimension: str, segments: Mapping[str, Segment]) -> Sentence | str:
    """What a way of splitting is called; an attribute keeps the company's name."""
    if dimension.startswith(SEGMENT):
        key = dimension.removeprefix(SEGMENT)
        return Sentence("campaign.whom.member", segment=segments[key].label(key, words.language()))
    return Sentence(f"campaign.whom.split.{dimension}") if dimension in ("channel", "life") else dimension


def group_name(dimension: str, group: str, segments: Mapping[str, Segment]) -> Sentence | str:
    """What a group is called; a channel or a value of an attribute keeps the company's name."""
    if dimension.startswith(SEGMENT):
        key = dimension.removeprefix(SEGMENT)
        return segments[key].label(key, words.language())
    known = dimension == "life" or group == "unknown"
    return Sentence(f"campaign.whom.group.{group}") if known else group


def _key(found: dict[str, object]) -> tuple[str, str]:
    return str(found["dimension"]), str(found["group"])


def _figures(groups: pd.DataFrame, dimension: str, place: int) -> dict[str, object]:
    """The group of a dimension at one end by its drawn effect: names, value, low, high."""
    own = groups[(groups["dimension"] == dimension) & groups["shrunk"].notna()]
    row = own.sort_values("shrunk", kind="stable").iloc[place]
    figures = {"value": row["shrunk"], "low": row["shrunk_low"], "high": row["shrunk_high"]}
    return figures if dimension.startswith(SEGMENT) else figures | {"dimension": dimension, "group": row["group"]}
