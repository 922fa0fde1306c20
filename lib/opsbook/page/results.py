"""The machine-readable side of an executed notebook: its results object and the tables that travel inside it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from opsbook.errors import OperatorError
from opsbook.page.bundles import mime
from opsbook.page.tables import from_parquet

SCHEMA = "opsbook.results/1"


def read_results(nb: Mapping[str, Any]) -> dict[str, Any] | None:
    """The results object of the last cell that emitted one; None when the notebook did not run to its end."""
    found = [data[mime("results")] for data in _outputs(nb) if mime("results") in data]
    if not found or found[-1].get("complete") is not True or found[-1].get("schema") != SCHEMA:
        return None
    return dict(found[-1])


def read_tables(nb: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Every table of the notebook by name, in order; raises OperatorError when two tables have one name."""
    tables: dict[str, pd.DataFrame] = {}
    for data in _outputs(nb):
        stored = data.get(mime("table"), {})
        if "parquet" not in stored:
            continue
        if stored["name"] in tables:
            raise OperatorError(f"Two tables of the report are called `{stored['name']}`", fix="rename one of them")
        tables[stored["name"]] = from_parquet(stored["parquet"])
    return tables


def strip_tables(nb: Any) -> Any:
    """A copy of the notebook without the Parquet bytes and what belongs to them; names and what is shown stay."""
    stripped = copy.deepcopy(nb)
    for data in _outputs(stripped):
        if mime("table") in data:
            for travelling in ("parquet", "columns"):
                data[mime("table")].pop(travelling, None)
    return stripped


def _outputs(nb: Mapping[str, Any]) -> Iterator[Any]:
    for cell in nb["cells"]:
        for output in cell.get("outputs", []):
            yield output.get("data", {})
