"""The notebook as source and as record: parameters in, machine traces out."""

import ast
import json
from pathlib import Path

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.parameter_cell import read_source
from opsbook.inputs.run_params import RUNS, LifecycleRun
from opsbook.runs.literals import assignments, literal
from opsbook.runs.notebook import check_parameter_cell, prepared, record

from .conftest import code_cell, notebook_source, parameter_lines

HERE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "value", ["双十一", 'say "hi"\n\\', 3, 0.1, True, [], ["a"] * 40, [{"metric": "orders", "target": 1.5}], {"a": [1]}]
)
def test_a_literal_reads_back_as_the_value(value):
    """Whatever a parameter holds, its Python source means exactly that."""
    assert ast.literal_eval(literal(value)) == value


def test_chinese_and_long_lists_stay_readable():
    """Chinese is not escaped, a short list is one line, a long one has an item per line."""
    assert literal("双十一") == '"双十一"'
    assert assignments({"a": ["x"], "b": None}) == 'a = ["x"]\nb = ""'
    assert literal(["x" * 60, "y" * 60]).count("\n") == 3


def test_an_object_is_never_pasted_into_a_notebook():
    """Only plain values become source."""
    with pytest.raises(TypeError):
        literal(object())


def test_only_the_runs_language_is_kept_and_parameters_follow_their_cell():
    """Markdown of the other language goes; the injected cell stands right after the declared one."""
    ready = prepared(notebook_source(), language="zh", parameters={"period": "2026-10"})
    assert [cell["id"] for cell in ready["cells"]][:3] == ["title-zh", "parameters", "injected-parameters"]
    assert ready["cells"][2]["source"] == 'period = "2026-10"'


@pytest.mark.parametrize("body", ["period = 'a'\nfor x in y: pass", "period = open('x')", "a = b = 1", "1 +"])
def test_a_parameter_cell_holds_literals_only(body, tmp_path):
    """Code in the parameter cell would run with other meanings than the typed parameters."""
    source = {"cells": [code_cell("p", body, "parameters")]}
    with pytest.raises(ParameterError, match="only `name = literal`"):
        check_parameter_cell(source, LifecycleRun, where=tmp_path)


@pytest.mark.parametrize("count", [0, 2])
def test_there_is_exactly_one_parameter_cell(count, tmp_path):
    """Without the cell, or with two of them, parameters could not be put in."""
    cell = code_cell("p", parameter_lines("01_user_lifecycle"), "parameters")
    with pytest.raises(ParameterError, match="exactly one cell"):
        check_parameter_cell({"cells": [cell] * count}, LifecycleRun, where=tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"nbformat": 3, "cells": []}', '{"nbformat": 4}'])
def test_a_file_that_is_no_notebook_is_a_parameter_error(content, tmp_path):
    """A broken or old notebook file is refused with its path."""
    path = tmp_path / "n.ipynb"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ParameterError, match=r"n\.ipynb"):
        read_source(path)


@pytest.mark.parametrize("name", sorted(RUNS))
def test_our_notebooks_declare_exactly_their_typed_parameters(name):
    """The parameter cell of each notebook of the workbook matches its model."""
    path = HERE / "notebooks" / f"{name}.ipynb"
    check_parameter_cell(read_source(path), RUNS[name], where=path)


def test_the_record_has_no_clock_no_machine_and_no_runner_in_it(tmp_path):
    """Times, process numbers and paths of the machine are taken out of an executed notebook."""
    said = f"{tmp_path}/x.py and /tmp/ipykernel_123/456.py"
    cell = code_cell("a", "1") | {
        "metadata": {"papermill": {"duration": 1.2}, "execution": {"iopub.status.idle": "now"}, "tags": []},
        "outputs": [
            {"output_type": "stream", "name": "stderr", "text": said},
            {"output_type": "error", "ename": "E", "evalue": said, "traceback": [said]},
            {"output_type": "display_data", "metadata": {}, "data": {"text/plain": said}},
        ],
    }
    kept = record({"cells": [cell], "metadata": {"papermill": {"start_time": "now"}}}, home=tmp_path)
    assert "papermill" not in json.dumps(kept)
    assert "now" not in json.dumps(kept)
    assert json.dumps(kept).count("<home>/x.py and <cell>") == 4
