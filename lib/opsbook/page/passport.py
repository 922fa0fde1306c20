"""A section's metric passport: how its number is counted, over which days and rows, and how far it may be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsbook.errors import OperatorError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.page import words
from opsbook.page.data_card import facts, frame_of
from opsbook.page.words import Sentence

COUNTED = ("formula", "denominator", "window")
EVIDENCE = ("counted", "compared", "associated", "estimated", "forecast", "A", "B", "C", "D", "E")
DROP = "drop"


def passport(book: Any, area: str, name: str, *, reads: Sequence[str], evidence: str) -> list[tuple[str, str]]:
    """(what, text) lines: formula, denominator and window of `<area>.passport.<name>`, then what this run adds.

    reads: tables of the contract; those the company lacks are left out. evidence: one of EVIDENCE
    raises: OperatorError for an evidence that does not exist
    """
    if evidence not in EVIDENCE:
        raise OperatorError(f"`{evidence}` is no kind of evidence", fix=did_you_mean(evidence, list(EVIDENCE)))
    known = _known(book)
    told = {what: _filled(f"{area}.passport.{name}.{what}", known) for what in COUNTED}
    told |= {"clock": _clock(book), "settling": _settling(book), "rows": _rows(book, reads)}
    told["evidence"] = words.label(f"page.evidence.{evidence}")
    return [(words.label(f"page.passport.{what}"), text) for what, text in told.items() if text]


def _known(book: Any) -> dict[str, Any]:
    """What the texts may speak of."""
    return {"start": book.period.start, "end": book.period.end, "as_of": book.as_of}


def _filled(key: str, known: Mapping[str, Any]) -> str:
    needed = words.entry(key, words.language()).fields
    return words.label(key, **{name: value for name, value in known.items() if name in needed})


def _clock(book: Any) -> str:
    own = book.workbook
    return words.label("page.passport.clock_text", zone=own.zone, week_start=Sentence(f"page.weekday.{own.week_start}"))


def _settling(book: Any) -> str:
    waited = (book.as_of - book.settled_through).days
    if not waited:
        return words.label("page.passport.settling_none", as_of=book.as_of)
    return words.label("page.passport.settling_days", days=waited, settled=book.settled_through)


def _rows(book: Any, reads: Sequence[str]) -> str:
    """Rows read of each table, and of those how many the contract's rules dropped."""
    read, dropped = facts(book), _dropped(book)
    parts = [
        Sentence(
            f"page.passport.rows_{'dropped' if dropped.get(name) else 'read'}",
            table=Sentence(f"common.table.{name}"),
            rows=int(read[f"rows_{name}"]),
            **({"dropped": dropped[name]} if dropped.get(name) else {}),
        )
        for name in reads
        if f"rows_{name}" in read
    ]
    return words.label("page.message.between").join(part.text() for part in parts)


def _dropped(book: Any) -> dict[str, int]:
    checks = frame_of(book.mart.checks)
    found = checks[checks["policy"] == DROP] if len(checks) else checks
    return {str(name): int(rows) for name, rows in found.groupby("table")["rows"].sum().items()} if len(found) else {}
