"""Ordered funnels: the window, the anchors, ties, entries too young to tell; against a brute-force twin."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opsbook.analysis import funnels

PATH = ("view", "cart", "order")
SPAN = {"start": date(2026, 1, 1), "end": date(2026, 1, 31)}


def walk(steps, **changes):
    """The three-step funnel of January, seven days, everything old enough."""
    given_ = {**SPAN, "path": PATH, "window_days": 7, "as_of": date(2026, 3, 1), **changes}
    return funnels.funnel(
        steps.assign(at=pd.to_datetime(steps["at"]), day=pd.to_datetime(steps["at"]).dt.normalize()), **given_
    )


def test_order_of_steps_counts(table, same):
    """Users count as far as they went in order; other events may lie between."""
    same(
        walk(
            table("""
                user | at         | event
                1    | 2026-01-02 | view
                1    | 2026-01-03 | read
                1    | 2026-01-04 | cart
                1    | 2026-01-05 | order
                2    | 2026-01-02 | cart
                2    | 2026-01-03 | view
                2    | 2026-01-04 | order
                3    | 2026-01-04 | order
            """)
        ),
        """
        step | event | users | lost | share_of_entry | share_of_previous | incomplete
        1    | view  | 2     | 0    | 1              | 1                 | 0
        2    | cart  | 1     | 1    | 0.5            | 0.5               | 0
        3    | order | 1     | 0    | 0.5            | 1                 | 0
        """,
    )


LATER_ENTRY = """
    user | at         | event
    1    | 2026-01-02 | view
    1    | 2026-01-08 | cart
    1    | 2026-01-09 | view
    1    | 2026-01-10 | cart
    1    | 2026-01-12 | order
"""


def test_best_entry_lets_a_later_entry_go_further(table):
    """The first entry's window is over before the order; the second entry completes the chain."""
    assert walk(table(LATER_ENTRY))["users"].tolist() == [1, 1, 1]


def test_first_entry_follows_the_first_alone(table):
    """With `first_entry` the same user stops at the cart."""
    assert walk(table(LATER_ENTRY), anchor="first_entry")["users"].tolist() == [1, 1, 0]


def test_window_ends_to_the_second():
    """A step exactly at the end of the window counts, a second later it does not."""
    entry = pd.Timestamp("2026-01-02")
    instants = [entry, entry, entry + pd.Timedelta(days=7), entry + pd.Timedelta(days=7, seconds=1)]
    steps = pd.DataFrame({"user": [1, 2, 1, 2], "at": instants, "event": ["view", "view", "cart", "cart"]})
    assert walk(steps, path=("view", "cart"))["users"].tolist() == [2, 1]


def test_equal_timestamps_keep_step_order(table):
    """Steps logged in the same second count in the order of the path, whatever the order of rows."""
    steps = table("user | at | event\n1 | 2026-01-02 | order\n1 | 2026-01-02 | cart\n1 | 2026-01-02 | view")
    assert walk(steps)["users"].tolist() == [1, 1, 1]


def test_young_entries_are_shown_apart(table):
    """A user whose only entry is younger than the window is incomplete, even if already through."""
    steps = table("""
        user | at         | event
        1    | 2026-01-02 | view
        2    | 2026-01-08 | view
        2    | 2026-01-09 | cart
    """)
    found = walk(steps, as_of=date(2026, 1, 14))
    assert found["users"].tolist() == [1, 0, 0]
    assert found["incomplete"].tolist() == [1, 1, 1]


def test_entry_is_old_enough_when_its_window_is_over(table):
    """An entry on the 8th with seven days is complete when the 15th is, not before."""
    steps = table("user | at | event\n2 | 2026-01-08 | view")
    assert walk(steps, as_of=date(2026, 1, 15))["users"].tolist() == [1, 0, 0]


def test_entries_outside_the_dates_start_nothing(table):
    """An entry before the start opens no chain; later steps may lie after the end."""
    steps = table("""
        user | at         | event
        1    | 2025-12-31 | view
        1    | 2026-01-01 | cart
        2    | 2026-01-31 | view
        2    | 2026-02-02 | cart
    """)
    assert walk(steps)["users"].tolist() == [1, 1, 0]


def test_nobody_entered():
    """An empty table gives the path with zero users and missing shares."""
    empty = pd.DataFrame({"user": pd.Series([], dtype="int32"), "at": [], "event": pd.Series([], dtype="str")})
    found = walk(empty)
    assert found["users"].tolist() == [0, 0, 0]
    assert found["share_of_entry"].isna().all()


def test_path_may_not_repeat_an_event(table):
    """A path that names an event twice is refused."""
    with pytest.raises(ValueError, match="different events"):
        walk(table("user | at | event\n1 | 2026-01-02 | view"), path=("view", "view"))


def test_no_path_no_rows(table):
    """Without a path there is an empty table with every column."""
    found = walk(table("user | at | event\n1 | 2026-01-02 | view"), path=())
    assert found.empty
    assert list(found) == list(walk(table("user | at | event\n1 | 2026-01-02 | view")))


def test_event_names_are_only_data(table):
    """An event named like a script tag is a name like any other."""
    name = "<script>alert(1)</script>"
    steps = table(f"user | at | event\n1 | 2026-01-02 | {name}")
    assert walk(steps, path=(name, "';drop table--"))["event"].tolist() == [name, "';drop table--"]


events = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 20), st.sampled_from([*PATH, "read"])), min_size=1, max_size=14
)


@settings(max_examples=40, deadline=None)
@given(events, st.integers(1, 4), st.sampled_from(["first_entry", "best_entry"]))
@example([(1, 0, "view"), (1, 3, "cart"), (1, 3, "view"), (1, 5, "order"), (1, 4, "cart")], 1, "best_entry")
def test_funnel_equals_its_brute_force_twin(rows, window_days, anchor):
    """Every chain of every user tried one by one gives the same counts as the window functions."""
    first = datetime(2026, 1, 1)
    steps = pd.DataFrame(
        [(user, first + timedelta(hours=12 * half), event) for user, half, event in rows],
        columns=["user", "at", "event"],
    )
    as_of = date(2026, 1, 8)
    found = walk(steps, window_days=window_days, as_of=as_of, anchor=anchor)
    depths, young = twin(steps, window_days=window_days, as_of=as_of, anchor=anchor)
    assert found["users"].tolist() == [sum(depth >= k for depth in depths) for k in (1, 2, 3)]
    assert found["incomplete"].iloc[0] == young


def twin(steps, *, window_days, as_of, anchor):
    """Depth of every user with an entry old enough, and the number of users with none."""
    depths, young = [], 0
    for _user, rows in steps.groupby("user"):
        entries = sorted(rows.loc[rows["event"] == PATH[0], "at"])
        if not entries:
            continue
        kept = [
            at
            for at in (entries if anchor == "best_entry" else entries[:1])
            if at.date() <= as_of - timedelta(window_days)
        ]
        if kept:
            depths.append(max(chain(rows, at, window_days) for at in kept))
        else:
            young += 1
    return depths, young


def chain(rows, entry, window_days):
    """How many steps the earliest possible chain from this entry reaches."""
    at = entry
    for depth, event in enumerate(PATH[1:], 1):
        later = rows[
            (rows["event"] == event) & (rows["at"] >= at) & (rows["at"] <= entry + timedelta(days=window_days))
        ]
        if later.empty:
            return depth
        at = later["at"].min()
    return len(PATH)
