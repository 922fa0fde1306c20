"""A company typed by hand: text tables become CSV files, a workbook maps them, the engine reads them."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opsbook.inputs import check, sources
from opsbook.inputs.workbook import Workbook

AS_OF = date(2026, 1, 31)


def make_workbook(tables: dict[str, Any], **settings: Any) -> Workbook:
    """A workbook of a company named a, in UTC unless told, that reads the tables."""
    plain = {"company": {"key": "a", "name": "A"}, "zone": "UTC", "engine": {"threads": 2, "memory": "1GB"}}
    return Workbook.model_validate(plain | settings | {"tables": tables})


def write_csv(path: Path, text: str) -> None:
    """The text table as CSV parted by bars, so that cells may hold commas."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    path.write_text("\n".join("|".join(cell.strip() for cell in line.split("|")) for line in lines), encoding="utf-8")


@pytest.fixture
def workbook() -> Callable[..., Workbook]:
    """Make a small workbook from mappings."""
    return make_workbook


@pytest.fixture
def mapped(tmp_path: Path) -> Callable[..., dict[str, pd.DataFrame]]:
    """Read the workbook's tables as they are after mapping, each in the order of its file."""

    def read(book: Workbook, home: Path = tmp_path, **more: Any) -> dict[str, pd.DataFrame]:
        con = sources.open_engine(book, home=home)
        tables = sources.contract_tables(book, home=home, con=con, **more)
        return {name: table.to_pandas() for name, table in tables.items()}

    return read


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., check.Checked]:
    """Check text tables, given by table name, whose columns already have the contract's names."""

    def run(*, as_of: date = AS_OF, mapping: dict[str, Any] | None = None, **given: Any) -> check.Checked:
        texts = {name: text for name, text in given.items() if isinstance(text, str) and "|" in text}
        settings = {name: value for name, value in given.items() if name not in texts}
        for name, text in texts.items():
            write_csv(tmp_path / f"{name}.csv", text)
        tables = {
            name: {"path": f"{name}.csv", "csv": {"delim": "|"}} | (mapping or {}).get(name, {}) for name in texts
        }
        book = make_workbook(tables, **({"thresholds": {"drop_budget": 1.0}} | settings))
        con = sources.open_engine(book, home=tmp_path)
        raw = sources.contract_tables(book, home=tmp_path, con=con)
        return check.check(raw, book, as_of=as_of)

    return run


@pytest.fixture
def found() -> Callable[..., tuple[str, int]]:
    """The policy and number of rows of one rule in a report, or None."""

    def look(checked: check.Checked, rule: str, table: str | None = None) -> tuple[str, int] | None:
        report = checked.report
        rows = report[(report["rule"] == rule) & ((report["table"] == table) | (table is None))]
        return (rows["policy"].iloc[0], int(rows["rows"].iloc[0])) if len(rows) else None

    return look
