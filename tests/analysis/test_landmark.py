"""Covariates from the first days, users from then on."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

import activity_log as log_of
from opsbook.analysis import cox, landmark, life_table, time_to_churn
from opsbook.errors import ParameterError

AS_OF = date(2026, 3, 31)


def lives_of(rows, people, by=()):
    return time_to_churn.user_lives(log_of.user_days(rows), people, as_of=AS_OF, churn_after_days=14, by=by)


def test_only_users_alive_after_the_window_are_followed_from_its_end(table, same):
    """A leaves inside the first seven days and is out; b and c enter at day 6 with what they did before day 7."""
    rows = table("""
        user | day        | orders
        a    | 2026-01-01 | 1
        a    | 2026-01-05 | 0
        b    | 2026-01-01 | 0
        b    | 2026-01-03 | 2
        b    | 2026-01-11 | 0
        c    | 2026-01-01 | 0
        c    | 2026-01-10 | 5
        c    | 2026-01-20 | 0
    """)
    days = log_of.user_days(rows).merge(rows, on=["user", "day"])
    lives = time_to_churn.user_lives(days, log_of.users(rows), as_of=AS_OF, churn_after_days=14, by=["channel"])
    counted = landmark.durations(lives, days, landmark_days=7, early=["active_days", "orders"])
    same(
        counted,
        """
        entry_days | duration_days | channel | churned | censored
        6          | 10            | unknown | 1       | 0
        6          | 19            | unknown | 1       | 0
    """,
    )
    assert counted["early_active_days"].tolist() == ["2–3", "1"]
    assert counted["early_orders"].tolist() == ["1+", "0"]


def test_users_from_before_the_data_are_left_out(table):
    """Their first days were not seen, so nothing is known about them at the landmark."""
    rows = table("""
        user | day
        a    | 2026-01-10
        a    | 2026-01-20
    """)
    people = log_of.users(rows, {"a": "2025-12-25"}, data_start="2026-01-01")
    counted = landmark.durations(lives_of(rows, people), log_of.user_days(rows), landmark_days=7)
    assert counted.empty


def test_a_number_of_many_values_is_cut_at_its_quartiles(table):
    """Ages of a hundred users become four bands of about equal size and one for the missing."""
    rows = pd.DataFrame({"user": range(100), "day": pd.Timestamp("2026-01-01")})
    rows = pd.concat([rows, rows.assign(day=pd.Timestamp("2026-01-12"))])
    people = log_of.users(rows).assign(age=np.where(np.arange(100) < 4, np.nan, np.arange(100.0)))
    counted = landmark.durations(lives_of(rows, people, by=["age"]), log_of.user_days(rows), landmark_days=7)
    users = counted.groupby("age")[["churned", "censored"]].sum().sum(axis=1)
    assert users["unknown"] == 4
    assert users.drop("unknown").between(23, 25).all()
    assert landmark.covariates(counted) == ["age"]


def test_rare_levels_are_pooled(table):
    """A level of a few users goes into the pool in every covariate."""
    counted = table("""
        entry_days | duration_days | channel | early_orders | churned | censored
        6          | 10            | ads     | 0            | 40      | 10
        6          | 12            | search  | 0            | 30      | 10
        6          | 12            | friends | 1+           | 2       | 1
    """)
    pooled = landmark.pooled(counted, min_cell=10, most=1)
    assert set(pooled["channel"]) == {"ads", "other"}
    assert set(pooled["early_orders"]) == {"other"}
    assert life_table.users(pooled) == life_table.users(counted)


def test_rare_bands_are_joined_with_their_neighbours(table):
    """Bands of active days keep their order: the few with many days join the band below, the few with none the next."""
    counted = table(
        """
        entry_days | duration_days | early_active_days | churned | censored
        13         | 20            | 0                 | 1       | 1
        13         | 20            | 1                 | 30      | 40
        13         | 20            | 2–3               | 30      | 10
        13         | 20            | 4–6               | 9       | 10
        13         | 20            | 7+                | 2       | 30
    """
    ).astype({"early_active_days": str})
    pooled = landmark.pooled(counted, min_cell=10, min_churned=5)
    assert pooled["early_active_days"].tolist() == ["0–1", "2–3", "4+"]
    assert life_table.users(pooled) == life_table.users(counted)


def test_without_a_landmark_early_activity_looks_protective_when_it_is_not():
    """Users who leave at random: counting their active days over the whole life "protects", the landmark does not."""
    random = np.random.default_rng(11)
    stays = random.geometric(0.04, 3000)
    frames = [
        pd.DataFrame({"user": user, "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(days), unit="D")})
        for user, days in enumerate(np.minimum(stays, 85))
    ]
    rows = pd.concat(frames, ignore_index=True)
    rows = rows[(random.random(len(rows)) < 0.4) | ~rows["user"].duplicated() | ~rows["user"].duplicated(keep="last")]
    days, people = log_of.user_days(rows), log_of.users(rows)
    lives = time_to_churn.user_lives(days, people, as_of=AS_OF, churn_after_days=14)
    naive = lives.to_pandas().query("fate in ['gone', 'came_back', 'undecided']")
    total = days.groupby("user").size().reindex(naive["user"]).to_numpy()
    naive = naive.assign(
        churned=(naive["fate"] != "undecided").astype(int),
        censored=(naive["fate"] == "undecided").astype(int),
        often=np.where(total >= 4, "often", "seldom"),
    )
    trap = cox.fit(naive, covariates=["often"]).table.set_index("level")
    right = cox.fit(landmark.durations(lives, days, landmark_days=14), covariates=["early_active_days"]).table
    assert trap.loc["often", "is_reference"]
    assert trap.loc["seldom", "low"] > 3
    shown = right[(~right["is_reference"]) & (right["users_churned"] > 100)]
    assert (shown["low"] < 1.1).all()
    assert (shown["high"] > 0.9).all()


def test_a_covariate_found_out_later_is_refused(table):
    """Lifetime counts are no covariates: the error names immortal time."""
    rows = table("""
        user | day
        a    | 2026-01-01
    """)
    people = log_of.users(rows).assign(active_days=1)
    with pytest.raises(ParameterError, match="immortal time"):
        lives_of(rows, people, by=["active_days"])


@pytest.mark.parametrize("late", ["active_days", "last_active_day"])
def test_a_count_of_the_whole_life_joined_to_the_lives_is_refused(table, late):
    """The landmark is no way round the refusal: what lives carry must have been known on the first day."""
    rows = table("""
        user | day
        a    | 2026-01-01
    """)
    days = log_of.user_days(rows)
    lives = lives_of(rows, log_of.users(rows)).mutate(**{late: 3})
    with pytest.raises(ParameterError, match="immortal time"):
        landmark.durations(lives, days, landmark_days=7)


def test_nobody_gives_an_empty_table(table):
    """An empty log has no landmark users and no covariates."""
    rows = table("""
        user | day
        a    | 2026-01-01
    """).iloc[:0]
    counted = landmark.durations(
        lives_of(rows, log_of.users(rows), by=["channel"]), log_of.user_days(rows), landmark_days=7
    )
    assert list(counted) == ["entry_days", "duration_days", "channel", "early_active_days", "churned", "censored"]
    assert landmark.pooled(counted).empty
    assert landmark.covariates(counted) == []
