"""Every rule of the verdict, its order, and the grade that limits the wording."""

import pytest

from opsbook.analysis import verdict
from opsbook.analysis.verdict import Evidence, Span

GOOD = Span(0.2, 0.1, 0.3)
BAD = Span(-0.2, -0.3, -0.1)
NOTHING = Span(0.01, -0.05, 0.07)
WIDE = Span(0.1, -0.3, 0.5)
HEALTHY = {"comparison": "holdout", "sample_ratio": "healthy", "balance_p": 0.5, "control_exposed": 0.0}
WORKS = {**HEALTHY, "during": GOOD, "net": GOOD, "net_relative": GOOD, "net_capped": GOOD, "net_revenue": GOOD}

CASES = [
    ("not_over", "undecidable", {**WORKS, "ended": False}),
    ("sample_ratio_mismatch", "undecidable", {**WORKS, "sample_ratio": "mismatch", "roi_margin": GOOD}),
    ("unbalanced_before", "undecidable", {**WORKS, "balance_p": 0.0001}),
    ("control_was_exposed", "undecidable", {**WORKS, "control_exposed": 0.05}),
    ("several_variants", "undecidable", {**WORKS, "crossed": 0.2}),
    ("no_comparison", "undecidable", {**HEALTHY}),
    ("no_comparison", "undecidable", {"comparison": "before_after", "has_before": False}),
    ("before_after_only", "undecidable", {"comparison": "before_after"}),
    ("before_after_only", "undecidable", {"comparison": "did"}),
    ("before_after_only", "undecidable", {"comparison": "holdout"}),
    ("plan_unknown", "undecidable", {**WORKS, "sample_ratio": "untested"}),
    ("after_not_over", "undecidable", {**WORKS, "after_complete": False}),
    ("net_loss", "harmful", {**WORKS, "net": BAD}),
    ("revenue_loss", "harmful", {**WORKS, "net_revenue": BAD, "roi_margin": GOOD}),
    ("one_user_decides", "undecidable", {**WORKS, "net_capped": NOTHING, "roi_margin": GOOD}),
    ("works_and_pays", "keep", {**WORKS, "cost": 5.0, "roi_margin": Span(1.0, 0.0, 2.0)}),
    ("works_does_not_pay", "improve", {**WORKS, "cost": 5.0, "roi_margin": BAD}),
    ("works_probably_pays", "keep", {**WORKS, "cost": 5.0, "roi_margin": NOTHING}),
    ("works_probably_does_not_pay", "improve", {**WORKS, "cost": 5.0, "roi_margin": Span(-0.1, -0.9, 0.7)}),
    ("works_without_cost", "keep", {**WORKS, "cost": 0.0}),
    ("works_pay_unknown", "improve", {**WORKS, "cost": 5.0}),
    ("pulled_forward", "no_effect", {**HEALTHY, "during": GOOD, "after": BAD, "net": WIDE, "net_relative": WIDE}),
    ("too_small", "no_effect", {**HEALTHY, "during": NOTHING, "net": NOTHING, "net_relative": NOTHING}),
    ("too_imprecise", "undecidable", {**HEALTHY, "during": WIDE, "net": WIDE, "net_relative": WIDE}),
]


@pytest.mark.parametrize(("rule", "conclusion", "facts"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_rule_fires(rule, conclusion, facts):
    """The first rule that holds gives the conclusion."""
    found = verdict.decide(Evidence(**facts))
    assert (found.rule, found.conclusion) == (rule, conclusion)


def test_every_rule_is_tried_above():
    """No rule is without a case, and every conclusion has its colour."""
    assert {case[0] for case in CASES} == set(verdict.RULES)
    assert set(verdict.STATUS) == set(verdict.CONCLUSIONS) == {case[1] for case in CASES}
    assert {verdict.decide(Evidence(**case[2])).status for case in CASES} == set(verdict.STATUS.values())


@pytest.mark.parametrize(
    ("grade", "facts"),
    [
        ("A", HEALTHY),
        ("C", {**HEALTHY, "sample_ratio": "untested"}),
        ("E", {**HEALTHY, "sample_ratio": "mismatch"}),
        ("E", {**HEALTHY, "balance_p": 1e-9}),
        ("D", {"comparison": "before_after"}),
        ("D", {"comparison": "synthetic_control"}),
        ("E", {"comparison": "before_after", "has_before": False}),
    ],
)
def test_grade(grade, facts):
    """A needs a healthy randomised comparison; before/after is D; broken or nothing is E; B is never given away."""
    assert verdict.grade(Evidence(**facts)) == grade


def test_goods_news_without_a_control_is_never_keep():
    """However good the figures, before/after decides nothing."""
    facts = {**WORKS, "comparison": "before_after", "sample_ratio": "none", "roi_margin": GOOD}
    assert verdict.decide(Evidence(**facts)).conclusion == "undecidable"
