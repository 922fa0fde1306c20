"""Time ratios of lifelines on counted rows: as on rows, and on worlds whose ratio was chosen."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import aft
from survival_data import counted, from_rows


def test_counts_give_what_rows_give(shared, monkeypatch):
    """Veterans by treatment: counted rows with weights are one row per patient, to what the search can tell."""
    monkeypatch.setattr(aft, "HALF_DAY", 0.0)
    rows = pd.read_csv(shared("ref_veteran.csv.gz"))
    single = from_rows(rows["time"], rows["status"], trt=rows["trt"].astype(str))
    by_count, by_row = (aft.time_ratios(table, covariates=["trt"]) for table in (counted(single), single))
    assert by_count["time_ratio"].tolist() == pytest.approx(by_row["time_ratio"].tolist(), rel=1e-4)
    assert by_count["p"].tolist() == pytest.approx(by_row["p"].tolist(), rel=1e-2)


def world(random, *, ratio, size=800):
    x = random.integers(0, 2, size)
    life = 30 * random.weibull(0.8, size) * ratio**x
    day = np.minimum(np.floor(life), 120).astype(int)
    return counted(from_rows(day, life < 120, x=np.where(x == 1, "yes", "no")))


def test_a_planted_ratio_is_covered_and_both_models_agree():
    """Simulated truth: users who stay twice as long; both models say longer, and the Weibull's intervals hold 2."""
    random, held, agreed = np.random.default_rng(3), [], []
    for _company in range(25):
        table = aft.time_ratios(world(random, ratio=2.0), covariates=["x"])
        row = table[table["model"] == "weibull"].iloc[0]
        held.append(row["low"] <= (2.0 if row["level"] == "yes" else 0.5) <= row["high"])
        agreed.append(aft.agree(table) == (1, 1))
    assert np.mean(held) >= 0.84
    assert all(agreed)


def test_late_entries_are_taken_in():
    """Users watched from day 10 on only: the ratio is still found."""
    random = np.random.default_rng(4)
    rows = world(random, ratio=2.0, size=3000)
    late = rows[rows["duration_days"] > 10].assign(entry_days=10)
    table = aft.time_ratios(late, covariates=["x"]).set_index("model")
    ratio = table.loc["weibull", "time_ratio"]
    assert (ratio if table.loc["weibull", "level"] == "yes" else 1 / ratio) == pytest.approx(2.0, abs=0.5)


def test_nothing_to_compare_gives_no_rows():
    """A single level, or nobody who left, has no time ratio, and nothing agrees."""
    one = counted(from_rows([3, 5], [1, 0], x=["a", "a"]))
    assert aft.time_ratios(one, covariates=["x"]).empty
    assert aft.time_ratios(counted(from_rows([3, 5], [0, 0], x=["a", "b"])), covariates=["x"]).empty
    assert aft.agree(aft.time_ratios(one, covariates=["x"])) == (0, 0)
