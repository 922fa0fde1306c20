"""`opsbook pdf` and `opsbook run --pdf`: report.pdf beside report.html, told in run.json, made once per page.

A PDF carries the time it was made, so it is never one of the files that decide whether a report is fresh: run.json
tells it under `added`, with the page it was printed from. A report that is made anew drops it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from opsbook.errors import OperatorError, ParameterError
from opsbook.runs import manifest
from opsbook.runs.chromium import browser, printed
from opsbook.runs.folder import Folder
from opsbook.runs.index import rebuild
from opsbook.runs.last_reports import last_reports
from opsbook.runs.plan import Wish

NAME, PAGE, ADDED = "report.pdf", "report.html", "added"


def print_last(home: Path, wish: Wish, *, environment: Mapping[str, str], now: datetime) -> Iterator[str]:
    """Print the last good reports meant, telling line by line; raises as `print_all`, ParameterError without any."""
    program = browser(environment)
    good = [last.good for last in last_reports(home, wish, now=now) if last.good]
    if not good:
        raise ParameterError("There is no good report to print", fix="see `opsbook list`", where=home / "outputs")
    folders = [Folder(home / "outputs", entry.folder) for entry in good]
    yield from print_all(folders, program, environment, home=home)


def print_all(folders: Sequence[Folder], program: str, environment: Mapping[str, str], *, home: Path) -> Iterator[str]:
    """One line per report: made or already there; the index lists them afterwards.

    raises: OperatorError at the end, naming the reports that could not be printed; the others are.
    """
    failures: list[OperatorError] = []
    for folder in folders:
        try:
            yield f"{'pdf' if print_report(folder, program, environment) else 'fresh':<9} {folder.name}/{NAME}"
        except OperatorError as failure:
            failures.append(failure)
            yield f"{'failed':<9} {folder.name}/{NAME}"
    rebuild(home)
    if failures:
        raise failures[0] if len(failures) == 1 else _several(failures)


def print_report(folder: Folder, program: str, environment: Mapping[str, str]) -> bool:
    """Print the page unless its PDF is there; whether it was printed.

    raises: Locked while another run makes the report; OperatorError when it cannot be printed.
    """
    with folder.locked():
        record = manifest.read(folder.place)
        if record is None:
            raise OperatorError("There is no good report to print", where=folder.place)
        page = hashlib.sha256((folder.place / PAGE).read_bytes()).hexdigest()
        if _is_there(folder, record, page):
            return False
        content = printed(folder.place / PAGE, program=program, environment=environment)
        told = manifest.described(content) | {"printed_from": page}
        added = record.get(ADDED, {}) | {NAME: told}
        folder.add({NAME: content, manifest.NAME: manifest.as_bytes(record | {ADDED: added})})
        return True


def _is_there(folder: Folder, record: Mapping[str, Any], page: str) -> bool:
    told = dict(record.get(ADDED, {}).get(NAME, {}))
    return told.pop("printed_from", "") == page and manifest.unchanged(folder.place / NAME, told)


def _several(failures: Sequence[OperatorError]) -> OperatorError:
    found = "; ".join(f"{one.where}: {one.found}" for one in failures)
    return OperatorError(f"{len(failures)} reports could not be printed", found=found, fix=failures[0].fix)
