"""Every report in outputs/, read from the records beside it: the index and `opsbook list` are views of this."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opsbook.runs import manifest
from opsbook.runs.folder import HIDDEN, LAST_FAILURE

ALSO = ("report.pdf", "report.xlsx")


@dataclass(frozen=True)
class Entry:
    """One report folder: a good report, the mark of a later failure, or both."""

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
    also: tuple[str, ...] = ()  # files of ALSO that lie beside the page

    def as_json(self) -> dict[str, Any]:
        """The entry as index.json holds it."""
        return asdict(self)


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
    verdict = _verdict(folder) if good else {}
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
        also=tuple(name for name in ALSO if good and (folder / name).is_file()),
    )


def _verdict(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "results.json").read_text(encoding="utf-8")).get("verdict")
    except (OSError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_guest(entry: Entry) -> bool:
    """Whether the report is of a company other than the default one, whose reports lie directly below outputs/."""
    return entry.folder.startswith(f"{entry.company}/")
