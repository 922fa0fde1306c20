"""A run that did not finish never looks finished, whatever papermill records about it."""

import os

import pytest

from opsbook.runs import engine, truth
from opsbook.runs.execution import Execution, Limits
from opsbook.runs.notebook import prepared

from .conftest import notebook_source

HALF = """
from IPython.display import display
display({"application/vnd.opsbook.results+json": {"schema": "opsbook.results/1"}, "text/plain": ""}, raw=True)
"""


def problem_of(tmp_path, *bodies, finish=None, limits=None):
    """Execute a notebook of these cells and judge it."""
    source = notebook_source(*bodies, **({} if finish is None else {"finish": finish}))
    ready = prepared(source, language="en", parameters={"period": "2026-10"})
    execution = engine.execute(ready, Execution(None), home=tmp_path, limits=limits or Limits())
    return truth.problem(execution.notebook, ended=execution.ended, alive=execution.alive), execution


def gone(pid):
    """Whether the process has ended and was reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_notebook_that_ran_to_its_end_is_good(tmp_path):
    """Every cell answered, the kernel alive, the results complete: no problem, and no kernel left."""
    problem, execution = problem_of(tmp_path, "import os; print(os.getcwd(), os.environ['OPSBOOK_HOME'])")
    assert problem is None
    assert execution.notebook.cells[4].outputs[0].text == f"{tmp_path} {tmp_path}\n"
    assert gone(execution.kernel_pid)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("1/0", "raised ZeroDivisionError"),
        ("import sys; sys.exit(0)", "raised SystemExit"),
        ("import os; os._exit(0)", "the kernel died"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the kernel died"),
    ],
)
def test_a_cell_that_does_not_come_back_makes_the_run_fail_and_is_named(tmp_path, body, sentence):
    """An exception, an exit and a killed kernel are failures of that cell, even with exit status 0."""
    problem, _ = problem_of(tmp_path, body)
    assert sentence in problem.sentence
    assert (problem.cell, problem.source) == ("body-0", body)


def test_a_cell_that_takes_too_long_is_stopped_and_named(tmp_path):
    """The limit of one cell ends the notebook, and its kernel with it."""
    problem, execution = problem_of(tmp_path, "import time; time.sleep(60)", limits=Limits(cell_seconds=0.5))
    assert (problem.sentence, problem.cell) == (
        "The notebook stopped: a cell took longer than 0.5 seconds",
        "body-0",
    )
    assert gone(execution.kernel_pid)


def test_a_notebook_that_takes_too_long_in_all_is_stopped(tmp_path):
    """Many cells within their own limit cannot outlast the limit of the whole."""
    naps = ["import time; time.sleep(0.7)"] * 4
    problem, _ = problem_of(tmp_path, *naps, limits=Limits(total_seconds=1.2))
    assert problem.sentence == "The notebook stopped: the notebook took longer than 1.2 seconds"


@pytest.mark.parametrize("finish", ["", HALF])
def test_without_complete_results_from_the_last_cell_a_run_is_not_good(tmp_path, finish):
    """A notebook cut short, or whose results do not say that they are complete, has not succeeded."""
    problem, _ = problem_of(tmp_path, "print('last')", finish=finish)
    assert "page.finish()" in problem.sentence


def test_results_from_an_earlier_cell_do_not_count(tmp_path):
    """Only the last cell can say that everything before it is done."""
    problem, _ = problem_of(tmp_path, notebook_source()["cells"][-1]["source"], finish="1 + 1")
    assert "page.finish()" in problem.sentence


def test_a_story_of_a_failure_shows_cell_and_traceback_without_colour(tmp_path):
    """error.txt can be read in any editor."""
    problem, _ = problem_of(tmp_path, "def deep():\n    raise ValueError('<b>no</b>')\ndeep()")
    story = str(problem)
    assert "raised ValueError: <b>no</b>" in story
    assert "Cell `body-0`" in story
    assert "    deep()" in story
    assert "\x1b" not in story
