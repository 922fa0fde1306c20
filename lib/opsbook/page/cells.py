"""One value as one cell of a workbook: typed where Excel has the type, else as text, and never as a formula.

Everything a company calls its things may come here (a campaign named `=HYPERLINK(…)`), so texts are marked as texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pandas as pd

from opsbook.page.format import is_missing

Plain = str | bool | int | float | datetime | timedelta | None
LONGEST_TEXT = 32_767  # characters; what a cell of Excel takes
_WHOLE = 10**15  # Excel keeps fifteen digits; longer whole numbers are names, not amounts
_FIRST_DAY, _LAST_DAY = datetime(1900, 3, 1), datetime(9999, 12, 31)  # before, Excel knows a 29 February 1900
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML has no place for
_LOOKS_LIKE_FORMULA = ("=", "+", "-", "@", "\t")
AMOUNTS: Mapping[str, str] = {
    "count": "#,##0",
    "whole": "#,##0",
    "percent": "0.0%",
    "chance": "0.0%",
    "points": "+0.0%;-0.0%;0.0%",
    "money": "#,##0.00",
    "ratio": "0.00",
    "pvalue": "0.000",
}
CALENDAR: Mapping[str, str] = {"month": "yyyy-mm", "weekday": "dddd"}
DAY, MOMENT, SPAN, GENERAL = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss", "[h]:mm:ss", "General"


class Typed(NamedTuple):
    """What one cell holds: a value, how Excel shows it, and the title of the sheet it leads to, if any."""

    value: Plain
    number_format: str = GENERAL
    leads_to: str = ""
    strong: bool = False


def plain(value: Any) -> Plain:
    """The value as a type of Excel; None for what is missing or infinite, text for what Excel has no type for.

    A moment of a time zone stands as that zone's wall clock; whole numbers over fifteen digits stay whole as text.
    """
    value = value.item() if hasattr(value, "item") and not isinstance(value, pd.Timestamp | pd.Timedelta) else value
    if is_missing(value):
        return None
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < _WHOLE else str(value)
    if isinstance(value, date):
        return _moment(value)
    return _span(value) if isinstance(value, timedelta) else _text(str(value))


def number_format(value: Plain, spec: str = "") -> str:
    """How Excel shows a plain value whose format spec on the page is `spec`."""
    if isinstance(value, datetime):
        return CALENDAR.get(spec, DAY if value.time() == time() else MOMENT)
    if isinstance(value, timedelta):
        return SPAN
    if isinstance(value, bool) or not isinstance(value, int | float):
        return GENERAL
    return AMOUNTS.get(spec.removeprefix("signed_")) or decimals(value)


def column_format(column: pd.Series, spec: str) -> str:
    """One number format for a whole column: numbers by its largest, moments with their time if any has one."""
    if pd.api.types.is_datetime64_any_dtype(column):
        days = column.dropna()
        return CALENDAR.get(spec, DAY if bool((days == days.dt.normalize()).all()) else MOMENT)
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return SPAN if pd.api.types.is_timedelta64_dtype(column) else GENERAL
    sizes = [abs(value) for value in map(plain, column) if isinstance(value, int | float)]
    if not sizes or max(sizes) >= 0.01 or "percent" not in spec:
        broken = [size for size in sizes if not float(size).is_integer()]
        return AMOUNTS.get(spec.removeprefix("signed_")) or decimals(max(broken, default=0))
    return "0.00%"


def decimals(largest: float) -> str:
    """Three significant digits for numbers up to this size, at most four decimals; whole numbers have none."""
    if float(largest).is_integer():
        return "#,##0"
    places = min(max(2 - math.floor(math.log10(abs(largest))), 0), 4)
    return "#,##0" + ("." + "0" * places if places else "")


def written(sheet: Any, typed: Typed) -> Any:
    """The cell for a write-only sheet; floats keep every digit, which openpyxl alone would cut after sixteen."""
    from openpyxl.cell import WriteOnlyCell

    value, kind = (repr(typed.value), "n") if isinstance(typed.value, float) else (typed.value, None)
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(typed.value, str):
        kind, cell.quotePrefix = "s", typed.value.startswith(_LOOKS_LIKE_FORMULA)
    cell.data_type = kind or cell.data_type
    if typed.number_format != GENERAL:
        cell.number_format = typed.number_format
    return cell


def _moment(value: date) -> Plain:
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    moment = value.replace(tzinfo=None) if isinstance(value, datetime) else datetime.combine(value, time())
    return moment if _FIRST_DAY <= moment <= _LAST_DAY else moment.isoformat(sep=" ")


def _span(value: timedelta) -> Plain:
    return value.to_pytimedelta() if isinstance(value, pd.Timedelta) else value


def _text(value: str) -> str:
    """Without what XML refuses, and cut where Excel would."""
    kept = _REFUSED.sub("\ufffd", value)
    return kept if len(kept) <= LONGEST_TEXT else kept[: LONGEST_TEXT - 1] + "…"
