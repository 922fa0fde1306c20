"""How old the data of a report may be before somebody should ask why there is no newer one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from opsbook.runs.entries import Entry

# The longest period of the kind, and some days for the next report to be made; a fixed range is never out of date.
ALLOWED_DAYS: Mapping[str, int] = {"day": 1 + 1, "week": 7 + 1, "month": 31 + 4, "quarter": 92 + 8}


def age_days(as_of: str, today: date) -> int | None:
    """Whole days since the last day of data, 0 at least; None for a report without data."""
    return max(0, (today - date.fromisoformat(as_of)).days) if as_of else None


def limits(entries: Sequence[Entry]) -> dict[str, int]:
    """How many days old the data may be, by folder: only the newest good period of each run, where its kind has one."""
    newest: dict[tuple[str, str, str], str] = {}
    good = [entry for entry in entries if entry.good and entry.period_kind in ALLOWED_DAYS]
    for entry in good:
        newest[entry.run_key] = max(newest.get(entry.run_key, ""), entry.period_end)
    current = [entry for entry in good if entry.period_end == newest[entry.run_key]]
    return {entry.folder: ALLOWED_DAYS[entry.period_kind] for entry in current}


def is_stale(entry: Entry, allowed: Mapping[str, int], today: date) -> bool:
    """Whether the data of the report are older than its kind of period allows."""
    age = age_days(entry.as_of, today)
    return age is not None and entry.folder in allowed and age > allowed[entry.folder]
