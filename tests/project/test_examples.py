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
# They return a column of the very table they are given, which only the engine can hold.
COLUMNS_OF_A_TABLE = {"buyers.is_high", "segments.holds"}


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
def test_a_table_may_be_a_plain_pandas_table(module):
    """No public function insists on a table of the engine, which a notebook of one's own does not have."""
    tree = ast.parse((ANALYSIS / f"{module}.py").read_text())
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    insisting = {
        f"{module}.{node.name}"
        for node in functions
        for argument in [*node.args.args, *node.args.kwonlyargs]
        if argument.annotation and "ir.Table" in ast.unparse(argument.annotation)
    }
    assert insisting <= COLUMNS_OF_A_TABLE


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
