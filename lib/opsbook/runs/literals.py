"""Parameters as Python source that a person can read in the notebook: Chinese stays Chinese."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 100


def assignments(values: Mapping[str, Any]) -> str:
    """One `name = literal` per line, in the order given."""
    return "\n".join(f"{name} = {literal(value)}" for name, value in values.items())


def literal(value: Any, *, indent: int = 0) -> str:
    """The Python literal of a text, number, truth value, list or mapping; None is "", our "not given".

    raises: TypeError for anything else, so that no object's repr is ever pasted into a notebook.
    """
    if value is None:
        return '""'
    if isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = [f"{literal(str(key))}: {literal(item, indent=indent + 4)}" for key, item in value.items()]
        return _within("{", pairs, "}", indent)
    if isinstance(value, list | tuple):
        return _within("[", [literal(item, indent=indent + 4) for item in value], "]", indent)
    raise TypeError(f"a parameter cannot be a {type(value).__name__}")


def _within(opening: str, items: list[str], closing: str, indent: int) -> str:
    line = opening + ", ".join(items) + closing
    if len(line) + indent <= WIDTH and "\n" not in line:
        return line
    gap = "\n" + " " * (indent + 4)
    return opening + "".join(f"{gap}{item}," for item in items) + "\n" + " " * indent + closing
