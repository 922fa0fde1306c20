"""Cells that the page tells in other words than are saved: keys beside names, numbers beside their units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from opsbook.page.words import Sentence


@dataclass(frozen=True)
class Told:
    """One cell: the value that tables/ and report.xlsx hold, and what the page shows for it.

    more: what else the words tell, saved as columns called after this one
    """

    value: Any
    words: Sentence | str
    more: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return str(self.words)


def told_column(values: Iterable[Any], words: Iterable[Sentence | str | None], *, like: pd.DataFrame) -> pd.Series:
    """A column for the rows of a table; without words there is nothing in the cell, on the page and saved."""
    cells = [None if text is None else Told(value, text) for value, text in zip(values, words, strict=True)]
    return pd.Series(cells, index=like.index, dtype=object)
