"""`opsbook check`: the contract's report on a company's tables, without a mart or a notebook."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from opsbook.inputs.home import workbook_path
from opsbook.inputs.periods import yesterday
from opsbook.inputs.workbook import read_workbook


def check_company(home: Path, company: str, *, as_of: date | None, now: datetime) -> tuple[str, bool]:
    """The check's report as text, and whether it stops a run."""
    from opsbook.inputs import check, sources

    workbook = read_workbook(workbook_path(home, company))
    con = sources.open_engine(workbook, home=home)
    try:
        tables = sources.contract_tables(workbook, home=home, con=con)
        last_day = as_of or workbook.as_of or yesterday(workbook.zone, now)
        checked = check.check(tables, workbook, as_of=last_day)
        return check.render(checked), checked.stops
    finally:
        con.disconnect()
