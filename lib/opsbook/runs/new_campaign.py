"""`opsbook new campaign`: a campaign file with every field explained, on its own or after an earlier campaign."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from opsbook.inputs import home as places
from opsbook.inputs.campaign_laws import refuse_unanswerable
from opsbook.inputs.periods import yesterday
from opsbook.inputs.run_params import RUNS, CampaignRun
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.inputs.yaml_file import checked, read_text
from opsbook.runs import option_lines, scaffold
from opsbook.runs.plan import find_runs, read_run

NOTEBOOK = next(name for name, model in RUNS.items() if model is CampaignRun)
USUAL_DAYS, AHEAD_DAYS = 14, 14
OWN = {"campaign_id", "name", "name_zh", "earlier", "others", "lessons", "decisions", "as_of", "company", "period"}


def new_campaign(
    home: Path, name: str, *, company: str, like: str, start: date | None, dry_run: bool, now: datetime
) -> str:
    """Write params/[company/]03_campaign_review/<name>.yaml, and say so with the next commands.

    start: first day; by default a Monday about two weeks ahead
    like: an earlier campaign of the company whose settings are taken over, its days moved to the new start
    raises: ParameterError for names that cannot be used or are unknown, or when the file is there
    """
    scaffold.checked_name(name, what="campaign")
    folder = places.workbook_path(home, company).parent
    workbook = read_workbook(folder / "workbook.yaml")
    begins = start or _monday(yesterday(workbook.zone, now) + timedelta(days=AHEAD_DAYS))
    settings = _settings(home, company, like, name, begins) if like else {}
    text = campaign_text(name, begins, settings)
    path = folder / NOTEBOOK / f"{name}.yaml"
    _refuse_unusable(text, workbook, path)
    told = scaffold.write({path: text}, home=home, dry_run=dry_run)
    option = f" --company {company}" if company else ""
    return f"{told}\nnext: opsbook plan {name}{option}    then, after it: opsbook run {NOTEBOOK}/{name}{option}"


def campaign_text(name: str, begins: date, settings: Mapping[str, Any]) -> str:
    """The template for a campaign that begins on this day, with these settings laid over it."""
    days = {"start": begins, "second": begins + timedelta(days=1), "end": begins + timedelta(days=USUAL_DAYS - 1)}
    words = {key: day.isoformat() for key, day in days.items()}
    text = scaffold.template("campaign.yaml", name=name, title=scaffold.readable(name), **words)
    return option_lines.with_values(text, settings)


def _settings(home: Path, company: str, like: str, name: str, begins: date) -> dict[str, Any]:
    """What the earlier campaign's file says and a new campaign can take over, its days moved to the new start."""
    (file,) = find_runs(places.run_files(home, company), f"{NOTEBOOK}/{like}")
    earlier = read_run(home, file, {})
    assert isinstance(earlier, CampaignRun)
    said = earlier.model_dump(exclude_unset=True, exclude_none=True, by_alias=True, exclude=OWN)
    moved = begins - earlier.start if earlier.start else timedelta(0)
    settings: dict[str, Any] = _moved(said, moved)
    return settings | ({"experiment_id": name} if settings.get("experiment_id") else {})


def _moved(value: Any, by: timedelta) -> Any:
    """The value with every day in it moved, tuples as lists, 9000.0 as 9000."""
    if isinstance(value, date):
        return value + by
    if isinstance(value, Mapping):
        return {key: _moved(part, by) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(part, by) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse_unusable(text: str, workbook: Workbook, path: Path) -> None:
    content, lines = read_text(text, where=path)
    run = checked(CampaignRun, content, where=path, lines=lines)
    refuse_unanswerable(run, workbook, lines=lines, where=path)


def _monday(day: date) -> date:
    return day + timedelta(days=-day.weekday() % 7)
