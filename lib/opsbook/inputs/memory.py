"""The campaign memory, outputs/campaigns.parquet: one row per reviewed campaign, read by the reviews that follow."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

FILE = "campaigns.parquet"
# What a review can conclude, the best first, and the status that pages give it.
STATUS = {"keep": "good", "improve": "warn", "no_effect": "neutral", "harmful": "bad", "undecidable": "unknown"}
TEXTS = ["company", "campaign_id", "name", "name_zh", "type", "channels", "comparison", "primary_metric", "conclusion",
         "rule", "grade", "run", "period"]  # fmt: skip
DAYS = ["start", "end", "reviewed_through"]
NUMBERS = ["users", "relative", "relative_low", "relative_high", "total", "total_low", "total_high", "participants",
           "attainment", "cost", "roi", "roi_low", "roi_high"]  # fmt: skip
COLUMNS = [*TEXTS[:6], *DAYS, "after_complete", *TEXTS[6:11], *NUMBERS, *TEXTS[11:]]


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with every column of COLUMNS in its type; what a row does not have is missing.

    returns: one row per campaign -- see `analysis.memory.row`; run and period name its report
    """
    table = rows.reindex(columns=COLUMNS)
    kinds = dict.fromkeys(TEXTS, "str") | dict.fromkeys(NUMBERS, "float64") | {"after_complete": "bool"}
    filled = table.assign(
        **{name: table[name].fillna("") for name in TEXTS}, after_complete=table["after_complete"] == 1
    )
    days = {name: pd.to_datetime(filled[name]).astype("datetime64[s]") for name in DAYS}
    return filled.astype(kinds).assign(**days)[COLUMNS].reset_index(drop=True)


def kept(home: Path) -> pd.DataFrame:
    """All campaigns of all companies, newest first; no rows where nothing was reviewed."""
    path = home / "outputs" / FILE
    rows = typed(pd.read_parquet(path)) if path.exists() else typed(pd.DataFrame())
    return rows.sort_values(["start", "campaign_id"], ascending=[False, True], ignore_index=True)


def remembered(home: Path, company_key: str, *, before: date | None) -> pd.DataFrame:
    """The company's campaigns that were over before the day, oldest first; none where nothing was reviewed."""
    path = home / "outputs" / FILE
    if before is None or not path.exists():
        return typed(pd.DataFrame())
    rows = typed(pd.read_parquet(path))
    own = rows[(rows["company"] == company_key) & (rows["end"] < pd.Timestamp(before))]
    return own.sort_values(["start", "campaign_id"], ignore_index=True)
