"""Difference in differences of users: by hand, against least squares, on worlds whose truth was chosen."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import experiment
from opsbook.analysis import quasi_experiment as quasi
from opsbook.mart.tables import engine_table

START, END = date(2026, 6, 1), date(2026, 6, 14)
DATA_START = date(2026, 1, 5)
SPAN = {"start": START, "end": END, "after_days": 14}
DAYS = {"during": 14, "after": 14, "net": 28}


def world(random, *, users=400, lift=0.0, drift=0.0, gap=2.0):
    """Revenue per user and day: the treated have `gap` more, drift by `drift` a day, gain `lift` from START."""
    days = pd.date_range(DATA_START, END + timedelta(days=14))
    since = (days - pd.Timestamp(START)).days.to_numpy()
    treated = np.arange(users) % 2 == 0
    level = random.gamma(4, 1, users) + gap * treated
    mean = level[:, None] + treated[:, None] * (lift * (since >= 0) + drift * since)
    revenue = np.maximum(mean + random.normal(0, 3, (users, len(days))), 0).round(2)
    rows = pd.DataFrame({"user": np.repeat(np.arange(users), len(days)), "day": np.tile(days, users)})
    rows = rows.assign(revenue=revenue.ravel(), orders=1)
    people = pd.DataFrame({"user": np.arange(users), "in_north": treated, "entry_day": pd.Timestamp(DATA_START)})
    return people, rows


def reviewed(people, rows):
    """Increments, placebos and trend of a world."""
    placed = quasi.assigned(people, treated="in_north", start=START)
    units = experiment.units(placed, rows, experiment_id=quasi.KEY, control=quasi.CONTROL, **SPAN)
    increments = quasi.increments(experiment.arm_moments(units), days=DAYS)
    asked = {"treated": "in_north", "metric": "revenue", "start": START, "data_start": DATA_START}
    placebos = quasi.placebo_dates(people, rows, end=END, after_days=14, **asked)
    return increments, placebos, quasi.pre_trend(people, rows, **asked)


def net(increments, metric="revenue"):
    own = increments[(increments["metric"] == metric) & (increments["method"] == "did")]
    return own[own["window"] == "net"].iloc[0]


def test_the_change_of_one_group_is_held_against_the_change_of_the_other(table, same):
    """Treated spent 10 a day before and 12 after, control 5 and 6: the campaign added 2 - 1 = 1 a day."""
    rows = table("""
        user | day        | revenue | orders
        1    | 2026-05-31 | 280     | 1
        1    | 2026-06-01 | 168     | 1
        2    | 2026-05-31 | 280     | 1
        2    | 2026-06-01 | 168     | 1
        3    | 2026-05-31 | 140     | 1
        3    | 2026-06-01 | 84      | 1
        4    | 2026-05-31 | 140     | 1
        4    | 2026-06-01 | 84      | 1
    """)
    people = table("""
        user | in_north | entry_day
        1    | true     | 2026-01-05
        2    | true     | 2026-01-05
        3    | false    | 2026-01-05
        4    | false    | 2026-01-05
        5    | true     | 2026-05-20
    """)
    placed = quasi.assigned(people, treated="in_north", start=START)
    units = experiment.units(placed, rows, experiment_id=quasi.KEY, control=quasi.CONTROL, **SPAN)
    found = quasi.increments(experiment.arm_moments(units), days=DAYS)
    same(
        found[(found["metric"] == "revenue") & (found["method"] == "did") & (found["window"] == "during")],
        """
        treated_users | control_users | treated | control | difference | total
        2             | 2             | 168     | 154     | 14         | 28
        """,
    )


def test_the_estimate_is_the_least_squares_interaction():
    """The difference is the coefficient of treated x during of a regression with a fixed effect per user."""
    people, rows = world(np.random.default_rng(3), lift=1.0)
    found = net(reviewed(people, rows)[0])
    day = pd.to_datetime(rows["day"])
    sums = rows.assign(during=day >= pd.Timestamp(START))[day >= pd.Timestamp(START) - pd.Timedelta(days=28)]
    wide = sums.pivot_table(index="user", columns="during", values="revenue", aggfunc="sum")
    change = (wide[True] - wide[False]).to_numpy()
    design = np.column_stack([np.ones(len(change)), people["in_north"]])
    slope = np.linalg.lstsq(design, change, rcond=None)[0][1]
    assert found["difference"] == pytest.approx(slope, abs=1e-6)


def test_intervals_hold_the_planted_effect():
    """Simulated truth: of 150 campaigns worth 28 per user, about 95 in 100 intervals hold it, level gap and all."""
    random, held, relative = np.random.default_rng(5), 0, 0
    days = np.arange(56) - 28
    for _campaign in range(150):
        treated = np.arange(200) % 2 == 0
        spent = random.gamma(4, 1, 200)[:, None] + 2 * treated[:, None] + random.normal(0, 3, (200, 56))
        spent += treated[:, None] * (days >= 0)
        pairs = {name: _moments(spent[group], days) for name, group in (("treated", treated), ("control", ~treated))}
        found = quasi.increments(pd.DataFrame(list(pairs.values())).assign(arm=list(pairs)), days=DAYS).iloc[0]
        held += found["low"] <= 28 <= found["high"]
        relative += found["relative_low"] <= 28 / (6 * 28) <= found["relative_high"]
    assert 0.90 <= held / 150 <= 0.99
    assert 0.90 <= relative / 150 <= 0.99


def _moments(spent, days):
    own, other = spent[:, days >= 0].sum(axis=1), spent[:, days < 0].sum(axis=1)
    cov = np.cov(own, other)
    told = {"metric": "revenue", "window": "net", "capped": False, "users": len(own), "total": own.sum()}
    told |= {"mean": own.mean(), "variance": cov[0, 0], "other_mean": other.mean()}
    return told | {"other_variance": cov[1, 1], "covariance": cov[0, 1]}


def test_a_clean_comparison_passes_its_placebos_and_finds_the_effect():
    """Groups that differ in level but move alike: placebo dates find nothing, the trend is flat, the effect shows."""
    increments, placebos, trend = reviewed(*world(np.random.default_rng(8), lift=1.0))
    found = net(increments)
    checks = quasi.checks(placebos, trend, effect=found["difference"])
    assert quasi.passed(checks), checks
    assert found["low"] > 0
    assert len(placebos) == 4
    assert (pd.to_datetime(placebos["start"]) + pd.Timedelta(days=28) <= pd.Timestamp(START)).all()


def test_groups_that_drift_apart_are_found_out():
    """Without any campaign, groups drifting apart show an effect, and the checks refuse it."""
    increments, placebos, trend = reviewed(*world(np.random.default_rng(9), drift=0.02))
    found = net(increments)
    checks = quasi.checks(placebos, trend, effect=found["difference"])
    assert found["low"] > 0
    assert not quasi.passed(checks)
    assert set(checks.loc[checks["outcome"] == "failed", "check"]) >= {"pre_trend"}


def test_too_little_past_leaves_the_checks_untested():
    """With a month of data before the start nothing can be pretended: untested is not passed."""
    people, rows = world(np.random.default_rng(2), users=40)
    asked = {"treated": "in_north", "metric": "revenue", "start": START, "data_start": START - timedelta(days=21)}
    placebos = quasi.placebo_dates(people, rows, end=END, after_days=14, **asked)
    checks = quasi.checks(placebos, quasi.pre_trend(people, rows, **asked), effect=1.0)
    assert set(checks["outcome"]) == {"untested"}
    assert not quasi.passed(checks)


def test_nothing_after_the_start_decides_the_groups_or_the_checks():
    """Changing every day from the start on moves no group, no placebo and no trend."""
    people, rows = world(np.random.default_rng(4), users=60)
    later = rows.assign(revenue=rows["revenue"].where(rows["day"] < pd.Timestamp(START), 999.0))
    _effects, placebos, trend = reviewed(people, rows)
    _other, placebos_later, trend_later = reviewed(people, later)
    pd.testing.assert_frame_equal(placebos, placebos_later)
    assert trend == trend_later


def test_the_review_holds_increments_placebos_and_checks_together():
    """Marked users give the same tables as the steps one by one; any other comparison gives empty ones."""
    people, rows = world(np.random.default_rng(8), lift=1.0)
    chosen = engine_table(people.rename(columns={"in_north": "treated"}))
    asked = {"metric": "revenue", "data_start": DATA_START, "through": END + timedelta(days=14)}
    found = quasi.review(chosen, rows, comparison="did", **SPAN | {"end": END}, **asked)
    increments, placebos, trend = reviewed(people, rows)
    pd.testing.assert_frame_equal(found.increments, increments)
    pd.testing.assert_frame_equal(found.placebos, placebos)
    assert quasi.passed(found.checks)
    assert found.checks["measured"].tolist()[1] == pytest.approx(trend.p)
    assert quasi.review(chosen, rows, comparison="holdout", **SPAN, **asked).checks.empty
    assert quasi.review(None, rows, comparison="did", **SPAN, **asked).increments.empty


def test_pretended_starts_can_be_named():
    """The dates of the file are tried instead of those counted back from the start."""
    people, rows = world(np.random.default_rng(8))
    asked = {"treated": "in_north", "metric": "revenue", "start": START, "data_start": DATA_START}
    named = [date(2026, 3, 2), date(2026, 4, 6)]
    placebos = quasi.placebo_dates(people, rows, end=END, after_days=14, **asked, dates=named)
    assert placebos["start"].dt.date.tolist() == named[::-1]
