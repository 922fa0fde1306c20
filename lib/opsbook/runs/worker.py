"""The process that makes one report: started fresh, or forked from a process that has imported everything."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from dataclasses import dataclass
from multiprocessing import connection, parent_process

from opsbook.errors import FAILED, OperatorError
from opsbook.runs.errors_shown import wants_traceback
from opsbook.runs.execution import Execution
from opsbook.runs.run import Job, Outcome, make


@dataclass(frozen=True)
class Cell:
    """What a report's process says on the way: code cell number `number` of `count` begins."""

    number: int
    count: int


def main(job: Job, answer: connection.Connection, *, warm: bool) -> None:
    """Make the report, sending each Cell as it begins and at last the Outcome.

    With `warm` the kernel is forked first, before any thread exists.
    """
    execution = Execution(notebook=None, watch=lambda cell, cells: answer.send(Cell(cell, cells)))
    if warm:
        from opsbook.runs.warm import waiting_kernel

        execution.manager = waiting_kernel()
    _die_tidily(execution)
    answer.send(outcome(job, execution))
    answer.close()


def outcome(job: Job, execution: Execution | None = None) -> Outcome:
    """Make the report; whatever goes wrong becomes an Outcome."""
    try:
        return make(job, execution)
    except OperatorError as error:
        status = "locked" if error.exit_code == 75 else "failed"
        return Outcome(status, job.report, error.exit_code, message=error.problem)
    except Exception as error:
        told = traceback.format_exc() if wants_traceback() else f"{type(error).__name__}: {error}"
        return Outcome("failed", job.report, FAILED, message=told)


def _die_tidily(execution: Execution) -> None:
    """Take the kernel along when this process is told to stop, or when the command that started it is gone."""

    def stop(*_: object) -> None:
        execution.kill()
        os._exit(128 + signal.SIGTERM)

    def watch() -> None:
        if parent := parent_process():
            connection.wait([parent.sentinel])
            stop()

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=watch, daemon=True).start()
    sys.stdout.flush()
