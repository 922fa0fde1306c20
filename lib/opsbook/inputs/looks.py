"""Earlier looks at a campaign that still ran: outputs/looks/<company>/<campaign>/<day>.json, written by the runner.

Whoever looks often enough finds something. So every look is kept, and the next one is judged by a boundary that knows
of it. Looks of the same day are one look, in whatever language, and later ones do not count: a report made again
stays the same.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsbook.inputs.workbook import Workbook

PLACE = "looks"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def folder(home: Path, company_key: str, campaign_id: str) -> Path:
    """Where the looks at a campaign are kept."""
    return home / "outputs" / PLACE / company_key / (re.sub(r"[^\w-]", "_", campaign_id) or "_")


def earlier(run: Any, workbook: Workbook, *, home: Path, as_of: date) -> tuple[date, ...]:
    """The last days of data that earlier looks at the campaign saw, in order; none for a run without a lot."""
    if getattr(run, "comparison", "") not in ("holdout", "ab") or not (run.start and run.end):
        return ()
    through = min(workbook.settled_through(as_of), run.end + timedelta(days=run.after_days))
    names = (path.stem for path in folder(home, workbook.company.key, run.campaign_id).glob("*.json"))
    days = sorted(date.fromisoformat(name) for name in names if _DAY.fullmatch(name))
    return tuple(day for day in days if run.start <= day < through)
