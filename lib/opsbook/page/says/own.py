"""Sentences of notebooks a company adds: the case is computed here, the words stand in the notebook's own catalogue."""

from __future__ import annotations

import pandas as pd

from opsbook.page.says.rows import direction, last_row, span
from opsbook.page.words import Sentence


def changed(key: str, table: pd.DataFrame, *, value: str) -> Sentence:
    """The last row's value and its change, as `<key>.up`, `.down`, `.unclear`, `.unjudged` or, without rows, `.empty`.

    table: start, end, the column named by `value`, change (share), change_low, change_high (both may be missing)
    fields of the words: when, value, change, low, high
    """
    row = last_row(table)
    if not row or pd.isna(row[value]) or pd.isna(row["change"]):
        return Sentence(f"{key}.empty")
    told = {name: row[column] for name, column in _FIELDS.items()}
    case = direction(row["change_low"], row["change_high"])
    return Sentence(f"{key}.{case}", when=span(row["start"], row["end"]), value=row[value], **told)


def line(key: str) -> Sentence:
    """One line without numbers, such as what the report cannot tell."""
    return Sentence(key)


_FIELDS = {"change": "change", "low": "change_low", "high": "change_high"}
