"""By which road users leave: cumulative incidence of competing ends, exact from counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.life_table import at_risk, checked

METHOD = "Aalen-Johansen, log-log interval"
COLUMNS = ["cause", "duration_days", "at_risk", "ended", "share", "standard_error", "low", "high"]


def cumulative_incidence(ends: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Share of users who have left by each road after each day, the other roads being able to come first.

    ends:    one row per (entry_days, duration_days, cause) -- users; an empty or missing cause is censored; without
             entry_days everybody is watched from the first day
    returns: one row per cause and day of exit -- cause, duration_days, at_risk, ended (users), share (0-1),
             standard_error, low, high; the shares of all causes and the share still active add up to 1
    source:  Aalen & Johansen 1978; variance of Marubini & Valsecchi 1995, section 10.2; interval on log(-log) scale

    >>> import pandas as pd
    >>> from opsbook import competing
    >>> ends = pd.DataFrame({"duration_days": [2, 5, 9], "cause": ["closed", "silent", ""], "users": [2, 3, 5]})
    >>> found = competing.cumulative_incidence(ends)
    >>> print(found[["cause", "duration_days", "at_risk", "ended", "share"]].round(2).to_string(index=False))
     cause  duration_days  at_risk  ended  share
    closed              2       10      2    0.2
    closed              5        8      0    0.2
    closed              9        5      0    0.2
    silent              2       10      0    0.0
    silent              5        8      3    0.3
    silent              9        5      0    0.3
    """
    rows = checked(as_durations(ends))
    if rows.empty:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in COLUMNS})
    days = np.sort(rows["duration_days"].unique())
    n = at_risk(rows, days).astype(float)
    ended = rows[rows["churned"] > 0].pivot_table(
        index="duration_days", columns="cause", values="churned", aggfunc="sum", fill_value=0
    )
    ended = ended.reindex(days, fill_value=0).sort_index(axis=1)
    left = ended.sum(axis=1).to_numpy(float)
    tables = [_one_cause(str(cause), days, n, ended[cause].to_numpy(float), left, level) for cause in ended]
    return pd.concat(tables, ignore_index=True) if tables else cumulative_incidence(ends.iloc[:0])


def incidence_at(incidence: pd.DataFrame, *, day: float) -> pd.DataFrame:
    """One row per cause, the columns of cumulative_incidence as they stand on `day`.

    >>> import pandas as pd
    >>> from opsbook import competing
    >>> ends = pd.DataFrame({"duration_days": [2, 5, 9], "cause": ["closed", "silent", ""], "users": [2, 3, 5]})
    >>> found = competing.incidence_at(competing.cumulative_incidence(ends), day=4)
    >>> print(found[["cause", "share"]].round(2).to_string(index=False))
     cause  share
    closed    0.2
    silent    0.0
    """
    return incidence[incidence["duration_days"] <= day].groupby("cause").tail(1).reset_index(drop=True)


def as_durations(ends: pd.DataFrame) -> pd.DataFrame:
    """Ends as a counted table of durations: users with a cause churned, the others censored.

    >>> import pandas as pd
    >>> from opsbook import competing
    >>> ends = pd.DataFrame({"duration_days": [2, 9], "cause": ["silent", ""], "users": [2, 4]})
    >>> print(competing.as_durations(ends)[["duration_days", "churned", "censored"]].to_string(index=False))
     duration_days  churned  censored
                 2        2         0
                 9        0         4
    """
    cause = ends["cause"].astype(object).where(ends["cause"].notna(), "").astype(str)
    known, users = cause.ne(""), ends["users"]
    return ends.assign(cause=cause, churned=users.where(known, 0), censored=users.where(~known, 0))


def _one_cause(
    cause: str, days: np.ndarray, n: np.ndarray, d: np.ndarray, left: np.ndarray, level: float
) -> pd.DataFrame:
    active_before = np.concatenate([[1.0], np.cumprod(1 - left / n)[:-1]])
    share = np.cumsum(active_before * d / n)
    error = np.sqrt(_variance(share, active_before, n, d, left))
    low, high = _interval(share, error, level)
    columns = [cause, days, n.astype("int64"), d.astype("int64"), share, error, low, high]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _variance(
    share: np.ndarray, active_before: np.ndarray, n: np.ndarray, d: np.ndarray, left: np.ndarray
) -> np.ndarray:
    """Sum over earlier exits of [F(t)-F(ti)]^2 a + S^2 b - 2 [F(t)-F(ti)] S c, expanded so that it cumulates."""
    a = np.divide(left, n * (n - left), out=np.zeros_like(n), where=n > left)
    b = active_before**2 * d * (n - d) / n**3
    c = active_before * d / n**2
    squares = share**2 * np.cumsum(a) - 2 * share * np.cumsum(a * share) + np.cumsum(a * share**2)
    cross = share * np.cumsum(c) - np.cumsum(c * share)
    return np.maximum(squares + np.cumsum(b) - 2 * cross, 0.0)


def _interval(share: np.ndarray, error: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    inside = (share > 1e-12) & (share < 1 - 1e-12)
    safe = np.where(inside, share, 0.5)
    half = ndtri(0.5 + level / 2) * np.where(inside, error, 0.0) / (safe * np.log(safe))
    low, high = np.exp(np.log(safe) * np.exp(-half)), np.exp(np.log(safe) * np.exp(half))
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)
