"""The campaign memory as a table to read and sort: per cell its words, and the value that decides its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opsbook.inputs.memory import STATUS
from opsbook.page import words
from opsbook.runs.entries import Entry
from opsbook.runs.index_companies import Company
from opsbook.runs.index_names import link, notebook_name, say, searchable
from opsbook.runs.index_shelf import Shelf

REVIEWS = "03_campaign_review"
GRADES = ("A", "B", "C", "D", "E")
SPECS = {"participants": "whole", "relative": "signed_percent", "attainment": "percent", "cost": "money",
         "roi": "signed_percent"}  # fmt: skip
NUMBERS = ("participants", "effect", "attainment", "cost", "roi")
COLUMNS = ("campaign", "verdict", "effect", "grade", "roi", "cost", "participants", "attainment", "dates", "type",
           "channels")  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """What a cell says, two lines below it, and its value for sorting: a number or text, None when it is not known."""

    text: str
    more: str = ""
    value: float | str | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """One reviewed campaign: the address of its review, "" where that is gone, its status, its cells by column."""

    href: str
    status: str
    tags: Mapping[str, str | None]
    cells: Mapping[str, Cell]


def heading(column: str) -> str:
    """The column's name."""
    return words.find(f"runs.index.column.{column}", f"campaign.column.{column}") or column


def rows(shelf: Shelf) -> list[Row]:
    """One row per campaign of the memory, in its order."""
    language = shelf.language
    reviews = _reviews(shelf.entries, language)
    made = []
    for told in shelf.memory.to_dict("records"):
        company = shelf.company(told["company"])
        with words.speaking(language, currency=company.currency):
            made.append(_row(told, reviews.get((company.key, told["run"], told["period"])), company, language))
    return made


def _reviews(entries: Sequence[Entry], language: str) -> dict[tuple[str, str, str], Entry]:
    """The review of each company, run and period: the one in the language, where there is one."""
    good = [entry for entry in entries if entry.good and entry.notebook == REVIEWS]
    good.sort(key=lambda entry: entry.language == language)
    return {(entry.company, entry.run, entry.period): entry for entry in good}


def _row(told: Mapping[Any, Any], review: Entry | None, company: Company, language: str) -> Row:
    numbers = {name: _number(told, "relative" if name == "effect" else name) for name in NUMBERS}
    cells = _texts(told, company, language) | numbers
    status = STATUS.get(told["conclusion"], "unknown")
    href = link(review, "report.html") if review else ""
    return Row(href, status, _tags(told, status, cells), cells)


def _tags(told: Mapping[Any, Any], status: str, cells: Mapping[str, Cell]) -> dict[str, str | None]:
    texts = [cells[name].text for name in ("campaign", "type", "channels", "verdict")] + [cells["campaign"].more]
    known = [told["name"], told["name_zh"], told["campaign_id"], told["period"], notebook_name(REVIEWS)]
    return {
        "data-company": told["company"],
        "data-notebook": REVIEWS,
        "data-period": told["period"],
        "data-campaign": told["campaign_id"],
        "data-status": status,
        "data-words": searchable([*texts, *known]),
    }


def _texts(told: Mapping[Any, Any], company: Company, language: str) -> dict[str, Cell]:
    name = (told["name_zh"] if language == "zh" else "") or told["name"] or told["campaign_id"]
    channels = [company.called(one, language) for one in told["channels"].split("|") if one]
    return {
        "campaign": replace(_text(name), more=company.name(language)),
        "type": _text(words.find(f"campaign.type.{told['type']}") or told["type"]),
        "channels": _text(say("between").join(channels)),
        "dates": _dates(told["start"], told["end"]),
        "verdict": _ranked(told["conclusion"], tuple(STATUS), words.find(f"common.conclusion.{told['conclusion']}")),
        "grade": _ranked(told["grade"], GRADES),
    }


def _text(text: str) -> Cell:
    return Cell(text or "–", value=text.lower() or None)


def _dates(start: Any, end: Any) -> Cell:
    if start != start:  # NaT
        return Cell("–")
    return Cell(f"{start:%Y-%m-%d}", "" if end != end else f"– {end:%Y-%m-%d}", f"{start:%Y-%m-%d}")


def _ranked(key: str, order: Sequence[str], text: str | None = None) -> Cell:
    """Sorted by the place in the order, not by the word."""
    return Cell(text or key or "–", value=float(order.index(key)) if key in order else None)


def _number(told: Mapping[Any, Any], column: str) -> Cell:
    """The number; below it its interval, and for an effect what it is an effect on."""
    value, spec = told[column], SPECS[column]
    if value != value:  # NaN
        return Cell("–")
    metric = words.find(f"campaign.metric.{told['primary_metric']}") if column == "relative" else ""
    ends = [told.get(f"{column}_{end}", float("nan")) for end in ("low", "high")]
    interval = "" if any(end != end for end in ends) else _interval(ends[0], ends[1], spec)
    return Cell(words.show(value, spec), interval, float(value), note=metric or "")


def _interval(low: float, high: float, spec: str) -> str:
    return say("interval", low=words.show(low, spec), high=words.show(high, spec))
