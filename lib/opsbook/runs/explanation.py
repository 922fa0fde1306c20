"""How a headline number of a report was made: from the page back over the notebook's lines to tables and parameters.

Everything is read from the report's own files and from the library's text; nothing is computed again or imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opsbook.inputs.home import workbook_path
from opsbook.inputs.workbook import read_workbook
from opsbook.mart.derived import BUILT_FROM
from opsbook.page import words
from opsbook.runs import fingerprints, library, manifest
from opsbook.runs.dataflow import Step, behind, reads, steps
from opsbook.runs.recorded import code_cells, numbers, recorded_at

SCHEMA = "opsbook.explanation/1"
_WORDS = ("label", "value", "interval", "change", "target", "n", "method")


def explanation(folder: Path, key: str, *, home: Path) -> dict[str, Any]:
    """The number's words, meaning, line, what it rests on, tables with rows, parameters and functions.

    folder: a good report; key: one of `keys(folder)`
    """
    nb = json.loads((folder / "notebook.ipynb").read_text(encoding="utf-8"))
    record = manifest.read(folder) or {}
    payload = next(payload for _, payload in reversed(numbers(nb)) if payload["key"] == key)
    known = steps(code_cells(nb))
    at = recorded_at(nb, known, key)
    path = behind(known, at)
    return {
        "schema": SCHEMA,
        "report": folder.relative_to(home).as_posix(),
        "number": {name: value for name, value in payload.items() if name not in ("words", "card")},
        "words": {name: payload["words"].get(name, "") for name in _WORDS},
        "means": meaning(record["notebook"], key, payload["label"], record["language"]),
        **{name: record[name] for name in ("company", "notebook", "run", "period", "as_of", "language")},
        "recorded_in": [_line(known[place]) for place in at],
        "rests_on": _lines(known[place] for place in path if place not in at),
        **_read(known, path, record, home),
        "code_changed": record["fingerprints"].get("code") != fingerprints.code(),
    }


def keys(folder: Path) -> dict[str, dict[str, Any]]:
    """Key -> number of the report's results, in their order."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return {number["key"]: number for number in results.get("numbers", ())}


def meaning(notebook: str, key: str, label: str, language: str) -> str:
    """The catalogue's definition of the number, found by its key, its key without digits, or its label; "" for none."""
    area = next((word for word in reversed(notebook.split("_")) if word in words.areas()), "common")
    names = [key, re.sub(r"_?\d+$", "", key)]
    with words.speaking(language):
        terms = [term for space in (area, "common") for term in words.keys(f"{space}.term.")]
        names += [term.split(".", 2)[2] for term in terms if words.label(term).casefold() == label.casefold()]
        return words.find(*(f"{space}.definition.{name}" for name in names for space in (area, "common"))) or ""


def _read(known: Sequence[Step], path: Sequence[int], record: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """What the lines read: mart tables, parameters, other things of the book, and functions of the library."""
    found = [name for place in path for name in sorted(reads(known, place))]
    of_book = list(dict.fromkeys(name.removeprefix("book.") for name in found if name.startswith("book.")))
    tables = sorted({name.split(".")[1] for name in of_book if name.startswith("mart.")} & set(BUILT_FROM))
    settings = sorted(name for name in of_book if name.split(".")[0] in ("run", "limits", "workbook"))
    rest = sorted(name for name in of_book if name.split(".")[0] not in ("mart", "run", "limits", "workbook"))
    return {
        "tables": {name: _rows(name, record) for name in tables},
        "parameters": _valued(settings, record, home),
        "days": rest,
        "functions": _functions(found, home),
    }


def _rows(table: str, record: Mapping[str, Any]) -> dict[str, int]:
    """Contract table -> rows read in this run, for those the mart table is built from and the company has."""
    rows = record.get("inputs", {}).get("rows", {})
    return {name: rows[name] for name in BUILT_FROM[table] if name in rows}


def _valued(names: Iterable[str], record: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """Each setting with its value in this run; None where the workbook has changed since, or it is not a plain one."""
    workbook = _workbook(record, home)
    given = {"run": record.get("parameters", {}), "limits": workbook.get("thresholds", {}), "workbook": workbook}
    return {name: _value(given, name.split(".")) for name in names}


def _workbook(record: Mapping[str, Any], home: Path) -> dict[str, Any]:
    """The company's workbook as it is, if it is still what the run saw."""
    told = read_workbook(workbook_path(home, record["company"])).model_dump(mode="json")
    return told if fingerprints.of(told) == record["fingerprints"].get("workbook") else {}


def _value(given: Any, names: Sequence[str]) -> Any:
    for name in names:
        given = given.get(name) if isinstance(given, Mapping) else None
    return given


def _functions(found: Iterable[str], home: Path) -> list[dict[str, Any]]:
    """Functions in the order of their first use, `start` aside, which every number goes through."""
    called = (library.function(name) for name in found if name.startswith("opsbook."))
    once = dict.fromkeys(one for one in called if one is not None and not one.name.endswith("page.book.start"))
    below = "lib/" if library.PACKAGE.is_relative_to(home / "lib") else ""
    return [asdict(one) | {"file": below + one.file} for one in once]


def _lines(found: Iterable[Step]) -> list[dict[str, Any]]:
    """Every line once; imports are left out, the functions say where they come from."""
    told = {(step.cell, step.line): _line(step) for step in found if not step.imports}
    return list(told.values())


def _line(step: Step) -> dict[str, Any]:
    return {"cell": step.cell, "line": step.line, "source": step.source}
