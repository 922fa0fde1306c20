"""The data card: which days and tables the report read, and what a rule dropped or flagged."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.page import words
from opsbook.page.bundles import element
from opsbook.page.tables import to_html
from opsbook.page.words import Sentence

# Examples stay out: a report travels, and they hold user ids. `opsbook check` shows them.
COLUMNS = ["table", "rule", "policy", "rows", "share"]
_ROWS = "rows_"
_BY_COLUMN = ("missing_", "unreadable_")


def data_card_html(book: Any, area: str) -> str:
    """Span and tables of the data, then every rule that dropped or flagged rows."""
    start = getattr(book, "data_start", None) or book.period.start
    given = [Sentence(f"common.table.{name}") for name in sorted(book.given)]
    return (
        element("p", words.label("page.data.span", start=start, end=book.as_of))
        + element("p", words.label("page.data.tables", tables=given))
        + _rows_read(facts(book))
        + _checks(frame_of(book.mart.checks), area)
    )


def facts(book: Any) -> dict[str, str]:
    """The mart's `about` table as a mapping."""
    about = frame_of(book.mart.about)
    return {str(key): str(value) for key, value in zip(about["key"], about["value"], strict=True)} if len(about) else {}


def frame_of(table: Any) -> pd.DataFrame:
    """A mart table (Ibis or pandas) as a DataFrame."""
    return table if isinstance(table, pd.DataFrame) else table.to_pandas()


def rule_text(rule: str) -> str:
    """A rule in the reader's words; rules about one column (missing_…, unreadable_…) name it."""
    for prefix in _BY_COLUMN:
        if rule.startswith(prefix):
            return words.label(f"page.rule.{prefix.rstrip('_')}", column=_column(rule.removeprefix(prefix)))
    return words.find(f"page.rule.{rule}") or rule


def _column(name: str) -> str:
    return words.find(f"common.column.{name}") or words.readable(name)


def _rows_read(known: dict[str, str]) -> str:
    counted = {key.removeprefix(_ROWS): int(value) for key, value in known.items() if key.startswith(_ROWS)}
    if not counted:
        return ""
    frame = pd.DataFrame({"table": [_table(name) for name in counted], "rows": list(counted.values())})
    return to_html(frame, area="common", name=words.label("page.data.about"))


def _checks(checks: pd.DataFrame, area: str) -> str:
    found = checks[checks["rows"] > 0] if len(checks) else checks
    if found.empty:
        return element("p", words.label("page.data.clean"))
    shown = found.assign(
        table=[_table(name) for name in found["table"]], rule=[rule_text(rule) for rule in found["rule"]]
    )
    told = words.label("page.data.checked")
    return element("p", told) + to_html(shown[COLUMNS], area=area, name=told)


def _table(name: str) -> str:
    return words.find(f"common.table.{name}") or name
