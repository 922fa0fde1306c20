"""Sentences of notebook 02 on thresholds by segment and on those who come back after they had been given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opsbook.analysis.proportion import Estimate
from opsbook.analysis.usage_interval import days_of_rule
from opsbook.page.says.retention import covariate, level
from opsbook.page.words import Sentence

TERMS = ("return_time",)
SHARES = dict.fromkeys(["false_churn", "low", "high", "returned"], "percent")
SHOWN_DAYS = (7, 14, 30, 60, 90, 180)
APART = 2.0


def returns(table: pd.DataFrame, half: Estimate, *, on: Any) -> Sentence:
    """How many of those given up came back in the days watched, and within how many days half of them did."""
    if table.empty:
        return Sentence("retention.return_times.none", on=on)
    last = table.iloc[-1]
    told = {"on": on, "n": half.n, "days": last["days"], "share": last["returned"]}
    if pd.isna(half.value):
        return Sentence("retention.return_times.nobody", **told)
    told |= {"low": last["low"], "high": last["high"], "half": half.value}
    return Sentence("retention.return_times.known", **told)


def lost_stage(rules: Sequence[Any], *, churn_after_days: int) -> Sentence | None:
    """That “lost” of the stages and “churned” here are two thresholds; None where they are one, or no rule has days."""
    lost = days_of_rule(rules, "lost")
    if pd.isna(lost) or lost == churn_after_days:
        return None
    return Sentence("retention.lost_stage.apart", lost=lost, churned=churn_after_days)


def return_table(table: pd.DataFrame) -> pd.DataFrame:
    """The curve at the days a reader looks for, and at its end."""
    if table.empty:
        return table
    return table[table["days"].isin([*SHOWN_DAYS, table["days"].max()])].reset_index(drop=True)


def segments(table: pd.DataFrame, *, by: str, called: Sentence | None = None) -> Sentence:
    """Whether one churn threshold serves all segments of the users."""
    name = called or covariate(by)
    known = table.dropna(subset=["suggested_days"])
    if len(known) < 2:
        return Sentence("retention.thresholds.none", name=name)
    ordered = known.sort_values("suggested_days")
    told: dict[str, Any] = {"name": name, "segments": len(known)}
    for place, end in ((0, "short"), (-1, "long")):
        row = ordered.iloc[place]
        told |= {end: level(by, row["segment"]), f"{end}_days": row["suggested_days"], f"{end}_n": row["silences"]}
    apart = told["long_days"] >= APART * told["short_days"]
    return Sentence(f"retention.thresholds.{'apart' if apart else 'alike'}", **told)
