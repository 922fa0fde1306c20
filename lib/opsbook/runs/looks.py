"""The log of looks at running campaigns: a report's folder is replaced by its next run, a look may not be forgotten."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping

from opsbook.inputs.looks import folder
from opsbook.runs import manifest
from opsbook.runs.report import Report

TABLE = "tables/looks.parquet"


def register(report: Report, files: Mapping[str, bytes]) -> None:
    """Keep the day through which a published report looked, in one step; a report that did not look changes nothing."""
    if TABLE not in files:
        return
    import pandas as pd

    last = pd.read_parquet(io.BytesIO(files[TABLE])).iloc[-1]
    place = folder(report.home, report.company_key, str(report.parameters.get("campaign_id", "")))
    place.mkdir(parents=True, exist_ok=True)
    day = str(pd.Timestamp(last["day"]).date())
    told = {"through": day, "share": round(float(last["share_information"]), 6), "run": report.run}
    draft = place / f"{day}.{os.getpid()}.tmp"
    draft.write_bytes(manifest.as_bytes(told))
    draft.replace(place / f"{day}.json")
