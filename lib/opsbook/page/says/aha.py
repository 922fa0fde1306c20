"""Sentences of notebook 01 about early behaviour that goes with staying; none of them says that it makes users stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis.aha import BEYOND_CHANCE, users_per_arm
from opsbook.inputs.aha import AhaSettings
from opsbook.page.words import Sentence

NAMED = 3
_POINTS = ["difference", "difference_low", "difference_high", "adjusted", "adjusted_low", "adjusted_high"]
FORMATS = dict.fromkeys([*_POINTS, "naive", "train_adjusted"], "points")
FORMATS |= dict.fromkeys(["reach", "reach_low", "reach_high"], "percent") | {"p_search": "pvalue"}
TERMS = ("aha",)


def people(population: pd.DataFrame, *, settings: AhaSettings, min_cell: int = 10) -> Sentence:
    """How many newcomers could be watched, and how many of them stayed."""
    first, last = settings.outcome_days
    row = population.iloc[0]
    if not row["users"]:
        return Sentence("lifecycle.aha.nobody", last=last)
    if row["users"] < min_cell:
        return Sentence("lifecycle.aha.few", last=last, users=row["users"])
    told = {"users": row["users"], "share": row["share"], "low": row["share_low"], "high": row["share_high"]}
    return Sentence("lifecycle.aha.people", first=first, last=last, **told)


def search(cells: pd.DataFrame, population: pd.DataFrame, *, settings: AhaSettings) -> Sentence:
    """What stood out, whether chance explains it, and whether the other half of the users confirms it."""
    if cells.empty:
        return Sentence("lifecycle.aha.untold", users=population["users"].iloc[0], least=settings.min_users)
    best = cells.iloc[0]
    told = {"behaviour": behaviour(best.to_dict()), "tried": len(cells), "p": best["p_search"]}
    told |= {"adjusted": best["adjusted"], "low": best["adjusted_low"], "high": best["adjusted_high"]}
    told |= {"done": best["done_share"], "rest": best["other_share"], "naive": best["naive"]}
    told |= {"done_users": best["done_users"], "other_users": best["other_users"]}
    told |= {"n": best["done_users"] + best["other_users"]}
    return Sentence(f"lifecycle.aha.{verdict(cells)}", **told)


def what_next(cells: pd.DataFrame) -> Sentence:
    """How many newcomers do it, which behaviours are the same finding, and what an experiment would take."""
    found = verdict(cells)
    if found != "found":
        return Sentence(f"lifecycle.aha.next_{'untold' if found == 'untold' else 'none'}")
    best, close = cells.iloc[0], cells[cells["is_close"]].head(NAMED).to_dict("records")
    told = {"reach": best["reach"], "low": best["reach_low"], "high": best["reach_high"]}
    told |= {"close": [behaviour(row) for row in close], "experiment": _experiment(best)}
    return Sentence(f"lifecycle.aha.next_{'close' if close else 'alone'}", **told)


def verdict(cells: pd.DataFrame) -> str:
    """untold, nothing (chance explains it), unconfirmed (the other half does not agree) or found."""
    if cells.empty:
        return "untold"
    best = cells.iloc[0]
    if best["p_search"] > BEYOND_CHANCE:
        return "nothing"
    return "found" if best["adjusted_low"] > 0 else "unconfirmed"


def behaviour(row: Mapping[Any, Any]) -> Sentence:
    """One behaviour in words: what, at least how often, within which days."""
    within = Sentence("lifecycle.aha.within", window=int(row["window_days"]))
    return Sentence(f"lifecycle.aha.did_{row['kind']}", item=row["item"], count=int(row["at_least"]), within=within)


def _experiment(best: pd.Series) -> Sentence:
    users = users_per_arm(float(best["other_share"]), float(best["adjusted"]) / 2)
    return Sentence("lifecycle.aha.experiment", users=users) if users else Sentence("lifecycle.aha.experiment_none")
