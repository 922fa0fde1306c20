"""What a person sees while a mart is built: a bar on a terminal and in a notebook, one plain line in a log.

Written to stderr, which no report shows, and as text, so that no widget has to be installed.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any, TextIO

from opsbook.inputs.workbook import Workbook
from opsbook.mart.build import STEPS, ensure_mart
from opsbook.mart.mart import Mart

SHOWN = "{desc}: |{bar}| {n_fmt}/{total_fmt} {elapsed}{postfix}"


def shown_mart(workbook: Workbook, *, home: Path, as_of: date | None, stream: TextIO | None = None) -> Mart:
    """The mart of the company; where it has to be built, a person sees how far it is. Raises as `ensure_mart`."""
    with Building(workbook.company.name, stream=stream) as building:
        return ensure_mart(workbook, home=home, as_of=as_of, tell=building)


class Building:
    """Called with the name of each step as it begins; nothing is shown while no mart has to be built."""

    def __init__(self, company: str, *, stream: TextIO | None = None) -> None:
        self.company = company
        self.stream: TextIO = sys.stderr if stream is None else stream
        self.moving = self.stream.isatty() or in_notebook()
        self.bar: Any = None
        self.begun = 0

    def __call__(self, step: str) -> None:
        """The next step begins."""
        if not self.begun:
            self._open()
        if self.bar is not None:
            self.bar.n = self.begun
            self.bar.set_postfix_str(step)
        self.begun += 1

    def __enter__(self) -> Building:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self.bar is not None:
            self.bar.n = self.bar.n if kind else len(STEPS)
            self.bar.set_postfix_str("failed" if kind else "done")
            self.bar.close()

    def _open(self) -> None:
        told = f"building the mart of {self.company}"
        if not self.moving:
            print(told, file=self.stream, flush=True)
            return
        from tqdm.std import tqdm

        self.bar = tqdm(total=len(STEPS), desc=told, file=self.stream, ncols=100, bar_format=SHOWN)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")
