"""report.xlsx: everything a report says in numbers, as one tidy workbook; equal executions give equal bytes.

openpyxl is imported here and only when a workbook is written: neither a kernel nor the command line's help needs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd

from opsbook.page import cells, sheets, words
from opsbook.page.bundles import payload_of
from opsbook.page.sheets import Sheet, Table
from opsbook.page.still_zip import saved

LONGEST_TITLE = 31
_NOT_IN_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")
_TAKEN = "history"  # Excel keeps this title for itself


def workbook_bytes(
    nb: Mapping[str, Any], results: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], *, language: str
) -> bytes:
    """The xlsx of an executed notebook: contents, headline numbers, one sheet per table, definitions.

    nb: still with what travels beside its tables; results, tables: what results.json and tables/ hold
    """
    told = list(_payloads(nb))
    with words.speaking(language):
        made = _sheets(told, results, _tables(told, results, tables))
    return _written(made, dated=_day(results))


def titles(names: Sequence[str]) -> list[str]:
    """A valid title of a sheet for each name, no two the same but for their case."""
    taken: set[str] = {_TAKEN}
    found: list[str] = []
    for name in names:
        found.append(_free(_NOT_IN_TITLE.sub("_", name).strip("'") or "_", taken))
        taken.add(found[-1].casefold())
    return found


def _free(wanted: str, taken: set[str]) -> str:
    """The name, cut; with the first number that makes it new where it is taken."""
    tries = (wanted[: LONGEST_TITLE - len(tail)] + tail for tail in ("", *(f"~{n}" for n in range(2, len(taken) + 3))))
    return next(title for title in tries if title.casefold() not in taken)


def _payloads(nb: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    found = (payload_of(output.get("data", {})) for cell in nb["cells"] for output in cell.get("outputs", []))
    return (ours for ours in found if ours is not None)


def _tables(
    told: Sequence[tuple[str, Mapping[str, Any]]], results: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]
) -> list[Table]:
    """Every table with the sentence it stands under: its own, or that of its figure."""
    columns = {payload["name"]: payload.get("columns", ()) for kind, payload in told if kind == "table"}
    said = {payload["name"]: payload.get("sentence", "") for kind, payload in told if kind == "table"}
    said |= {section["name"]: section["sentence"] for section in results.get("sections", ())}
    return [sheets.described(name, frame, columns[name], said[name]) for name, frame in frames.items()]


def _sheets(
    told: Sequence[tuple[str, Mapping[str, Any]]], results: Mapping[str, Any], tables: Sequence[Table]
) -> list[Sheet]:
    fixed = [words.label(f"page.workbook.{name}") for name in ("contents", "numbers", "definitions")]
    first, second, last, *own = titles([*fixed, *(table.name for table in tables)])
    listed = [(second, None), *zip(own, tables, strict=True), (last, None)]
    terms = next((payload.get("definitions", ()) for kind, payload in told if kind == "appendix"), ())
    return [
        sheets.contents(first, _about(told, results), listed),
        sheets.numbers(second, results),
        *(sheets.table(title, table) for title, table in zip(own, tables, strict=True)),
        sheets.definitions(last, terms, list(zip(own, tables, strict=True))),
    ]


def _about(told: Sequence[tuple[str, Mapping[str, Any]]], results: Mapping[str, Any]) -> list[tuple[str, cells.Plain]]:
    """Title, company, period, as-of, currency and verdict, each under its name."""
    title: Mapping[str, Any] = next((payload for kind, payload in told if kind == "title"), {})
    verdict: Mapping[str, Any] = next((payload for kind, payload in reversed(told) if kind == "verdict"), {})
    lines = {
        "title": title.get("title", ""),
        "company": title.get("company", ""),
        "period": title.get("period_text", ""),
        "as_of": date.fromisoformat(results["as_of"]) if results.get("as_of") else None,
        "currency": title.get("currency", ""),
        "verdict": verdict.get("status_text", ""),
        "verdict_sentence": verdict.get("sentence", ""),
        "rule": verdict.get("rule", ""),
    }
    return [(words.label(f"page.workbook.about.{name}"), cells.plain(told)) for name, told in lines.items()]


def _day(results: Mapping[str, Any]) -> datetime:
    """The last day of data stands for the time the file was made: a clock would make equal reports differ."""
    return datetime.fromisoformat(str(results.get("as_of") or "1980-01-01"))


def _written(made: Sequence[Sheet], *, dated: datetime) -> bytes:
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    workbook.properties.creator = "Opsbook"
    for sheet in made:
        _write(workbook.create_sheet(sheet.title), sheet)
    return saved(workbook, dated=dated)


def _write(place: Any, sheet: Sheet) -> None:
    """The sheet's lines; what is frozen, filtered and how wide columns are has to be known before the first."""
    from openpyxl.utils import get_column_letter

    head = len(sheet.above) + 1
    place.freeze_panes = None if sheet.above else f"A{head + 1}"
    for number, width in enumerate(sheet.widths, 1):
        place.column_dimensions[get_column_letter(number)].width = width
    for line in sheet.above:
        place.append([_cell(place, typed) for typed in line])
    place.append([_cell(place, cells.Typed(cells.plain(text), strong=True)) for text in sheet.heads])
    end = head
    for number, line in enumerate(sheet.rows, head + 1):
        place.append([_cell(place, typed) for typed in line])
        end = number
    if sheet.heads:
        place.auto_filter.ref = f"A{head}:{get_column_letter(len(sheet.heads))}{end}"


def _cell(place: Any, typed: cells.Typed) -> Any:
    """None, which costs nothing, or the cell with its link and weight."""
    if typed.value is None:
        return None
    cell = cells.written(place, typed)
    return _decorated(cell, typed) if typed.strong or typed.leads_to else cell


def _decorated(cell: Any, typed: cells.Typed) -> Any:
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    cell.font = Font(bold=typed.strong, color="0563C1" if typed.leads_to else None)
    if typed.leads_to:
        quoted = typed.leads_to.replace("'", "''")
        cell.hyperlink = Hyperlink(ref="", location=f"'{quoted}'!A1")
    return cell
