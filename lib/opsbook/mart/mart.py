"""The mart as notebooks see it: one Ibis table per name, read-only, on one file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from opsbook.inputs.sources import without_progress_bar
from opsbook.inputs.workbook import EngineSettings

NAMES = (
    "users",
    "user_days",
    "steps",
    "exits",
    "orders",
    "costs",
    "assignments",
    "exposures",
    "contents",
    "redemptions",
    "checks",
    "about",
)


@dataclass(frozen=True)
class Mart:
    """A built mart; `mart.user_days` and its sisters are Ibis tables, empty where the company has no such table."""

    path: Path
    engine: EngineSettings = field(default_factory=lambda: EngineSettings())

    @cached_property
    def con(self) -> Any:
        """The read-only connection, opened at first use; many processes may read one file."""
        settings = {"memory_limit": self.engine.memory, "temp_directory": str(_spill(self.path, self.engine))}
        if self.engine.threads:
            settings["threads"] = str(self.engine.threads)
        con = ibis.duckdb.connect(self.path, read_only=True, **settings)
        without_progress_bar(con)
        return con

    def __getattr__(self, name: str) -> ir.Table:
        """A mart table by its name."""
        if name not in NAMES:
            raise AttributeError(f"the mart has no table {name!r}; it has {', '.join(NAMES)}")
        return self.con.table(name)

    @cached_property
    def facts(self) -> dict[str, str]:
        """The `about` table as a mapping: company, as_of, data_start, data_through, given, key, rows_<table>."""
        rows = self.con.table("about").to_pandas()
        return dict(zip(rows["key"], rows["value"], strict=True))

    @property
    def given(self) -> frozenset[str]:
        """Names of the contract tables that the company has."""
        return frozenset(self.facts["given"].split(","))

    @property
    def as_of(self) -> date:
        """The last complete day of data; nothing later is in the mart."""
        return date.fromisoformat(self.facts["as_of"])

    @property
    def data_start(self) -> date:
        """The first day the data cover."""
        return date.fromisoformat(self.facts["data_start"])

    @property
    def data_through(self) -> date:
        """The last day, up to as_of, on which anybody did anything."""
        return date.fromisoformat(self.facts["data_through"])


def _spill(path: Path, engine: EngineSettings) -> Path:
    """A folder per process: the engine's spill files carry the same names in every process."""
    root = Path(engine.spill_folder).expanduser() if engine.spill_folder else path.parent
    return root / f"spill-{os.getpid()}"
