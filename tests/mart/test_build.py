"""The mart file: built once, whole or not at all, and never later than as_of."""

from datetime import date

import pandas as pd
import pytest

from opsbook.errors import DataRefused
from opsbook.inputs.workbook import Workbook
from opsbook.mart.build import ensure_mart

DAYS = pd.date_range("2026-01-01", periods=40, freq="D")


def company(home, rows: pd.DataFrame, **changes) -> Workbook:
    rows.to_csv(home / "events.csv", index=False)
    content = {
        "company": {"key": "small", "name": "Small"},
        "zone": "Asia/Shanghai",
        "tables": {"events": {"path": "events.csv"}},
    }
    return Workbook.model_validate(content | changes)


def rows(days=DAYS) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"u{user}", f"{day:%Y-%m-%d} 10:00:00", "open") for day in days for user in range(25)],
        columns=["user_id", "occurred_at", "event"],
    )


def test_the_last_day_is_the_datas_own_and_no_wrong_clock(tmp_path):
    """Without as_of the mart ends on the last usual day; a lone row in the far future does not move it."""
    stray = pd.DataFrame([("u1", "2031-05-05 10:00:00", "open")], columns=["user_id", "occurred_at", "event"])
    mart = ensure_mart(company(tmp_path, pd.concat([rows(), stray])), home=tmp_path)
    assert mart.as_of == mart.data_through == date(2026, 2, 9)


def test_a_mart_is_built_once_per_state_of_the_inputs(tmp_path):
    """The same inputs give the same file; other rows, another as_of or other active events another one."""
    book = company(tmp_path, rows())
    first = ensure_mart(book, home=tmp_path).path
    stamp = first.stat().st_mtime_ns
    assert ensure_mart(book, home=tmp_path).path == first
    assert first.stat().st_mtime_ns == stamp
    earlier = ensure_mart(book, home=tmp_path, as_of=date(2026, 1, 20))
    assert earlier.path != first
    assert earlier.data_through == date(2026, 1, 20)
    narrower = company(tmp_path, rows(), thresholds={"active_events": ["open"]})
    assert ensure_mart(narrower, home=tmp_path).path != first


def test_a_refused_company_leaves_no_mart(tmp_path):
    """When the check stops the run nothing half-written stays behind."""
    broken = rows().assign(user_id=None)
    with pytest.raises(DataRefused):
        ensure_mart(company(tmp_path, broken), home=tmp_path)
    assert not [path for path in (tmp_path / "cache/small").iterdir() if path.suffix != ".lock"]


def test_lacking_tables_are_empty_tables_of_the_contract(tmp_path):
    """Every mart table is there with its columns, whatever the company has."""
    mart = ensure_mart(company(tmp_path, rows()), home=tmp_path)
    assert mart.given == {"events"}
    for name in ("orders", "exposures", "redemptions", "assignments", "costs", "contents"):
        assert getattr(mart, name).count().to_pandas() == 0
    assert {"net", "is_purchase", "day"} <= set(mart.orders.columns)
    assert mart.facts["rows_events"] == "1000"


def test_old_marts_are_forgotten(tmp_path):
    """Only the newest few marts of a company are kept."""
    book = company(tmp_path, rows())
    for day in range(10, 15):
        newest = ensure_mart(book, home=tmp_path, as_of=date(2026, 1, day)).path
    kept = list((tmp_path / "cache/small").glob("*.duckdb"))
    assert newest in kept
    assert len(kept) == 4
