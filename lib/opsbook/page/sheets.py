"""What the sheets of report.xlsx hold: contents, headline numbers, every table, definitions; words are the page's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opsbook.page import words
from opsbook.page.cells import Plain, Typed, column_format, number_format, plain
from opsbook.page.numbers import UNITS, method_name
from opsbook.page.shorten import width
from opsbook.page.stored import MIXED
from opsbook.page.tables import column_spec

MOST_ROWS, MOST_COLUMNS = 1_048_575, 16_384  # what a sheet of Excel takes below its heads
NARROWEST, WIDEST, SAMPLE = 8, 60, 200
_SIGNED = ("change", "change_low", "change_high")
_MORE = ("previous", "target", "method", "method_name")
NUMBERS = ("label", "key", "value", "low", "high", "n", "unit", *_SIGNED, *_MORE)


@dataclass(frozen=True)
class Sheet:
    """A title, lines above the table, the table's heads, and its rows; `sample` decides how wide columns are."""

    title: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Typed]]
    sample: Sequence[Sequence[Typed]]
    above: Sequence[Sequence[Typed]] = ()

    @property
    def widths(self) -> list[int]:
        """One width per column, in characters; Chinese ones count twice."""
        lines = [list(self.heads), *([_shown(cell) for cell in row] for row in self.sample)]
        return [min(max(max(map(width, texts)) + 2, NARROWEST), WIDEST) for texts in zip(*lines, strict=True)]


@dataclass(frozen=True)
class Table:
    """A table of the report as it travelled in the notebook: one column description per column, see `columns_shown`."""

    name: str
    frame: pd.DataFrame
    columns: Sequence[Mapping[str, Any]]
    sentence: str = ""


def described(name: str, frame: pd.DataFrame, told: Iterable[Mapping[str, Any]], sentence: str) -> Table:
    """The table with a description of every column, also of those the notebook told nothing about."""
    known = {column["name"]: column for column in told}
    columns = [
        known.get(name, {"name": name, "label": name, "spec": column_spec(frame[name]), "words": {}}) for name in frame
    ]
    return Table(name, frame, columns, sentence)


def contents(title: str, about: Sequence[tuple[str, Plain]], listed: Sequence[tuple[str, Table | None]]) -> Sheet:
    """What the report is, then one row per sheet: sheet (a link), rows, the sentence it stands under."""
    heads = [words.label(f"page.workbook.{name}") for name in ("sheet", "rows", "sentence")]
    rows = [_entry(name, table) for name, table in listed]
    above = [
        (Typed(plain(name), strong=True), Typed(plain(told), number_format(plain(told))))
        for name, told in about
        if told
    ]
    return Sheet(title, heads, rows, rows, [*above, ()])


def numbers(title: str, results: Mapping[str, Any]) -> Sheet:
    """One row per headline number, as in results.json; every number shown in its own unit."""
    heads = [words.label(f"page.workbook.number.{name}") for name in NUMBERS]
    rows = [_number(told) for told in results.get("numbers", ())]
    return Sheet(title, heads, rows, rows)


def table(title: str, shown: Table) -> Sheet:
    """One row per row of the table, at most as many as a sheet takes."""
    frame = shown.frame.iloc[:MOST_ROWS, :MOST_COLUMNS]
    columns = list(shown.columns)[:MOST_COLUMNS]
    formats = [_format(frame[column["name"]], column["spec"]) for column in columns]
    sample = list(_rows(frame.head(SAMPLE), formats))
    return Sheet(title, [column["label"] for column in columns], _rows(frame, formats), sample)


def definitions(title: str, terms: Iterable[Sequence[str]], tables: Iterable[tuple[str, Table]]) -> Sheet:
    """One row per term, per column of a table, and per value that the page shows under another name."""
    heads = [words.label(f"page.workbook.{name}") for name in ("kind", "sheet", "name", "raw", "meaning")]
    rows = [_texts("term", "", name, "", meaning) for name, meaning in terms]
    rows += [row for title, shown in tables for row in _explained(title, shown)]
    return Sheet(title, heads, rows, rows)


def cut_note(frame: pd.DataFrame) -> str:
    """That a table is longer than a sheet of Excel, "" for all others."""
    fits = len(frame) <= MOST_ROWS
    return "" if fits else words.label("page.workbook.cut", shown=MOST_ROWS, rows=len(frame))


def _entry(name: str, shown: Table | None) -> list[Typed]:
    if shown is None:
        return [Typed(plain(name), leads_to=name), Typed(None), Typed(None)]
    told = " ".join(part for part in (shown.sentence, cut_note(shown.frame)) if part)
    return [Typed(plain(name), leads_to=name), Typed(len(shown.frame), "#,##0"), Typed(plain(told))]


def _number(told: Mapping[str, Any]) -> list[Typed]:
    named = dict(told) | {"method_name": method_name(str(told.get("method") or ""))}
    return [_told(named.get(name), name, str(told.get("unit", ""))) for name in NUMBERS]


def _told(value: Any, name: str, unit: str) -> Typed:
    """A number in the format of its unit; a change is in points for shares, and relative for most other units."""
    spec = UNITS.get(unit, "number")
    if name in _SIGNED:
        spec = spec if unit == "days" else "points"
    typed = plain(value)
    return Typed(typed, number_format(typed, "whole" if name == "n" else spec))


def _rows(frame: pd.DataFrame, formats: Sequence[str]) -> Iterator[list[Typed]]:
    for row in frame.itertuples(index=False, name=None):
        typed = [(plain(value), chosen) for value, chosen in zip(row, formats, strict=True)]
        yield [Typed(value, chosen or number_format(value)) for value, chosen in typed]


def _format(column: pd.Series, spec: str) -> str:
    """One format for the column; none where each row has a unit of its own, and each cell then its own decimals."""
    return "" if spec == MIXED else column_format(column, spec)


def _explained(title: str, shown: Table) -> Iterator[list[Typed]]:
    for column in shown.columns:
        told = _zone(shown.frame[column["name"]])
        yield _texts("column", title, column["label"], column["name"], told)
        for raw, text in column.get("words", {}).items():
            yield _texts("value", title, column["label"], raw, text)


def _zone(column: pd.Series) -> str:
    zone = getattr(column.dtype, "tz", None)
    return words.label("page.workbook.zone", zone=str(zone)) if zone else ""


def _texts(kind: str, *texts: str) -> list[Typed]:
    return [Typed(plain(text) or None) for text in (words.label(f"page.workbook.kind.{kind}"), *texts)]


def _shown(cell: Typed) -> str:
    """Roughly what Excel shows, for its width."""
    value = cell.value
    return "" if value is None else f"{value:,.4f}" if isinstance(value, float) else str(value)[: WIDEST * 2]
