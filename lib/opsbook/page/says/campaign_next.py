"""Sentences that conclude a campaign review: what to do next, and on which condition; the verdict stands above."""

from __future__ import annotations

from opsbook.analysis.margins import BreakEven
from opsbook.analysis.verdict import CAUSAL_GRADES, Verdict
from opsbook.page.says.decide import campaign_case
from opsbook.page.words import Sentence


def steps(decision: Verdict, *, comparison: str) -> Sentence:
    """What the rule that fired recommends."""
    return Sentence(f"campaign.next.{campaign_case(decision, comparison=comparison)}")


def condition(even: BreakEven, *, margin: float | None, grade: str) -> Sentence | None:
    """Down to which margin the answer about money holds; None where there is none."""
    if grade not in CAUSAL_GRADES or even.case != "known" or margin is None or even.low > 1:
        return None
    side = "above" if margin >= even.high else "below" if margin < even.low else "within"
    return Sentence(f"campaign.condition.{side}", margin=margin, low=even.low, high=even.high)
