"""Curves, means and tests against a truth that we chose, over many small companies."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

import activity_log as log_of
from opsbook.analysis import churn, cox, logrank, survival

START, TAU, DAYS, COMPANIES = date(2026, 1, 1), 12, 150, 600
AS_OF = START + timedelta(days=DAYS - 1)
HAZARD, COMES = 0.02, 0.6


def last_days(random, users, *, hazard=HAZARD):
    """Last active day of each life: after every day a user leaves with the hazard."""
    return random.geometric(hazard, users) - 1


def drawn(random, users=150, *, late_share=0.3):
    """Counted durations of users with delayed entry and censoring at the end of what can be classified."""
    life = last_days(random, users)
    start = random.integers(0, DAYS - TAU, users)
    entry = np.where(random.random(users) < late_share, random.integers(5, 40, users), 0)
    followed = DAYS - TAU - start + entry
    seen = (life > entry) | (entry == 0)
    kept = seen & (followed > entry)
    days = np.minimum(life, followed)
    rows = pd.DataFrame({"entry_days": entry, "duration_days": days, "churned": life <= followed}).astype("int64")
    return rows.assign(censored=1 - rows["churned"])[kept & ((days > entry) | (entry == 0))]


def alive(day, hazard=HAZARD):
    return (1 - hazard) ** (np.floor(day) + 1)


@pytest.fixture(scope="module")
def companies():
    random = np.random.default_rng(99)
    return [drawn(random) for _ in range(COMPANIES)]


def coverage(pairs):
    """Share of intervals that hold their truth."""
    return np.mean([low <= truth <= high for low, truth, high in pairs])


@pytest.mark.parametrize("day", [7, 30, 60])
def test_survival_intervals_hold_the_truth(companies, day):
    """The 95 % log-log interval under delayed entry and censoring covers the true share in 93-97 % of companies."""
    found = [survival.active_at(durations, day=day) for durations in companies]
    assert 0.93 <= coverage([(one.low, alive(day), one.high) for one in found]) <= 0.97


def test_restricted_mean_intervals_hold_the_truth(companies):
    """The Greenwood-integral interval of the mean days to day 60 covers the true mean in 93-97 % of companies."""
    truth = alive(np.arange(60)).sum()
    found = [survival.restricted_mean(durations, horizon_days=60) for durations in companies]
    assert {one.horizon_days for one in found} == {60.0}
    assert 0.93 <= coverage([(one.low, truth, one.high) for one in found]) <= 0.97


def test_equal_segments_are_called_different_in_five_of_a_hundred(companies):
    """A/A: random segments under delayed entry give p < .05 in 3-7.5 % of companies."""
    random = np.random.default_rng(2)
    p_values = [
        logrank.test(durations.assign(arm=random.choice(list("abc"), len(durations))), by="arm").p
        for durations in companies
    ]
    assert 0.03 <= np.mean(np.array(p_values) < 0.05) <= 0.075


def test_hazard_ratio_intervals_hold_the_truth():
    """Two groups whose hazards differ by half: the Wald interval covers the true ratio in 93-97 % of companies."""
    random = np.random.default_rng(99)
    found = []
    for _ in range(400):
        group = random.choice([0, 1], 200, p=[0.6, 0.4])
        days = random.geometric(np.where(group == 0, 0.02, 1 - (1 - 0.02) ** 1.5))
        rows = pd.DataFrame(
            {"duration_days": np.minimum(days, 80), "churned": (days <= 80).astype(int), "group": group}
        )
        row = cox.fit(rows.assign(censored=1 - rows["churned"]), covariates=["group"]).table.iloc[0]
        found.append((row["low"], 1.5, row["high"]))
    assert 0.93 <= coverage(found) <= 0.97


@pytest.fixture(scope="module")
def company():
    """Twenty thousand users who come with probability COMES on every day of their life; and their true last days."""
    random = np.random.default_rng(8)
    users = 20_000
    start = random.integers(-60, DAYS, users)
    life = last_days(random, users)
    person = np.repeat(np.arange(users), life + 1)
    age = np.arange(len(person)) - np.repeat(np.cumsum(life + 1) - life - 1, life + 1)
    ends = (age == 0) | (age == life[person])
    active = pd.DataFrame({"user": person, "age": age})[ends | (random.random(len(person)) < COMES)]
    day = start[active["user"]] + active["age"]
    log = active.assign(day=pd.Timestamp(START) + pd.to_timedelta(day, unit="D"))
    log = log[(day >= 0) & (day < DAYS)]
    signed_up = {user: START + timedelta(days=int(s)) for user, s in enumerate(start)}
    return log_of.user_days(log), log_of.users(log, signed_up, data_start=str(START))


def asked(**more):
    return {"as_of": AS_OF, "churn_after_days": TAU, **more}


def test_churn_from_activity_recovers_the_true_curve(company):
    """Delayed entry and censoring at as_of - tau give back the true share within a point; gaps are short here."""
    durations = churn.durations(*company, **asked())
    for day in (7, 30, 60, 90):
        assert survival.active_at(durations, day=day).value == pytest.approx(alive(day), abs=0.012)


def test_ignoring_delayed_entry_would_be_wrong(company):
    """Counting users from before the data as if they had been watched from the start inflates the curve."""
    wrong = churn.durations(*company, **asked()).assign(entry_days=0)
    assert survival.active_at(wrong, day=60).value > alive(60) + 0.03


def test_following_the_undecided_to_the_end_would_be_wrong(company):
    """Users active in the last tau days, taken as alive to as_of, inflate the curve: they have had no time to churn."""
    days, people = company
    lives = churn.user_lives(days, people, **asked()).to_pandas().query("entry_days == 0")
    to_as_of = (pd.Timestamp(AS_OF) - pd.to_datetime(lives["first_day"])).dt.days
    churned = lives["fate"].isin(["gone", "came_back"])
    rows = pd.DataFrame(
        {"duration_days": lives["duration_days"].where(churned, to_as_of), "churned": churned.astype(int)}
    )
    rows = rows[lives["fate"] != "not_at_risk"].assign(censored=lambda r: 1 - r["churned"])
    assert survival.active_at(rows, day=60).value > alive(60) + 0.015


def test_the_false_churn_share_is_the_true_one(company):
    """Known chances of coming and of leaving give the share of silences beyond g days that end with a return."""
    table = churn.false_churn(churn.gap_table(company[0], as_of=AS_OF))
    comes = HAZARD + (1 - HAZARD) * COMES
    last = HAZARD / comes
    silent = (1 - last) * (1 - comes) ** table["threshold_days"]
    np.testing.assert_allclose(table["false_churn"].head(10), (silent / (last + silent)).head(10), atol=0.01)
    assert churn.suggestion(table, target=0.10) == 6
