"""How many more or fewer days each segment stays than all the others, in words an operations team counts in."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import norm

from opsbook.analysis import segment_survival, survival_time
from opsbook.analysis.multiplicity import holm

METHOD = "difference of restricted means, Greenwood, Holm over the segments"
COLUMNS = ["segment", "users", "days", "other_users", "other_days", "difference", "low", "high", "p", "p_holm",
           "horizon_days"]  # fmt: skip


def against_rest(durations: pd.DataFrame, *, by: str, horizon_days: float, level: float = 0.95) -> pd.DataFrame:
    """Mean days until churn of every segment minus that of all the other users, to one common horizon.

    durations: one row per (entry_days, duration_days, <by>) -- churned, censored (users)
    returns:   one row per segment, most users first -- segment, users, days, other_users, other_days, difference (days
               per user) with low and high, p, p_holm (over the segments), horizon_days; none with a single segment
    source:    Irwin 1949; Greenwood-integral errors of two separate groups of users

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [5, 9, 5, 9], "churned": [50, 0, 30, 0],
    ...                           "censored": [0, 50, 0, 70], "channel": ["ads", "ads", "search", "search"]})
    >>> columns = ["segment", "users", "days", "other_days", "difference", "low", "high", "p_holm"]
    >>> print(against_rest(durations, by="channel", horizon_days=9)[columns].round(2).to_string(index=False))
    segment  users  days  other_days  difference   low  high  p_holm
        ads    100   7.0         7.8        -0.8 -1.33 -0.27    0.01
     search    100   7.8         7.0         0.8  0.27  1.33    0.01
    """
    names = segment_survival.restricted_means(durations, by=by, horizon_days=horizon_days)
    if len(names) < 2:
        return pd.DataFrame(columns=COLUMNS)
    horizon = float(names["horizon_days"].iloc[0])
    rows = [_row(durations, by, str(name), horizon, level) for name in names[by]]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "p_holm"])
    return table.assign(p_holm=holm(table["p"]))[COLUMNS]


def _row(durations: pd.DataFrame, by: str, name: str, horizon: float, level: float) -> list[object]:
    own = durations[by].astype(str) == name
    one, other = (survival_time.restricted_mean(durations[part], horizon_days=horizon) for part in (own, ~own))
    difference, error = one.value - other.value, float(np.hypot(one.standard_error, other.standard_error))
    half = float(ndtri(0.5 + level / 2)) * error
    p = 2 * float(norm.sf(abs(difference) / error)) if error > 0 else float("nan")
    return [name, one.n, one.value, other.n, other.value, difference, difference - half, difference + half, p, horizon]
