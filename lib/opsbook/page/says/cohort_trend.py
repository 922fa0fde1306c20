"""Sentences of notebook 02 about newer cohorts at the same age: better, worse, or another mix of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opsbook.page import words
from opsbook.page.words import Sentence

TERMS = ("cohort_trend", "mix_adjusted", "dispersion")
PARTS = ("change", "adjusted_change", "mix_change")
FORMATS = {f"{part}{end}": "signed_points" for part in PARTS for end in ("", "_low", "_high")}
FORMATS |= dict.fromkeys(["start", "end"], "percent")
SHARES = dict.fromkeys(["low", "high"], "percent")
WITHOUT_MIX = {"better", "worse", "no_trend"}  # conclusions that can be drawn where there is one level only


def trend(table: pd.DataFrame, *, age: int, by: str, called: Sentence | None = None) -> Sentence:
    """Whether newer cohorts are better at one age, and whether that is the users or the mix.

    age: the age that is told; the oldest one that can be judged when this one cannot
    by:  the segment whose mix is held constant; called: its name where it is no users column
    """
    row = told_row(table, age=age)
    if row is None:
        return Sentence("retention.trend.empty")
    told: dict[str, Any] = {"what": age_name(row["unit"], row["age"]), "cohorts": row["cohorts"], "n": row["users"]}
    told |= {name: row[name] for name in ("start", "end", "change")}
    told |= {"low": row["change_low"], "high": row["change_high"], "adjusted": row["adjusted_change"]}
    told |= {"adjusted_low": row["adjusted_change_low"], "adjusted_high": row["adjusted_change_high"]}
    told |= {"mix": row["mix_change"], "retained": row["retained"], "name": _segment(by, called)}
    case = row["conclusion"]
    plain = case in WITHOUT_MIX and row["levels"] < 2
    return Sentence(f"retention.trend.{case}{'_plain' if plain else ''}", **told)


def elsewhere(table: pd.DataFrame, *, age: int) -> bool:
    """Whether `news` tells another age than the headline of the section, which then has to tell it too."""
    moved, told = _moved(table), told_row(table, age=age)
    return bool(len(moved)) and told is not None and told["age"] != moved["age"].iloc[-1]


def _moved(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["conclusion"].isin(["better", "worse"])]


def news(table: pd.DataFrame) -> Sentence | None:
    """The oldest age at which later cohorts are clearly better or worse, for the first screen; None without one."""
    moved = _moved(table)
    if moved.empty:
        return None
    row = moved.iloc[-1]
    told = {"what": age_name(row["unit"], int(row["age"])), "n": row["users"]}
    told |= {"conclusion": Sentence(f"retention.conclusion.{row['conclusion']}")}
    told |= {name: row[name] for name in ("start", "end", "change")}
    return Sentence("retention.trend.news", **told, low=row["change_low"], high=row["change_high"])


def told_row(table: pd.DataFrame, *, age: int) -> dict[str, Any] | None:
    """The row of the age, else of the oldest age that can be judged, else of the first one; None without rows."""
    if table.empty:
        return None
    judged = table[table["conclusion"] != "cannot_tell"]
    asked = judged[judged["age"] == age]
    chosen = asked if len(asked) else judged.tail(1) if len(judged) else table.head(1)
    return dict(zip(table.columns, chosen.iloc[0], strict=True))


def age_name(unit: str, age: int) -> Sentence:
    """Next-day, day-7 or week-4 retention."""
    case = "next_day" if (unit, age) == ("day", 1) else unit
    return Sentence(f"retention.trend.age_{case}", age=age)


def trend_table(table: pd.DataFrame) -> Sentence:
    """The conclusion at every age, ages of the same conclusion together."""
    if table.empty:
        return Sentence("retention.trend.empty")
    parts = [_part(rows) for _, rows in table.groupby("conclusion", sort=False)]
    return Sentence("retention.trend.table", parts=_joined(parts))


def _part(rows: pd.DataFrame) -> Sentence:
    ages = [age_name(unit, age) for unit, age in zip(rows["unit"], rows["age"], strict=True)]
    return Sentence(f"retention.trend_part.{rows['conclusion'].iloc[0]}", ages=ages)


def _joined(parts: Sequence[Sentence]) -> Sentence:
    if len(parts) == 1:
        return parts[0]
    return Sentence("retention.trend.parts", first=parts[0], rest=_joined(parts[1:]))


def _segment(by: str, called: Sentence | None) -> Sentence | str:
    name = words.find(f"retention.covariate.{by}", f"common.column.{by}")
    return called or name or words.readable(by)
