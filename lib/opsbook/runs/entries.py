"""Every report in outputs/, read from the records beside it: the index and `opsbook list` are views of this."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from opsbook.runs import manifest
from opsbook.runs.folder import HIDDEN, LAST_FAILURE

SHOWN_CARDS = 6  # as many as the first screen of a report shows
ALSO = ("report.pdf", "report.xlsx")


@dataclass(frozen=True)
class Entry:
    """One report folder: a good report, the mark of a later failure, or both.

    made_at, failed_at: instants of the last good and of a later failed attempt, "" where there was none; as_of: last
    day of data of the good report; numbers: its headline numbers as results.json holds them, those on cards only
    """

    folder: str
    company: str
    notebook: str
    run: str
    period: str
    period_start: str
    period_end: str
    language: str
    good: bool
    verdict_status: str
    verdict: str
    made_at: str
    failed_at: str
    failure: str
    period_kind: str = "range"
    as_of: str = ""
    campaign: str = ""
    campaign_name: str = ""
    failure_notebook: bool = False
    numbers: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def run_key(self) -> tuple[str, str, str]:
        """What is run again period by period: company, notebook, run."""
        return self.company, self.notebook, self.run

    also: tuple[str, ...] = ()  # files of ALSO that lie beside the page

    def as_json(self) -> dict[str, Any]:
        """The entry as index.json holds it, without the numbers, which stand in its results.json."""
        told = asdict(replace(self, numbers=()))
        del told["numbers"], told["failure_notebook"]
        return told | {"last_good": told.pop("made_at"), "last_failed": told.pop("failed_at")}


def entries(outputs: Path) -> list[Entry]:
    """One entry per report folder, by company, notebook, run, then the newest period first, then language."""
    found = [entry for folder in sorted(_folders(outputs)) if (entry := _entry(outputs, folder))]
    found.sort(key=lambda entry: (entry.period_end, entry.period_start), reverse=True)
    return sorted(found, key=lambda entry: (_is_guest(entry), entry.company, entry.notebook, entry.run))


def _folders(outputs: Path) -> Iterator[Path]:
    """Folders with a record: [company/]notebook/run/period, hidden work in progress left out."""
    for depth in ("*/*/*", "*/*/*/*"):
        for folder in outputs.glob(depth):
            hidden = folder.relative_to(outputs).parts[0] == HIDDEN or folder.name == LAST_FAILURE
            if not hidden and any((place / manifest.NAME).is_file() for place in (folder, folder / LAST_FAILURE)):
                yield folder


def _entry(outputs: Path, folder: Path) -> Entry | None:
    good, failure = manifest.read(folder), manifest.read(folder / LAST_FAILURE)
    record = good or failure
    if record is None:
        return None
    results = _results(folder) if good else {}
    told = results.get("verdict")
    verdict = told if isinstance(told, dict) else {}
    campaign, campaign_name = _campaign(record)
    return Entry(
        folder=folder.relative_to(outputs).as_posix(),
        company=record["company"],
        notebook=record["notebook"],
        run=record["run"],
        period=record["period"]["label"],
        period_start=record["period"]["start"],
        period_end=record["period"]["end"],
        language=record["language"],
        good=good is not None,
        verdict_status=str(verdict.get("status", "")),
        verdict=str(verdict.get("sentence", "")),
        made_at=good["finished_at"] if good else "",
        failed_at=failure["finished_at"] if failure else "",
        failure=failure["problem"] if failure else "",
        period_kind=record["period"]["kind"],
        as_of=good["as_of"] if good else "",
        campaign=campaign,
        campaign_name=campaign_name,
        failure_notebook="notebook.ipynb" in (failure or {}).get("files", {}),
        also=tuple(name for name in ALSO if good and (folder / name).is_file()),
        numbers=_cards(results),
    )


def _results(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "results.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _cards(results: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The numbers of the first screen; of results that do not say which those are, the first ones."""
    numbers = results.get("numbers")
    found = [number for number in numbers if isinstance(number, dict)] if isinstance(numbers, list) else []
    return tuple(number for number in found if number.get("card", True))[:SHOWN_CARDS]


def _campaign(record: Mapping[str, Any]) -> tuple[str, str]:
    """Id and name of the campaign that a review or plan is about, in the report's language; "" for other notebooks."""
    told = record["parameters"]
    key = str(told.get("campaign_id", ""))
    about = told.get("campaign") if isinstance(told.get("campaign"), dict) else told
    own = about.get("name_zh") if record["language"] == "zh" else about.get("name")
    return key, str(own or about.get("name") or key) if key else ""


def _is_guest(entry: Entry) -> bool:
    """Whether the report is of a company other than the default one, whose reports lie directly below outputs/."""
    return entry.folder.startswith(f"{entry.company}/")
