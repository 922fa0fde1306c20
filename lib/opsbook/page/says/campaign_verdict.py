"""The conclusion of a campaign review in one sentence, the rule behind it, and what it was read from."""

from __future__ import annotations

import pandas as pd

from opsbook.analysis.incrementality import headline
from opsbook.analysis.verdict import Evidence, Verdict
from opsbook.page.says.campaign import net_roi
from opsbook.page.says.campaign_evidence import checks, totals
from opsbook.page.says.campaign_numbers import goals_reached
from opsbook.page.says.decide import paid_case
from opsbook.page.words import Sentence


def verdict(
    decision: Verdict,
    evidence: Evidence,
    increments: pd.DataFrame,
    *,
    metric: str,
    cost: float = float("nan"),
    arms: pd.DataFrame | None = None,
    control: str = "control",
    goals: pd.DataFrame | None = None,
) -> Sentence:
    """The conclusion in one sentence, with the net increment where the rule rests on one, the goals and the grade.

    cost: of the campaign; arms: `srm.sample_ratio`, how large the groups are against the plan;
    goals: `attainment.attained`, told once the campaign is over
    """
    net = evidence.net_relative
    total = totals(increments, metric).value
    gain = Sentence(f"campaign.{'loss' if total < 0 else 'gain'}.{metric}", total=abs(total))
    named = Sentence(f"campaign.metric.{metric}")
    fields = {"net": net.value, "low": net.low, "high": net.high, "worthwhile": evidence.worthwhile_lift}
    checked = {"failed": checks(evidence.failed), "untested": checks(evidence.untested)}
    after = Sentence(f"campaign.verdict_after.{'included' if _counts_after(increments) else 'none'}")
    broken = {"sizes": _sizes(arms, control)}
    told = {"gain": gain, "metric": named, "after": after, **fields, **checked, **broken}
    said = Sentence(f"campaign.verdict.{decision.rule}", **told)
    paid = net_roi(evidence.roi_margin.value, cost=cost)
    lost = Sentence("campaign.verdict.lost", margin=paid) if _lost(decision, evidence) else _paid(decision, evidence)
    beside = {"reach": _reach(decision, evidence), "lost": lost, "goals": _goals(goals) if evidence.ended else ""}
    return Sentence("campaign.verdict.graded", verdict=said, **beside, grade=decision.grade)


def _paid(decision: Verdict, evidence: Evidence) -> Sentence | str:
    """Of a lift that is not worth having, whether it paid: a small one may."""
    case = paid_case(evidence.roi_margin) if decision.conclusion == "no_effect" else ""
    return Sentence(f"campaign.verdict_paid.{case}") if case in ("open", "sure") else ""


def _goals(attained: pd.DataFrame | None) -> Sentence | str:
    """How many goals of the business were reached, whatever the campaign caused; nothing where none was set."""
    told = {} if attained is None or attained.empty else goals_reached(attained)
    if not told or not told["n"]:
        return ""
    if told["n"] == 1:
        return Sentence(f"campaign.verdict_goals.one_{'reached' if told['value'] else 'missed'}")
    case = {0: "none", told["n"]: "all"}.get(told["value"], "known")
    return Sentence(f"campaign.verdict_goals.{case}", reached=told["value"], n=told["n"])


def _reach(decision: Verdict, evidence: Evidence) -> Sentence | str:
    """Of a campaign that works, whether by as much as was set as worth having; nothing where that is sure."""
    net, asked = evidence.net_relative, evidence.worthwhile_lift
    if not decision.rule.startswith("works_") or not net.low < asked:
        return ""
    return Sentence(f"campaign.verdict_reach.{'below' if net.high < asked else 'open'}", worthwhile=asked)


def _sizes(arms: pd.DataFrame | None, control: str) -> Sentence:
    own = arms[(arms["variant"] == control) & arms["expected_share"].notna()] if arms is not None else pd.DataFrame()
    if own.empty:
        return Sentence("campaign.verdict_sizes.none")
    row = own.iloc[0]
    return Sentence("campaign.verdict_sizes.known", share=row["share"], planned=row["expected_share"])


def _counts_after(increments: pd.DataFrame) -> bool:
    """Whether anything was counted after the end; a campaign may ask for no days there."""
    own = headline(increments)
    return bool(own.loc[own["window"] == "after", ["treated", "control"]].to_numpy().any())


def status(decision: Verdict, evidence: Evidence) -> str:
    """How the page colours the verdict: a campaign without effect whose margin surely misses its cost is bad news."""
    return "bad" if _lost(decision, evidence) else decision.status


def _lost(decision: Verdict, evidence: Evidence) -> bool:
    return decision.conclusion == "no_effect" and evidence.roi_margin.high < 0


def rule(decision: Verdict, promise: Sentence) -> Sentence:
    """The rule that fired, what the grade means, and where it was not promised in advance, that.

    promise: `says.registered.short`
    """
    meaning = Sentence(f"campaign.grade.{decision.grade}")
    fired = Sentence(f"campaign.rule.{decision.rule}")
    return Sentence("campaign.rule.graded", rule=fired, grade=decision.grade, meaning=meaning, promise=promise)


def basis(*, metric: str, days: int, known: int, worthwhile_lift: float) -> Sentence:
    """Which metric and window the verdict reads, and what counts as worth having.

    days: to be watched after the end; known: those of them that the data hold
    """
    told = {"metric": Sentence(f"campaign.metric.{metric}"), "worthwhile": worthwhile_lift}
    if not days:
        return Sentence("campaign.verdict_days.during", **told)
    if known >= days:
        return Sentence("campaign.verdict.metric", days=days, **told)
    if known <= 0:
        return Sentence("campaign.verdict_days.none", asked=days, **told)
    return Sentence("campaign.verdict_days.short", days=known, asked=days, **told)
