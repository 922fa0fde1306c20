"""A notebook's file as nested mappings, and the parameters its tagged cell declares, read without running it.

Sources are read as plain JSON: checking a parameter cell must not cost the import of the notebook format.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError


def read_source(path: Path) -> dict[str, Any]:
    """The notebook as nested mappings; raises ParameterError when the file is no notebook of format 4."""
    try:
        source = json.loads(path.read_text(encoding="utf-8"))
        if source["nbformat"] != 4 or not isinstance(source["cells"], list):
            raise ValueError("not a notebook of format 4")
    except FileNotFoundError as missing:
        raise ParameterError(f"There is no notebook {path.name}", where=path) from missing
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as broken:
        raise ParameterError(f"{path.name} is not a readable notebook", found=str(broken), where=path) from broken
    return source


def tags(cell: Mapping[str, Any]) -> list[str]:
    """The cell's tags."""
    return list(cell.get("metadata", {}).get("tags", []))


def text(cell: Mapping[str, Any]) -> str:
    """The cell's source as one text."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def declared_parameters(source: Mapping[str, Any], *, where: Path) -> dict[str, Any]:
    """Name and default of every parameter, read from the cell tagged `parameters` without running it.

    raises: ParameterError when there is not exactly one such cell, or it holds more than `name = literal`.
    """
    cells = [cell for cell in source["cells"] if "parameters" in tags(cell)]
    if len(cells) != 1:
        raise ParameterError(
            "A notebook needs exactly one cell tagged `parameters`", found=f"{len(cells)} such cells", where=where
        )
    try:
        return dict(_assigned(statement) for statement in ast.parse(text(cells[0])).body)
    except (SyntaxError, ValueError) as odd:
        raise ParameterError(
            "The parameter cell may hold only `name = literal` lines", found=str(odd), where=where
        ) from odd


def _assigned(statement: ast.stmt) -> tuple[str, Any]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        raise ValueError(f"line {statement.lineno}: `{ast.unparse(statement)}`")
    if not isinstance(target, ast.Name):
        raise ValueError(f"line {statement.lineno}: `{ast.unparse(statement)}`")
    return target.id, ast.literal_eval(value)
