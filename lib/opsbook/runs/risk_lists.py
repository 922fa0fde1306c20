"""Notebook 02's list of users at risk: whom to contact, whom to leave alone, and the experiment that was registered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsbook.inputs.workbook import Workbook
from opsbook.runs import draws, manifest
from opsbook.runs.report import Report

if TYPE_CHECKING:
    import pandas as pd

    from opsbook.analysis.early_warning import Alarm
    from opsbook.analysis.risk_list import Draw
    from opsbook.page.book import Book

FOLDER = "at_risk"
ASSIGNMENTS = ["experiment_id", "user_id", "variant", "assigned_at"]
REVIEW = """\
# The review of one list of users at risk: copy it to params/<company>/03_campaign_review/ when its read-out has come,
# and let `assignments` of workbook.yaml read outputs/draws/{company}/*/assignments.parquet.
campaign_id: {experiment_id}
name: Users at risk, {as_of}
name_zh: 流失预警名单 {as_of}
type: win_back
start: {first_day}
end: {last_day}
after_days: {after_days}
comparison: holdout
experiment_id: {experiment_id}
control: control
control_share: {holdout_share}
primary_metric: active_days
"""


def lists(report: Report, workbook: Workbook) -> dict[str, Any]:
    """contact, holdout and assignments as tables, experiment.json and review.yaml; nothing where there is no list.

    contact, holdout: one row per user of one arm, riskiest first -- the columns of `contact_list.roster`
    assignments:      the contract's columns; users registered under this experiment before keep their arm and stay in
    """
    if not workbook.exports.at_risk:
        return {}
    from opsbook.analysis import contact_list

    book = _book(report, workbook)
    draw, alarm = _draw(report, book), _alarm(book)
    known = draws.registered(report.home, report.company_key, draw.experiment_id)
    resting = draws.resting(
        report.home, report.company_key, as_of=draw.as_of, cooling_days=workbook.early_warning.cooling_days
    )
    listed = contact_list.roster(alarm, draw=draw, left_out=resting, registered=known)
    return _files(listed, known, draw, alarm, workbook) if len(listed) else {}


def _files(listed: pd.DataFrame, known: dict[str, str], draw: Draw, alarm: Alarm, workbook: Workbook) -> dict[str, Any]:
    from opsbook.analysis import risk_list

    asked = alarm.question
    told = risk_list.registry(draw, listed, model=alarm.used, within_days=asked.within_days, wait_days=asked.wait_days)
    review = REVIEW.format(company=workbook.company.key, **told)
    arms = {name: listed[listed["variant"] == arm] for name, arm in
            (("contact", risk_list.TREATMENT), ("holdout", risk_list.CONTROL))}  # fmt: skip
    rows = _assignments(listed, known, draw, workbook)
    return arms | {
        "assignments": rows, "experiment.json": manifest.as_bytes(told), "review.yaml": review.encode(),
    }  # fmt: skip


def _assignments(listed: pd.DataFrame, known: dict[str, str], draw: Draw, workbook: Workbook) -> pd.DataFrame:
    """The contract's rows of this draw, by user id; drawn at the beginning of the day after as_of."""
    import pandas as pd

    new = dict(zip(listed["user_id"].astype(str), listed["variant"], strict=True))
    rows = sorted((known | new).items())
    begins = datetime.combine(draw.as_of + timedelta(days=1), datetime.min.time(), tzinfo=workbook.timezone)
    table = pd.DataFrame(rows, columns=["user_id", "variant"]).astype({"user_id": listed["user_id"].dtype})
    return table.assign(experiment_id=draw.experiment_id, assigned_at=begins.isoformat())[ASSIGNMENTS]


def _book(report: Report, workbook: Workbook) -> Book:
    from opsbook.inputs.run_params import RUNS
    from opsbook.mart.build import ensure_mart
    from opsbook.page.book import Book

    run = RUNS[report.notebook].model_validate(report.parameters)
    mart = ensure_mart(workbook, home=report.home, as_of=report.as_of)
    return Book(report.notebook, workbook, run, mart, report.period)


def _draw(report: Report, book: Book) -> Draw:
    from opsbook.analysis.risk_list import Draw

    asked, capacity = book.workbook.early_warning, getattr(book.run, "capacity", None)
    return Draw(
        seed=report.seed, company=report.company_key, run=report.run, as_of=book.settled_through,
        capacity=capacity or asked.capacity, holdout_share=asked.holdout_share,
    )  # fmt: skip


def _alarm(book: Book) -> Alarm:
    """What the notebook's cells work out, from the same mart and parameters."""
    from opsbook.analysis import churn, early_warning

    mart, as_of, asked = book.mart, book.settled_through, book.workbook.early_warning
    gaps = churn.false_churn(churn.gap_table(mart.user_days, as_of=as_of))
    given = getattr(book.run, "churn_after_days", None) or book.limits.churn_after_days
    target = {"target": book.limits.false_churn_target}
    limit = churn.threshold(gaps, **target, given_days=given, data_start=book.data_start, as_of=as_of)
    ahead = early_warning.question(
        mart.user_days,
        churn_after_days=limit.days,
        within_days=asked.within_days,
        by=getattr(book.run, "covariates", ()),
    )
    known: dict[str, Any] = {"data_start": book.data_start, "as_of": as_of, "min_cell": book.limits.min_cell}
    found = early_warning.answer(mart.user_days, mart.users, ahead, **known, **asked.told(book.given))
    return early_warning.usable(found, limit, gaps)
