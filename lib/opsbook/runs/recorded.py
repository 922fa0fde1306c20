"""Which line of an executed notebook recorded a headline number: the outputs tell the key, so nothing is guessed."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from opsbook.inputs.parameter_cell import text
from opsbook.runs.dataflow import Step

NUMBER = "application/vnd.opsbook.number+json"


def code_cells(nb: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Id and source of every code cell, in order."""
    return [(str(cell.get("id", "")), text(cell)) for cell in nb["cells"] if cell["cell_type"] == "code"]


def numbers(nb: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Cell and payload of every headline number, in order."""
    return [
        (str(cell.get("id", "")), output["data"][NUMBER])
        for cell in nb["cells"]
        for output in cell.get("outputs", [])
        if NUMBER in output.get("data", {})
    ]


def recorded_at(nb: Mapping[str, Any], known: Sequence[Step], key: str) -> list[int]:
    """Places of the steps that recorded the number: one where the cell's outputs and calls agree, else all its calls.

    They disagree where a number was left out because the company lacks a table.
    """
    cell = next(cell for cell, payload in reversed(numbers(nb)) if payload["key"] == key)
    keys = [payload["key"] for place, payload in numbers(nb) if place == cell]
    calls = [place for place, step in enumerate(known) if step.cell == cell and _records(step.value)]
    return [calls[keys.index(key)]] if len(calls) == len(keys) else calls


def _records(node: ast.AST) -> bool:
    """Whether the step calls `page.number`."""
    calls = (part.func for part in ast.walk(node) if isinstance(part, ast.Call))
    return any(isinstance(f, ast.Attribute) and f.attr == "number" and ast.unparse(f.value) == "page" for f in calls)
