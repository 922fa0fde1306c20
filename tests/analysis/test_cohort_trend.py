"""Newer cohorts against older ones: planted trends, planted mixes, and nothing where nothing was planted."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from activity_log import user_days, users
from opsbook.analysis import cohort_trend, cohorts


def cells(random, *, cohorts=26, slope=0.0, shift=0.0, spread=0.0, levels=(0.2, 0.5)):
    """Weekly cohorts of about 300 users in two segments; retention moves by `slope` a week on the logit, the second
    segment's share by `shift` a week, and cohorts differ by `spread` beyond chance.
    """
    rows = []
    for week in range(cohorts):
        share = np.clip(0.5 + shift * (week - cohorts / 2), 0.02, 0.98)
        shock = random.normal(0, spread)
        start = pd.Timestamp("2026-01-05") + pd.Timedelta(days=7 * week)
        for segment, size, level in (("a", round(300 * (1 - share)), levels[0]), ("b", round(300 * share), levels[1])):
            chance = 1 / (1 + np.exp(-(np.log(level / (1 - level)) + slope * (week - cohorts / 2) + shock)))
            rows.append((7, start, segment, size, random.binomial(size, chance)))
    return pd.DataFrame(rows, columns=cohort_trend.COUNTS)


def case(table):
    return cohort_trend.trends(table)["case"].iloc[0]


@pytest.mark.parametrize("spread", [0.0, 0.15])
def test_without_a_trend_about_five_in_a_hundred_are_called_one(spread):
    """Simulated truth: no trend, with or without shocks that all users of a cohort share."""
    random = np.random.default_rng(8)
    cases = [case(cells(random, spread=spread)) for _company in range(120)]
    assert np.mean([one in ("up", "down") for one in cases]) <= 0.09


def test_a_planted_trend_is_found_and_covered():
    """Simulated truth: +0.02 a week on the logit is called up, and about 95 of 100 intervals hold it in points."""
    random, held = np.random.default_rng(9), []
    for _company in range(120):
        row = cohort_trend.trends(cells(random, slope=0.02, levels=(0.35, 0.35), spread=0.1)).iloc[0]
        truth = 0.02 * 30 / 7 * row["share"] * (1 - row["share"])
        held.append(row["low"] <= truth <= row["high"])
        held_case = row["case"]
    assert 0.89 <= np.mean(held) <= 0.99
    assert held_case == "up"


def test_a_moving_mix_is_named_as_mix():
    """The better segment grows by two points a week, nothing else moves: up as it is, nothing at an unchanged mix."""
    random = np.random.default_rng(10)
    cases = [case(cells(random, shift=0.02)) for _company in range(40)]
    assert cases.count("mix") >= 34


def test_a_trend_that_the_mix_hides_is_named():
    """Every segment gets better while the worse one grows: the trend is there only at an unchanged mix."""
    random = np.random.default_rng(11)
    cases = [case(cells(random, shift=-0.02, slope=0.025)) for _company in range(40)]
    assert cases.count("hidden") >= 30


def test_few_cohorts_cannot_tell():
    """Five cohorts are too few for a trend, and so is a retention of 0."""
    random = np.random.default_rng(12)
    assert case(cells(random, cohorts=5)) == "few"
    assert case(cells(random).assign(retained=0)) == "few"


def test_counts_hold_complete_cells_by_segment(table, same):
    """Two users of a week in two channels, one back in the next week; the week that is not over has no row."""
    log = table("user | day\n1 | 2026-01-05\n1 | 2026-01-13\n2 | 2026-01-06\n3 | 2026-01-20")
    people = users(log, data_start="2026-01-05").assign(channel=["ads", "search", "ads"])
    days = user_days(log).assign(orders=0, revenue=0.0)
    steps = log.assign(at=log["day"], event="open")
    window = cohorts.Window("week", date(2026, 1, 5), date(2026, 1, 25))
    same(
        cohort_trend.counts(days, people, steps, window=window, ages=[1]),
        """
        age | cohort     | segment | users | retained
        1   | 2026-01-05 | ads     | 1     | 1
        1   | 2026-01-05 | search  | 1     | 0
        """,
    )
