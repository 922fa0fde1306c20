"""From the days so far to the end: what counts on which day, which profile is followed, and intervals that hold."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import attainment, audience, campaign_days, pace
from opsbook.inputs.campaign import Goal, Phase

SPAN = {"start": date(2026, 1, 10), "end": date(2026, 1, 13)}
TOUCHES = """
    user | at                  | day        | event
    1    | 2026-01-08 08:00:00 | 2026-01-08 | exposed
    1    | 2026-01-11 08:00:00 | 2026-01-11 | participated
    1    | 2026-01-10 08:00:00 | 2026-01-10 | converted
    1    | 2026-01-12 08:00:00 | 2026-01-12 | converted
    1    | 2026-01-13 08:00:00 | 2026-01-13 | converted
    2    | 2026-01-12 08:00:00 | 2026-01-12 | exposed
    2    | 2026-01-13 08:00:00 | 2026-01-13 | exposed
    3    | 2026-01-11 08:00:00 | 2026-01-11 | participated
"""
USERS = """
    user | first_day  | channel
    1    | 2025-05-01 | ads
    2    | 2026-01-10 | ads
    3    | 2025-05-01 | ads
"""
ORDERS = """
    user | day        | net | is_purchase | campaign_id
    1    | 2026-01-10 | 10  | true        | c
    2    | 2026-01-13 | 20  | true        | –
    9    | 2026-01-12 | 40  | true        | c
    9    | 2026-01-12 | 80  | true        | –
    1    | 2026-01-14 | 99  | true        | c
"""
COSTS = """
    campaign_id | day        | amount
    c           | 2026-01-05 | 5
    c           | 2026-01-11 | 7
    other       | 2026-01-11 | 9
"""
REDEMPTIONS = """
    campaign_id | day        | cost
    c           | 2026-01-12 | 3
    c           | 2026-01-20 | 4
    c           | 2026-01-11 | –
"""


@pytest.fixture
def gained(table):
    """Four days of one campaign, with the tables it was counted from."""
    touches = table(TOUCHES)
    touches = ibis.memtable(touches.assign(at=pd.to_datetime(touches["at"]))).cast({"day": "date"})
    members = audience.members(touches, table(USERS), start=SPAN["start"])
    orders = table(ORDERS).astype({"campaign_id": "string"})
    books = (orders, table(COSTS), table(REDEMPTIONS))
    days = campaign_days.gained(touches, members, *books, campaign_id="c", **SPAN)
    return days, members, orders


def test_everybody_counts_once_on_the_day_they_first_came_so_far(gained, same):
    """Shown before the start counts on the first day, converting only after taking part, late bookings on the last."""
    same(gained[0], """
        day        | exposed | participants | converters | new_users | orders | revenue | cost
        2026-01-10 | 1       | 0            | 0          | 0         | 1      | 10      | 5
        2026-01-11 | 0       | 2            | 0          | 0         | 0      | 0       | 7
        2026-01-12 | 1       | 0            | 1          | 1         | 1      | 40      | 3
        2026-01-13 | 0       | 0            | 0          | 0         | 1      | 20      | 4
    """)  # fmt: skip
    assert campaign_days.spent(gained[0], through=date(2026, 1, 11), fixed_cost=100) == 112


def test_the_days_add_up_to_the_figures_the_goals_are_held_against(gained):
    """Summed over the days each metric is what `attainment` says of the whole campaign."""
    days, members, orders = gained
    reach = audience.participation(members)
    sold = attainment.orders_and_revenue(orders, members, campaign_id="c", **SPAN)
    given = {"exposures", "orders"}
    whole = attainment.actual(reach, sold, new_users=audience.new_members(members), cost=19.0, given=given)
    assert {metric: days[metric].sum() for metric in campaign_days.METRICS} == whole


def activity(days: int = 60, users: int = 30) -> pd.DataFrame:
    """User u is active every (1 + u % 5) days since 1 November, and orders on Saturdays."""
    rows = [
        (user, day) for user in range(users) for day in pd.date_range("2025-11-01", periods=days)
        if (day.toordinal() + user) % (1 + user % 5) == 0
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["user", "day"]).astype({"day": "datetime64[ns]"})
    saturday = table["day"].dt.day_of_week == 5
    return table.assign(orders=np.where(saturday, 3, 1), revenue=np.where(saturday, 30.0, 10.0))


def test_usual_days_are_counted_on_the_same_weekdays_before():
    """Known users are met once each, most of them on the first day; orders have the weight of their weekday."""
    start = date(2025, 12, 20)
    usual = campaign_days.usual(activity(), start=start, days=10, data_start=date(2025, 11, 1))
    assert usual["new_faces"].sum() == 30
    assert usual["new_faces"].is_monotonic_decreasing
    weights = usual["orders"] / usual["orders"].iloc[1]
    assert weights.tolist() == pytest.approx([3, 1, 1, 1, 1, 1, 1, 3, 1, 1], rel=0.2)
    early = campaign_days.usual(activity(), start=date(2025, 11, 8), days=10, data_start=date(2025, 11, 1))
    assert early["new_faces"].isna().all()
    assert early["orders"].tolist() == [1] * 10


USUAL = pd.DataFrame({"place": range(4), "new_faces": [6.0, 2, 1, 1], "orders": [1.0, 1, 1, 3], "revenue": [1.0] * 4})


def earlier(**days: list[float]) -> pd.DataFrame:
    length = len(next(iter(days.values())))
    table = pd.DataFrame(0.0, index=range(length), columns=list(campaign_days.METRICS)).assign(**days)
    return table.assign(day=pd.date_range("2025-01-01", periods=length))


def shares(profiles: pd.DataFrame, metric: str) -> tuple[str, list[float]]:
    own = profiles[profiles["metric"] == metric]
    return own["source"].iloc[0], own["share"].round(6).tolist()


def test_each_metric_follows_the_profile_that_fits_it():
    """Orders follow weekdays; what is met once follows the last campaign, stretched; else new faces; the rest none."""
    alone = campaign_days.profiles(USUAL, earlier(cost=[0.0]).iloc[:0], start=SPAN["start"])
    assert shares(alone, "orders") == ("weekdays", [0.166667, 0.166667, 0.166667, 0.5])
    assert shares(alone, "participants") == ("new_faces", [0.6, 0.2, 0.1, 0.1])
    assert shares(alone, "cost")[0] == shares(alone, "converters")[0] == "none"
    past = campaign_days.profiles(USUAL, earlier(participants=[6.0, 2.0], cost=[1.0, -2.0]), start=SPAN["start"])
    assert shares(past, "participants") == ("earlier", [0.375, 0.375, 0.125, 0.125])
    assert shares(past, "cost")[0] == "none"


def test_planned_shares_of_phases_come_first():
    """Half of it in the first day, half in the other three, there by the weight of the weekdays."""
    phases = [
        Phase(name="warm_up", start=date(2026, 1, 10), end=date(2026, 1, 10), share=0.5),
        Phase(name="burst", start=date(2026, 1, 11), end=date(2026, 1, 13), share=0.5),
    ]
    found = campaign_days.profiles(USUAL, earlier(cost=[1.0]), start=SPAN["start"], phases=phases)
    assert shares(found, "orders") == ("plan", [0.5, 0.1, 0.1, 0.3])
    assert shares(found, "cost") == ("plan", [0.5, 0.166667, 0.166667, 0.166667])


def test_the_day_the_pace_is_taken_on():
    """The last settled day while it runs; once it is over, the half-way day."""
    span = {"start": date(2026, 1, 1), "end": date(2026, 1, 14)}
    assert pace.day_of(**span, settled_through=date(2026, 1, 5)) == date(2026, 1, 5)
    assert pace.day_of(**span, settled_through=date(2026, 3, 5)) == date(2026, 1, 7)


def running(values: list[float], days: int = 10, metric: str = "orders", **aim: object) -> pd.Series:
    gained = pd.DataFrame(0.0, index=range(len(values)), columns=list(campaign_days.METRICS))
    gained = gained.assign(**{metric: values}, day=pd.date_range("2026-01-01", periods=len(values)))
    profile = pd.DataFrame({"metric": metric, "share": 1 / days, "source": "weekdays", "place": range(days)})
    fixed = aim.pop("fixed_cost", 0.0)
    goal = Goal(**({"metric": metric, "target": 1000} | aim))
    through = date(2026, 1, len(values))
    row = pace.pace(gained, profile, [goal], through=through, fixed_cost=fixed).iloc[0]
    way = pace.path(gained, profile, [goal], through=through, fixed_cost=fixed)
    assert way["forecast"].iloc[-1] == row["forecast"] or np.isnan(row["forecast"])
    assert len(way) == days
    return row


def test_even_days_go_on_evenly():
    """100 a day for six of ten days: 600 so far, 600 were due for 1,000, and 1,000 are expected."""
    row = running([100.0] * 6)
    assert (row["so_far"], row["due"], row["days"]) == (600, 600, 6)
    assert row["forecast"] == pytest.approx(1000)
    assert row["low"] < 1000 < row["high"]
    assert row["pace"] == "cannot_tell"


@pytest.mark.parametrize(
    ("values", "aim", "told"),
    [
        ([100.0] * 6, {"target": 500}, "reached"),
        ([100.0] * 6, {"target": 900}, "on_track"),
        ([100.0] * 6, {"target": 1200}, "behind"),
        ([100.0] * 2, {"target": 1200}, "cannot_tell"),
        ([100.0] * 6, {"target": 1200, "direction": "lower"}, "on_track"),
        ([100.0] * 6, {"target": 800, "direction": "lower"}, "behind"),
        ([100.0] * 6, {"target": 500, "direction": "lower"}, "missed"),
        ([0.0] * 6, {}, "cannot_tell"),
    ],
)
def test_on_track_and_behind_are_said_only_when_the_whole_interval_agrees(values, aim, told):
    """Reached and missed are facts; on track and behind need the interval on one side; else nobody can tell."""
    assert running(values, **aim)["pace"] == told


def test_what_is_fixed_is_known_from_the_first_day():
    """A fixed cost of 300 is added to a forecast of the rest, not multiplied with it."""
    row = running([10.0] * 5, metric="cost", target=500, fixed_cost=300.0)
    assert (row["so_far"], row["due"]) == (350, 400)
    assert row["forecast"] == pytest.approx(400)


def test_a_campaign_that_is_over_knows_what_came():
    """Half-way the rest is foretold although the data have it; on the last day nothing is left to foretell."""
    gained = pd.DataFrame(0.0, index=range(10), columns=list(campaign_days.METRICS))
    gained = gained.assign(orders=[20.0] * 10, day=pd.date_range("2026-01-01", periods=10))
    profile = pd.DataFrame({"metric": "orders", "share": 0.1, "source": "weekdays", "place": range(10)})
    row = pace.pace(gained, profile, [Goal(metric="orders", target=3)], through=date(2026, 1, 5)).iloc[0]
    assert (row["so_far"], row["came"]) == (100, 200)
    last = pace.pace(gained, profile, [Goal(metric="orders", target=3)], through=date(2026, 1, 10)).iloc[0]
    assert last["low"] == last["forecast"] == last["high"] == 200


def test_without_goals_the_figures_that_exist_are_forecast(gained):
    """Participants and revenue without a target; a campaign of which nothing is known has nothing to forecast."""
    aims = pace.aims([], gained[0])
    assert [(aim.metric, np.isnan(aim.target)) for aim in aims] == [("participants", True), ("revenue", True)]
    assert pace.aims([], gained[0].assign(participants=0, revenue=0)) == []
    profiles = campaign_days.profiles(USUAL, gained[0].iloc[:0], start=SPAN["start"])
    table = pace.pace(gained[0], profiles, aims, through=SPAN["end"])
    assert table["pace"].isna().all()
    assert pace.pace(gained[0], profiles, [], through=SPAN["end"]).empty
    assert pace.path(gained[0], profiles, [], through=SPAN["end"]).empty


def coverage(seen: int, *, drift: float, spread: float, counts: bool, runs: int = 500) -> float:
    """How often the end of a simulated campaign of 14 days lies in the interval: falling days, drifting profile."""
    rng = np.random.default_rng(seen)
    usual = np.exp(-0.15 * np.arange(14))
    usual = 0.98 * usual / usual.sum() + 0.02 / 14
    way = (np.arange(14) + 0.5) / 14 - 0.5
    hits = 0
    for _ in range(runs):
        mean = 1500 * usual * np.exp(rng.normal(0, drift) * way)
        draw = rng.negative_binomial(mean / (spread - 1), 1 / spread) if counts else rng.gamma(mean / spread, spread)
        values = draw.astype(float)
        _, low, high = pace.predicted(values[:seen], usual, counts=counts, drift=drift)[:, -1]
        hits += low <= values.sum() <= high
    return hits / runs


@pytest.mark.parametrize(("counts", "spread"), [(True, 4.0), (False, 20.0)])
def test_the_end_lies_in_the_interval_in_95_of_100_campaigns(counts, spread):
    """Counts and money, a quarter to three quarters of the way, the profile off by its drift: 93 to 97 of 100."""
    found = [coverage(seen, drift=0.15, spread=spread, counts=counts) for seen in (4, 7, 10)]
    assert 0.93 <= np.mean(found) <= 0.97, found
    assert min(found) >= 0.92, found


def test_a_badly_known_profile_has_a_wider_interval_that_still_holds():
    """With new faces as profile the drift is large, and 93 to 97 of 100 ends lie inside."""
    found = [coverage(seen, drift=pace.DRIFT["new_faces"], spread=4.0, counts=True) for seen in (4, 7, 10)]
    assert 0.93 <= np.mean(found) <= 0.97, found
    narrow, wide = (pace.predicted(np.full(6, 50.0), np.ones(14), counts=True, drift=d)[2, -1] for d in (0.15, 0.8))
    assert wide > narrow
