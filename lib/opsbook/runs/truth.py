"""Whether an execution is good, from facts only: a report that stopped half-way must never look finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsbook.inputs.parameter_cell import text
from opsbook.runs.notebook import without_colour

RESULTS = "application/vnd.opsbook.results+json"


@dataclass(frozen=True)
class Problem:
    """Why a run is not good: one sentence, the cell it happened in, and what Python said there."""

    sentence: str
    cell: str = ""
    source: str = ""
    traceback: str = ""

    def __str__(self) -> str:
        """The whole story, as it is written to error.txt."""
        place = f"\n\nCell `{self.cell}`:\n\n{_indented(self.source)}" if self.cell else ""
        return f"{self.sentence}{place}" + (f"\n\n{self.traceback}" if self.traceback else "") + "\n"


def problem(notebook: Mapping[str, Any], *, ended: str, alive: bool) -> Problem | None:
    """The first reason why the execution is not good, or None.

    Good means: no cell raised, the kernel answered every code cell and is still alive, and the last
    code cell emitted the results object with `complete: true`.
    """
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and text(cell).strip()]
    for cell in cells:
        if raised := _error(cell):
            return Problem(_raised(cell, raised), cell["id"], text(cell), without_colour(raised["traceback"]))
        if not _answered(cell):
            return Problem(f"The notebook stopped: {ended or 'the kernel gave no answer'}", cell["id"], text(cell))
    if ended:
        return Problem(f"The notebook stopped: {ended}")
    if not alive:
        return Problem("The kernel was gone after the last cell")
    if not cells or not _complete(cells[-1]):
        return Problem("The last cell did not emit the results; a notebook must end with `page.finish()`")
    return None


def _answered(cell: Mapping[str, Any]) -> bool:
    return "shell.execute_reply" in cell["metadata"].get("execution", {})


def _error(cell: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return next((output for output in cell["outputs"] if output["output_type"] == "error"), None)


def _raised(cell: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    said = f"{error['ename']}: {error['evalue']}".rstrip(": ")
    return f"In [{cell['execution_count']}] raised {said}"


def _complete(cell: Mapping[str, Any]) -> bool:
    found = [output.get("data", {}).get(RESULTS) for output in cell["outputs"]]
    return any(isinstance(results, Mapping) and results.get("complete") is True for results in found)


def _indented(source: str) -> str:
    return "\n".join(f"    {line}" for line in source.splitlines())
