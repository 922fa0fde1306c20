"""Three rows that show a violation, chosen by their text so that they never change with the engine's order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

HOW_MANY = 3
LONGEST = 240


@ibis.udf.agg.builtin(name="min")
def _first_texts(text: str, how_many: int) -> list[str]:  # type: ignore[empty-body]  # the engine has the body
    """The engine's min(text, n): the n smallest, in order."""


@ibis.udf.scalar.builtin(name="timezone")
def _as_instant(zone: str, at) -> dt.Timestamp(timezone="UTC"):  # type: ignore[no-untyped-def,valid-type]  # engine's own
    """The instant of a naive wall-clock time."""


@ibis.udf.scalar.builtin(name="timezone")
def _as_wall_clock(zone: str, at) -> dt.Timestamp():  # type: ignore[no-untyped-def,valid-type]  # engine's own
    """The wall-clock time of an instant."""


def first_examples(
    table: ir.Table, rows: Mapping[str, ir.BooleanValue], *, columns: tuple[str, ...], zone: str
) -> dict[str, list[str]]:
    """Up to three rows per rule as `column=value` text (times in the zone), in one pass over the violating rows."""
    if not rows:
        return {}
    some = table.mutate(**{f"_shows_{rule}": broken for rule, broken in rows.items()})
    some = some.filter(ibis.or_(*(some[f"_shows_{rule}"] for rule in rows)))
    some = some.mutate(_text=_row_text(some, columns, zone))
    chosen = {rule: _first_texts(some["_text"], HOW_MANY, where=some[f"_shows_{rule}"]) for rule in rows}
    found = some.aggregate(**chosen).to_pyarrow().to_pylist()[0]
    return {rule: texts or [] for rule, texts in found.items()}


def _row_text(table: ir.Table, columns: tuple[str, ...], zone: str) -> ir.StringValue:
    pieces = [_piece(column, _value_text(table, column, zone)) for column in columns]
    return reduce(add, pieces).rstrip().left(LONGEST)


def _value_text(table: ir.Table, column: str, zone: str) -> ir.StringValue:
    """The value as text; where it could not be read, the text that was found in the source."""
    value = table[column]
    if value.type().is_timestamp():
        value = _as_wall_clock(zone, _as_instant("UTC", value))
    text = value.cast("string")
    raw = f"_raw_{column}"
    return ibis.coalesce(text, table[raw]) if raw in table.columns else text


def _piece(column: str, text: ir.StringValue) -> ir.StringValue:
    return ibis.coalesce(ibis.literal(f"{column}=") + text + " ", "")
