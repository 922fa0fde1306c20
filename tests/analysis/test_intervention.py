"""When to act: by hand, on worlds with and without a moment that stands out, and without a look ahead."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import churn, intervention, stage_risk
from opsbook.inputs.workbook import StageRule


def made(random, *, hazard, users=4000, horizon=60):
    """Durations of users whose chance to leave on day d of life is hazard[d], all watched for `horizon` days."""
    leaves = random.random((users, horizon)) < np.asarray(hazard)[:horizon]
    day = np.where(leaves.any(axis=1), leaves.argmax(axis=1), horizon)
    rows = pd.DataFrame({"duration_days": day, "churned": leaves.any(axis=1).astype(int)})
    return rows.assign(censored=1 - rows["churned"]).groupby("duration_days").sum().reset_index()


def test_windows_count_who_gets_there_and_who_leaves_inside(same):
    """100 users: 20 leave in the first week, 8 of the 80 left in the second; over 50 days two reach day 0 a day."""
    durations = pd.DataFrame({"duration_days": [3, 9, 20], "churned": [20, 8, 0], "censored": [0, 0, 72]})
    same(
        intervention.by_age(durations, days_of_data=50, horizon_days=14),
        """
        from_day | to_day | at_risk | reached_per_day | leaves | leavers_per_day | stands_out
        0        | 6      | 100     | 2               | 0.2    | 0.4             | false
        7        | 13     | 80      | 1.860465        | 0.1    | 0.186047        | false
        """,
        atol=1e-6,
    )


def test_a_window_stands_out_only_when_its_interval_does():
    """With a planted wave in the third week that window is found in every draw; with none, hardly ever a window."""
    random = np.random.default_rng(3)
    wave = [0.004] * 14 + [0.03] * 7 + [0.004] * 40
    found = [intervention.by_age(made(random, hazard=wave), days_of_data=365) for _draw in range(40)]
    assert all(table.loc[table["stands_out"], "from_day"].tolist() == [14] for table in found)
    even = [1 / (300 - day) for day in range(60)]  # as many leave in every window, so that none is the right one
    found = [intervention.by_age(made(random, hazard=even), days_of_data=10**6) for _draw in range(100)]
    assert np.mean([table["stands_out"].any() for table in found]) <= 0.05


def test_too_few_users_make_no_window():
    """Fewer than fifty users at its beginning, or days nobody was watched on, give no window."""
    durations = pd.DataFrame({"duration_days": [3, 20], "churned": [60, 0], "censored": [0, 40]})
    assert intervention.by_age(durations, days_of_data=50)["from_day"].tolist() == [0]
    assert intervention.by_age(durations.iloc[:0], days_of_data=50).empty


GAPS = pd.DataFrame({"gap_days": [2, 5, 30], "returned": [60, 20, 0], "open": [0, 0, 20]})


def test_of_the_silent_those_who_stay_silent(same):
    """100 silences: 60 end after two days, 20 after five, 20 last: from day 2 on half of the 40 left are gone."""
    table = intervention.by_silence(GAPS, days_of_data=10, churn_after_days=8)
    same(
        table.head(5),
        """
        silent_days | silences | reached_per_day | gone | leavers_per_day
        1           | 100      | 10              | 0.2  | 2
        2           | 40       | 4               | 0.5  | 2
        3           | 40       | 4               | 0.5  | 2
        4           | 40       | 4               | 0.5  | 2
        5           | 20       | 2               | 1    | 2
        """,
    )
    turn = intervention.turning_point(table)
    assert (turn.value, turn.n) == (2.0, 40)
    assert turn.low <= turn.value


def test_silences_too_short_to_tell_give_nothing():
    """Without a silence as long as the threshold nobody can be called gone."""
    assert intervention.by_silence(GAPS.head(2), days_of_data=10, churn_after_days=8).empty
    assert np.isnan(
        intervention.turning_point(intervention.by_silence(GAPS.head(2), days_of_data=10, churn_after_days=8)).value
    )


RULES = [
    StageRule(stage="sleeping", min_silent_days=3),
    StageRule(stage="mature", min_active_days=3),
    StageRule(stage="growth"),
]


def test_stage_risk_by_hand(table, same):
    """Mature user 1 is seen again, mature 2 is not; sleeping 3 wakes, sleeping 4 does not; 5 was gone before."""
    rows = table("""
        user | day        | orders
        1    | 2026-03-01 | 0
        1    | 2026-03-02 | 0
        1    | 2026-03-10 | 0
        1    | 2026-03-14 | 0
        2    | 2026-03-01 | 0
        2    | 2026-03-02 | 0
        2    | 2026-03-09 | 0
        2    | 2026-03-25 | 0
        3    | 2026-03-06 | 0
        3    | 2026-03-17 | 0
        4    | 2026-03-05 | 0
        5    | 2026-03-01 | 0
    """)
    users = pd.DataFrame({"user": [1, 2, 3, 4, 5], "life_start": "signup"})
    users = users.assign(first_day=pd.Timestamp("2026-02-01"), first_active_day=pd.Timestamp("2026-03-01"))
    asked = {"rules": RULES, "days": [date(2026, 3, 10)], "churn_after_days": 7}
    same(
        stage_risk.stage_risk(rows, users, **asked),
        """
        stage    | users | not_seen | share
        mature   | 2     | 1        | 0.5
        sleeping | 2     | 1        | 0.5
        """,
    )


def test_landmarks_are_judged_and_apart():
    """The latest can be judged by as_of, the others are a silence or four weeks earlier, none reads before the data."""
    asked = {"rules": RULES, "as_of": date(2026, 6, 30), "churn_after_days": 21}
    days = stage_risk.landmarks(data_start=date(2026, 1, 1), **asked)
    assert days == [date(2026, 6, 9), date(2026, 5, 12), date(2026, 4, 14), date(2026, 3, 17), date(2026, 2, 17)]
    assert (
        stage_risk.landmarks(rules=RULES, data_start=date(2026, 6, 1), as_of=date(2026, 6, 30), churn_after_days=21)
        == []
    )


def test_without_a_day_to_look_at_there_are_no_stages():
    """Short data give an empty table."""
    assert stage_risk.stage_risk(None, None, rules=RULES, days=[], churn_after_days=7).empty


@pytest.mark.parametrize("later", [0, 5])
def test_what_happens_after_the_judged_days_changes_nothing(later):
    """Activity after landmark + churn_after_days moves no stage's risk."""
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"user": random.integers(0, 60, 400), "day": random.integers(0, 60, 400)}).drop_duplicates()
    rows = rows.assign(day=pd.Timestamp("2026-01-01") + pd.to_timedelta(rows["day"], unit="D"), orders=0)
    users = pd.DataFrame({"user": range(60), "life_start": "signup", "first_day": pd.Timestamp("2026-01-01")})
    users = users.assign(first_active_day=pd.Timestamp("2026-01-01"))
    asked = {"rules": RULES, "days": [date(2026, 2, 10)], "churn_after_days": 7}
    until = pd.Timestamp("2026-02-17")
    cut = rows[rows["day"] <= until]
    more = pd.concat([cut, rows.head(20).assign(day=until + pd.Timedelta(days=1 + later))]).drop_duplicates(
        ["user", "day"]
    )
    pd.testing.assert_frame_equal(
        stage_risk.stage_risk(cut, users, **asked), stage_risk.stage_risk(more, users, **asked)
    )


def test_gaps_of_a_log_feed_the_silences(table):
    """The gap table of churn is what by_silence reads."""
    rows = table("user | day | gap_after\n1 | 2026-01-01 | 2\n1 | 2026-01-03 |\n2 | 2026-01-01 |")
    gaps = churn.gap_table(rows, as_of=date(2026, 1, 20))
    assert intervention.by_silence(gaps, days_of_data=10, churn_after_days=5)["silences"].tolist() == [3, 2, 2, 2]
