"""What is to be decided: every case is reached, says the same in both languages, and proposes without claiming."""

import re
from datetime import date

import pandas as pd
import pytest

from opsbook.analysis.verdict import RULES, Evidence, Span, Verdict
from opsbook.page import words
from opsbook.page.says import decide
from page.test_says_levers import parts

DAYS = {"days": 42, "worthwhile": 0.2}
FACTS = Evidence("holdout", net_relative=Span(0.3, 0.25, 0.35))
LIFT = {"worthwhile": 0.2, "metric": words.Sentence("campaign.metric.orders"), "power": 0.8}
HELD = {"planned": 0.2, "planned_users": 200, "seen": 0.12}
PLANS = {
    "good": words.Sentence("plan.verdict.good", **HELD, **LIFT),
    "spare": words.Sentence("plan.verdict.spare", **HELD, **LIFT, share=0.1, control=100, enough=0.17),
    "more": words.Sentence("plan.verdict.more", **HELD | {"seen": 0.25}, **LIFT, share=0.3, control=300),
    "no_share": words.Sentence("plan.verdict.no_share", share=0.3, **LIFT),
    "too_few": words.Sentence("plan.verdict.too_few", n=80, **LIFT),
    "not_randomised": words.Sentence("plan.verdict.not_randomised", **LIFT),
    "unknown": words.Sentence("plan.verdict.unknown", days=42),
}


def changed(low: float, high: float, complete: bool = True) -> pd.DataFrame:
    return pd.DataFrame(
        {"change_low": [low], "change_high": [high], "change": [(low + high) / 2], "complete": [complete]}
    )


def gains(**low: float) -> pd.DataFrame:
    rows = [(lever, end + 10, end, end + 25) for lever, end in low.items()]
    return pd.DataFrame(rows, columns=["lever", "gain", "low", "high"])


def lifecycle(low: float, high: float, moved: pd.DataFrame | None = None, more: pd.DataFrame | None = None):
    told = parts() if moved is None else moved
    return decide.lifecycle(changed(low, high), told, gains() if more is None else more)[0]


STILL = parts(acquisition=0.0)
CASES = {
    "lifecycle.decide.unknown": lambda: decide.lifecycle(changed(0.1, 0.2, complete=False), parts(), gains())[0],
    "lifecycle.decide.unclear": lambda: lifecycle(-0.1, 0.1),
    "lifecycle.decide.leaking": lambda: decide.lifecycle(changed(-0.1, 0.1), parts(), gains(), verdict="leaking")[0],
    "lifecycle.decide.falls": lambda: decide.lifecycle(changed(-0.1, 0.1), parts(), gains(), verdict="falls")[0],
    "lifecycle.decide.up": lambda: lifecycle(0.1, 0.2),
    "lifecycle.decide.up_no_lever": lambda: lifecycle(0.1, 0.2, STILL),
    "lifecycle.decide.down": lambda: lifecycle(-0.2, -0.1, parts(net=-40, retention=-60.0)),
    "lifecycle.decide.down_no_lever": lambda: lifecycle(-0.2, -0.1, STILL),
}
BEFORE, START = date(2026, 3, 1), date(2026, 3, 9)
CASES |= {
    f"plan.decide.{case}": (lambda verdict=verdict: decide.plan(verdict, start=START, registered_on=BEFORE))
    for case, verdict in PLANS.items()
}


def figures(text: str) -> set[str]:
    return set(re.findall(r"\d[\d,.]*\d|\d", text))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_in_both_languages(case):
    """The tables lead to their case, and English and Chinese tell the same figures."""
    sentence = CASES[case]()
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert sentence.key == case
    assert figures(english) == figures(chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None|\{", english)


@pytest.mark.parametrize("area", ["lifecycle", "plan"])
def test_no_case_of_the_catalogue_is_left_out(area):
    """Every entry is a case above or a part of one."""
    within = {f"lifecycle.decide.{name}" for name in ("gain", "no_gain", "news")} | {"plan.decide.late"}
    assert set(words.keys(f"{area}.decide.")) - within <= set(CASES)


@pytest.mark.parametrize("rule", RULES)
def test_every_verdict_of_a_review_leaves_something_to_decide(rule):
    """No rule without its decision; only while days are missing does it name the day on which they are there."""
    said = decide.campaign(
        Verdict(RULES[rule][0], rule, "A"), comparison="holdout", end=date(2026, 3, 22), after_days=28, facts=FACTS
    )
    assert ("19 Apr 2026" in said.text("en")) == (said.key == "campaign.decide.wait")
    assert figures(said.text("en")) - {"19", "2026"} == figures(said.text("zh")) - {"2026", "4", "19"}


def test_every_decision_of_the_catalogue_belongs_to_a_rule():
    """The catalogue holds no decision that no verdict leads to."""
    told = {f"campaign.decide.{case}" for case in decide.CAMPAIGN.values()} | {
        *(f"campaign.decide.{case}" for case in decide.TEST.values()),
        "campaign.decide.suggested",
    }
    assert told == set(words.keys("campaign.decide."))
    assert set(decide.CAMPAIGN) == set(RULES)


def test_a_campaign_that_has_begun_is_not_to_be_started():
    """Registered on its first day or later, the plan is for the next one; a page made by hand registers nothing."""
    late = decide.plan(PLANS["good"], start=START, registered_on=START)
    assert "Hold out 200 users (20.0%) next time?" in late.text("en")
    assert "start as planned" not in late.text("en")
    spare = decide.plan(PLANS["spare"], start=START, registered_on=START).text("en")
    assert "We suggest 200" in spare
    assert "they show lifts from 12.0%, 100 only from 17.0%" in spare
    more = decide.plan(PLANS["more"], start=START, registered_on=START)
    assert "began on 9 Mar 2026" in more.text("en")
    assert "2026年3月9日" in more.text("zh")
    assert more.text("en").startswith("Whether to hold out 30.0% instead of 20.0%")
    assert figures(more.text("en")) - {"9", "2026"} == figures(more.text("zh")) - {"3", "9", "2026"}
    assert decide.plan(PLANS["good"], start=START, registered_on=None).key == "plan.decide.good"


def test_what_a_new_user_costs_stands_beside_the_lever():
    """Over paid channels alone: as the lever's cost where that is new users, else apart; and in which days earned."""
    paid = pd.DataFrame({"channel": ["ads", "mail", "all"], "cost": [800.0, 200.0, 1000.0], "users": [40, 60, 500]})
    paid = paid.assign(payback_days=[40.0, 8.0, 20.0], horizon_days=90)
    asked, rates = (changed(-0.1, 0.1), parts(), gains(newcomers=500.0)), gains(current=500.0)
    open_ads = paid.assign(payback_days=[float("nan"), 8.0, 20.0])
    told = [
        decide.lifecycle(*asked, paid, margin=0.4),
        decide.lifecycle(*asked[:2], rates, paid, margin=0.4),
        decide.lifecycle(*asked, open_ads),
        decide.lifecycle(*asked, paid.assign(payback_days=float("nan")), margin=0.4),
        decide.lifecycle(*asked, paid.tail(1)),
    ]
    expected = [
        "). A new user of the paid channels costs 10.00, paid back in 8 to 40 days, by channel.",
        "What that costs is not known; a new user of the paid channels costs 10.00",
        "1 of 2 channels with costs have not yet (by revenue; by margin it takes longer).",
        "in none of 2 channels with costs paid back in 90 days.",
        "not known here",
    ]
    for (said,), part in zip(told, expected, strict=True):
        assert part in said.text("en")
        assert figures(said.text("en")) | {"1"} == figures(said.text("zh")) | {"1"}  # one more, a word in one of them


def test_a_test_that_worked_is_given_to_everybody():
    """An A/B test of a product is not run again."""
    worked, span = (
        Verdict("keep", "works_without_cost", "A"),
        {"end": date(2026, 3, 22), "after_days": 0, "facts": FACTS},
    )
    assert decide.campaign(worked, comparison="ab", **span).key == "campaign.decide.roll_out"
    assert decide.campaign(worked, comparison="holdout", **span).key == "campaign.decide.repeat"


def test_a_test_without_a_lift_worth_having_is_left_out():
    """A version that is tested has no form to be stopped: it is not rolled out."""
    small, span = Verdict("no_effect", "too_small", "A"), {"end": date(2026, 3, 22), "after_days": 0, "facts": FACTS}
    said = decide.campaign(small, comparison="ab", **span)
    assert said.key == "campaign.decide.leave_out"
    assert figures(said.text("en")) == figures(said.text("zh"))
    assert decide.campaign(small, comparison="holdout", **span).key == "campaign.decide.stop"


def test_without_a_change_the_strongest_sure_lever_is_named():
    """The largest gain whose interval lies above zero; a larger one that is not sure is passed over."""
    said = lifecycle(-0.1, 0.1, more=gains(current=500.0, week_1=40.0, waking=-900.0))
    assert "begin with weekly retention of current users: one more point brings 510 more users" in said.text("en")
    assert "To grow" not in lifecycle(-0.1, 0.1, more=gains(waking=-900.0)).text("en")


def test_another_number_that_changed_clearly_is_a_matter_of_its_own():
    """Active users as usual do not hide it; beside a clear change of them it comes second."""
    ends = {"base": 80.0, "value": 97.22, "change": 17.22, "change_low": 4.68, "change_high": 29.76}
    arpu = words.Sentence("lifecycle.aarrr_moved.money", metric=words.Sentence("lifecycle.metric.arpu"), **ends)
    news = words.Sentence("lifecycle.aarrr_change.news", moved=arpu, more="")
    usual = decide.lifecycle(changed(-0.1, 0.1), parts(), gains(), news=news)
    assert [said.key for said in usual] == ["lifecycle.decide.news", "lifecycle.decide.unclear"]
    assert "why there is a clear change of revenue per active user" in usual[0].text("en")
    assert "人均收入" in usual[0].text("zh") or "ARPU" in usual[0].text("zh")
    short = decide.lifecycle(changed(0.1, 0.2, complete=False), parts(), gains(), news=news)
    assert [said.key for said in short] == ["lifecycle.decide.news", "lifecycle.decide.unknown"]
    grown = decide.lifecycle(changed(0.1, 0.2), parts(), gains(), news=news)
    assert [said.key for said in grown] == ["lifecycle.decide.up", "lifecycle.decide.news"]


def test_the_lever_named_moves_with_the_fall():
    """A lever that rose is not what a fall is about, however large."""
    said = lifecycle(-0.2, -0.1, parts(net=-40, acquisition=90.0, retention=-60.0))
    assert "retention" in said.text("en")
    assert "60 users" in said.text("en")
