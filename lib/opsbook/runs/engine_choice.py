"""Which engine runs the kernels: `plain` starts each anew, `warm` forks them from a process that has imported all."""

from __future__ import annotations

import sys

PLAIN, WARM, AUTO = "plain", "warm", "auto"


def chosen(wish: str, *, reports: int) -> str:
    """`auto` is warm where forking is safe and pays: on Linux, from the second report on."""
    if wish != AUTO:
        return wish
    return WARM if sys.platform == "linux" and reports >= 2 else PLAIN
