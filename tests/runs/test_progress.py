"""What a person sees while reports are made: bars on a terminal, plain lines elsewhere, nothing in the report."""

import io
import sys
from types import SimpleNamespace

import pytest

from opsbook.mart.build import STEPS
from opsbook.page.building import Building
from opsbook.runs.crew import outcomes
from opsbook.runs.progress import Progress
from opsbook.runs.run import Outcome


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """A person is looking."""
        return True


def outcome(checkout, target: str = "01/monthly") -> Outcome:
    return Outcome("good", checkout.reports(target)[0], seconds=1.0)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_a_terminal_shows_which_cell_of_how_many_each_report_runs(checkout, terminal):
    """Two reports in work have a line each, with the cell of all; the bar above counts the reports."""
    month, week = outcome(checkout), outcome(checkout, "01/weekly")
    with Progress(2, home=checkout.home, stream=terminal, bars=terminal) as progress:
        progress.cell(month.report, 3, 40)
        progress.cell(week.report, 7, 40)
        assert [bar.n for bar in progress.in_work.values()] == [3, 7]
        assert {bar.pos for bar in progress.in_work.values()} == {-1, -2}
        progress.note(month)
        assert list(progress.in_work) == [week.report.title]
        assert progress.bar.n == 1
    told = terminal.getvalue()
    assert month.report.title in told
    assert "cell 3 of 40 " in told
    assert "cell 7 of 40 " in told
    assert "2 [" in told


def test_the_line_of_a_report_that_ended_is_used_again(checkout, terminal):
    """No more lines than reports in work are taken up."""
    month, week = outcome(checkout), outcome(checkout, "01/weekly")
    with Progress(2, home=checkout.home, stream=terminal, bars=terminal) as progress:
        progress.cell(month.report, 1, 40)
        progress.note(month)
        progress.cell(week.report, 1, 40)
        assert [bar.pos for bar in progress.in_work.values()] == [-1]


def test_a_log_holds_one_plain_line_per_report(checkout, capsys):
    """Where nobody looks, cells are not told, nothing moves, and each outcome is one line."""
    log = io.StringIO()
    done = outcome(checkout)
    with Progress(1, home=checkout.home, stream=log) as progress:
        progress.cell(done.report, 3, 40)
        progress.note(done)
    (line,) = log.getvalue().splitlines()
    assert line.startswith("good      01_user_lifecycle/monthly 2026-10 en 1.0 s")
    assert "\r" not in log.getvalue()
    assert capsys.readouterr() == ("", "")


def test_a_reports_process_tells_its_cells_in_order(checkout):
    """Every code cell is told before its outcome, with their number, that of the injected parameters among them."""
    told: list[tuple[str, int, int]] = []

    def watch(report, number, count):
        told.append((report.title, number, count))

    checkout.notebook("1 + 1", "2 + 2")
    made = list(outcomes([checkout.job()], at_once=1, engine="plain", watch=watch))
    assert [one.status for one in made] == ["good"], made
    assert told == [(made[0].report.title, number, 6) for number in range(1, 7)]


def test_the_command_prints_only_plain_lines_into_a_pipe(checkout):
    """`opsbook run` in a log: a line per report and the summary on stdout, no bar on stderr."""
    code, out, err = checkout.command("run", "01/monthly")
    assert code == 0, err
    assert len(out.splitlines()) == 2
    assert "\r" not in out + err


def test_building_a_mart_shows_its_steps_on_a_terminal():
    """A bar names the company and the step, and ends full."""
    terminal = Terminal()
    with Building("Lantern", stream=terminal) as building:
        for step in STEPS:
            building(step)
    told = terminal.getvalue()
    assert "building the mart of Lantern" in told
    assert "user_days" in told
    assert f"{len(STEPS)}/{len(STEPS)}" in told
    assert "done" in told


def test_a_build_that_fails_leaves_a_bar_that_says_so():
    """The bar does not end full when the check stopped the build."""
    terminal = Terminal()
    building = Building("Lantern", stream=terminal)
    building("reading")
    building.__exit__(RuntimeError, None, None)
    assert "failed" in terminal.getvalue()
    assert f"{len(STEPS)}/{len(STEPS)}" not in terminal.getvalue()


def test_building_a_mart_is_one_plain_line_in_a_log():
    """Where nobody looks, one line says that a mart is built, whatever its steps."""
    log = io.StringIO()
    with Building("Lantern", stream=log) as building:
        for step in STEPS:
            building(step)
    assert log.getvalue() == "building the mart of Lantern\n"


def test_a_mart_that_is_there_shows_nothing():
    """No step, no bar: the second start is silent."""
    terminal = Terminal()
    with Building("Lantern", stream=terminal):
        pass
    assert terminal.getvalue() == ""


def test_a_notebook_gets_a_bar_of_text_without_widgets(monkeypatch):
    """In a kernel the bar is text on stderr, which JupyterLab redraws and no report shows; no widget is asked for."""
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1)))
    before = set(sys.modules)
    log = io.StringIO()
    with Building("Lantern", stream=log) as building:
        building("reading")
    assert "\r" in log.getvalue()
    assert not {name for name in set(sys.modules) - before if "widget" in name or name.startswith("tqdm.notebook")}
