"""One group of users, six definitions of retained: each counts what its words say, on the same users."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import activity_log as log_of
from opsbook.analysis.retention_definitions import DEFINITIONS, definition_table
from opsbook.inputs.periods import between

JANUARY = between(date(2026, 1, 1), date(2026, 1, 31))
AS_OF = date(2026, 3, 1)
EVENTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 24 * 50)), min_size=1, max_size=60)


def table_of(steps: pd.DataFrame, signed_up: dict, **more) -> pd.DataFrame:
    """The table from events with instants (UTC, which is also the zone here) and sign-up instants."""
    log = steps.assign(day=steps["at"].dt.normalize())
    days = {user: at.normalize() for user, at in signed_up.items() if pd.notna(at)}
    users = log_of.users(log[["user", "day"]], days)
    users["signed_up_at"] = pd.Series([signed_up.get(user, pd.NaT) for user in users["user"]], dtype="datetime64[ns]")
    told = {"period": JANUARY, "as_of": AS_OF} | more
    return definition_table(log_of.user_days(log), users, log.assign(event="open"), **told)


@pytest.fixture
def one_user(table):
    """Signs up on 5 January at 22:00; seen three hours later, and on the eighth day in the evening."""
    steps = table("""
        user | at
        1    | 2026-01-05 22:00:00
        1    | 2026-01-06 01:00:00
        1    | 2026-01-13 23:00:00
    """)
    return steps.assign(at=pd.to_datetime(steps["at"])), {1: pd.Timestamp("2026-01-05 22:00")}


def test_each_definition_counts_what_it_says(one_user, same):
    """Seen at one in the morning she is retained on day 1, but not in the second 24 hours; day 8 is in day 7's week."""
    same(
        table_of(*one_user, ages=(1, 7)),
        """
        age | counted_as     | users | retained
        1   | on_day         | 1     | 1
        1   | on_24_hours    | 1     | 0
        1   | following_week | 1     | 1
        1   | through_day    | 1     | 1
        1   | on_or_after    | 1     | 1
        1   | every_day      | 1     | 1
        7   | on_day         | 1     | 0
        7   | on_24_hours    | 1     | 0
        7   | following_week | 1     | 1
        7   | through_day    | 1     | 1
        7   | on_or_after    | 1     | 1
        7   | every_day      | 1     | 0
    """,
    )


def test_users_too_young_for_the_week_after_count_in_no_definition(one_user):
    """Day N + 6 must have passed, for every definition alike; an age nobody reached is left out."""
    found = table_of(*one_user, ages=(1, 7), as_of=date(2026, 1, 17))
    assert set(found["age"]) == {1}
    assert table_of(*one_user, ages=(1, 7), as_of=date(2026, 1, 11)).empty


def test_without_instants_of_sign_up_there_are_no_24_hours(one_user):
    """A company that knows no instant of sign-up gets the other five definitions."""
    steps, _ = one_user
    assert "on_24_hours" not in set(table_of(steps, {}, ages=(1,))["counted_as"])


def test_only_qualifying_events_make_a_24_hours_user(one_user):
    """Events that do not make a user active do not retain her by the clock either."""
    steps, signed_up = one_user
    later = pd.DataFrame({"user": [1], "at": [pd.Timestamp("2026-01-07 01:00")]})
    both = pd.concat([steps, later])
    kept = table_of(both, signed_up, ages=(1,)).set_index("counted_as")["retained"]
    none = table_of(both, signed_up, ages=(1,), active_events=["pay"]).set_index("counted_as")["retained"]
    assert (kept["on_24_hours"], none["on_24_hours"]) == (1, 0)


@settings(max_examples=10)
@given(EVENTS)
def test_the_engine_agrees_with_a_loop_over_users(events):
    """Brute force: every definition asked of every user in plain Python."""
    start = pd.Timestamp("2026-01-01")
    steps = pd.DataFrame(
        [(user, start + pd.Timedelta(hours=user * 9 + hour)) for user, hour in events], columns=["user", "at"]
    )
    signed_up = steps.groupby("user")["at"].min().to_dict()
    found = table_of(steps, signed_up, ages=(1, 7)).set_index(["age", "counted_as"])["retained"]
    expected = {(n, name): 0 for n in (1, 7) for name in DEFINITIONS}
    for user, instant in signed_up.items():
        times = [at for u, at in zip(steps["user"], steps["at"], strict=True) if u == user]
        ages = {(at.normalize() - instant.normalize()).days for at in times}
        hours = {(at - instant) // pd.Timedelta(hours=24) for at in times}
        for n in (1, 7):
            if instant.normalize() + timedelta(days=n + 6) <= pd.Timestamp(AS_OF) and instant.month == 1:
                expected[n, "on_day"] += n in ages
                expected[n, "on_24_hours"] += n in hours
                expected[n, "following_week"] += bool(ages & set(range(n, n + 7)))
                expected[n, "through_day"] += bool(ages & set(range(1, n + 1)))
                expected[n, "on_or_after"] += any(age >= n for age in ages)
                expected[n, "every_day"] += ages >= set(range(1, n + 1))
    assert found.to_dict() == {key: value for key, value in expected.items() if key in found.index}


@settings(max_examples=6)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 24 * 29)), min_size=1, max_size=60))
def test_definitions_keep_their_order(events):
    """Every day ≤ on the day ≤ the week from it and any day through it; the week ≤ on or after; shares stay in 0-1."""
    start = pd.Timestamp("2026-01-01")
    steps = pd.DataFrame([(user, start + pd.Timedelta(hours=hour)) for user, hour in events], columns=["user", "at"])
    found = table_of(steps, steps.groupby("user")["at"].min().to_dict(), ages=(1, 7))
    wide = found.pivot(index="age", columns="counted_as", values="retained")
    chain = [("every_day", "on_day"), ("on_day", "following_week"), ("on_day", "through_day")]
    for less, more in [*chain, ("following_week", "on_or_after")]:
        assert (wide[less] <= wide[more]).all()
    assert np.all(found["low"] <= found["share"])
    assert np.all(found["share"] <= found["high"])
