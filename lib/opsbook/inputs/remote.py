"""Tables behind an Ibis URL, streamed into the local engine.

Credentials come from the environment and are never shown: not in errors, logs or results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import ibis
import ibis.expr.types as ir

from opsbook.errors import OperatorError, ParameterError
from opsbook.inputs.workbook import Source

ROWS_PER_BATCH = 200_000
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def remote_table(source: Source, *, environ: Mapping[str, str]) -> ir.Table:
    """The table behind the URL as an expression on its own backend; raises OperatorError without any credential."""
    url = source.url or ""
    _refuse_written_password(url)
    secrets = _secrets(url, environ)
    problem = ""
    try:
        return _table(ibis.connect(_filled(url, secrets)), source.table or "")
    except Exception as failure:  # every driver raises its own kind
        problem = hide(f"{type(failure).__name__}: {failure}", secrets)
    raise OperatorError(
        f"The table `{source.table}` cannot be opened",
        found=problem,
        fix="check url, table, network and credentials",
        where=url,
    )


def stream(
    source: Source, con: Any, name: str, *, choose: Callable[[list[str]], list[str]], environ: Mapping[str, str]
) -> None:
    """Copy the remote table into the engine's table `name`, batch by batch; `choose` picks the columns to fetch."""
    remote = remote_table(source, environ=environ)
    kept = remote.select(*choose(list(remote.columns)))
    secrets = _secrets(source.url or "", environ)
    problem = ""
    try:
        con.con.register("opsbook_stream", kept.to_pyarrow_batches(chunk_size=ROWS_PER_BATCH))
        con.raw_sql(f'CREATE OR REPLACE TABLE "{name}" AS SELECT * FROM opsbook_stream')
        con.con.unregister("opsbook_stream")
        return
    except Exception as failure:  # every driver raises its own kind
        problem = hide(f"{type(failure).__name__}: {failure}", secrets)
    raise OperatorError(f"The table `{source.table}` cannot be read", found=problem, where=source.url or "")


def extent(source: Source, columns: list[str], *, environ: Mapping[str, str]) -> dict[str, str]:
    """Row count and smallest and largest value of each named column, computed where the table lies."""
    remote = remote_table(source, environ=environ)
    secrets = _secrets(source.url or "", environ)
    present = [column for column in columns if column in remote.columns]
    measures = {"rows": remote.count()}
    for column in present:
        measures |= {f"{column} from": remote[column].min(), f"{column} to": remote[column].max()}
    problem = ""
    try:
        row = remote.aggregate(**measures).to_pyarrow().to_pylist()[0]
        return {name: str(value) for name, value in row.items()}
    except Exception as failure:  # every driver raises its own kind
        problem = hide(f"{type(failure).__name__}: {failure}", secrets)
    raise OperatorError(f"The table `{source.table}` cannot be read", found=problem, where=source.url or "")


def hide(text: str, secrets: Mapping[str, str]) -> str:
    """The text with every credential, plain or as written in a URL, replaced by its ${NAME}."""
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        for form in {value, quote(value, safe=""), quote(value), quote_plus(value), repr(value)[1:-1]}:
            text = text.replace(form, f"${{{name}}}") if form else text
    return text


def _secrets(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    names = _NAME.findall(url)
    absent = [name for name in names if not environ.get(name)]
    if absent:
        raise ParameterError(
            f"The environment variable {absent[0]} is not set", fix=f"set {', '.join(absent)} before the run", where=url
        )
    return {name: environ[name] for name in names}


def _filled(url: str, secrets: Mapping[str, str]) -> str:
    """The URL with its credentials; those before the @ are percent-encoded, so that a password may hold any sign."""
    user, at, place = url.rpartition("@")
    quoted = _NAME.sub(lambda match: quote(secrets[match[1]], safe=""), user)
    return quoted + at + _NAME.sub(lambda match: secrets[match[1]], place)


def _refuse_written_password(url: str) -> None:
    password = urlsplit(_NAME.sub("", url)).password
    if password:
        raise ParameterError(
            "A password stands in the workbook", fix="write ${NAME} in the url and set the environment variable NAME"
        )


def _table(backend: Any, name: str) -> ir.Table:
    *schema, table = name.split(".")
    return backend.table(table, database=".".join(schema)) if schema else backend.table(table)
