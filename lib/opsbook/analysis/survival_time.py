"""How long users stay in one number: the days after which half have left, and the mean days within a horizon.

Both read a counted table of durations (see `life_table`) through its survival curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import life_table, survival
from opsbook.analysis.proportion import Estimate

METHOD_RESTRICTED_MEAN = "area under Kaplan-Meier, Greenwood"


class RestrictedMean(NamedTuple):
    """Mean days until churn within `horizon_days`, with interval, standard error and number of users."""

    value: float
    low: float
    high: float
    n: int
    standard_error: float
    horizon_days: float


def quantile_days(durations: pd.DataFrame, *, share_left: float = 0.5, level: float = 0.95) -> Estimate:
    """Days after which `share_left` of the users have churned (0.5: the median); missing when not reached.

    source: first day on which the curve is at or below 1 - share_left; the interval inverts the log-log band
            (Brookmeyer & Crowley 1982)

    >>> import pandas as pd
    >>> from opsbook import survival_time
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9, 40], "churned": [20, 35, 0]})
    >>> durations["censored"] = [0, 0, 45]
    >>> [survival_time.quantile_days(durations, share_left=share).value for share in (0.5, 0.75)]
    [9.0, nan]
    """
    steps = survival.kaplan_meier(durations, level=level)
    value, low, high = (_first_at_or_below(steps, f"active{side}", 1 - share_left) for side in ("", "_low", "_high"))
    return Estimate(value, low, high, life_table.users(durations))


def quantiles(durations: pd.DataFrame, *, shares_left: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
    """Days after which a quarter, half and three quarters of the users have churned.

    returns: one row per share -- share_left (0-1), days, low, high (missing when not reached), users

    >>> import pandas as pd
    >>> from opsbook import survival_time
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9, 40], "churned": [20, 35, 0]})
    >>> print(survival_time.quantiles(durations.assign(censored=[0, 0, 45])).to_string(index=False))
     share_left  days  low  high  users
           0.25   9.0  2.0   9.0    100
           0.50   9.0  9.0   NaN    100
           0.75   NaN  NaN   NaN    100
    """
    found = [quantile_days(durations, share_left=share) for share in shares_left]
    rows = [(share, one.value, one.low, one.high, one.n) for share, one in zip(shares_left, found, strict=True)]
    return pd.DataFrame(rows, columns=["share_left", "days", "low", "high", "users"])


def restricted_mean(durations: pd.DataFrame, *, horizon_days: float, level: float = 0.95) -> RestrictedMean:
    """Mean days until churn within the first horizon_days: the area under the survival curve.

    The horizon is cut to the last day watched when the curve has not reached 0 by then; the result carries it.
    source: Irwin 1949; variance = sum over exits of (area still to come)^2 d / (n (n - d)), the Greenwood integral
            of Klein & Moeschberger 2003, section 4.5

    >>> import pandas as pd
    >>> from opsbook import survival_time
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [10, 30], "churned": [50, 0], "censored": [0, 50]})
    >>> found = survival_time.restricted_mean(durations, horizon_days=90)
    >>> print(f"{found.value:.0f} of {found.horizon_days:.0f} days ({found.low:.1f} to {found.high:.1f})")
    20 of 30 days (18.0 to 22.0)
    """
    steps, total = survival.kaplan_meier(durations), life_table.users(durations)
    if steps.empty:
        return RestrictedMean(np.nan, np.nan, np.nan, 0, np.nan, float(horizon_days))
    horizon = min(float(horizon_days), survival.last_known(steps))
    steps = steps[(steps["duration_days"] < horizon) & (steps["churned"] > 0)]
    edges = np.concatenate([[0.0], steps["duration_days"].to_numpy(float), [horizon]])
    areas = np.concatenate([[1.0], steps["active"].to_numpy()]) * np.diff(edges)
    to_come = np.cumsum(areas[::-1])[::-1][1:]
    terms = survival.greenwood_terms(steps["at_risk"].to_numpy(float), steps["churned"].to_numpy(float))
    error = float(np.sqrt(np.sum(to_come**2 * np.where(to_come > 0, terms, 0.0))))
    error = error if len(terms) else np.nan  # nobody left: no spread to learn from
    value, half = float(areas.sum()), ndtri(0.5 + level / 2) * error
    low, high = np.clip([value - half, value + half], 0.0, horizon).tolist()
    return RestrictedMean(value, low, high, total, error, horizon)


def _first_at_or_below(steps: pd.DataFrame, column: str, share: float) -> float:
    reached = steps.loc[steps[column] <= share, "duration_days"]
    return float(reached.iloc[0]) if len(reached) else float("nan")
