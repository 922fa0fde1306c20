"""From evidence to one word: an ordered list of rules, the first that fires decides, and its name is printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import isnan
from typing import NamedTuple

CONCLUSIONS = ("keep", "improve", "no_effect", "harmful", "undecidable")
STATUS = {"keep": "good", "improve": "warn", "no_effect": "neutral", "harmful": "bad", "undecidable": "unknown"}
RANDOMISED = ("holdout", "ab")
CAUSAL_GRADES = ("A", "B")
CONTAMINATION = 0.01
BALANCE_P = 0.001


class Span(NamedTuple):
    """An estimate with its interval, in the primary metric's unit per user; missing when not known."""

    value: float
    low: float
    high: float


UNKNOWN = Span(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Evidence:
    """Everything the rules look at.

    sample_ratio: healthy, mismatch, untested (the plan is not known) or none (nobody assigned)
    balance_p: smallest corrected p of the arms' differences in the days before
    control_exposed: share of the control arm that was shown the campaign
    during, after, net: treated minus control in the primary metric; net_relative: net as a share of the control;
    net_capped: net with heavy tails capped; net_revenue: guardrail
    roi_margin: (incremental margin - cost) / cost, missing when margin or cost is not known
    """

    comparison: str
    sample_ratio: str = "none"
    balance_p: float = float("nan")
    control_exposed: float = float("nan")
    ended: bool = True
    after_complete: bool = True
    has_before: bool = True
    during: Span = UNKNOWN
    after: Span = UNKNOWN
    net: Span = UNKNOWN
    net_relative: Span = UNKNOWN
    net_capped: Span = UNKNOWN
    net_revenue: Span = UNKNOWN
    worthwhile_lift: float = 0.2
    cost: float = 0.0
    roi_margin: float = float("nan")


class Verdict(NamedTuple):
    """The conclusion, the rule that fired and the grade that limits the wording."""

    conclusion: str
    rule: str
    grade: str

    @property
    def status(self) -> str:
        """How the page colours it."""
        return STATUS[self.conclusion]


def grade(evidence: Evidence) -> str:
    """Evidence grade: A randomised and healthy, C randomised but not checkable, D before/after, E none.

    Grade B needs a quasi-experiment with passed placebo and pre-trend checks, which no rule here grants.
    """
    if evidence.comparison in RANDOMISED and evidence.sample_ratio != "none":
        if _broken(evidence):
            return "E"
        return "A" if evidence.sample_ratio == "healthy" else "C"
    return "D" if evidence.has_before else "E"


def decide(evidence: Evidence) -> Verdict:
    """The first rule of RULES that holds."""
    rule = next(rule for rule, (_conclusion, holds) in RULES.items() if holds(evidence))
    return Verdict(RULES[rule][0], rule, grade(evidence))


def after_complete(*, end: date, after_days: int, as_of: date) -> bool:
    """Whether the whole span after the campaign has been observed."""
    return (as_of - end).days >= after_days


def _broken(e: Evidence) -> bool:
    return e.sample_ratio == "mismatch" or e.balance_p < BALANCE_P or e.control_exposed > CONTAMINATION


def _works(e: Evidence) -> bool:
    return e.net.low > 0


RULES: dict[str, tuple[str, Callable[[Evidence], bool]]] = {
    "not_over": ("undecidable", lambda e: not e.ended),
    "sample_ratio_mismatch": ("undecidable", lambda e: e.sample_ratio == "mismatch"),
    "unbalanced_before": ("undecidable", lambda e: e.balance_p < BALANCE_P),
    "control_was_exposed": ("undecidable", lambda e: e.control_exposed > CONTAMINATION),
    "no_comparison": ("undecidable", lambda e: grade(e) == "E" or (isnan(e.net.value) and grade(e) in ("A", "C"))),
    "before_after_only": ("undecidable", lambda e: grade(e) == "D"),
    "plan_unknown": ("undecidable", lambda e: grade(e) == "C"),
    "after_not_over": ("undecidable", lambda e: not e.after_complete),
    "net_loss": ("harmful", lambda e: e.net.high < 0),
    "revenue_loss": ("harmful", lambda e: e.net_revenue.high < 0),
    "one_user_decides": ("undecidable", lambda e: _works(e) and e.net_capped.low <= 0),
    "works_and_pays": ("keep", lambda e: _works(e) and e.roi_margin >= 0),
    "works_does_not_pay": ("improve", lambda e: _works(e) and e.roi_margin < 0),
    "works_without_cost": ("keep", lambda e: _works(e) and e.cost <= 0),
    "works_pay_unknown": ("improve", _works),
    "pulled_forward": ("no_effect", lambda e: e.during.low > 0 and e.after.high < 0),
    "too_small": ("no_effect", lambda e: e.net_relative.high < e.worthwhile_lift),
    "too_imprecise": ("undecidable", lambda e: True),
}
