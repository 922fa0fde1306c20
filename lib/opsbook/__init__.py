"""Opsbook: a notebook workbook for internet operations.

Notebooks import from here alone: `start`, the analysis modules by name, `charts` and `says`, and `tiny`, a company of
plain pandas tables to try them on.
Modules load at first use, so that the command line starts quickly.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`start`, an analysis module, the `charts` and `says` of the page, or the `tiny` company."""
    if name == "start":
        return importlib.import_module("opsbook.page.book").start
    if name in ("charts", "says"):
        return importlib.import_module(f"opsbook.page.{name}")
    if name == "tiny":
        return importlib.import_module("opsbook.mart.tiny")
    if name in _analyses():
        return importlib.import_module(f"opsbook.analysis.{name}")
    raise AttributeError(f"opsbook offers start, charts, says, tiny and {', '.join(_analyses())}; not {name!r}")


def _analyses() -> list[str]:
    package = importlib.import_module("opsbook.analysis")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))
