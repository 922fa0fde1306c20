"""The notebook as source: one language kept, parameters put in; and as record: everything machine-bound taken out."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs.parameter_cell import declared_parameters, tags
from opsbook.inputs.run_params import Run
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.runs.literals import assignments

LANGUAGES = {"en", "zh"}
INJECTED = "injected-parameters"
PAPERMILL_MARK = "papermill-error-cell-tag"
LIBRARY = str(Path(__file__).resolve().parents[2])
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CELL_FILE = re.compile(r"/\S*?ipykernel_\d+/\d+\.py")


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
