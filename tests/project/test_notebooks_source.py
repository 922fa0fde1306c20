"""Notebooks are essays of questions, kept clean in version control."""

import ast
import json
from pathlib import Path

import pytest

from opsbook.inputs.own_run import catalogue_folder, model_of
from opsbook.inputs.run_params import RUNS
from opsbook.page import words

HOME = Path(__file__).parents[2]
NOTEBOOKS = sorted((HOME / "notebooks").glob("*.ipynb"))
LONGEST_CELL = 5


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def notebook(request) -> Path:
    return request.param


def test_the_three_notebooks_are_there():
    """The owner's three notebooks exist under their names."""
    assert {path.stem for path in NOTEBOOKS} >= set(RUNS)


def test_no_outputs_are_committed(notebook):
    """Notebooks carry neither outputs nor execution counts nor run metadata."""
    text = json.loads(notebook.read_text())
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells(notebook, "code"))
    assert "papermill" not in text["metadata"]
    assert not any("papermill" in cell["metadata"] for cell in text["cells"])


def test_no_cell_defines_or_loops(notebook):
    """Cells call the library: no def, no class, no loop, at most five lines outside the parameter cell."""
    for cell in cells(notebook, "code"):
        tree = ast.parse(source(cell))
        assert not [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.For | ast.While)]
        assert "parameters" in tags(cell) or len(source(cell).splitlines()) <= LONGEST_CELL, source(cell)


def test_notebooks_import_only_opsbook(notebook):
    """Nothing but opsbook is imported in a notebook."""
    for cell in cells(notebook, "code"):
        for node in ast.walk(ast.parse(source(cell))):
            if isinstance(node, ast.Import):
                assert all(alias.name.split(".")[0] == "opsbook" for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] == "opsbook"


def test_the_parameter_cell_is_the_run_model(notebook):
    """The tagged cell assigns exactly the model's fields, each with a comment that says unit or meaning."""
    (cell,) = [cell for cell in cells(notebook, "code") if "parameters" in tags(cell)]
    assigned = [statement.targets[0].id for statement in ast.parse(source(cell)).body]
    assert assigned == list(model_of(notebook.stem, home=HOME).model_fields)
    assert all("#" in line for line in source(cell).splitlines() if "=" in line)


def test_every_heading_and_text_stands_in_both_languages(notebook):
    """Markdown cells come in pairs tagged en and zh with the same heading level."""
    texts = cells(notebook, "markdown")
    assert [tags(cell) for cell in texts] == [["en"], ["zh"]] * (len(texts) // 2)
    levels = [len(source(cell)) - len(source(cell).lstrip("#")) for cell in texts]
    assert levels[::2] == levels[1::2]


def test_the_last_cell_emits_the_results(notebook):
    """A report is whole only when its last cell ran: it is page.finish()."""
    assert source(cells(notebook, "code")[-1]).strip() == "page.finish()"


def test_own_catalogues_stand_in_both_languages():
    """Words of own notebooks, beside the notebooks, have the same keys and fields in English and Chinese."""
    words.also_read(catalogue_folder(HOME))
    en, zh = words.catalogue("en"), words.catalogue("zh")
    assert {key: entry.fields for key, entry in en.items()} == {key: entry.fields for key, entry in zh.items()}


def test_no_cell_gives_a_parameter_another_value(notebook):
    """The cell that starts the report can be run again after all others: nothing else is called like a parameter."""
    known = set(model_of(notebook.stem, home=HOME).model_fields)
    for cell in cells(notebook, "code"):
        tree = ast.walk(ast.parse(source(cell)))
        named = {n.id for n in tree if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        assert "parameters" in tags(cell) or not named & known, (cell["id"], named & known)


CONCLUDES = ("page.verdict(", "page.decide(")


def names(code: str, context: type[ast.expr_context]) -> set[str]:
    return {
        node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }


def sections(path: Path) -> list[list[str]]:
    """The code cells between two headings."""
    found: list[list[str]] = [[]]
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "markdown" and found[-1]:
            found.append([])
        elif cell["cell_type"] == "code":
            found[-1].append(source(cell))
    return found


def test_what_the_conclusion_reads_of_other_sections_is_bound_once(notebook):
    """A verdict or decision reads tables of far sections: none of their names is used again for something else."""
    parts = sections(notebook)
    for own in parts:
        for code in (code for code in own if any(call in code for call in CONCLUDES)):
            near = set().union(*(names(other, ast.Store) for other in own[: own.index(code) + 1]))
            far = names(code, ast.Load) - near
            bound = {name: sum(name in names(cell, ast.Store) for part in parts for cell in part) for name in far}
            assert {name: count for name, count in bound.items() if count > 1} == {}, code
