"""Raw sources as relations of the engine, exactly as the company wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from opsbook.errors import DataRefused, ParameterError
from opsbook.inputs import remote
from opsbook.inputs.files import find_files, is_parquet
from opsbook.inputs.schema import TABLES
from opsbook.inputs.workbook import Csv, Source
from opsbook.inputs.yaml_file import did_you_mean


@dataclass(frozen=True)
class Raw:
    """A relation in the engine: its name, its columns with the engine's types, where it came from."""

    relation: str
    columns: dict[str, str]
    place: str
    from_csv: bool = False

    def find(self, name: str) -> str | None:
        """The source's own spelling of a column name (case does not count), or None."""
        return next((column for column in self.columns if column.lower() == name.lower()), None)

    def column(self, name: str, *, key: str) -> str:
        """The source's own spelling of a column that the mapping names under `key`; raises ParameterError."""
        found = self.find(name)
        if found is None:
            fix = did_you_mean(name, list(self.columns))
            raise ParameterError(
                f"`{key}` names the column `{name}`, which the source lacks", fix=fix, where=self.place
            )
        return found


def raw_relation(name: str, source: Source, *, home: Path, con: Any, environ: Mapping[str, str]) -> Raw:
    """Make the source of the contract table `name` readable in the engine, reading no more than its head.

    raises: DataRefused when a file or database cannot be read, OperatorError when a url cannot, ParameterError when the
        mapping cannot be meant.
    """
    if source.path:
        return _from_files(f"raw_{name}", source.path, source.csv, home=home, con=con)
    if source.database:
        return _from_duckdb(name, source, home=home, con=con)
    if source.url:
        return _from_url(name, source, con=con, environ=environ)
    return _from_query(name, source, home=home, con=con)


def fetched_columns(name: str, source: Source, raw: Raw) -> list[str]:
    """The source columns that the mapping of `name` can need: all of them as soon as it holds any SQL."""
    mapped = [column if isinstance(column, str) else column.column for column in source.columns.values()]
    wanted = {raw.column(column, key=f"tables.{name}.columns") for column in [*mapped, *source.attributes] if column}
    if None in mapped or source.where:
        return list(raw.columns)
    wanted |= {found for found in map(raw.find, TABLES[name].names) if found}
    return [column for column in raw.columns if column in wanted]


def types_of(con: Any, query: str) -> dict[str, str]:
    """Column names and engine types of a query, without running it."""
    return {row[0]: row[1] for row in con.raw_sql(f"DESCRIBE {query}").fetchall()}


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text."""
    return "'" + text.replace("'", "''") + "'"


def engine_words(failure: duckdb.Error) -> str:
    """What the engine said, on one line and without the statement it was given."""
    said = str(failure).split("\nLINE ", 1)[0]
    return " ".join(said.split())[:600]


def _from_files(relation: str, path: str, csv: Csv, *, home: Path, con: Any) -> Raw:
    found = find_files(path, home=home)
    if len({is_parquet(file) for file in found}) > 1:
        raise ParameterError(f"`{path}` matches Parquet and CSV files", fix="give them two tables or a narrower glob")
    names = "[" + ", ".join(literal(str(file)) for file in found) + "]"
    parquet = is_parquet(found[0])
    reader = f"read_parquet({names}, union_by_name = true)" if parquet else f"read_csv({names}, {_csv_options(csv)})"
    try:
        con.raw_sql(f"CREATE OR REPLACE VIEW {quoted(relation)} AS SELECT * FROM {reader}")
        columns = types_of(con, f"SELECT * FROM {quoted(relation)}")
    except duckdb.Error as failure:
        raise DataRefused(f"`{path}` cannot be read", found=engine_words(failure), where=found[0]) from failure
    return Raw(quoted(relation), columns, path, from_csv=not parquet)


def _csv_options(csv: Csv) -> str:
    options = {
        "all_varchar": "true",
        "union_by_name": "true",
        "header": str(csv.header if csv.header is not None else not csv.names).lower(),
        "delim": csv.delim and literal(csv.delim.replace("\\t", "\t")),
        "quote": csv.quote and literal(csv.quote),
        "skip": str(csv.skip) if csv.skip else None,
        "encoding": literal(csv.encoding),
        "names": csv.names and "[" + ", ".join(map(literal, csv.names)) + "]",
        "nullstr": "[" + ", ".join(map(literal, ["", *csv.nulls])) + "]",
    }
    return ", ".join(f"{name} = {value}" for name, value in options.items() if value)


def _from_duckdb(name: str, source: Source, *, home: Path, con: Any) -> Raw:
    file = home / (source.database or "")
    if not file.is_file():
        raise ParameterError(f"There is no DuckDB file `{source.database}`", where=file)
    schema, _, table = (source.table or "").rpartition(".")
    relation = f"{quoted(f'company_{name}')}.{quoted(schema or 'main')}.{quoted(table)}"
    try:
        con.raw_sql(f"ATTACH IF NOT EXISTS {literal(str(file))} AS {quoted(f'company_{name}')} (READ_ONLY)")
        return Raw(relation, types_of(con, f"SELECT * FROM {relation}"), f"{source.table} of {source.database}")
    except duckdb.CatalogException as failure:
        fix = did_you_mean(source.table or "", _tables_of(con, f"company_{name}"))
        raise ParameterError(f"There is no table `{source.table}`", fix=fix, where=file) from failure
    except duckdb.Error as failure:
        raise DataRefused(f"`{source.database}` cannot be read", found=engine_words(failure), where=file) from failure


def _tables_of(con: Any, database: str) -> list[str]:
    rows = con.raw_sql(f"SELECT table_name FROM duckdb_tables() WHERE database_name = {literal(database)}").fetchall()
    return sorted(row[0] for row in rows)


def _from_query(name: str, source: Source, *, home: Path, con: Any) -> Raw:
    parts = {
        file: _from_files(f"raw_{name}_{file}", path, source.csv, home=home, con=con)
        for file, path in source.files.items()
    }
    try:
        query = (source.query or "").format(**{file: raw.relation for file, raw in parts.items()})
    except (KeyError, IndexError, ValueError) as wrong:
        fix = f"in braces may stand {', '.join(parts)}; write {{{{ for a brace"
        raise ParameterError(
            f"`tables.{name}.query` names a file that `files` does not", found=str(wrong), fix=fix
        ) from wrong
    try:
        columns = types_of(con, f"SELECT * FROM ({query})")
    except duckdb.Error as failure:
        raise ParameterError(f"`tables.{name}.query` cannot be run", found=engine_words(failure)) from failure
    return Raw(f"({query})", columns, ", ".join(source.files.values()), any(raw.from_csv for raw in parts.values()))


def _from_url(name: str, source: Source, *, con: Any, environ: Mapping[str, str]) -> Raw:
    place = f"{source.table} of {source.url}"

    def choose(available: list[str]) -> list[str]:
        return fetched_columns(name, source, Raw("", dict.fromkeys(available, ""), place))

    relation = f"raw_{name}"
    remote.stream(source, con, relation, choose=choose, environ=environ)
    return Raw(quoted(relation), types_of(con, f"SELECT * FROM {quoted(relation)}"), place)
