"""Sentences about named segments: how they differ, whether they come back, how they took to a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from opsbook.inputs.segments import STAGES, Segment
from opsbook.page import words
from opsbook.page.says.rows import direction
from opsbook.page.told import Told, told_column
from opsbook.page.words import Sentence

CLEAR = 0.05
DIFFERENCE = ["difference", "difference_low", "difference_high"]
RETURNS = dict.fromkeys(DIFFERENCE, "signed_points") | {"p_holm": "pvalue"}
CAMPAIGN = {f"segment_{column}": "signed_points" for column in DIFFERENCE} | {"p_holm": "pvalue"}
NOW_FORMATS = dict.fromkeys(["stickiness", "stickiness_low", "stickiness_high"], "percent")
NOW_FORMATS |= dict.fromkeys(["arpu", "arpu_low", "arpu_high"], "money")


def name(segments: Mapping[str, Segment], key: str) -> Sentence | str:
    """What reports call a segment, a stage, or everyone."""
    if key in segments:
        return segments[key].label(key, words.language())
    return Sentence(f"common.stage.{key}") if key in STAGES else Sentence(f"lifecycle.segments.{key}")


def split_name(segments: Mapping[str, Segment], by: str) -> Sentence | None:
    """By what a segment splits the curves of notebook 02; None when a users column does."""
    return Sentence("common.member_of", segment=segments[by].label(by, words.language())) if by in segments else None


def among(told: Sentence, *, landmark_days: int) -> Sentence:
    """The sentence as it holds of the users still there after a landmark; as it is without one."""
    return Sentence("retention.among", day=landmark_days, told=told) if landmark_days else told


def how_split(*, landmark_days: int) -> str:
    """The key of how to read curves by segment: from the first day, or from a landmark on."""
    return "retention.how.segments_later" if landmark_days else "retention.how.segments"


def heading(segments: Mapping[str, Segment], *, unseen: Sequence[str] = ()) -> Sentence:
    """The line above the segments for reading; warns of events that never happened; without segments, what one is."""
    if unseen:
        return Sentence("lifecycle.segments.unseen", events=list(unseen), n=len(unseen))
    return Sentence(f"lifecycle.segments.{'table' if segments else 'example'}")


def now(table: pd.DataFrame, segments: Mapping[str, Segment]) -> Sentence:
    """How many segments there are, and which holds most of the revenue per active user."""
    shown = table[~table["suppressed"]].set_index("segment")
    if len(table) < 2:
        return Sentence("lifecycle.segments.none")
    if not table["complete"].all():
        return Sentence("lifecycle.segments.unsettled")
    own = shown.drop(index="everyone", errors="ignore")
    told: dict[str, Any] = {"segments": len(table) - 1, "all": table["alive_users"].iloc[0]}
    if own.empty:
        return Sentence("lifecycle.segments.few", **told)
    largest = own["users"].idxmax()
    told |= {"largest": name(segments, str(largest)), "users": own.loc[largest, "users"]}
    told |= {"share": own.loc[largest, "share_of_all"], "low": own.loc[largest, "share_of_all_low"]}
    told |= {"high": own.loc[largest, "share_of_all_high"], "hidden": int(table["suppressed"].sum())}
    spenders = own.dropna(subset=["arpu"])
    if spenders.empty or not spenders["buyers"].sum():
        return Sentence("lifecycle.segments.sizes", **told)
    best = spenders.loc[spenders["arpu"].idxmax()]
    told |= {"best": name(segments, str(best.name)), "arpu": best["arpu"], "arpu_low": best["arpu_low"]}
    told |= {"arpu_high": best["arpu_high"], "everyone": shown["arpu"].get("everyone"), "n": best["active_users"]}
    return Sentence("lifecycle.segments.known", **told)


def readable(table: pd.DataFrame, segments: Mapping[str, Segment]) -> pd.DataFrame:
    """The segments for reading: one line each, value and interval in one cell."""
    rows = table.to_dict("records") if len(table) > 1 else []
    cells = {
        "segment": [Told(row["segment"], name(segments, row["segment"])) for row in rows],
        "users": [row["users"] for row in rows],
        "share_of_all": [None if row["segment"] == "everyone" else _cell("share", row, "share_of_all") for row in rows],
        "share_active": [_cell("share", row, "share_active") for row in rows],
        "stickiness": [_cell("share", row, "stickiness") for row in rows],
        "share_paying": [_cell("share", row, "share_paying") for row in rows],
        "arpu": [_cell("money", row, "arpu") for row in rows],
    }
    return pd.DataFrame(cells).astype({name: "object" for name in cells if name != "users"})


def by_name(table: pd.DataFrame, segments: Mapping[str, Segment]) -> pd.DataFrame:
    """The table with the segments' own names in place of their keys; no rows where no segment has been named."""
    own = table if segments else table.head(0)
    return own.assign(segment=told_column(own["segment"], (name(segments, key) for key in own["segment"]), like=own))


def returning(table: pd.DataFrame, segments: Mapping[str, Segment]) -> Sentence:
    """Which segments came back clearly more, and clearly less, than everybody else."""
    if table.empty:
        return Sentence("lifecycle.segment_returns.none")
    if not table["complete"].all():
        return Sentence("lifecycle.segment_returns.unsettled")
    compared = int(table["tested"].iloc[0])
    if not compared:
        return Sentence("lifecycle.segment_returns.few")
    clear = table[table["p_holm"] < CLEAR]
    if clear.empty:
        return Sentence("lifecycle.segment_returns.unclear", compared=compared)
    more, less = (clear[side(clear["difference"])] for side in (lambda d: d > 0, lambda d: d < 0))
    top = clear.sort_values("difference", key=abs).iloc[-1].to_dict()
    told = {"segment": name(segments, top["segment"]), "share": top["share_returned"], "n": top["users"]}
    told |= {"low": top["share_returned_low"], "high": top["share_returned_high"], "rest": top["share_rest"]}
    told |= {"rest_n": top["rest_users"], "compared": compared, "more": len(more), "less": len(less)}
    return Sentence(f"lifecycle.segment_returns.{'more' if top['difference'] > 0 else 'less'}", **told)


def lists(segments: Mapping[str, Segment], exports: Any) -> Sentence | None:
    """Which lists of users lie beside the report when the runner made it; None where the company wants none."""
    named = list(segments) if exports.segments else []
    wanted = [key for key in ("stages", "rfm_groups") if getattr(exports, key)]
    names = [*(name(segments, key) for key in named), *(Sentence(f"lifecycle.segments.{key}") for key in wanted)]
    return Sentence("lifecycle.segments.lists", lists=names) if names else None


def campaign(table: pd.DataFrame, segments: Mapping[str, Segment]) -> Sentence:
    """Which segment took part most, against everybody else; a description, not an effect."""
    if len(table) < 2:
        return Sentence("campaign.segments.none")
    own = table[table["segment"] != "everyone"]
    compared = int(own["tested"].max()) if own["tested"].notna().any() else 0
    if not compared:
        return Sentence("campaign.segments.few")
    clear = own[own["p_holm"] < CLEAR]
    if clear.empty:
        return Sentence("campaign.segments.unclear", compared=compared)
    top = clear.sort_values("difference", key=abs).iloc[-1].to_dict()
    told = {"segment": name(segments, top["segment"]), "share": top["share_participants"], "n": top["base"]}
    told |= {"low": top["share_participants_low"], "high": top["share_participants_high"], "compared": compared}
    told |= {"change": top["difference"], "change_low": top["difference_low"], "change_high": top["difference_high"]}
    case = direction(top["difference_low"], top["difference_high"])
    return Sentence(f"campaign.segments.{'less' if case == 'down' else 'more'}", **told)


def campaign_readable(table: pd.DataFrame, segments: Mapping[str, Segment]) -> pd.DataFrame:
    """The campaign's segments for reading; numbers keep their columns."""
    known = table if len(table) > 1 else table.iloc[:0]
    shown = known.drop(columns=["base_participants", "p", "tested", "suppressed"])
    shown = shown.rename(columns={f"difference{end}": f"segment_difference{end}" for end in ("", "_low", "_high")})
    return shown.assign(
        segment=told_column(known["segment"], (name(segments, key) for key in known["segment"]), like=known)
    )


def _cell(unit: str, row: Mapping[Any, Any], of: str) -> Sentence | None:
    value, low, high = (row[f"{of}{end}"] for end in ("", "_low", "_high"))
    return None if pd.isna(value) else Sentence(f"lifecycle.interval.{unit}", value=value, low=low, high=high)
