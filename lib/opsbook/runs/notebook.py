"""The notebook as source: one language kept, parameters put in; and as record: everything machine-bound taken out.

Sources are read as plain JSON: checking a parameter cell must not cost the import of the notebook format.
"""

from __future__ import annotations

import ast
import copy
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs.run_params import Run
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.runs.literals import assignments

LANGUAGES = {"en", "zh"}
INJECTED = "injected-parameters"
PAPERMILL_MARK = "papermill-error-cell-tag"
LIBRARY = str(Path(__file__).resolve().parents[2])
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CELL_FILE = re.compile(r"/\S*?ipykernel_\d+/\d+\.py")


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


def check_parameter_cell(source: Mapping[str, Any], model: type[Run], *, where: Path) -> None:
    """Refuse a notebook whose parameter cell and typed parameters differ: a run would go green on a default."""
    declared, known = set(declared_parameters(source, where=where)), set(model.model_fields)
    problems = [f"`{name}` is no parameter, {did_you_mean(name, sorted(known))}" for name in sorted(declared - known)]
    problems += [f"`{name}` is missing in the cell" for name in sorted(known - declared)]
    if problems:
        raise ParameterError(
            "The notebook's parameter cell does not match its typed parameters", found="; ".join(problems), where=where
        )


def prepared(source: Mapping[str, Any], *, language: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in one language, without outputs, with a cell of injected parameters after the declared ones."""
    ready = copy.deepcopy(dict(source))
    ready["cells"] = list(_with_injected(_in_language(ready["cells"], language), parameters))
    ready["metadata"] = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return ready


def record(executed: Mapping[str, Any], *, home: Path) -> dict[str, Any]:
    """A copy without clock times, machine paths or the runner's own notes, so that equal runs give equal bytes."""
    kept = copy.deepcopy(dict(executed))
    kept["metadata"].pop("papermill", None)
    kept["cells"] = [cell for cell in kept["cells"] if PAPERMILL_MARK not in tags(cell)]
    for cell in kept["cells"]:
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
        if not tags(cell):
            cell["metadata"].pop("tags", None)
        for output in cell.get("outputs", []):
            _hide_machine(output, home)
    return kept


def without_colour(traceback: Iterable[str]) -> str:
    """A traceback as plain text."""
    return _ANSI.sub("", "\n".join(traceback))


def hide_paths(words: str, home: Path) -> str:
    """The text with the checkout, the environment and the kernel's temporary files under neutral names."""
    words = _CELL_FILE.sub("<cell>", words)
    for folder, name in ((str(home), "<home>"), (sys.prefix, "<environment>"), (LIBRARY, "<library>")):
        words = words.replace(folder, name) if len(folder) > 1 else words
    return words


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


def _in_language(cells: Iterable[dict[str, Any]], language: str) -> Iterable[dict[str, Any]]:
    others = LANGUAGES - {language}
    return (cell for cell in cells if not others.intersection(tags(cell)) or language in tags(cell))


def _with_injected(cells: Iterable[dict[str, Any]], parameters: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for cell in cells:
        yield _emptied(cell)
        if "parameters" in tags(cell):
            yield {
                "cell_type": "code",
                "id": INJECTED,
                "metadata": {"tags": [INJECTED]},
                "source": assignments(parameters),
                "outputs": [],
                "execution_count": None,
            }


def _emptied(cell: dict[str, Any]) -> dict[str, Any]:
    return cell | {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell


def _hide_machine(output: dict[str, Any], home: Path) -> None:
    for key in ("text", "evalue"):
        if isinstance(output.get(key), str):
            output[key] = hide_paths(output[key], home)
    if "traceback" in output:
        output["traceback"] = [hide_paths(line, home) for line in output["traceback"]]
    for kind in ("text/plain", "text/html"):
        if isinstance(shown := output.get("data", {}).get(kind), str):
            output["data"][kind] = hide_paths(shown, home)
