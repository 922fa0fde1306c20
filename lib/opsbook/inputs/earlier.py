"""The campaign of the same type before this one, found among the company's campaign files."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs.campaign import Earlier, Other
from opsbook.inputs.home import RunFile
from opsbook.inputs.run_params import RUNS, CampaignRun, PlanRun, Run
from opsbook.inputs.yaml_file import checked, read_yaml

KEPT = tuple(Earlier.model_fields)
AROUND = 28


def with_earlier(run: Run, files: Iterable[RunFile]) -> Run:
    """The run, with the last campaign of its type that ended before it started, unless it names one or there is none.

    The earlier campaign becomes a parameter, so that a report depends on nothing but its data and its parameters.
    """
    if isinstance(run, PlanRun) and run.campaign:
        return run.model_copy(update={"campaign": with_earlier(run.campaign, files)})
    if not isinstance(run, CampaignRun) or run.earlier is not None or not (run.start and run.campaign_id):
        return run
    found = [told for file in files if RUNS.get(file.notebook) is CampaignRun and (told := _told(file.path))]
    before = [told for told in found if told["type"] == run.type and _day(told, "end") < run.start]
    if not before:
        return run
    last = max(before, key=lambda told: (_day(told, "end"), _day(told, "start"), str(told["campaign_id"])))
    known = {name: last[name] for name in KEPT if last.get(name) not in (None, "")}
    return run.model_copy(update={"earlier": checked(Earlier, known)})


def with_others(run: Run, files: Iterable[RunFile]) -> Run:
    """The run with the company's other campaigns of the days its curve shows, unless it names some.

    Two campaigns at once is the first thing a reader has to know of a curve; they become parameters like `earlier`.
    """
    if not isinstance(run, CampaignRun) or run.others or not (run.start and run.end):
        return run
    first, last = run.start - timedelta(days=AROUND), run.end + timedelta(days=run.after_days)
    found = [told for file in files if RUNS.get(file.notebook) is CampaignRun and (told := _told(file.path))]
    near = [told for told in found if _day(told, "start") <= last and _day(told, "end") >= first]
    own = sorted(near, key=lambda told: (_day(told, "start"), str(told["campaign_id"])))
    names = tuple(Other.model_fields)
    others = [{name: told[name] for name in names if told.get(name)} for told in own]
    kept = [checked(Other, told) for told in others if str(told["campaign_id"]) != run.campaign_id]
    return run.model_copy(update={"others": kept})


def _told(path: Path) -> dict[str, Any] | None:
    """The file's content, when it names a campaign and its two days; a broken file is an error of its own run."""
    try:
        told = _read(path, path.stat().st_mtime_ns)
        _day(told, "start"), _day(told, "end")
    except (ParameterError, ValueError, KeyError, OSError):
        return None
    return told | {"type": told.get("type") or "other"} if told.get("campaign_id") else None


@lru_cache(maxsize=256)
def _read(path: Path, changed: int) -> dict[str, Any]:
    """Read once for all reports of a command; `changed` tells versions of the file apart."""
    return read_yaml(path)[0]


def _day(told: dict[str, Any], name: str) -> date:
    return date.fromisoformat(str(told[name]))
