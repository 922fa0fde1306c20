"""What lies in outputs/ when the index is built, and how its reader calls things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opsbook.runs.ages import age_days, is_stale, limits
from opsbook.runs.entries import Entry
from opsbook.runs.index_companies import Company

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Shelf:
    """Reports, campaign memory (`inputs.memory.kept`), companies (the default one first), instant, reader's language.

    now: in the default company's zone, whose days the index counts
    """

    entries: tuple[Entry, ...]
    memory: pd.DataFrame
    companies: tuple[Company, ...]
    now: datetime
    language: str

    @property
    def today(self) -> date:
        """The day on which the index is built."""
        return self.now.date()

    @cached_property
    def known(self) -> Mapping[str, Company]:
        """Companies by key."""
        return {company.key: company for company in self.companies}

    @cached_property
    def allowed(self) -> Mapping[str, int]:
        """How many days old data may be, by folder (`ages.limits`)."""
        return limits(self.entries)

    @property
    def several(self) -> bool:
        """Whether there are reports of more than one company, so that each has to be named."""
        return len({entry.company for entry in self.entries}) > 1

    def company(self, key: str) -> Company:
        """The company; one that has no workbook any more is called by its key."""
        return self.known.get(key) or Company(key)

    def age(self, as_of: str) -> int | None:
        """Days since the last day of data."""
        return age_days(as_of, self.today)

    def is_stale(self, entry: Entry) -> bool:
        """Whether the report's data are older than its kind of period allows."""
        return is_stale(entry, self.allowed, self.today)

    def as_json(self) -> list[dict[str, Any]]:
        """One report per folder, as index.json lists them."""
        ages = ({"age_days": self.age(entry.as_of), "stale": self.is_stale(entry)} for entry in self.entries)
        return [entry.as_json() | age for entry, age in zip(self.entries, ages, strict=True)]
