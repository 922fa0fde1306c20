"""`opsbook new notebook`: what it writes runs, passes the notebooks' own tests, and overwrites nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.own_run import declared_model, files_of, model_of
from opsbook.inputs.run_params import CampaignRun
from opsbook.runs.new_notebook import new_notebook

CHECKOUT = Path(__file__).parents[2]


def made(home: Path, name: str = "my_question", **options) -> str:
    plain = {"like": "", "company": "", "title": "", "title_zh": "", "dry_run": False}
    return new_notebook(home, name, **(plain | options))


@pytest.fixture
def home(tmp_path) -> Path:
    shutil.copytree(CHECKOUT / "params", tmp_path / "params")
    shutil.copytree(CHECKOUT / "notebooks", tmp_path / "notebooks", ignore=shutil.ignore_patterns(".ipynb*"))
    return tmp_path


def test_a_notebook_takes_the_next_free_number(home):
    """Without a number the notebook comes after those that are there, with words in both languages and a run."""
    told = made(home)
    assert "next: opsbook run 05_my_question" in told
    assert [path.name for path in files_of("05_my_question", home=home)] == [
        "05_my_question.ipynb",
        "my_question.en.yaml",
        "my_question.zh.yaml",
    ]
    assert (home / "params/05_my_question/monthly.yaml").is_file()


def test_a_run_of_an_own_notebook_is_typed_by_its_parameter_cell(home):
    """The default of each parameter says what may be given; a misspelt or mistyped one is refused."""
    made(home)
    model = model_of("05_my_question", home=home)
    assert list(model.model_fields) == ["company", "period", "language", "as_of", "owner", "decision", "history"]
    assert model.model_validate({"history": "3"}).history == 3
    with pytest.raises(ValueError, match="valid integer"):
        model.model_validate({"history": "three"})
    with pytest.raises(ValueError, match="not permitted"):
        model.model_validate({"histery": "3"})


def test_a_default_nothing_can_be_read_into_is_refused(home):
    """A parameter cell may not start a parameter with None: nobody could say what it takes."""
    with pytest.raises(ParameterError, match="`history` has no usable default"):
        declared_model({"company": "", "history": None}, where=home)


def test_a_notebook_like_a_campaign_review_has_its_parameters(home):
    """--like takes over the parameter cell, its types, and the first run of the company."""
    made(home, like="03")
    assert model_of("05_my_question", home=home) is CampaignRun
    assert list((home / "params/05_my_question").iterdir())


def test_nothing_is_overwritten(home):
    """A second notebook of the name is refused, and so is a number that another one has; nothing is written then."""
    made(home)
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for name in ("05_my_question", "05_other", "01_mine"):
        with pytest.raises(ParameterError, match=r"is there already|is taken"):
            made(home, name)
    assert before == {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["My question", "frage-1", "lifecycle", "campaign"])
def test_names_that_cannot_be_used_are_refused(home, name):
    """A name must be able to name files, and may not be that of a catalogue of the workbook."""
    with pytest.raises(ParameterError):
        made(home, name)


@pytest.mark.parametrize("title", ['say "active"', "{users}", "back\\slash"])
def test_a_title_that_would_break_the_catalogue_is_refused(home, title):
    """A title stands in quotes in a catalogue, where braces are fields: it is refused and nothing is written."""
    with pytest.raises(ParameterError, match="cannot be a title"):
        made(home, title_zh=title)
    assert not (home / "notebooks/catalogue").exists()


def test_a_dry_run_writes_nothing(home):
    """--dry-run shows every file whole and leaves the folder alone."""
    before = sorted(home.rglob("*"))
    told = made(home, dry_run=True)
    assert "--- notebooks/05_my_question.ipynb" in told
    assert "my_question.active.up" in told
    assert sorted(home.rglob("*")) == before


@pytest.mark.slow
def test_a_scaffolded_notebook_makes_a_good_report_and_passes_the_notebooks_tests(home):
    """`opsbook new notebook` then `opsbook run` is a good report in both languages; the source tests accept it."""
    environ = os.environ | {"OPSBOOK_HOME": str(home)}

    def opsbook(*words: str) -> None:
        command = [sys.executable, "-m", "opsbook", *words]
        done = subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr

    opsbook("demo", "--users", "1000")
    opsbook("new", "notebook", "05_my_question", "--title", "My question", "--title-zh", "我的问题")
    opsbook("new", "notebook", "like_review", "--like", "03_campaign_review")
    opsbook("run", "05_my_question", "06_like_review", "--language", "all", "--jobs", "1")
    results = {
        language: json.loads((home / f"outputs/05_my_question/monthly/2026-10{language}/results.json").read_text())
        for language in ("", ".zh")
    }
    assert results[""]["numbers"][0]["value"] == results[".zh"]["numbers"][0]["value"] > 0
    assert "活跃用户" in results[".zh"]["verdict"]["sentence"]
    assert "active" in results[""]["verdict"]["sentence"]
    tests = home / "tests/project/test_notebooks_source.py"
    tests.parent.mkdir(parents=True)
    shutil.copy(CHECKOUT / "tests/project/test_notebooks_source.py", tests)
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", tests], env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (
        "05_my_question"
        in subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--collect-only", tests], env=environ, capture_output=True, text=True
        ).stdout
    )
