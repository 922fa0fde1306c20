"""What notebook 02 leaves to be decided: every case is reached, and says the same in both languages."""

from datetime import date
from typing import Any

import pandas as pd
import pytest

from opsbook.analysis.churn import Threshold
from opsbook.page import words
from opsbook.page.says import retention_decide
from page.test_says_decide import changed, figures

GIVEN, SURE = Threshold(21, "given", 38), Threshold(21, "given", 21)
BANDS = pd.DataFrame({"band": [6, 4], "users": [249, 514], "risk": [0.96, 0.519], "value": [3809.0, 4821.0],
                      "action": ["win_back", "contact"]})  # fmt: skip


def listed(users: int = 500, held: int = 100, **more: Any) -> dict[str, Any]:
    return {"listed": users, "planned_holdout": held} | more


def coming(baseline: float = 0.9, fall: float | None = 0.12, **more: Any) -> dict[str, Any]:
    days = {"within_days": 28, "wait_days": 49, "read_out": date(2026, 12, 19)}
    return listed(**more) | {"baseline": baseline, "detectable_fall": fall} | days


def matters(
    low: float = -0.1, high: float = 0.1, limit: Threshold = SURE, told: dict | None = None, back: float = 0.1, **more
):
    gaps = pd.DataFrame({"threshold_days": [limit.days], "false_churn": [back]})
    return retention_decide.matters(changed(low, high), limit, gaps, told or listed(0, 0), age=30, **more)


MONEY = {"bands": BANDS, "worth": 7260.0}
CASES = {
    ("retention.decide.nothing",): lambda: matters(),
    ("retention.decide.up",): lambda: matters(0.01, 0.03),
    ("retention.decide.down",): lambda: matters(-0.03, -0.01),
    ("retention.decide.contact",): lambda: matters(told=listed()),
    ("retention.decide.contact_all",): lambda: matters(told=listed(3, 0)),
    ("retention.decide.list",): lambda: matters(told=coming(fall=0.08)),
    ("retention.decide.list", "retention.decide.trial"): lambda: matters(told=coming(), margin=0.35, **MONEY),
    ("retention.decide.list", "retention.decide.trial_half"): lambda: matters(told=coming(baseline=0.5), **MONEY),
    ("retention.decide.list", "retention.decide.trial_blind"): lambda: matters(
        told=coming(baseline=0.1, fall=None, users=20, held=4)
    ),
    ("retention.decide.threshold",): lambda: matters(limit=GIVEN),
    ("retention.decide.undefined",): lambda: matters(told=coming(), back=0.7),
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


def test_a_contact_may_cost_the_margin_of_what_it_may_keep():
    """7,260 over 500 users are 14.52 each, of which 35 % are earned; without a margin the reader is told to take it."""
    first = matters(told=coming(), margin=0.35, **MONEY)[0].text("en")
    assert "one contact is worth 14.52 of net revenue in 90 days and may cost up to the margin of that, 5.08" in first
    assert "assumed and not measured here" in first
    assert "up to the margin of that." in matters(told=coming(), **MONEY)[0].text("en")


def test_days_saved_have_no_price():
    """Where a saved user is worth active days, nothing is said of what a contact may cost."""
    assert "cost" not in matters(told=coming(), bands=BANDS.assign(value=float("nan")), worth=None)[0].text("en")


@pytest.mark.parametrize(
    ("value", "baseline", "told"), [(4821.0, 0.9, False), (9000.0, 0.9, True), (9000.0, 0.4, False)]
)
def test_a_band_where_a_contact_is_worth_more_is_named(value, baseline, told):
    """Beside users nearly gone stands the band of middle risk only where, reckoned alike, a contact is worth more."""
    bands = BANDS.assign(value=[3809.0, value])
    text = matters(told=coming(baseline=baseline), bands=bands, worth=7260.0)[0].text("en")
    assert ("it is more in risk band 4, 17.51 (514 users, 51.9% expected to leave)" in text) == told


def test_a_holdout_is_judged_by_what_it_shows():
    """Enough: the day of the answer. Too few: how many would do. Not even half: what half of it shows."""
    enough = matters(told=coming(fall=0.08))[0].text("en")
    assert "enough to show on 19 Dec 2026 whether 10.0% are kept" in enough
    assert "205 show it 49 days after the draw" in matters(told=coming())[1].text("en")
    assert "half of it (250) shows only" in matters(told=coming(baseline=0.5))[1].text("en")
    assert "too few" in matters(told=coming(fall=None))[1].text("en")


def test_three_matters_are_enough_for_a_first_screen():
    """A change, the list and its holdout leave no room for the threshold."""
    found = matters(-0.03, -0.01, GIVEN, coming())
    assert [sentence.key.rsplit(".", 1)[-1] for sentence in found] == ["down", "list", "trial"]
