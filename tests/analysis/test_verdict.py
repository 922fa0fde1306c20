"""Every rule of the verdict, its order, and the grade that limits the wording."""

import pandas as pd
import pytest

from opsbook.analysis import money, srm, verdict
from opsbook.analysis.verdict import Evidence, Span

GOOD = Span(0.2, 0.1, 0.3)
BAD = Span(-0.2, -0.3, -0.1)
NOTHING = Span(0.01, -0.05, 0.07)
WIDE = Span(0.1, -0.3, 0.5)
HEALTHY = {"comparison": "holdout", "sample_ratio": "healthy", "balance_p": 0.5, "control_exposed": 0.0}
WORKS = {**HEALTHY, "during": GOOD, "net": GOOD, "net_relative": GOOD, "net_capped": GOOD, "net_revenue": GOOD}

DID = {**WORKS, "comparison": "did", "sample_ratio": "none", "passed": ("placebo_dates", "pre_trend", "placebo_size")}
CITIES = {**DID, "comparison": "synthetic_control", "passed": ("fit", "placebo_time", "placebo_units")}
WEIGHTED = {**DID, "comparison": "weighted", "passed": ("covariates", "overlap", "placebo_before")}

CASES = [
    ("harm_so_far", "harmful", {**WORKS, "net": BAD, "ended": False, "after_complete": False}),
    ("harm_so_far", "harmful", {**WORKS, "net": BAD, "after_complete": False}),
    ("gain_so_far", "undecidable", {**WORKS, "ended": False, "after_complete": False}),
    ("gain_so_far", "undecidable", {**WORKS, "after_complete": False}),
    ("not_over", "undecidable", {**WORKS, "net": NOTHING, "ended": False}),
    ("not_over", "undecidable", {**DID, "ended": False, "after_complete": False}),
    ("not_over", "undecidable", {**WORKS, "sample_ratio": "mismatch", "ended": False}),
    ("checks_failed", "undecidable", {**DID, "failed": ("pre_trend",)}),
    ("checks_failed", "undecidable", {**CITIES, "failed": ("fit", "placebo_units")}),
    ("checks_failed", "undecidable", {**WEIGHTED, "failed": ("overlap",), "has_before": False}),
    ("no_comparison", "undecidable", {**DID, "net": verdict.UNKNOWN}),
    ("adjusted_only", "undecidable", WEIGHTED),
    ("checks_untested", "undecidable", {**DID, "passed": ("pre_trend",), "untested": ("placebo_dates",)}),
    ("placebo_as_large", "undecidable", {**DID, "passed": ("pre_trend",), "failed": ("placebo_size",)}),
    ("placebo_as_large", "undecidable", {**CITIES, "net": BAD, "failed": ("placebo_units",)}),
    ("works_and_pays", "keep", {**DID, "cost": 5.0, "roi_margin": GOOD}),
    ("net_loss", "harmful", {**CITIES, "net": BAD}),
    ("too_small", "no_effect", {**DID, "net": NOTHING, "net_relative": NOTHING, "failed": ("placebo_size",)}),
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
    ("after_not_over", "undecidable", {**WORKS, "net": WIDE, "after_complete": False}),
    ("after_not_over", "undecidable", {**DID, "after_complete": False}),
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
        ("B", DID),
        ("B", CITIES),
        ("B", {**DID, "failed": ("placebo_size",)}),
        ("C", {**DID, "untested": ("placebo_dates",)}),
        ("C", {**CITIES, "passed": ("fit",), "untested": ("placebo_time", "placebo_units")}),
        ("C", WEIGHTED),
        ("D", {**DID, "failed": ("pre_trend",)}),
        ("E", {**DID, "failed": ("pre_trend",), "has_before": False}),
        ("D", {**WEIGHTED, "failed": ("covariates",)}),
        ("D", {**DID, "comparison": "before_after"}),
    ],
)
def test_grade(grade, facts):
    """A needs a healthy lot, B a quasi-experiment with all checks passed; untested or adjusted is C, failed is D."""
    assert verdict.grade(Evidence(**facts)) == grade


def test_goods_news_without_a_control_is_never_keep():
    """However good the figures, before/after decides nothing."""
    facts = {**WORKS, "comparison": "before_after", "sample_ratio": "none", "roi_margin": GOOD}
    assert verdict.decide(Evidence(**facts)).conclusion == "undecidable"


ARMS = "variant | users | exposed\ncontrol | 1000 | {exposed}\ntreatment | 4000 | 3000"


def health_of(table, *, status="healthy", p=0.5, balance=0.4, exposed=0, crossed=0):
    """The health table of two arms."""
    arms, before = table(ARMS.format(exposed=exposed)), pd.DataFrame({"metric": ["orders"], "p": [balance]})
    return verdict.health(srm.SampleRatio(status, p, 5000), before, arms, crossed=crossed, control="control")


@pytest.mark.parametrize(
    ("facts", "failed"),
    [
        ({}, []),
        ({"status": "mismatch", "p": 1e-9}, ["sample_ratio"]),
        ({"balance": 1e-9}, ["balance"]),
        ({"exposed": 20}, ["control_exposed"]),
        ({"crossed": 500}, ["crossed"]),
    ],
)
def test_each_check_of_health_can_fail(table, facts, failed):
    """Every check fails on its own trouble and on no other; then no increment is left to read."""
    found = health_of(table, **facts)
    assert found.loc[found["outcome"] == "failed", "check"].tolist() == failed
    assert verdict.readable(pd.DataFrame({"metric": ["orders"]}), found).empty == bool(failed)


def test_a_placebo_as_large_leaves_the_effect_to_be_read(table):
    """A check that questions the claim hides nothing; one that questions the comparison hides every effect."""
    effects = pd.DataFrame({"metric": ["orders"]})
    tried = table("""
        check        | outcome
        pre_trend    | passed
        placebo_size | failed
    """)
    assert len(verdict.readable(effects, tried)) == 1
    assert verdict.readable(effects, tried.assign(outcome="failed")).empty


def test_the_comparison_with_rows_is_the_one_that_was_made():
    """Of the tables of all comparisons the one with rows is taken; without any, the first one's columns."""
    nothing, something = pd.DataFrame(columns=["a"]), pd.DataFrame({"a": [1]})
    assert verdict.of_comparison(nothing, something, nothing).equals(something)
    assert verdict.of_comparison(nothing, nothing).columns.tolist() == ["a"]


def test_health_of_nobody_is_empty(table):
    """Where nobody was assigned there is nothing to check."""
    arms = table(ARMS.format(exposed=0)).iloc[:0]
    nothing = pd.DataFrame({"metric": [], "p": []})
    found = verdict.health(srm.SampleRatio("untested", float("nan"), 0), nothing, arms, crossed=0, control="control")
    assert found.empty


def test_evidence_is_gathered_from_the_tables(table):
    """The rules see the primary metric's CUPED rows, the capped twin, revenue as guardrail and the margin line."""
    increments = table("""
        metric  | window | method       | difference | low | high | relative | relative_low | relative_high
        orders  | during | cuped        | 1          | 0.5 | 1.5  | 0.1      | 0.05         | 0.15
        orders  | after  | cuped        | -1         | -2  | -0.5 | -0.1     | -0.2         | -0.05
        orders  | net    | plain        | 9          | 9   | 9    | 9        | 9            | 9
        orders  | net    | cuped        | 0          | -1  | 1    | 0.0      | -0.1         | 0.1
        orders  | net    | capped_cuped | 0.1        | -1  | 1    | 0.01     | -0.1         | 0.1
        revenue | net    | cuped        | 5          | -9  | 19   | 0.05     | -0.09        | 0.19
    """)
    returns = money.returns(gross_revenue=9, incremental=money.Amount(200, 100, 300), margin=0.5, cost=100)
    asked = {"comparison": "holdout", "primary_metric": "orders", "worthwhile_lift": 0.2, "has_before": True}
    found = verdict.gathered(increments, health_of(table), returns, **asked, days_since_end=28, after_days=28)
    assert (found.sample_ratio, found.balance_p, found.ended, found.after_complete) == ("healthy", 0.4, True, True)
    assert (found.during, found.after, found.net) == ((1, 0.5, 1.5), (-1, -2, -0.5), (0, -1, 1))
    assert (found.net_capped, found.net_revenue, found.roi_margin) == ((0.1, -1, 1), (5, -9, 19), (0, -0.5, 0.5))
    assert verdict.decide(found).rule == "pulled_forward"


DAYS_SINCE = [(-1, False, False), (0, True, False), (27, True, False), (28, True, True)]


@pytest.mark.parametrize(("days", "ended", "complete"), DAYS_SINCE)
def test_days_since_the_end_say_what_is_over(table, days, ended, complete):
    """A campaign is over on its last day; its after-period 28 days later."""
    returns = money.returns(gross_revenue=9, incremental=money.NOTHING_KNOWN, margin=None, cost=0)
    asked = {"comparison": "before_after", "primary_metric": "buyers", "worthwhile_lift": 0.2, "has_before": True}
    nothing = pd.DataFrame(columns=["metric", "window", "method", "difference", "low", "high"])
    health = health_of(table).iloc[:0]
    found = verdict.gathered(nothing, health, returns, **asked, days_since_end=days, after_days=28)
    assert (found.ended, found.after_complete, found.sample_ratio) == (ended, complete, "none")
