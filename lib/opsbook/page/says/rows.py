"""What sentences ask of a table: its last row, the side of an interval, the name of a span of days."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.page.words import Sentence


def span(start: pd.Timestamp, end: pd.Timestamp) -> Sentence:
    """A calendar month by its name, one day by its date, other spans by their first and last day."""
    whole_month = start.day == 1 and end == start + pd.offsets.MonthEnd(0)
    case = "month" if whole_month else "day" if start == end else "days"
    return Sentence(f"lifecycle.span.{case}", start=start, end=end)


def last_row(table: pd.DataFrame) -> dict[str, Any]:
    """The values of the last row by column; empty for an empty table."""
    return {str(name): value for name, value in table.iloc[-1].items()} if len(table) else {}


def direction(low: float, high: float) -> str:
    """Up or down when the interval lies on one side of zero, unclear when it covers it, unjudged without one."""
    if pd.isna(low) or pd.isna(high):
        return "unjudged"
    return "up" if low > 0 else "down" if high < 0 else "unclear"
