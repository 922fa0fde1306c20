"""`opsbook plan`: the plan page of a campaign from data before its first day, and the promise it leaves behind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from filelock import FileLock

from opsbook.errors import ParameterError
from opsbook.inputs import home as places
from opsbook.inputs import periods, registration
from opsbook.inputs.campaign_laws import refuse_unanswerable
from opsbook.inputs.earlier import with_earlier
from opsbook.inputs.home import RunFile
from opsbook.inputs.known_later import refuse_known_later
from opsbook.inputs.run_params import RUNS, CampaignRun, PlanRun
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.inputs.yaml_file import checked, read_yaml
from opsbook.runs import clock, manifest
from opsbook.runs.folder import HIDDEN
from opsbook.runs.plan import find_runs, read_run
from opsbook.runs.report import Report

NOTEBOOK = next(name for name, model in RUNS.items() if model is PlanRun)
REVIEW = next(name for name, model in RUNS.items() if model is CampaignRun)
WAIT_SECONDS = 60


def plans(
    home: Path, campaign: str, *, company: str, languages: Sequence[str], as_of: date | None, now: datetime
) -> list[Report]:
    """The plan page of one campaign file in each language; the data end on the eve of its first day at the latest.

    raises: ParameterError for an unknown campaign, one without dates, or a file that cannot be meant
    """
    folder = places.company_folder(home, company)
    workbook = read_workbook(places.workbook_path(home, folder))
    (file,) = find_runs(places.run_files(home, folder), f"{REVIEW}/{campaign}")
    about = with_earlier(read_run(home, file, {}), places.run_files(home, folder))
    if not isinstance(about, CampaignRun) or not (about.start and about.end):
        raise ParameterError("The campaign has no dates", fix="give `start` and `end`", where=file.path)
    refuse_known_later(about, workbook, where=file.path)
    refuse_unanswerable(about, workbook, lines=read_yaml(file.path)[1], where=file.path)
    known = as_of or about.as_of or workbook.as_of or periods.yesterday(workbook.zone, now)
    eve = min(known, about.start - timedelta(days=1))
    spoken = ["en", "zh"] if "all" in languages else list(languages) or [about.language or workbook.language]
    day = _standing_since(home, about, workbook) or now.date()
    return [_report(home, file, about, workbook, language, eve, day) for language in spoken]


def register(report: Report) -> None:
    """Write down what the published plan promises, below what was promised before; the same promise is kept once."""
    if report.notebook != NOTEBOOK:
        return
    run = checked(PlanRun, report.parameters, where=str(report.where))
    assert run.campaign is not None
    path = registration.place(report.home, report.company_key, run.campaign_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    (report.home / "outputs" / HIDDEN).mkdir(parents=True, exist_ok=True)
    with FileLock(report.home / "outputs" / HIDDEN / "registrations.lock", timeout=WAIT_SECONDS):
        before = registration.versions(report.home, report.company_key, run.campaign_id)
        if registration.standing(before, run.campaign):
            return
        day = (run.registered_on or clock.now().date()).isoformat()
        entry = {"registered_on": day, "as_of": str(report.as_of), "promised": registration.promised(run.campaign)}
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        draft.write_bytes(manifest.as_bytes({"campaign_id": run.campaign_id, "versions": [*before, entry]}))
        draft.replace(path)


def _standing_since(home: Path, about: CampaignRun, workbook: Workbook) -> date | None:
    """The day on which this very promise was registered; None where it is new or was changed."""
    before = registration.versions(home, workbook.company.key, about.campaign_id)
    kept = registration.standing(before, about)
    return date.fromisoformat(kept["registered_on"]) if kept else None


def _report(
    home: Path, file: RunFile, about: CampaignRun, workbook: Workbook, language: str, eve: date, day: date
) -> Report:
    assert about.start
    assert about.end
    told = about.model_dump(mode="json", exclude_none=True, by_alias=True)
    parameters = {"company": file.company, "period": "", "language": language, "as_of": str(eve)}
    parameters["registered_on"] = str(day)
    return Report(
        home=home,
        company=file.company,
        company_key=workbook.company.key,
        notebook=NOTEBOOK,
        run=file.run,
        period=periods.between(about.start, about.end),
        language=language,
        house_language=workbook.language,
        parameters=parameters | {"campaign_id": about.campaign_id, "campaign": told, "power": 0.8},
        as_of=eve,
        as_of_stated=True,
        seed=workbook.seed,
        settling_days=0,
        where=file.path,
    )
