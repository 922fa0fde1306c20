"""The command line as a scheduler and a person see it: exit codes, lines, JSON, and stopping in good order."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from opsbook.errors import Locked
from opsbook.runs.cli import main
from opsbook.runs.command import exit_code
from opsbook.runs.folder import Folder
from opsbook.runs.run import Outcome

WAIT = "import os, pathlib, time; pathlib.Path('kernel.pid').write_text(str(os.getpid())); time.sleep(60)"


def wait_for(happened, seconds=40.0):
    """Wait until it has happened."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def lives(pid):
    """Whether the process exists and is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def kernel_of(checkout):
    """The process number that the notebook wrote down."""
    path = checkout.home / "kernel.pid"
    wait_for(lambda: path.is_file() and path.read_text(encoding="utf-8"))
    return int(path.read_text(encoding="utf-8"))


def test_a_good_run_exits_0_says_so_and_a_second_one_finds_it_fresh(checkout):
    """A log gets one plain line per report and a summary; nothing is made twice, until a parameter changes."""
    code, out, err = checkout.command("run", "01/monthly")
    assert (code, err) == (0, "")
    line, last = out.splitlines()
    assert line.startswith("good      01_user_lifecycle/monthly 2026-10 en ")
    assert line.endswith(" outputs/01_user_lifecycle/monthly/2026-10")
    assert last.startswith("1 good in ")
    assert last.endswith("outputs/index.html")
    code, out, _ = checkout.command("run", "01/monthly")
    assert (code, out.split()[0]) == (0, "fresh")
    code, out, _ = checkout.command("run", "01/monthly", "--set", "history=5")
    assert (code, out.split()[0]) == (0, "good")


def test_a_failed_report_exits_1_and_the_others_are_made(checkout):
    """One failing report does not stop the rest; several run side by side."""
    checkout.notebook("assert period != '2026-10'")
    code, out, _ = checkout.command("run", "--json", "--jobs", "2")
    told = json.loads(out)
    assert (code, told["exit_code"]) == (1, 1)
    assert {report["run"]: report["status"] for report in told["reports"]} == {"monthly": "failed", "weekly": "good"}
    assert "AssertionError" in next(report["message"] for report in told["reports"] if report["run"] == "monthly")


def test_a_misspelt_parameter_exits_2_before_any_kernel(checkout):
    """The error names the key that was meant; there is no traceback and no output folder."""
    checkout.run_file("01_user_lifecycle/monthly", "perod: 2026-09\n")
    code, out, err = checkout.command("run")
    assert (code, out) == (2, "")
    assert "`perod` (line 1) is not a known key, did you mean period" in err
    assert "Traceback" not in err
    assert not (checkout.home / "outputs").exists()


def test_refused_data_exit_3_and_make_nothing(checkout):
    """Data that break the contract stop every report of the company before any kernel."""
    code, out, _ = checkout.command("run", "01/monthly", OPSBOOK_TEST_REFUSE="1")
    assert code == 3
    assert "The data cannot be used" in out
    assert not checkout.october.exists()


def test_a_period_that_is_not_settled_exits_4(checkout):
    """A month that the data do not reach yet is not an error of anybody: try again later."""
    code, out, _ = checkout.command("run", "01/monthly", "--period", "2026-11")
    assert (code, out.split()[0]) == (4, "unsettled")


def test_a_period_before_the_data_exits_2(checkout):
    """A month that the data can never hold is a mistake in the request."""
    code, _, err = checkout.command("run", "01/monthly", "--period", "2026-06")
    assert code == 2
    assert "lies outside the data" in err


def test_a_held_report_exits_75(checkout):
    """While another run makes the report, the command says so and leaves it alone."""
    with Folder(checkout.home / "outputs", "01_user_lifecycle/monthly/2026-10").locked():
        code, out, _ = checkout.command("run", "01/monthly")
    assert (code, out.split()[0]) == (Locked.exit_code, "locked")


def test_two_runs_of_one_report_at_once_do_not_mix(checkout):
    """One of the two makes the report, the other finds it held or fresh; the folder is whole."""
    checkout.notebook("import time; time.sleep(1)")
    both = [checkout.start("run", "01/monthly") for _ in range(2)]
    told = sorted(process.communicate(timeout=120)[0].split()[0] for process in both)
    assert told in (["good", "locked"], ["fresh", "good"])
    assert sorted(path.name for path in checkout.october.iterdir()) == [
        "message.md",
        "message.txt",
        "notebook.ipynb",
        "report.html",
        "report.xlsx",
        "results.json",
        "run.json",
    ]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_command_leaves_no_kernel_and_nothing_half_written(checkout, number, code):
    """SIGTERM and Ctrl-C end the kernels at once and keep outputs/ clean."""
    checkout.notebook(WAIT)
    process = checkout.start("run", "01/monthly")
    kernel = kernel_of(checkout)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (code, "Interrupted; reports that were finished before are kept.\n")
    wait_for(lambda: not lives(kernel), 5)
    assert not checkout.october.exists()
    assert [path.name for path in (checkout.home / "outputs").rglob("*") if path.name in ("new", "old")] == []


def test_a_killed_command_takes_its_kernel_along(checkout):
    """Also when the command is killed without warning, no kernel keeps running."""
    checkout.notebook(WAIT)
    process = checkout.start("run", "01/monthly")
    kernel = kernel_of(checkout)
    process.kill()
    process.communicate(timeout=30)
    wait_for(lambda: not lives(kernel), 10)


def test_a_killed_report_process_is_a_failure_that_is_written_down(checkout):
    """When the process of a report is killed, its kernel goes too, and the command tells what happened."""
    checkout.notebook("import os, pathlib; pathlib.Path('maker.pid').write_text(str(os.getppid()))", WAIT)
    process = checkout.start("run", "01/monthly", "--engine", "warm")
    kernel = kernel_of(checkout)
    os.kill(int((checkout.home / "maker.pid").read_text(encoding="utf-8")), signal.SIGKILL)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out.split()[0]) == (1, "failed")
    assert "was killed by signal 9" in (checkout.october / "last-failure/error.txt").read_text(encoding="utf-8")
    wait_for(lambda: not lives(kernel), 10)


@pytest.mark.parametrize(
    ("codes", "worst"), [([0, 0], 0), ([0, 4], 4), ([4, 75], 75), ([75, 1], 1), ([1, 3], 3), ([], 0)]
)
def test_of_several_reports_the_worst_decides(codes, worst):
    """The stated order is 2, 3, 1, 75, 4, 0."""
    assert exit_code([Outcome("any", None, code) for code in codes]) == worst


def test_help_shows_examples_and_exit_codes():
    """Whoever types --help can schedule the command without reading more."""
    told = CliRunner().invoke(main, ["--help"]).output
    for word in ("Examples", "Exit codes", "opsbook run 01 --period 2026-10", "75", "list", "check", "demo", "index"):
        assert word in told


def test_a_misspelt_command_or_option_exits_2_with_a_suggestion():
    """A slip of the pen is answered with what was probably meant."""
    slip = CliRunner().invoke(main, ["rnu"])
    assert (slip.exit_code, "did you mean run?" in slip.output) == (2, True)
    assert CliRunner().invoke(main, ["run", "--perod", "2026-10"]).exit_code == 2


def test_list_shows_each_run_and_how_it_stands(checkout):
    """Companies, runs, the last good period and the state in columns, or as JSON."""
    checkout.notebook("assert period != '2026-09'")
    checkout.command("run", "01/monthly", "--from", "2026-09-01", "--to", "2026-10-31")
    code, out, _ = checkout.command("list")
    rows = [line.split(maxsplit=4) for line in out.splitlines()]
    assert (code, rows[0]) == (0, ["company", "notebook", "run", "last_good_period", "state"])
    assert rows[1] == ["shop", "01_user_lifecycle", "monthly", "2026-10", "failed since"]
    assert rows[2] == ["shop", "01_user_lifecycle", "weekly", "–", "never run"]
    _, out, _ = checkout.command("list", "--json")
    assert json.loads(out)[0]["state"] == "failed since"
