"""The first screen's parts: a past for the card, a target, what is to be decided, findings of a length one can read."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsbook.errors import OperatorError, ParameterError
from opsbook.inputs.run_params import CampaignRun, LifecycleRun
from opsbook.page import words
from opsbook.page.page import Page, known_targets
from opsbook.page.passport import EVIDENCE
from opsbook.page.past import past
from opsbook.page.shorten import shortened
from opsbook.page.words import Sentence
from page.demo_report import make_book


def months(*values: float | None, **more) -> pd.DataFrame:
    names = [f"2026-{place + 1:02d}" for place in range(len(values))]
    return pd.DataFrame({"period": names, "users": pd.Series(values, dtype="float64")} | more)


def test_the_past_has_gaps_where_a_period_is_not_whole():
    """A period that says it is not complete is a gap, not a dip."""
    found = past(months(10, 11, 12, 13, complete=[True, False, True, True]), "users")
    assert [point["value"] for point in found] == [10, None, 12, 13]
    assert [point["when"] for point in found][-1] == "2026-04"


@pytest.mark.parametrize("values", [(10, 11), (None, 10, 11), (10, 11, 12, None), ()])
def test_too_short_a_past_is_none(values):
    """Two values say no more than the change on the card; without the last one the line is about something else."""
    assert past(months(*values), "users") == []


def test_days_and_intervals_travel_as_plain_json():
    """Dates become text, missing ends of an interval None."""
    days = pd.DataFrame(
        {"day": pd.date_range("2026-10-01", periods=3), "share": 0.5, "low": [0.4, None, 0.4], "high": 0.6}
    )
    found = past(days, "share", when="day", low="low", high="high")
    assert found[1] == {"when": "2026-10-02", "value": 0.5, "low": None, "high": 0.6}


def test_a_card_tells_its_past_in_one_sentence(page, shown):
    """Who does not see the line hears where it began and ended; every point says its value."""
    page.number("retained", 0.3, unit="share", trend=past(months(0.1, 0.2, 0.3), "users"))
    said = shown.last("number")["words"]
    assert said["trend"] == "3 periods, from 10.0% (2026-01) to 30.0% (2026-03)"
    assert said["points"][0] == ("2026-01: 10.0%", 0.1, None, None)


def lifecycle_page(shown, **parameters) -> Page:
    book = make_book(notebook="01_user_lifecycle", run=LifecycleRun(**parameters))
    return Page(book, emit=shown)


def test_a_target_of_the_parameters_stands_on_its_card(shown):
    """The number of that name gets the target, and says how much of it was reached; the others get none."""
    page = lifecycle_page(shown, targets={"active_users": 6000})
    page.number("active_users", 5400, unit="users")
    assert shown.last("number")["target"] == 6000
    assert shown.last("number")["words"]["target"] == "90.0% of the target 6,000"
    page.number("new_users", 100, unit="users")
    assert shown.last("number")["words"]["target"] == ""


def test_a_budget_is_used_not_reached(shown):
    """A target that is the most there may be is told as what was used of it."""
    lifecycle_page(shown).number("new_users", 86, unit="users", target=100, limit=True)
    assert shown.last("number")["words"]["target"] == "86.0% of the budget 100"


def test_nobody_named_is_said(shown):
    """A decision without an owner is nobody's: the page asks for a name, in either language."""
    lifecycle_page(shown).decide(Sentence("lifecycle.decide.unknown"))
    asked = "Decides: nobody named yet – name one before the meeting."
    assert shown.last("decision")["owner_text"] == asked
    assert words.entry("page.decide.nobody", "zh").fill({}, "zh") == "决策人未定，请会前指定。"


def test_a_target_that_no_number_is_called_is_refused():
    """A misspelt target would silently be no target."""
    with pytest.raises(ParameterError, match="active_user`"):
        known_targets("lifecycle", {"active_user": 1})


def test_what_is_asked_stands_before_what_the_numbers_say(shown):
    """The question and the owner come from the parameters, the sentence from the numbers; all are in the results."""
    page = lifecycle_page(shown, decision="Raise the budget?", owner="Growth")
    page.decide(Sentence("lifecycle.decide.unknown"))
    told = shown.last("decision")
    assert (told["asked"], told["owner_text"]) == ("Raise the budget?", "Decides: Growth")
    page.finish()
    assert shown.last("results")["decision"] == {
        "asked": "Raise the budget?",
        "text": Sentence("lifecycle.decide.unknown").text(),
        "owner": "Growth",
    }


def test_several_matters_are_told_apart(shown):
    """Each matter is a part of its own for the page's list; message and results have them as one text."""
    page, said = lifecycle_page(shown), [Sentence(f"lifecycle.decide.{case}") for case in ("unknown", "up_no_lever")]
    page.decide(*said)
    told = shown.last("decision")
    assert told["parts"] == [sentence.text() for sentence in said]
    assert told["text"] == " ".join(told["parts"])


def test_a_passport_tells_how_the_section_counts(shown):
    """Formula, denominator and window from the catalogue; zone, week, settling, rows and evidence from this run."""
    lifecycle_page(shown).passport("actives", evidence="counted", reads=("events", "orders"))
    told = dict(shown.last("passport")["lines"])
    assert list(told) == ["Formula", "Out of", "Window", "Days", "Settling", "Rows", "Evidence"]
    assert told["Window"].startswith("1 Oct 2026 to 31 Oct 2026")
    assert told["Days"] == "calendar days in Asia/Shanghai; weeks begin on Monday"
    assert told["Settling"] == "late rows are waited for 2 days; whole through 2 Nov 2026"
    assert told["Rows"] == "events: 60,000 read, 120 dropped by the rules"


def test_an_evidence_that_does_not_exist_is_refused(shown):
    """A misspelt grade would claim nothing and look as if it did."""
    with pytest.raises(OperatorError, match="proven"):
        lifecycle_page(shown).passport("actives", evidence="proven")
    assert {"A", "B", "C", "D", "E"} <= set(EVIDENCE)


def test_nothing_is_shown_where_the_section_has_no_data(shown):
    """A passport of a section without its tables would explain a number that is not there."""
    lifecycle_page(shown).passport("rfm", evidence="counted", needs=("orders",))
    assert "passport" not in shown.kinds()


@given(st.text(alphabet="ab .。，", max_size=80), st.integers(5, 60))
def test_a_shortened_text_is_its_beginning(text, most):
    """Never longer than allowed, and nothing is added but the sign that something is missing."""
    found = shortened(text, most)
    assert len(found) <= most
    assert text.startswith(found.removesuffix("…"))


def test_whole_sentences_are_kept_as_far_as_they_fit():
    """A decimal point ends no sentence."""
    assert shortened("Users rose by 3.5 percent. Nobody knows why.", 30) == "Users rose by 3.5 percent."
    assert shortened("用户上升了。没有人知道原因。", 16) == "用户上升了。"


def test_an_owner_may_be_named_for_a_campaign(shown):
    """The campaign's file names the owner as every other run does."""
    book = make_book(notebook="03_campaign_review", run=CampaignRun(owner="Growth", start=date(2026, 3, 9)))
    Page(book, emit=shown).decide(Sentence("campaign.decide.repeat"))
    assert shown.last("decision")["owner"] == "Growth"
