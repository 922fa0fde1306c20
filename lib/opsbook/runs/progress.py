"""What a person sees while reports are made: a bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any, TextIO

from opsbook.runs.report import Report
from opsbook.runs.run import Outcome

ORDER = ("good", "fresh", "failed", "refused", "unsettled", "locked")
CELLS = "{desc}: cell {n_fmt} of {total_fmt} |{bar}| {elapsed}"


class Progress:
    """Counts outcomes as they come, and on a terminal the cells of the reports in work; used as a context manager."""

    def __init__(self, total: int, *, home: Path, stream: TextIO, bars: TextIO | None = None) -> None:
        self.home, self.stream, self.bars = home, stream, sys.stderr if bars is None else bars
        self.bar: Any = self._bar(total) if stream.isatty() else None
        self.in_work: dict[str, Any] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        for bar in [*self.in_work.values(), *([self.bar] if self.bar is not None else [])]:
            bar.close()

    def cell(self, report: Report, number: int, count: int) -> None:
        """A code cell of a report begins: its line says which of how many."""
        if self.bar is None:
            return
        if report.title not in self.in_work:
            self.in_work[report.title] = self._bar(count, place=self._free_place(), desc=report.title)
        bar = self.in_work[report.title]
        bar.n = number
        bar.refresh()

    def note(self, outcome: Outcome) -> None:
        """One more report is decided."""
        line = one_line(outcome, self.home)
        if self.bar is None:
            print(line, file=self.stream, flush=True)
            return
        if done := self.in_work.pop(outcome.report.title, None):
            done.close()
        self.bar.write(line, file=self.stream)
        self.bar.update()

    def _bar(self, total: int, *, place: int = 0, desc: str = "") -> Any:
        from tqdm import tqdm

        shown = {"desc": desc, "bar_format": CELLS} if place else {"unit": "report"}
        return tqdm(total=total, file=self.bars, dynamic_ncols=True, leave=not place, position=place, **shown)

    def _free_place(self) -> int:
        """The first line below the bar of all reports that no report in work has."""
        taken = {-bar.pos for bar in self.in_work.values()}
        return next(place for place in range(1, len(taken) + 2) if place not in taken)


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
