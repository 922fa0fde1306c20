"""Groups of behaviour: judged at each user's own landmark, so that nobody is credited with days survived to get in."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import activity_log as log_of
import many_companies as many
from opsbook.analysis import life_table, logrank, segment_landmark, segment_survival, time_to_churn
from opsbook.errors import ParameterError
from opsbook.inputs.segments import Rule, Segment
from opsbook.inputs.workbook import Thresholds

LANDMARK = 14
TWICE = {"buyers": Segment(rule=Rule(count="orders", within_days=365, at_least=2))}
RULE = {"as_of": many.AS_OF, "churn_after_days": many.TAU}
ASKED = {"named": TWICE, "limits": Thresholds(), "event_groups": {}, **RULE}
NO_STEPS = pd.DataFrame({"user": pd.Series(dtype="int64"), "day": pd.Series(dtype="datetime64[ns]"),
                         "event": pd.Series(dtype="string")})  # fmt: skip


def bought(random, days):
    """The visits, and an order on every third of them by chance: buying has nothing to do with staying."""
    orders = days.loc[random.random(len(days)) < 1 / 3, ["user", "day"]].assign(net=10.0, is_purchase=True)
    sums = orders.groupby(["user", "day"]).agg(orders=("net", "size"), revenue=("net", "sum")).reset_index()
    joined = days.merge(sums, how="left", on=["user", "day"]).fillna({"orders": 0, "revenue": 0.0})
    return joined.astype({"orders": "int32"}), orders


@pytest.fixture(scope="module")
def null():
    """Six hundred companies of 150 users in which buying twice changes nothing: visits, users, orders, steps."""
    random = np.random.default_rng(31)
    days, people = many.company_log(random, companies=600, users=150)
    ended = {"last_active_day": people["user"].map(days.groupby("user")["day"].max())}
    days, orders = bought(random, days)
    return days, people.assign(segment="a", **ended), orders, NO_STEPS


def p_values(people):
    """The log-rank p of buyers against everybody else, company by company."""
    gone = people["fate"].ne("undecided").astype(int)
    rows = people.assign(churned=gone, censored=1 - gone).groupby(["company", "entry_days", "duration_days", "buyers"])
    counted = rows[["churned", "censored"]].sum().reset_index()
    return np.array([logrank.test(one, by="buyers").p for _, one in counted.groupby("company")])


def test_grouped_by_what_users_ever_did_everything_differs_and_at_a_landmark_nothing(null):
    """The trap of immortal time: “ever bought twice” is clear in all companies, at the landmark in one of twenty."""
    days, people, orders, steps = null
    ever = orders.groupby("user").size()
    known = people[["user", "company"]].assign(buyers=people["user"].map(ever).fillna(0).ge(2).map(str))
    lives = time_to_churn.user_lives(days, people, **RULE).to_pandas()
    lives = lives[lives["fate"].isin(segment_landmark.WATCHED)]
    naive = p_values(lives.merge(known, on="user"))
    asked = {"by": "buyers", "landmark_days": LANDMARK, **ASKED}
    there = segment_landmark.still_there(days, people, orders, steps, **asked).to_pandas()
    honest = p_values(there.merge(people[["user", "company"]], on="user"))
    assert (naive < 0.05).mean() > 0.99
    assert 0.03 <= (honest < 0.05).mean() <= 0.07


def test_the_naive_difference_is_huge_and_the_landmark_s_none(null):
    """All companies taken as one: weeks of difference by hindsight, at most a day at the landmark."""
    days, people, orders, steps = null
    ever = orders.groupby("user").size()
    hindsight = people.assign(bought=people["user"].map(ever).fillna(0).ge(2).map({True: "yes", False: "no"}))
    naive = restricted(time_to_churn.durations(days, hindsight, by=["bought"], **RULE), "bought")
    honest = segment_landmark.durations(days, people, orders, steps, by="buyers", landmark_days=LANDMARK, **ASKED)
    assert naive["yes"] - naive["no"] > 14
    assert abs(np.subtract(*restricted(honest, "buyers"))) < 1


def restricted(durations, by):
    means = segment_survival.restricted_means(durations, by=by, horizon_days=60)
    return means.set_index(by)["days"]


def dated(ages):
    """One row per user and age, every user starting ten days after the one before."""
    rows = [(user, pd.Timestamp("2026-01-01") + timedelta(days=10 * user + d)) for user, ds in ages.items() for d in ds]
    return pd.DataFrame(rows, columns=["user", "day"])


@pytest.fixture
def three():
    """One buys twice at once, one twice but later than day 3, one never; all stay until the data end but the third."""
    visits = {1: range(0, 90), 2: range(0, 90), 3: range(0, 9)}
    days = log_of.user_days(dated(visits))
    orders = dated({1: (0, 2), 2: (0, 3), 3: ()}).assign(net=5.0, is_purchase=True)
    sums = orders.assign(orders=1, revenue=5.0)[["user", "day", "orders", "revenue"]]
    days = days.merge(sums, how="left", on=["user", "day"]).fillna({"orders": 0, "revenue": 0.0})
    return days.astype({"orders": "int32"}), log_of.users(days), orders, NO_STEPS


def groups(tables, **changed):
    asked = {"by": "buyers", "landmark_days": 3, **ASKED, **changed}
    return segment_landmark.still_there(*tables, **asked).to_pandas().set_index("user")["buyers"].to_dict()


def test_only_a_user_s_own_first_days_decide(three):
    """The second order on day 3 counts from a landmark of four days on, not from one of three (days 0, 1, 2)."""
    assert groups(three) == {1: "in_segment", 2: "outside", 3: "outside"}
    assert groups(three, landmark_days=4) == {1: "in_segment", 2: "in_segment", 3: "outside"}


def test_only_users_still_there_after_the_window_enter_and_all_on_one_day(three):
    """The third user was last seen on day 8: there on day 8, not on day 9; everybody enters at the window's end."""
    assert set(groups(three, landmark_days=8)) == {1, 2, 3}
    assert set(groups(three, landmark_days=9)) == {1, 2}
    counted = segment_landmark.durations(*three, by="buyers", landmark_days=8, **ASKED)
    assert set(counted["entry_days"]) == {7}
    assert life_table.users(counted) == 3


def test_a_stage_and_days_since_are_read_at_the_own_landmark(three):
    """`since: start_of_life` is the length of the window less one for everybody; silence counts to its end."""
    young = {"buyers": Segment(rule=Rule(since="start_of_life", at_most=5))}
    assert set(groups(three, named=young, landmark_days=6).values()) == {"in_segment"}
    assert set(groups(three, named=young, landmark_days=7).values()) == {"outside"}
    awake = {"buyers": Segment(rule=Rule(since="last_activity", at_most=0))}
    assert set(groups(three, named=awake).values()) == {"in_segment"}


def test_without_a_landmark_it_is_the_split_from_the_first_day(three):
    """0 gives what time_to_churn.durations gives; a column found out later stays refused, landmark or not."""
    days, people, _orders, _steps = three
    plain = segment_landmark.durations(*three, by="channel", landmark_days=0, **ASKED)
    pd.testing.assert_frame_equal(plain, time_to_churn.durations(days, people, by=["channel"], **RULE))
    with pytest.raises(ParameterError, match="immortal"):
        segment_landmark.durations(*three, by="last_active_day", landmark_days=3, **ASKED)


def test_a_column_known_at_the_start_may_be_followed_from_a_landmark_too(three):
    """Channels of those still there: the column as it is, entering at the landmark."""
    counted = segment_landmark.durations(*three, by="channel", landmark_days=9, **ASKED)
    assert life_table.users(counted) == 2
