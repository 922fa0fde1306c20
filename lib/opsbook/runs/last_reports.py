"""Which reports in outputs/ a person means by the targets of `opsbook run`: the last good one of each run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from opsbook.errors import ParameterError
from opsbook.inputs import home as places
from opsbook.inputs import periods
from opsbook.inputs.home import RunFile
from opsbook.inputs.periods import Period
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.runs.entries import Entry, entries
from opsbook.runs.plan import EVERY, Wish, companies, read_run, wanted


@dataclass(frozen=True)
class Last:
    """A run in one language: its last good report, and a failure that came after it; None where there is none."""

    company: str
    notebook: str
    run: str
    language: str
    good: Entry | None
    failed: Entry | None

    @property
    def title(self) -> str:
        """The run as a log line names it."""
        period = f" {self.good.period}" if self.good else ""
        return f"{self.company} {self.notebook}/{self.run}{period} {self.language}"


def last_reports(home: Path, wish: Wish, *, now: datetime) -> list[Last]:
    """Every run the wish means in every language it means; without a target only those that have been tried.

    raises: ParameterError for what nobody ever ran or wrote down, and when nothing at all is left.
    """
    made = entries(home / "outputs")
    found = [last for company in companies(home, wish) for last in _of_company(home, company, made, wish, now)]
    kept = [last for last in found if wish.targets or last.good or last.failed]
    if not kept:
        raise ParameterError("There is no report yet", fix="make one with `opsbook run`", where=home / "outputs")
    return kept


def good_report(home: Path, wish: Wish, *, now: datetime) -> Path:
    """The folder of the one good report the wish means, of several the one whose period ends last.

    raises: ParameterError when there is none.
    """
    good = [last.good for last in last_reports(home, wish, now=now) if last.good]
    if not good:
        asked = ", ".join(wish.targets)
        raise ParameterError("There is no good report", found=asked, fix="see `opsbook list`", where=home / "outputs")
    return home / "outputs" / max(good, key=lambda entry: (entry.period_end, entry.made_at)).folder


def _of_company(home: Path, company: str, made: Sequence[Entry], wish: Wish, now: datetime) -> Iterator[Last]:
    workbook = read_workbook(places.workbook_path(home, company))
    own = [entry for entry in made if entry.company == workbook.company.key]
    for file in wanted(_known(home, company, own), wish, lenient=EVERY in wish.companies):
        of_run = [entry for entry in own if (entry.notebook, entry.run) == (file.notebook, file.run)]
        asked = _asked(file, workbook, wish, now)
        of_period = [e for e in of_run if asked is None or (e.period_start, e.period_end) == asked]
        for language in _languages(home, file, workbook, wish):
            yield _last(workbook.company.key, file, language, of_period)


def _known(home: Path, company: str, own: Sequence[Entry]) -> list[RunFile]:
    """The runs somebody wrote down, and those that only left a report: plans of campaigns."""
    written = places.run_files(home, company)
    names = {(file.notebook, file.run) for file in written}
    left = {(e.notebook, e.run): RunFile(company, e.notebook, e.run, home / "outputs" / e.folder) for e in own}
    return [*written, *(file for name, file in sorted(left.items()) if name not in names)]


def _asked(file: RunFile, workbook: Workbook, wish: Wish, now: datetime) -> tuple[str, str] | None:
    """First and last day of the period asked for, as the records have them."""
    if not wish.period:
        return None
    today = wish.as_of or workbook.as_of or periods.yesterday(workbook.zone, now)
    asked: Period = periods.parse_period(wish.period, as_of=today, week_start=workbook.week_start)
    return str(asked.start), str(asked.end)


def _languages(home: Path, file: RunFile, workbook: Workbook, wish: Wish) -> list[str]:
    if EVERY in wish.languages:
        return ["en", "zh"]
    if wish.languages:
        return list(dict.fromkeys(wish.languages))
    own = read_run(home, file, {}).language if file.path.is_file() else None
    return [own or workbook.language]


def _last(company: str, file: RunFile, language: str, made: Sequence[Entry]) -> Last:
    spoken = [entry for entry in made if entry.language == language]
    good = max((e for e in spoken if e.good), key=lambda e: (e.period_end, e.made_at), default=None)
    later = [e for e in spoken if e.failed_at and (good is None or e.failed_at > good.made_at)]
    failed = max(later, key=lambda entry: entry.failed_at, default=None)
    return Last(company, file.notebook, file.run, language, good, failed)
