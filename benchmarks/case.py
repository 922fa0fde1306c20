"""One piece of work done twice: from the mart by Opsbook, and by plain pandas on rows; the results must be equal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from opsbook.mart.mart import Mart


class Frames:
    """The mart's tables as pandas frames, loaded at first use; loading is not part of a measured time."""

    def __init__(self, mart: Mart) -> None:
        self._mart = mart

    @cached_property
    def user_days(self) -> pd.DataFrame:
        """One row per user and active day."""
        return self._dated("user_days")

    @cached_property
    def orders(self) -> pd.DataFrame:
        """One row per order."""
        return self._dated("orders")

    @cached_property
    def users(self) -> pd.DataFrame:
        """One row per user."""
        return self._dated("users")

    @cached_property
    def steps(self) -> pd.DataFrame:
        """One row per event: user, at, day, event."""
        return self._dated("steps", ["user", "at", "day", "event"])

    def _dated(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        table = getattr(self._mart, name)
        table = table.select(columns) if columns else table
        days = {name: table[name].cast("timestamp") for name, kind in table.schema().items() if kind.is_date()}
        return table.mutate(**days).to_pandas()


@dataclass(frozen=True)
class Case:
    """A name, the analysis from the mart, and the same in pandas; both return the same small table."""

    name: str
    from_mart: Callable[[Mart], pd.DataFrame]
    in_pandas: Callable[[Frames], pd.DataFrame]
    needs: tuple[str, ...] = ("user_days",)
