"""Execute one notebook in its own kernel, through papermill, and say truthfully what happened.

Papermill's own record calls a killed kernel or a time-out "completed" and `sys.exit(0)` a success,
so the facts are noted here while they are still known: which cells were answered, and whether the
kernel was alive at the end.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

from opsbook.runs.execution import Execution, Limits, kernel_environment

NAME = "opsbook"
KERNEL_ARGUMENTS = ["--HistoryManager.enabled=False"]


class InterpreterKernel(AsyncKernelManager):
    """A kernel of the interpreter that runs this code, whatever kernels are installed; sockets are files."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Put the connection file and, where the system has them, the sockets into a short private folder."""
        self.folder = tempfile.mkdtemp(prefix="opsbook-")
        kwargs["connection_file"] = os.path.join(self.folder, "k.json")
        if os.name == "posix":
            kwargs["transport"] = "ipc"
        super().__init__(*args, **kwargs)

    @property
    def kernel_spec(self) -> KernelSpec:
        """The running interpreter's ipykernel, without history."""
        launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", *KERNEL_ARGUMENTS]
        return KernelSpec(argv=launch, display_name="Python 3", language="python")

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        shutil.rmtree(self.folder, ignore_errors=True)


class _Client(PapermillNotebookClient):
    """Papermill's client, which also notes the kernel's process and whether it lived to the end."""

    def papermill_execute_cells(self) -> None:
        execution: Execution = self.nb_man.execution
        execution.kernel_pid = self.km.provisioner.pid
        super().papermill_execute_cells()
        execution.alive = bool(run_sync(self.km.is_alive)())


class _Engine(NBClientEngine):
    """Papermill's engine with our kernel manager, a total time limit and no graceful half second at the end."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
        execution: Execution = kwargs.pop("execution")
        environment = kwargs.pop("environment")
        execution.notebook = nb_man.nb
        nb_man.execution = execution
        kept = {key: kwargs[key] for key in ("timeout_func", "raise_on_iopub_timeout") if key in kwargs}
        client = _Client(
            nb_man,
            kernel_name=kernel_name,
            kernel_manager_class=execution.manager or InterpreterKernel,
            startup_timeout=kwargs["start_timeout"],
            shutdown_kernel="immediate",
            coalesce_streams=True,
            on_cell_execute=_watching(execution),
            **kept,
        )
        return client.execute(env=environment)


def _watching(execution: Execution) -> Callable[..., None]:
    """Tells whoever watches the execution which code cell begins, and of how many."""
    code = [place for place, cell in enumerate(execution.notebook.cells) if cell.cell_type == "code"]

    def begins(*, cell_index: int, **_: Any) -> None:
        if execution.watch:
            execution.watch(code.index(cell_index) + 1, len(code))

    return begins


papermill_engines.register(NAME, _Engine)
for _loud in ("papermill", "traitlets", "asyncio"):
    logging.getLogger(_loud).setLevel(logging.CRITICAL)


def execute(
    prepared: Mapping[str, Any],
    execution: Execution,
    *,
    home: Path,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
) -> Execution:
    """Run every code cell in the folder `home`; what happened is in `execution`, whatever happened."""
    execution.notebook = nbformat.reads(json.dumps(prepared), as_version=4)
    started = time.monotonic()
    execution.deadline = started + limits.total_seconds
    try:
        execution.notebook = _through_papermill(execution, home, limits, environment)
    except PapermillExecutionError as failed:
        execution.ended = f"{failed.ename}: {failed.evalue}"
    except CellTimeoutError:
        late = time.monotonic() >= execution.deadline
        limit = limits.total_seconds if late else limits.cell_seconds
        execution.ended = f"{'the notebook' if late else 'a cell'} took longer than {limit:g} seconds"
    except DeadKernelError:
        execution.ended = "the kernel died (running out of memory is the usual cause)"
    except RuntimeError as stuck:
        execution.ended = f"the kernel did not answer: {stuck}"
    finally:
        execution.kill()
        execution.seconds = time.monotonic() - started
    return execution


def _through_papermill(execution: Execution, home: Path, limits: Limits, environment: Mapping[str, str] | None) -> Any:
    with tempfile.TemporaryDirectory(prefix="opsbook-ipython-") as profile:
        told = kernel_environment(home, os.environ if environment is None else environment)
        return execute_notebook(
            execution.notebook,
            None,
            engine_name=NAME,
            kernel_name="python3",
            progress_bar=False,
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            start_timeout=limits.start_seconds,
            cwd=home,
            timeout_func=lambda cell: _seconds_left(execution.deadline, limits),
            raise_on_iopub_timeout=True,
            execution=execution,
            environment=told | {"IPYTHONDIR": profile},
        )


def _seconds_left(deadline: float, limits: Limits) -> float:
    return max(0.1, min(limits.cell_seconds, deadline - time.monotonic()))
