"""The company's own columns, units and zones to the contract's, as one view per table in the engine.

Beside the contract's columns a mapped table may hold two kinds of helper columns, which the check reads and drops:
`_raw_<column>` the text of a value that could not be read, `_offset_<column>` whether a text timestamp named its
own offset.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.types as ir

from opsbook.errors import DataRefused, ParameterError
from opsbook.inputs import conversion
from opsbook.inputs.conversion import Reading
from opsbook.inputs.raw import Raw, engine_words, quoted, raw_relation, types_of
from opsbook.inputs.schema import DATATYPES, RESERVED, TABLES, ContractColumn, Kind, TableContract
from opsbook.inputs.workbook import Column, Source, Workbook
from opsbook.inputs.yaml_file import did_you_mean

_ENGINE_TYPES: dict[Kind, str] = {
    "id": "VARCHAR",
    "text": "VARCHAR",
    "number": "DOUBLE",
    "count": "BIGINT",
    "instant": "TIMESTAMP",
    "day": "DATE",
}
assert _ENGINE_TYPES.keys() == DATATYPES.keys()


def contract_tables(
    workbook: Workbook, *, home: Path, con: Any, environ: Mapping[str, str] | None = None
) -> dict[str, ir.Table]:
    """The workbook's tables with the contract's columns and types, lazily on `con`; tables not given are absent.

    environ: where ${NAME} in urls is looked up; default the process environment.
    raises: ParameterError when the mapping cannot be meant, DataRefused when a source cannot be read, OperatorError
        when a url cannot be opened.
    """
    environ = os.environ if environ is None else environ
    return {
        name: _mapped(
            name, source, workbook, raw=raw_relation(name, source, home=home, con=con, environ=environ), con=con
        )
        for name, source in workbook.tables.items()
    }


def _mapped(name: str, source: Source, workbook: Workbook, *, raw: Raw, con: Any) -> ir.Table:
    table = TABLES[name]
    columns = _origins(table, source, raw)
    read = _read_query(table, source, raw, columns)
    types = _types(con, read, table, raw)
    lines = _value_lines(table, source, workbook, raw, columns, types)
    kind = "TABLE" if source.group_by or source.query else "VIEW"
    view = quoted(f"input_{name}")
    try:
        con.raw_sql(f"CREATE OR REPLACE {kind} {view} AS SELECT {', '.join(lines)} FROM ({read})")
    except duckdb.Error as failure:
        raise DataRefused(f"The table {name} cannot be read", found=engine_words(failure), where=raw.place) from failure
    return con.table(f"input_{name}")


def _origins(table: TableContract, source: Source, raw: Raw) -> dict[str, Column]:
    """Contract (or attribute) name -> where it comes from, for every column that the company has."""
    given = {name: Column(column=c) if isinstance(c, str) else c for name, c in source.columns.items()}
    _refuse_unknown(table, source, given)
    key = f"tables.{table.name}"
    found = {name: raw.find(name) for name in table.names if name not in given}
    same_name = {} if source.group_by else {name: Column(column=own) for name, own in found.items() if own}
    attributes = {name: Column(column=name) for name in source.attributes}
    origins = given | same_name | attributes
    for name, column in origins.items():
        if column.column:
            raw.column(column.column, key=f"{key}.attributes" if name in attributes else f"{key}.columns.{name}")
    absent = [name for name in table.required if name not in origins]
    if absent:
        fix = f"add `columns: {{{absent[0]}: …}}`; the source has {', '.join(raw.columns)}"
        raise ParameterError(f"`{key}` must say where {', '.join(absent)} come from", fix=fix, where=raw.place)
    return origins


def _refuse_unknown(table: TableContract, source: Source, given: dict[str, Column]) -> None:
    key = f"tables.{table.name}"
    unknown = [name for name in given if table.column(name) is None]
    if unknown and table.name != "users":
        fix = did_you_mean(unknown[0], list(table.names))
        raise ParameterError(f"`{key}.columns.{unknown[0]}` is not a column of the contract", fix=fix)
    if source.attributes and table.name != "users":
        raise ParameterError(f"`{key}.attributes`: only users have attributes", fix="map the column or leave it out")
    taken = [name for name in (*given, *source.attributes) if name in RESERVED or name.startswith("_")]
    if taken:
        fix = "give it another name: `columns: {my_name: its_name}`"
        raise ParameterError(f"`{key}` cannot have an attribute named `{taken[0]}`: the name is taken", fix=fix)
    for name in source.group_by:
        if name not in given:
            raise ParameterError(
                f"`{key}.group_by` names `{name}`, which `columns` lacks", fix=did_you_mean(name, list(given))
            )
    bare = [
        name for name, column in given.items() if source.group_by and name not in source.group_by and not column.sql
    ]
    if bare:
        raise ParameterError(
            f"`{key}.columns.{bare[0]}` needs an aggregate, because `group_by` makes one row of many",
            fix=f"write {{sql: min({given[bare[0]].column})}}, sum, max … or add {bare[0]} to group_by",
        )


def _read_query(table: TableContract, source: Source, raw: Raw, columns: dict[str, Column]) -> str:
    values = [f"{_source_sql(column, raw)} AS {quoted(name)}" for name, column in columns.items()]
    where = f" WHERE ({source.where})" if source.where else ""
    places = [str(1 + list(columns).index(name)) for name in source.group_by]
    grouped = f" GROUP BY {', '.join(places)}" if places else ""
    return f"SELECT {', '.join(values)} FROM {raw.relation}{where}{grouped}"


def _source_sql(column: Column, raw: Raw) -> str:
    return f"({column.sql})" if column.sql else quoted(raw.find(column.column or "") or "")


def _types(con: Any, read: str, table: TableContract, raw: Raw) -> dict[str, str]:
    try:
        return types_of(con, read)
    except duckdb.Error as failure:
        raise ParameterError(
            f"The SQL in `tables.{table.name}` cannot be used",
            found=engine_words(failure),
            fix=f"the source has {', '.join(raw.columns)}" + (", all as text" if raw.from_csv else ""),
            where=raw.place,
        ) from failure


def _value_lines(
    table: TableContract,
    source: Source,
    workbook: Workbook,
    raw: Raw,
    columns: dict[str, Column],
    types: dict[str, str],
) -> list[str]:
    lines = []
    for contract_column in table.columns:
        name = contract_column.name
        if name in columns:
            reading = _reading(table, source, workbook, raw, columns[name], name, types[name])
            lines += _column_lines(contract_column, reading)
        else:
            lines.append(f"CAST(NULL AS {_ENGINE_TYPES[contract_column.kind]}) AS {quoted(name)}")
    own = [name for name in columns if table.column(name) is None]
    return lines + [f"{_attribute(quoted(name), types[name])} AS {quoted(name)}" for name in own]


def _reading(
    table: TableContract, source: Source, workbook: Workbook, raw: Raw, column: Column, name: str, type_: str
) -> Reading:
    return Reading(
        value=quoted(name),
        type=type_,
        zone=column.zone or workbook.zone,
        workbook_zone=workbook.zone,
        unit=column.unit,
        scale=column.scale,
        dateformat=source.csv.dateformat,
        key=f"tables.{table.name}.columns.{name}",
        from_csv=raw.from_csv,
    )


def _column_lines(column: ContractColumn, reading: Reading) -> list[str]:
    name, sql = column.name, conversion.converted(column.kind, reading)
    lines = [f"{sql} AS {quoted(name)}"]
    if conversion.can_fail(column.kind, reading):
        there = f"{conversion.plain_text(reading)}"
        lines.append(f"CASE WHEN ({sql}) IS NULL THEN {there} END AS {quoted(f'_raw_{name}')}")
    if column.kind == "instant" and reading.is_text and not reading.unit and not reading.dateformat:
        lines.append(f"{conversion.carries_offset(reading)} AS {quoted(f'_offset_{name}')}")
    return lines


def _attribute(value: str, type_: str) -> str:
    """Attributes stay what they are: numbers numbers, texts texts; decimals become doubles."""
    if type_.startswith("DECIMAL"):
        return f"CAST({value} AS DOUBLE)"
    text = type_ == "VARCHAR" or type_.startswith("ENUM")
    return f"nullif(trim(CAST({value} AS VARCHAR)), '')" if text else value
