"""The list of reports: one table per company and notebook, one row per report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from opsbook.runs.entries import Entry
from opsbook.runs.folder import LAST_FAILURE
from opsbook.runs.index_filters import states_of, tags
from opsbook.runs.index_names import first_sentence, language_name, link, local_day, notebook_name
from opsbook.runs.index_shelf import Shelf
from opsbook.runs.topics import status_of

FILES = {"notebook": "notebook.ipynb", "results": "results.json", "run": "run.json"}
ALSO = {"report.xlsx": "xlsx", "report.pdf": "pdf"}


@dataclass(frozen=True)
class Link:
    """Where a word leads."""

    text: str
    href: str


@dataclass(frozen=True)
class Failure:
    """When and why the last attempt failed, and what is known about it."""

    date: str
    why: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Row:
    """One report: what it is, what it says, how old its data are, when it was made, and whether it failed since."""

    entry: Entry
    tags: dict[str, str | None]
    href: str
    status: str
    language: str
    age: int | None
    limit: int | None
    stale: bool
    made: str
    before: Link | None
    failure: Failure | None
    files: tuple[Link, ...]


@dataclass(frozen=True)
class Group:
    """The reports of one notebook of one company."""

    company: str
    notebook: str
    rows: tuple[Row, ...]


def groups(shelf: Shelf) -> list[Group]:
    """In the order of the entries."""
    last = _last_good(shelf.entries)
    grouped = groupby(shelf.entries, key=lambda entry: (entry.company, entry.notebook))
    return [
        Group(
            shelf.company(company).name(shelf.language) if shelf.several else "",
            notebook_name(notebook),
            tuple(_row(entry, last.get(entry.run_key), shelf) for entry in found),
        )
        for (company, notebook), found in grouped
    ]


def failure_of(entry: Entry, shelf: Shelf) -> Failure | None:
    """The failed attempt since the last good report, None where there was none."""
    if not entry.failed_at:
        return None
    names = ["error.txt", *(["notebook.ipynb"] if entry.failure_notebook else [])]
    links = tuple(Link(name, link(entry, f"{LAST_FAILURE}/{name}")) for name in names)
    return Failure(local_day(entry.failed_at, shelf), first_sentence(entry.failure), links)


def _last_good(entries: Sequence[Entry]) -> dict[tuple[str, str, str], Entry]:
    """The newest good period of each run."""
    good = sorted((entry for entry in entries if entry.good), key=lambda entry: entry.period_end)
    return {entry.run_key: entry for entry in good}


def _row(entry: Entry, last: Entry | None, shelf: Shelf) -> Row:
    stale = shelf.is_stale(entry)
    state = " ".join([*states_of(entry), *(["stale"] if stale else [])])
    names = (shelf.company(entry.company).names.values(), (entry.verdict, entry.failure))
    told = tags(entry, *(text for part in names for text in part), notebook_name(entry.notebook), status=state)
    before = None if entry.good or last is None else Link(last.period, link(last, "report.html"))
    return Row(
        entry,
        told | {"data-language": entry.language, "data-made": entry.made_at or None},
        href=link(entry, "report.html") if entry.good else "",
        status=status_of(entry) if entry.good else "",
        language=language_name(entry.language),
        age=shelf.age(entry.as_of),
        limit=shelf.allowed.get(entry.folder),
        stale=stale,
        made=local_day(entry.made_at, shelf),
        before=before,
        failure=failure_of(entry, shelf),
        files=_files(entry),
    )


def _files(entry: Entry) -> tuple[Link, ...]:
    """What lies beside the page: what people open first, then what machines read."""
    if not entry.good:
        return ()
    found = {ALSO[name]: name for name in ALSO if name in entry.also} | FILES
    return tuple(Link(text, link(entry, name)) for text, name in found.items())
