"""Seconds and peak memory of one piece of work, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

Work = Callable[..., Any]


@dataclass(frozen=True)
class Measured:
    """What the work returned, the seconds of its fastest repetition, and the process's peak memory in MB."""

    result: Any
    seconds: float
    peak_mb: float


def measure(
    work: Callable[..., Any], *args: Any, prepare: Callable[..., Any] | None = None, repeat: int = 3
) -> Measured:
    """Run `work(prepare(*args))` in a fresh process; only the work is timed, the peak includes what it works on."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measured, work, args, prepare, repeat).result()


def _measured(
    work: Callable[..., Any], args: tuple[Any, ...], prepare: Callable[..., Any] | None, repeat: int
) -> Measured:
    ready = (prepare(*args),) if prepare else args
    seconds, result = [], None
    for _ in range(repeat):
        begun = time.perf_counter()
        result = work(*ready)
        seconds.append(time.perf_counter() - begun)
    return Measured(result, min(seconds), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
