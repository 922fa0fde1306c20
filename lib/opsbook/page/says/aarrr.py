"""Sentences of notebook 01 about the AARRR line: what moved since the previous period, and the line as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.page.words import Sentence

COLUMNS = ["step", "metric", "value", "interval", "n", "change", "change_interval", "clear"]
PARTS = ("change", "change_low", "change_high")


def changes(changes: pd.DataFrame) -> Sentence:
    """Which of the numbers changed clearly, counting how many were compared."""
    compared = int(changes["compared"].iloc[0]) if len(changes) else 0
    if not compared:
        return Sentence("lifecycle.aarrr_change.empty")
    clear = changes[changes["clear"]]
    alone = changes[_clear_alone(changes)]
    case, told = ("some", clear) if len(clear) else ("alone", alone) if len(alone) else ("none", clear)
    named = [_moved(row) for _index, row in told.iterrows()]
    return Sentence(f"lifecycle.aarrr_change.{case}", compared=compared, moved=named)


def news(moved: pd.DataFrame) -> Sentence | None:
    """The first number that changed clearly, and how many others did, for the verdict; None when nothing did."""
    clear = moved[moved["clear"]]
    if clear.empty:
        return None
    others = len(clear) - 1  # revenue per active user moves with that per payer: one of them is news
    more = Sentence("lifecycle.aarrr_more.others", others=others) if others else ""
    return Sentence("lifecycle.aarrr_change.news", moved=_moved(clear.iloc[0]), more=more)


def change_table(changes: pd.DataFrame) -> pd.DataFrame:
    """The line for reading: value, interval and change, each in the format of its unit."""
    rows = [row for _index, row in changes.iterrows()]
    cells = {
        "value": [Sentence(f"lifecycle.cell.{row['unit']}", value=row["value"]) for row in rows],
        "interval": [_range(row, "low", "high", "range") for row in rows],
        "change": [Sentence(f"lifecycle.cell_change.{row['unit']}", value=row["change"]) for row in rows],
        "change_interval": [_range(row, "change_low", "change_high", "range_change") for row in rows],
        "clear": [_clear(row) for row in rows],
    }
    texts = {name: pd.Series(values, index=changes.index, dtype=object) for name, values in cells.items()}
    return changes[["step", "metric", "n"]].assign(**texts)[COLUMNS]


def number(changes: pd.DataFrame, metric: str) -> dict[str, Any]:
    """One metric of the line as arguments of `page.number`; the change of money as a share of the previous value."""
    row = changes.set_index("metric").loc[metric]
    told = {name: row[name] for name in ("value", "low", "high", "n", "unit", "method")} | {"key": metric}
    if pd.isna(row["change"]) or not row["base_value"]:
        return told
    scale = 1.0 if row["unit"] == "share" else row["base_value"]
    return told | {"previous": row["base_value"]} | {part: row[part] / scale for part in PARTS}


def _range(row: pd.Series, low: str, high: str, kind: str) -> Sentence:
    if pd.isna(row[low]) or pd.isna(row[high]):
        return Sentence("lifecycle.range.none")
    return Sentence(f"lifecycle.{kind}.{row['unit']}", low=row[low], high=row[high])


def _clear(row: pd.Series) -> Sentence:
    if pd.isna(row["p_holm"]) or pd.isna(row["change"]):
        return Sentence("lifecycle.clear.unknown")
    if not row["clear"]:
        return Sentence(f"lifecycle.clear.{'alone' if _clear_alone(row) else 'no'}")
    return Sentence(f"lifecycle.clear.{'up' if row['change'] > 0 else 'down'}")


def _clear_alone(rows: Any) -> Any:
    """Whether the interval of the change lies on one side of zero: clear if nothing else had been compared."""
    return (rows["change_low"] > 0) | (rows["change_high"] < 0)


def _moved(row: pd.Series) -> Sentence:
    name = Sentence(f"lifecycle.metric.{row['metric']}")
    told = {"value": row["value"], "base": row["base_value"]} | {part: row[part] for part in PARTS}
    return Sentence(f"lifecycle.aarrr_moved.{row['unit']}", metric=name, **told)
