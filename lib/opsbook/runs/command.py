"""What `opsbook run` does: plan, look at the data once per company, then make what is not fresh."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from opsbook.errors import FAILED, GOOD, LOCKED, REFUSED, UNSETTLED, USAGE, OperatorError, ParameterError
from opsbook.inputs.home import workbook_path
from opsbook.inputs.workbook import read_workbook
from opsbook.runs import clock, crew, manifest, memory
from opsbook.runs.engine_choice import chosen
from opsbook.runs.execution import Limits
from opsbook.runs.fingerprints import fingerprints
from opsbook.runs.index import rebuild
from opsbook.runs.plan import Wish, plan
from opsbook.runs.progress import Progress, summary
from opsbook.runs.report import Report
from opsbook.runs.run import Job, Outcome, refused, with_memory

WORST_FIRST = (USAGE, REFUSED, FAILED, LOCKED, UNSETTLED, GOOD)
STATUS = {USAGE: "refused", REFUSED: "refused", UNSETTLED: "unsettled", LOCKED: "locked", FAILED: "failed"}


@dataclass(frozen=True)
class Way:
    """How to run: processes at once, engine, limits, and whether to make what is fresh again."""

    at_once: int | None = None
    engine: str = "auto"
    limits: Limits = field(default_factory=Limits)
    force: bool = False


def in_silence(report: Report, cell: int, cells: int) -> None:
    """Show nothing of a report in work."""


def run(reports: Sequence[Report], way: Way, *, watch: crew.Watch = in_silence) -> Generator[Outcome]:
    """The outcome of every report as it is known: first those not started and the fresh ones, then the made ones.

    watch: told the report in work, its code cell that begins and their number

    raises: ParameterError before any kernel when a period lies outside the data.
    """
    jobs, turned_away = _jobs(reports, way)
    yield from turned_away
    due: list[Job] = []
    for job in sorted(jobs, key=_review_order):
        if not way.force and _settled_and_fresh(job, due):
            yield Outcome("fresh", job.report)
        else:
            due.append(job)
    if due:
        at_once = min(way.at_once or os.cpu_count() or 1, len(due))
        engine = chosen(way.engine, reports=len(due))
        yield from crew.outcomes(due, at_once=at_once, engine=engine, watch=watch)


def _settled_and_fresh(job: Job, due: Sequence[Job]) -> bool:
    """Fresh, no review before it is due, and no old failure beside it that its own process has to clear away."""
    if job.report.folder.failure.exists() or any(memory.waits_for(job.report, other.report) for other in due):
        return False
    return manifest.is_fresh(job.report.folder, with_memory(job).fingerprints)


def _review_order(job: Job) -> str:
    """Reviews last and by their campaign's start, so that each finds the ones before it in the memory."""
    return str(job.report.parameters["start"]) if memory.is_review(job.report) else ""


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The worst of several: 2 before 3 before 1 before 75 before 4 before 0."""
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in WORST_FIRST if code in codes), GOOD)


def _jobs(reports: Sequence[Report], way: Way) -> tuple[list[Job], list[Outcome]]:
    jobs: list[Job] = []
    turned_away: list[Outcome] = []
    for (company, _), of_mart in _by_mart(reports).items():
        workbook = read_workbook(workbook_path(of_mart[0].home, company))
        try:
            mart = _mart(workbook, of_mart[0])
        except ParameterError:
            raise
        except OperatorError as error:
            turned_away += [refused(report, error, status=STATUS[error.exit_code]) for report in of_mart]
            continue
        for report in of_mart:
            _refuse_missing_units(workbook, report)
            if found := _objection(report, mart):
                turned_away.append(refused(report, found, status=STATUS[found.exit_code]))
                continue
            prints = fingerprints(report, workbook=workbook, inputs=mart.inputs)
            jobs.append(Job(report, prints, mart.inputs, way.limits, way.force))
    return jobs, turned_away


def _by_mart(reports: Sequence[Report]) -> dict[tuple[str, Any], list[Report]]:
    groups: dict[tuple[str, Any], list[Report]] = {}
    for report in reports:
        groups.setdefault((report.company, report.as_of), []).append(report)
    return groups


def _mart(workbook: Any, report: Report) -> Any:
    from opsbook.runs.data import ready

    return ready(workbook, home=report.home, as_of=report.as_of)


def _objection(report: Report, data: Any) -> OperatorError | None:
    from opsbook.runs.settled import objection

    found = objection(report, data_start=data.start, data_through=data.through)
    if isinstance(found, ParameterError):
        raise found
    return found


def _refuse_missing_units(workbook: Any, report: Report) -> None:
    """Only a campaign that names treated units has the mart opened once more for it."""
    if report.parameters.get("units"):
        from opsbook.runs.data import refuse_missing_units

        refuse_missing_units(workbook, report)


def run_command(home: Path, **options: Any) -> int:
    """Plan, run and report; returns the exit code. Options are those of the command line."""
    out = sys.stderr if options["as_json"] else sys.stdout
    program = _browser() if options["pdf"] else ""
    reports = plan(home, _wish(options), now=clock.now())
    outcomes, index = _made(home, reports, _way(options), out)
    codes = {exit_code(outcomes), _print(outcomes, program, home, out) if program else GOOD}
    code = next(worst for worst in WORST_FIRST if worst in codes)
    if options["as_json"]:
        print(json.dumps(_as_json(outcomes, code, home, index), ensure_ascii=False))
    return code


def _browser() -> str:
    """Looked for before anything runs: a command that cannot do what it was asked for starts no kernel."""
    from opsbook.runs.chromium import browser

    return browser(os.environ)


def _print(outcomes: Sequence[Outcome], program: str, home: Path, out: TextIO) -> int:
    """The good reports as PDF; a page that cannot be printed is told and costs no report."""
    from opsbook.runs.printing import print_all

    folders = [outcome.report.folder for outcome in outcomes if outcome.status in ("good", "fresh")]
    try:
        for line in print_all(folders, program, os.environ, home=home):
            print(line, file=out)
    except OperatorError as failure:
        print(f"error: {failure}", file=sys.stderr)
        return failure.exit_code
    return GOOD


def make_reports(home: Path, reports: Sequence[Report], force: bool) -> int:
    """Make these reports and say how it went; returns the exit code."""
    outcomes, _index = _made(home, reports, Way(force=force), sys.stdout)
    return exit_code(outcomes)


def _made(home: Path, reports: Sequence[Report], way: Way, out: TextIO) -> tuple[list[Outcome], Path]:
    started, outcomes = clock.now(), []
    try:
        progress = Progress(len(reports), home=home, stream=out)
        with progress, closing(run(reports, way, watch=progress.cell)) as running:
            for outcome in running:
                outcomes.append(outcome)
                progress.note(outcome)
    finally:
        index = rebuild(home)
    seconds = (clock.now() - started).total_seconds()
    print(summary(outcomes, seconds=seconds, index=index, home=home), file=out)
    return outcomes, index


def _wish(options: Mapping[str, Any]) -> Wish:
    return Wish(**{name: options[name] for name in Wish.__dataclass_fields__})


def _way(options: Mapping[str, Any]) -> Way:
    limits = Limits(cell_seconds=options["cell_timeout"], total_seconds=options["timeout"])
    return Way(options["jobs"], options["engine"], limits, options["force"])


def _as_json(outcomes: Sequence[Outcome], code: int, home: Path, index: Path) -> dict[str, Any]:
    return {
        "schema": "opsbook.command/1",
        "exit_code": code,
        "index": str(index.relative_to(home)),
        "reports": [
            {
                "status": outcome.status,
                "company": outcome.report.company_key,
                "notebook": outcome.report.notebook,
                "run": outcome.report.run,
                "period": outcome.report.period.label,
                "language": outcome.report.language,
                "seconds": round(outcome.seconds, 2),
                "folder": f"outputs/{outcome.report.name}",
                "message": outcome.message,
            }
            for outcome in outcomes
        ],
    }
