"""The only clock of the workbook: it decides what "yesterday" is and dates the records of runs."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, with its offset."""
    return datetime.now(UTC)


def stamp(instant: datetime) -> str:
    """An instant as 2026-10-01T08:30:00Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
