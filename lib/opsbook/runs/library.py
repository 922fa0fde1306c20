"""Where a function that a notebook calls stands in the library, and what it says of itself; nothing is imported."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
_OFFERED = {"start": ("page", "book", "start"), "charts": ("page", "charts"), "says": ("page", "says")}


@dataclass(frozen=True)
class Function:
    """A function or class of the library: dotted name, file below the folder of the package, line, first sentence.

    source: what its docstring names as the source of the formula, "" where it names none.
    """

    name: str
    file: str
    line: int
    says: str
    source: str


def function(dotted: str) -> Function | None:
    """The function a notebook knows as `opsbook.churn.threshold`; None for modules, constants and what is not ours."""
    root, *names = dotted.split(".")
    if root != PACKAGE.name or not names:
        return None
    first = _OFFERED.get(names[0]) or ((names[0],) if (PACKAGE / names[0]).is_dir() else ("analysis", names[0]))
    return _found([*first, *names[1:]])


def _found(names: list[str]) -> Function | None:
    """The longest part of the names that is a module, and in it the next name."""
    for length in range(len(names) - 1, 0, -1):
        path = PACKAGE.joinpath(*names[:length]).with_suffix(".py")
        if path.is_file():
            return _in_module(path, names[:length], names[length])
    return None


def _in_module(path: Path, module: list[str], name: str) -> Function | None:
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            dotted = ".".join([PACKAGE.name, *module, name])
            return Function(dotted, str(path.relative_to(PACKAGE.parent)), node.lineno, *_told(node))
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            own = next(alias.name for alias in node.names if name == (alias.asname or alias.name))
            return function(f"{node.module}.{own}")
    return None


def _told(node: ast.FunctionDef | ast.ClassDef) -> tuple[str, str]:
    """First sentence of the docstring, and its `source:` with the lines that belong to it."""
    first, *rest = (ast.get_docstring(node) or "").splitlines() or [""]
    sources: list[str] = []
    for line in rest:
        if line.startswith("source:"):
            sources.append(line.removeprefix("source:").strip())
        elif sources and line.startswith(" "):
            sources.append(line.strip())
        elif sources:
            break
    return first, " ".join(sources)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
