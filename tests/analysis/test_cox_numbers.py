"""Numbers as numbers: the trend per standard deviation, and whether bands tell more."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

import activity_log as log_of
from opsbook.analysis import cox_numbers, time_to_churn

SIZE, DAYS = 3000, 120


def lives_and_days(log_hazard, *, seed=1, missing=0):
    """Users who come daily until they leave, with an age that moves the log hazard by the given function."""
    random = np.random.default_rng(seed)
    age = random.normal(40, 12, SIZE).round(1)
    life = random.geometric(0.02 * np.exp(log_hazard((age - 40) / 12)))
    start = random.integers(0, 100, SIZE)
    seen = np.minimum(life, DAYS - start)
    user = np.repeat(np.arange(SIZE), seen)
    day = start[user] + np.arange(len(user)) - np.repeat(np.cumsum(seen) - seen, seen)
    log = pd.DataFrame({"user": user, "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(day, unit="D")})
    age = np.where(np.arange(SIZE) < missing, np.nan, age)
    people = log_of.users(log).assign(age=age, kind=random.choice(["a", "b"], SIZE))
    days = log_of.user_days(log)
    asked = {"as_of": date(2026, 4, 30), "churn_after_days": 14, "by": ["age", "kind"]}
    return time_to_churn.user_lives(days, people, **asked), days


def trend(*tables, **asked):
    return cox_numbers.per_deviation(*tables, landmark_days=7, **({"seed": 1} | asked)).iloc[0]


def test_a_straight_trend_is_found_and_bands_add_nothing():
    """A log hazard of 0.4 per standard deviation: the interval holds it, and the bands do not fit clearly better."""
    row = trend(*lives_and_days(lambda z: 0.4 * z))
    assert row["low"] < np.exp(0.4) < row["high"]
    assert row["deviation"] == pytest.approx(12, rel=0.05)
    assert row["p_bands"] > 0.01


def test_a_bend_is_called_a_bend():
    """The youngest and the oldest leave sooner: no trend, and bands fit clearly better than a line."""
    row = trend(*lives_and_days(lambda z: np.where(np.abs(z) > 0.67, 0.5, -0.5)))
    assert row["low"] < 1.1
    assert row["high"] > 0.9
    assert row["p_bands"] < 1e-6


def test_a_cap_draws_users_by_the_seed():
    """Above the cap a sample is fitted, the same for the same seed; the row says from how many."""
    tables = lives_and_days(lambda z: 0.4 * z)
    whole, one, again, other = (
        trend(*tables, **asked) for asked in ({}, *[{"most": 800, "seed": s} for s in (5, 5, 6)])
    )
    assert (one["users"], one["followed"]) == (800, whole["followed"])
    assert one.equals(again)
    assert one["coefficient"] != other["coefficient"]
    assert one["standard_error"] > 1.5 * whole["standard_error"]


def test_users_without_the_number_are_left_out():
    """A missing age is nobody's zero: the fit rests on the users whose age is known."""
    row = trend(*lives_and_days(lambda z: 0.4 * z, missing=500))
    assert row["users"] < row["followed"]
    assert row["low"] < np.exp(0.4) < row["high"]


def test_without_numbers_there_is_nothing_to_fit():
    """A text is no number, and neither is a number of few values."""
    lives, days = lives_and_days(lambda z: 0 * z)
    assert cox_numbers.per_deviation(lives.drop("age"), days, landmark_days=7, seed=1).empty
