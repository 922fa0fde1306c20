"""Headline numbers of notebook 03 as keyword arguments of `page.number`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from opsbook.analysis import quasi_experiment, synthetic_control, weighting
from opsbook.analysis.incrementality import headline
from opsbook.analysis.incrementality import ledger as ledger_of
from opsbook.analysis.means import METHOD_CUPED
from opsbook.analysis.money import LINES
from opsbook.analysis.proportion import METHOD_DIFFERENCE, METHOD_SHARE
from opsbook.analysis.verdict import CAUSAL_GRADES
from opsbook.page.past import Past, past
from opsbook.page.says.campaign import is_limit

Arguments = dict[str, Any]
UNITS = {"orders": "orders", "revenue": "money", "active_days": "count", "buyers": "users", "converted": "users"}
METHOD_PAIRED = "paired change, Student"
METHOD_COUNT = "exact count"
METHOD_WEIGHTED = "weighted mean, each goal up to 100%"

METHODS = {
    "plain": METHOD_DIFFERENCE,
    "cuped": METHOD_CUPED,
    "did": quasi_experiment.METHOD,
    "synthetic_did": synthetic_control.METHOD_SYNTHETIC_DID,
    "weighted": weighting.METHOD,
}


def attainment(attained: pd.DataFrame, overall: float) -> Arguments:
    """Weighted attainment of the goals, each up to 100 %."""
    known = attained[attained["attainment"].notna()]
    counted = "goals_with_cost" if is_limit(known).any() else "goals"
    told = {"value": overall, "n": len(known), "unit": "share", "method": METHOD_WEIGHTED, "counted": counted}
    business = known[~is_limit(known)]
    return {"key": "attainment", "card": len(known) > 0 and business.empty, **told}


def goals_reached(attained: pd.DataFrame) -> Arguments:
    """How many goals of the business were reached, of those that could be checked; the cost has a card of its own."""
    known = attained[attained["attainment"].notna()]
    business = known[~is_limit(known)]
    reached = int(business["reached"].sum()) if len(business) else None
    told = {"value": reached, "n": len(business), "unit": "count", "method": METHOD_COUNT, "counted": "of_goals"}
    return {"key": "goals_reached", "card": len(business) > 0, **told}


def participants(reach: pd.DataFrame) -> Arguments:
    """Users who took part, out of the users reached."""
    told = {"value": int(reach["participants"].sum()), "n": int(reach["members"].sum()), "method": METHOD_COUNT}
    card = bool(reach["participants"].sum()) and not reach["participation"].notna().any()
    return {"key": "participants", "unit": "users", "card": card, **told}


def participation(reach: pd.DataFrame) -> Arguments:
    """Participants among the users shown the campaign."""
    told = _named(reach, value="participation", low="participation_low", high="participation_high", n="exposed")
    return {"key": "participation", "unit": "share", "method": METHOD_SHARE, "card": told["value"] is not None, **told}


def net_relative(ledger: pd.DataFrame, *, grade: str) -> Arguments:
    """Net effect on the primary metric as a share of the control; missing where the grade allows no effect.

    ledger: `incrementality.ledger`
    """
    told = _named(_net(ledger, grade), value="relative", low="relative_low", high="relative_high")
    return {"key": "net_relative", "unit": "share", **_randomised(ledger, told), **told}


def net_total(ledger: pd.DataFrame, *, metric: str, grade: str) -> Arguments:
    """Net effect on a metric over all treated users; missing where the grade allows no effect."""
    told = _named(_net(ledger, grade), value="total", low="total_low", high="total_high")
    return {"key": f"net_{metric}", "unit": UNITS[metric], **_randomised(ledger, told), **told}


def beside(increments: pd.DataFrame, name: str, *, metric: str, comparison: str, grade: str) -> Arguments:
    """Net effect on another metric than the one that decides, as a share of the control; a card of an A/B test.

    A test has no goals and no cost to show: what else its version does is what its readers look for.
    """
    own = ledger_of(increments, metric=name)
    read = _net(own, grade) if name != metric else own.iloc[:0]
    told = _named(read, value="relative", low="relative_low", high="relative_high")
    shown = _randomised(own, told)
    shown["card"] = bool(shown["card"]) and comparison == "ab"
    return {"key": f"beside_{name}", "unit": "share", **shown, **told}


def before_after(comparison: pd.DataFrame, *, grade: str) -> Arguments:
    """Revenue per user before and during; a card only where nothing better is known."""
    row = comparison[comparison["metric"] == "revenue"]
    told = _named(row, value="during", previous="before", change="relative", n="users")
    card = grade not in CAUSAL_GRADES and told["value"] is not None
    relative = row.assign(low=row["low"] / row["before"], high=row["high"] / row["before"])
    told |= _named(relative, change_low="low", change_high="high")
    shown = {"method": METHOD_PAIRED, "card": card, "no_effect": True, "counted": "known_before"}
    return {"key": "before_after", "unit": "money", **shown, **told}


def cost(ledger: pd.DataFrame, *, budget: float | None, unbooked: Collection[str] = ()) -> Arguments:
    """What the campaign cost, with the budget as target; n is the number of cost lines.

    unbooked: channels with a budget of which nothing is booked, `says.channels.unbooked`
    """
    counted = "expenses_open" if unbooked else "expenses"
    told = {"value": float(ledger["amount"].sum()), "n": len(ledger), "method": METHOD_COUNT, "counted": counted}
    return {"key": "cost", "unit": "money", "target": budget, "limit": True, "card": len(ledger) > 0, **told}


def method(increments: pd.DataFrame, *, metric: str = "revenue") -> str:
    """The method by which the report reads a metric; CUPED where there is nothing to read."""
    own = headline(increments)
    own = own[own["metric"] == metric]
    return METHODS[own["method"].iloc[0]] if len(own) else METHOD_CUPED


def compared_users(ledger: pd.DataFrame, *, others: int) -> int:
    """The users of the comparison behind the net effect, whose revenue the return reads; others without one."""
    n = _randomised(ledger, {"value": None})["n"]
    return others if n is None else int(n)


def roi(returns: pd.DataFrame, *, line: str, grade: str, users: int, method: str = METHOD_CUPED) -> Arguments:
    """One line of return; an incremental one only where the grade allows, and then the last one known is the card."""
    allowed = LINES if grade in CAUSAL_GRADES else LINES[:1]
    known = [name for name in returns.loc[returns["roi"].notna(), "line"] if name in allowed and grade in CAUSAL_GRADES]
    told = _named(
        returns[(returns["line"] == line) & returns["line"].isin(allowed)], value="roi", low="low", high="high"
    )
    if line == "gross":
        told |= {"low": None, "high": None}
    method = METHOD_COUNT if line == "gross" else method
    return {"key": f"roi_{line}", "unit": "return", "n": users, "method": method, "card": [line] == known[-1:], **told}


def _named(table: pd.DataFrame, **columns: str) -> dict[str, float | None]:
    """Argument -> value of the first row's column; all missing without a row."""
    if table.empty:
        return dict.fromkeys(columns)
    row = table.iloc[0]
    return {name: None if pd.isna(row[column]) else float(row[column]) for name, column in columns.items()}


def _net(ledger: pd.DataFrame, grade: str) -> pd.DataFrame:
    return ledger[(ledger["window"] == "net") & (grade in CAUSAL_GRADES)]


def _randomised(ledger: pd.DataFrame, told: dict[str, float | None]) -> Arguments:
    if ledger.empty:
        return {"n": None, "method": "", "card": False, "counted": "groups"}
    first = ledger.iloc[0]
    return {
        "n": int(first["treated_users"] + first["control_users"]),
        "method": METHODS[first["method"]],
        "card": told["value"] is not None,
        "counted": "groups",
    }


def joined_by_day(gained: pd.DataFrame, reach: pd.DataFrame) -> Past:
    """The line on the card of the participation: who had taken part by each day, of all who were shown it."""
    shown = float(reach["exposed"].sum())
    whole = gained.assign(share=gained["participants"].cumsum() / shown) if shown else gained.iloc[:0].assign(share=0.0)
    return past(whole, "share", when="day")


def spent_by_day(gained: pd.DataFrame, *, fixed_cost: float) -> Past:
    """The line on the card of the cost: what had been spent by each day, what is fixed included."""
    return past(gained.assign(spent=gained["cost"].cumsum() + fixed_cost), "spent", when="day")
