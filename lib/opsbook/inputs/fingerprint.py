"""What identifies the inputs: the mapping and the content of every file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsbook.inputs import remote
from opsbook.inputs.files import find_files, portable_name
from opsbook.inputs.workbook import Source, Workbook

_CHUNK = 1 << 20


def fingerprint(workbook: Workbook, *, home: Path, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """SHA-256 of the mapping and of the content of each input.

    returns: {"hash", "mapping", "tables": {name: {"hash", "bytes", "files": [{"name", "bytes", "sha256"}]}}}.
    A table behind a url is known by its row count and the smallest and largest value of every mapped column
    (its files list is empty): a change in place that moves none of these needs a forced run.
    raises: ParameterError when a file is missing, OperatorError when the url cannot be read.
    """
    environ = os.environ if environ is None else environ
    told = {"zone": workbook.zone, "tables": {n: s.model_dump(mode="json") for n, s in workbook.tables.items()}}
    tables = {name: _table(source, home=home, environ=environ) for name, source in sorted(workbook.tables.items())}
    mapping = _digest(told)
    return {"hash": _digest([mapping, tables]), "mapping": mapping, "tables": tables}


def _table(source: Source, *, home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    if source.url:
        return {"hash": _remote(source, environ), "bytes": 0, "files": []}
    paths = [path for path in (source.path, source.database, *source.files.values()) if path]
    files = [_file(file, path, home=home) for path in paths for file in _found(source, path, home)]
    return {"hash": _digest(files), "bytes": sum(file["bytes"] for file in files), "files": files}


def _found(source: Source, path: str, home: Path) -> list[Path]:
    return [home / path] if source.database else find_files(path, home=home)


def _file(file: Path, path: str, *, home: Path) -> dict[str, Any]:
    hashed = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            hashed.update(chunk)
    return {"name": portable_name(file, path, home=home), "bytes": file.stat().st_size, "sha256": hashed.hexdigest()}


def _remote(source: Source, environ: Mapping[str, str]) -> str:
    mapped = [column if isinstance(column, str) else column.column for column in source.columns.values()]
    return _digest(remote.extent(source, sorted({name for name in mapped if name}), environ=environ))


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
