"""Check the mapped tables against the contract: count every violation in the engine, apply its stated rule, say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import ibis.expr.types as ir
import pandas as pd

from opsbook.errors import DataRefused
from opsbook.inputs import count
from opsbook.inputs.clean import cleaned
from opsbook.inputs.contract import TABLES
from opsbook.inputs.count import EXACT, KEY, TWO_VARIANTS, Counted
from opsbook.inputs.laws import Law
from opsbook.inputs.raw import engine_words
from opsbook.inputs.workbook import Workbook

REPORT = ["table", "rule", "policy", "rows", "share", "examples", "stops", "sentence"]
SUMMARY = ["table", "rows", "kept", "dropped", "first", "last", "users", "keys", "after_as_of"]


@dataclass(frozen=True)
class Checked:
    """What the check found.

    report:  one row per broken rule -- table, rule, policy (drop, keep, refuse), rows, share (of the table's rows),
             examples (up to three rows, as text), stops, sentence (English)
    summary: one row per table -- table, rows, kept, dropped, first, last (days in the workbook's zone), users, keys
             (distinct key values, users or rows), after_as_of (kept rows that are not read)
    tables:  the cleaned tables, lazily, with the contract's columns and the users' attributes
    """

    report: pd.DataFrame
    summary: pd.DataFrame
    tables: dict[str, ir.Table]

    @property
    def stops(self) -> bool:
        """Whether any finding stops the run."""
        return bool(self.report["stops"].any())


def check(tables: dict[str, ir.Table], workbook: Workbook, *, as_of: date) -> Checked:
    """Count what breaks the contract's laws, one aggregate per table, and return the cleaned tables.

    tables: as from `sources.contract_tables`; all on one connection.
    raises: DataRefused when the engine cannot read a table to its end.
    """
    counts = {name: _counted(name, tables, workbook, as_of) for name in TABLES if name in tables}
    findings = [finding for counted in counts.values() for finding in _findings(counted, workbook)]
    report = pd.DataFrame(findings, columns=REPORT)
    summary = pd.DataFrame([_summary(counted, workbook) for counted in counts.values()], columns=SUMMARY)
    return Checked(
        report=report.astype({"rows": "int64", "share": "float64", "stops": "bool"}),
        summary=summary,
        tables={name: cleaned(counted) for name, counted in counts.items()},
    )


def refuse_if_stopped(checked: Checked) -> None:
    """Raise DataRefused that lists every finding that stops the run."""
    stopping = checked.report[checked.report["stops"]]
    if len(stopping):
        raise DataRefused(
            "The data cannot be used",
            found="; ".join(stopping["sentence"]),
            fix="`opsbook check` shows every violation; mend the source, the mapping, or thresholds.drop_budget",
        )


def _counted(name: str, tables: dict[str, ir.Table], workbook: Workbook, as_of: date) -> Counted:
    try:
        return count.counted(name, tables, workbook, as_of=as_of)
    except duckdb.Error as failure:
        raise DataRefused(f"The table {name} cannot be read to its end", found=engine_words(failure)) from failure


def _findings(counted: Counted, workbook: Workbook) -> Iterable[dict[str, Any]]:
    for law in counted.laws:
        if law.rule in counted.broken:
            yield _finding(counted, law.rule, law.policy, counted.broken[law.rule], _says(law))
    for rule, (policy, says) in _copy_rules(counted.name).items():
        if rule in counted.broken:
            yield _finding(counted, rule, policy, counted.broken[rule], says)
    yield from _refusals(counted, workbook)


def _copy_rules(table: str) -> dict[str, tuple[str, str]]:
    key = " and ".join(TABLES[table].key)
    return {
        EXACT: ("drop", "repeat another row exactly; one is kept"),
        KEY: ("drop", f"repeat the {key} of another row with other content; the earliest is kept"),
        TWO_VARIANTS: ("keep", "put a user of the experiment into one more variant; the first assignment counts"),
    }


def _says(law: Law) -> str:
    return f"{law.says}; dropped" if law.policy == "drop" else law.says


def _refusals(counted: Counted, workbook: Workbook) -> Iterable[dict[str, Any]]:
    budget = workbook.thresholds.drop_budget
    if counted.rows and counted.dropped / counted.rows > budget:
        share = counted.dropped / counted.rows
        says = f"would be dropped, {share:.1%} of the table; thresholds.drop_budget allows {budget:.1%}"
        yield _finding(counted, "drop_budget", "refuse", counted.dropped, says, stops=True)
    usable = counted.kept - counted.after_as_of
    if usable == 0 and TABLES[counted.name].activity:
        yield _finding(counted, "no_usable_rows", "refuse", 0, "are usable up to as_of", stops=True)
    elif counted.rows == 0:
        yield _finding(counted, "no_rows", "keep", 0, "are in the table, although the workbook names it")


def _finding(counted: Counted, rule: str, policy: str, rows: int, says: str, *, stops: bool = False) -> dict[str, Any]:
    return {
        "table": counted.name,
        "rule": rule,
        "policy": policy,
        "rows": rows,
        "share": rows / counted.rows if counted.rows else 0.0,
        "examples": "; ".join(counted.examples.get(rule, ())),
        "stops": stops,
        "sentence": f"{counted.name}: {rows:,} of {counted.rows:,} rows {says}",
    }


def _summary(counted: Counted, workbook: Workbook) -> dict[str, Any]:
    return {
        "table": counted.name,
        "rows": counted.rows,
        "kept": counted.kept,
        "dropped": counted.dropped,
        "first": _local_day(counted.first, workbook.zone),
        "last": _local_day(counted.last, workbook.zone),
        "users": counted.users,
        "keys": counted.keys,
        "after_as_of": counted.after_as_of,
    }


def _local_day(instant: Any, zone: str) -> pd.Timestamp:
    """The day of a naive UTC instant in the zone; a plain day stays what it is."""
    if instant is None or pd.isna(instant):
        return pd.NaT  # type: ignore[return-value]  # NaT stands for none
    at = pd.Timestamp(instant)
    is_day = isinstance(instant, date) and not hasattr(instant, "hour")
    return at if is_day else at.tz_localize("UTC").tz_convert(zone).tz_localize(None).normalize()
