"""Notebooks a company adds: the parameter cell declares what a run may say, a catalogue the words of its page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import create_model

from opsbook.errors import ParameterError
from opsbook.inputs.home import notebook_path
from opsbook.inputs.parameter_cell import declared_parameters, read_source
from opsbook.inputs.run_params import RUNS, Run

TYPES: dict[type, Any] = {str: str, bool: bool, int: int, float: float, list: list[str], dict: dict[str, Any]}


def model_of(notebook: str, *, home: Path) -> type[Run]:
    """The typed parameters of a notebook: a shipped one's own model, else what the notebook's cell declares.

    raises: ParameterError when there is no such notebook, or its cell cannot be read.
    """
    if notebook in RUNS:
        return RUNS[notebook]
    path = notebook_path(home, notebook)
    return declared_model(declared_parameters(read_source(path), where=path), where=path)


def declared_model(declared: dict[str, Any], *, where: Path) -> type[Run]:
    """A run with these parameters, typed by their defaults; names of a shipped notebook take that notebook's model.

    raises: ParameterError for a default whose type nothing can be read into.
    """
    alike = next((model for model in RUNS.values() if list(model.model_fields) == list(declared)), None)
    if alike:
        return alike
    own = {name: value for name, value in declared.items() if name not in Run.model_fields}
    odd = [name for name, value in own.items() if type(value) not in TYPES]
    if odd:
        fix = "start with a text, a number, True, False, a list of texts or a mapping"
        raise ParameterError(f"The parameter `{odd[0]}` has no usable default", fix=fix, where=where)
    fields: dict[str, Any] = {name: (TYPES[type(value)], value) for name, value in own.items()}
    return create_model("OwnRun", __base__=Run, **fields)


def catalogue_folder(home: Path) -> Path:
    """Where the words of own notebooks stand: `<area>.<language>.yaml`, the area named like the notebook."""
    return home / "notebooks" / "catalogue"


def files_of(notebook: str, *, home: Path) -> list[Path]:
    """The notebook's source and the catalogue files of its own area, sorted."""
    area = notebook.partition("_")[2]
    return [home / "notebooks" / f"{notebook}.ipynb", *sorted(catalogue_folder(home).glob(f"{area}.*yaml"))]
