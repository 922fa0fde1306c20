"""Notebook 01's lists of users: one per segment, and on request every user's stage and every buyer's RFM group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsbook.inputs.workbook import Workbook
from opsbook.runs.report import Report

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

FOLDER = "segments"


def lists(report: Report, workbook: Workbook) -> dict[str, pd.DataFrame]:
    """One row per user, by user_id -- the columns of `segments.ROSTER`, at the end of the report's period."""
    return dict(_lists(report, workbook)) if _wanted(workbook) else {}


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
