"""Sentences about abnormal participants: how many the screen lists, what hangs on them, and what it is no proof of."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.experiment import SHARES
from opsbook.inputs.abnormal import AbnormalRules
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

METHOD = "exact count"
MIN_RULES = 2  # one alone also meets honest users
MOST_NEW = 0.5
FORMATS = {"reward_cost": "money", "revenue": "money"}


def screen(found: pd.DataFrame, lines: pd.DataFrame, *, min_cell: int) -> Sentence:
    """How many participants meet enough rules, and how much of rewards and newcomers they make up.

    found: `abnormal.found`; lines: `abnormal.with_and_without`
    """
    users = found.set_index("rule")["users"]
    listed, everybody, asked = int(users["flagged"]), int(users["all"]), len(users) - 2
    if not everybody:
        return Sentence("campaign.abnormal.nobody")
    if asked < MIN_RULES:
        return Sentence("campaign.abnormal.cannot_tell")
    if not listed:
        return Sentence("campaign.abnormal.clean", n=everybody, rules=asked)
    if listed < min_cell:
        return Sentence("campaign.abnormal.few", n=everybody, least=min_cell, rules=asked)
    own, whole = lines.set_index("line").loc["flagged"], lines.set_index("line").loc["all"]
    told = {"listed": listed, "n": everybody, "share": listed / everybody, "cost": own["reward_cost"]}
    told |= {"revenue": own["revenue"], "rules": asked}
    if leading := newcomers(lines):
        return Sentence("campaign.abnormal.listed_new", newcomers=leading, **told)
    if pd.isna([own["new_users"], whole["new_users"]]).any():
        return Sentence("campaign.abnormal.listed_rest", **told)
    return Sentence("campaign.abnormal.listed", new=own["new_users"], all_new=whole["new_users"], **told)


def newcomers(lines: pd.DataFrame) -> Sentence | None:
    """That all or most new users of the campaign are listed; None where they are fewer, or too few to be told.

    lines: `abnormal.with_and_without`, whose counts of a few are missing
    """
    new = lines.set_index("line")["new_users"].reindex(["flagged", "all"])
    if not new.notna().all() or not new["flagged"] or new["flagged"] / new["all"] < MOST_NEW:
        return None
    told = {"new": new["flagged"], "all_new": new["all"], "left": new["all"] - new["flagged"]}
    return Sentence(f"campaign.abnormal_new.{'most' if told['left'] else 'all'}", **told)


def with_goals(goals: Sentence, attained: pd.DataFrame, lines: pd.DataFrame) -> Sentence:
    """The sentence of the goals; where one of them counts new users and most of those are listed, that as well."""
    leading = newcomers(lines)
    if leading is None or "new_users" not in set(attained["metric"]):
        return goals
    return Sentence("campaign.abnormal_new.goal", goals=goals, newcomers=leading)


def finding(said: Sentence, attained: pd.DataFrame) -> Sentence | None:
    """The sentence of `screen` as a finding of the first screen: where those listed are most of all newcomers.

    attained: of `attainment.attainment`; a goal of new users tells of the newcomers already, so they are left out here
    """
    if said.key != "campaign.abnormal.listed_new":
        return None
    if "new_users" not in set(attained["metric"]):
        return said
    rest = {name: value for name, value in said.values.items() if name != "newcomers"}
    return Sentence("campaign.abnormal.listed_rest", **rest)


def heading(found: pd.DataFrame, asked: AbnormalRules) -> Sentence | None:
    """How many rules list a participant; None where the screen could not tell or nobody took part."""
    return Sentence("campaign.abnormal.rules", met=asked.rules_met) if _told(found) else None


def rules(found: pd.DataFrame, asked: AbnormalRules, *, min_cell: int) -> pd.DataFrame:
    """How many met each rule, for reading; fewer than min_cell is not shown."""
    shown = found[found["rule"] != "all"].reset_index(drop=True)
    few = (shown["users"] > 0) & (shown["users"] < min_cell)
    told: dict[str, dict[str, Any]] = {
        "tree": {"tree": asked.tree_users},
        "instant": {"minutes": asked.instant_minutes},
    }
    told |= {"silent": {"days": asked.silent_days}, "flagged": {"met": asked.rules_met}}
    names = (Sentence(f"campaign.screen_rule.{rule}", **told.get(str(rule), {})) for rule in shown["rule"])
    return shown.assign(
        rule=told_column(shown["rule"], names, like=shown), users=shown["users"].astype("float64").mask(few)
    )


def readable(lines: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The campaign with all participants, without the listed, and of the listed alone; none where nobody is listed."""
    listed = found.set_index("rule").at["flagged", "users"] if _told(found) else 0
    return lines.rename(columns={"line": "among"}).iloc[: None if listed else 0]


def effect(
    without: pd.DataFrame, increments: pd.DataFrame, *, metric: str, grade: str, min_cell: int
) -> Sentence | None:
    """The effect with and without the listed users; None where few of them were assigned or no effect may be read."""
    method = "plain" if metric in SHARES else "cuped"
    own = increments[(increments["metric"] == metric) & (increments["window"] == "net")]
    own = own[own["method"] == method]
    if without.empty or own.empty or grade not in ("A", "B"):
        return None
    row, whole = without.iloc[0], own.iloc[0]
    if row["left_out"] < min_cell:
        return None
    told = {"left_out": row["left_out"], "n": row["users"], "value": row["relative"], "low": row["relative_low"]}
    told |= {"high": row["relative_high"], "whole": whole["relative"], "metric": Sentence(f"campaign.metric.{metric}")}
    return Sentence("campaign.abnormal.effect", **told)


def written(found: pd.DataFrame, *, exports: Any) -> Sentence | None:
    """Where the list lies; None where nobody is on it or the workbook asks for none."""
    listed = int(found.set_index("rule")["users"]["flagged"])
    return Sentence("campaign.abnormal.written") if listed and exports.abnormal else None


def number(found: pd.DataFrame, *, min_cell: int) -> dict[str, Any]:
    """Listed participants, as arguments of `page.number`; missing where they are too few to be told.

    No method says that the screen could not tell: then no list is made (`runs.abnormal_lists`).
    """
    users = found.set_index("rule")["users"]
    listed, few = int(users["flagged"]), 0 < int(users["flagged"]) < min_cell
    value = None if few or not _told(found) else listed
    told = {"value": value, "n": int(users["all"]), "unit": "users", "method": METHOD if _told(found) else ""}
    return {"key": "abnormal", "card": bool(value), **told}


def _told(found: pd.DataFrame) -> bool:
    """Whether anybody took part and at least two rules could be asked."""
    users = found.set_index("rule")["users"]
    return bool(users["all"]) and len(users) >= MIN_RULES + 2
