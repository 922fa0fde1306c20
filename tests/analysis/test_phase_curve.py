"""Day by day through a campaign, against the weekdays before."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import phase_curve
from opsbook.inputs.run_params import Phase

START, END = date(2026, 3, 2), date(2026, 3, 8)
BOUNDS = {"start": START, "end": END, "data_start": date(2026, 1, 1), "as_of": date(2026, 3, 31), "after_days": 3}


def days_of(values, first):
    """One user's days with these orders, from the first day on; days of nothing are left out."""
    rows = [(1, pd.Timestamp(first + timedelta(days=i)), v, 10.0 * v) for i, v in enumerate(values) if v]
    kinds = {"user": "int32", "day": "datetime64[ns]", "orders": "int64", "revenue": "float64"}
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def test_every_day_has_its_phase_and_empty_days_are_zero(same):
    """Named phases win over `campaign`; days nobody was active are zero, not missing."""
    phases = [
        Phase(name="warm_up", start=date(2026, 3, 2), end=date(2026, 3, 3)),
        Phase(name="burst", start=END, end=END),
    ]
    found = phase_curve.daily(days_of([2, 0, 5], START), before_days=1, phases=phases, **BOUNDS)
    same(
        found.head(8),
        """
        day        | phase    | orders | revenue | active_users
        2026-03-01 | before   | 0      | 0       | 0
        2026-03-02 | warm_up  | 2      | 20      | 1
        2026-03-03 | warm_up  | 0      | 0       | 0
        2026-03-04 | campaign | 5      | 50      | 1
        2026-03-05 | campaign | 0      | 0       | 0
        2026-03-06 | campaign | 0      | 0       | 0
        2026-03-07 | campaign | 0      | 0       | 0
        2026-03-08 | burst    | 0      | 0       | 0
        """,
    )
    assert found["phase"].iloc[8:].tolist() == ["after"] * 3


def test_days_outside_the_data_are_left_out():
    """Neither days before the data nor days after as_of are drawn as zero."""
    bounds = {**BOUNDS, "data_start": date(2026, 3, 1), "as_of": date(2026, 3, 9)}
    found = phase_curve.daily(days_of([1], START), **bounds)
    assert (found["day"].min(), found["day"].max()) == (pd.Timestamp("2026-03-01"), pd.Timestamp("2026-03-09"))


def curve_of(before, during, after=(0, 0, 0)):
    """The orders curve of 28 days before, 7 during, 3 after."""
    frame = phase_curve.daily(days_of([*before, *during, *after], START - timedelta(days=28)), **BOUNDS)
    return phase_curve.against_baseline(frame, metric="orders")


def test_baseline_is_the_weekday_mean_before(same):
    """Each day is compared with the same weekday of the four weeks before."""
    week = [10, 20, 30, 40, 50, 60, 70]
    found = curve_of(week * 4, [11] * 7)
    assert found.loc[found["phase"] == "campaign", "expected"].tolist() == week
    same(
        phase_curve.phase_totals(found),
        """
        phase    | start      | end        | days | actual | expected | low | high | ratio
        campaign | 2026-03-02 | 2026-03-08 | 7    | 77     | 280      | 280 | 280  | 0.275
        after    | 2026-03-09 | 2026-03-11 | 3    | 0      | 60       | 60  | 60   | 0
        """,
    )


def test_short_history_gives_no_baseline():
    """With fewer than 14 days before, there is no band and no ratio, but the days are there."""
    frame = phase_curve.daily(days_of([5] * 17, START - timedelta(days=10)), **BOUNDS, before_days=10)
    found = phase_curve.against_baseline(frame, metric="orders")
    assert found["expected"].isna().all()
    assert phase_curve.phase_totals(found)["ratio"].isna().all()


def test_campaign_before_the_data_has_only_what_is_there():
    """An empty table of user-days is a flat curve of zeros."""
    found = phase_curve.daily(days_of([], START), **BOUNDS)
    assert found["orders"].sum() == 0
    assert len(phase_curve.phase_totals(phase_curve.against_baseline(found, metric="revenue"))) == 2


@pytest.mark.parametrize("span", ["day", "phase"])
def test_prediction_band_holds_on_quiet_days(span):
    """When nothing happens, about 95 of 100 days, and of 100 phase sums, lie in their band."""
    rng = np.random.default_rng(4)
    inside = []
    for _ in range(150):
        values = np.round(rng.normal(1000, 50, 35) + 300 * (np.arange(35) % 7 > 4))
        day = pd.date_range(START - timedelta(days=28), periods=35, freq="D")
        frame = pd.DataFrame({"day": day, "phase": ["before"] * 28 + ["campaign"] * 7, "orders": values})
        curve = phase_curve.against_baseline(frame, metric="orders")
        seen = curve[curve["phase"] == "campaign"].rename(columns={"value": "actual"})
        checked = seen if span == "day" else phase_curve.phase_totals(curve)
        inside.extend((checked["low"] < checked["actual"]) & (checked["actual"] < checked["high"]))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_the_peak_day_stands_beside_the_same_weekdays_before(table):
    """The highest day of the campaign by hour, against one and two weeks before; other days and events do not count."""
    steps = table(
        """
        day        | hour | event
        2026-02-16 | 9    | order
        2026-02-23 | 9    | order
        2026-02-23 | 9    | order
        2026-02-23 | 10   | open
        2026-03-01 | 9    | order
        2026-03-02 | 9    | order
        2026-03-02 | 20   | order
        2026-03-02 | 20   | order
        2026-03-02 | 20   | order
        2026-03-03 | 20   | order
        """
    )
    day = pd.date_range("2026-02-16", "2026-03-08")
    curve = pd.DataFrame({"day": day, "value": np.where(day == "2026-03-02", 4.0, 1.0)})
    span = {"start": date(2026, 3, 2), "end": date(2026, 3, 8)}
    found = phase_curve.peak_hours(steps, curve, event="order", **span).set_index("hour")
    assert set(found["day"]) == {pd.Timestamp("2026-03-02")}
    assert found["value"].sum() == 4
    assert found.loc[9, ["value", "usual", "low", "high", "usual_days"]].tolist() == [1, 1.5, 1, 2, 2]
    assert found.loc[20, ["value", "usual"]].tolist() == [3, 0]
    every = phase_curve.peak_hours(steps, curve, event=None, **span).set_index("hour")
    assert every.loc[10, "usual"] == 0.5
    assert phase_curve.peak_hours(steps, curve.assign(value=0.0), event=None, **span).empty
