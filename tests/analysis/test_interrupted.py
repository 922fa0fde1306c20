"""A forecast as counterfactual: by hand, and how often its interval holds what comes when there is no campaign."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import interrupted

FIRST, START, END = date(2026, 1, 5), date(2026, 7, 6), date(2026, 7, 19)


def days(values):
    """A table of `daily` from the first day on."""
    index = pd.date_range(FIRST, periods=len(values), name="day")
    return pd.DataFrame(dict.fromkeys(interrupted.METRICS, values), index=index)


def weekly(random=None, *, level=100.0, noise=0.0, lift=1.0):
    """Days with a weekday pattern, some noise, and more during the campaign."""
    count = (END - FIRST).days + 1
    shape = np.array([1, 1, 1, 1, 1.2, 1.5, 1.3])[np.arange(count) % 7]
    values = level * shape * (1 if random is None else random.lognormal(0, noise, count))
    values[(START - FIRST).days :] *= lift
    return days(values)


def test_weekdays_are_foretold_exactly_and_the_rest_is_the_difference():
    """Days that repeat every week are foretold to the digit, and a campaign of half as much again reads +50 %."""
    found = interrupted.forecast(weekly(lift=1.5), metric="orders", start=START, end=END).iloc[0]
    assert found["expected"] == pytest.approx(2 * 800)
    assert found["relative"] == pytest.approx(0.5)
    assert found["checks"] > 3


def test_without_a_campaign_the_interval_holds_what_comes():
    """Simulated truth: of 300 quiet sites at least 93 in 100 intervals hold zero, and not all of them."""
    random = np.random.default_rng(2)
    held = []
    for _site in range(300):
        found = interrupted.forecast(weekly(random, noise=0.2), metric="orders", start=START, end=END).iloc[0]
        held.append(found["relative_low"] <= 0 <= found["relative_high"])
    assert 0.92 <= np.mean(held) <= 0.99


def test_a_short_past_tells_nothing():
    """Without eight weeks before and three separate placebo campaigns there is no row."""
    short = weekly().iloc[-80:]
    assert interrupted.forecast(short, metric="orders", start=START, end=END).empty


def test_placebo_campaigns_are_over_before_the_start():
    """No error is measured on a day of the campaign, so changing these days changes no error."""
    random = np.random.default_rng(3)
    plain = weekly(random, noise=0.1)
    changed = plain.copy()
    changed.loc[changed.index >= pd.Timestamp(START), "orders"] *= 9
    asked = {"metric": "orders", "start": START, "end": END}
    pd.testing.assert_frame_equal(
        interrupted.placebo_errors(plain, **asked), interrupted.placebo_errors(changed, **asked)
    )


def test_only_a_campaign_for_everybody_is_forecast(table):
    """Another comparison counts nothing; before/after counts days without rows as nothing sold."""
    rows = table("""
        user | day        | revenue | orders
        1    | 2026-07-06 | 30      | 1
        2    | 2026-07-08 | 12      | 2
    """)
    asked = {"metric": "orders", "start": START, "end": END, "through": END, "data_start": FIRST}
    assert interrupted.review(None, comparison="holdout", **asked).forecast.empty
    assert interrupted.review(rows, comparison="before_after", **asked).forecast.empty
    found = interrupted.daily(rows, first=START, last=START + timedelta(days=2))
    assert found["orders"].tolist() == [1, 0, 2]
