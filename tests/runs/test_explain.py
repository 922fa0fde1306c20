"""`opsbook explain`: from a headline number back to its cell, its tables and the library's functions."""

import json
from pathlib import Path

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs import contract
from opsbook.mart.derived import BUILT_FROM
from opsbook.mart.mart import NAMES
from opsbook.runs import library
from opsbook.runs.dataflow import behind, reads, steps
from opsbook.runs.explaining import explain
from opsbook.runs.explanation import meaning
from opsbook.runs.plan import Wish
from opsbook.runs.recorded import code_cells
from runs.conftest import NOW, code_cell, text_cell
from runs.reports_left import leave

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
CELLS = [
    text_cell("title", "# Report"),
    code_cell("imports", "from opsbook import activity, start\nfrom opsbook.page.says import lifecycle_numbers"),
    code_cell("book", 'book, page = start("01_user_lifecycle", vars())\nmart, limits = book.mart, book.limits'),
    code_cell("other", "unused = mart.orders"),
    code_cell(
        "sticky", "sticky = activity.stickiness(mart.user_days, window_days=limits.stickiness_days, n=book.run.history)"
    ),
    code_cell("shown", 'page.number(**lifecycle_numbers.stickiness(sticky))\npage.number("users", 3, needs=["users"])'),
]


def number(key, label):
    """A headline number as a cell shows and results.json keeps it."""
    told = {"key": key, "label": label, "value": 0.4, "unit": "share", "method": "Wilson"}
    words = {"label": label, "value": "40.0%", "interval": "39.0% – 41.0%", "n": "n = 12", "method": "Wilson"}
    return told, {"data": {"application/vnd.opsbook.number+json": told | {"card": True, "words": words}}}


def report(checkout, *keys, **given):
    """A good report whose last cell recorded these numbers."""
    told = [number(key, label) for key, label in keys]
    cells = json.loads(json.dumps(CELLS))
    cells[-1]["outputs"] = [output for _, output in told]
    files = {
        "notebook.ipynb": json.dumps({"cells": cells}),
        "results.json": json.dumps({"numbers": [numbered for numbered, _ in told]}),
    }
    folder = leave(checkout, **files, **given)
    record = json.loads((folder / "run.json").read_text())
    record |= {"as_of": "2026-10-31", "inputs": {"rows": {"events": 1200, "orders": 30, "users": 9}}}
    (folder / "run.json").write_text(json.dumps(record | {"parameters": {"history": 12}}))
    return folder


def told(checkout, key, **wish):
    """The explanation as data."""
    return json.loads(explain(checkout.home, key, Wish(**wish), as_json=True, now=NOW))


def test_a_number_is_followed_to_cell_tables_parameters_and_functions(checkout):
    """The explanation names the line, what it rests on, tables with their rows, values, and places in the library."""
    report(checkout, ("stickiness", "Stickiness"), ("users", "Users"))
    found = told(checkout, "stickiness")
    assert found["recorded_in"] == [
        {"cell": "shown", "line": 1, "source": "page.number(**lifecycle_numbers.stickiness(sticky))"}
    ]
    assert [line["cell"] for line in found["rests_on"]] == ["book", "book", "sticky"]
    assert found["tables"] == {"user_days": {"events": 1200, "orders": 30}}
    assert found["parameters"] == {"limits.stickiness_days": None, "run.history": 12}
    first, second = found["functions"]
    assert first["name"] == "opsbook.analysis.activity.stickiness"
    assert first["source"].startswith("the ratio is the mean over active users")
    text = (library.PACKAGE.parent / "opsbook/page/says/lifecycle_numbers.py").read_text().splitlines()
    assert text[second["line"] - 1].startswith("def stickiness(")
    assert found["means"] == "Mean daily actives over the window divided by the actives of the same window."


def test_a_number_left_out_for_want_of_a_table_does_not_shift_the_others(checkout):
    """Where outputs and calls of a cell disagree, every call is named rather than a wrong one."""
    report(checkout, ("stickiness", "Stickiness"))
    assert len(told(checkout, "stickiness")["recorded_in"]) == 2
    report(checkout, ("stickiness", "Stickiness"), ("users", "Users"))
    assert told(checkout, "users")["recorded_in"][0]["source"] == 'page.number("users", 3, needs=["users"])'
    assert told(checkout, "users")["tables"] == {}


def test_the_value_of_a_setting_is_told_while_the_workbook_is_the_same(checkout):
    """A threshold's value is that of the run: it is left out once the workbook has changed."""
    from opsbook.inputs.home import workbook_path
    from opsbook.inputs.workbook import read_workbook
    from opsbook.runs import fingerprints

    folder = report(checkout, ("stickiness", "Stickiness"), ("users", "Users"))
    record = json.loads((folder / "run.json").read_text())
    workbook = read_workbook(workbook_path(checkout.home)).model_dump(mode="json")
    record["fingerprints"] = {"workbook": fingerprints.of(workbook), "code": fingerprints.code()}
    (folder / "run.json").write_text(json.dumps(record))
    found = told(checkout, "stickiness")
    assert found["parameters"]["limits.stickiness_days"] == 28
    assert found["code_changed"] is False


def test_the_text_reads_from_the_number_down(checkout):
    """As text the words of the card come first, then the cell, what it rests on, what it read and by what."""
    report(checkout, ("stickiness", "Stickiness"), ("users", "Users"))
    code, out, err = checkout.command(
        "explain", "stickiness", "--run", "01/monthly", "--period", "2026-10-01..2026-10-28"
    )
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[:2] == ["Stickiness 40.0%", "  interval  39.0% – 41.0%"]
    parts = ("recorded in", "from", "which read", "by")
    assert [line for line in lines if line in parts] == list(parts)
    assert "  mart.user_days from events (1,200 rows), orders (30 rows)" in lines
    assert "  run.history = 12" in lines


def test_an_unknown_key_exits_2_with_the_nearest_ones(checkout):
    """A misspelt key is a usage error that proposes what was meant; without a key all are listed."""
    report(checkout, ("stickiness", "Stickiness"), ("users", "Users"))
    code, _, err = checkout.command("explain", "stickines")
    assert code == 2
    assert "did you mean stickiness?" in err
    code, out, _ = checkout.command("explain")
    assert code == 0
    assert out.splitlines() == [
        "outputs/01_user_lifecycle/monthly/2026-10",
        "  stickiness  Stickiness",
        "  users       Users",
    ]


def test_the_first_report_that_has_the_number_is_explained(checkout):
    """Without --run every run is looked through; a company without reports is told so."""
    with pytest.raises(ParameterError, match="There is no report yet"):
        explain(checkout.home, "users", Wish(), as_json=False, now=NOW)
    report(checkout, ("a", "A"), ("b", "B"))
    report(checkout, ("c", "C"), ("users", "Users"), run="01_user_lifecycle/weekly")
    assert told(checkout, "users")["report"] == "outputs/01_user_lifecycle/weekly/2026-10"


def test_a_meaning_is_found_by_key_by_digits_left_out_and_by_label():
    """The catalogue's definition stands under the number's key or under a term that is called like the number."""
    assert meaning("02_retention_survival", "false_churn", "x", "en").startswith("Share of silences longer")
    assert meaning("02_retention_survival", "survival_90", "x", "zh") == meaning("02_x_retention", "survival", "", "zh")
    assert meaning("01_user_lifecycle", "nothing", "quick ratio", "en").startswith("(new + returned)")
    assert meaning("01_user_lifecycle", "nothing", "nothing", "en") == ""


def test_functions_are_found_without_importing_them():
    """Names of analyses, of the page, re-exported ones and `start` lead to the line of their definition."""
    for dotted, file in (
        ("opsbook.time_to_churn.fates", "opsbook/analysis/time_to_churn.py"),
        ("opsbook.cohorts.Window", "opsbook/analysis/cohort_window.py"),
        ("opsbook.start", "opsbook/page/book.py"),
        ("opsbook.page.says.retention.threshold", "opsbook/page/says/retention.py"),
    ):
        assert library.function(dotted).file == file
    for dotted in ("opsbook.churn", "opsbook.churn.CANDIDATE_DAYS", "pandas.DataFrame", "opsbook.no_such.thing"):
        assert library.function(dotted) is None


def test_the_derivation_of_the_mart_names_real_tables():
    """Every mart table has its contract tables, and those exist in the contract."""
    assert set(BUILT_FROM) == set(NAMES)
    assert {name for built in BUILT_FROM.values() for name in built} <= set(contract.TABLES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_number_of_the_real_notebooks_rests_on_a_table(path):
    """Each `page.number` of the four notebooks leads back to a mart table, by functions that the library has."""
    nb = json.loads(path.read_text(encoding="utf-8"))
    known = steps(code_cells(nb))
    recorded = [place for place, step in enumerate(known) if "page.number(" in step.source]
    assert len(recorded) >= 3
    for place in recorded:
        found = set().union(*(reads(known, behind_it) for behind_it in behind(known, [place])))
        assert any(name.startswith("book.mart.") for name in found), known[place].source
        assert any(library.function(name) for name in found), known[place].source
