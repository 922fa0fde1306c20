"""Sentences of notebook 01 about a funnel's steps: what goes with taking one, and who has been standing at each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.inputs.funnels import Funnel
from opsbook.page import words
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

CLEAR = 0.05
LANDMARK_HOURS = 24
FORMATS = dict.fromkeys(["difference", "difference_low", "difference_high"], "signed_points") | {"p_adjusted": "pvalue"}
TERMS = ("stage_ageing",)


def step_taken(loss: pd.DataFrame) -> int:
    """The step most users are lost at (funnel_rates.largest_loss), or the second where nobody is lost."""
    return int(loss["step"].iloc[0]) if len(loss) else 2


def drivers(found: pd.DataFrame, *, funnel: Funnel | None, step: int, names: Mapping[str, str]) -> Sentence:
    """What goes most clearly with taking the step, and how many of those tried pass the correction."""
    if found.empty or funnel is None:
        return Sentence("lifecycle.drivers.empty")
    before, after = (names.get(name, name) for name in funnel.names[step - 2 : step])
    told: dict[str, Any] = {"step": Sentence("lifecycle.drivers.step", before=before, after=after)}
    told |= {"compared": found["compared"].iloc[0]}
    clear = found[found["p_adjusted"] <= CLEAR]
    if clear.empty:
        return Sentence("lifecycle.drivers.nothing", **told)
    row = clear.loc[clear["p_value"].idxmin()].to_dict()
    told |= {"what": what(row), "share": row["group_share"], "users": row["group_users"], "clear": len(clear)}
    told |= {"difference": row["difference"], "low": row["difference_low"], "high": row["difference_high"]}
    return Sentence(f"lifecycle.drivers.{'more' if row['difference'] > 0 else 'less'}", **told)


def ageing(table: pd.DataFrame, *, names: Mapping[str, str]) -> Sentence:
    """The step with most users waiting longer than usual."""
    if table.empty:
        return Sentence("lifecycle.ageing.empty")
    known = table[table["share_overdue"].notna()]
    if known.empty:
        return Sentence("lifecycle.ageing.nobody")
    row = known.loc[known["overdue"].idxmax()].to_dict()
    told = {"step": names.get(row["event"], row["event"]), "standing": row["standing"], "median": row["days_median"]}
    told |= {"slow": row["slow_after_days"], "share": row["share_overdue"]}
    told |= {"low": row["share_overdue_low"], "high": row["share_overdue_high"]}
    return Sentence(f"lifecycle.ageing.{'known' if row['slow_after_days'] else 'same_day'}", **told)


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Attributes and events tried, by the names a reader knows them by; an early event needs no name beside it."""
    names = [None if row["kind"] == "event" else _attribute(row) for row in found.to_dict("records")]
    return found.assign(name=told_column(found["name"], names, like=found))


def _attribute(row: Mapping[Any, Any]) -> str:
    known = words.find(f"retention.covariate.{row['name']}", f"common.column.{row['name']}")
    return known or words.readable(str(row["name"]))


def how() -> Sentence:
    """How to read the drivers, with the hours that an event must follow within."""
    return Sentence("lifecycle.how.drivers", hours=LANDMARK_HOURS)


def what(row: Mapping[Any, Any]) -> Sentence:
    """An attribute value or an early event in words."""
    if row["kind"] == "event":
        return Sentence("lifecycle.drivers.event", value=row["value"], hours=LANDMARK_HOURS)
    value = words.find(f"common.{row['value']}") or row["value"]
    return Sentence("lifecycle.drivers.attribute", name=_attribute(row), value=value)
