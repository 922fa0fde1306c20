"""Sentences about attribution: which channel gets the credit, and whether the rule decides the answer."""

from __future__ import annotations

import pandas as pd

from opsbook.analysis.attribution import METHODS
from opsbook.page.words import Sentence

_TOUCHES = {"first": "first_touch", "last": "last_touch"}
CREDITS = dict.fromkeys((*METHODS, *_TOUCHES.values(), "lowest", "highest"), "number") | {"touched": "whole"}
APART = 0.05  # shares closer than this are one answer for a budget


def attribution(credits: pd.DataFrame) -> Sentence | None:
    """The leading channel by every rule, or that the rules disagree; None where no path is known.

    credits: `analysis.attribution.credits`
    """
    total = float(credits["linear"].sum())
    if len(credits) < 2 or not total > 0:
        return None
    leaders = {method: credits.loc[credits[method].idxmax(), "channel"] for method in METHODS}
    names = list(dict.fromkeys(leaders.values()))
    spread = (credits["highest"] - credits["lowest"]) / total
    widest = credits.loc[spread.idxmax()]
    told = {"total": total, "channels": len(credits), "widest": widest["channel"], "rules": len(METHODS)}
    told |= {"low": widest["lowest"] / total, "high": widest["highest"] / total}
    if len(names) > 1:
        return Sentence("campaign.attribution.disagree", names=names, **told)
    first = credits.loc[credits["channel"] == names[0]].iloc[0]
    told |= {"first": names[0], "first_low": first["lowest"] / total, "first_high": first["highest"] / total}
    if not spread.max() > APART:
        return Sentence("campaign.attribution.alike", **told)
    other = credits.loc[spread[credits["channel"] != names[0]].idxmax()]  # the leader is not one of the others
    told |= {"widest": other["channel"], "low": other["lowest"] / total, "high": other["highest"] / total}
    return Sentence("campaign.attribution.agree", **told)


def readable(credits: pd.DataFrame) -> pd.DataFrame:
    """The credits with the names of their first and last touch, which other tables use for something else."""
    return credits.rename(columns=_TOUCHES)
