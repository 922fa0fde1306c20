"""What the documents show works: YAML is accepted, Python runs, commands exist."""

import sys
import types
from pathlib import Path

import click
import pytest
from matplotlib import pyplot

from documents import COMMAND, PAGES, blocks, commands, fences, parse
from opsbook.inputs.run_params import CampaignRun, LifecycleRun, RetentionRun
from opsbook.inputs.workbook import Workbook
from opsbook.inputs.yaml_file import checked, read_text
from opsbook.page import words

# A part of a workbook is made whole by what every workbook has.
TABLES = {"events": {"path": "events.parquet"}, "users": {"path": "users.parquet", "attributes": ["city_tier"]}}
SEGMENT = {"paying_core": {"rule": {"count": "orders", "within_days": "90", "at_least": "2"}}}
WHOLE = {"company": {"key": "mine", "name": "Mine"}, "tables": TABLES, "segments": SEGMENT}
MODELS = {Workbook: WHOLE, CampaignRun: {}, RetentionRun: {}, LifecycleRun: {}}
AREA = "my_question"
WITH_PYTHON = [page for page in PAGES if any(kind == "python" for kind, _ in fences(page))]


def is_catalogue(text: str) -> bool:
    return text.startswith(f"{AREA}.")


def entries(text: str, language: str) -> dict[str, words.Entry]:
    found: dict[str, words.Entry] = {}
    words._add(found, words._lines(text, f"{AREA}.{language}.yaml"), f"{AREA}.{language}.yaml")
    return found


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_yaml_block_is_accepted_by_its_model(text):
    """Each YAML block is a workbook, a part of one, a run file, or words of a catalogue, and is accepted as that."""
    content, lines = read_text(text, where=Path("docs.yaml"))
    if is_catalogue(text):
        assert entries(text, "en").keys() == content.keys()
        return
    model = next((model for model in MODELS if content.keys() <= model.model_fields.keys()), None)
    assert model, f"no model has all of {sorted(content)}"
    tables = {"tables": WHOLE["tables"] | content["tables"]} if "tables" in content else {}
    checked(model, MODELS[model] | content | tables, lines=lines)


def test_catalogue_blocks_stand_in_both_languages():
    """The words that a guide shows in English it shows in Chinese, with the same fields."""
    shown = [text for page in PAGES for kind, text in fences(page) if kind == "yaml" and is_catalogue(text)]
    assert shown
    for english, chinese in zip(shown[::2], shown[1::2], strict=True):
        en, zh = entries(english, "en"), entries(chinese, "zh")
        assert {key: entry.fields for key, entry in en.items()} == {key: entry.fields for key, entry in zh.items()}


@pytest.fixture
def catalogue(tmp_path):
    """Puts a page's catalogue blocks where a reader would put them."""

    def put(page: Path) -> None:
        texts = [text for kind, text in fences(page) if kind == "yaml" and is_catalogue(text)]
        for language, text in zip(words.LANGUAGES, texts, strict=False):
            (tmp_path / f"{AREA}.{language}.yaml").write_text(text, encoding="utf-8")
        words.also_read(tmp_path)

    before = words._Current.folders
    yield put
    words._Current.folders = before
    words.catalogue.cache_clear()
    pyplot.close("all")


@pytest.fixture
def airflow(monkeypatch) -> list[str]:
    """Stand-ins that note the commands of a DAG: Airflow itself is no dependency."""
    noted: list[str] = []

    class Task:
        def __init__(self, *, task_id: str, bash_command: str, **more: object) -> None:
            noted.append(bash_command)

        def __rshift__(self, other: "Task") -> "Task":
            return other

    class Dag:
        def __init__(self, name: str, **settings: object) -> None:
            self.name = name

        def __enter__(self) -> "Dag":
            return self

        def __exit__(self, *_: object) -> None:
            pass

    parts = {"airflow": {"DAG": Dag}, "airflow.operators": {}, "airflow.operators.bash": {"BashOperator": Task}}
    for name, content in parts.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    return noted


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: page.stem)
def test_every_python_block_runs(page, airflow, catalogue):
    """The Python blocks of a page run one after the other as a reader would type them, their commands exist."""
    catalogue(page)
    run_blocks(page)
    for command in airflow:
        assert parse(COMMAND.search(command)[1])


def test_the_question_of_the_guide_is_a_whole_one(catalogue):
    """Table, sentence and figure of the guide's example fit each other, in both languages."""
    (page,) = [page for page in WITH_PYTHON if page.stem == "add_a_question"]
    catalogue(page)
    guide = run_blocks(page)
    pd, ibis = guide["pd"], guide["ibis"]
    visits = pd.DataFrame({"user": [1, 2, 1], "day": pd.to_datetime(["2026-01-05", "2026-01-05", "2026-01-06"])})
    week = {"start": pd.Timestamp("2026-01-05"), "end": pd.Timestamp("2026-01-11")}
    table = guide["by_weekday"](ibis.memtable(visits), **week)
    assert (
        guide["busiest"](table).text("en") == "On average 2 users are active on the busiest weekday, 0 on the quietest."
    )
    assert guide["busiest"](table.assign(user_days=0)).text("zh").startswith("无法判断")
    assert len(guide["weekdays"](table).axes[0].patches) == 7


def run_blocks(page: Path) -> dict:
    names: dict = {"__name__": "docs"}
    for kind, text in fences(page):
        if kind == "python":
            exec(compile(text, page.name, "exec"), names)
    return names


@pytest.mark.parametrize("told", commands())
def test_every_command_of_the_documents_exists(told):
    """Each `opsbook …` of README, guides and other pages is a command with options that exist."""
    assert parse(told)


@pytest.mark.parametrize(
    "told", ["rnu 01", "run --perid 2026-10", "run --language fr", "new company", "new notebok x", "plan"]
)
def test_a_command_that_does_not_exist_would_be_found(told):
    """A misspelt command, option or value, or a missing argument does not pass the check."""
    with pytest.raises(click.UsageError):
        parse(told)
