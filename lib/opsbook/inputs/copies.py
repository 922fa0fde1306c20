"""Rows that stand twice: the same row again, or another row with the same key."""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir


@ibis.udf.scalar.builtin(name="hash")
def _engine_hash(row) -> dt.uint64:  # type: ignore[no-untyped-def]  # any type of row
    """The engine's 64-bit hash."""


def row_hash(table: ir.Table, columns: tuple[str, ...]) -> ir.IntegerValue:
    """A 64-bit hash of the columns' values; equal rows have equal hashes."""
    return _engine_hash(ibis.struct({column: table[column] for column in columns}))


def repeated(table: ir.Table, key: tuple[str, ...]) -> ir.Table:
    """The rows whose key occurs more than once (a handful more where two hashes agree by chance)."""
    hashed = table.mutate(_hash=row_hash(table, key))
    return hashed.semi_join(_hashes_seen_twice(hashed), "_hash").drop("_hash")


def without_copies(table: ir.Table, *, name: str, key: tuple[str, ...], first_by: tuple[str, ...]) -> ir.Table:
    """One row per key, the first in the order of `first_by`.

    Only rows whose key occurs twice are sorted. Their hashes are looked for once and kept in the engine under
    `repeated_<name>`.
    """
    hashed = table.mutate(_hash=row_hash(table, key))
    twice = table.get_backend().create_table(f"repeated_{name}", _hashes_seen_twice(hashed), temp=True, overwrite=True)
    order = [ibis.asc(column) for column in first_by]
    ranked = hashed.semi_join(twice, "_hash").mutate(_copy=ibis.row_number().over(group_by=list(key), order_by=order))
    singles = hashed.anti_join(twice, "_hash").select(*table.columns)
    return singles.union(ranked.filter(ranked["_copy"] == 0).select(*table.columns))


def _hashes_seen_twice(hashed: ir.Table) -> ir.Table:
    seen = hashed.group_by("_hash").aggregate(_times=hashed.count())
    return seen.filter(seen["_times"] > 1).select("_hash")
