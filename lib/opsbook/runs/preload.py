"""Imported once by the process that warm reports are forked from: everything a notebook or its page needs.

Nothing here may leave a thread running: a fork carries one thread over, and locks held by others would
stay locked for ever. So the number of threads is looked at when all is imported; with more than one,
reports fall back to kernels of their own. Three packages start threads on import: the linear algebra of
numpy and the allocator of pyarrow, which are told not to by the environment (see `crew`), and duckdb,
whose default connection is closed here and opens again at first use.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import time
from collections.abc import Iterator
from contextlib import suppress

SCIENCE = ("numpy", "pandas", "pyarrow.parquet", "scipy.stats", "matplotlib.pyplot", "seaborn", "duckdb", "lifelines")
ENGINE = ("ibis", "ibis.backends.duckdb", "sqlglot", "holidays", "babel.numbers", "babel.dates")
RUNNER = ("ipykernel.kernelapp", "ipykernel.ipkernel", "matplotlib_inline.backend_inline", "opsbook.runs.worker")
OURS = ("opsbook.runs.engine", "opsbook.page.export", "opsbook.page.results", "opsbook.page.book")
FAMILIES = ("opsbook.analysis", "opsbook.page.charts", "opsbook.page.says")


def threads() -> int:
    """Threads of the running process, also those that Python does not know of."""
    return len(os.listdir("/proc/self/task"))


def _modules() -> Iterator[str]:
    yield from SCIENCE + ENGINE + RUNNER + OURS
    for family in FAMILIES:
        with suppress(ImportError):
            package = importlib.import_module(family)
            yield from (f"{family}.{module.name}" for module in pkgutil.iter_modules(package.__path__))


def _import_all() -> None:
    """A module that fails here fails again in the notebook, where its error is seen."""
    for name in _modules():
        with suppress(Exception):
            importlib.import_module(name)
    with suppress(Exception):
        importlib.import_module("duckdb").default_connection().close()
    with suppress(Exception):
        importlib.import_module("opsbook.page.export").exporter()  # its template compiled before, not in each fork
    gc.collect()
    gc.freeze()


def _alone(seconds: float = 1.0) -> bool:
    """Whether only one thread is left, once those that were told to end have ended."""
    end = time.monotonic() + seconds
    while threads() > 1 and time.monotonic() < end:
        time.sleep(0.01)
    return threads() == 1


_import_all()
FORKABLE = _alone()
