"""`opsbook plan` reads nothing from the campaign's own days and registers what the file promises, once per promise."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from opsbook.errors import ParameterError
from opsbook.runs import clock, planning
from opsbook.runs.planning import plans

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
FILE = """campaign_id: sale
name: Sale
start: 2026-10-20
end: 2026-10-26
goals: [{metric: participants, target: 50}]
participation_events: [join]
"""


@pytest.fixture
def planned(checkout):
    """A checkout with one campaign file."""
    checkout.notebook(name="04_campaign_plan")
    checkout.run_file("03_campaign_review/sale", FILE)
    return checkout


def pages(checkout, *languages, as_of=None):
    return plans(checkout.home, "sale", company="", languages=languages, as_of=as_of, now=NOW)


def test_the_data_of_a_plan_end_on_the_eve(planned):
    """Whatever the data reach, the plan sees them through the day before; an earlier day may be asked for."""
    (page,) = pages(planned)
    assert page.as_of == date(2026, 10, 19)
    assert page.name == "04_campaign_plan/sale/2026-10-20_2026-10-26"
    assert page.parameters["campaign"]["goals"][0]["target"] == 50.0
    assert pages(planned, as_of=date(2026, 10, 1))[0].as_of == date(2026, 10, 1)
    assert pages(planned, as_of=date(2026, 10, 31))[0].as_of == date(2026, 10, 19)
    assert [page.language for page in pages(planned, "all")] == ["en", "zh"]


def test_a_campaign_without_days_or_name_is_refused(planned):
    """Exit code 2 with the file or the nearest name."""
    planned.run_file("03_campaign_review/dateless", "campaign_id: x\n")
    with pytest.raises(ParameterError, match="no dates"):
        plans(planned.home, "dateless", company="", languages=(), as_of=None, now=NOW)
    with pytest.raises(ParameterError, match="sale"):
        plans(planned.home, "sail", company="", languages=(), as_of=None, now=NOW)


def test_promises_are_kept_below_each_other(planned, monkeypatch):
    """The same promise is written once; a changed file adds a version; nothing is ever rewritten."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    (page,) = pages(planned)
    for _again in range(2):
        planning.register(page)
    path = planned.home / "outputs" / "registrations" / "shop" / "sale.json"
    first = json.loads(path.read_text())["versions"]
    assert [(version["registered_on"], version["as_of"]) for version in first] == [("2026-11-02", "2026-10-19")]
    assert first[0]["promised"]["start"] == "2026-10-20"
    planned.run_file("03_campaign_review/sale", FILE.replace("50", "80"))
    planning.register(pages(planned)[0])
    versions = json.loads(path.read_text())["versions"]
    assert versions[0] == first[0]
    assert versions[1]["promised"]["goals"][0]["target"] == 80.0


def test_the_page_knows_since_when_its_promise_stands(planned, monkeypatch):
    """The first page names its own day, a later one of the same promise the first day, a changed one its own again."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    (page,) = pages(planned)
    assert page.parameters["registered_on"] == "2026-11-02"
    planning.register(page)
    later = {"company": "", "languages": (), "as_of": None, "now": NOW + timedelta(days=5)}
    (again,) = plans(planned.home, "sale", **later)
    assert again.parameters == page.parameters
    planned.run_file("03_campaign_review/sale", FILE.replace("50", "80"))
    (changed,) = plans(planned.home, "sale", **later)
    assert changed.parameters["registered_on"] == "2026-11-07"


def test_only_plans_promise(planned):
    """A review registers nothing."""
    (page,) = pages(planned)
    planning.register(replace(page, notebook="03_campaign_review"))
    assert not (planned.home / "outputs" / "registrations").exists()
