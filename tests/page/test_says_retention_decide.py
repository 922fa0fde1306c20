"""What notebook 02 leaves to be decided: every case is reached, and says the same in both languages."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from opsbook.analysis.churn import Threshold
from opsbook.analysis.proportion import Estimate
from opsbook.page import words
from opsbook.page.says import retention_decide
from page.test_says_decide import changed, figures

GIVEN, SURE = Threshold(21, "given", 38), Threshold(21, "given", 21)
BANDS = pd.DataFrame({"band": [6, 4], "users": [249, 514], "risk": [0.96, 0.519], "value": [3809.0, 4821.0],
                      "value_low": [3477.0, 3983.0], "action": ["win_back", "contact"]})  # fmt: skip
WORTH = Estimate(7260.0, 6500.0, 8000.0, 500)


def listed(users: int = 500, held: int = 100, **more: Any) -> dict[str, Any]:
    return {"listed": users, "planned_holdout": held} | more


def coming(baseline: float = 0.9, fall: float | None = 0.12, **more: Any) -> dict[str, Any]:
    days = {"within_days": 28, "wait_days": 49, "read_out": date(2026, 12, 19)}
    return listed(**more) | {"baseline": baseline, "detectable_fall": fall} | days


def matters(
    low: float = -0.1, high: float = 0.1, limit: Threshold = SURE, told: dict | None = None, back: float = 0.16, **more
):
    gaps = pd.DataFrame({"threshold_days": [21, 38], "false_churn": [back, 0.08]})
    now = changed(low, high).assign(share=0.052)
    return retention_decide.matters(now, limit, gaps, told or listed(0, 0), age=30, **more)


MONEY = {"bands": BANDS, "worth": WORTH}
CASES = {
    ("retention.decide.nothing",): lambda: matters(),
    ("retention.decide.up",): lambda: matters(0.01, 0.03),
    ("retention.decide.down",): lambda: matters(-0.03, -0.01),
    ("retention.decide.contact",): lambda: matters(told=listed()),
    ("retention.decide.contact_all",): lambda: matters(told=listed(3, 0)),
    ("retention.decide.list_seen",): lambda: matters(told=coming(fall=0.08)),
    ("retention.decide.list_trial",): lambda: matters(told=coming(), margin=0.35, **MONEY),
    ("retention.decide.list_half",): lambda: matters(told=coming(baseline=0.5), **MONEY),
    ("retention.decide.list_blind",): lambda: matters(told=coming(baseline=0.1, fall=None, users=20, held=4)),
    ("retention.decide.threshold",): lambda: matters(limit=GIVEN),
    ("retention.decide.threshold", "retention.decide.list_later"): lambda: matters(limit=GIVEN, told=coming()),
    ("retention.decide.undefined_judged",): lambda: matters(told=coming(), back=0.7),
    ("retention.decide.undefined",): lambda: retention_decide.matters(
        changed(-0.1, 0.1), SURE, pd.DataFrame({"threshold_days": [21], "false_churn": [0.7]}), coming(), age=30
    ),
}


@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_each_case_is_reached_and_says_the_same_in_both_languages(case):
    """The tables lead to their case, and English and Chinese tell the same figures."""
    found = CASES[case]()
    assert tuple(sentence.key for sentence in found) == case
    for sentence in found:
        english, chinese = sentence.text("en"), sentence.text("zh")
        assert figures(english) - {"19", "2026"} == figures(chinese) - {"12", "19", "2026"}
        assert "nan" not in english + chinese
        assert "None" not in english + chinese
        assert "{" not in english + chinese


def test_no_case_of_the_catalogue_is_left_out():
    """Every entry is a case above."""
    assert set(words.keys("retention.decide.")) == {key for case in CASES for key in case}


def test_a_contact_may_cost_the_margin_of_what_it_surely_brings():
    """6,500 to 8,000 over 500 users are 13 to 16 each; 35 % of the lower end may be spent; no margin, no sum."""
    first = matters(told=coming(), margin=0.35, **MONEY)[0].text("en")
    assert "a contact brings 14.52 (13.00 to 16.00) of net revenue in 90 days: spend at most 4.55 on one" in first
    assert "so far an assumption" in first
    assert "spend at most the margin of the lower end on one." in matters(told=coming(), **MONEY)[0].text("en")


@pytest.mark.parametrize("worth", [Estimate(-2000.0, -3000.0, -900.0, 500), Estimate(500.0, -200.0, 1200.0, 500)])
def test_what_may_be_worth_nothing_has_no_price(worth):
    """Where the interval reaches zero the value section cannot tell, and neither does the decision."""
    assert "spend" not in matters(told=coming(), worth=worth, margin=0.35)[0].text("en")


def test_days_saved_have_no_price():
    """Where a saved user is worth active days, nothing is said of what a contact may cost."""
    assert "spend" not in matters(told=coming(), bands=BANDS.assign(value=float("nan")), worth=None)[0].text("en")


@pytest.mark.parametrize(
    ("low", "baseline", "told"), [(3983.0, 0.9, False), (8300.0, 0.9, True), (8200.0, 0.9, False), (8300.0, 0.4, False)]
)
def test_a_band_where_a_contact_surely_brings_more_is_named(low, baseline, told):
    """Beside users nearly gone stands the band of middle risk whose interval lies above the list's, 16 a user."""
    bands = BANDS.assign(value=[3809.0, 9000.0], value_low=[3477.0, low])
    text = matters(told=coming(baseline=baseline), bands=bands, worth=WORTH)[0].text("en")
    assert ("In risk band 4 (514 users, 51.9% expected to leave) it would bring more, 17.51" in text) == told


def test_the_list_is_a_test_that_can_be_read():
    """Enough left alone: the day of the answer. Too few: how many would do. Not even half: what half of it shows."""
    assert "seen with 80.0% certainty, on 19 Dec 2026" in matters(told=coming(fall=0.08))[0].text("en")
    trial = matters(told=coming())[0].text("en")
    assert "leave 205 of it alone at random instead of the planned 100" in trial
    assert "seen with 80.0% certainty after 49 days" in trial
    assert "half of each (250) left alone" in matters(told=coming(baseline=0.5))[0].text("en")
    assert "instead of the planned 100" in matters(told=coming(fall=None))[0].text("en")


HELD = {
    "the planned 100 left alone at random show it with 80.0% certainty": coming(fall=0.08),
    "205 would have to be left alone at random, not the planned 100": coming(),
    "less than 80.0% certainty even with half of the list": coming(baseline=0.5),
}


@pytest.mark.parametrize("said", HELD)
def test_the_meaning_of_churned_is_settled_before_the_list(said):
    """A list by another meaning is another list: nothing of today's is to be signed, and what it would take is told."""
    meaning, contact = matters(-0.1, 0.1, GIVEN, HELD[said])
    assert "16.0% of the silences longer than 21 days end with a return" in meaning.text("en")
    assert "of those longer than 38 days only 8.0%" in meaning.text("en")
    assert "Not before “churned” is settled: by 38 days the list is drawn anew" in contact.text("en")
    assert said in contact.text("en")
    assert figures(contact.text("en")) == figures(contact.text("zh"))
    assert "settled" not in matters(told=coming())[0].text("en")


@pytest.mark.parametrize(
    "limit", [Threshold(60, "given", 38), Threshold(120, "given", 38), Threshold(21, "given", 400)]
)
def test_only_a_longer_silence_that_the_data_can_judge_is_asked_for(limit):
    """A shorter one is an offer, told as a finding; days the table does not reach can be set beside nothing."""
    gaps = pd.DataFrame({"threshold_days": [21, 38, 60], "false_churn": [0.16, 0.08, 0.03]})
    found = retention_decide.matters(changed(-0.1, 0.1), limit, gaps, coming(), age=30)
    assert [sentence.key for sentence in found] == ["retention.decide.list_trial"]


def test_a_planned_holdout_that_is_too_large_is_not_called_too_small():
    """Leaving 400 of 500 alone shows less than leaving 205: neither language says that 400 are too few."""
    found = matters(told=coming(held=400))[0]
    assert "instead of the planned 400" in found.text("en")
    assert "太少" not in found.text("zh")
