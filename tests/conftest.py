"""What every test may use: text tables, table comparison and the shared reference data."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import settings

pytest_plugins = ["made_reports"]
# A busy machine is no reason to fail, and an unattended run draws the same examples every time.
settings.register_profile("opsbook", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("opsbook")
CHECKOUT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("OPSBOOK_SHARED", CHECKOUT.parent / "shared" / "data"))


def _value(text: str) -> object:
    if text in ("", "–", "NaN"):
        return None
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


def _typed(column: pd.Series) -> pd.Series:
    filled = column.dropna()
    if len(filled) and filled.map(lambda v: isinstance(v, str) and len(v) >= 10 and v[4:5] == v[7:8] == "-").all():
        return pd.to_datetime(column)
    return column.infer_objects() if len(filled) else column


def read_table(text: str) -> pd.DataFrame:
    """A table typed by hand: `a | b` lines, the first one the header; blanks are missing values."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines() if line.strip()]
    frame = pd.DataFrame([[_value(cell) for cell in row] for row in rows[1:]], columns=rows[0])
    return frame.apply(_typed) if len(frame) else frame


@pytest.fixture(scope="session")
def table() -> Callable[[str], pd.DataFrame]:
    """Read a text table into a DataFrame."""
    return read_table


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    """Assert that a frame's named columns equal a text table, whatever the integer width or column order."""

    def compare(actual: pd.DataFrame, expected_text: str, *, atol: float = 1e-9) -> None:
        expected = read_table(expected_text)
        missing = [name for name in expected if name not in actual]
        assert not missing, f"columns {missing} are not in {list(actual)}"
        left = actual[list(expected)].reset_index(drop=True)
        pd.testing.assert_frame_equal(_comparable(left), _comparable(expected), check_dtype=False, atol=atol)

    return compare


def _comparable(frame: pd.DataFrame) -> pd.DataFrame:
    def plain(column: pd.Series) -> pd.Series:
        if pd.api.types.is_datetime64_any_dtype(column):
            return column.dt.strftime("%Y-%m-%d %H:%M:%S").astype(object).where(column.notna(), None)
        numbers = pd.to_numeric(column.astype(object).where(column.notna(), None), errors="coerce")
        is_number = numbers.notna() | column.isna()
        return (
            numbers.astype(float) if is_number.all() else column.astype(object).where(column.notna(), None).map(_text)
        )

    return frame.apply(plain)


def _text(value: object) -> object:
    return str(value)[:10] if type(value).__name__ == "date" else value


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Path of a reference data file; skips the test where the folder is not mounted."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"reference data {name} are not here; set OPSBOOK_SHARED to the folder that holds them")
        return path

    return find
