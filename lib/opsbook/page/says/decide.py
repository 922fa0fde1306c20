"""What a report leaves to be decided, as one sentence for the first screen; it proposes and never claims a cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from opsbook.analysis import churn
from opsbook.analysis.churn import Threshold
from opsbook.analysis.early_warning import ACTIONS
from opsbook.analysis.verdict import Verdict
from opsbook.page.says.levers import SAID, is_clear, moving
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

NEARLY_GONE = ACTIONS[0][0]  # mean risk from which the table of risk bands speaks of winning back
CAMPAIGN = {
    "works_and_pays": "repeat",
    "works_without_cost": "repeat",
    "works_probably_pays": "repeat_unsure",
    "works_does_not_pay": "cheaper",
    "works_probably_does_not_pay": "cheaper",
    "works_pay_unknown": "margin",
    "pulled_forward": "moved",
    "too_small": "stop",
    "net_loss": "harm",
    "revenue_loss": "harm",
    "harm_so_far": "harm",
    "gain_so_far": "wait",
    "not_over": "wait",
    "after_not_over": "wait",
    "sample_ratio_mismatch": "repair",
    "unbalanced_before": "repair",
    "control_was_exposed": "repair",
    "several_variants": "repair",
    "plan_unknown": "plan_share",
    "too_imprecise": "larger",
    "one_user_decides": "larger",
    "placebo_as_large": "larger",
    "checks_failed": "holdout",
    "checks_untested": "holdout",
    "adjusted_only": "holdout",
    "no_comparison": "holdout",
    "before_after_only": "holdout",
}  # every rule of `verdict.RULES`
TEST = {"repeat": "roll_out", "repeat_unsure": "roll_out", "stop": "leave_out"}  # of a test, which is not run again


def lifecycle(
    changes: pd.DataFrame,
    parts: pd.DataFrame,
    gains: pd.DataFrame,
    paid_back: pd.DataFrame | None = None,
    *,
    margin: float | None = None,
) -> Sentence:
    """Where to look after a clear change of active users; without one, the lever that would move most.

    changes: `activity.changes`; parts: `levers.lever_parts`; gains: `steady_state.steady_gains`;
    paid_back: `payback.payback`, what a new user costs, by this margin; without one by revenue
    """
    row = last_row(changes)
    if not row.get("complete") or pd.isna(row.get("change_low", float("nan"))):
        return Sentence("lifecycle.decide.unknown")
    case = direction(row["change_low"], row["change_high"])
    if case == "unclear":
        return Sentence("lifecycle.decide.unclear", lever=_strongest(gains, paid_back, margin))
    told = _largest(parts, sign=1 if case == "up" else -1)
    return Sentence(f"lifecycle.decide.{case}", **told) if told else Sentence(f"lifecycle.decide.{case}_no_lever")


def _strongest(gains: pd.DataFrame, paid_back: pd.DataFrame | None, margin: float | None) -> Sentence:
    """Of the rates and the new users, the one of which a little more adds most at rest, where that is sure."""
    sure = gains[gains["lever"].isin(SAID) & (gains["low"] > 0)] if len(gains) else gains
    if sure.empty:
        return Sentence("lifecycle.decide.no_gain")
    row = sure.loc[sure["gain"].idxmax()]
    lever = Sentence(f"lifecycle.gain_of.{row['lever']}")
    told = {name: row[name] for name in ("gain", "low", "high")}
    cost = _acquired(paid_back, margin, own=str(row["lever"]) == "newcomers")
    return Sentence("lifecycle.decide.gain", lever=lever, cost=cost, **told)


def _acquired(paid_back: pd.DataFrame | None, margin: float | None, *, own: bool) -> Sentence:
    """What a new user of the paid channels costs, and when that is earned there; own: new users are the lever told.

    Channels without cost are left out: spread over their users too, the cost of one more would look lower than it is.
    """
    paid = paid_back[paid_back["channel"] != "all"] if paid_back is not None else None
    if paid is None or paid.empty:
        return Sentence("lifecycle.decide_cost.unknown")
    told: dict[str, Any] = {"start": Sentence(f"lifecycle.decide_cost_start.{'own' if own else 'other'}")}
    told |= {"cac": paid["cost"].sum() / paid["users"].sum(), "channels": len(paid)}
    told |= {"basis": Sentence(f"lifecycle.decide_basis.{'revenue' if margin is None else 'margin'}")}
    days = paid["payback_days"]
    if days.isna().all():
        return Sentence("lifecycle.decide_cost.not_reached", days=paid["horizon_days"].max(), **told)
    told |= {"first": days.min(), "last": days.max(), "open": int(days.isna().sum())}
    return Sentence(f"lifecycle.decide_cost.{'some' if told['open'] else 'known'}", **told)


def _largest(parts: pd.DataFrame, *, sign: int) -> dict[str, Any]:
    """The largest clear part of the change in its direction; nothing when none is clear."""
    if parts.empty or parts["low"].isna().any():
        return {}
    total = moving(parts)
    same = total[is_clear(total["low"], total["high"]) & (total["part"] * sign > 0)]
    if same.empty:
        return {}
    row = same.iloc[0]
    lever = Sentence(f"lifecycle.lever_said.{row['lever']}")
    return {"lever": lever, "part": row["part"], "low": row["low"], "high": row["high"]}


def retention(
    judged: pd.DataFrame,
    limit: Threshold,
    gaps: pd.DataFrame,
    coming: Mapping[str, Any],
    *,
    age: int,
    bands: pd.DataFrame | None = None,
    worth: float | None = None,
    save_rate: float = 0.1,
) -> Sentence:
    """A clear change of retention first, then the list to contact, then a threshold the data do not bear out: two.

    judged: `cohorts.against_previous`; gaps: `churn.false_churn`, without a meaning of "churned" there is no list to
    contact; coming: `early_warning.prospect`; bands: today's risk bands; worth: of the list, in money where known;
    save_rate: assumed share kept by a contact
    """
    wanted = _list(coming, _worth_most(bands), worth, save_rate)
    listed = _undefined(limit, gaps) if churn.undefined(limit, gaps) else [*wanted, *_threshold(limit)]
    found = [*_moved(judged, age), *listed][:2]
    if not found:
        return Sentence("retention.decide.nothing")
    return found[0] if len(found) == 1 else Sentence("retention.decide.two", first=found[0], second=found[1])


def _moved(judged: pd.DataFrame, age: int) -> list[Sentence]:
    row = last_row(judged)
    if pd.isna(row.get("change_low", float("nan"))):
        return []
    case = direction(row["change_low"], row["change_high"])
    return [] if case == "unclear" else [Sentence(f"retention.decide.{case}", age=age, change=abs(row["change"]))]


def _worth_most(bands: pd.DataFrame | None) -> dict[str, Any]:
    """The band that is to be contacted at once, where most can be saved; empty without one."""
    own = bands[bands["action"] == "contact"] if bands is not None and len(bands) else pd.DataFrame()
    rows = own.sort_values("value", na_position="first").to_dict("records") if len(own) else []
    return {str(name): value for name, value in rows[-1].items()} if rows else {}


def _list(coming: Mapping[str, Any], band: Mapping[str, Any], worth: float | None, save_rate: float) -> list[Sentence]:
    if not coming["listed"]:
        return []
    told = {"listed": coming["listed"], "holdout": coming["planned_holdout"]}
    if coming["planned_holdout"] and coming.get("baseline") is not None:
        case = "win_back" if coming["baseline"] >= NEARLY_GONE else "contact_known"
        told["leaving"] = coming["baseline"]
        if case == "win_back" and band:
            return [_either(coming, band, worth, save_rate)]
        contacted = 1 - coming["planned_holdout"] / coming["listed"]
        own = {"back": _worth(worth and worth * contacted, save_rate)} if case == "win_back" else {}
        return [Sentence(f"retention.decide.{case}", **told, **own)]
    return [Sentence(f"retention.decide.{'contact' if coming['planned_holdout'] else 'contact_all'}", **told)]


def _either(coming: Mapping[str, Any], band: Mapping[str, Any], worth: float | None, save_rate: float) -> Sentence:
    """A band of middle risk or the riskiest users: how many, how likely they leave, what keeping some is worth."""
    told: dict[str, Any] = {name: band[name] for name in ("band", "users", "risk")}
    told |= {"listed": coming["listed"], "leaving": coming["baseline"], "held": _held(coming, save_rate)}
    told |= {"worth": _worth(band["value"], save_rate), "back": _worth(worth, save_rate)}
    if not (pd.isna(band["value"]) or worth is None):
        contacted = coming["listed"] - coming["planned_holdout"]
        value = worth * contacted / coming["listed"]  # who is left alone is not kept by a contact
        told["back"] = Sentence("retention.decide_worth.same", value=value, contacted=contacted)
    return Sentence("retention.decide.bands", **told)


def _held(coming: Mapping[str, Any], save_rate: float) -> Sentence:
    """How many of the list are left alone, and whether so few show what a contact is hoped to save; None shows none."""
    fall, told = coming.get("detectable_fall"), {"holdout": coming["planned_holdout"]}
    if fall is not None and save_rate * coming["baseline"] >= fall:
        return Sentence("retention.decide_held.seen", **told)
    return Sentence("retention.decide_held.small", **told, rate=save_rate)


def _worth(value: float | None, save_rate: float) -> Sentence:
    if value is None or pd.isna(value):
        return Sentence("retention.decide_worth.none")
    return Sentence("retention.decide_worth.money", value=value, rate=save_rate)


def _undefined(limit: Threshold, gaps: pd.DataFrame) -> list[Sentence]:
    share = gaps.loc[gaps["threshold_days"] == limit.days, "false_churn"].iloc[0]
    return [Sentence("retention.decide.undefined", share=share, days=limit.days)]


def _threshold(limit: Threshold) -> list[Sentence]:
    if limit.origin != "given" or limit.suggested_days is None or limit.suggested_days == limit.days:
        return []
    return [Sentence("retention.decide.threshold", days=limit.days, suggested=limit.suggested_days)]


def campaign(decision: Verdict, *, comparison: str, end: date, after_days: int) -> Sentence:
    """What the rule that fired leaves to be decided; the verdict is final after_days after the end.

    comparison: of the campaign's file; what worked in an A/B test is not run again but given to everybody
    """
    case = campaign_case(decision, comparison=comparison)
    return Sentence(
        f"campaign.decide.{case}", **({"through": end + timedelta(days=after_days)} if case == "wait" else {})
    )


def campaign_case(decision: Verdict, *, comparison: str) -> str:
    """Which decision a campaign's rule leaves."""
    case = CAMPAIGN[decision.rule]
    return TEST.get(case, case) if comparison == "ab" else case


def plan(verdict: Sentence, *, start: date, registered_on: date | None) -> Sentence:
    """What the verdict of `says.plan.verdict` leaves to be decided; of a campaign that has begun it is for the next."""
    said = _planned(verdict)
    late = registered_on is not None and registered_on >= start
    return Sentence("plan.decide.late", start=start, said=said) if late else said


def _planned(verdict: Sentence) -> Sentence:
    case = verdict.key.rsplit(".", 1)[-1]
    held = ("planned", "planned_users")
    names = {"more": ("planned", "share", "seen"), "no_share": ("share",), "good": held}
    names["spare"] = (*held, "share", "control")
    return Sentence(f"plan.decide.{case}", **{name: verdict.values[name] for name in names.get(case, ())})
