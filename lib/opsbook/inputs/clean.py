"""The rows that the rules keep, as a lazy table."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from opsbook.inputs.contract import TABLES
from opsbook.inputs.copies import without_copies
from opsbook.inputs.count import Counted


def cleaned(counted: Counted) -> ir.Table:
    """The kept rows with the contract's columns: dropped rows left out, disbelieved values blanked, copies removed.

    Of several rows with one key the earliest stays, ties decided by the other columns.
    """
    kept = counted.flagged.filter(counted.flagged["_cause"] == -1)
    blanks = {law.blanks: law.rule for law in counted.laws if law.blanks and law.rule in counted.broken}
    believed = {
        column: kept[f"_law_{rule}"].ifelse(ibis.null(kept[column].type()), kept[column])
        for column, rule in blanks.items()
    }
    kept = kept.mutate(**believed).select(*counted.columns)
    if not counted.copies:
        return kept
    contract = TABLES[counted.name]
    key = contract.key or counted.columns
    order = (*([contract.clock] if contract.clock else []), *counted.columns)
    rest = tuple(column for column in dict.fromkeys(order) if column not in contract.key)
    return without_copies(kept, name=counted.name, key=key, first_by=rest)
