"""Sentences of notebook 02 on how long users stay beyond the data, when the risk is highest and when to act."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.lifetime_change import PER, Change
from opsbook.analysis.lifetime_holdout import FLAT, TOLERATED, Choice
from opsbook.analysis.lifetimes import Expected
from opsbook.analysis.proportion import Estimate
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

TERMS = ("extrapolation", "hazard", "turning_point", "stage_risk")
SHARES = dict.fromkeys(["active", "low", "high"], "percent")
SCORES = dict.fromkeys(["predicted", "observed", "observed_low", "observed_high"], "percent") | {"error": "points"}
HAZARDS = dict.fromkeys(["hazard_per_day", "low", "high"], "percent")
WINDOWS = dict.fromkeys(["leaves", "leaves_low", "leaves_high"], "percent")
SILENCES = dict.fromkeys(["gone", "gone_low", "gone_high"], "percent")
LEFT = {"share_left": "percent"}
HALF = 0.5


def quantiles(table: pd.DataFrame) -> Sentence:
    """When a quarter, half and three quarters have left, as far as the data reach."""
    known = table.dropna(subset=["days"])
    if known.empty:
        return Sentence("retention.left.none")
    days = [
        Sentence("retention.left.part", share=row["share_left"], days=row["days"]) for row in known.to_dict("records")
    ]
    return Sentence("retention.left.known", parts=days, n=int(table["users"].iloc[0]))


def change(found: Change) -> Sentence:
    """Whether the period's users stay longer than the previous period's, in days per hundred users."""
    if pd.isna(found.difference):
        return Sentence("retention.longer.none")
    told: dict[str, Any] = {"now": found.now, "before": found.before, "n": found.n, "base_n": found.base_n}
    told |= {"horizon": found.horizon_days, "hundred": PER, "low": PER * found.low, "high": PER * found.high}
    case = "more" if found.low > 0 else "fewer" if found.high < 0 else "unclear"
    days = PER * (found.difference if case == "unclear" else abs(found.difference))
    return Sentence(f"retention.longer.{case}", **told, days=days)


def extrapolation(chosen: Choice, scores: pd.DataFrame, carried: pd.DataFrame, expected: Expected | None) -> Sentence:
    """How far the curve may be carried beyond the data, and why not further."""
    if chosen.case == "too_short":
        return Sentence("retention.beyond.too_short")
    told: dict[str, Any] = {"model": Sentence(f"retention.model.{chosen.model}"), "error": chosen.error}
    told |= {"start": scores["from_day"].iloc[0], "end": scores["to_day"].iloc[0]}
    told |= {"flat": scores.loc[scores["model"] == FLAT, "error"].iloc[0], "tolerated": TOLERATED}
    if chosen.case != "chosen" or expected is None or carried.empty:
        case = "off" if chosen.case == "chosen" else chosen.case
        return Sentence(f"retention.beyond.{case}", **told, tried=len(scores) - 1)
    last = carried.iloc[-1]
    told |= {"day": last["day"], "share": last["active"], "low": last["low"], "high": last["high"], "n": expected.n}
    told |= {"mean": expected.value, "mean_low": expected.low, "mean_high": expected.high}
    return Sentence("retention.beyond.chosen", **told)


def score_table(scores: pd.DataFrame) -> pd.DataFrame:
    """The formulas with their names in words."""
    names = (Sentence(f"retention.model.{name}") for name in scores["model"])
    return scores.assign(model=told_column(scores["model"], names, like=scores))


def hazard(table: pd.DataFrame) -> Sentence:
    """Where the risk of leaving is highest, and whether the next band's is clearly lower."""
    if len(table) < 2:
        return Sentence("retention.age_risk.none")
    top = table.loc[table["hazard_per_day"].idxmax()]
    last = table.iloc[-1]
    told = {name: top[name] for name in ("from_day", "to_day", "low", "high")} | {"risk": top["hazard_per_day"]}
    told |= {"last": last["hazard_per_day"], "last_from": last["from_day"], "last_to": last["to_day"]}
    told |= {"n": top["churned"]}
    apart = top["low"] > table.drop(top.name)["high"].max()
    return Sentence(f"retention.age_risk.{'clear' if apart else 'alike'}", **told)


def stages(table: pd.DataFrame, *, days: int, min_cell: int) -> Sentence:
    """Which stage loses the largest share of its users, and which the smallest."""
    shown = table[table["users"] >= min_cell] if len(table) else table
    if len(shown) < 2:
        return Sentence("retention.stage_risk.none")
    ordered = shown.sort_values("share", ascending=False)
    told: dict[str, Any] = {"days": days, "looked": int(shown["days"].iloc[0])}
    for place, name in ((0, "top"), (-1, "least")):
        row = ordered.iloc[place]
        told |= {
            name: Sentence(f"common.stage.{row['stage']}"),
            f"{name}_share": row["share"],
            f"{name}_n": row["users"],
        }
        told |= {f"{name}_low": row["share_low"], f"{name}_high": row["share_high"]}
    apart = told["top_low"] > told["least_high"]
    return Sentence(f"retention.stage_risk.{'differ' if apart else 'alike'}", **told)


def windows(table: pd.DataFrame) -> Sentence:
    """The window of age in which the most leavers can be reached, if one stands out."""
    if len(table) < 2:
        return Sentence("retention.moment.none")
    row = table.loc[table["leavers_per_day"].idxmax()]
    names = (
        "from_day",
        "to_day",
        "reached_per_day",
        "leaves",
        "leaves_low",
        "leaves_high",
        "leavers_per_day",
        "at_risk",
    )
    return Sentence(f"retention.moment.{'clear' if row['stands_out'] else 'unclear'}", **{n: row[n] for n in names})


def silences(turn: Estimate, table: pd.DataFrame) -> Sentence:
    """From which day of silence on a contact reaches more leavers than users who would come back anyway."""
    if table.empty:
        return Sentence("retention.turn.none")
    if pd.isna(turn.value):
        last = table.iloc[-1]
        return Sentence("retention.turn.never", day=last["silent_days"], gone=last["gone"], n=last["silences"])
    row = table[table["silent_days"] == turn.value].iloc[0]
    told = {"day": turn.value, "gone": row["gone"], "low": row["gone_low"], "high": row["gone_high"], "n": turn.n}
    first = table.iloc[0]
    told |= {"reached": row["reached_per_day"], "early": 1 - first["gone"], "early_day": first["silent_days"]}
    return Sentence("retention.turn.known", **told)
