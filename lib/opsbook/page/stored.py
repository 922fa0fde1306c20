"""What a saved table holds for cells that the page tells in words: keys and numbers, the ends of an interval apart.

It is the same in every language; a report in Chinese and one in English of the same run can be joined. Prose stays
prose, in the language of the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from opsbook.page import words
from opsbook.page.format import is_missing
from opsbook.page.told import Told
from opsbook.page.words import Sentence

ENDS = ("low", "high")
MIXED = "mixed"  # figures of several units in one column, each row in its own
OWN = ""  # the column of the value itself; others are called after it


def saved(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is saved: values in place of the cells that the page tells in other words.

    A cell that tells numbers, such as "+32 (−60 to +124)", is saved as column, column_low and column_high; a word
    of the catalogue by its key.
    """
    made = {name: _columns(str(name), table[name]) for name in table}
    if not any(made.values()):
        return table
    kept: dict[str, pd.Series] = {}
    for name, own in made.items():
        parts = own or {str(name): table[name]}
        if taken := parts.keys() & kept.keys():
            raise ValueError(f"two columns of the table would be saved as {', '.join(sorted(taken))}")
        kept |= parts
    return pd.DataFrame(kept, index=table.index)


def specs(table: pd.DataFrame) -> dict[str, str]:
    """How the page shows the numbers of its cells, by saved column; MIXED where its rows differ."""
    found: dict[str, set[str]] = {}
    for name in table:
        for cell in table[name] if _columns(str(name), table[name]) else ():
            if isinstance(cell, Sentence) and _numbers(cell):
                pieces = words.entry(cell.key, words.language()).forms["other"]
                shown = {field: spec for _text, field, spec in pieces if field}
                for part, field in _parts(cell).items():
                    found.setdefault(f"{name}{part}", set()).add(shown.get(field, "number"))
    return {name: next(iter(own)) if len(own) == 1 else MIXED for name, own in found.items()}


def keys(cells: Iterable[Any]) -> dict[str, Any]:
    """What the page calls each saved key: the cells of a column of words by the key they are saved under."""
    told = [cell for cell in cells if isinstance(cell, Sentence) and not cell.values]
    return {_key(cell): cell for cell in told}


def _columns(name: str, cells: pd.Series) -> dict[str, pd.Series]:
    """The saved columns of one column; nothing where it is saved as it is."""
    if cells.dtype != object or not any(isinstance(cell, Told | Sentence) for cell in cells):
        return {}
    measured = any(isinstance(cell, Sentence) and _numbers(cell) for cell in cells)
    rows = [_taken(cell, measured) for cell in cells]
    told = any(isinstance(cell, Told) for cell in cells)
    if None in rows or _ambiguous(cells):
        plain = [cell.value if isinstance(cell, Told) else cell for cell in cells]
        return {name: pd.Series(plain, cells.index, dtype=object).infer_objects()} if told else {}
    parts = dict.fromkeys(part for row in rows if row for part in row)
    series = {part: [(row or {}).get(part) for row in rows] for part in parts or (OWN,)}
    return {f"{name}{part}": pd.Series(own, cells.index, dtype=object).infer_objects() for part, own in series.items()}


def _taken(cell: Any, measured: bool) -> dict[str, Any] | None:
    """The saved parts of one cell; None for prose, and for text in a column of numbers."""
    if isinstance(cell, Told):
        return {OWN: cell.value} | {f"_{name}": value for name, value in cell.more.items()}
    if isinstance(cell, Sentence):
        if numbers := _numbers(cell):
            return {part: numbers[field] for part, field in _parts(cell).items()}
        return None if cell.values else {} if measured else {OWN: _key(cell)}
    if is_missing(cell) or cell == "":
        return {}
    return None if measured and isinstance(cell, str) else {OWN: cell}


def _numbers(cell: Sentence) -> Mapping[str, Any]:
    """The fields that the text shows, if all are numbers and one is the value; missing ones are None."""
    shown = {name: cell.values[name] for name in words.entry(cell.key, words.language()).fields}
    plain = all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in shown.values()
    )
    return shown if plain and ("value" in shown or len(shown) - len(_ends(shown)) <= 1) else {}


def _ends(fields: Iterable[str]) -> dict[str, str]:
    """The ends of the interval among the fields: low and high, or what ends so."""
    return {f"_{end}": name for end in ENDS for name in sorted(fields) if name == end or name.endswith(f"_{end}")}


def _parts(cell: Sentence) -> dict[str, str]:
    """Saved part -> field: the value itself, the ends of its interval, and what else stands beside it."""
    fields = _numbers(cell)
    ends = _ends(fields)
    rest = sorted(set(fields) - set(ends.values()))
    own = "value" if "value" in rest else rest[0] if rest else ""
    beside = {f"_{name}": name for name in rest if name != own}
    return ({OWN: own} if own else {}) | ends | beside


def _key(cell: Sentence) -> str:
    return cell.key.rsplit(".", 1)[-1]


def _ambiguous(cells: pd.Series) -> bool:
    """Whether two words of a column, or a word and a name, would be saved as one."""
    told = {cell.key for cell in cells if isinstance(cell, Sentence) and not cell.values}
    short = {key.rsplit(".", 1)[-1] for key in told}
    names = {cell.value if isinstance(cell, Told) else cell for cell in cells if isinstance(cell, Told | str)}
    return len(short) < len(told) or bool(short & names)
