"""Tables an analysis may be given: an Ibis table of the mart, or a plain pandas table."""

from __future__ import annotations

from typing import TypeAlias

import ibis
import ibis.expr.types as ir
import pandas as pd

Tabular: TypeAlias = ir.Table | pd.DataFrame


def engine_table(table: Tabular) -> ir.Table:
    """The table as an Ibis table; a DataFrame is lent to the embedded engine without a copy of its own."""
    if not isinstance(table, pd.DataFrame):
        return table
    return ibis.memtable(table).cast(dict.fromkeys(_midnight_columns(table), "date"))


def _midnight_columns(table: pd.DataFrame) -> list[str]:
    """Datetime columns that hold only days: pandas has no date type, the mart's `day` columns are dates."""
    stamps = table.select_dtypes("datetime").columns
    return [name for name in stamps if (table[name].dropna() == table[name].dropna().dt.normalize()).all()]
