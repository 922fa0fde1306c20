"""A notebook that only names its campaign reads the rest from the campaign's file."""

import pytest

from opsbook.page.book import with_campaign_file

NOTEBOOK = "03_campaign_review"
NEUTRAL = {"company": "", "start": "", "goals": [], "comparison": "before_after", "margin": "", "after_days": 28}


@pytest.fixture
def home(tmp_path):
    """A checkout with one campaign file."""
    folder = tmp_path / "params" / NOTEBOOK
    folder.mkdir(parents=True)
    (tmp_path / "params" / "workbook.yaml").write_text("company: {key: demo, name: Demo}\n")
    text = (
        "campaign_id: spring\nstart: 2026-03-09\nend: 2026-03-22\ncomparison: holdout\nmargin: 0.35\nafter_days: 14\n"
    )
    (folder / "anything.yaml").write_text(text)
    return tmp_path


def test_campaign_named_alone_is_read_from_its_file(home):
    """Neutral values of the cell do not hide what the file says."""
    found = with_campaign_file(home, NOTEBOOK, {"campaign_id": "spring", **NEUTRAL})
    assert (found["start"], found["comparison"], found["margin"], found["after_days"]) == (
        "2026-03-09", "holdout", "0.35", "14",
    )  # fmt: skip


def test_what_the_cell_changes_wins(home):
    """A value typed into the cell is laid over the file."""
    found = with_campaign_file(home, NOTEBOOK, {"campaign_id": "spring", **NEUTRAL, "margin": 0.5})
    assert found["margin"] == 0.5


@pytest.mark.parametrize(
    ("notebook", "parameters"),
    [
        (NOTEBOOK, {"campaign_id": "spring", "start": "2026-01-01"}),
        (NOTEBOOK, {"campaign_id": "unknown"}),
        (NOTEBOOK, {"campaign_id": ""}),
        ("01_user_lifecycle", {"period": "last-month"}),
    ],
)
def test_a_run_that_says_all_inherits_nothing(home, notebook, parameters):
    """With dates, without a file of that campaign, or in another notebook, the parameters stay what they are."""
    assert with_campaign_file(home, notebook, parameters) == parameters
