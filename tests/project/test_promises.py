"""Tests people can read: each says in one sentence what it promises."""

import ast
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parents[1].rglob("test_*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_test_says_what_it_promises(path):
    """Every test function has a docstring."""
    functions = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)]
    silent = [f.name for f in functions if f.name.startswith("test_") and not ast.get_docstring(f)]
    assert not silent
