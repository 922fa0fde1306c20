"""Reports of the same run and period are one topic, whatever their languages: the index counts and tells it once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsbook.runs.entries import Entry

SERIOUS = ("failed", "bad", "warn")


@dataclass(frozen=True)
class Topic:
    """One run's report of one period; `entries` are its languages, the one to read first."""

    entries: tuple[Entry, ...]
    newest: bool

    @property
    def main(self) -> Entry:
        """The report in the reader's language, else in the first there is; a good one before one that never was."""
        return next((entry for entry in self.entries if entry.good), self.entries[0])

    @property
    def failed(self) -> tuple[Entry, ...]:
        """The languages whose last attempt failed."""
        return tuple(entry for entry in self.entries if entry.failed_at)

    @property
    def judged(self) -> Entry:
        """The report whose verdict counts: the worst, where one language was made again and others were not."""
        good = [entry for entry in self.entries if entry.good] or [self.main]
        return next((entry for status in SERIOUS for entry in good if status_of(entry) == status), self.main)

    @property
    def state(self) -> str:
        """failed, else the status of the verdict that counts."""
        return "failed" if self.failed else status_of(self.judged)


def status_of(entry: Entry) -> str:
    """The status of the entry's verdict: good, warn, bad, neutral; unknown for everything else."""
    return entry.verdict_status if entry.verdict_status in ("good", "warn", "bad", "neutral") else "unknown"


def topics(entries: Sequence[Entry], *, language: str) -> list[Topic]:
    """One topic per company, notebook, run and period, in the order of the entries."""
    grouped: dict[tuple[str, ...], list[Entry]] = {}
    last: dict[tuple[str, str, str], str] = {}
    for entry in entries:
        grouped.setdefault((*entry.run_key, entry.period), []).append(entry)
        last[entry.run_key] = max(last.get(entry.run_key, ""), entry.period_end)
    return [
        Topic(
            tuple(sorted(found, key=lambda entry: entry.language != language)),
            newest=found[0].period_end == last[found[0].run_key],
        )
        for found in grouped.values()
    ]


def watched(found: Sequence[Topic]) -> list[Topic]:
    """What is looked at now: the newest period of each run, and every period whose last attempt failed."""
    return [topic for topic in found if topic.newest or topic.failed]


def serious(found: Sequence[Topic]) -> list[Topic]:
    """Failed first, then bad, then to be watched; the newest period first within each."""
    latest = sorted(watched(found), key=lambda topic: topic.main.period_end, reverse=True)
    return sorted((topic for topic in latest if topic.state in SERIOUS), key=lambda topic: SERIOUS.index(topic.state))
