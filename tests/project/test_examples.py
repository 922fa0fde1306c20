"""Every analysis works alone: each public function shows a call on plain pandas tables that runs."""

import ast
import doctest
import importlib
import socket
from pathlib import Path

import pytest

ANALYSIS = Path(__file__).parents[2] / "lib" / "opsbook" / "analysis"
MODULES = sorted(path.stem for path in ANALYSIS.glob("[a-z]*.py"))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_functions(module: str) -> dict[str, str]:
    """Names and docstrings of the functions a module offers."""
    tree = ast.parse((ANALYSIS / f"{module}.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    return {node.name: ast.get_docstring(node) or "" for node in functions}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_function_shows_an_example(module):
    """The docstring of each function that a notebook can call has a line that begins with >>>."""
    without = [name for name, text in public_functions(module).items() if ">>> " not in text]
    assert not without


@pytest.mark.parametrize("module", MODULES)
def test_examples_print_what_they_say(module, tmp_path, monkeypatch):
    """The examples of a module run without a network or a file and print what stands below them."""
    monkeypatch.setattr(socket.socket, "connect", _refuse)
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(f"opsbook.analysis.{module}"), optionflags=FLAGS)
    assert not found.failed
    assert not list(tmp_path.iterdir())


def _refuse(*_args: object) -> None:
    raise OSError("an example needs no network")
