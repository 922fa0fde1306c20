"""What is asked of an execution and what is known about it; light, so that a command that runs nothing starts fast."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ADDRESSES = "OPSBOOK_SEND"
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """How long one cell and one whole notebook may take, in seconds."""

    cell_seconds: float = 1800
    total_seconds: float = 7200
    start_seconds: int = 120


@dataclass
class Execution:
    """What is known about one execution; `ended` says why it stopped early, "" when it reached the last cell."""

    notebook: Any
    ended: str = ""
    alive: bool = False
    seconds: float = 0.0
    kernel_pid: int | None = None
    manager: type[Any] | None = None
    deadline: float = field(default=float("inf"))
    watch: Callable[[int, int], None] | None = None  # told which code cell of how many begins

    @property
    def engine(self) -> str:
        """Which engine gave the kernel."""
        return "plain" if self.manager is None else "warm"

    def kill(self) -> None:
        """End the kernel and what it started, at once."""
        if self.kernel_pid is not None:
            _kill_group(self.kernel_pid)


def without_addresses(inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment for what sends no messages: the addresses of `opsbook send` are passwords."""
    return {name: value for name, value in inherited.items() if not name.startswith(ADDRESSES)}


def kernel_environment(home: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel: one thread per library and a fixed hash seed make equal runs equal in every bit."""
    environment = without_addresses(inherited)
    environment = {name: value for name, value in environment.items() if name not in ("MPLBACKEND", "PYTHONSTARTUP")}
    environment |= dict.fromkeys(ONE_THREAD, "1")
    settings = {"OPSBOOK_HOME": str(home), "PYTHONHASHSEED": "0", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return environment | settings


def _kill_group(pid: int) -> None:
    for end in (os.killpg, os.kill) if os.name == "posix" else (os.kill,):
        try:
            end(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
            return
        except OSError:
            continue
