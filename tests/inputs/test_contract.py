"""The contract as data: tables, columns and laws from which everything else is derived."""

from typing import get_args

import pytest

from opsbook.inputs import contract
from opsbook.inputs.laws import copy_rules, laws, table_rules
from opsbook.inputs.workbook import TableName


def test_contract_and_workbook_name_the_same_tables():
    """Every table that a workbook may name has a contract, and the other way round."""
    assert set(contract.TABLES) == set(get_args(TableName))


@pytest.mark.parametrize("table", list(contract.TABLES))
def test_every_table_describes_its_grain_columns_and_laws(table):
    """The description names every column with its meaning and every rule with its policy, without trailing blanks."""
    text = contract.describe(table)
    assert text.startswith(f"{table}: one row per ")
    for column in contract.TABLES[table].columns:
        assert f"{column.name} " in text
        assert column.meaning in text
    for rule in (*laws(table), *copy_rules(table), *table_rules(table)):
        assert f"{rule.policy} " in text
        assert f"{rule.rule} " in text
        assert rule.says in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("table", list(contract.TABLES))
def test_rules_of_a_table_have_one_name_each_and_drops_come_first(table):
    """No two rules share a name, and a row is claimed by a dropping rule before it can be flagged."""
    names = [rule.rule for rule in (*laws(table), *copy_rules(table), *table_rules(table))]
    assert len(names) == len(set(names))
    policies = [law.policy for law in laws(table)]
    assert policies == sorted(policies, key=lambda policy: policy != "drop")


@pytest.mark.parametrize("table", list(contract.TABLES))
def test_an_empty_table_has_the_whole_schema(table):
    """What stands for a table that is not given has its columns and types and no row."""
    empty = contract.empty_table(table)
    assert empty.columns == contract.TABLES[table].names
    assert empty.count().execute() == 0


def test_keys_are_required_columns():
    """A key without a value would make different rows look alike."""
    for table in contract.TABLES.values():
        assert set(table.key) <= set(table.required)
