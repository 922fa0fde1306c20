"""Medians and restricted means from counted durations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import survival_data as data
from opsbook.analysis import survival, survival_time

SIX_MP = data.from_rows(*zip(*data.SIX_MP, strict=True))


@data.LAWS
@given(data.users(late=True), st.integers(1, 30))
def test_restricted_mean_is_the_area_under_the_curve(rows, horizon):
    """Summing the step curve day by day gives the restricted mean."""
    mean = survival_time.restricted_mean(rows, horizon_days=horizon)
    days = np.arange(int(mean.horizon_days))
    steps = survival.kaplan_meier(rows)
    place = np.searchsorted(steps["duration_days"].to_numpy(), days, side="right")
    assert mean.value == pytest.approx(np.concatenate([[1.0], steps["active"].to_numpy()])[place].sum())
    assert np.isnan(mean.low) or mean.low <= mean.value <= mean.high


def test_the_median_is_reached_or_missing(table):
    """The median is the first day with at most half of the users left; a curve above one half has none."""
    half = table("""
        duration_days | churned | censored
        4             | 1       | 0
        7             | 1       | 0
        9             | 0       | 2
    """)
    assert survival_time.quantile_days(half).value == 7
    assert np.isnan(survival_time.quantile_days(half, share_left=0.6).value)
    assert survival_time.quantile_days(SIX_MP)[:2] == (23, 13)


def test_a_horizon_beyond_the_last_day_watched_is_cut():
    """The mean is told to day 35 when the last patient was watched until then, not to day 50."""
    assert survival_time.restricted_mean(SIX_MP, horizon_days=50).horizon_days == 35
