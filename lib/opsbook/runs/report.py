"""One report to make, fully decided before any kernel starts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from opsbook.inputs.periods import Period
from opsbook.runs.folder import Folder


@dataclass(frozen=True)
class Report:
    """A run of a notebook for one company, period and language, with every parameter the notebook gets."""

    home: Path
    company: str
    company_key: str
    notebook: str
    run: str
    period: Period
    language: str
    house_language: str
    parameters: dict[str, Any]
    as_of: date
    as_of_stated: bool
    seed: int
    settling_days: int
    where: Path

    @property
    def name(self) -> str:
        """Output folder below outputs/: [company/]notebook/run/period[.language]."""
        period = self.period.label if self.language == self.house_language else f"{self.period.label}.{self.language}"
        return "/".join([*([self.company_key] if self.company else []), self.notebook, self.run, period])

    @property
    def title(self) -> str:
        """The report as a log line names it."""
        company = f"{self.company_key} " if self.company else ""
        return f"{company}{self.notebook}/{self.run} {self.period.label} {self.language}"

    @property
    def folder(self) -> Folder:
        """Where the report is kept."""
        return Folder(self.home / "outputs", self.name)
