"""The notebooks as JupyterLab runs them: a kernel in notebooks/, parameters as committed, cells one after the other."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from opsbook.inputs.run_params import RUNS
from opsbook.page.bundles import mime

CHECKOUT = Path(__file__).parents[2]
USERS = 1_000
STYLED = re.compile(r"\b(style|bgcolor|color)=|<style|<font", re.I)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """What `make lab` opens: the checkout's notebooks and parameters and a small simulated company, no mart yet."""
    home = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "params"):
        shutil.copytree(CHECKOUT / name, home / name, ignore=shutil.ignore_patterns(".ipynb*", "completejourney"))
    demo = [sys.executable, "-m", "opsbook", "demo", "--users", str(USERS)]
    subprocess.run(demo, env=_environment() | {"OPSBOOK_HOME": str(home)}, check=True, capture_output=True, timeout=300)
    return home


def _environment() -> dict[str, str]:
    """A shell's own: no word of ours tells the kernel where the workbook lies."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPSBOOK_")}


def source_of(home: Path, name: str, **changed: object) -> nbformat.NotebookNode:
    """The notebook with these lines of its parameter cell changed, as a person would type them."""
    notebook = nbformat.read(home / "notebooks" / f"{name}.ipynb", 4)
    (cell,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for key, value in changed.items():
        cell.source, found = re.subn(rf"^{key} = .*$", f"{key} = {value!r}", cell.source, flags=re.M)
        assert found == 1, key
    return notebook


@contextmanager
def kernel(home: Path, notebook: nbformat.NotebookNode) -> Iterator[NotebookClient]:
    """A kernel as JupyterLab starts it: of the environment's own specification, in the notebook's folder."""
    place = {"metadata": {"path": str(home / "notebooks")}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place)
    with client.setup_kernel(env=_environment()):
        yield client


def run(client: NotebookClient, *, until: str = "", only: tuple[str, ...] = ()) -> None:
    """Run all code cells, those up to one id, or only some."""
    for place, cell in enumerate(client.nb.cells):
        if cell.cell_type == "code" and (not only or cell.id in only):
            client.execute_cell(cell, place)
            if cell.id == until:
                return


def results(notebook: nbformat.NotebookNode) -> dict:
    (told,) = [o.data[mime("results")] for o in notebook.cells[-1].outputs if mime("results") in o.get("data", {})]
    return told


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def notes(notebook: nbformat.NotebookNode) -> str:
    """What cells wrote to stdout and stderr."""
    return "".join(output.text for output in outputs(notebook) if output.output_type == "stream")


def marts(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (home / "cache").rglob("*.duckdb")}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_notebook_runs_top_to_bottom_as_committed(home, name):
    """With no edit each of the notebooks reaches its last cell, complains of nothing, and reads in the dark theme."""
    notebook = source_of(home, name)
    with kernel(home, notebook) as client:
        run(client)
    assert results(notebook)["complete"] is True
    assert not re.sub(r".*building the mart.*", "", notes(notebook)).strip()
    shown = [output.data for output in outputs(notebook) if "data" in output]
    assert len(shown) > 20
    assert not [found[0] for data in shown if (found := STYLED.search(data.get("text/html", "")))]


@pytest.mark.slow
def test_the_parameter_cell_switches_company_period_and_language(home):
    """Three lines changed, and the report is another company's, of another month, in the other language."""
    if not (home / "params/mine").exists():
        subprocess.run(
            [sys.executable, "-m", "opsbook", "new", "company", "mine", "--from", "data/demo"],
            env=_environment() | {"OPSBOOK_HOME": str(home)},
            cwd=home,
            check=True,
            capture_output=True,
        )
    notebook = source_of(home, "01_user_lifecycle", company="mine", period="2026-08", language="zh")
    with kernel(home, notebook) as client:
        run(client, until="actives")
        run(client, only=("finish",))
    told = results(notebook)
    assert (told["company"], told["period"]["label"], told["language"]) == ("Mine", "2026-08", "zh")
    assert told["findings"][0].startswith("2026年8月")


@pytest.mark.slow
def test_changing_one_cell_builds_no_second_mart(home):
    """The mart is there after the first start: neither another kernel nor a changed question builds one again."""
    notebook = source_of(home, "01_user_lifecycle")
    with kernel(home, notebook) as client:
        run(client, until="actives-chart")
        before = marts(home)
        assert before
        (cell,) = [cell for cell in notebook.cells if cell.id == "actives"]
        cell.source = cell.source.replace("periods=book.history", "periods=book.history[-3:]")
        run(client, only=("book", "title", "actives"))
    assert not notes(notebook)
    again = source_of(home, "01_user_lifecycle", language="zh")
    with kernel(home, again) as client:
        run(client, until="actives")
    assert marts(home) == before
    assert not notes(again)


@pytest.mark.slow
def test_the_first_start_says_that_a_mart_is_built(home):
    """A new state of the data is built under a bar of plain text: no widget, nothing but stderr."""
    notebook = source_of(home, "01_user_lifecycle", as_of="2026-10-15")
    with kernel(home, notebook) as client:
        run(client, until="book")
    assert {output.get("name") for output in outputs(notebook)} == {"stderr"}
    told = notes(notebook)
    assert "building the mart of Lantern" in told
    assert "done" in told
    assert "idget" not in told
