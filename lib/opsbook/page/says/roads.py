"""Sentences of notebook 02 about the roads by which users leave: recorded exits and silence, as competing ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis.traps import Check
from opsbook.inputs.exits import SILENT, Exits
from opsbook.page import words
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

TERMS = ("road_out", "cumulative_incidence", "gray")
CLEAR = 0.05
SHARES = dict.fromkeys(["share", "low", "high", "share_rest"], "percent")
DIFFERENCES = SHARES | dict.fromkeys([f"road_difference{end}" for end in ("", "_low", "_high")], "signed_points")
GRAY = {"p_holm": "pvalue"}
DIFFERENCES |= {"p_holm": "pvalue"}


def road(exits: Exits, cause: str) -> Sentence | str:
    """What reports call a road: the workbook's name; silence and staying in the report's own words."""
    if cause in exits.roads:
        return exits.roads[cause].label(cause, words.language())
    return Sentence(f"retention.road.{cause}")


def shares(
    told: pd.DataFrame, exits: Exits, *, churn_after_days: int, n: int, missing: Mapping[str, str] | None = None
) -> Sentence:
    """By which roads users had left by the last day that is told, and how many of them were still there.

    missing: roads.unseen; events that nobody ever had are told after it, with what was perhaps meant
    """
    known = _shares(told, exits, churn_after_days, n)
    return Sentence("retention.roads.warned", known=known, warning=_unseen(missing)) if missing else known


def _shares(told: pd.DataFrame, exits: Exits, churn_after_days: int, n: int) -> Sentence:
    if told.empty:
        return Sentence("retention.roads.empty")
    last = told[told["day"] == told["day"].max()]
    gone, there = last[last["cause"] != "active"], last[last["cause"] == "active"].iloc[0]
    known = {"day": int(there["day"]), "active": there["share"], "low": there["low"], "high": there["high"], "n": n}
    if gone.empty:
        return Sentence("retention.roads.nobody", **known)
    parts = [_part(row, exits) for row in gone.to_dict("records")]
    rule = {"days": churn_after_days} if SILENT in set(gone["cause"]) else {}
    return Sentence(f"retention.roads.{'known' if rule else 'exits_only'}", parts=parts, **known, **rule)


def _part(row: Mapping[Any, Any], exits: Exits) -> Sentence:
    """One road with its share and, where it has one, its interval."""
    told = {"road": road(exits, row["cause"]), "share": row["share"], "low": row["low"], "high": row["high"]}
    return Sentence("retention.roads.bare" if pd.isna(row["low"]) else "retention.roads.part", **told)


def _unseen(missing: Mapping[str, str]) -> Sentence:
    parts = [_misspelt(event, near) for event, near in missing.items()]
    return Sentence("retention.roads.unseen", events=parts, n=len(parts))


def _misspelt(event: str, near: str) -> Sentence:
    if not near:
        return Sentence("retention.roads.alone", event=event)
    return Sentence("retention.roads.meant", event=event, near=near)


def table(told: pd.DataFrame, exits: Exits) -> pd.DataFrame:
    """The shares with the roads' names for reading."""
    return _named(told, exits)


def compared(differences: pd.DataFrame, exits: Exits, *, called: Sentence | str | None) -> Sentence:
    """Which segment leaves by which road clearly more or less often than everybody else; a description."""
    made = int(differences["p"].notna().sum())
    if not made:
        return Sentence("retention.roads.cannot_compare")
    clear = differences[differences["p_holm"] < CLEAR]
    day = int(differences["day"].iloc[0])
    if clear.empty:
        return Sentence("retention.roads.alike", day=day, compared=made)
    top = clear.loc[clear["difference"].abs().idxmax()].to_dict()
    told = {"road": road(exits, top["cause"]), "segment": _segment(top["segment"], called), "n": top["users"]}
    told |= {"share": top["share"], "low": top["low"], "high": top["high"], "rest": top["share_rest"]}
    told |= {"change": top["difference"], "change_low": top["difference_low"], "change_high": top["difference_high"]}
    case = "more" if top["difference"] > 0 else "less"
    return Sentence(f"retention.roads.{case}", **told, day=day, compared=made, clear=len(clear))


def compared_table(differences: pd.DataFrame, exits: Exits) -> pd.DataFrame:
    """The differences for reading: the roads' names, largest clear differences first."""
    order = differences.assign(size=-differences["difference"].abs()).sort_values(["p_holm", "size"], kind="stable")
    names = {"segment": "level"} | {f"difference{end}": f"road_difference{end}" for end in ("", "_low", "_high")}
    shown = order.drop(columns=["p", "size", "day"]).rename(columns=names).reset_index(drop=True)
    levels = (words.find(f"common.{level}") or level for level in shown["level"])
    return _named(shown, exits).assign(level=told_column(shown["level"], levels, like=shown))


def whole_curves(tests: pd.DataFrame, exits: Exits) -> Sentence:
    """Whether segments differ by a road over the whole time watched: Gray's test, Holm over the roads."""
    made = tests[tests["p"].notna()]
    if made.empty:
        return Sentence("retention.gray.none")
    told: dict[str, Any] = {"tested": len(made), "groups": int(made["groups"].iloc[0]), "n": int(made["ended"].sum())}
    clear = made[made["p_holm"] < CLEAR].sort_values("p_holm", kind="stable")
    if clear.empty:
        return Sentence("retention.gray.alike", **told)
    roads = [Sentence("retention.gray.road", road=road(exits, name)) for name in clear["cause"]]
    top = clear.iloc[0]
    told |= {"roads": roads, "clear": len(clear), "chi2": top["chi2"], "degrees": top["degrees"], "p": top["p_holm"]}
    return Sentence("retention.gray.differ", **told)


def gray_table(tests: pd.DataFrame, exits: Exits) -> pd.DataFrame:
    """The tests with the roads' names for reading."""
    return _named(tests.drop(columns=["p", "groups"]), exits)


def one_minus_km(check: Check, exits: Exits) -> Sentence:
    """What the curve of one road alone would have claimed, in points; why it is never drawn."""
    if check.fired is None:
        return Sentence("retention.trap_one_minus_km.unknown")
    told = {name: check.numbers[name] for name in ("n", "day", "share", "km", "points", "together", "left")}
    return Sentence(f"retention.trap_one_minus_km.{check.case}", **told, road=road(exits, str(check.numbers["road"])))


def _segment(name: str, called: Sentence | str | None) -> Sentence | str:
    text = words.find(f"common.{name}") or name
    return Sentence("retention.roads.of", segment=text, called=called) if called else text


def _named(frame: pd.DataFrame, exits: Exits) -> pd.DataFrame:
    return frame.assign(cause=told_column(frame["cause"], (road(exits, c) for c in frame["cause"]), like=frame))
