"""The cohort grid under every rule against a walk through the log in plain Python, and laws that hold on any log."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity_log import user_days, users
from opsbook.analysis import cohorts, retention_events, retention_grid, value_grid
from opsbook.errors import ParameterError

START, AS_OF = date(2026, 1, 5), date(2026, 2, 15)
DAY, WEEK = (cohorts.Window(unit, START, AS_OF) for unit in ("day", "week"))
LAWS = settings(max_examples=6, deadline=None)
EVENTS = ("open", "buy")


@st.composite
def logs(draw):
    """Up to eight users with events on days 0..45 of the data, some of whose lives began before it."""
    rows = draw(
        st.lists(st.tuples(st.integers(0, 7), st.integers(0, 45), st.sampled_from(EVENTS)), min_size=1, max_size=60)
    )
    table = pd.DataFrame(sorted(set(rows)), columns=["user", "number", "event"])
    early = draw(st.sets(st.integers(0, 7), max_size=2))
    return table.assign(day=pd.Timestamp(START) + pd.to_timedelta(table["number"], unit="D")), early


def mart(log, early):
    """user_days, users and steps of a log; users in `early` signed up before the data."""
    days = user_days(log).assign(orders=1, revenue=lambda t: 10.0 + t["user"])
    signed = {user: "2025-12-20" for user in early if user in set(log["user"])}
    steps = log.assign(at=log["day"] + pd.Timedelta(hours=9))[["user", "at", "day", "event"]]
    return days, users(log, signed).assign(signed_up_at=pd.NaT), steps


def made(log, early, *, window=WEEK, rule="on", recurring=False, start=(), back=(), last_age=5, brackets=()):
    days, people, steps = mart(log, early)
    began = retention_events.starts(days, people, steps, window=window, events=start, recurring=recurring)
    came = retention_events.returns(days, steps, window=window, events=back)
    return retention_grid.grid(began, came, window=window, rule=rule, last_age=last_age, brackets=brackets)


def twin(log, early, *, rule, recurring, start, back, last_age=5):
    """The same, user by user and unit by unit: (cohort, age) -> (users, retained)."""
    log = log[log["number"] <= (AS_OF - START).days]
    unit = log["number"] // 7
    log, last = log.assign(unit=unit), (AS_OF - START).days // 7
    members: dict[int, set] = {}
    for user, rows in log.groupby("user"):
        begun = rows if not start else rows[rows["event"].isin(start)]
        units = sorted(set(begun["unit"]))
        chosen = units if recurring else [] if user in early else units[:1]
        for cohort in chosen:
            members.setdefault(int(cohort), set()).add(user)
    came = log if not back else log[log["event"].isin(back)]
    seen = {user: set(rows["unit"]) for user, rows in came.groupby("user")}
    cells = {}
    for cohort, group in members.items():
        for age in range(min(last_age, last - cohort) + 1):
            holds = {
                "on": lambda u, c=cohort, a=age: c + a in seen.get(u, ()),
                "on_or_after": lambda u, c=cohort, a=age: any(x >= c + a for x in seen.get(u, ())),
                "streak": lambda u, c=cohort, a=age: (
                    all(c + k in seen.get(u, ()) for k in range(1, a + 1))
                    and (a > 0 or any(x >= c for x in seen.get(u, ())))
                ),
            }[rule]
            cells[cohort, age] = (len(group), sum(holds(user) for user in group))
    return cells


@pytest.mark.parametrize("rule", ["on", "on_or_after", "streak"])
@pytest.mark.parametrize(("recurring", "start", "back"), [(False, (), ()), (True, (), ()), (False, ("buy",), ("buy",)),
                                                          (True, ("buy",), ("open",))])  # fmt: skip
@LAWS
@given(made_log=logs())
def test_every_rule_equals_a_walk_through_the_log(rule, recurring, start, back, made_log):
    """First or every start, any start and return event, every rule: users and retained of every cell."""
    log, early = made_log
    asked = {"rule": rule, "recurring": recurring, "start": start, "back": back}
    table, expected = made(log, early, **asked), twin(log, early, **asked)
    found = {
        ((row["cohort"].date() - START).days // 7, row["age"]): (row["users"], row["retained"])
        for row in table[table["complete"]].to_dict("records")
    }
    assert found == {key: expected[key] for key in found}
    assert set(found) == {key for key in expected if key[0] + key[1] < 6}


@LAWS
@given(made_log=logs())
def test_the_usual_grid_is_the_one_of_cohorts(made_log):
    """Without options the grid is retained-on-N of the cohorts module, cell by cell."""
    days, people, steps = mart(*made_log)
    usual = cohorts.retained_on(days, people, window=WEEK, last_age=5)
    began = retention_events.starts(days, people, steps, window=WEEK)
    table = retention_grid.grid(began, retention_events.returns(days, steps, window=WEEK), window=WEEK, last_age=5)
    pd.testing.assert_frame_equal(table, usual, check_dtype=False)


@LAWS
@given(made_log=logs())
def test_laws_of_the_rules(made_log):
    """On <= on or after; streak falls with age; a bracket is at least its best unit; users renamed change nothing."""
    log, early = made_log
    on, later = made(log, early), made(log, early, rule="on_or_after")
    assert (on["retained"].fillna(0) <= later["retained"].fillna(0)).all()
    streak = made(log, early, rule="streak").dropna().sort_values(["cohort", "age"])
    assert (streak.groupby("cohort")["retained"].diff().dropna() <= 0).all()
    bracket = made(log, early, rule="bracket", brackets=[(1, 3)]).dropna().set_index("cohort")["retained"]
    best = on[on["age"].between(1, 3)].groupby("cohort")["retained"].max()
    assert (bracket >= best.reindex(bracket.index).fillna(0)).all()
    renamed = made(log.assign(user=100 - log["user"]), {100 - user for user in early})
    pd.testing.assert_frame_equal(on, renamed)


@LAWS
@given(made_log=logs())
def test_what_happens_after_as_of_changes_nothing(made_log):
    """Days after the last complete one are not read."""
    log, early = made_log
    cut = log[log["day"] <= pd.Timestamp(AS_OF)]
    if len(cut) and set(cut["user"]) == set(log["user"]):
        pd.testing.assert_frame_equal(made(cut, early, recurring=True), made(log, early, recurring=True))


def test_twenty_four_hours_are_counted_from_the_instant(table):
    """Signed up at 23:50, back at 00:10: the next day, but not 24 hours later; 25 hours later it is day 1."""
    people = table("""
        user | first_day  | first_active_day | life_start | signed_up_at
        1    | 2026-01-06 | 2026-01-06       | signup     | 2026-01-06 23:50:00
        2    | 2026-01-06 | 2026-01-06       | signup     | 2026-01-06 23:50:00
    """)
    people["signed_up_at"] = pd.to_datetime(people["signed_up_at"])
    steps = pd.DataFrame(
        {"user": [1, 2], "event": "open", "at": pd.to_datetime(["2026-01-07 00:10", "2026-01-08 00:50"])}
    )
    steps["day"] = steps["at"].dt.normalize()
    days = user_days(steps).assign(orders=0, revenue=0.0)
    began = retention_events.starts(days, people, steps, window=DAY)
    came = retention_events.returns(days, steps, window=DAY, by_instant=True)
    clock = retention_grid.grid(began, came, window=DAY, rule="hours24", last_age=2).set_index("age")["retained"]
    assert clock.to_dict() == {0: 1.0, 1: 1.0, 2: 0.0}
    calendar = retention_grid.grid(began, retention_events.returns(days, steps, window=DAY), window=DAY, last_age=2)
    assert calendar.set_index("age")["retained"].to_dict() == {0: 0.0, 1: 1.0, 2: 1.0}


@LAWS
@given(made_log=logs())
def test_value_per_member_is_money_over_users(made_log):
    """Revenue per cohort member equals the sum over its members' days of that unit divided by all members."""
    days, people, steps = mart(*made_log)
    began = retention_events.starts(days, people, steps, window=WEEK)
    came = retention_events.returns(days, steps, window=WEEK)
    table = value_grid.values(began, came, window=WEEK, metric="revenue", last_age=5).dropna(subset=["per_member"])
    members = began.to_pandas()
    unit = (days["day"] - pd.Timestamp(START)).dt.days // 7
    for row in table.to_dict("records"):
        cohort = WEEK.number(row["cohort"].date())
        inside = days[days["user"].isin(members.loc[members["cohort"] == cohort, "user"])]
        spent = inside.loc[
            unit[inside.index] == (row["cohort"] - pd.Timestamp(START)).days // 7 + row["age"], "revenue"
        ]
        assert row["per_member"] == pytest.approx(spent.sum() / row["users"])


def test_value_intervals_hold_the_truth():
    """Simulated truth: members spend 5 on average; about 95 of 100 cohorts' intervals hold it."""
    random, size = np.random.default_rng(6), 60
    days = pd.DataFrame({"user": np.arange(6000), "day": pd.Timestamp("2020-01-06"), "gap_before": np.nan})
    days["day"] += pd.to_timedelta(7 * (days["user"] // size), unit="D")
    days = days.assign(orders=1, revenue=random.gamma(2, 2.5, 6000))
    people = pd.DataFrame({"user": days["user"], "first_day": days["day"], "life_start": "signup"})
    steps = pd.DataFrame({"user": [0], "at": [days["day"][0]], "day": [days["day"][0]], "event": ["open"]})
    window = cohorts.Window("week", date(2020, 1, 6), date(2022, 1, 2))
    began = retention_events.starts(days, people.assign(first_active_day=people["first_day"]), steps, window=window)
    came = retention_events.returns(days, steps, window=window)
    found = value_grid.values(began, came, window=window, metric="revenue", last_age=0)
    assert 0.88 <= ((found["low"] <= 5) & (found["high"] >= 5)).mean() <= 1.0


def test_the_simple_mean_counts_every_cohort_once(table):
    """Cohorts of 10 and 90 users with 50 % and 10 %: the simple mean is 30 %, whatever their size."""
    cells = table("""
        cohort     | age | users | share | complete
        2026-01-05 | 1   | 10    | 0.5   | true
        2026-01-12 | 1   | 90    | 0.1   | true
        2026-01-19 | 1   | 90    | 0.9   | false
    """)
    row = retention_grid.simple_mean(cells).iloc[0]
    assert (row["simple_share"], row["cohorts"]) == (pytest.approx(0.3), 2)
    assert 0 <= row["simple_low"] < 0.3 < row["simple_high"] <= 1


def test_events_are_named_by_group_or_by_themselves(table):
    """A group stands for its events; a misspelt name is refused with the nearest one."""
    steps = table("user | day | event\n1 | 2026-01-05 | read\n1 | 2026-01-05 | buy")
    groups = {"content": ["read", "like"]}
    assert retention_events.events_named("content", groups=groups, steps=steps) == ["read", "like"]
    assert retention_events.events_named("buy", groups=groups, steps=steps) == ["buy"]
    assert retention_events.events_named("", groups=groups, steps=steps) == []
    with pytest.raises(ParameterError, match="raed"):
        retention_events.events_named("raed", groups=groups, steps=steps)


@pytest.mark.parametrize(("rule", "window"), [("sometimes", DAY), ("hours24", WEEK)])
def test_a_rule_that_does_not_fit_is_refused(rule, window):
    """An unknown rule, or hours for cohorts by week, is an error that lists the rules."""
    with pytest.raises(ParameterError, match=rule):
        retention_grid.grid(None, None, window=window, rule=rule)
