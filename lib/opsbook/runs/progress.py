"""What a person sees while reports are made: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any, TextIO

from opsbook.runs.run import Outcome

ORDER = ("good", "fresh", "failed", "refused", "unsettled", "locked")


class Progress:
    """Counts outcomes as they come; use as a context manager around the run."""

    def __init__(self, total: int, *, home: Path, stream: TextIO) -> None:
        self.home, self.stream = home, stream
        self.bar: Any = None
        if stream.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="report", file=sys.stderr, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def note(self, outcome: Outcome) -> None:
        """One more report is decided."""
        line = one_line(outcome, self.home)
        if self.bar is None:
            print(line, file=self.stream, flush=True)
            return
        self.bar.write(line, file=self.stream)
        self.bar.update()


def one_line(outcome: Outcome, home: Path) -> str:
    """Status, report, seconds and folder; for what did not work the reason on a second line."""
    report = outcome.report
    seconds = f" {outcome.seconds:.1f} s" if outcome.seconds else ""
    place = report.folder.failure if outcome.status == "failed" else report.folder.place
    reason = f"\n{indent(outcome.message, '    ')}" if outcome.message else ""
    return f"{outcome.status:<9} {report.title}{seconds} {_short(place, home)}{reason}"


def summary(outcomes: Sequence[Outcome], *, seconds: float, index: Path, home: Path) -> str:
    """The last line: how many of each, how long it took, where to look."""
    counts = Counter(outcome.status for outcome in outcomes)
    told = ", ".join(f"{counts[status]} {status}" for status in ORDER if counts[status])
    return f"{told} in {seconds:.1f} s; {_short(index, home)}"


def _short(path: Path, home: Path) -> str:
    return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)
