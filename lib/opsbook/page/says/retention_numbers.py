"""Headline numbers of notebook 02: the arguments of `page.number`, taken from the tables that are shown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis import churn, cohorts, survival, survival_time
from opsbook.analysis.churn import Threshold
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.survival_time import RestrictedMean
from opsbook.page.past import Past, past


def threshold(limit: Threshold, table: pd.DataFrame) -> dict[str, Any]:
    """Days of silence after which a user counts as churned."""
    at = table[table["threshold_days"] == limit.days]
    n = at["gaps"].iloc[0] if len(at) else None
    told = {"key": "threshold", "value": limit.days, "unit": "days", "n": n, "method": limit.origin}
    told["counted"] = "silences"
    return told | {"card": not churn.undefined(limit, table)}


def false_churn(limit: Threshold, table: pd.DataFrame, *, target: float) -> dict[str, Any]:
    """Share of silences longer than the threshold that a return ends; a card where they are most, so none is churn."""
    at = table[table["threshold_days"] == limit.days]
    value, low, high, n = at[["false_churn", "low", "high", "gaps"]].iloc[0] if len(at) else (None, None, None, 0)
    told = {"value": value, "low": low, "high": high, "n": n, "target": target}
    told["card"] = churn.undefined(limit, table)
    return {"key": "false_churn", "unit": "share", "method": "Kaplan-Meier on gaps", "counted": "silences", **told}


def over_time(found: pd.DataFrame) -> Past:
    """The line on the card of a retention: `cohorts.by_first_day`, week by week or month by month."""
    return past(found, "share", when="cohort", low="low", high="high")


def retained(change: pd.DataFrame, *, age: int) -> dict[str, Any]:
    """Share of the period's users active on day `age`, against the previous period's."""
    told: dict[str, Any] = {"key": f"day_{age}", "unit": "share", "method": cohorts.METHOD, "counted": "sign_ups"}
    if change.empty:
        return told | {"value": None, "n": 0}
    row = change.iloc[0]
    told |= {"value": row["share"], "low": row["low"], "high": row["high"], "n": row["users"]}
    names = {"previous": "previous_share", "change": "change", "change_low": "change_low", "change_high": "change_high"}
    return told | {name: row[column] for name, column in names.items()}


def later(line: pd.DataFrame, *, age: int, undefined: bool = False) -> dict[str, Any]:
    """Share of the period's users active on day `age` or after it; a card only where churn is undefined.

    line: `cohorts.overall` of `cohorts.retained_on_or_after`
    """
    own = line[line["age"] == age]
    value, low, high, n = own[["share", "low", "high", "users"]].iloc[0] if len(own) else (None, None, None, 0)
    told = {"value": value, "low": low, "high": high, "n": n, "card": undefined and value is not None}
    return {"key": f"later_{age}", "unit": "share", "method": cohorts.METHOD, "counted": "sign_ups", **told}


def active_at(late: Estimate, *, day: int, undefined: bool = False) -> dict[str, Any]:
    """Share not yet churned after `day` days; no card where churn is undefined (`churn.undefined`)."""
    told = {"value": late.value, "low": late.low, "high": late.high, "n": late.n}
    told["card"] = pd.notna(late.value) and not undefined
    return {"key": f"active_{day}", "unit": "share", "method": survival.METHOD_CURVE, "counted": "followed", **told}


def median(days: Estimate, *, undefined: bool = False) -> dict[str, Any]:
    """Days after which half of the users have churned; missing when not reached, no card as in `active_at`."""
    told = {"value": days.value, "low": days.low, "high": days.high, "n": days.n}
    told["card"] = pd.notna(days.value) and not undefined
    return {"key": "median", "unit": "days", "method": survival.METHOD_CURVE, "counted": "followed", **told}


def restricted_mean(mean: RestrictedMean, *, undefined: bool = False) -> dict[str, Any]:
    """Mean days until churn within the horizon; no card as in `active_at`."""
    told = {"value": mean.value, "low": mean.low, "high": mean.high, "n": mean.n, "card": not undefined}
    shown = {"method": survival_time.METHOD_RESTRICTED_MEAN, "counted": "followed"}
    return {"key": "restricted_mean", "unit": "days", **shown, **told}


def came_back(back: Estimate, *, undefined: bool = False) -> dict[str, Any]:
    """Share of the users once counted as churned who were seen again; a card only where churn is undefined."""
    told = {"value": back.value, "low": back.low, "high": back.high, "n": back.n}
    told["card"] = pd.notna(back.value) and undefined
    return {"key": "came_back", "unit": "share", "method": "Wilson", **told}
