"""Sentence of notebook 02 about the definitions of retention side by side."""

from __future__ import annotations

import pandas as pd

from opsbook.page.words import Sentence

FORMATS = {"difference": "signed_points"}


def definitions(table: pd.DataFrame, *, age: int) -> Sentence:
    """How far the definitions lie apart at one age: retained on the day against the smallest and the largest.

    age: the age that is told; the last one of the table when users have not reached it
    """
    shown = table[table["counted_as"] != "every_day"]
    if shown.empty:
        return Sentence("retention.definitions.empty")
    told_age = age if age in set(shown["age"]) else int(shown["age"].max())
    cells = shown[shown["age"] == told_age].set_index("counted_as")
    on_day, most = cells.loc["on_day"], cells.loc[cells["share"].idxmax()]
    told = {"age": told_age, "n": on_day["users"], "share": on_day["share"], "low": on_day["low"]}
    told |= {"high": on_day["high"], "most": most["share"]}
    name = Sentence(f"retention.counted_as.{most.name}")
    if most["share"] <= on_day["high"]:
        return Sentence("retention.definitions.alike", **told)
    return Sentence("retention.definitions.apart", **told, name=name)


def how(table: pd.DataFrame) -> str:
    """How to read the chart: spans of 24 hours are explained where they are counted."""
    counted = table.loc[table["counted_as"] == "on_24_hours", "share"].notna().any()
    return "retention.how.definitions" if counted else "retention.how.definitions_days"
