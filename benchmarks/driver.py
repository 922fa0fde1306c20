"""`make bench`: the mart of 20 million events, each analysis beside pandas, reviews, pages, then survival."""

from __future__ import annotations

import argparse
import importlib
import sys
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from benchmarks import batch, page, survival
from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY, write_company
from benchmarks.measure import Measured, measure
from opsbook.inputs.workbook import Workbook
from opsbook.mart.build import ensure_mart
from opsbook.mart.mart import Mart

AREAS = ("lifecycle", "funnel", "retention", "campaign")
AS_OF = date.fromisoformat(FIRST_DAY) + timedelta(days=DAYS - 1)


def workbook(folder: Path) -> Workbook:
    """A company whose tables already carry the contract's names."""
    return Workbook.model_validate(
        {
            "company": {"key": f"bench-{folder.name}", "name": "Benchmark"},
            "zone": "UTC",
            "as_of": AS_OF,
            "data_start": FIRST_DAY,
            "tables": {
                "users": {"path": str(folder / "users.parquet"), "attributes": ["platform"]},
                "events": {"path": str(folder / "events.parquet")},
                "orders": {"path": str(folder / "orders.parquet")},
            },
            "event_groups": {"reading": ["view", "read"], "cart": ["cart"]},
        }
    )


def build(folder: Path, home: Path) -> str:
    """Check, map and build; returns the mart's path."""
    return str(ensure_mart(workbook(folder), home=home).path)


def run_from_mart(area: str, position: int, path: str) -> pd.DataFrame:
    """The case's analysis on the mart file, opened afresh."""
    return cases(area)[position].from_mart(Mart(Path(path)))


def load_frames(area: str, position: int, path: str) -> tuple[Case, Frames]:
    """The case with its pandas tables already in memory."""
    case, frames = cases(area)[position], Frames(Mart(Path(path)))
    for name in case.needs:
        getattr(frames, name)
    return case, frames


def run_in_pandas(loaded: tuple[Case, Frames]) -> pd.DataFrame:
    """The case's plain pandas twin."""
    case, frames = loaded
    return case.in_pandas(frames)


def cases(area: str) -> list[Case]:
    """The cases of one notebook."""
    return importlib.import_module(f"benchmarks.{area}").CASES


def line(name: str, ours: Measured, theirs: Measured) -> str:
    """One printed row: seconds and memory of both, and how many times pandas takes."""
    ratio = theirs.seconds / ours.seconds
    figures = f"{ours.seconds:>9.2f}{ours.peak_mb:>9.0f}{theirs.seconds:>11.2f}{theirs.peak_mb:>10.0f}"
    return f"{name:<44}{figures}{ratio:>9.1f}x"


def main() -> None:
    """Print the tables; fail when a result differs."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=20_000_000, help="how many events to generate")
    parser.add_argument("--home", type=Path, default=Path("cache/bench"), help="where data and marts are kept")
    parser.add_argument("--users", type=int, default=1_000_000, help="how many users the survival estimators read")
    parser.add_argument("--only-survival", action="store_true", help="leave out the mart and the notebooks")
    parser.add_argument("--only-batch", action="store_true", help="leave out everything but the reviews per minute")
    parser.add_argument("--only-page", action="store_true", help="leave out everything but the rendering of reports")
    given = parser.parse_args()
    if given.only_page:
        return page.compare()
    if given.only_batch:
        return batch.compare(given.home)
    if not given.only_survival:
        notebooks(given.home, events=given.events)
        batch.compare(given.home)
        page.compare()
    survival.compare(given.home, users=given.users)
    return None


def notebooks(home: Path, *, events: int) -> None:
    """Build the mart and print one line per analysis; fail when a result differs."""
    folder = write_company(home.resolve(), events=events)
    for old in (home / "cache").glob(f"bench-{folder.name}/*.duckdb"):
        old.unlink()
    built = measure(build, folder, home.resolve(), repeat=1)
    size = Path(built.result).stat().st_size / 2**20
    print(f"mart of {events:,} events: {built.seconds:.1f} s, peak {built.peak_mb:,.0f} MB, file {size:,.0f} MB\n")
    print(f"{'from the mart | plain pandas on rows':<44}{'s':>9}{'MB':>9}{'s':>11}{'MB':>10}{'pandas':>10}")
    for area in AREAS:
        for position, case in enumerate(tqdm(cases(area), desc=area, leave=False, disable=not sys.stderr.isatty())):
            ours = measure(run_from_mart, area, position, built.result)
            theirs = measure(run_in_pandas, area, position, built.result, prepare=load_frames, repeat=1)
            pd.testing.assert_frame_equal(ours.result, theirs.result, check_dtype=False, rtol=1e-9, obj=case.name)
            print(line(case.name, ours, theirs), flush=True)
