import re
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from opsbook.analysis.margins import BreakEven
from opsbook.analysis.verdict import RULES, UNKNOWN, Evidence, Span, Verdict
from opsbook.page import words
from opsbook.page.says import campaign as says
from opsbook.page.says import campaign_next, campaign_verdict, lasting, plan_gap, registered
from opsbook.page.words import Sentence

FACTS = Evidence("holdout", net_relative=Span(0.3, 0.25, 0.35))
EVEN = BreakEven(0.12, 0.08, 0.23, "known")
GOALS = pd.DataFrame({"metric": ["participants", "revenue"], "attainment": [0.9, 1.6], "weight": [1.0, 2.0]})
GOALS = GOALS.assign(direction="higher", actual=GOALS["attainment"], target=1.0)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_leads_to_a_recommendation_that_is_not_the_verdict(rule):
    """The conclusion says what to do next, in both languages, and not once more what was found."""
    decision = Verdict(RULES[rule][0], rule, "A")
    for language in words.LANGUAGES:
        said = campaign_next.steps(decision, comparison="holdout", facts=FACTS).text(language)
        assert said
        assert said not in str(words.entry(f"campaign.verdict.{rule}", language).forms)


def test_an_ab_test_that_works_is_rolled_out():
    """What worked in a test is not run again but given to everybody."""
    decision = Verdict("keep", "works_and_pays", "A")
    assert campaign_next.steps(decision, comparison="ab", facts=FACTS).key == "campaign.next.roll_out"
    assert campaign_next.steps(decision, comparison="holdout", facts=FACTS).key == "campaign.next.repeat"


def test_the_first_screen_asks_and_recommends():
    """The decision carries the recommendation, and where suspects came in, what to mend; waiting is told once."""
    span = {"comparison": "holdout", "end": date(2026, 3, 22), "after_days": 28, "facts": FACTS}
    suspects = Sentence("campaign.abnormal_new.all", all_new=24)
    told = campaign_next.decision(Verdict("undecidable", "sample_ratio_mismatch", "E"), suspects=suspects, **span)
    assert "We suggest: Repair the split" in told.text("en")
    assert "堵住疑似异常账号的入口" in told.text("zh")
    waiting = campaign_next.decision(Verdict("undecidable", "not_over", "A"), suspects=None, **span)
    assert waiting.key == "campaign.decide.wait"


RETURNS = {
    "sure": Span(1.7, 0.2, 3.1),
    "open": Span(1.7, -1.1, 4.6),
    "lost": Span(-1.2, -1.9, -0.5),
    "": UNKNOWN,
}


@pytest.mark.parametrize("case", RETURNS)
@pytest.mark.parametrize("comparison", ["holdout", "ab"])
def test_a_lift_not_worth_having_is_weighed_against_what_the_campaign_earned(case, comparison):
    """The decision names the return beside the lift and recommends one thing; an open return asks for more users."""
    small = Verdict("no_effect", "too_small", "A")
    span = {"comparison": comparison, "end": date(2026, 3, 22), "after_days": 28}
    said = campaign_next.decision(small, facts=replace(FACTS, roi_margin=RETURNS[case]), **span)
    english, chinese = said.text("en"), said.text("zh")
    assert ("net return" in english) == bool(case)
    assert ("control group large enough to show whether it pays" in english) == (
        case == "open" and comparison == "holdout"
    )
    assert ("may also run on as it is" in english) == (case == "sure" and comparison == "holdout")
    assert re.findall(r"[\d.]+%", english) == re.findall(r"[\d.]+%", chinese)


def test_a_change_of_the_offer_begins_where_it_fell_behind():
    """The step named is the offer's own that clearly missed its plan by most; who was shown it is not."""
    parts = pd.DataFrame({"channel": "all", "factor": ["gap", "exposed", "participation", "conversion", "value"],
                          "part": [-40.0, -90.0, -13.0, -8.0, 20.0], "low": [-60.0, -95.0, -15.0, -11.0, 15.0],
                          "high": [-20.0, -80.0, -11.0, -5.0, 25.0]})  # fmt: skip
    steps = pd.DataFrame({"step": ["participation", "conversion"], "actual": [0.40, 0.5], "planned": [0.53, 0.6]})
    small = Verdict("no_effect", "too_small", "A")
    weakest = plan_gap.weakest(parts, steps)
    said = campaign_next.steps(small, comparison="holdout", facts=FACTS, weakest=weakest)
    assert "beginning with participation (40.0% instead of the planned 53.0%)" in said.text("en")
    assert "先提高参与率：实际 40.0%，计划 53.0%" in said.text("zh")
    assert plan_gap.weakest(parts.assign(high=1.0), steps) is None
    assert plan_gap.weakest(parts.iloc[:2], steps) is None
    assert plan_gap.weakest(parts, steps.iloc[:0]) is None
    mixed = steps.assign(actual=[0.60, 0.5])  # each channel took part less, and all together more: their mix moved
    assert "beginning with conversion" in plan_gap.weakest(parts, mixed).text("en")


def test_a_test_that_works_is_rolled_out_with_an_eye_on_what_may_have_fallen():
    """The lift stands in the decision with its interval; the metric that may have lost most is named, if any may."""
    works, span = Verdict("keep", "works_without_cost", "A"), {"end": date(2026, 3, 22), "after_days": 0}
    facts = replace(FACTS, net_relative=Span(0.077, 0.002, 0.152))
    beside = {"orders": Span(-0.01, -0.135, 0.116), "revenue": Span(-0.053, -0.204, 0.098)}
    said = campaign_next.decision(works, comparison="ab", facts=facts, beside=beside, **span)
    assert "It works in the test (+7.7%, 95% interval +0.2% to +15.2%)." in said.text("en")
    assert "watching net revenue, of which a fall is not ruled out (−5.3%, 95% interval −20.4% to +9.8%)" in said.text(
        "en"
    )
    assert re.findall(r"[\d.]+%", said.text("en")) == re.findall(r"[\d.]+%", said.text("zh"))
    fine = {"orders": Span(0.1, 0.05, 0.15), "revenue": Span(0.3, -0.001, 0.7)}
    assert "watching" not in campaign_next.steps(works, comparison="ab", facts=facts, beside=fine).text("en")
    fell = campaign_next.steps(works, comparison="ab", facts=facts, beside=beside | {"orders": Span(-0.2, -0.3, -0.1)})
    assert "unless the fall of orders weighs more (−20.0%" in fell.text("en")


def test_a_campaign_that_is_repeated_names_the_share_held_back():
    """As large a control group as this time, where its share is known."""
    works = Verdict("keep", "works_and_pays", "A")
    for held, told in ((0.2, "hold 20.0% of the users back"), (None, "hold a group back")):
        assert told in campaign_next.steps(works, comparison="holdout", facts=FACTS, held=held).text("en")


def test_the_verdict_counts_the_goals_once_the_campaign_is_over():
    """Whatever the campaign caused, the reader also learns how many goals it reached; a running one has none yet."""
    goals = GOALS.assign(reached=[False, True])
    table = pd.DataFrame(
        columns=["metric", "window", "treated", "control", "total", "total_low", "total_high", "method"]
    )
    keep = Verdict("keep", "works_and_pays", "A")
    told = campaign_verdict.verdict(keep, FACTS, table, metric="orders", goals=goals)
    assert "1 of 2 business goals reached." in told.text("en")
    for reached, said in (([False] * 2, "None of 2 business goals was"), ([True] * 2, "All 2 business goals were")):
        every = campaign_verdict.verdict(keep, FACTS, table, metric="orders", goals=GOALS.assign(reached=reached))
        assert said in every.text("en")
    assert "2 个业务目标达成 1 个" in told.text("zh")
    one = {
        reached: campaign_verdict.verdict(keep, FACTS, table, metric="orders", goals=goals.iloc[[reached]])
        for reached in (0, 1)
    }
    assert "Its one business goal was not reached." in one[0].text("en")
    assert "唯一的业务目标已达成" in one[1].text("zh")
    running = replace(FACTS, ended=False)
    assert "goals" not in campaign_verdict.verdict(keep, running, table, metric="orders", goals=goals).text("en")
    assert "goals" not in campaign_verdict.verdict(keep, FACTS, table, metric="orders", goals=GOALS.iloc[:0]).text("en")


@pytest.mark.parametrize(
    ("case", "said"),
    [("open", "Whether it paid cannot be told."), ("sure", "It earned its cost all the same."), ("", "")],
)
def test_a_small_lift_may_pay_and_the_verdict_says_so(case, said):
    """“No lift worth having” is no answer to whether it paid; a sure loss has a sentence of its own."""
    small = Verdict("no_effect", "too_small", "A")
    table = pd.DataFrame(
        columns=["metric", "window", "treated", "control", "total", "total_low", "total_high", "method"]
    )
    told = campaign_verdict.verdict(small, replace(FACTS, roi_margin=RETURNS[case]), table, metric="orders").text("en")
    assert said in told
    assert ("paid" in told or "earned" in told) == bool(said)


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.21, 0.4, ""), (0.01, 0.4, "is open"), (0.01, 0.1, "is less than")]
)
def test_a_campaign_that_works_says_whether_by_enough(low, high, said):
    """An effect above zero may still miss the lift set as worth having, and then the verdict says so."""
    found = Evidence("holdout", net=Span(1, 0.1, 2), net_relative=Span(0.08, low, high), worthwhile_lift=0.2)
    table = pd.DataFrame(
        columns=["metric", "window", "treated", "control", "total", "total_low", "total_high", "method"]
    )
    told = campaign_verdict.verdict(Verdict("keep", "works_and_pays", "A"), found, table, metric="orders")
    assert ("20.0% set as worth having" in told.text("en")) == bool(said)
    assert said in told.text("en")
    assert ("门槛 20.0%" in told.text("zh")) == bool(said)


@pytest.mark.parametrize(("margin", "case"), [(0.35, "above"), (0.15, "within"), (0.05, "below")])
def test_the_condition_is_the_margin_at_which_it_breaks_even(margin, case):
    """Above, within or below the interval of the break-even margin."""
    found = campaign_next.condition(EVEN, margin=margin, grade="A")
    assert found.key == f"campaign.condition.{case}"
    assert "8.0%" in found.text("en")
    assert "23.0%" in found.text("zh")


@pytest.mark.parametrize(
    ("even", "margin", "grade"),
    [
        (EVEN, 0.35, "D"),
        (EVEN, None, "A"),
        (EVEN._replace(case="open"), 0.35, "A"),
        (BreakEven(2, 1.5, 3, "known"), 0.3, "A"),
    ],
)
def test_there_is_no_condition_where_money_is_not_known(even, margin, grade):
    """Without an effect, a margin, or a margin that would do, nothing is promised."""
    assert campaign_next.condition(even, margin=margin, grade=grade) is None


@pytest.mark.parametrize(
    ("key", "goals", "told"),
    [
        ("late", True, "goals set after the start"),
        ("late", False, "rules set after the start"),
        ("none", True, "its goals and rules were not registered before the start"),
        ("changed", True, "rules changed since they were registered"),
        ("kept", True, "randomised and healthy)"),
    ],
)
def test_the_rule_of_the_verdict_says_what_was_not_promised_in_advance(key, goals, told):
    """The grade never stands alone where the goals came after the start."""
    fields = {"day": date(2026, 11, 26), "start": date(2026, 3, 9), "n": 9, "fields": ["goals"]}
    promise = registered.short(Sentence(f"campaign.registered.{key}", **fields), goals=goals)
    assert told in campaign_verdict.rule(Verdict("keep", "works_and_pays", "A"), promise).text("en")


def test_the_goals_name_their_weights_and_the_cap():
    """A weighted attainment says by what it is weighted, and how much one goal counts at most."""
    said = says.how_goals(GOALS, 0.967)
    assert "participants 1 and net revenue of everyone reached 2" in said.text("en")
    assert "up to 100%" in said.text("en")
    assert "触达用户净收入 2" in said.text("zh")
    assert says.how_goals(GOALS.assign(attainment=float("nan")), float("nan")).key == "campaign.how.goals"


def test_the_revenue_of_a_goal_is_not_that_of_participants():
    """Two figures of revenue in one review have two names, in both languages."""
    for language in words.LANGUAGES:
        goal, part = (Sentence(key).text(language) for key in ("campaign.goal.revenue", "campaign.plan_metric.revenue"))
        assert goal.lower() != part.lower()
    assert says.goal_table(GOALS)["goal"].tolist() == ["participants", "revenue"]


def test_newcomers_who_are_all_suspects_say_nothing_about_staying():
    """The figure is left out only when every newcomer of the campaign is on the list."""
    stays = pd.DataFrame({"came_by": ["campaign", "campaign", "others"], "churned": [20, 2, 9], "censored": [2, 0, 80]})
    lines = pd.DataFrame({"line": ["all", "flagged"], "new_users": [24.0, 24.0]})
    assert lasting.suspected(stays, lines) == 24
    assert lasting.suspected(stays, lines.assign(new_users=[24.0, 23.0])) == 0
    assert lasting.suspected(stays, lines.assign(new_users=float("nan"))) == 0
    assert lasting.suspected(stays.iloc[:0], lines) == 0
    assert lasting.acquired(pd.DataFrame(), churn_after_days=28, suspects=24).key == "campaign.lasting.suspected"
