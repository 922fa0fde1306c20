"""What cohorts are counted in: the day, week or month that holds a day, numbered, and which of them the data cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.errors import ParameterError
from opsbook.inputs.periods import DAYS_OF_WEEK

UNITS = ("day", "week", "month")
A_MONDAY = date(1970, 1, 5)


@dataclass(frozen=True)
class Window:
    """What cohorts are counted in (day, week, month) and the days of data, data_start to as_of."""

    unit: str
    data_start: date
    as_of: date
    week_start: str = "monday"

    def index(self, day: ir.Value) -> ir.Value:
        """Running number of the unit that holds a day of the engine."""
        if self.unit == "month":
            return day.year().cast("int64") * 12 + day.month() - 1
        return day.delta(ibis.date(self._origin()), unit="day") // self._length()

    def number(self, day: date) -> int:
        """Running number of the unit that holds the day."""
        if self.unit == "month":
            return day.year * 12 + day.month - 1
        return (day - self._origin()).days // self._length()

    def first_day(self, number: int) -> date:
        """First day of the unit with this running number."""
        if self.unit == "month":
            return date(int(number) // 12, int(number) % 12 + 1, 1)
        return self._origin() + timedelta(days=int(number) * self._length())

    def first_days(self, numbers: pd.Series) -> pd.Series:
        """First days, as timestamps, of the units with these running numbers."""
        days = {n: pd.Timestamp(self.first_day(n)) for n in numbers.unique()}
        return pd.to_datetime(numbers.map(days))

    def observed(self, numbers: pd.Series) -> pd.Series:
        """Whether the units with these numbers lie wholly inside the data."""
        inside = {n: self.first_day(n) >= self.data_start and self.first_day(n + 1) - timedelta(1) <= self.as_of
                  for n in numbers.unique()}  # fmt: skip
        return numbers.map(inside).astype(bool)

    def _origin(self) -> date:
        return A_MONDAY + timedelta(days=DAYS_OF_WEEK.index(self.week_start) if self.unit == "week" else 0)

    def _length(self) -> int:
        if self.unit not in UNITS:
            raise ParameterError(f"`{self.unit}` is not a unit of cohorts", fix="use day, week or month")
        return 7 if self.unit == "week" else 1
