"""The choices by which the index can be narrowed: only those that tell reports apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from opsbook.runs.entries import Entry
from opsbook.runs.index_names import language_name, notebook_name, say, searchable, status_word
from opsbook.runs.index_shelf import Shelf
from opsbook.runs.topics import status_of

STATES = ("failed", "bad", "warn", "unknown", "neutral", "good", "stale")
KINDS = ("day", "week", "month", "quarter", "range")


@dataclass(frozen=True)
class Choice:
    """One select: its name in the address, and its options as (group, ((value, text), …)); "" is no group."""

    name: str
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def tags(entry: Entry, *more: str, status: str | None = None) -> dict[str, str | None]:
    """What a thing on the page is narrowed by; of what it has no answer to, it is not narrowed."""
    return {
        "data-company": entry.company,
        "data-notebook": entry.notebook,
        "data-period": entry.period,
        "data-campaign": entry.campaign,
        "data-status": status,
        "data-words": searchable([entry.company, entry.notebook, entry.run, entry.period, entry.campaign_name, *more]),
    }


def states_of(entry: Entry) -> list[str]:
    """Status of the verdict, if there is one, and whether the last attempt failed."""
    return ([status_of(entry)] if entry.good else []) + (["failed"] if entry.failed_at else [])


def choices(shelf: Shelf) -> list[Choice]:
    """Company, notebook, period, campaign, status, language: those with at least two answers, none being one."""
    found = shelf.entries
    told: dict[str, Mapping[str, str]] = {
        "company": {entry.company: shelf.company(entry.company).name(shelf.language) for entry in found},
        "notebook": {entry.notebook: notebook_name(entry.notebook) for entry in found},
        "campaign": _campaigns(found, shelf.language),
        "status": _states(shelf),
        "language": {entry.language: language_name(entry.language) for entry in found},
    }
    made = [Choice(name, (("", tuple(options.items())),)) for name, options in told.items()]
    made.insert(2, Choice("period", tuple(_periods(found))))
    without = {"campaign"} if any(not entry.campaign for entry in found) else set()
    return [one for one in made if sum(len(options) for _, options in one.groups) + (one.name in without) > 1]


def _campaigns(found: Sequence[Entry], language: str) -> dict[str, str]:
    """By name; the name in the reader's language where a report has it."""
    spoken = sorted(found, key=lambda entry: entry.language == language)
    names = {entry.campaign: entry.campaign_name for entry in spoken if entry.campaign}
    return dict(sorted(names.items(), key=lambda item: item[1].lower()))


def _states(shelf: Shelf) -> dict[str, str]:
    """`stale` is offered where data can be out of date at all: they become so while the page lies there."""
    there = {state for entry in shelf.entries for state in states_of(entry)} | ({"stale"} if shelf.allowed else set())
    return {state: status_word(state) for state in STATES if state in there}


def _periods(found: Iterable[Entry]) -> Iterable[tuple[str, tuple[tuple[str, str], ...]]]:
    """Kind by kind, the newest period first."""
    seen = {(KINDS.index(entry.period_kind), entry.period_start, entry.period) for entry in found}
    latest = sorted(sorted(seen, reverse=True), key=lambda one: one[0])
    for kind, group in groupby(latest, key=lambda one: one[0]):
        yield say(f"kind.{KINDS[kind]}"), tuple((label, label) for *_, label in group)
