"""One page per analysis module, written before the build: what the module is for, each function as its source says.

Docstrings stand as they are: aligned text with grain, columns and sources, which is meant to be read, not marked up.
Modules are read, not imported, so that the site needs no data and no engine.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ANALYSIS = HERE.parent / "lib" / "opsbook" / "analysis"
HEAD = """\
# Reference of the analysis modules

Table in, table out. A notebook says `from opsbook import survival`; the text of each function is its docstring: one
row per what, which columns in which unit, and where the formula comes from.
[How each estimator works](../guides/estimators.md) says when not to use it.

| module | what it is for |
|---|---|
"""


def setup(app: Any) -> dict[str, bool]:
    """Write the pages when a build begins."""
    app.connect("builder-inited", lambda _: write(HERE / "api"))
    return {"parallel_read_safe": True}


def write(folder: Path) -> None:
    """docs/api/index.md and one page per module; pages of modules that are gone are removed."""
    made = pages()
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    modules = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(ANALYSIS.glob("[a-z]*.py"))}
    made = {f"{name}.md": page(name, tree) for name, tree in modules.items()}
    rows = "".join(f"| [{name}]({name}.md) | {_first_line(tree)} |\n" for name, tree in modules.items())
    tree = "\n".join(modules)
    return made | {"index.md": f"{HEAD}{rows}\n```{{toctree}}\n:hidden:\n\n{tree}\n```\n"}


def page(name: str, tree: ast.Module) -> str:
    """A module's page: its docstring, then signature and docstring of every public function and class."""
    parts = [f"# {name}\n", _text(ast.get_docstring(tree) or ""), f"`from opsbook import {name}`\n"]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            told = _text(ast.get_docstring(node) or "")
            parts += [f"## {node.name}\n", f"```python\n{_signature(node)}\n```\n", told]
    return "\n".join(parts)


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        return "\n".join([f"class {node.name}:", *(f"    {line}" for line in _fields(node))])
    returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    line = f"def {node.name}({ast.unparse(node.args)}){returned}: ..."
    return line if len(line) <= 100 else line.replace("(", "(\n    ", 1).replace(", ", ",\n    ")


def _fields(node: ast.ClassDef) -> Iterator[str]:
    found = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign)]
    yield from found or ["..."]


def _text(docstring: str) -> str:
    return f"```text\n{docstring}\n```\n"


def _first_line(tree: ast.Module) -> str:
    told = (ast.get_docstring(tree) or "").split("\n\n")[0]
    return " ".join(told.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
