"""Cells that the page tells in other words than the saved tables hold: keys beside names, numbers beside their units.

What is saved is the same in every language; a report in Chinese and one in English of the same run can be joined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opsbook.page.words import Sentence


@dataclass(frozen=True)
class Told:
    """One cell: the value that tables/ and report.xlsx hold, and what the page shows for it."""

    value: Any
    words: Sentence | str

    def __str__(self) -> str:
        return str(self.words)


def told_column(values: Iterable[Any], words: Iterable[Sentence | str | None], *, like: pd.DataFrame) -> pd.Series:
    """A column for the rows of a table; without words there is nothing in the cell, on the page and saved."""
    cells = [None if text is None else Told(value, text) for value, text in zip(values, words, strict=True)]
    return pd.Series(cells, index=like.index, dtype=object)


def saved(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is saved: values in place of the cells that the page tells in other words."""
    told = [name for name in table if any(isinstance(cell, Told) for cell in table[name])]
    return table.assign(**{str(name): _values(table[name]) for name in told}) if told else table


def _values(cells: pd.Series) -> pd.Series:
    """The values behind the cells, as numbers where all of them are."""
    values = [cell.value if isinstance(cell, Told) else cell for cell in cells]
    return pd.Series(values, index=cells.index, dtype=object).infer_objects()
