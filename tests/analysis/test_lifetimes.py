"""Fitted lifetimes against R, published projections and simulated users; extrapolation only after a passed check."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import life_table, lifetimes
from opsbook.analysis import lifetime_holdout as holdout
from opsbook.analysis.sbg import from_survivors

R = json.loads((Path(__file__).parents[1] / "r/lifetimes.json").read_text())
HIGH_END = [869, 743, 653, 593, 551, 517, 491]


@pytest.fixture(scope="module")
def lung(shared):
    """NCCTG lung cancer, counted by day."""
    rows = pd.read_csv(shared("ref_lung.csv.gz"))
    dead = (rows["status"] == 2).astype(int)
    table = pd.DataFrame({"duration_days": rows["time"], "churned": dead, "censored": 1 - dead})
    return table.groupby("duration_days").sum().reset_index()


@pytest.mark.parametrize("family", ["exponential", "weibull", "log_logistic", "log_normal"])
def test_parameters_and_likelihood_are_r_survreg_s(lung, family):
    """Day-grained lung cancer data as intervals: scale, shape and log-likelihood of R's survreg."""
    fit = lifetimes.fit(lung, family=family)
    scale, shape, spread, likelihood = R[family]
    second = {"weibull": shape, "log_logistic": shape, "log_normal": spread}
    expected = [scale, *([second[family]] if family in second else [])]
    assert fit.converged
    assert fit.values.tolist() == pytest.approx(expected, rel=1e-6)
    assert fit.log_likelihood == pytest.approx(likelihood, abs=1e-6)


def test_subscribers_of_the_high_end_plan_are_projected_as_published():
    """Fader & Hardie's survivors: with the shape at 1 the likelihood is their sBG's; freed, it is at least as high."""
    table = from_survivors(HIGH_END, started=1000)
    table = table.assign(duration_days=table["cycles"] - 1).rename(columns={"lost": "churned"})
    values = np.array([0.668088, 3.806105, 1.0])
    projected = lifetimes.FAMILIES["beta_discrete_weibull"].survival(values, np.arange(8, 13))
    assert projected.tolist() == pytest.approx([0.4604, 0.4358, 0.4142, 0.3951, 0.3780], abs=1e-4)
    left, kept = table["churned"].to_numpy(), table["censored"].to_numpy()
    share = lifetimes.FAMILIES["beta_discrete_weibull"].survival(values, np.arange(8))
    published = left @ np.log(-np.diff(share)) + kept @ np.log(share[1:])
    assert published == pytest.approx(-1611.158, abs=0.01)
    assert lifetimes.fit(table, family="beta_discrete_weibull").log_likelihood >= published - 1e-9


def lives(random, users, *, cure=0.0, late=False):
    """Users with Weibull lifetimes (scale 40, shape 0.7), a share `cure` who never leave, watched 150 to 400 days."""
    life = np.where(random.random(users) < cure, np.inf, 40 * random.weibull(0.7, users))
    watched = random.integers(150, 400, users)
    entry = random.integers(0, 100, users) * late
    day = np.minimum(np.floor(np.minimum(life, 1e9)), watched).astype(int)
    rows = pd.DataFrame({"entry_days": entry, "duration_days": day, "churned": (life < watched).astype(int)})
    rows = rows[(rows["entry_days"] == 0) | (rows["duration_days"] > rows["entry_days"])].assign(censored=0)
    rows["censored"] = 1 - rows["churned"]
    return rows.groupby(["entry_days", "duration_days"]).sum().reset_index()


def truth(day, cure):
    return cure + (1 - cure) * np.exp(-(((day + 1) / 40) ** 0.7))


@pytest.mark.parametrize(("cure", "family"), [(0.0, "weibull"), (0.25, "weibull_cure")])
def test_intervals_hold_the_truth_beyond_the_data(cure, family):
    """Simulated truth with late entries: 93-97 of 100 intervals hold the share active after two years."""
    random, held, areas = np.random.default_rng(21), [], []
    area = np.trapezoid(truth(np.arange(-1, 730), cure), dx=1.0)
    for _company in range(400):
        fit = lifetimes.fit(lives(random, 1500, cure=cure, late=True), family=family)
        row = lifetimes.share_active(fit, family=family, days=[730]).iloc[0]
        held.append(row["low"] <= truth(730, cure) <= row["high"])
        mean = lifetimes.expected_days(fit, family=family, horizon_days=730)
        areas.append(mean.low <= area <= mean.high)
    assert 0.93 <= np.mean(held) <= 0.97
    assert 0.93 <= np.mean(areas) <= 0.97


def test_counting_users_changes_nothing_and_doubling_them_halves_the_variance():
    """Rows or counts give one fit; twice the users give the same curve with intervals narrower by root two."""
    table = lives(np.random.default_rng(2), 800)
    rows = table.loc[table.index.repeat(table["churned"] + table["censored"])]
    rows = rows.assign(churned=(rows["churned"] > 0).astype(int), censored=(rows["churned"] == 0).astype(int))
    one = lifetimes.fit(table.query("churned == 0 or censored == 0"), family="weibull")
    assert one.converged
    twice = lifetimes.fit(table.assign(churned=2 * table["churned"], censored=2 * table["censored"]), family="weibull")
    single = lifetimes.fit(table, family="weibull")
    assert twice.values.tolist() == pytest.approx(single.values.tolist(), rel=1e-6)
    assert twice.covariance == pytest.approx(single.covariance / 2, rel=1e-3)


def split(random, *, cure=0.0, leave_later=False, users=6000):
    """Half-way knowledge and today's of the same users, who started over a year; later half of the story may differ."""
    start = random.integers(0, 180, users)
    life = np.where(random.random(users) < cure, np.inf, 40 * random.weibull(0.7, users))
    if leave_later:
        life = np.where(life > 170, 170 + random.exponential(20, users), life)
    parts = []
    for today in (200, 400):
        watched = today - start
        day = np.minimum(np.floor(np.minimum(life, 1e9)), watched).astype(int)
        rows = pd.DataFrame({"entry_days": 0, "duration_days": day, "churned": (life < watched).astype(int)})
        parts.append(
            rows.assign(censored=1 - rows["churned"]).groupby(["entry_days", "duration_days"]).sum().reset_index()
        )
    return holdout.Halves(*parts, cut=date(2026, 1, 1))


def test_the_formula_that_made_the_users_passes_its_check():
    """Users leave by one law: the best formula is near what came, nearer than a flat curve, and may be carried on."""
    halves = split(np.random.default_rng(3))
    table = holdout.scores(halves, lifetimes.fits(halves.earlier))
    chosen = holdout.choice(table)
    assert (chosen.case, chosen.error < 0.01) == ("chosen", True)
    assert table.set_index("model").loc["flat", "error"] > chosen.error
    assert table["to_day"].iloc[0] - table["from_day"].iloc[0] > 100
    curve = holdout.carried_on(lifetimes.fit(halves.later, family=chosen.model), chosen, days=np.array([600]))
    assert curve["low"].iloc[0] <= truth(600, 0) <= curve["high"].iloc[0]


def test_a_world_that_changed_is_not_carried_on():
    """Users who leave in a wave at half a year: no formula saw it coming, and the report says so."""
    halves = split(np.random.default_rng(4), cure=0.3, leave_later=True)
    assert holdout.choice(holdout.scores(halves, lifetimes.fits(halves.earlier))).case == "off"


def test_too_little_ahead_gives_no_scores():
    """Without four more weeks of age there is nothing to check a curve on."""
    halves = split(np.random.default_rng(5), users=400)
    near = holdout.Halves(halves.earlier, halves.earlier, halves.cut)
    assert holdout.scores(near, lifetimes.fits(near.earlier)).empty
    assert holdout.choice(holdout.scores(near, {})).case == "too_short"


def test_the_halves_hold_the_same_users(table):
    """As of the middle and as of now, the users whose life began early enough to be judged at the middle."""
    users = table("""
        user | first_day  | first_active_day | last_active_day | life_start | entry_day
        1    | 2026-01-01 | 2026-01-01       | 2026-01-20      | signup     | 2026-01-01
        2    | 2026-01-01 | 2026-01-01       | 2026-03-30      | signup     | 2026-01-01
        3    | 2026-03-01 | 2026-03-01       | 2026-03-01      | signup     | 2026-03-01
    """)
    days = table("""
        user | day        | gap_after
        1    | 2026-01-01 | 19
        1    | 2026-01-20 |
        2    | 2026-01-01 | 9
        2    | 2026-01-10 | 8
        2    | 2026-01-18 | 18
        2    | 2026-02-05 | 53
        2    | 2026-03-30 |
        3    | 2026-03-01 |
    """)
    asked = {"data_start": date(2026, 1, 1), "as_of": date(2026, 3, 31), "churn_after_days": 30}
    made = holdout.halves(days, users, **asked)
    assert life_table.users(made.earlier) == life_table.users(made.later) == 2
    assert (made.earlier["churned"].sum(), made.later["churned"].sum()) == (1, 2)
