"""Many simulated companies: intervals of the main headlines cover the truth as often as they say."""

from pathlib import Path

import pandas as pd
import pytest

from opsbook.analysis import churn, experiment, incrementality, survival
from opsbook.inputs.workbook import read_workbook
from opsbook.mart.build import ensure_mart
from opsbook.simulate import write_company

PARAMS = Path(__file__).parents[2] / "params" / "workbook.yaml"
SEEDS = range(101, 107)
USERS = 2_500


def intervals(home: Path, seed: int) -> list[dict]:
    """One row per quantity: low, high, truth, for one company."""
    truth = write_company(home / "data/demo", users=USERS, seed=seed)
    book = read_workbook(PARAMS)
    mart = ensure_mart(book, home=home)
    durations = churn.durations(mart.user_days, mart.users, as_of=mart.as_of, churn_after_days=21)
    curve = dict(zip(truth["survival"]["days"], truth["survival"]["not_silent"]["21"]["all"], strict=True))
    rows = []
    for day in (30, 90):
        at = survival.active_at(durations, day=day)
        rows.append({"what": f"S({day})", "low": at.low, "high": at.high, "truth": curve[day]})
    mean = survival.restricted_mean(durations, horizon_days=180)
    true_mean = truth["survival"]["restricted_mean_days"]["not_silent_21"]
    rows.append({"what": "restricted mean", "low": mean.low, "high": mean.high, "truth": true_mean})
    return rows + [net_orders(mart, truth, name) for name in ("spring_coupons", "mid_year_618", "checkin_challenge")]


def net_orders(mart, truth: dict, name: str) -> dict:
    """The net increment in orders of one randomised campaign over its treated arm."""
    told = truth["campaigns"][name]
    span = {key: pd.Timestamp(told[key]).date() for key in ("start", "end")}
    trial = {"experiment_id": name, "control": "control", "after_days": 28}
    moments = experiment.arm_moments(experiment.units(mart.assignments, mart.user_days, **trial, **span))
    total = incrementality.total(incrementality.increments(moments), metric="orders")
    true = told["effect_per_assigned_user"]["orders"]["net"] * told["assigned_treatment"]
    return {"what": f"net orders of {name}", "low": total[1], "high": total[2], "truth": true}


@pytest.mark.slow
def test_headline_intervals_cover_the_truth_over_many_companies(tmp_path):
    """Over six companies, 36 intervals of survival, restricted mean and net increments cover nine in ten or more."""
    rows = pd.DataFrame([row for seed in SEEDS for row in intervals(tmp_path / str(seed), seed)])
    rows["covered"] = rows["truth"].between(rows["low"], rows["high"])
    each = rows.groupby("what")["covered"].sum()
    assert rows["covered"].mean() >= 0.90, each
    assert (each >= 4).all(), each
