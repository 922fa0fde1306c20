"""The register of lists already drawn, outputs/draws/<company>/<experiment>/: it outlives the reports that drew them.

A report's folder is replaced as a whole by its next run; an assignment may not be lost with it, since the campaign
review reads it weeks later, and since nobody of a running list may be drawn again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from opsbook.runs.report import Report

PLACE = "draws"
RECORD = "experiment.json"
KEPT = ("assignments.parquet", "assignments.csv", RECORD, "review.yaml")


def folder(home: Path, company_key: str) -> Path:
    """Where a company's draws are kept."""
    return home / "outputs" / PLACE / company_key


def registered(home: Path, company_key: str, experiment_id: str) -> dict[str, str]:
    """User id -> arm of a list that was drawn before; empty for a new one."""
    path = folder(home, company_key) / experiment_id / "assignments.parquet"
    if not path.exists():
        return {}
    import pandas as pd

    rows = pd.read_parquet(path)
    return dict(zip(rows["user_id"].astype(str), rows["variant"], strict=True))


def resting(home: Path, company_key: str, *, as_of: date, cooling_days: int | None) -> list[str]:
    """Ids of both arms of earlier lists that are not over on as_of: drawn again, they would tell nothing.

    A list is over cooling_days after its draw; without a number, on the day of its read-out. Lists drawn on the same
    day or later do not count, so that a report made again draws the same users again.
    """
    found: set[str] = set()
    for path in sorted(folder(home, company_key).glob(f"*/{RECORD}")):
        told = json.loads(path.read_text(encoding="utf-8"))
        drawn = date.fromisoformat(told["as_of"])
        over = date.fromisoformat(told["read_out"]) if cooling_days is None else drawn + timedelta(days=cooling_days)
        if drawn < as_of < over:
            found |= registered(home, company_key, told["experiment_id"]).keys()
    return sorted(found)


def register(report: Report, files: Mapping[str, bytes], *, below: str) -> None:
    """Keep what a published report drew, each file in one step; a report without a list changes nothing."""
    record = files.get(f"{below}/{RECORD}")
    if record is None:
        return
    place = folder(report.home, report.company_key) / json.loads(record)["experiment_id"]
    place.mkdir(parents=True, exist_ok=True)
    for name in KEPT:
        draft = place / f"{name}.{os.getpid()}.tmp"
        draft.write_bytes(files[f"{below}/{name}"])
        draft.replace(place / name)
