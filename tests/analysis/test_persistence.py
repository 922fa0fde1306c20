"""The effect week by week after the end: by hand, its half-life, and worlds whose fading was chosen."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import experiment, persistence

START, END = date(2026, 3, 2), date(2026, 3, 8)


def units(assignments, user_days):
    """Users of an experiment around the week of the campaign."""
    asked = {"experiment_id": "e", "control": "control", "start": START, "end": END, "after_days": 28}
    return experiment.units(assignments, user_days, before_days=7, **asked)


def test_every_whole_week_counts_all_assigned_users(table, same):
    """Two weeks and three days after the end make two weeks; silent users count as zero."""
    placed = table("""
        experiment_id | user | variant   | day
        e             | 1    | treatment | 2026-03-01
        e             | 2    | treatment | 2026-03-01
        e             | 3    | control   | 2026-03-01
        e             | 4    | control   | 2026-03-01
    """)
    rows = table("""
        user | day        | orders | revenue
        1    | 2026-03-09 | 1      | 10
        1    | 2026-03-15 | 2      | 20
        1    | 2026-03-16 | 4      | 40
        3    | 2026-03-16 | 1      | 10
        3    | 2026-03-24 | 9      | 90
    """)
    same(
        persistence.weekly_effects(units(placed, rows), rows, metric="orders", end=END, as_of=date(2026, 3, 25)),
        """
        week | start      | end        | treated_users | control_users | treated | control | difference
        1    | 2026-03-09 | 2026-03-15 | 2             | 2             | 1.5     | 0       | 1.5
        2    | 2026-03-16 | 2026-03-22 | 2             | 2             | 2       | 0.5     | 1.5
        """,
    )


def test_before_a_whole_week_there_is_nothing_to_tell(table):
    """Six days after the end no week is whole."""
    placed = table("experiment_id | user | variant | day\ne | 1 | control | 2026-03-01\ne | 2 | b | 2026-03-01")
    rows = table("user | day | orders | revenue\n1 | 2026-03-09 | 1 | 10")
    found = persistence.weekly_effects(units(placed, rows), rows, metric="orders", end=END, as_of=date(2026, 3, 14))
    assert found.empty
    assert persistence.half_life(found).case == "none"


@pytest.mark.parametrize("metric", ["buyers", "clicks"])
def test_a_metric_without_weeks_is_refused(table, metric):
    """Only metrics that add up over days have weekly effects."""
    with pytest.raises(KeyError):
        persistence.weekly_effects(None, None, metric=metric, end=END, as_of=END)


def effects(values, error):
    """Weekly effects with equal errors."""
    table = pd.DataFrame({"week": np.arange(1, len(values) + 1), "difference": values, "treated_users": 1000})
    return table.assign(low=table["difference"] - 1.96 * error, high=table["difference"] + 1.96 * error)


def test_a_clean_decay_has_its_half_life():
    """An effect that halves every two weeks has a half-life of two."""
    found = persistence.half_life(effects(2.0 ** (-np.arange(8) / 2), 0.01))
    assert (found.case, found.value) == ("known", pytest.approx(2.0, abs=1e-3))
    assert found.low < 2 < found.high


def test_an_effect_that_stays_is_open_and_no_effect_has_none():
    """A level effect gives only the shortest half-life it allows; an unclear first week gives nothing."""
    stays = persistence.half_life(effects(np.full(8, 1.0), 0.05))
    assert (stays.case, np.isnan(stays.value), stays.low > 5) == ("open", True, True)
    assert persistence.half_life(effects(np.full(8, 0.01), 0.05)).case == "none"


def test_intervals_of_the_half_life_hold_the_truth():
    """Simulated truth: of 300 fading effects about 95 in 100 intervals hold the half-life of 1.5 weeks."""
    random = np.random.default_rng(3)
    truth = 2.0 ** (-np.arange(8) / 1.5)
    found = [persistence.half_life(effects(truth + random.normal(0, 0.08, 8), 0.08)) for _campaign in range(300)]
    known = [one for one in found if one.case == "known"]
    assert len(known) > 280
    assert 0.91 <= np.mean([one.low <= 1.5 <= one.high for one in known]) <= 0.99
