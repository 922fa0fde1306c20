"""`opsbook new campaign`: every field is there and explained, what is written is a campaign file, days are moved."""

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.yaml_file import checked, load, read_text
from opsbook.runs import option_lines, scaffold
from opsbook.runs.new_campaign import campaign_text, new_campaign

CHECKOUT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
START = date(2027, 3, 1)
# What a line can only mean together with another one.
WITH = {
    "control_share": "comparison: ab\nexperiment_id: x\n",
    "variants": "comparison: ab\nexperiment_id: x\n",
    "primary_arms": "comparison: ab\nexperiment_id: x\n",
    "strata": "comparison: ab\nexperiment_id: x\n",
    "treated": "comparison: did\n",
    "units": "comparison: did\n",
    "company": "",
}


@pytest.fixture
def home(tmp_path) -> Path:
    shutil.copytree(CHECKOUT / "params", tmp_path / "params")
    return tmp_path


def made(home: Path, name: str = "spring_2027", **options) -> str:
    plain = {"company": "", "like": "", "start": START, "dry_run": False, "now": NOW}
    return new_campaign(home, name, **(plain | options))


def file_of(home: Path, name: str = "spring_2027") -> CampaignRun:
    return load(home / f"params/03_campaign_review/{name}.yaml", CampaignRun)


def test_every_field_of_a_campaign_stands_in_the_template():
    """No field of the model is left for the reader to find out about elsewhere, and none is invented."""
    template = campaign_text("spring_2027", START, {})
    named = [key for key, _ in option_lines.blocks(template) if key]
    assert sorted(named) == sorted(CampaignRun.model_fields)


def test_every_line_of_the_template_explains_itself():
    """Each key carries a comment, on its own line or as the heading of its block."""
    found = option_lines.blocks(campaign_text("spring_2027", START, {}))
    bare = [key for key, lines in found if key and "  # " not in lines[0]]
    assert bare == ["abnormal_rules", "lessons", "decisions"]


@pytest.mark.parametrize("key", sorted(CampaignRun.model_fields))
def test_every_line_that_is_off_can_be_switched_on(key):
    """Taking away the # before a field gives a file that is accepted, together with what the field needs."""
    found = dict(option_lines.blocks(campaign_text("spring_2027", START, {})))
    needed = {"campaign_id": "spring_2027", "start": "2027-03-01", "end": "2027-03-14"}
    lines = "".join(f"{name}: {value}\n" for name, value in needed.items() if name != key)
    content, _ = read_text(lines + WITH.get(key, "") + option_lines.switched_on(found[key]), where=Path("x.yaml"))
    run = checked(CampaignRun, content)
    assert content[key] in ({}, [], "", None) or key in run.model_fields_set


def test_a_new_campaign_is_accepted_and_says_what_comes_next(home):
    """The file is a campaign of two weeks from the given day, and the next commands are named."""
    told = made(home)
    assert "next: opsbook plan spring_2027" in told
    run = file_of(home)
    assert (run.campaign_id, run.start, run.end) == ("spring_2027", START, date(2027, 3, 14))
    assert run.comparison == "before_after"


def test_without_a_day_it_begins_on_a_monday_ahead(home):
    """A plan needs time: the first day is a Monday at least two weeks away."""
    made(home, start=None)
    assert file_of(home).start == date(2026, 11, 16)


def test_like_takes_over_the_settings_and_moves_the_days(home):
    """Goals, plan, channels, phases and audience are those of the earlier campaign; days keep their distances."""
    made(home, like="spring_coupons")
    run, earlier = file_of(home), file_of(home, "spring_coupons")
    assert (run.goals, run.plan, run.channels) == (earlier.goals, earlier.plan, earlier.channels)
    assert (run.audience_rule, run.subsidies, run.margin) == (earlier.audience_rule, earlier.subsidies, earlier.margin)
    moved = START - earlier.start
    assert [(p.name, p.start - moved, p.end - moved) for p in run.phases] == [
        (p.name, p.start, p.end) for p in earlier.phases
    ]
    assert run.end - run.start == earlier.end - earlier.start
    assert (run.campaign_id, run.experiment_id, run.name) == ("spring_2027", "spring_2027", "Spring 2027")
    assert run.lessons == []


@pytest.mark.parametrize("like", sorted(path.stem for path in (CHECKOUT / "params/03_campaign_review").glob("*.yaml")))
def test_every_campaign_of_the_workbook_can_be_taken_over(home, like):
    """Whatever comparison and fields an earlier file uses, the new one is accepted and says the same."""
    made(home, like=like)
    kept = {"comparison", "variants", "control_share", "primary_metric", "worthwhile_lift", "guardrails", "budget"}
    said = {name: getattr(file_of(home), name) for name in kept}
    assert said == {name: getattr(file_of(home, like), name) for name in kept}


def test_an_earlier_campaign_that_is_not_there_is_refused_with_a_near_name(home):
    """A misspelt --like names the campaign that was meant."""
    with pytest.raises(ParameterError, match="spring_coupons"):
        made(home, like="spring_cupons")


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(home):
    """A file that is there stays as it is; --dry-run only shows."""
    assert "campaign_id: summer" in made(home, "summer", dry_run=True)
    assert not (home / "params/03_campaign_review/summer.yaml").exists()
    before = (home / "params/03_campaign_review/spring_coupons.yaml").read_text()
    with pytest.raises(ParameterError, match="is there already"):
        made(home, "spring_coupons")
    assert (home / "params/03_campaign_review/spring_coupons.yaml").read_text() == before


def test_values_laid_over_a_template_keep_its_comments():
    """A key that is set keeps its meaning; a key that is not named stays as it was."""
    text = "#a: 1   # what a is\n#b:  # what b is\n#  - {c: 1}\nd: 2  # ? guessed\n"
    laid = option_lines.with_values(text, {"b": [{"c": 3}, {"c": 4}], "d": 5})
    assert [" ".join(line.split()) for line in laid.splitlines()] == [
        "#a: 1 # what a is",
        "b: # what b is",
        "- {c: 3}",
        "- {c: 4}",
        "d: 5 # guessed",
    ]
    assert len({line.index("# ", 1) for line in laid.splitlines() if "  # " in line}) == 1


def test_a_name_that_cannot_name_a_file_is_refused_with_one_that_can(home):
    """The fix is a name that would do."""
    with pytest.raises(ParameterError, match="spring_2027"):
        scaffold.checked_name("Spring 2027", what="campaign")
