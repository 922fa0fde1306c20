"""Stage ageing: who stands where, for how long, and how many longer than those who ever move on took."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import stage_ageing
from opsbook.inputs.funnels import Funnel, FunnelStep

AS_OF, START = date(2026, 6, 30), date(2026, 1, 1)
STAGES = ("registered", "cleaned", "assigned", "class_2", "class_1", "signed")


def leads(names: tuple[str, ...] = STAGES, optional: str = "") -> Funnel:
    return Funnel(
        name="leads", window_days=180, steps=[FunnelStep(any_of=(name,), optional=name == optional) for name in names]
    )


def waits(steps: pd.DataFrame, funnel: Funnel) -> pd.DataFrame:
    users = pd.DataFrame({"user": [0], "signed_up_at": [pd.NaT], "signed_up_day": [pd.NaT]})
    steps = steps.assign(at=pd.to_datetime(steps["day"]).astype("datetime64[us]"))
    return stage_ageing.waiting(steps, users, funnel=funnel, data_start=START, as_of=AS_OF)


LEADS = """
    user | day        | event
    1    | 2026-06-01 | registered
    1    | 2026-06-03 | cleaned
    1    | 2026-06-03 | assigned
    1    | 2026-06-10 | class_2
    1    | 2026-06-20 | class_1
    1    | 2026-06-25 | signed
    2    | 2026-06-10 | registered
    2    | 2026-06-12 | cleaned
    3    | 2026-06-05 | registered
    3    | 2026-06-06 | cleaned
    3    | 2026-06-08 | assigned
    4    | 2026-06-28 | registered
    5    | 2026-05-01 | registered
    5    | 2026-04-01 | cleaned
    6    | 2025-12-01 | registered
    6    | 2026-06-02 | cleaned
"""


def test_leads_stand_where_their_last_stage_says(table, same):
    """A stage before the one it follows does not count, a lead that began before the data is left out."""
    found = stage_ageing.stage_ageing(waits(table(LEADS), leads()), moved_share=0.9)
    same(found, """
        step | event      | standing | days_median | moved_on | slow_after_days | overdue | share_overdue
        1    | registered | 2        | 2           | 3        | 2               | 1       | 0.5
        2    | cleaned    | 1        | 18          | 2        | 2               | 1       | 1
        3    | assigned   | 1        | 22          | 1        | 7               | 1       | 1
        4    | class_2    | 0        |             | 1        | 10              | 0       |
        5    | class_1    | 0        |             | 1        | 5               | 0       |
    """)  # fmt: skip


def test_everybody_stands_somewhere_or_has_signed(table):
    """Those who move on are those of the next stage; standing and signed leads add up to all."""
    found = waits(table(LEADS), leads()).groupby("step")[["moved_on", "standing"]].sum()
    entered = found["moved_on"] + found["standing"]
    assert entered.iloc[1:].tolist() == found["moved_on"].iloc[:-1].tolist()
    assert found["standing"].sum() + found["moved_on"].iloc[-1] == entered.iloc[0] == 5


def test_optional_stage_stops_no_clock(table):
    """A stage that may be skipped is not stood at."""
    found = waits(table(LEADS), leads(optional="cleaned"))
    assert sorted(found["event"].unique()) == ["assigned", "class_1", "class_2", "registered"]
    assert found.loc[found["event"] == "registered", "moved_on"].sum() == 2


def test_rows_in_any_order_and_days_after_as_of_change_nothing(table):
    """Shuffled events and events of the future give the same table, renamed users too."""
    steps = table(LEADS)
    future = pd.DataFrame({"user": [4], "day": pd.to_datetime(["2026-07-02"]), "event": ["cleaned"]})
    other = pd.concat([steps, future]).sample(frac=1, random_state=1).assign(user=lambda t: 100 - t["user"])
    pd.testing.assert_frame_equal(waits(steps, leads()), waits(other, leads()))


def test_time_within_which_most_move_on_is_recovered_in_spite_of_those_still_waiting():
    """Seven in ten leads ever move on, after a geometric time: nine in ten of them within its true quantile."""
    rng = np.random.default_rng(8)
    n, chance = 6000, 0.08
    begins = rng.integers(0, 181, n)
    takes = np.where(rng.random(n) < 0.7, rng.geometric(chance, n), 10_000)
    first = pd.Timestamp(START) + pd.to_timedelta(begins, unit="D")
    moved = takes <= 180 - begins
    steps = pd.concat([
        pd.DataFrame({"user": range(n), "day": first, "event": "registered"}),
        pd.DataFrame({"user": np.flatnonzero(moved), "day": first[moved] + pd.to_timedelta(takes[moved], unit="D"),
                      "event": "cleaned"}),
    ])  # fmt: skip
    found = stage_ageing.stage_ageing(waits(steps, leads(("registered", "cleaned")))).iloc[0]
    truth = np.log(0.1) / np.log(1 - chance)
    naive = np.quantile(takes[moved], 0.9)
    assert found["slow_after_days"] == pytest.approx(truth, abs=2.5)
    assert naive < found["slow_after_days"]
    waited = 180 - begins[~moved]
    assert found["standing"] == len(waited)
    assert found["overdue"] == (waited > found["slow_after_days"]).sum()
    assert found["days_median"] == np.sort(waited)[int(np.ceil(len(waited) / 2)) - 1]


def test_nobody_who_moved_on_gives_no_limit(table):
    """Without anybody who took the next step there is no usual time, and no share beyond it."""
    steps = table("user | day | event\n1 | 2026-06-01 | registered")
    found = stage_ageing.stage_ageing(waits(steps, leads(("registered", "cleaned")))).iloc[0]
    assert np.isnan(found["slow_after_days"])
    assert np.isnan(found["share_overdue"])
    with pytest.raises(ValueError, match="between 0 and 1"):
        stage_ageing.stage_ageing(waits(steps, leads(("registered", "cleaned"))), moved_share=1.0)
