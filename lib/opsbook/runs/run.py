"""Make one report: lock, look whether it is fresh, execute, judge, render, put in place."""

from __future__ import annotations

import io
import json
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from opsbook.errors import FAILED, GOOD, OperatorError
from opsbook.inputs.parameter_cell import read_source
from opsbook.runs import clock, draws, looks, manifest, memory, planning, risk_lists, truth
from opsbook.runs.execution import Execution, Limits
from opsbook.runs.exports import exported
from opsbook.runs.notebook import hide_paths, prepared, record
from opsbook.runs.report import Report
from opsbook.runs.truth import Problem


@dataclass(frozen=True)
class Job:
    """A report and what the command knows about its surroundings."""

    report: Report
    fingerprints: dict[str, str]
    inputs: dict[str, Any]
    limits: Limits = field(default_factory=Limits)
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """How one report ended: good, fresh, failed, locked, refused or unsettled."""

    status: str
    report: Report
    exit_code: int = GOOD
    seconds: float = 0.0
    message: str = ""


def make(job: Job, execution: Execution | None = None) -> Outcome:
    """Make the report unless it is fresh; a failure is an outcome, and leaves the previous good report alone.

    raises: Locked when another process is making the same report.
    """
    with job.report.folder.locked():
        known = with_memory(job)
        if not job.force and manifest.is_fresh(job.report.folder, known.fingerprints):
            job.report.folder.forget_failure()
            return Outcome("fresh", job.report)
        return _made(known, execution or Execution(notebook=None))


def with_memory(job: Job) -> Job:
    """The job with what it now depends on of reviews made before it, some of them perhaps in this very batch."""
    return replace(job, fingerprints=job.fingerprints | memory.fingerprint(job.report))


def _made(job: Job, execution: Execution) -> Outcome:
    from opsbook.runs.engine import execute

    report, started = job.report, clock.now()
    source = read_source(report.home / "notebooks" / f"{report.notebook}.ipynb")
    ready = prepared(source, language=report.language, parameters=report.parameters)
    execute(ready, execution, home=report.home, limits=job.limits)
    problem = truth.problem(execution.notebook, ended=execution.ended, alive=execution.alive)
    if problem is None:
        try:
            files = good_files(report, execution.notebook)
            files |= exported(report, json.loads(files["results.json"]))
            report.folder.publish(_with_manifest(job, files, "good", started, engine=execution.engine))
            draws.register(report, files, below=risk_lists.FOLDER)
            memory.remember(report, files)
            planning.register(report)
            looks.register(report, files)
        except Exception as broken:
            problem = Problem(f"The page could not be made: {broken}", traceback=traceback.format_exc())
    seconds = (clock.now() - started).total_seconds()
    if problem is None:
        return Outcome("good", report, seconds=seconds)
    return failed(job, problem, started=started, execution=execution)


def failed(job: Job, problem: Problem, *, started: datetime, execution: Execution | None = None) -> Outcome:
    """Keep what is known about the failure under last-failure/; a full disk must not hide the failure itself."""
    report = job.report
    files = {"error.txt": hide_paths(str(problem), report.home).encode()}
    if execution is not None:
        files["notebook.ipynb"] = manifest.as_bytes(record(execution.notebook, home=report.home))
    message = problem.sentence
    try:
        report.folder.publish_failure(_with_manifest(job, files, "failed", started, problem=message))
    except OSError as unwritable:
        message = f"{message} (and the failure could not be written down: {unwritable})"
    seconds = (clock.now() - started).total_seconds()
    return Outcome("failed", report, FAILED, seconds, message)


def good_files(report: Report, notebook: Mapping[str, Any]) -> dict[str, bytes]:
    """Every file of a good report but its run.json: equal executions give equal bytes."""
    from opsbook.page.export import report_html
    from opsbook.page.message import message
    from opsbook.page.results import read_results, read_tables, strip_tables
    from opsbook.page.workbook_file import workbook_bytes

    results = read_results(notebook)
    if results is None:
        raise OperatorError("The results object is not one of this version", fix="end the notebook with page.finish()")
    files = {"results.json": manifest.as_bytes(results | {"run": report.run})}
    tables = read_tables(notebook)
    files["report.xlsx"] = workbook_bytes(notebook, results, tables, language=report.language)
    for name, table in tables.items():
        files[f"tables/{name}.parquet"] = _parquet(table)
        files[f"tables/{name}.csv"] = table.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
    kept = record(strip_tables(notebook), home=report.home)
    files["notebook.ipynb"] = manifest.as_bytes(kept)
    for ending in ("txt", "md"):
        told = message(kept, language=report.language, markdown=ending == "md")
        files[f"message.{ending}"] = told.encode()
    return files | {"report.html": report_html(kept).encode()}


def refused(report: Report, error: OperatorError, *, status: str) -> Outcome:
    """The outcome of a report that was not even started."""
    return Outcome(status, report, error.exit_code, message=str(error))


def _with_manifest(job: Job, files: dict[str, bytes], status: str, started: datetime, **more: str) -> dict[str, bytes]:
    told = manifest.manifest(
        job.report,
        status=status,
        fingerprints=job.fingerprints,
        inputs=job.inputs,
        files=files,
        started=started,
        finished=clock.now(),
        **more,
    )
    return files | {manifest.NAME: manifest.as_bytes(told)}


def _parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()
