"""The only door to the company's data: an engine, the mapped tables, and what identifies the inputs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import ibis

from opsbook.inputs.fingerprint import fingerprint
from opsbook.inputs.mapping import contract_tables
from opsbook.inputs.workbook import Workbook

__all__ = ["contract_tables", "fingerprint", "open_engine"]


def open_engine(workbook: Workbook, *, home: Path) -> Any:
    """An Ibis backend on an embedded, in-memory DuckDB with the workbook's memory, thread and spill settings.

    Above the memory limit it spills to `engine.spill_folder` (relative to `home`; default `cache/spill`).
    """
    settings = workbook.engine
    options: dict[str, Any] = {"memory_limit": settings.memory}
    options["temp_directory"] = str(home / (settings.spill_folder or "cache/spill"))
    if settings.threads:
        options["threads"] = settings.threads
    con = ibis.duckdb.connect(**options)
    con.raw_sql("SET TimeZone = 'UTC'")
    without_progress_bar(con)
    return con


def without_progress_bar(con: Any) -> None:
    """Keep the engine's progress bar out of reports; a kernel that could draw none refuses to be told so."""
    with suppress(duckdb.InvalidInputException):
        con.raw_sql("SET enable_progress_bar = false")
