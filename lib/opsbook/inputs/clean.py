"""The rows that the rules keep, as a lazy table."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from opsbook.inputs.copies import without_copies
from opsbook.inputs.count import Counted
from opsbook.inputs.schema import TABLES


def cleaned(counted: Counted) -> ir.Table:
    """The kept rows with the contract's columns: dropped rows left out, disbelieved values blanked, copies removed.

    Of several rows with one key the earliest stays, ties decided by the other columns.
    """
    kept = _believed(_lawful(counted), counted).select(*counted.columns)
    if not counted.copies:
        return kept
    contract = TABLES[counted.name]
    key = contract.key or counted.columns
    order = (*([contract.clock] if contract.clock else []), *counted.columns)
    rest = tuple(column for column in dict.fromkeys(order) if column not in contract.key)
    return without_copies(kept, name=counted.name, key=key, first_by=rest)


def _lawful(counted: Counted) -> ir.Table:
    drops = [law for law in counted.laws if law.policy == "drop" and law.rule in counted.broken]
    broken = [law.broken(counted.table, counted.window).fill_null(False) for law in drops]
    return counted.table.filter(~ibis.or_(*broken)) if broken else counted.table


def _believed(kept: ir.Table, counted: Counted) -> ir.Table:
    values: dict[str, ir.Value] = {}
    for law in counted.laws:
        if law.blanks and law.rule in counted.broken:
            value = values.get(law.blanks, kept[law.blanks])
            disbelieved = law.broken(kept, counted.window).fill_null(False)
            values[law.blanks] = disbelieved.ifelse(ibis.null(value.type()), value)
    return kept.mutate(**values) if values else kept
