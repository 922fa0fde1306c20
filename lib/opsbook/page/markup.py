"""The elements of a table: dense where it has many columns, and on a phone one block per row where its cells are text.

Blocks are no table to a screen reader, so such a table says by its roles what it still is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opsbook.page.bundles import escaped
from opsbook.page.shorten import width

MANY = 4  # more columns than this stand close together
ONE_RECORD = 8  # a single row of more columns than this is told downwards
FEW = 3  # so few rows are compared as easily one below the other
STACKED = 4  # text in fewer columns than this has room on a phone
LONG = 24  # a cell wider than this is text to be read, in letters of the Latin alphabet


class Head(NamedTuple):
    """A column: its heading and how its values are shown."""

    label: str
    spec: str


class Cell(NamedTuple):
    """A value as text, and its interval where it has one."""

    value: str
    bounds: str = ""


def table(heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> str:
    """The table element."""
    if len(rows) == 1 and len(heads) > ONE_RECORD:
        return _record(heads, rows[0])
    stack = _stacked(heads, rows)
    kind = " ".join(word for word, so in (("stack", stack), ("dense", len(heads) > MANY)) if so)
    top = "".join(_header(head, stack=stack) for head in heads)
    body = "".join(_row(heads, row, stack=stack) for row in rows)
    return (
        f"<table{_class(kind)}{_role('table', stack)}><thead{_role('rowgroup', stack)}><tr{_role('row', stack)}>{top}"
        f"</tr></thead><tbody{_role('rowgroup', stack)}>{body}</tbody></table>"
    )


def _record(heads: Sequence[Head], row: Sequence[Cell]) -> str:
    """A single row, each column on a line of its own."""
    lines = (
        f'<tr><th scope="row">{escaped(head.label)}</th><td>{_inside(cell)}</td></tr>'
        for head, cell in zip(heads, row, strict=True)
    )
    return f'<table class="record"><tbody>{"".join(lines)}</tbody></table>'


def _stacked(heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a phone shows each row as a block: text, or many numbers of few rows."""
    return len(heads) >= STACKED and (_to_be_read(heads, rows) or (len(heads) > MANY and len(rows) <= FEW))


def _to_be_read(heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a column after the first holds text rather than names and numbers."""
    return any(_long(cell, head) for row in rows for cell, head in list(zip(row, heads, strict=True))[1:])


def _long(cell: Cell, head: Head) -> bool:
    return head.spec == "text" and width(cell.value) > LONG


def _header(head: Head, *, stack: bool) -> str:
    return f'<th scope="col"{_class(_kind(head))}{_role("columnheader", stack)}>{escaped(head.label)}</th>'


def _row(heads: Sequence[Head], row: Sequence[Cell], *, stack: bool) -> str:
    label = _label(heads[0]) if stack and _bare(row[0]) else ""
    first = f'<th scope="row"{_class(_kind(heads[0]))}{_role("rowheader", stack)}{label}>{_inside(row[0])}</th>'
    rest = (_cell(head, cell, stack=stack) for head, cell in list(zip(heads, row, strict=True))[1:])
    return f"<tr{_role('row', stack)}>{first}{''.join(rest)}</tr>"


def _cell(head: Head, cell: Cell, *, stack: bool) -> str:
    label = _label(head) if stack else ""
    kind = "long" if _long(cell, head) else _kind(head)
    return f"<td{_class(kind)}{_role('cell', stack)}{label}>{_inside(cell)}</td>"


def _label(head: Head) -> str:
    return f' data-label="{escaped(head.label)}"'


def _bare(cell: Cell) -> bool:
    """Whether a row's first cell is a mere number, which names nothing without the heading of its column."""
    return bool(cell.value) and not any(letter.isalpha() for letter in cell.value)


def _inside(cell: Cell) -> str:
    """The interval is an element of its own: it moves below its value where there is little room."""
    bounds = f' <span class="bounds">{escaped(cell.bounds)}</span>' if cell.bounds else ""
    return escaped(cell.value) + bounds


def _kind(head: Head) -> str:
    return "day" if head.spec in ("date", "month") else "" if head.spec in ("text", "yes_no") else "num"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _role(name: str, told: bool) -> str:
    return f' role="{name}"' if told else ""
