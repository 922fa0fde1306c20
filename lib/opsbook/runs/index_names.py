"""How the index calls things, in the reader's language: notebooks, runs, periods, ages, reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from opsbook.errors import OperatorError
from opsbook.page import words
from opsbook.page.areas import area_of
from opsbook.runs.entries import Entry
from opsbook.runs.index_shelf import Shelf

FIRST_SENTENCE = re.compile(r".+?(?:[.!?](?=\s)|[。！？]|\n|$)", re.DOTALL)
LONGEST = 240  # characters of a reason
HTML_LANG = {"en": "en", "zh": "zh-CN"}


def say(key: str, **fields: Any) -> str:
    """A text of the index."""
    return words.label(f"runs.index.{key}", **fields)


def status_word(state: str) -> str:
    """The word of a verdict's status, as reports show it; failed and stale are the index's own."""
    return words.find(f"common.status.{state}") or say(f"state.{state}")


def notebook_name(notebook: str) -> str:
    """`User lifecycle`; a notebook whose area nobody named keeps its file's name."""
    return words.find(f"runs.index.notebook.{_area(notebook)}") or notebook


@cache
def _area(notebook: str) -> str:
    try:
        return area_of(notebook)
    except OperatorError:
        return ""


def run_name(entry: Entry) -> str:
    """The campaign a report is about, else the run as its file is called."""
    return entry.campaign_name or entry.run


def titled(entry: Entry, shelf: Shelf) -> str:
    """`Shop · User lifecycle · weekly`; the company only where there are several."""
    company = [shelf.company(entry.company).name(shelf.language)] if shelf.several else []
    return " · ".join([*company, notebook_name(entry.notebook), run_name(entry)])


def language_name(language: str) -> str:
    """`English`; a language without a name is its code."""
    return words.find(f"runs.index.language.{language}") or language


def age_text(days: int | str) -> str:
    """`26 days old`; days may be a placeholder that the page's script fills in."""
    return say(f"age.{days}") if days in (0, 1) else say("age.more", days=f"{days}")


def first_sentence(text: str) -> str:
    """What went wrong, in one sentence of at most LONGEST characters."""
    found = FIRST_SENTENCE.match(text.strip())
    said = " ".join(found[0].split()) if found else ""
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def link(entry: Entry, name: str) -> str:
    """The address of a file of the report, from the index."""
    return quote(f"{entry.folder}/{name}")


def local_day(instant: str, shelf: Shelf) -> str:
    """The calendar day of a record's instant in the zone of the index, as 2026-10-31; "" for none."""
    return datetime.fromisoformat(instant).astimezone(shelf.now.tzinfo).date().isoformat() if instant else ""


def searchable(parts: Iterable[str]) -> str:
    """Everything a person may type to find a thing, in small letters."""
    return " ".join(part for part in parts if part).lower()
