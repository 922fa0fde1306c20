"""Lines of text with aligned columns, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), indent: int = 2) -> list[str]:
    """One line per row; columns padded to their widest cell, those numbered in `right` to the right."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]

    def cell(i: int, text: str) -> str:
        return text.rjust(widths[i]) if i in right else text.ljust(widths[i])

    return [(" " * indent + "  ".join(cell(i, text) for i, text in enumerate(row))).rstrip() for row in rows]
