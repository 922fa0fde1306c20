"""A small DataFrame as an HTML table people can read, and as the Parquet bytes that travel inside the notebook."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from opsbook.page import format as formats
from opsbook.page import layout, markup, words
from opsbook.page.bundles import escaped
from opsbook.page.stored import keys, saved
from opsbook.page.stored import specs as told_specs
from opsbook.page.told import Told

SHOWN_ROWS = 20
_PERCENT = ("share", "rate", "percent")
_RESERVED = ("unknown", "other")  # names that Opsbook itself gives to what has none, or is too small for its own
_BOUNDED = {"percent", "points", "signed_points", "money", "signed_money"}  # what the ends of an interval share
# A column has one unit: no cell of it is told in 万 beside others that are not.
_WHOLE = {
    "money": "money_whole",
    "signed_money": "signed_money_whole",
    "count": "whole",
    "signed_count": "signed_whole",
}


def to_html(frame: pd.DataFrame, *, area: str, name: str, specs: Mapping[str, str] | None = None) -> str:
    """The table with localised header and values, cut after SHOWN_ROWS rows with a note where the rest is.

    specs: column -> format spec, for columns whose name does not tell (see `column_spec`). Of a wide table only the
    columns that `layout.columns` chooses stand on the page, intervals in the cell of their value.
    """
    flat = flattened(frame)
    chosen, shown = _chosen(flat, specs), layout.columns(flat, area=area, name=name)
    heads = [markup.Head(column_label(column.name, area), chosen[column.name]) for column in shown]
    records = flat.head(SHOWN_ROWS).to_dict("records")
    rows = [[_told(row, one, chosen[one.name], area) for one in shown] for row in records]
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(name)}">'
        f"{markup.table(heads, rows)}</div>{_note(len(flat), name)}"
    )


def columns_shown(frame: pd.DataFrame, *, area: str, specs: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """One entry per column as saved: name, label, spec, and value -> words for texts that the page tells in others."""
    flat = flattened(frame)
    chosen = _chosen(saved(flat), told_specs(flat) | dict(specs or {}))
    return [
        {
            "name": name,
            "label": _saved_label(name, flat, area),
            "spec": spec,
            "words": _words_of(flat, name, spec, area),
        }
        for name, spec in chosen.items()
    ]


def _saved_label(name: str, flat: pd.DataFrame, area: str) -> str:
    """A column's own label; what the page tells in the cell of another, such as the end of its interval, after it."""
    own, _, part = name.rpartition("_")
    if name in flat or own not in flat:
        return column_label(name, area)
    return f"{column_label(own, area)} · {column_label(part, area)}"


def _words_of(flat: pd.DataFrame, name: str, spec: str, area: str) -> dict[str, str]:
    if spec != "text" or name not in flat:
        return {}
    column = flat[name]
    texts: dict[str, Any] = {value: value for value in column if type(value) is str} | keys(column)
    texts |= {cell.value: cell for cell in column if isinstance(cell, Told) and type(cell.value) is str}
    shown = {value: cell_text(texts[value], str(column.name), spec, area) for value in sorted(texts)}
    return {value: text for value, text in shown.items() if text != value}


def _chosen(flat: pd.DataFrame, specs: Mapping[str, str] | None) -> dict[str, str]:
    chosen = {str(column): (specs or {}).get(str(column)) or column_spec(flat[column]) for column in flat}
    bounded = {bound: chosen[of] for of in chosen for bound in _bounds(of, list(chosen)) if bound not in (specs or {})}
    return chosen | {bound: spec for bound, spec in bounded.items() if spec in _BOUNDED}


def _bounds(column: str, names: Sequence[str]) -> list[str]:
    """The columns of its interval: called after it, or plainly low and high right behind it."""
    place = names.index(column) + 1
    plain = ["low", "high"] if list(names[place : place + 2]) == ["low", "high"] else []
    return [name for name in (f"{column}_low", f"{column}_high", *plain) if name in names]


def _note(rows: int, name: str) -> str:
    if rows == 0:
        return f'<p class="note">{escaped(words.label("page.table.empty"))}</p>'
    if rows <= SHOWN_ROWS:
        return ""
    text = words.label("page.table.cut", shown=SHOWN_ROWS, rows=rows, name=name)
    return f'<p class="note">{escaped(text)}</p>'


def column_spec(column: pd.Series) -> str:
    """How a column is shown, from its dtype and name: dates, shares (share_…, …_share, …_rate), days, whole counts.

    Integer columns keep every digit (`whole`), other numbers have three significant ones, the rest is text.
    """
    words_of_name = str(column.name).lower().split("_")
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if pd.api.types.is_bool_dtype(column):
        return "yes_no"
    if not pd.api.types.is_numeric_dtype(column):
        return "text"
    if words_of_name[0] == "share" or words_of_name[-1] in _PERCENT:
        return "percent"
    if "points" in words_of_name:
        return "points"
    if words_of_name[0] == "p":
        return "pvalue"
    return "whole" if _is_whole(column) else "number"


def _is_whole(column: pd.Series) -> bool:
    """Integers, also those that became floats because a value is missing."""
    filled = column.dropna()
    return bool(len(filled)) and bool((filled == filled.round()).all()) and float(filled.abs().max()) < 1e15


def column_label(column: str, area: str) -> str:
    """The catalogue's `<area>.column.<name>`, else `common.column.<name>`, else the company's label or the name."""
    return words.find(f"{area}.column.{column}", f"common.column.{column}") or words.named(column)


def _told(row: Mapping[Any, Any], column: layout.Shown, spec: str, area: str) -> markup.Cell:
    """A value, with its interval where it has one that says more than the value."""
    names = [name for name in column if name]
    value, *bounds = (cell_text(row[name], column.name, spec, area) for name in names)
    if not bounds or formats.MISSING in bounds or set(bounds) == {value}:
        return markup.Cell(value)
    return markup.Cell(value, words.label("page.table.bounds", low=bounds[0], high=bounds[1]))


def cell_text(value: Any, column: str, spec: str, area: str) -> str:
    """One value as shown; text values are looked up as `<area>.<column>.<value>` (stage names and the like)."""
    if isinstance(value, Told):
        return cell_text(value.words, column, "text", area)
    if isinstance(value, words.Sentence):
        return value.text()
    if formats.is_missing(value):
        return formats.MISSING
    if spec == "yes_no":
        return words.label("common.yes" if value else "common.no")
    if spec == "text" and isinstance(value, str):
        reserved = [f"common.{value}"] if value in _RESERVED else []
        return words.find(f"{area}.{column}.{value}", f"common.{column}.{value}", *reserved) or words.named(value)
    return words.show(value.item() if hasattr(value, "item") else value, _WHOLE.get(spec, spec))


def flattened(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with text column names and its meaningful index as columns; several header rows become one."""
    plain = frame if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None else frame.reset_index()
    names = [" ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name) for name in plain.columns]
    return plain.set_axis(names, axis=1)


def to_parquet(frame: pd.DataFrame) -> str:
    """The frame as base64 Parquet; values Parquet does not know (periods, intervals, sentences) are stored as text."""
    stored = io.BytesIO()
    saved(flattened(frame)).apply(_storable).to_parquet(stored, engine="pyarrow", compression="zstd", index=False)
    return base64.b64encode(stored.getvalue()).decode("ascii")


def from_parquet(text: str) -> pd.DataFrame:
    """The frame that `to_parquet` stored."""
    return pd.read_parquet(io.BytesIO(base64.b64decode(text)), engine="pyarrow")


def _storable(column: pd.Series) -> pd.Series:
    kept = (pd.DatetimeTZDtype, pd.CategoricalDtype)
    if isinstance(column.dtype, kept) or pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("string") if isinstance(column.dtype, pd.CategoricalDtype) else column
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return column
    return column.map(lambda value: None if formats.is_missing(value) else str(value)).astype("string")
