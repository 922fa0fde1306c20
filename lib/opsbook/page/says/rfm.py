"""Sentences of notebook 01 about the RFM groups: how buyers move, how firm the groups are, and what to do with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis.buyers import KEYS
from opsbook.inputs.plays import Play
from opsbook.page import words
from opsbook.page.told import Told
from opsbook.page.words import Sentence

TOP = "HHH"
ROBUST = 0.1  # a threshold that is 10 % off should not move more than one buyer in ten


def moves(kept: pd.DataFrame, moves: pd.DataFrame) -> Sentence:
    """What the best group kept, measured against what it kept one step earlier and not against 100 %."""
    if moves.empty:
        return Sentence("lifecycle.rfm_moves.empty")
    last = moves[moves["end"] == moves["end"].max()].iloc[0]
    told: dict[str, Any] = {"group": _group(TOP), "start": last["start"], "end": last["end"]}
    if not last["settled"]:
        return Sentence("lifecycle.rfm_moves.unsettled", start=last["start"], end=last["end"])
    row = kept.set_index("key").loc[TOP]
    if pd.isna(row["share_kept"]):
        return Sentence("lifecycle.rfm_moves.few", **told)
    told |= {
        "n": row["from_users"],
        "kept": row["share_kept"],
        "low": row["share_kept_low"],
        "high": row["share_kept_high"],
    }
    if pd.isna(row["kept_points"]):
        return Sentence("lifecycle.rfm_moves.alone", **told)
    case = "usual" if not row["clear"] else "better" if row["kept_points"] > 0 else "worse"
    told |= {"usual": row["share_kept_before"], "base_n": row["base_users"], "change": row["kept_points"]}
    told |= {"change_low": row["kept_points_low"], "change_high": row["kept_points_high"]}
    return Sentence(f"lifecycle.rfm_moves.{case}", **told)


def kept(kept: pd.DataFrame) -> Sentence:
    """Which groups kept clearly more or fewer buyers than one step earlier."""
    judged = kept.dropna(subset=["p_holm"])
    if judged.empty:
        return Sentence("lifecycle.rfm_kept.alone")
    changed = [_group(key) for key in judged.loc[judged["clear"], "key"]]
    return Sentence(f"lifecycle.rfm_kept.{'some' if changed else 'none'}", groups=changed, compared=len(judged))


def window(moves: pd.DataFrame) -> Sentence:
    """How to read the matrix: rows, columns, whose cuts, and over how many days the three measures were counted."""
    days = int(moves["window_days"].iloc[-1]) if len(moves) else 0
    return Sentence("lifecycle.how.rfm_moves", window=days)


def stability(table: pd.DataFrame) -> Sentence:
    """Whether a threshold that lies 10 % lower or higher would give other groups."""
    if not table["buyers"].iloc[0]:
        return Sentence("lifecycle.rfm.empty")
    row = table.loc[table["share_changed"].idxmax()]
    case = (
        "robust"
        if row["share_changed_high"] < ROBUST
        else "fragile"
        if row["share_changed_low"] > ROBUST
        else "unclear"
    )
    told = {"share": row["share_changed"], "low": row["share_changed_low"], "high": row["share_changed_high"]}
    told |= {"measure": Sentence(f"lifecycle.measure.{row['measure']}"), "n": row["buyers"], "limit": ROBUST}
    return Sentence(f"lifecycle.rfm_stability.{case}", **told, side=Sentence(f"lifecycle.side.{row['direction']}"))


def sheet(sheet: pd.DataFrame, moves: pd.DataFrame) -> Sentence:
    """The line above the action sheet: which groups clearly grew or shrank since the earlier date."""
    if not sheet["shown"].any() or not sheet["users"].sum():
        return Sentence("lifecycle.rfm_sheet.empty")
    judged = sheet.dropna(subset=["p_holm"])
    if judged.empty or not moves["settled"].all():
        return Sentence("lifecycle.rfm_sheet.alone")
    start = moves.loc[moves["end"] == moves["end"].max(), "start"].iloc[0]
    clear = judged[judged["p_holm"] <= 0.05]
    grew, shrank = (list(clear.loc[where, "key"]) for where in (clear["change"] > 0, clear["change"] < 0))
    named = {"grew": [_group(key) for key in grew], "shrank": [_group(key) for key in shrank]}
    case = ("both" if shrank else "grew") if grew else "shrank" if shrank else "still"
    used = {name: groups for name, groups in named.items() if case in (name, "both")}
    return Sentence(f"lifecycle.rfm_sheet.{case}", start=start, compared=len(judged), **used)


def sheet_table(sheet: pd.DataFrame, plays: Mapping[Any, Play]) -> pd.DataFrame:
    """The action sheet for reading: the company's play and owner where it named them, else the suggestion."""
    lines = [plays.get(key, Play()) for key in sheet["key"]]
    planned = zip(sheet["key"], lines, strict=True)
    shown = sheet[["key"]].copy()
    shown["play"] = _texts(
        _said(line.play, line.play_zh) or words.label(f"lifecycle.play.{key}") for key, line in planned
    )
    shown["buyers"] = _texts(_with_share("lifecycle.cell_share.users", row, "users") for _i, row in sheet.iterrows())
    shown["revenue"] = _texts(_with_share("lifecycle.cell_share.money", row, "revenue") for _i, row in sheet.iterrows())
    shown["since"] = _texts(_since(row) for _index, row in sheet.iterrows())
    if any(
        line.owner or line.owner_zh or line.contacts is not None for line in lines
    ):  # else nobody's name stands there
        shown["owner"] = _texts(_owner(line, users) for line, users in zip(lines, sheet["users"], strict=True))
    return shown if sheet["users"].sum() else shown.head(0)


def _with_share(key: str, row: pd.Series, name: str) -> Sentence:
    if pd.isna(row[name]):
        return Sentence("lifecycle.cell_share.hidden")
    return Sentence(key, value=row[name], share=row[f"share_{name}"])


def _since(row: pd.Series) -> Told:
    """The change with its interval, and whether it is clear among all groups: the interval alone does not tell that."""
    if pd.isna(row["p_holm"]):
        return Told(None, Sentence("lifecycle.rfm_since.unjudged"))
    case = "unclear" if row["p_holm"] > 0.05 else "up" if row["change"] > 0 else "down"
    told = {name: row[name] for name in ("change", "change_low", "change_high")}
    more = {"low": told["change_low"], "high": told["change_high"], "clear": case}
    return Told(told["change"], Sentence(f"lifecycle.rfm_since.{case}", **told), more)


def _owner(line: Play, users: float) -> Sentence | str:
    """Who does it, and the contact budget where the company set one."""
    owner = _said(line.owner, line.owner_zh) or Sentence("lifecycle.owner.none")
    if line.contacts is None:
        return owner
    if pd.isna(users) or not users or not line.contacts:
        return Sentence("lifecycle.owner.budget", owner=owner, contacts=line.contacts)
    return Sentence("lifecycle.owner.per_buyer", owner=owner, contacts=line.contacts, each=line.contacts / users)


def _said(text: str | None, text_zh: str | None) -> str | None:
    return text_zh or text if words.language() == "zh" else text


def _texts(values: Any) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def _group(key: str) -> Sentence:
    return Sentence(f"lifecycle.key.{key if key in KEYS else TOP}")
