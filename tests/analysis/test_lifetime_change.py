"""Do this period's users stay longer: by hand, and as the difference of two restricted means."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from activity_log import user_days, users
from opsbook.analysis import lifetime_change, survival_time, time_to_churn
from opsbook.inputs.periods import between

NOW, BEFORE = between(date(2026, 3, 1), date(2026, 3, 31)), between(date(2026, 2, 1), date(2026, 2, 28))
ASKED = {"period": NOW, "previous": BEFORE, "as_of": date(2026, 6, 30), "churn_after_days": 10, "horizon_days": 60}


def log(random, *, stays, size=300):
    """Users of both months, active daily until they leave after a geometric number of days with mean `stays`."""
    rows = []
    for user in range(size):
        start = pd.Timestamp("2026-03-05" if user % 2 else "2026-02-05")
        last = random.geometric(1 / stays[user % 2]) - 1
        rows += [(user, start + pd.Timedelta(days=day)) for day in range(min(last, 110) + 1)]
    return pd.DataFrame(rows, columns=["user", "day"])


def changed(rows):
    return lifetime_change.against_previous(user_days(rows), users(rows), **ASKED)


def test_days_by_hand():
    """One user of each month: three days of life against one, so two more, without an interval from single users."""
    rows = pd.DataFrame({"user": [1, 1, 2], "day": pd.to_datetime(["2026-03-02", "2026-03-05", "2026-02-10"])})
    found = changed(rows)
    assert (found.now, found.before, found.n, found.base_n) == (3.0, 0.0, 1, 1)
    assert found.difference == 3.0


def test_a_period_without_users_cannot_be_compared():
    """Users of one month alone give nothing."""
    rows = pd.DataFrame({"user": [1, 1], "day": pd.to_datetime(["2026-03-02", "2026-03-05"])})
    assert np.isnan(changed(rows).difference)


def test_a_previous_period_from_before_the_data_is_not_compared_with():
    """Of a February seen from the tenth on only the late starters are known; from the first on it is whole."""
    rows = log(np.random.default_rng(4), stays=(15, 25), size=60)
    asked = {first: {**ASKED, "data_start": date(2026, 2, first)} for first in (1, 10)}
    found = {first: lifetime_change.against_previous(user_days(rows), users(rows), **asked[first]) for first in asked}
    assert found[1] == changed(rows)
    assert np.isnan(found[10].difference)


def test_the_difference_is_that_of_the_two_means_with_both_errors():
    """Each month's own restricted mean and Greenwood error, to the longest horizon both were watched."""
    rows = log(np.random.default_rng(4), stays=(15, 25), size=200)
    found, parts = changed(rows), []
    for month in (NOW, BEFORE):
        born = rows.groupby("user")["day"].transform("min").between(str(month.start), str(month.end))
        own = rows[born]
        table = time_to_churn.durations(user_days(own), users(own), as_of=ASKED["as_of"], churn_after_days=10)
        parts.append(survival_time.restricted_mean(table, horizon_days=60))
    assert found.difference == pytest.approx(parts[0].value - parts[1].value)
    error = np.hypot(parts[0].standard_error, parts[1].standard_error)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * error, rel=1e-6)
