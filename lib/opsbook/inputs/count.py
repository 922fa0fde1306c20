"""Counting violations: one aggregate per table, one small second query for examples, nothing large in Python."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from opsbook.inputs.copies import repeated, row_hash
from opsbook.inputs.examples import first_examples
from opsbook.inputs.laws import EXACT, KEY, TWO_VARIANTS, Bounds, Law, bounds, laws
from opsbook.inputs.schema import TABLES, TableContract
from opsbook.inputs.workbook import Workbook


@dataclass(frozen=True)
class Counted:
    """Counts of one mapped table, and the laws and bounds they were counted by."""

    name: str
    table: ir.Table
    window: Bounds
    columns: tuple[str, ...]
    laws: tuple[Law, ...]
    broken: dict[str, int]
    examples: dict[str, list[str]]
    rows: int
    valid: int
    copies: int
    first: Any
    last: Any
    users: int
    keys: int
    after_as_of: int

    @property
    def kept(self) -> int:
        """Rows that no rule drops."""
        return self.valid - self.copies

    @property
    def dropped(self) -> int:
        """Rows that a rule drops."""
        return self.rows - self.kept


def counted(name: str, tables: dict[str, ir.Table], workbook: Workbook, *, as_of: date) -> Counted:
    """Every count of one table. A row that breaks several dropping laws is counted under the first of them."""
    contract, window = TABLES[name], bounds(name, workbook, as_of=as_of)
    columns = tuple(column for column in tables[name].columns if not column.startswith("_"))
    seen = _with_other_tables(name, tables)
    own_laws = tuple(law for law in laws(name) if set(law.needs) <= set(seen.columns))
    # A view keeps the laws' long expression out of every query on it: putting it into SQL costs more than running it.
    flagged = seen.get_backend().create_view(f"flagged_{name}", _flagged(seen, own_laws, window), overwrite=True)
    measures = _measures(contract, flagged, own_laws, columns, window)
    row = flagged.aggregate(**measures).to_pyarrow().to_pylist()[0]
    row.setdefault("distinct_keys", row["distinct_rows"])
    broken = _broken(own_laws, row)
    return Counted(
        name=name,
        table=tables[name],
        window=window,
        columns=columns,
        laws=own_laws,
        broken=broken,
        examples=_examples(flagged, contract, columns, own_laws, broken, workbook.zone),
        rows=row["rows"],
        valid=row["valid"],
        copies=row["valid"] - row["distinct_keys"],
        first=row["first"],
        last=row["last"],
        users=row["users"],
        keys=row["distinct_keys"],
        after_as_of=row["after_as_of"],
    )


def _with_other_tables(name: str, tables: dict[str, ir.Table]) -> ir.Table:
    """Add what laws across tables look at: whether the user is known, when the campaign was first shown to the user."""
    table = tables[name]
    if name != "users" and "users" in tables and "user_id" in table.columns:
        users = tables["users"]
        table = table.mutate(_known=table.user_id.isin(users.filter(users.user_id.notnull()).user_id))
    if name == "redemptions" and "exposures" in tables:
        by = ["campaign_id", "user_id"]
        shown = tables["exposures"].group_by(by).aggregate(_first_shown=lambda t: t.exposed_at.min())
        table = table.left_join(shown, by).drop("campaign_id_right", "user_id_right")
    return table


def _flagged(table: ir.Table, own_laws: tuple[Law, ...], window: Bounds) -> ir.Table:
    """The table with one boolean `_law_<rule>` per law and `_cause`, the number of the first dropping law or -1."""
    marks = {f"_law_{law.rule}": law.broken(table, window).fill_null(False) for law in own_laws}
    table = table.mutate(**marks)
    drops = [law for law in own_laws if law.policy == "drop"]
    branches = [(table[f"_law_{law.rule}"], ibis.literal(number)) for number, law in enumerate(drops)]
    return table.mutate(_cause=ibis.cases(*branches, else_=-1) if branches else ibis.literal(-1))


def broken_by(flagged: ir.Table, law: Law, own_laws: tuple[Law, ...]) -> ir.BooleanValue:
    """The rows counted under the law: first cause for a dropping law, valid rows for a flag."""
    drops = [other.rule for other in own_laws if other.policy == "drop"]
    if law.policy == "drop":
        return flagged["_cause"] == drops.index(law.rule)
    return flagged[f"_law_{law.rule}"] & (flagged["_cause"] == -1)


def _measures(
    contract: TableContract, flagged: ir.Table, own_laws: tuple[Law, ...], columns: tuple[str, ...], window: Bounds
) -> dict[str, ir.Value]:
    valid = flagged["_cause"] == -1
    clock = contract.clock or next((column.name for column in contract.columns if column.kind == "day"), None)
    at = flagged[clock]
    broken: dict[str, ir.Value] = {law.rule: flagged.count(where=broken_by(flagged, law, own_laws)) for law in own_laws}
    distinct = {
        "distinct_rows": columns,
        "distinct_keys": contract.key,
        "distinct_variants": (*contract.key, "variant") if "variant" in columns else (),
    }
    hashes = {name: row_hash(flagged, of).nunique(where=valid) for name, of in distinct.items() if of}
    return (
        broken
        | hashes
        | {
            "rows": flagged.count(),
            "valid": flagged.count(where=valid),
            "dated": flagged.count(where=valid & at.notnull()),
            "users": flagged["user_id"].nunique(where=valid) if "user_id" in columns else ibis.literal(0),
            "first": at.min(where=valid),
            "last": at.max(where=valid),
            "after_as_of": row_hash(flagged, contract.key or columns).nunique(where=valid & _later(at, window)),
        }
    )


def _later(at: ir.Value, window: Bounds) -> ir.BooleanValue:
    """After the last day that is read: by the clock, or of costs by their day; rows of no time are none."""
    after = at > ibis.date(window.last_day) if at.type().is_date() else at >= window.end
    return after.fill_null(False)


def _broken(own_laws: tuple[Law, ...], row: dict[str, Any]) -> dict[str, int]:
    """Rows per broken rule; a column in which no timestamp names an offset is not mixed."""
    broken = {law.rule: row[law.rule] for law in own_laws}
    if broken.get("mixed_zones") == row["dated"]:
        broken["mixed_zones"] = 0
    broken[EXACT] = row["valid"] - row["distinct_rows"]
    broken[KEY] = row["distinct_rows"] - row["distinct_keys"]
    broken[TWO_VARIANTS] = row.get("distinct_variants", row["distinct_keys"]) - row["distinct_keys"]
    return {rule: rows for rule, rows in broken.items() if rows}


def _examples(
    flagged: ir.Table,
    contract: TableContract,
    columns: tuple[str, ...],
    own_laws: tuple[Law, ...],
    broken: dict[str, int],
    zone: str,
) -> dict[str, list[str]]:
    rows = {law.rule: broken_by(flagged, law, own_laws) for law in own_laws if law.rule in broken}
    found = first_examples(flagged, rows, columns=columns, zone=zone)
    valid = flagged.filter(flagged["_cause"] == -1).select(*columns)
    if EXACT in broken:
        found |= _copy_examples(repeated(valid, columns).distinct(), EXACT, columns, zone)
    for rule in {KEY, TWO_VARIANTS} & broken.keys():
        different = repeated(repeated(valid, contract.key).distinct(), contract.key)
        found |= _copy_examples(different, rule, columns, zone)
    return found


def _copy_examples(rows: ir.Table, rule: str, columns: tuple[str, ...], zone: str) -> dict[str, list[str]]:
    return first_examples(rows, {rule: ibis.literal(True)}, columns=columns, zone=zone)
