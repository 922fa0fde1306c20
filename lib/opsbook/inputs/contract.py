"""The contract: which tables a company may bring, what their columns mean, and which laws they must keep.

Everything else is derived from it: what a mapping must name, how a column is converted, what the check counts,
and what `describe` prints.
"""

from __future__ import annotations

from opsbook.inputs.laws import copy_rules, laws, table_rules
from opsbook.inputs.schema import DATATYPES, TABLES, ContractColumn, TableContract, empty_table, schema
from opsbook.inputs.text_table import aligned

__all__ = ["DATATYPES", "TABLES", "ContractColumn", "TableContract", "describe", "empty_table", "schema"]


def describe(table: str) -> str:
    """The table's grain, columns and laws as aligned text, one line each."""
    contract = TABLES[table]
    columns = [_column_line(column) for column in contract.columns]
    every = [*laws(table), *copy_rules(table), *table_rules(table)]
    rules = [(rule.policy, rule.rule, f"… rows {rule.says}") for rule in every]
    return "\n".join([f"{table}: {contract.grain}", "", *aligned(columns), "", *aligned(rules)]) + "\n"


def _column_line(column: ContractColumn) -> tuple[str, ...]:
    return column.name, column.kind, "required" if column.required else "optional", column.unit, column.meaning
