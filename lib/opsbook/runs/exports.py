"""The lists of users that operations take along: files beside a good report, never anything inside it.

The notebook's kernel does not write them and does not know them: user ids would end up in outputs. After the kernel
succeeded, the same users are worked out once more from the same mart, in a process that writes no report.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opsbook.inputs.home import workbook_path
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.runs import abnormal_lists, risk_lists, segment_lists
from opsbook.runs.report import Report
from opsbook.runs.segment_lists import FOLDER

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FOLDER", "exported"]
Maker = Callable[[Report, Workbook], Mapping[str, Any]]
MAKERS: dict[str, tuple[str, Maker]] = {
    "01_user_lifecycle": (segment_lists.FOLDER, segment_lists.lists),
    "02_retention_survival": (risk_lists.FOLDER, risk_lists.lists),
    "03_campaign_review": (abnormal_lists.FOLDER, abnormal_lists.lists),
}


def exported(report: Report, results: Mapping[str, Any] | None = None) -> dict[str, bytes]:
    """Name and content of every list the workbook asks for; none for other notebooks.

    A maker gives a table per list, which is written as Parquet and CSV, or bytes under a name with its ending.
    results: what the report says, where it is known; a report that lists nobody needs no list worked out again
    """
    if report.notebook not in MAKERS or (results is not None and abnormal_lists.nobody(results)):
        return {}
    folder, make = MAKERS[report.notebook]
    made = make(report, read_workbook(workbook_path(report.home, report.company)))
    return {f"{folder}/{name}": content for key, rows in made.items() for name, content in _files(key, rows)}


def _files(name: str, rows: pd.DataFrame | bytes) -> list[tuple[str, bytes]]:
    if isinstance(rows, bytes):
        return [(name, rows)]
    text = rows.to_csv(index=False, lineterminator="\n").encode("utf-8-sig")
    return [(f"{name}.parquet", _parquet(rows)), (f"{name}.csv", text)]


def _parquet(rows: pd.DataFrame) -> bytes:
    stored = io.BytesIO()
    rows.to_parquet(stored, index=False)
    return stored.getvalue()
