"""Which part of the catalogues a notebook speaks from."""

from __future__ import annotations

from opsbook.errors import OperatorError
from opsbook.page import words


def area_of(notebook: str) -> str:
    """The catalogue area of a notebook: its name without the number, else the last word of it that is one.

    05_my_question -> my_question, 04_campaign_plan -> plan.
    """
    areas, named = words.areas(), [notebook.partition("_")[2], *reversed(notebook.split("_"))]
    found = next((word for word in named if word in areas), None)
    if found is None:
        raise OperatorError(f"No catalogue belongs to the notebook `{notebook}`", found=", ".join(sorted(areas)))
    return found
