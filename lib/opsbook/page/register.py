"""Names given once per report, although an analyst may run a cell of JupyterLab again and again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from IPython import get_ipython

from opsbook.errors import OperatorError

Thing = TypeVar("Thing")


class Register(Generic[Thing]):
    """Things by name in order of first use; a second cell may not take a name that another one has."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._things: dict[str, Thing] = {}
        self._owners: dict[str, str | None] = {}

    def add(self, name: str, thing: Thing, *, unique: bool = True) -> None:
        """Keep the thing; raises OperatorError when a unique name is taken by another cell."""
        owner = running_cell()
        if unique and name in self._things and (owner is None or self._owners[name] != owner):
            raise OperatorError(f"Two of this report's {self._kind}s are called `{name}`", fix="give one another name")
        self._things[name], self._owners[name] = thing, owner

    def values(self) -> Iterator[Thing]:
        """The things, oldest name first."""
        return iter(self._things.values())

    def items(self) -> Iterator[tuple[str, Thing]]:
        """Names and things, oldest name first."""
        return iter(self._things.items())


def running_cell() -> str | None:
    """The id of the cell JupyterLab is running; None outside it, where every cell runs once."""
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return (parent or {}).get("metadata", {}).get("cellId")
