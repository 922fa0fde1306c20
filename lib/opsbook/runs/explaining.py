"""`opsbook explain`: the explanation of a headline number as text, or the list of what can be explained."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.runs.explanation import explanation, keys
from opsbook.runs.last_reports import last_reports
from opsbook.runs.plan import Wish

SHORT = 160  # characters of a value; lists of rules are longer than anybody reads


def explain(home: Path, key: str, wish: Wish, *, as_json: bool, now: datetime) -> str:
    """How the number was made, in the first of the reports meant that has it; without a key, every key there is.

    raises: ParameterError for an unknown key, with near ones, and when there is no good report.
    """
    folders = [home / "outputs" / last.good.folder for last in last_reports(home, wish, now=now) if last.good]
    if not folders:
        raise ParameterError("There is no good report to explain", fix="see `opsbook list`", where=home / "outputs")
    if not key:
        return _listed(folders, home, as_json=as_json)
    for folder in folders:
        if key in keys(folder):
            told = explanation(folder, key, home=home)
            return json.dumps(told, ensure_ascii=False, indent=2) if as_json else "\n".join(_text(told))
    known = [name for folder in folders for name in keys(folder)]
    raise ParameterError(f"No report has a headline number `{key}`", fix=did_you_mean(key, list(dict.fromkeys(known))))


def _listed(folders: Sequence[Path], home: Path, *, as_json: bool) -> str:
    rows = [
        {"report": folder.relative_to(home).as_posix(), "key": key, "label": number["label"]}
        for folder in folders
        for key, number in keys(folder).items()
    ]
    if as_json:
        return json.dumps(rows, ensure_ascii=False, indent=2)
    width = max((len(row["key"]) for row in rows), default=0)
    parts = groupby(rows, key=lambda row: row["report"])
    return "\n".join(line for report, own in parts for line in [report, *(_row(row, width) for row in own)])


def _row(row: Mapping[str, str], width: int) -> str:
    return f"  {row['key']:<{width}}  {row['label']}"


def _text(told: Mapping[str, Any]) -> Iterator[str]:
    yield from _head(told)
    yield "recorded in"
    yield from _by_cell(told["recorded_in"])
    yield "from"
    yield from _by_cell(told["rests_on"])
    yield "which read"
    yield from _inputs(told)
    yield "by"
    for one in told["functions"]:
        yield f"  {one['file']}:{one['line']}  {one['name'].rpartition('.')[2]}  {one['says']}".rstrip()
        if one["source"]:
            yield f"      source: {one['source']}"
    if told["code_changed"]:
        yield "The code has changed since this report was made; files and lines are those of today."


def _head(told: Mapping[str, Any]) -> Iterator[str]:
    """The number as on its card, then what is known about it, one thing per line."""
    said, period = told["words"], told["period"]
    yield f"{said['label']} {said['value']}"
    lines = {
        "interval": said["interval"],
        "change": said["change"],
        "target": said["target"],
        "n": said["n"],
        "unit": told["number"]["unit"],
        "method": said["method"],
        "means": told["means"],
        "key": told["number"]["key"],
        "report": told["report"],
        "period": f"{period['start']} to {period['end']}, as of {told['as_of']}",
    }
    yield from (f"  {name:<9} {text}" for name, text in lines.items() if text)


def _by_cell(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for cell, own in groupby(lines, key=lambda line: line["cell"]):
        yield f"  cell `{cell}`"
        yield from (f"    {row}" for line in own for row in line["source"].split("\n"))


def _inputs(told: Mapping[str, Any]) -> Iterator[str]:
    """Tables with the rows of this run, parameters with their values, and the days of the book."""
    for name, rows in told["tables"].items():
        built = ", ".join(f"{table} ({count:,} rows)" for table, count in rows.items())
        yield f"  mart.{name}" + (f" from {built}" if built else "")
    for name, value in told["parameters"].items():
        yield f"  {name}" + ("" if value is None else f" = {_cut(json.dumps(value, ensure_ascii=False))}")
    if told["days"]:
        yield f"  {', '.join(told['days'])}"


def _cut(text: str) -> str:
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"
