"""Drivers compare users before the step is taken, count every try, and never read what happened after."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import drivers, funnel_modes
from opsbook.inputs.funnels import Funnel, FunnelStep
from opsbook.inputs.periods import Period

AS_OF = date(2026, 3, 31)
MARCH = Period(date(2026, 3, 1), date(2026, 3, 10), "days", "early March")
FUNNEL = Funnel(name="shop", window_days=7, steps=(FunnelStep(any_of=("view",)), FunnelStep(any_of=("buy",))))


def screen(steps: pd.DataFrame, users: pd.DataFrame, funnel: Funnel = FUNNEL, **more: object) -> pd.DataFrame:
    walked = funnel_modes.walk(steps, users, funnel=funnel, periods=[MARCH], as_of=AS_OF)
    asked = {"funnel": funnel, "step": 2, "attributes": ["city"], "min_cell": 1} | more
    return drivers.drivers(walked, steps, users, **asked)


def log(rows: list[tuple[int, float, str]]) -> pd.DataFrame:
    """Steps of (user, hours since 1 March, event)."""
    table = pd.DataFrame(rows, columns=["user", "hours", "event"])
    at = pd.Timestamp("2026-03-01") + pd.to_timedelta(table["hours"] * 3600, unit="s")
    return table.assign(at=at.astype("datetime64[us]"), day=at.dt.normalize())[["user", "at", "day", "event"]]


def people(cities: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"user": range(len(cities)), "city": cities})
    return frame.assign(signed_up_at=pd.NaT, signed_up_day=pd.NaT).astype(
        {"signed_up_at": "datetime64[us]", "signed_up_day": "datetime64[us]"}
    )


def test_what_is_done_after_converting_or_by_those_who_converted_at_once_is_not_counted(same):
    """Of users not converted a day after the view, those who searched within that day are compared with the others."""
    steps = log([
        (0, 1, "view"), (0, 2, "search"), (0, 30, "buy"),
        (1, 1, "view"), (1, 2, "search"),
        (2, 1, "view"), (2, 50, "buy"), (2, 51, "search"),
        (3, 1, "view"),
        (4, 1, "view"), (4, 2, "buy"), (4, 3, "search"),
        (5, 1, "view"), (5, 26, "search"),
    ])  # fmt: skip
    found = screen(steps, people(["a", "a", "a", "b", "b", "b"]))
    same(found[found["kind"] == "event"][["value", "group_users", "converted", "rest_converted"]], """
        value  | group_users | converted | rest_converted
        search | 2           | 1         | 1
    """)  # fmt: skip
    shares = found[found["value"] == "search"].iloc[0]
    assert (shares["group_share"], shares["rest_converted_share"]) == (0.5, pytest.approx(1 / 3))
    city = found[found["value"] == "a"].iloc[0]
    assert (city["group_users"], city["converted"], city["rest_converted"]) == (3, 2, 1)
    assert city["compared"] == len(found) == 3


def test_entry_by_sign_up_counts_from_its_instant(same):
    """With the sign-up as first step the landmark runs from it, and the step taken is the first event after it."""
    funnel = Funnel(name="new", entry="signup", window_days=7, steps=(FunnelStep(any_of=("buy",)),))
    users = people(["a"] * 3).assign(signed_up_at=pd.Timestamp("2026-03-02 10:00"), signed_up_day="2026-03-02")
    users = users.astype({"signed_up_at": "datetime64[us]", "signed_up_day": "datetime64[us]"})
    steps = log([(0, 24 + 33, "search"), (0, 90, "buy"), (1, 24 + 35, "search"), (2, 24 + 9, "search")])
    found = screen(steps, users, funnel)
    same(found[found["kind"] == "event"][["value", "group_users", "converted", "rest_converted"]], """
        value  | group_users | converted | rest_converted
        search | 1           | 1         | 0
    """)  # fmt: skip


def test_planted_driver_is_found_and_the_number_tried_is_corrected_for():
    """A city that converts 20 points more often stands first; of 40 events without effect hardly any is claimed."""
    rng = np.random.default_rng(3)
    n = 2000
    city = rng.choice(["x", "y", "z"], n, p=[0.2, 0.4, 0.4])
    buys = rng.random(n) < np.where(city == "x", 0.5, 0.3)
    rows = [(user, 1.0, "view") for user in range(n)]
    rows += [(int(user), 60.0, "buy") for user in np.flatnonzero(buys)]
    rows += [(int(user), 5.0, f"e{event}") for event in range(40) for user in np.flatnonzero(rng.random(n) < 0.3)]
    found = screen(log(rows), people(list(city)), min_cell=10)
    assert found["compared"].iloc[0] == len(found) == 43
    first = found.iloc[0]
    assert (first["name"], first["value"]) == ("city", "x")
    assert first["difference_low"] < 0.2 < first["difference_high"]
    assert first["p_adjusted"] < 0.001
    assert (found.loc[found["kind"] == "event", "p_adjusted"] < 0.05).sum() <= 1
    assert (found["p_adjusted"] >= found["p_value"]).all()


def test_small_groups_and_their_small_complements_are_left_out():
    """A group of fewer than min_cell users, or one that leaves fewer others, is not shown and not counted as tried."""
    steps = log([(user, 1, "view") for user in range(12)])
    found = screen(steps, people(["a"] * 11 + ["b"]), min_cell=2)
    assert found.empty
    assert list(found) == drivers.COLUMNS


def test_step_must_be_one_that_can_be_taken():
    """The first step is nobody's next one."""
    with pytest.raises(ValueError, match="between 2 and 2"):
        screen(log([(0, 1, "view")]), people(["a"]), step=1)
