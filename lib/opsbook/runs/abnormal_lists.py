"""Notebook 03's list of participants that look abnormal: who, by which rules, of which invitation tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsbook.inputs.workbook import Workbook
from opsbook.runs.report import Report

if TYPE_CHECKING:
    import pandas as pd

    from opsbook.analysis.abnormal import Screened
    from opsbook.mart.mart import Mart

FOLDER = "abnormal"


def nobody(results: Mapping[str, Any]) -> bool:
    """Whether the report says that nobody is listed, or that the screen could not tell (then it names no method)."""
    told = [number for number in results.get("numbers", []) if number["key"] == "abnormal"]
    return any(number["value"] == 0 or not number["method"] for number in told)


def lists(report: Report, workbook: Workbook) -> dict[str, pd.DataFrame]:
    """One row per listed participant, by user_id -- the columns of `abnormal.ROSTER`; none where nobody is listed."""
    from opsbook.analysis import abnormal
    from opsbook.mart.build import ensure_mart

    if not workbook.exports.abnormal or not report.parameters.get("campaign_id"):
        return {}
    mart = ensure_mart(workbook, home=report.home, as_of=report.as_of)
    listed = abnormal.roster(_screened(report, workbook, mart), mart.users).to_pandas()
    return {"abnormal": listed} if len(listed) else {}


def _screened(report: Report, workbook: Workbook, mart: Mart) -> Screened:
    """What the notebook's cells work out, from the same mart and parameters."""
    from opsbook.analysis import abnormal, audience
    from opsbook.inputs.run_params import CampaignRun
    from opsbook.page.book import Book

    run = CampaignRun.model_validate(report.parameters)
    span: dict[str, Any] = {"start": report.period.start, "end": report.period.end, "campaign_id": run.campaign_id}
    events: dict[str, Any] = {
        "participation_events": run.participation_events,
        "conversion_events": run.conversion_events,
    }
    touched = audience.touches(mart.steps, mart.exposures, mart.redemptions, **span, **events)
    people = audience.members(touched, mart.users, start=report.period.start)
    settled = Book(report.notebook, workbook, run, mart, report.period).settled_through
    rows = (mart.users, mart.user_days, mart.redemptions)
    return abnormal.screen(people, touched, *rows, rules=run.abnormal_rules, as_of=settled, **span)
