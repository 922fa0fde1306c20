"""Which part of the catalogues a notebook speaks from."""

from __future__ import annotations

from opsbook.errors import OperatorError
from opsbook.page import words


def area_of(notebook: str) -> str:
    """The catalogue area of a notebook: the last word of its name that is one, e.g. 04_campaign_plan -> plan."""
    areas = words.areas()
    found = next((word for word in reversed(notebook.split("_")) if word in areas), None)
    if found is None:
        raise OperatorError(f"No catalogue belongs to the notebook `{notebook}`", found=", ".join(sorted(areas)))
    return found
