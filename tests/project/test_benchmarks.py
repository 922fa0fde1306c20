"""The survival benchmark compares equal results, and says so when they are not."""

import pandas as pd
import pytest
from benchmarks import page, survival
from benchmarks.lives import COVARIATES, read_lives, write_lives
from benchmarks.measure import Measured

CASES = {case.key: case for case in survival.ESTIMATORS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three thousand users of the benchmark."""
    return write_lives(tmp_path_factory.mktemp("bench"), users=3000)


def test_lives_are_one_row_per_user_with_ten_covariates(folder):
    """Everybody is at risk for a while, some enter late, some are still there, and every level has users."""
    rows = read_lives(folder)
    assert len(rows) == 3000
    assert ((rows["entry_days"] == 0) | (rows["entry_days"] < rows["duration_days"])).all()
    assert 0.02 < (rows["entry_days"] > 0).mean() < 0.2
    assert 0.5 < rows["churned"].mean() < 0.95
    assert ((rows["cause"] > 0) == (rows["churned"] == 1)).all()
    assert [rows[name].nunique() for name in COVARIATES] == list(COVARIATES.values())
    assert (folder / "weekday.int").stat().st_size == 4 * 3000


@pytest.mark.parametrize("key", [key for key, case in CASES.items() if case.lifelines])
def test_counts_and_lifelines_give_the_same(folder, key):
    """Each estimator from counts equals lifelines on the rows to the tolerance that the benchmark states."""
    case = CASES[key]
    ours = case.ours(case.count(folder))
    theirs = case.lifelines(survival.rows_of(folder))
    survival.assert_equal(case, ours, theirs)
    with pytest.raises(AssertionError):
        survival.assert_equal(case, ours, theirs + 10 * case.tolerance * (1 + theirs.abs()))


def test_counts_and_r_give_the_same(folder):
    """Where R is installed, all seven estimators equal R's on the rows."""
    r = survival.by_r(folder)
    if not r:
        pytest.skip("R with its packages survival and jsonlite is not installed")
    assert set(r) == set(CASES)
    for key, case in CASES.items():
        ours = case.ours(case.count(folder))
        survival.assert_equal(case, ours, pd.DataFrame(r[key]["result"], index=range(len(ours))))


def test_a_line_tells_how_many_times_the_others_take():
    """Counting and estimating together are the unit; a blank stands where lifelines or R did not run."""
    counting, ours, theirs = (Measured(None, seconds, 300.0) for seconds in (0.5, 1.5, 8.0))
    assert survival.line("x", counting, ours, theirs, 3.0).split()[-5:] == ["8.00", "300", "4.0x", "3.00", "1.5x"]
    assert survival.line("x", counting, ours, None, 3.0).split()[-2:] == ["3.00", "1.5x"]
    assert survival.line("x", counting, ours, theirs, None).split()[-1] == "4.0x"


def test_pages_are_compared_where_there_are_reports(tmp_path):
    """Without reports there is no line; with one, the benchmark reads the heaviest of its notebook."""
    assert list(page.lines(tmp_path)) == []
    for name, size in (("2026-09", 10), ("2026-10", 20)):
        folder = tmp_path / "01_user_lifecycle" / "monthly" / name
        folder.mkdir(parents=True)
        (folder / "notebook.ipynb").write_text(" " * size)
    assert [path.parent.name for path in page.notebooks(tmp_path)] == ["2026-10"]
