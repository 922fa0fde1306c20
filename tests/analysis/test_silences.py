"""Thresholds by segment and times to return: by hand, against lifelines, on users whose gaps were chosen."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from activity_log import user_days, users
from opsbook.analysis import silences
from opsbook.errors import ParameterError

AS_OF = date(2026, 6, 30)


def rhythm(random, *, gap, size, first):
    """Users who come back after geometric gaps with the mean `gap`, and leave for good with chance 1 in 8 a visit."""
    rows = []
    for user in range(first, first + size):
        day, gone = 0, False
        while day < 180 and not gone:
            rows.append((user, pd.Timestamp("2026-01-01") + pd.Timedelta(days=int(day))))
            day, gone = day + random.geometric(1 / gap), random.random() < 0.125
    return rows


def test_segments_with_other_rhythms_get_other_thresholds():
    """Users who come every other day can be given up sooner than those who come every ten days; small groups join."""
    random = np.random.default_rng(3)
    log = pd.DataFrame(rhythm(random, gap=2, size=250, first=0) + rhythm(random, gap=10, size=150, first=250)
                       + rhythm(random, gap=2, size=3, first=400), columns=["user", "day"])  # fmt: skip
    people = users(log).assign(channel=lambda t: np.select([t["user"] < 250, t["user"] < 400], ["app", "mail"], "tiny"))
    asked = {"by": "channel", "as_of": AS_OF, "target": 0.2, "chosen_days": 14}
    found = silences.by_segment(user_days(log), people, **asked).set_index("segment")
    assert list(found.index) == ["app", "mail"]
    assert found.loc["app", "suggested_days"] < 14 < found.loc["mail", "suggested_days"]
    assert found.loc["app", "false_churn"] < found.loc["mail", "low"]
    assert found["users"].tolist() == [250, 150]


def test_a_segment_found_out_later_is_refused(table):
    """The number of active days cannot split thresholds."""
    log = table("user | day\n1 | 2026-01-05")
    with pytest.raises(ParameterError, match="immortal"):
        silences.by_segment(user_days(log), users(log), by="last_active_day", as_of=AS_OF, target=0.1, chosen_days=7)


LOG = """
    user | day
    1    | 2026-03-01
    1    | 2026-04-10
    2    | 2026-03-05
    3    | 2026-03-01
    3    | 2026-03-25
    4    | 2026-02-20
    4    | 2026-05-30
"""


def test_times_to_return_by_hand(table, same):
    """On 31 March users 1, 2 and 4 had been silent for 20 days; 1 is back after 10, 4 after 60, 2 not in 91 days."""
    times = silences.return_times(
        user_days(table(LOG)), classified_on=date(2026, 3, 31), until=AS_OF, churn_after_days=20
    )
    same(
        times,
        """
        duration_days | churned | censored
        10            | 1       | 0
        60            | 1       | 0
        91            | 0       | 1
        """,
    )
    back = silences.returned(times).set_index("days")["returned"]
    assert back[[9, 10, 60, 91]].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    assert silences.half_of_returns(silences.returned(times))[::3] == (10.0, 3)


def test_nobody_given_up_comes_back():
    """Without a user silent long enough there are no times; without a return there is no half."""
    log = pd.DataFrame({"user": [1], "day": [pd.Timestamp("2026-03-30")]})
    asked = {"classified_on": date(2026, 3, 31), "until": AS_OF}
    none = silences.return_times(user_days(log), churn_after_days=20, **asked)
    assert silences.returned(none).empty
    assert silences.half_of_returns(silences.returned(none)).n == 0
    gone = silences.returned(silences.return_times(user_days(log), churn_after_days=1, **asked))
    assert np.isnan(silences.half_of_returns(gone).value)


def test_the_curve_of_returns_is_lifelines_complement():
    """1 - Kaplan-Meier of the waits, fitted by lifelines on one row per user."""
    random = np.random.default_rng(5)
    log = pd.DataFrame(rhythm(random, gap=15, size=200, first=0), columns=["user", "day"])
    asked = {"classified_on": date(2026, 4, 15), "until": AS_OF, "churn_after_days": 14}
    times = silences.return_times(user_days(log), **asked)
    ours = silences.returned(times).set_index("days")["returned"]
    rows = times.loc[times.index.repeat(times["churned"] + times["censored"])]
    events = np.concatenate([[1] * row.churned + [0] * row.censored for row in times.itertuples()])
    fit = KaplanMeierFitter().fit(rows["duration_days"].astype(float), events)
    theirs = 1 - fit.survival_function_.iloc[:, 0].reindex(ours.index.astype(float), method="pad")
    assert ours.to_numpy() == pytest.approx(theirs.to_numpy(), abs=1e-12)
