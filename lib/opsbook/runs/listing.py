"""`opsbook list`: what there is to run, and how each run stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from opsbook.inputs.home import company_key, run_files
from opsbook.runs import manifest
from opsbook.runs.entries import Entry, entries

COLUMNS = ("company", "notebook", "run", "last_good_period", "state")


def lines(home: Path, company: str) -> list[dict[str, Any]]:
    """One row per run file: company, notebook, run, last_good_period, state (good, failed since, failed, never run)."""
    key = company_key(home, company)
    made = [entry for entry in entries(home / "outputs") if entry.company == key]
    return [_line(key, file.notebook, file.run, made) for file in run_files(home, company)]


def as_text(rows: list[dict[str, Any]]) -> str:
    """The rows as aligned columns under a heading."""
    table = [COLUMNS, *[tuple(str(row[name] or "–") for name in COLUMNS) for row in rows]]
    widths = [max(len(row[place]) for row in table) for place in range(len(COLUMNS))]
    shown = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table)
    return "\n".join(shown)


def as_json_text(rows: list[dict[str, Any]]) -> str:
    """The rows as a JSON list."""
    return manifest.as_bytes(rows).decode().rstrip()


def _line(company: str, notebook: str, run: str, made: list[Entry]) -> dict[str, Any]:
    own = [entry for entry in made if (entry.notebook, entry.run) == (notebook, run)]
    good = max((entry for entry in own if entry.good), key=lambda entry: entry.period_end, default=None)
    failed = any(entry.failed_at for entry in own)
    state = ("failed since" if good else "failed") if failed else ("good" if good else "never run")
    last = good.period if good else ""
    return {"company": company, "notebook": notebook, "run": run, "last_good_period": last, "state": state}
