"""Headline numbers of notebook 03 as keyword arguments of `page.number`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.means import METHOD_CUPED
from opsbook.analysis.money import LINES
from opsbook.analysis.proportion import METHOD_DIFFERENCE, METHOD_SHARE
from opsbook.analysis.verdict import CAUSAL_GRADES

Arguments = dict[str, Any]
UNITS = {"orders": "orders", "revenue": "money", "active_days": "count", "buyers": "users"}
METHOD_PAIRED = "paired change, Student"


def attainment(attained: pd.DataFrame, overall: float) -> Arguments:
    """Weighted attainment of the goals, each up to 100 %."""
    known = int(attained["attainment"].notna().sum())
    return {"key": "attainment", "value": overall, "n": known, "unit": "share", "card": known > 0}


def participants(reach: pd.DataFrame) -> Arguments:
    """Users who took part."""
    known = bool(reach["participation"].notna().any())
    return {"key": "participants", "value": int(reach["participants"].sum()), "unit": "users", "card": not known}


def participation(reach: pd.DataFrame) -> Arguments:
    """Participants among the users shown the campaign."""
    told = _first(reach, ["participation", "participation_low", "participation_high", "exposed"])
    shown = {"value": told[0], "low": told[1], "high": told[2], "n": told[3]}
    return {"key": "participation", "unit": "share", "method": METHOD_SHARE, "card": told[0] is not None, **shown}


def net_relative(ledger: pd.DataFrame, *, grade: str) -> Arguments:
    """Net increment of the primary metric as a share of the control; no card where it is no effect.

    ledger: `incrementality.ledger`
    """
    told = _first(ledger[ledger["window"] == "net"], ["relative", "relative_low", "relative_high"])
    shown = dict(zip(("value", "low", "high"), told, strict=True))
    return {"key": "net_relative", "unit": "share", "n": _users(ledger), **_graded(ledger, grade), **shown}


def net_total(ledger: pd.DataFrame, *, metric: str, grade: str) -> Arguments:
    """Net increment of a metric over all treated users; no card where it is no effect."""
    told = _first(ledger[ledger["window"] == "net"], ["total", "total_low", "total_high"])
    shown = dict(zip(("value", "low", "high"), told, strict=True))
    return {"key": f"net_{metric}", "unit": UNITS[metric], "n": _users(ledger), **_graded(ledger, grade), **shown}


def before_after(comparison: pd.DataFrame, *, grade: str) -> Arguments:
    """Revenue per user before and during; a card only where nothing better is known."""
    row = comparison[comparison["metric"] == "revenue"]
    told = _first(row, ["during", "before", "relative", "users"])
    shown = {"value": told[0], "previous": told[1], "change": told[2], "n": told[3]}
    card = grade not in CAUSAL_GRADES and told[0] is not None
    return {"key": "before_after", "unit": "money", "method": METHOD_PAIRED, "card": card, **shown}


def cost(total: float, *, budget: float | None) -> Arguments:
    """What the campaign cost, with the budget as target."""
    return {"key": "cost", "value": total, "unit": "money", "target": budget}


def roi(table: pd.DataFrame, *, line: str, grade: str) -> Arguments:
    """One line of return; an incremental one only where the grade allows, and the last one known is the card."""
    allowed = LINES if grade in CAUSAL_GRADES else LINES[:1]
    known = [name for name in table.loc[table["roi"].notna(), "line"] if name in allowed]
    row = table[(table["line"] == line) & table["line"].isin(allowed)]
    told = dict(zip(("value", "low", "high"), _first(row, ["roi", "low", "high"]), strict=True))
    interval = {} if line == "gross" else {"method": METHOD_CUPED}
    told = told if interval else {"value": told["value"]}
    return {"key": f"roi_{line}", "unit": "ratio", "card": [line] == known[-1:], **interval, **told}


def _first(table: pd.DataFrame, columns: list[str]) -> list[float | None]:
    if table.empty:
        return [None] * len(columns)
    return [None if pd.isna(value) else float(value) for value in table[columns].iloc[0]]


def _users(ledger: pd.DataFrame) -> int | None:
    return None if ledger.empty else int(ledger[["treated_users", "control_users"]].iloc[0].sum())


def _graded(ledger: pd.DataFrame, grade: str) -> Arguments:
    plain = ledger.empty or ledger["method"].iloc[0] == "plain"
    return {"method": METHOD_DIFFERENCE if plain else METHOD_CUPED, "card": grade in CAUSAL_GRADES and len(ledger) > 0}
