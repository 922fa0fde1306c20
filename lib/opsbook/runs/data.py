"""The data of one company as the runner sees them: checked and built once, before any kernel starts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from opsbook.inputs.workbook import Workbook
from opsbook.runs.report import Report

CONTRACT_TO_MART = {"events": "steps"}


@dataclass(frozen=True)
class Data:
    """First day, last day with activity, and per table what was read and how many rows of it are used."""

    start: date
    through: date
    inputs: dict[str, Any]


def ready(workbook: Workbook, *, home: Path, as_of: date) -> Data:
    """Build the mart, visibly, if these inputs were never seen; raises DataRefused when the check stops."""
    from opsbook.page.building import shown_mart

    mart = shown_mart(workbook, home=home, as_of=as_of)
    try:
        sources = json.loads(mart.facts["inputs"])
        rows = {name: _rows(mart, name) for name in sorted(mart.given)}
        return Data(mart.data_start, mart.data_through, {"sources": sources, "rows": rows})
    finally:
        mart.con.disconnect()


def refuse_missing_units(workbook: Workbook, report: Report) -> None:
    """Raise ParameterError when a campaign's treated units are not in the data, with the line of its file."""
    from opsbook.inputs.own_run import model_of
    from opsbook.inputs.yaml_file import read_yaml
    from opsbook.mart.build import ensure_mart
    from opsbook.mart.treated_units import refuse_missing_units as refuse

    mart = ensure_mart(workbook, home=report.home, as_of=report.as_of)
    try:
        run = model_of(report.notebook, home=report.home).model_validate(report.parameters)
        refuse(run, mart, lines=read_yaml(report.where)[1], where=report.where)
    finally:
        mart.con.disconnect()


def _rows(mart: Any, table: str) -> int:
    return int(getattr(mart, CONTRACT_TO_MART.get(table, table)).count().execute())
