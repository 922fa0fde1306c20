"""`opsbook new company`: a workbook that is accepted, explains every field, and maps real files."""

import os
import re
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from opsbook.errors import ParameterError
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.inputs.yaml_file import checked, read_text
from opsbook.runs import option_lines
from opsbook.runs.examples import write_demo
from opsbook.runs.new_company import new_company, workbook_text

CHECKOUT = Path(__file__).parents[2]
MUST = "company: {key: mine, name: Mine}\ntables: {events: {path: events.parquet}}\n"


def fields(model: type[BaseModel], seen: set[type] | None = None) -> set[str]:
    """Names (as a file writes them) of every field of the model and the models in it."""
    seen = seen if seen is not None else set()
    if model in seen:
        return set()
    seen.add(model)
    own = {field.alias or name for name, field in model.model_fields.items()}
    return own.union(
        *(fields(part, seen) for field in model.model_fields.values() for part in models(field.annotation))
    )


def models(annotation) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models(part)]


@pytest.fixture
def home(tmp_path) -> Path:
    (tmp_path / "params").mkdir()
    shutil.copy(CHECKOUT / "params/workbook.yaml", tmp_path / "params/workbook.yaml")
    return tmp_path


def made(home: Path, name: str = "mine", **options) -> str:
    return new_company(home, name, **({"language": "en", "places": [], "dry_run": False} | options))


def test_every_field_of_a_workbook_is_explained_in_a_new_one():
    """Whatever can be decided stands in the file, on or off: nobody has to read the code to find it."""
    text = workbook_text("mine", "en", {}, [])
    assert [name for name in sorted(fields(Workbook)) if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("key", sorted(set(Workbook.model_fields) - {"company", "tables"}))
def test_every_line_that_is_off_can_be_switched_on(key):
    """Taking away the # before a section gives a workbook that is accepted."""
    found = dict(option_lines.blocks(workbook_text("mine", "en", {}, [])))
    content, _ = read_text(MUST + option_lines.switched_on(found[key]), where=Path("workbook.yaml"))
    assert key in checked(Workbook, content).model_fields_set


def test_a_company_without_files_is_accepted_and_says_what_comes_next(home):
    """The example of events is on, everything else off; the next command is named."""
    told = made(home)
    assert told.endswith("next: opsbook check --company mine")
    book = read_workbook(home / "params/mine/workbook.yaml")
    assert set(book.tables) == {"events"}
    assert (book.company.key, book.language) == ("mine", "en")
    made(home, "ours", language="zh")
    assert read_workbook(home / "params/ours/workbook.yaml").language == "zh"


def test_the_simulated_companys_own_files_are_mapped_whole(home):
    """Looked at without a word of help, all eight tables are found as its hand-written workbook maps them."""
    write_demo(home / "data/demo", users=300, seed=1)
    made(home, places=[home / "data/demo"])
    book, known = (read_workbook(home / f"params/{name}/workbook.yaml") for name in ("mine", "."))
    assert set(book.tables) == set(known.tables)
    for name, table in known.tables.items():
        assert table.path == book.tables[name].path
        for column, origin in table.columns.items():
            if column not in ("refunded", "channel", "topic") or name == "users":
                assert book.tables[name].columns[column] == origin, (name, column)
    assert book.as_of == known.as_of
    assert book.tables["users"].attributes == ["platform", "city_tier"]


def test_what_is_not_found_is_named_where_it_is_missing(home):
    """A required column that nothing looks like stands in the file and in the answer, with what is left to choose."""
    (home / "orders.csv").write_text("order_no,uid,pay_time,howmuch\n1,a,2026-01-31,5\n")
    told = made(home, places=[home / "orders.csv"])
    assert "NOT FOUND: amount" in told
    text = (home / "params/mine/workbook.yaml").read_text()
    assert "amount: NOT_FOUND" in text
    assert "howmuch" in text


def test_files_without_activity_leave_the_example_of_events_on(home):
    """A workbook needs events or orders: where neither is found, the file says so by an example to fill in."""
    (home / "users.csv").write_text("uid,source\n1,ads\n2,ads\n")
    made(home, places=[home / "users.csv"])
    book = read_workbook(home / "params/mine/workbook.yaml")
    assert book.tables["users"].columns["user_id"] == "uid"
    assert book.tables["events"].path == "data/events.parquet"


def test_a_table_that_lacks_a_column_stops_nothing(home):
    """Beside complete orders, mailings without a day are written switched off: the company can be checked and run."""
    (home / "orders.csv").write_text("order_no,uid,pay_time,amount\n1,a,2026-01-30,5\n2,b,2026-01-31,5\n")
    (home / "mailings.csv").write_text("uid,campaign\na,x\nb,x\n")
    told = made(home, places=[home / "orders.csv", home / "mailings.csv"])
    assert "NOT FOUND: exposed_at, switched off" in told
    book = read_workbook(home / "params/mine/workbook.yaml")
    assert set(book.tables) == {"orders"}
    assert f"{book.as_of}" == "2026-01-31"
    assert "#      exposed_at: NOT_FOUND" in (home / "params/mine/workbook.yaml").read_text()


def test_nothing_is_overwritten_and_a_dry_run_writes_nothing(home):
    """A workbook that is there stays as it is; --dry-run only shows; a name must be able to be a folder."""
    assert "--- params/mine/workbook.yaml" in made(home, dry_run=True)
    assert not (home / "params/mine").exists()
    made(home)
    before = (home / "params/mine/workbook.yaml").read_text()
    with pytest.raises(ParameterError, match="is there already"):
        made(home)
    assert (home / "params/mine/workbook.yaml").read_text() == before
    with pytest.raises(ParameterError, match="is the key of another company"):
        made(home, "demo")
    with pytest.raises(ParameterError, match="my_shop"):
        made(home, "My Shop!")


@pytest.mark.slow
def test_a_company_out_of_its_files_has_reports_at_once(home):
    """New company --from, check, run: good reports of notebooks 01 and 02 without touching a file by hand."""
    shutil.copytree(CHECKOUT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".ipynb*"))
    write_demo(home / "raw", users=600, seed=2)

    def opsbook(*words: str) -> str:
        command = [sys.executable, "-m", "opsbook", *words]
        environ = os.environ | {"OPSBOOK_HOME": str(home)}
        done = subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=400)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    opsbook("new", "company", "mine", "--from", "raw")
    opsbook("check", "--company", "mine")
    told = opsbook("run", "--company", "mine", "--jobs", "1")
    assert told.count("good ") == 3, told
