"""Simulated companies read the way a newcomer would: plain pandas, no mapping."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from opsbook.simulate import write_company
from opsbook.simulate.exits import ROADS

ZONE = "Asia/Shanghai"


@dataclass(frozen=True)
class Written:
    """A company on disk: its raw tables as written, its rows without dirt, and its truth."""

    folder: Path
    truth: dict
    kept: dict[str, pd.DataFrame] = field(default_factory=dict)

    def raw(self, table: str) -> pd.DataFrame:
        """The table as written, with every time as a naive local timestamp `at`."""
        return self._once(table, lambda: READERS[table](self.folder))

    def clean(self, table: str) -> pd.DataFrame:
        """The rows that are true: with a user, a possible clock, no reversal, no stranger, once each."""
        return self._once(f"clean {table}", lambda: _true_rows(self.raw(table)))

    def days(self) -> pd.DataFrame:
        """One row per user and active day; a record of an exit is nothing that a user does."""
        events = self.clean("events")
        both = [events[~events["action"].isin(ROADS.values())][["uid", "at"]], self.clean("orders")[["uid", "at"]]]
        return self._once("days", lambda: _user_days(pd.concat(both)))

    def _once(self, name: str, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if name not in self.kept:
            self.kept[name] = read()
        return self.kept[name]


def _true_rows(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows[rows["uid"].lt(90_000_000) & rows["at"].between("2025-03-01", "2026-11-01")]
    rows = rows[rows["amount_cents"] > 0] if "amount_cents" in rows else rows
    twice = rows.duplicated(["uid", "at"], keep=False)
    return pd.concat([rows[~twice], rows[twice].drop_duplicates()])


def _user_days(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(day=rows["at"].dt.normalize())[["uid", "day"]].drop_duplicates()


def _events(folder: Path) -> pd.DataFrame:
    rows = pd.concat([pd.read_parquet(file) for file in sorted(folder.glob("events/*.parquet"))])
    return rows.assign(at=pd.to_datetime(rows["ts_ms"], unit="ms") + pd.Timedelta(hours=8))


def _exposures(folder: Path) -> pd.DataFrame:
    rows = pd.read_csv(folder / "exposures.csv.gz")
    instant = rows["shown_at"].str.endswith("+00:00")
    naive = pd.to_datetime(rows["shown_at"].str.slice(0, 19))
    return rows.assign(instant=instant, at=naive + pd.to_timedelta(instant * 8, unit="h"))


def _assignments(folder: Path) -> pd.DataFrame:
    rows = pd.read_parquet(folder / "assignments.parquet")
    return rows.assign(at=rows["assigned_at"].dt.tz_convert(ZONE).dt.tz_localize(None))


READERS = {
    "users": lambda folder: pd.read_parquet(folder / "users.parquet").assign(at=lambda rows: rows["reg_time"]),
    "events": _events,
    "orders": lambda folder: pd.read_parquet(folder / "orders.parquet").assign(at=lambda rows: rows["pay_time"]),
    "exposures": _exposures,
    "assignments": _assignments,
    "redemptions": lambda folder: pd.read_csv(folder / "redemptions.csv", parse_dates=["redeemed_at"]).assign(
        at=lambda rows: rows["redeemed_at"]
    ),
}


@pytest.fixture(scope="session")
def company(tmp_path_factory) -> Written:
    """A small company."""
    folder = tmp_path_factory.mktemp("small") / "demo"
    return Written(folder, write_company(folder, users=3000, seed=5))


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Written:
    """The company that `opsbook demo` writes unless told otherwise."""
    folder = tmp_path_factory.mktemp("default") / "demo"
    return Written(folder, write_company(folder))


@pytest.fixture(scope="session")
def sisters(tmp_path_factory) -> list[Written]:
    """Companies that differ by their seed alone."""
    folders = [tmp_path_factory.mktemp("sisters") / f"seed_{seed}" for seed in (11, 12, 13)]
    return [Written(folder, write_company(folder, users=4000, seed=i)) for i, folder in enumerate(folders, start=11)]
