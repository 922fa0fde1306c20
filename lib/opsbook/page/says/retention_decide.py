"""What notebook 02 leaves to be decided: the change, the list to contact, its holdout, the meaning of "churned"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis import churn, contact_list
from opsbook.analysis.churn import Threshold
from opsbook.analysis.early_warning import ACTIONS
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

NEARLY_GONE = ACTIONS[0][0]  # mean risk from which the table of risk bands speaks of winning back
MOST = 3  # matters on a first screen


def matters(
    judged: pd.DataFrame,
    limit: Threshold,
    gaps: pd.DataFrame,
    coming: Mapping[str, Any],
    *,
    age: int,
    bands: pd.DataFrame | None = None,
    worth: float | None = None,
    margin: float | None = None,
    save_rate: float = 0.1,
    value_days: int = 90,
) -> list[Sentence]:
    """A clear change of retention first, then the list and its holdout, then a threshold that the data do not bear out.

    judged: `cohorts.against_previous`; gaps: `churn.false_churn`, without a meaning of "churned" there is no list to
    contact; coming: `contact_list.prospect`; bands: today's risk bands; worth: of the list, in money where known, with
    the share of it that is earned (margin), over value_days; save_rate: assumed share of the leaving a contact keeps
    """
    if churn.undefined(limit, gaps):
        listed = _undefined(limit, gaps)
    else:
        each = _each(coming, worth, margin=margin, save_rate=save_rate, days=value_days)
        listed = [*_list(coming, bands, each, save_rate=save_rate), *_threshold(limit)]
    return [*_moved(judged, age), *listed][:MOST] or [Sentence("retention.decide.nothing")]


def _moved(judged: pd.DataFrame, age: int) -> list[Sentence]:
    row = last_row(judged)
    if pd.isna(row.get("change_low", float("nan"))):
        return []
    case = direction(row["change_low"], row["change_high"])
    return [] if case == "unclear" else [Sentence(f"retention.decide.{case}", age=age, change=abs(row["change"]))]


def _list(
    coming: Mapping[str, Any], bands: pd.DataFrame | None, each: Sentence | None, *, save_rate: float
) -> list[Sentence]:
    """Whether to contact it and what that may cost, and how many to leave alone where the planned ones are too few."""
    told = {"listed": coming["listed"], "holdout": coming["planned_holdout"]}
    if not told["listed"]:
        return []
    if not told["holdout"]:
        return [Sentence("retention.decide.contact_all", **told)]
    if coming.get("baseline") is None:
        return [Sentence("retention.decide.contact", **told)]
    held, band = _held(coming, save_rate), _band(coming, bands, each.values["each"]) if each else ""
    within = held.key.startswith("retention.decide_held.")
    told |= {"leaving": coming["baseline"], "within": coming["within_days"], "each": each or "", "band": band}
    first = Sentence("retention.decide.list", **told, held=held if within else "")
    return [first] if within else [first, held]


def _each(
    coming: Mapping[str, Any], worth: float | None, *, margin: float | None, save_rate: float, days: int
) -> Sentence | None:
    """What one contact is worth if the assumed share is kept; of that only the margin may be spent. None: unknown."""
    if worth is None or pd.isna(worth) or not coming["listed"]:
        return None
    told = {"each": worth / coming["listed"], "rate": save_rate, "days": days}
    if margin is None:
        return Sentence("retention.decide_each.revenue", **told)
    return Sentence("retention.decide_each.margin", **told, earned=told["each"] * margin)


def _band(coming: Mapping[str, Any], bands: pd.DataFrame | None, each: float) -> Sentence | str:
    """Beside a list of users nearly gone: a band of middle risk where a contact is worth more, reckoned alike."""
    own = bands[bands["action"] == "contact"] if bands is not None and len(bands) else pd.DataFrame()
    if own.empty or coming["baseline"] < NEARLY_GONE or own["value"].isna().all():
        return ""
    row = own.loc[own["value"].idxmax()]
    told = {"band": row["band"], "users": row["users"], "risk": row["risk"], "each": row["value"] / row["users"]}
    return Sentence("retention.decide_band.more", **told) if told["each"] > each else ""


def _held(coming: Mapping[str, Any], save_rate: float) -> Sentence:
    """Whether those left alone show what a contact is hoped to keep, and how many would."""
    fall, told = coming.get("detectable_fall"), {"holdout": coming["planned_holdout"], "rate": save_rate}
    if fall is not None and save_rate * coming["baseline"] >= fall:
        return Sentence("retention.decide_held.seen", **told, read_out=coming["read_out"])
    trial = contact_list.trial(coming, save_rate=save_rate)
    if trial["needed"] is not None:
        return Sentence("retention.decide.trial", **told, needed=trial["needed"], wait=coming["wait_days"])
    told["half"] = trial["half"]
    if trial["half_rate"] is None:
        return Sentence("retention.decide.trial_blind", **told)
    return Sentence("retention.decide.trial_half", **told, seen=trial["half_rate"])


def _undefined(limit: Threshold, gaps: pd.DataFrame) -> list[Sentence]:
    share = gaps.loc[gaps["threshold_days"] == limit.days, "false_churn"].iloc[0]
    return [Sentence("retention.decide.undefined", share=share, days=limit.days)]


def _threshold(limit: Threshold) -> list[Sentence]:
    if limit.origin != "given" or limit.suggested_days is None or limit.suggested_days == limit.days:
        return []
    return [Sentence("retention.decide.threshold", days=limit.days, suggested=limit.suggested_days)]
