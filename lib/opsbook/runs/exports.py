"""The lists of users that operations take along: files beside a good report, never anything inside it.

The notebook's kernel does not write them and does not know them: user ids would end up in outputs. After the kernel
succeeded, the same memberships are worked out once more from the same mart, in a process that writes no report.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsbook.inputs.home import workbook_path
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.runs.report import Report

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

NOTEBOOK = "01_user_lifecycle"
FOLDER = "segments"


def exported(report: Report) -> dict[str, bytes]:
    """Name and content of every list the workbook asks for, as Parquet and CSV; none for other notebooks.

    Each holds one row per user, by user_id -- the columns of `segments.ROSTER`, at the end of the report's period.
    """
    if report.notebook != NOTEBOOK:
        return {}
    workbook = read_workbook(workbook_path(report.home, report.company))
    if not _wanted(workbook):
        return {}
    files: dict[str, bytes] = {}
    for name, rows in _lists(report, workbook):
        files[f"{FOLDER}/{name}.parquet"] = _parquet(rows)
        files[f"{FOLDER}/{name}.csv"] = rows.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
    return files


def _wanted(workbook: Workbook) -> bool:
    asked = workbook.exports
    return bool(asked.stages or asked.rfm_groups or (asked.segments and workbook.segments))


def _lists(report: Report, workbook: Workbook) -> Iterator[tuple[str, pd.DataFrame]]:
    from opsbook.analysis import segments
    from opsbook.mart.build import ensure_mart

    mart = ensure_mart(workbook, home=report.home, as_of=report.as_of)
    people = segments.people(
        mart.user_days,
        mart.users,
        mart.orders,
        mart.steps,
        segments=workbook.segments,
        limits=workbook.thresholds,
        event_groups=workbook.event_groups,
        as_of=report.period.end,
    )
    for name, users, segment in _parts(people, workbook):
        yield name, segments.roster(users, segment=segment, as_of=report.period.end).to_pandas()


def _parts(people: ir.Table, workbook: Workbook) -> Iterator[tuple[str, ir.Table, ir.StringValue]]:
    """Name, users and segment column of every list."""
    import ibis

    from opsbook.analysis.segments import member

    for name in workbook.segments if workbook.exports.segments else ():
        yield name, people.filter(people[member(name)]), ibis.literal(name)
    if workbook.exports.stages:
        yield "stages", people, ibis._.stage
    if workbook.exports.rfm_groups:
        yield "rfm_groups", people.filter(people.rfm.notnull()), ibis._.rfm


def _parquet(rows: pd.DataFrame) -> bytes:
    stored = io.BytesIO()
    rows.to_parquet(stored, index=False)
    return stored.getvalue()
