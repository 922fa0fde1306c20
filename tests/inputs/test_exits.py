"""Exits in the workbook, what the mart records of them, and courses through the notebook's functions."""

import ibis
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from made_reports import HERE
from opsbook.analysis import life_table, logrank, roads, survival, time_to_churn
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.mart.build import ensure_mart

BASE = {"company": {"key": "t", "name": "T"}, "zone": "UTC", "as_of": "2026-03-31"}
EVENTS = {"path": "events.csv"}
ORDERS = {"path": "orders.csv"}
ROADS = {"unsubscribed": {"events": ["unsubscribe"], "name_zh": "主动注销"}, "banned": {"events": "ban"}}


def refused(**changes) -> str:
    with pytest.raises(ValidationError) as raised:
        Workbook.model_validate(BASE | {"tables": {"events": EVENTS}} | changes)
    return str(raised.value)


def test_roads_have_names_in_both_languages():
    """A road is called as the workbook says, in English by its key where nothing is said; one event may stand alone."""
    book = Workbook.model_validate(BASE | {"tables": {"events": EVENTS}, "exits": {"roads": ROADS}})
    road = book.exits.roads["unsubscribed"]
    assert (road.label("unsubscribed", "en"), road.label("unsubscribed", "zh")) == ("unsubscribed", "主动注销")
    assert book.exits.roads["banned"].events == ("ban",)
    assert book.exits.named == ("unsubscribe", "ban")


@pytest.mark.parametrize(
    ("exits", "told"),
    [
        ({"roads": {"silent": {"events": "x"}}}, "not silent"),
        ({"roads": {"a": {"events": "x"}, "b": {"events": ["x"]}}}, "'x' stands for two things"),
        ({"roads": {"a": {}}}, "needs `events` or `refunded_in_full"),
        ({"exits_only": True}, "needs `roads`"),
        ({"roads": {"a": {"events": "x"}}, "observed_until": "end"}, "need `exits_only: true`"),
        ({"roads": {"a": {"event": "x"}}}, "Extra inputs"),
    ],
)
def test_contradictory_exits_are_refused(exits, told):
    """Reserved names, an event of two roads, a road without a trace, a watch without the rule that needs it."""
    assert told in refused(exits=exits)


def test_an_exit_is_no_activity():
    """An event of a road may not also be a step of a group, a segment's rule or an active event."""
    exits = {"roads": ROADS}
    rule = {"rule": {"event": "ban", "within_days": 7, "at_least": 1}}
    assert "event_groups.g: 'ban'" in refused(exits=exits, event_groups={"g": ["open", "ban"]})
    assert "segments.s: 'ban'" in refused(exits=exits, segments={"s": rule})
    assert "thresholds.active_events: 'ban'" in refused(exits=exits, thresholds={"active_events": ["ban"]})
    steps = [{"event": "open"}, {"event": "unsubscribe"}]
    assert "funnels.f: 'unsubscribe'" in refused(exits=exits, funnels=[{"name": "f", "steps": steps}])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A mart of five users: two roads on one day, a refund in full, a refund in part, an exit before anything else."""
    home = tmp_path_factory.mktemp("exits")
    events = (
        "user_id,occurred_at,event\na,2026-01-02,open\na,2026-01-09,ban\na,2026-01-09,unsubscribe\nb,2026-01-02,open"
    )
    (home / "events.csv").write_text(events + "\nc,2026-01-03,open\ne,2026-01-04,ban\n")
    orders = "order_id,user_id,paid_at,amount,refunded\n1,b,2026-01-05,10,0\n2,b,2026-01-07,5,0\n3,b,2026-01-20,-15,\n"
    (home / "orders.csv").write_text(orders + "4,c,2026-01-06,10,4\n5,b,2026-02-01,3,0\n6,d,2026-01-08,7,7\n")
    for_refund = {"refunded": {"refunded_in_full": True}}
    tables = {"events": EVENTS, "orders": ORDERS}
    return ensure_mart(
        Workbook.model_validate(BASE | {"tables": tables, "exits": {"roads": ROADS | for_refund}}), home=home
    )


def test_the_mart_knows_the_first_exit_of_every_user(small, same):
    """Of two roads on one day the one named first; a refund in full on the day nothing paid is left, in part never."""
    users = small.users.order_by("user_id").to_pandas()
    assert users["watched_through"].isna().all()
    same(
        users[users["exit_day"].notna()],
        """
        user_id | exit_day   | exit_road
        a       | 2026-01-09 | unsubscribed
        b       | 2026-01-20 | refunded
        d       | 2026-01-08 | refunded
        e       | 2026-01-04 | banned
        """,
    )
    assert users["user_id"].tolist() == ["a", "b", "c", "d", "e"]


def test_an_exit_makes_no_day_active(small):
    """Records of exits are in `exits`, not in steps and not in active days."""
    events = set(small.steps.select("event").distinct().to_pandas()["event"])
    assert events == {"open", "order"}
    days = small.users.filter(ibis._.user_id == "a").select("active_days").to_pandas()
    assert days["active_days"].tolist() == [1]
    assert len(small.exits.to_pandas()) == 5


@pytest.fixture(scope="module")
def courses(shared, tmp_path_factory):
    """The marts of the courses, with delayed entry and as if everybody had registered in time."""
    folder = shared("oulad_courses.csv.gz").parent
    home = tmp_path_factory.mktemp("oulad")
    for path in folder.glob("oulad_*.csv.gz"):
        (home / path.name).symlink_to(path)
    book = read_workbook(HERE / "companies" / "oulad.yaml")
    in_time = book.model_copy(update={"exits": book.exits.model_copy(update={"observed_from": ()})})
    return {name: ensure_mart(one, home=home) for name, one in (("delayed", book), ("in_time", in_time))}


RULE = {"as_of": pd.Timestamp("2015-06-30").date(), "churn_after_days": 28}


def test_course_survival_through_the_notebooks_functions(courses):
    """OULAD, t > 0: 29,496 students, 6,974 withdrew; S at 30/60/120/180/234 days to 1e-9 (R survival)."""
    mart = courses["in_time"]
    durations = time_to_churn.durations(mart.user_days, mart.users, **RULE)
    assert (life_table.users(durations), durations["churned"].sum()) == (29_496, 6_974)
    found = [survival.active_at(durations, day=day).value for day in (30, 60, 120, 180, 234)]
    expected = [0.931177108761, 0.893714401953, 0.840012205045, 0.789090046108, 0.765256305940]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_course_survival_with_delayed_entry(courses):
    """Registered after the start: at risk from then on; 29,486 students; S at 30/120/234 days to 1e-9 (R survival)."""
    mart = courses["delayed"]
    durations = time_to_churn.durations(mart.user_days, mart.users, **RULE)
    assert life_table.users(durations) == 29_486
    found = [survival.active_at(durations, day=day).value for day in (30, 120, 234)]
    np.testing.assert_allclose(found, [0.931082941363, 0.839879333952, 0.765146303540], atol=1e-9)


def test_course_log_rank_by_gender(courses):
    """Women and men withdraw at different speeds: chi-square 27.6966627525 to 1e-9 (R survdiff)."""
    mart = courses["in_time"]
    durations = time_to_churn.durations(mart.user_days, mart.users, by=["gender"], **RULE)
    assert logrank.test(durations, by="gender").chi2 == pytest.approx(27.6966627525, abs=1e-9)


@pytest.mark.parametrize("name", ["delayed", "in_time"])
def test_a_single_road_is_the_survival_curve_upside_down(courses, name):
    """Withdrawing is the only road: its incidence and the share active add up to 1, and are those of the curve."""
    mart = courses[name]
    curve = roads.curve(roads.ends(mart.user_days, mart.users, **RULE), horizon_days=234)
    shares = curve.pivot(index="day", columns="cause", values="share")
    durations = time_to_churn.durations(mart.user_days, mart.users, **RULE)
    active = survival.survival_curve(durations, horizon_days=234).set_index("day")["active"]
    np.testing.assert_allclose(shares["active"], active, atol=1e-12)
    np.testing.assert_allclose(shares["withdrawn"], 1 - active, atol=1e-12)
