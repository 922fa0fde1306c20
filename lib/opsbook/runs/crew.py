"""Several reports at a time, each in a process of its own; the command stays responsive and can stop them all."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import connection
from multiprocessing.context import BaseContext
from typing import Any

from opsbook.errors import OperatorError
from opsbook.runs import clock, memory, worker
from opsbook.runs.engine_choice import PLAIN, WARM
from opsbook.runs.execution import ONE_THREAD
from opsbook.runs.report import Report
from opsbook.runs.run import Job, Outcome, failed
from opsbook.runs.truth import Problem
from opsbook.runs.worker import Cell

PATIENCE_SECONDS = 5.0
Watch = Callable[[Report, int, int], None]
PRELOAD = {
    PLAIN: ["opsbook.runs.worker", "opsbook.runs.engine", "opsbook.page.export", "opsbook.page.results"],
    WARM: ["opsbook.runs.preload"],
}


@dataclass
class _Member:
    """One running report: its process and the pipe its outcome comes through."""

    job: Job
    process: Any
    answer: connection.Connection
    started: datetime


def outcomes(jobs: Sequence[Job], *, at_once: int, engine: str, watch: Watch) -> Iterator[Outcome]:
    """The outcome of every job as it ends; closing the iterator stops what still runs.

    watch: told the report, its code cell that begins and their number

    A review waits for those of campaigns that were over before its own began; other jobs go first meanwhile.
    """
    waiting = list(jobs)
    running: list[_Member] = []
    with _surroundings(engine) as context:
        try:
            while waiting or running:
                while len(running) < at_once and (ready := _ready(waiting, running)):
                    waiting.remove(ready)
                    running.append(_start(ready, context, engine))
                connection.wait([member.process.sentinel for member in running] + [m.answer for m in running])
                heard = [member for member in running if member.answer.poll() or not member.process.is_alive()]
                for member in heard:
                    told = _heard(member)
                    if isinstance(told, Cell):
                        watch(member.job.report, told.number, told.count)
                        continue
                    running.remove(member)
                    yield told
        finally:
            _stop(running)


def _ready(waiting: Sequence[Job], running: Sequence[_Member]) -> Job | None:
    """The first job that waits for no other; days are ordered, so with nothing running there is one."""
    unfinished = [*waiting, *(member.job for member in running)]
    free = (job for job in waiting if not any(memory.waits_for(job.report, other.report) for other in unfinished))
    return next(free, None)


def _start(job: Job, context: Any, engine: str) -> _Member:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=worker.main, args=(job, theirs), kwargs={"warm": engine == WARM})
    process.start()
    theirs.close()
    return _Member(job, process, ours, clock.now())


def _heard(member: _Member) -> Outcome | Cell:
    """What the process said; if it died without a last word, a failure that says so."""
    try:
        told: Outcome | Cell = member.answer.recv()
    except EOFError:
        member.process.join()
        told = _lost(member)
    if isinstance(told, Cell):
        return told
    member.process.join()
    member.answer.close()
    return told


def _lost(member: _Member) -> Outcome:
    code = member.process.exitcode
    ending = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    problem = Problem(f"The process that made the report {ending} (running out of memory is the usual cause)")
    try:
        with member.job.report.folder.locked():
            return failed(member.job, problem, started=member.started)
    except OperatorError:
        return Outcome("failed", member.job.report, 1, message=problem.sentence)


def _stop(members: Sequence[_Member]) -> None:
    for member in members:
        member.process.terminate()
    for member in members:
        member.process.join(PATIENCE_SECONDS)
        if member.process.is_alive():
            member.process.kill()
            member.process.join()
        member.job.report.folder.tidy()


@contextmanager
def _surroundings(engine: str) -> Iterator[BaseContext]:
    """How processes start: forked from a prepared server on Linux, spawned elsewhere; one seed of hashes in all."""
    fixed = dict.fromkeys(ONE_THREAD, "1") | {"PYTHONHASHSEED": "0", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
    before = {name: os.environ.pop(name, None) for name in (*fixed, "MPLBACKEND")}
    os.environ.update(fixed)
    try:
        if sys.platform != "linux":
            yield multiprocessing.get_context("spawn")
        else:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(PRELOAD[engine])
            yield context
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
