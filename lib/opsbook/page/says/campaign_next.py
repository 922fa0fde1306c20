"""Sentences that conclude a campaign review: what to do next, and on which condition; the verdict stands above."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from opsbook.analysis.margins import BreakEven
from opsbook.analysis.verdict import CAUSAL_GRADES, Evidence, Span, Verdict
from opsbook.page.says.decide import campaign, campaign_case, paid_case
from opsbook.page.words import Sentence

WORTH_WATCHING = 0.05  # a fall by so much of a metric beside the one that is tested
MONEY = ("sure", "open")  # returns that speak for a campaign without a lift worth having


def steps(
    decision: Verdict,
    *,
    comparison: str,
    facts: Evidence,
    held: float | None = None,
    beside: Mapping[str, Span] | None = None,
    suspects: Sentence | None = None,
    weakest: Sentence | None = None,
) -> Sentence:
    """What the rule that fired recommends; where most new users look abnormal, what to mend before.

    facts: the evidence; held: share (0-1) held back; beside: other metrics' net change as a share of the control, of
    which a fall may not be ruled out; suspects: of `says.abnormal.newcomers`; weakest: of `says.plan_gap.weakest`,
    where a change of the offer begins
    """
    case = campaign_case(decision, comparison=comparison)
    fields: dict[str, Sentence | str] = {}
    if case == "stop":
        paid = paid_case(facts.roi_margin)
        fields = {"where": weakest or "", "money": Sentence(f"campaign.next_money.{paid}") if paid in MONEY else ""}
    if case == "repeat":
        fields["held"] = Sentence(f"campaign.next_held.{'share' if held else 'group'}", share=held)
    if case == "roll_out":
        fields["watch"] = _watched(beside or {})
    told = Sentence(f"campaign.next.{case}", **fields)
    return told if suspects is None else Sentence("campaign.next.closed", next=told)


def decision(ruling: Verdict, *, comparison: str, facts: Evidence, end: date, after_days: int, **more: Any) -> Sentence:
    """What is to be decided, with what is recommended; while there is only waiting, one says the other.

    more: of `steps`
    """
    asked = campaign(ruling, comparison=comparison, end=end, after_days=after_days, facts=facts)
    if campaign_case(ruling, comparison=comparison) == "wait":
        return asked
    recommended = steps(ruling, comparison=comparison, facts=facts, **more)
    return Sentence("campaign.decide.suggested", decide=asked, next=recommended)


def _watched(beside: Mapping[str, Span]) -> Sentence | str:
    """The metric that fell, or else may have fallen most; a fall of next to nothing is none."""
    falls = {name: span for name, span in beside.items() if span.low <= -WORTH_WATCHING}
    fell = {name: span for name, span in falls.items() if span.high < 0}
    pool = fell or falls
    if not pool:
        return ""
    name = min(pool, key=lambda one: pool[one].value if fell else pool[one].low)
    told = {"metric": Sentence(f"campaign.metric.{name}"), **pool[name]._asdict()}
    return Sentence(f"campaign.next_watch.{'fell' if fell else 'may'}", **told)


def condition(even: BreakEven, *, margin: float | None, grade: str) -> Sentence | None:
    """Down to which margin the answer about money holds; None where there is none."""
    if grade not in CAUSAL_GRADES or even.case != "known" or margin is None or even.low > 1:
        return None
    side = "above" if margin >= even.high else "below" if margin < even.low else "within"
    return Sentence(f"campaign.condition.{side}", margin=margin, low=even.low, high=even.high)
