"""Check the mapped tables against the contract: count every violation in the engine, apply its stated rule, say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import ibis.expr.types as ir
import pandas as pd

from opsbook.errors import DataRefused
from opsbook.inputs import count
from opsbook.inputs.clean import cleaned
from opsbook.inputs.count import Counted
from opsbook.inputs.laws import NO_ROWS, OVER_BUDGET, UNUSABLE, Rule, copy_rules, table_rules
from opsbook.inputs.raw import engine_words
from opsbook.inputs.schema import TABLES
from opsbook.inputs.text_table import aligned
from opsbook.inputs.workbook import Workbook

REPORT = ["table", "rule", "policy", "rows", "share", "examples", "stops", "sentence"]
_DTYPES = dict.fromkeys(REPORT, "string") | {"rows": "int64", "share": "float64", "stops": "bool"}
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
        report=report.astype(_DTYPES),
        summary=summary.astype({"first": "datetime64[ns]", "last": "datetime64[ns]"}),
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


def render(checked: Checked) -> str:
    """What `opsbook check` prints: every table, then what is dropped, what is flagged and what stops the run."""
    lines = ["Tables", *_summary_lines(checked.summary)]
    titles = {"drop": "Dropped", "keep": "Kept and flagged", "refuse": "Stops the run"}
    for policy, title in titles.items():
        found = checked.report[checked.report["policy"] == policy]
        lines += ["", title, *(_finding_lines(found) if len(found) else ["  nothing"])]
    return "\n".join(lines) + "\n"


def _summary_lines(summary: pd.DataFrame) -> list[str]:
    header = ("table", "rows", "kept", "dropped", "first", "last", "users", "keys", "after as_of")
    rows = [tuple(_cell(value) for value in row) for row in summary[SUMMARY].itertuples(index=False)]
    return aligned([header, *rows], right=frozenset({1, 2, 3, 6, 7, 8}))


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    return "–" if pd.isna(value) else f"{value:,}" if not isinstance(value, str) else value


def _finding_lines(found: pd.DataFrame) -> list[str]:
    rows = found.to_dict("records")
    cells = [(row["table"], row["rule"], f"{row['rows']:,}", f"{row['share']:.2%}") for row in rows]
    lines: list[str] = []
    for head, row in zip(aligned(cells, right=frozenset({2, 3})), rows, strict=True):
        lines.append(f"{head}  {row['sentence'].split(' rows ', 1)[1]}")
        lines += [f"      {example}" for example in row["examples"].split("; ") if example]
    return lines


def _counted(name: str, tables: dict[str, ir.Table], workbook: Workbook, as_of: date) -> Counted:
    try:
        return count.counted(name, tables, workbook, as_of=as_of)
    except duckdb.Error as failure:
        raise DataRefused(f"The table {name} cannot be read to its end", found=engine_words(failure)) from failure


def _findings(counted: Counted, workbook: Workbook) -> Iterator[dict[str, Any]]:
    for rule in (*counted.laws, *copy_rules(counted.name)):
        if rule.rule in counted.broken:
            yield _finding(counted, rule, counted.broken[rule.rule])
    usable = counted.kept - counted.after_as_of
    over = counted.rows and counted.dropped / counted.rows > workbook.thresholds.drop_budget
    for rule in table_rules(counted.name):
        if rule.rule == OVER_BUDGET and over:
            yield _finding(counted, rule, counted.dropped, more=_budget(counted, workbook))
        if (rule.rule == UNUSABLE and not usable) or (rule.rule == NO_ROWS and not counted.rows):
            yield _finding(counted, rule, 0)


def _finding(counted: Counted, rule: Rule, rows: int, *, more: str = "") -> dict[str, Any]:
    done = "; dropped" if rule.policy == "drop" and ";" not in rule.says else ""
    return {
        "table": counted.name,
        "rule": rule.rule,
        "policy": rule.policy,
        "rows": rows,
        "share": rows / counted.rows if counted.rows else 0.0,
        "examples": "; ".join(counted.examples.get(rule.rule, ())),
        "stops": rule.policy == "refuse",
        "sentence": f"{counted.name}: {rows:,} of {counted.rows:,} rows {rule.says}{done}{more}",
    }


def _budget(counted: Counted, workbook: Workbook) -> str:
    return f" ({counted.dropped / counted.rows:.1%} of the table, allowed are {workbook.thresholds.drop_budget:.1%})"


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
