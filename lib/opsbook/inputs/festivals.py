"""Public holidays, make-up working days and shopping days, and last year's period aligned by moving festival.

Days come from the `holidays` package. Make-up working days are known once the government has published them,
usually in November of the year before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import holidays
import numpy as np
import pandas as pd

from opsbook.errors import ParameterError
from opsbook.inputs.periods import Period, between, same_last_year
from opsbook.inputs.yaml_file import did_you_mean

COLUMNS = ["day", "name", "name_zh", "kind"]
SHOPPING_DAYS = {
    "CN": (
        (6, 18, "618 mid-year sale", "618"),
        (11, 11, "Double 11", "双11"),
        (12, 12, "Double 12", "双12"),
    )
}
SATURDAY = 5
MAKE_UP = ("Make-up working day", "调休上班")
MOVING = {"春节": (-1, 6), "端午节": (0, 2), "中秋节": (0, 2)}  # days off, counted from the festival's own day


class Festival(NamedTuple):
    """A festival with its days off, both ends included, by its English and Chinese names."""

    start: date
    end: date
    name: str
    name_zh: str


def festival_days(country: str, years: Iterable[int]) -> pd.DataFrame:
    """One row per festival day and kind, in time order.

    country: ISO code such as CN; names in Chinese where the calendar has them, else as in `name`.
    returns: day (datetime64), name, name_zh, kind ('holiday' public holiday, 'working_day' weekend day worked in
             exchange, 'shopping' 618, Double 11 and Double 12)
    raises: ParameterError for a country without a calendar.
    """
    _refuse_unknown(country)
    wanted = sorted(set(years))
    english = _holidays(country, wanted, ("en_US", "en_GB"))
    chinese = _holidays(country, wanted, ("zh_CN",))
    rows = [(day, name, chinese.get(day, name), "holiday") for day, name in english.items()]
    rows += [(day, MAKE_UP[0], MAKE_UP[1], "working_day") for day in _make_up_days(country, wanted)]
    for month, day_of_month, name, name_zh in SHOPPING_DAYS.get(country, ()):
        rows += [(date(year, month, day_of_month), name, name_zh, "shopping") for year in wanted]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["day"] = pd.to_datetime(frame["day"]).astype("datetime64[ns]")
    return frame.sort_values(["day", "kind"], ignore_index=True)


def festival_runs(country: str, *, first: date, last: date) -> list[Festival]:
    """Festivals that touch the days from first to last, in time order; days off in a row are one, by commonest name.

    A weekend between two days off belongs to them, unless it is worked; a shopping day next to a holiday stays apart.
    """
    found = festival_days(country, range(first.year - 1, last.year + 2))
    worked = set(found.loc[found["kind"] == "working_day", "day"].dt.date)
    rows = {kind: found.loc[found["kind"] == kind, ["day", "name", "name_zh"]] for kind in ("holiday", "shopping")}
    runs = [run for own in rows.values() for run in _in_a_row(own, worked)]
    return sorted(run for run in runs if run.end >= first and run.start <= last)


def _in_a_row(days: pd.DataFrame, worked: set[date]) -> list[Festival]:
    """Days with their names as runs, parted where a day between them is no free weekend."""
    if days.empty:
        return []
    parted = [not _joined(one, other, worked) for one, other in pairwise(days["day"].dt.date)]
    runs = days.groupby(np.cumsum([0, *parted]))
    return [
        Festival(own["day"].min().date(), own["day"].max().date(), _commonest(own["name"]), _commonest(own["name_zh"]))
        for _, own in runs
    ]


def _joined(one: date, other: date, worked: set[date]) -> bool:
    between = [one + timedelta(days=n) for n in range(1, (other - one).days)]
    return all(day.weekday() >= SATURDAY and day not in worked for day in between)


def _commonest(names: Iterable[str]) -> str:
    """Of the first names of days, without what stands in brackets; a day off in exchange for another has none."""
    short = [re.split(r"; | \(|（|\(", name)[0] for name in names]
    own = [name for name in short if name not in ("Day off", "休息日")] or [""]
    return max(own, key=own.count)


def aligned_last_year(period: Period, country: str, *, week_start: str = "monday") -> Period:
    """The period a year earlier in which a moving Chinese festival lies at the same offset from the start.

    A day, week, month or range that touches the days off of Spring Festival, Dragon Boat or Mid-Autumn is moved by the
    distance between this year's festival and last year's (Spring Festival first, if there are several) and becomes a
    range of equal length. It is not moved when that would lose a shopping day (618 in a June with Dragon Boat);
    quarters hold the season whole, and they and every other period are as `periods.same_last_year` says.
    """
    if country == "CN" and period.kind != "quarter":
        for shift in filter(None, (_shift(period, festival) for festival in MOVING)):
            moved = between(period.start - shift, period.end - shift)
            if _shopping_days(moved) >= _shopping_days(period):
                return moved
    return same_last_year(period, week_start=week_start)


def moving_festival(festival: str, year: int) -> date | None:
    """The festival's own day (春节, 端午节 or 中秋节) in a year, or None where the calendar does not know it."""
    return _chinese_days(year).get(festival)


def _shift(period: Period, festival: str) -> timedelta | None:
    first, last = MOVING[festival]
    for year in range(period.start.year, period.end.year + 1):
        now, before = moving_festival(festival, year), moving_festival(festival, year - 1)
        if now and before and period.start <= now + timedelta(days=last) and now + timedelta(days=first) <= period.end:
            return now - before
    return None


def _shopping_days(period: Period) -> set[tuple[int, int]]:
    days = [(month, day) for month, day, _, _ in SHOPPING_DAYS["CN"]]
    years = range(period.start.year, period.end.year + 1)
    return {(month, day) for month, day in days for year in years if period.contains(date(year, month, day))}


@lru_cache
def _chinese_days(year: int) -> dict[str, date]:
    found: dict[str, date] = {}
    for day, names in sorted(_holidays("CN", [year], ("zh_CN",)).items()):
        for name in names.split("; "):
            found.setdefault(name, day)
    return found


def _holidays(country: str, years: list[int], languages: tuple[str, ...]) -> dict[date, str]:
    """Day -> name in the first of the languages that the calendar has, else in its own."""
    known = holidays.country_holidays(country).supported_languages or ()
    language = next((language for language in languages if language in known), None)
    return dict(holidays.country_holidays(country, years=years, language=language, expand=False))


def _make_up_days(country: str, years: list[int]) -> list[date]:
    calendar = holidays.country_holidays(country, years=years, expand=False)
    return sorted(day for day in getattr(calendar, "weekend_workdays", ()) if day.year in years)


def _refuse_unknown(country: str) -> None:
    known = sorted(holidays.list_supported_countries())
    if country not in known:
        fix = did_you_mean(country, known)[:200]
        raise ParameterError(f"There is no calendar for the country `{country}`", fix=f"{fix}, or leave it empty")
