"""The campaign memory on disk: every published review leaves its row, and later reviews depend on the rows before them.

outputs/campaigns.parquet is what notebooks read, campaigns.csv the same for people and for the hash of a report. A row
is replaced by a review that looked further; a campaign that was over before another began is reviewed before it.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from opsbook.inputs import registration
from opsbook.inputs.memory import FILE, typed
from opsbook.inputs.run_params import RUNS, CampaignRun
from opsbook.runs.folder import HIDDEN
from opsbook.runs.report import Report

if TYPE_CHECKING:
    import pandas as pd

CSV = "campaigns.csv"
ROW = "tables/memory_row.parquet"
KEY = ["company", "campaign_id"]
WAIT_SECONDS = 60


def remember(report: Report, files: Mapping[str, bytes]) -> None:
    """Keep the row of a published review, unless a later look at the same campaign is there already."""
    if ROW not in files:
        return
    import pandas as pd

    row = pd.read_parquet(io.BytesIO(files[ROW])).assign(run=report.run, period=report.period.label)
    _merge(report.home, row)


def rebuild(home: Path) -> Path:
    """Collect the rows of all reviews in outputs/ again; returns the path of the memory."""
    import pandas as pd

    outputs = home / "outputs"
    found = sorted(path for path in outputs.glob(f"**/{ROW}") if HIDDEN not in path.parts)
    rows = [pd.read_parquet(path).assign(run=path.parents[2].name, period=path.parents[1].name[:21]) for path in found]
    (outputs / FILE).unlink(missing_ok=True)
    if rows:
        _merge(home, pd.concat(rows, ignore_index=True))
    return outputs / FILE


def is_review(report: Report) -> bool:
    """Whether the report reads and leaves rows of the memory."""
    return RUNS.get(report.notebook) is CampaignRun and bool(report.parameters.get("start"))


def waits_for(report: Report, other: Report) -> bool:
    """Whether the other review comes first: a campaign of the company that was over before this one began."""
    if not (is_review(report) and is_review(other) and report.company_key == other.company_key):
        return False
    return str(other.parameters["end"]) < str(report.parameters["start"])


def fingerprint(report: Report) -> dict[str, str]:
    """What a review or plan also depends on: the rows it reads and the promises made; nothing for other notebooks."""
    about = report.parameters if is_review(report) else report.parameters.get("campaign") or {}
    if not about.get("start"):
        return {}
    from opsbook.runs.fingerprints import of

    rows = _lines_before(report.home, report.company_key, str(about["start"]))
    promises = registration.versions(report.home, report.company_key, str(about.get("campaign_id", "")))
    return {"memory": of(rows), "registered": of(promises if is_review(report) else [])}


def _lines_before(home: Path, company_key: str, start: str) -> list[dict[str, str]]:
    path = home / "outputs" / CSV
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.DictReader(file) if row["company"] == company_key and row["end"] < start]


def _merge(home: Path, rows: pd.DataFrame) -> None:
    import pandas as pd

    outputs = home / "outputs"
    (outputs / HIDDEN).mkdir(parents=True, exist_ok=True)
    with FileLock(outputs / HIDDEN / "campaigns.lock", timeout=WAIT_SECONDS):
        before = [pd.read_parquet(outputs / FILE)] if (outputs / FILE).exists() else []
        table = typed(pd.concat([*before, rows], ignore_index=True))
        latest = table.sort_values("reviewed_through", kind="stable").drop_duplicates(KEY, keep="last")
        latest = latest.sort_values(["company", "start", "campaign_id"], ignore_index=True)
        _replace(
            outputs / CSV, latest.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%d").encode("utf-8-sig")
        )
        buffer = io.BytesIO()
        latest.to_parquet(buffer, index=False)
        _replace(outputs / FILE, buffer.getvalue())


def _replace(path: Path, content: bytes) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    draft.write_bytes(content)
    draft.replace(path)
