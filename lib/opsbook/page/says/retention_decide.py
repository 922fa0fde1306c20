"""What notebook 02 leaves to be decided: the change, the list to contact, its holdout, the meaning of "churned"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis import churn, contact_list
from opsbook.analysis.churn import Threshold
from opsbook.analysis.detectable import POWER
from opsbook.analysis.early_warning import ACTIONS
from opsbook.analysis.proportion import Estimate
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

ENDS = (("low", "low"), ("high", "high"))
NEARLY_GONE = ACTIONS[0][0]  # mean risk from which the table of risk bands speaks of winning back


def matters(
    judged: pd.DataFrame,
    limit: Threshold,
    gaps: pd.DataFrame,
    coming: Mapping[str, Any],
    *,
    age: int,
    bands: pd.DataFrame | None = None,
    worth: Estimate | None = None,
    margin: float | None = None,
    save_rate: float = 0.1,
    value_days: int = 90,
) -> list[Sentence]:
    """A clear change of retention first, then a meaning of "churned" that the data do not bear out, then the list.

    judged: `cohorts.against_previous`; gaps: `churn.false_churn`, without a meaning of "churned" there is no list to
    contact; coming: `contact_list.prospect`; bands: today's risk bands; worth: of the list, in money where known, with
    the share of it that is earned (margin), over value_days; save_rate: assumed share of the leaving a contact keeps
    """
    moved = _moved(judged, age)
    if churn.undefined(limit, gaps):
        return [*moved, _undefined(limit, gaps, judged, age)]
    meaning = _threshold(limit, gaps)
    each = _each(coming, worth, margin=margin, save_rate=save_rate, days=value_days)
    listed = _later(coming, limit, save_rate) if meaning else _list(coming, bands, each, save_rate=save_rate)
    return [*moved, *meaning, *listed] or [Sentence("retention.decide.nothing")]


def _moved(judged: pd.DataFrame, age: int) -> list[Sentence]:
    row = last_row(judged)
    if pd.isna(row.get("change_low", float("nan"))):
        return []
    case = direction(row["change_low"], row["change_high"])
    return [] if case == "unclear" else [Sentence(f"retention.decide.{case}", age=age, change=abs(row["change"]))]


def _list(
    coming: Mapping[str, Any], bands: pd.DataFrame | None, each: Sentence | None, *, save_rate: float
) -> list[Sentence]:
    """Whether to contact it, as a test of how many left alone, and what a contact may cost."""
    if not coming["listed"]:
        return []
    if not coming["planned_holdout"] or coming.get("baseline") is None:
        told = {"listed": coming["listed"], "holdout": coming["planned_holdout"]}
        return [Sentence(f"retention.decide.contact{'' if told['holdout'] else '_all'}", **told)]
    case, fields = _trial(coming, save_rate)
    beside = {"each": each or "", "band": _band(coming, bands, each) if each else ""}
    return [Sentence(f"retention.decide.list_{case}", **_named(coming, save_rate), **fields, **beside)]


def _later(coming: Mapping[str, Any], limit: Threshold, save_rate: float) -> list[Sentence]:
    """Another meaning of "churned" makes another list: today's stands as what it would take, not as what to sign."""
    if not coming["listed"] or not coming["planned_holdout"] or coming.get("baseline") is None:
        return _list(coming, None, None, save_rate=save_rate)
    case, fields = _trial(coming, save_rate)
    told = _named(coming, save_rate)
    held = Sentence(f"retention.decide_held.{'half' if case == 'blind' else case}", **told, **fields)
    days = {"days": limit.days, "suggested": limit.suggested_days}
    return [Sentence("retention.decide.list_later", **told, **days, held=held)]


def _named(coming: Mapping[str, Any], save_rate: float) -> dict[str, Any]:
    told = {"listed": coming["listed"], "holdout": coming["planned_holdout"], "rate": save_rate, "power": POWER}
    return told | {"leaving": coming["baseline"], "within": coming["within_days"]}


def _trial(coming: Mapping[str, Any], save_rate: float) -> tuple[str, dict[str, Any]]:
    """Whether those left alone show what a contact is hoped to keep, or how many would."""
    fall = coming.get("detectable_fall")
    if fall is not None and save_rate * coming["baseline"] >= fall:
        return "seen", {"read_out": coming["read_out"]}
    found = contact_list.trial(coming, save_rate=save_rate)
    if found["needed"] is not None:
        return "trial", {"needed": found["needed"], "wait": coming["wait_days"]}
    if found["half_rate"] is None:
        return "blind", {"half": found["half"]}
    return "half", {"half": found["half"], "seen": found["half_rate"]}


def _each(
    coming: Mapping[str, Any], worth: Estimate | None, *, margin: float | None, save_rate: float, days: int
) -> Sentence | None:
    """What one contact is worth if the assumed share is kept, and what may be spent on it: the margin of the lower end.

    None where that is not known, or not surely more than nothing.
    """
    if worth is None or not coming["listed"] or not worth.low > 0:
        return None
    told = {name: getattr(worth, end) / coming["listed"] for name, end in (("each", "value"), *ENDS)}
    told |= {"rate": save_rate, "days": days}
    if margin is None:
        return Sentence("retention.decide_each.revenue", **told)
    return Sentence("retention.decide_each.margin", **told, earned=told["low"] * margin)


def _band(coming: Mapping[str, Any], bands: pd.DataFrame | None, each: Sentence) -> Sentence | str:
    """Beside a list of users nearly gone: a band of middle risk where a contact surely brings more, reckoned alike."""
    own = bands[bands["action"] == "contact"] if bands is not None and len(bands) else pd.DataFrame()
    if own.empty or coming["baseline"] < NEARLY_GONE or own["value"].isna().all():
        return ""
    row = own.loc[(own["value"] / own["users"]).idxmax()]
    if not row["value_low"] / row["users"] > each.values["high"]:
        return ""
    told = {"band": row["band"], "users": row["users"], "risk": row["risk"], "each": row["value"] / row["users"]}
    return Sentence("retention.decide_band.more", **told)


def _undefined(limit: Threshold, gaps: pd.DataFrame, judged: pd.DataFrame, age: int) -> Sentence:
    """What to judge by where most of the silent return: the retention that the verdict reads."""
    row = last_row(judged)
    told = {"share": _back(limit.days, gaps), "days": limit.days, "age": age}
    if pd.isna(row.get("share", float("nan"))):
        return Sentence("retention.decide.undefined", **told)
    return Sentence("retention.decide.undefined_judged", **told, now=row["share"])


def _threshold(limit: Threshold, gaps: pd.DataFrame) -> list[Sentence]:
    """A longer silence than the company's, where the data ask for one; a shorter one is an offer, told as a finding."""
    known = set(gaps["threshold_days"])
    if limit.origin != "given" or limit.suggested_days is None or not {limit.days, limit.suggested_days} <= known:
        return []
    if limit.suggested_days <= limit.days:
        return []
    back = {"share": _back(limit.days, gaps), "less": _back(limit.suggested_days, gaps)}
    return [Sentence("retention.decide.threshold", days=limit.days, suggested=limit.suggested_days, **back)]


def _back(days: int, gaps: pd.DataFrame) -> float:
    """Share of the silences of so many days that end with a return."""
    return float(gaps.loc[gaps["threshold_days"] == days, "false_churn"].iloc[0])
