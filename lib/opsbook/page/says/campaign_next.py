"""Sentences that conclude a campaign review: what to do next, and on which condition; the verdict stands above."""

from __future__ import annotations

from datetime import date

from opsbook.analysis.margins import BreakEven
from opsbook.analysis.verdict import CAUSAL_GRADES, UNKNOWN, Span, Verdict
from opsbook.page.says.decide import campaign, campaign_case, paid_case
from opsbook.page.words import Sentence


def steps(
    decision: Verdict,
    *,
    comparison: str,
    suspects: Sentence | None = None,
    weakest: Sentence | None = None,
    returned: Span = UNKNOWN,
) -> Sentence:
    """What the rule that fired recommends; where most new users look abnormal, what to mend before.

    suspects: of `says.abnormal.newcomers`; weakest: of `says.plan_gap.weakest`, where a change of the offer begins;
    returned: the net return, which may speak for a campaign whose lift is not worth having
    """
    case = campaign_case(decision, comparison=comparison)
    told = Sentence(f"campaign.next.{case}", **(_changed(weakest, returned) if case == "stop" else {}))
    return told if suspects is None else Sentence("campaign.next.closed", next=told)


def decision(
    ruling: Verdict,
    *,
    comparison: str,
    end: date,
    after_days: int,
    suspects: Sentence | None = None,
    weakest: Sentence | None = None,
    returned: Span = UNKNOWN,
) -> Sentence:
    """What is to be decided, with what is recommended (`steps`); while there is only waiting, one says the other."""
    asked = campaign(ruling, comparison=comparison, end=end, after_days=after_days, returned=returned)
    if campaign_case(ruling, comparison=comparison) == "wait":
        return asked
    recommended = steps(ruling, comparison=comparison, suspects=suspects, weakest=weakest, returned=returned)
    return Sentence("campaign.decide.suggested", decide=asked, next=recommended)


def _changed(weakest: Sentence | None, returned: Span) -> dict[str, Sentence | str]:
    case = paid_case(returned)
    where = "" if weakest is None else Sentence("campaign.next_where.factor", factor=weakest)
    return {"where": where, "money": Sentence(f"campaign.next_money.{case}") if case in ("sure", "likely") else ""}


def condition(even: BreakEven, *, margin: float | None, grade: str) -> Sentence | None:
    """Down to which margin the answer about money holds; None where there is none."""
    if grade not in CAUSAL_GRADES or even.case != "known" or margin is None or even.low > 1:
        return None
    side = "above" if margin >= even.high else "below" if margin < even.low else "within"
    return Sentence(f"campaign.condition.{side}", margin=margin, low=even.low, high=even.high)
