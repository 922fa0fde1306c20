"""What a report leaves to be decided, as one sentence for the first screen; it proposes and never claims a cause."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from opsbook.analysis.verdict import Evidence, Span, Verdict
from opsbook.page.says.levers import SAID, is_clear, moving
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

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
    news: Sentence | None = None,
    verdict: str = "unclear",
) -> list[Sentence]:
    """Where to look after a clear change of active users; without one, the lever that would move most.

    changes: `activity.changes`; parts: `levers.lever_parts`; gains: `steady_state.steady_gains`;
    paid_back: `payback.payback`, what a new user costs, by this margin; without one by revenue;
    news: `says.aarrr.news`, other numbers that changed clearly, a matter of their own; verdict: its case, leaking or
    falls where small losses add up
    """
    row, beside = last_row(changes), _beside(news)
    if not row.get("complete") or pd.isna(row.get("change_low", float("nan"))):
        return [*beside, Sentence("lifecycle.decide.unknown")]
    case = direction(row["change_low"], row["change_high"])
    if case == "unclear":
        still = verdict if verdict in ("leaking", "falls") else "unclear"
        return [*beside, Sentence(f"lifecycle.decide.{still}", lever=_strongest(gains, paid_back, margin))]
    told = _largest(parts, sign=1 if case == "up" else -1)
    said = Sentence(f"lifecycle.decide.{case}", **told) if told else Sentence(f"lifecycle.decide.{case}_no_lever")
    return [said, *beside]


def _beside(news: Sentence | None) -> list[Sentence]:
    if news is None:
        return []
    return [Sentence("lifecycle.decide.news", metric=news.values["moved"].values["metric"])]


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


def campaign(decision: Verdict, *, comparison: str, end: date, after_days: int, facts: Evidence) -> Sentence:
    """What the rule that fired leaves to be decided; the verdict is final after_days after the end.

    comparison: of the campaign's file; what worked in an A/B test is not run again but given to everybody;
    facts: the lift of what is rolled out, and the net return, weighed against a lift that is not worth having
    """
    case = campaign_case(decision, comparison=comparison)
    told: dict[str, Any] = {}
    if case == "wait":
        told["through"] = end + timedelta(days=after_days)
    if case in ("stop", "leave_out"):
        told["paid"] = _paid(facts.roi_margin)
    if case == "roll_out":
        told |= dict(zip(("net", "low", "high"), facts.net_relative, strict=True))
    return Sentence(f"campaign.decide.{case}", **told)


def paid_case(returned: Span) -> str:
    """Whether the cost was earned: sure, lost, open; "" where nothing was spent or no margin is known."""
    if pd.isna(returned.value) or pd.isna(returned.low):
        return ""
    return {"up": "sure", "down": "lost"}.get(direction(returned.low, returned.high), "open")


def _paid(returned: Span) -> Sentence | str:
    case, told = paid_case(returned), {"roi": returned.value, "low": returned.low, "high": returned.high}
    return Sentence(f"campaign.decide_paid.{case}", **told) if case else ""


def campaign_case(decision: Verdict, *, comparison: str) -> str:
    """Which decision a campaign's rule leaves."""
    case = CAMPAIGN[decision.rule]
    return TEST.get(case, case) if comparison == "ab" else case


def plan(verdict: Sentence, *, start: date | None, registered_on: date | None) -> Sentence:
    """What the verdict of `says.plan.verdict` leaves to be decided; of a campaign that has begun it is for the next."""
    said = _planned(verdict)
    if start is None or registered_on is None or registered_on < start:
        return said
    if said.key in ("plan.decide.good", "plan.decide.spare"):
        return Sentence(said.key.replace("decide.", "decide_next."), **verdict.values)
    return Sentence("plan.decide.late", start=start, said=said)


def _planned(verdict: Sentence) -> Sentence:
    case = verdict.key.rsplit(".", 1)[-1]
    held = ("planned", "planned_users")
    names = {"more": ("planned", "share", "seen"), "no_share": ("share",), "good": held}
    names["spare"] = (*held, "share", "control")
    return Sentence(f"plan.decide.{case}", **{name: verdict.values[name] for name in names.get(case, ())})
