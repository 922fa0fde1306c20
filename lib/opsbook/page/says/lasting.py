"""Sentences about what lasted: the weeks after the end, the pull-forward ledger, and newcomers who stayed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsbook.analysis.persistence import HalfLife
from opsbook.analysis.verdict import CAUSAL_GRADES
from opsbook.page.says.rows import direction
from opsbook.page.words import Sentence

RELATIVE = dict.fromkeys(("relative", "relative_low", "relative_high"), "signed_percent")
DAY_WEEKS = 7


def weeks(effects: pd.DataFrame, half: HalfLife, *, metric: str, grade: str) -> Sentence:
    """Whether anything is left after the end, and how fast it fades; judged and told by the difference per user.

    The ratio's own interval can leave out zero where that of the difference, which the test rests on, does not.

    effects: `persistence.weekly_effects`; half: `persistence.half_life` of them
    """
    if grade not in CAUSAL_GRADES:
        return Sentence("campaign.lasting.none")
    if effects.empty:
        return Sentence("campaign.lasting.young")
    first, weeks = effects.iloc[0], len(effects)
    told = {"metric": Sentence(f"campaign.metric.{metric}"), "value": first["relative"], "weeks": weeks}
    told |= {"each": _each(first, metric), "n": first["treated_users"]}
    if direction(first["low"], first["high"]) == "down":
        return Sentence("campaign.lasting.dip", **told)
    if half.case == "known":
        days = {"days": half.value * DAY_WEEKS, "days_low": half.low * DAY_WEEKS, "days_high": half.high * DAY_WEEKS}
        return Sentence("campaign.lasting.half_life", **told, **days)
    branch = "lasts" if direction(first["low"], first["high"]) == "up" else "nothing"
    return Sentence(f"campaign.lasting.{branch}", **told)


def _each(week: pd.Series, metric: str) -> Sentence:
    """The difference per user with its interval, of revenue as money."""
    told = {name: week[name] for name in ("difference", "low", "high")}
    return Sentence(f"campaign.lasting_each.{'money' if metric == 'revenue' else 'count'}", **told)


def ledger(lines: pd.DataFrame, *, metric: str, grade: str, running: bool) -> Sentence | None:
    """The ledger in one sentence; None without a comparison, of which the section already spoke, or before the end.

    lines: `pull_forward.ledger`
    """
    if lines.empty or running or grade not in CAUSAL_GRADES:
        return None
    money = metric == "revenue"
    total = dict(zip(lines["line"], added_up(lines["total"], digits=0), strict=True))
    net = lines.set_index("line").loc["net"]
    unit = "money" if money else "orders"
    told: dict[str, Any] = {name: total[name] for name in ("gross", "net")} | {"later": _later(lines, total, unit)}
    told |= {"baseline": -total["baseline"], "low": net["low"], "high": net["high"]}
    if np.isnan(total["other"]):
        return Sentence(f"campaign.lasting.ledger_{unit}", **told)
    return Sentence(f"campaign.lasting.ledger_marked_{unit}", other=total["other"], **told)


def _later(lines: pd.DataFrame, total: dict[str, float], unit: str) -> Sentence:
    """What came after the end; an interval without width is that of days which are not watched."""
    later = lines.set_index("line").loc["later"]
    if later["low"] == later["high"]:
        return Sentence("campaign.lasting_later.none")
    return Sentence(f"campaign.lasting_later.{unit}", later=total["later"])


def lines(lines: pd.DataFrame) -> pd.DataFrame:
    """The ledger for reading: rounded so that the lines shown add up to the net shown."""
    return lines.assign(total=added_up(lines["total"], digits=0)).rename(columns={"line": "entry"})


def added_up(totals: pd.Series, *, digits: int) -> list[float]:
    """The lines rounded so that all but the last add up to the last; missing ones stay missing.

    source: largest remainder: of the lines that are not whole, those nearest to the next number give way
    """
    scaled = totals.to_numpy(dtype=float) * 10**digits
    rounded = np.round(scaled)
    off = round(float(rounded[-1] - np.nansum(rounded[:-1]))) if len(scaled) else 0
    rest = np.where(np.isnan(scaled[:-1]), -np.inf, (scaled - rounded)[:-1] * np.sign(off))
    for place in np.argsort(-rest, kind="stable")[: abs(off)]:
        rounded[place] += np.sign(off)
    return [float(value) for value in rounded / 10**digits]


def suspected(stays: pd.DataFrame, lines: pd.DataFrame) -> int:
    """How many newcomers the campaign met on their first day, where all of them are suspected accounts; else 0.

    stays: `acquired.newcomers`; lines: `abnormal.with_and_without`
    """
    met = int(stays.loc[stays["came_by"] == "campaign", ["churned", "censored"]].to_numpy().sum())
    listed = lines.set_index("line")["new_users"].get("flagged", 0.0)
    return met if met and met == listed else 0


def acquired(gap: pd.DataFrame, *, churn_after_days: int | None, suspects: int = 0) -> Sentence:
    """Whether newcomers whom the campaign met on their first day stay longer than the others; groups, not an effect.

    gap: `mean_differences.against_rest` by came_by; suspects: of `suspected`, who say nothing about staying
    """
    if suspects:
        return Sentence("campaign.lasting.suspected", users=suspects)
    if churn_after_days is None:
        return Sentence("campaign.lasting.no_threshold")
    if gap.empty:
        return Sentence("campaign.lasting.no_newcomers")
    row = gap[gap["segment"] == "campaign"].iloc[0]
    told = {"users": row["users"], "days": row["days"], "others": row["other_users"], "other_days": row["other_days"]}
    told |= {"difference": row["difference"], "low": row["low"], "high": row["high"], "horizon": row["horizon_days"]}
    case = {"up": "longer", "down": "shorter"}.get(direction(row["low"], row["high"]), "alike")
    return Sentence(f"campaign.lasting.{case}", **told)


def ledger_how(lines: pd.DataFrame) -> str:
    """How to read the ledger: other orders are explained where the campaign's own are marked."""
    told = lines.loc[lines["line"] == "other", "total"].notna().any()
    return "campaign.how.pull_forward" if told else "campaign.how.pull_forward_unmarked"
