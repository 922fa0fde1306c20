"""Whether the data reach: a period outside the data is a mistake, one that is not over yet is a matter of waiting."""

from __future__ import annotations

from datetime import date, timedelta

from opsbook.errors import NotSettled, OperatorError, ParameterError
from opsbook.runs.report import Report


def objection(report: Report, *, data_start: date, data_through: date) -> OperatorError | None:
    """Why the report cannot be made from data that cover data_start..data_through; None when it can.

    A stated as_of is the operator's word that the data are complete up to that day, as long as the
    period holds any data at all: a shop without an order on the last day of a month is still settled.
    With it a campaign is reviewed while it runs: the report then says that it is not over.
    """
    if report.notebook.startswith("04_"):
        return None  # a plan looks ahead: what has to be there is the past
    period, span = report.period, f"the data cover {data_start} to {data_through}"
    if period.end < data_start:
        return ParameterError(
            f"{report.title} lies outside the data", found=span, fix="correct its dates", where=report.where
        )
    vouched = report.as_of_stated and data_through >= period.start
    through = max(data_through, report.as_of) if vouched else data_through
    needed = period.end + timedelta(days=report.settling_days)
    if needed <= through or (vouched and report.notebook.startswith("03_")):
        return None
    return NotSettled(
        f"{report.title} needs data through {needed}, they reach {through}",
        fix="run it again later, or state as_of if the data are complete",
        where=report.where,
    )
