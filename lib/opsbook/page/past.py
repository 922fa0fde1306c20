"""What stands behind a headline number, for the tiny line on its card: values of a table, oldest first."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.page import format as formats

Past = list[dict[str, Any]]
FEWEST = 3  # values below which a line says less than the change on the card


def past(table: pd.DataFrame, value: str, *, when: str = "period", low: str = "", high: str = "") -> Past:
    """Points of a table that has one row per period, oldest first -- when, value, low, high; a missing value is a gap.

    value, when, low, high: names of columns. A row that says it is not `complete` is a gap. Nothing is returned where
    fewer than FEWEST values are known, or the last is not.
    """
    columns = {"value": value, "low": low, "high": high}
    rows = [
        {"when": _plain(row[when])}
        | {name: _plain(row.get(column)) if row.get("complete", True) else None for name, column in columns.items()}
        for row in table.to_dict("records")
    ]
    known = [row for row in rows if row["value"] is not None]
    return rows if len(known) >= FEWEST and rows[-1]["value"] is not None else []


def _plain(value: Any) -> Any:
    """What JSON can carry: dates as text, missing as None."""
    if value is None or formats.is_missing(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()[:10]
    return value.item() if hasattr(value, "item") else value
