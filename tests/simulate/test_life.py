"""Planted lives are lived: empirical survival, Cox models and silences agree with the truth."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter

from opsbook.simulate import survival_truth as truth
from opsbook.simulate.life import Life, break_days, draw_left_age, draw_life
from opsbook.simulate.people import People, draw_people, signup_days
from opsbook.simulate.sample import CHURN_DAYS, LANDMARK_DAYS, large_sample
from opsbook.simulate.silence_risk import least_false
from opsbook.simulate.world import PLATFORMS, World

WORLD = World()
USERS = 20_000


@pytest.fixture(scope="module", params=[1, 2])
def lives(request) -> pd.DataFrame:
    """One row per user with the true age at leaving."""
    rng = np.random.default_rng(request.param)
    people = draw_people(rng, np.arange(USERS), signup_days(rng, USERS, WORLD), WORLD)
    willing = rng.random((USERS, WORLD.early_days)) < people.active_share[:, None]
    willing[:, 0] = True
    reads_early = (rng.poisson(people.reads[:, None], willing.shape) * willing).sum(axis=1) >= WORLD.early_reads
    return pd.DataFrame(
        {
            "channel": np.array([c.key for c in WORLD.channels])[people.channel],
            "platform": np.array(PLATFORMS)[people.platform],
            "reads_early": reads_early.astype(int),
            "left_age": draw_left_age(rng, people.hazard_ratio, reads_early, WORLD),
        }
    )


def _off(lives: pd.DataFrame, curve: list[float]) -> np.ndarray:
    """Distance of the empirical survival from a true curve in standard errors, on each day of the truth."""
    true = np.array(curve)
    empirical = np.array([(lives["left_age"] > day).mean() for day in truth.SURVIVAL_DAYS])
    return np.abs(empirical - true) / np.sqrt(true * (1 - true) / len(lives))


def test_share_alive_follows_the_true_curves(lives):
    """Overall, per channel and per platform, on every day the truth names."""
    told = truth.survival_truth(WORLD)
    assert _off(lives, told["alive"]["all"]).max() < 3
    for column, curves in (("channel", told["alive"]), ("platform", told["alive_by_platform"])):
        for name, own in lives.groupby(column):
            assert _off(own, curves[name]).max() < 3.5, name


def _cox(frame: pd.DataFrame) -> pd.DataFrame:
    frame = pd.get_dummies(frame, columns=["channel", "platform"], dtype=int)
    frame = frame.drop(columns=["channel_organic", "platform_ios"])
    frame = frame.assign(left=frame["left_age"] <= 180, left_age=frame["left_age"].clip(upper=180))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CoxPHFitter().fit(frame, "left_age", "left").summary


def test_cox_model_finds_the_hazard_ratios(lives):
    """Channels and platforms from the first day on; early reading among those who stayed past it."""
    told = truth.log_hazard_ratios(WORLD)
    true = {f"{kind}_{name}": value for kind in ("channel", "platform") for name, value in told[kind].items()}
    first = _cox(lives.drop(columns="reads_early"))
    assert (first["coef"] - first.index.map(true)).abs().div(first["se(coef)"]).max() < 3.5
    true["reads_early"] = told["early_behaviour"]["read_3_contents_in_first_7_days"]
    stayed = lives[lives["left_age"] > WORLD.early_days]
    later = _cox(stayed.assign(left_age=stayed["left_age"] - WORLD.early_days))
    assert (later["coef"] - later.index.map(true)).abs().div(later["se(coef)"]).max() < 3.5


@pytest.fixture(scope="module")
def lived() -> tuple[People, Life]:
    """Users who all signed up in the first half of the calendar, lived day by day as the written ones are."""
    rng = np.random.default_rng(99)
    people = draw_people(rng, np.arange(USERS), np.sort(rng.integers(0, 300, USERS)).astype(np.int32), WORLD)
    return people, draw_life(rng, people, WORLD)


def _gaps(life: Life) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per active day user, day, and days to the next active one (0 = none)."""
    person, day = np.nonzero(life.active)
    return person, day, np.where(np.diff(person, append=-1) == 0, np.diff(day, append=0), 0)


@pytest.mark.parametrize("silence", CHURN_DAYS)
def test_silence_curve_follows_the_truth_in_another_sample(lived, silence):
    """Last active days before the first silence of users lived day by day agree with the curves of truth.json."""
    people, life = lived
    person, day, gap = _gaps(life)
    long = (gap > silence) | (gap == 0)
    first = day[long][np.unique(person[long], return_index=True)[1]] - people.signup_day
    true = np.array(truth.survival_truth(WORLD)["not_silent"][str(silence)]["all"])
    seen = np.array([(first > age).mean() for age in truth.SURVIVAL_DAYS])
    assert (np.abs(seen - true) / np.sqrt(true * (1 - true) / USERS)).max() < 3.5


def test_the_large_sample_lives_like_the_written_users(lived):
    """Early reading, active days of the first two weeks, activity after a month: two ways to draw the same lives."""
    people, life = lived
    sample = large_sample(WORLD).users
    whole = sample["signup_day"] < 300
    age = np.arange(WORLD.days) - people.signup_day[:, None]
    pairs = {
        "reads_early": life.reads_early,
        "early_active_days": (life.active & (age >= 0) & (age < LANDMARK_DAYS)).sum(axis=1),
        "day_30": (life.active & (age == 30)).any(axis=1),
        "left_age": np.minimum(life.left_age, 300),
    }
    for name, own in pairs.items():
        drawn = np.minimum(sample[name][whole], 300).astype(float)
        error = np.sqrt(own.var() / len(own) + drawn.var() / len(drawn))
        assert abs(own.mean() - drawn.mean()) < 3.5 * error, name


def test_least_false_coefficients_are_those_of_another_engine():
    """The likelihood from counts is flat where lifelines says it is, up to how finely days are cut."""
    rng = np.random.default_rng(6)
    codes = [rng.integers(0, 3, 3000), rng.integers(0, 2, 3000)]
    days = np.ceil(rng.exponential(40 / np.exp(0.4 * codes[0] - 0.3 * codes[1]))).astype(np.int64)
    churned = days <= 60
    frame = pd.DataFrame({"one": codes[0] == 1, "two": codes[0] == 2, "b": codes[1], "day": days.clip(max=60)})
    fitted = CoxPHFitter().fit(frame.astype(int).assign(churned=churned), "day", "churned").params_
    np.testing.assert_allclose(least_false(codes, days.clip(max=60), churned), fitted, atol=2e-3)


def test_breaks_make_silences_that_a_return_ends():
    """Some users are away for weeks and wake again, more of them the shorter the silence; most silent ones are gone."""
    told = truth.survival_truth(WORLD)["false_churn"]
    shares = [told[str(days)] for days in truth.GAP_DAYS]
    assert shares == sorted(shares, reverse=True)
    assert told["7"] > 0.3
    assert 0.05 < told["28"] < told["21"] < 0.2


def test_breaks_begin_with_the_chance_and_last_as_long_as_planted():
    """Nobody is on a break on the day of sign-up; days off per day begun and their share are those of a renewal."""
    rng = np.random.default_rng(4)
    people = draw_people(rng, np.arange(USERS), np.zeros(USERS, dtype=np.int32), WORLD)
    away = break_days(rng, people, WORLD)
    begun, there = (away[:, 1:] & ~away[:, :-1]).sum(), (~away[:, :-1]).sum()
    assert not away[:, 0].any()
    assert abs(begun / there - WORLD.break_hazard_per_day) < 3.5 * np.sqrt(begun) / there
    long_run = WORLD.mean_break_days / (WORLD.mean_break_days + 1 / WORLD.break_hazard_per_day)
    assert away[:, 300:].mean() == pytest.approx(long_run, abs=0.005)
    restless = draw_life(rng, people, replace(WORLD, break_hazard_per_day=1.0))
    assert not restless.active[:, 1].any()


def test_written_users_fall_silent_as_the_truth_says(demo):
    """End to end: users of the demo company watched for 60 days, last active before a silence of over 28 days."""
    days, users = demo.days(), demo.clean("users").set_index("uid")["at"].dt.normalize()
    watched = users[(users >= "2025-09-01") & (users < "2026-08-01")].index
    days = days[days["uid"].isin(watched)].sort_values(["uid", "day"])
    gap = days.groupby("uid")["day"].shift(-1).fillna(pd.Timestamp("2026-12-31")) - days["day"]
    last = days[gap.dt.days > 28].groupby("uid")["day"].first()
    age = (last - users[last.index]).dt.days
    told = demo.truth["survival"]
    for day in (7, 14, 30):
        true = told["not_silent"]["28"]["all"][told["days"].index(day)]
        share = 1 - (age <= day).sum() / len(watched)
        assert abs(share - true) < 3.5 * np.sqrt(true * (1 - true) / len(watched)), day
