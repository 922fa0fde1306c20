"""The counted table of durations: who is at risk on each day, exact with ties and delayed entry.

`durations` has one row per (entry_days, duration_days[, segment]) and the columns churned, censored (users). All
estimators of how long users stay read it. `entry_days` is 0 for users watched from their first day; a user who could
only be seen from day e of life on is at risk at day t when e < t <= duration_days. Without the column everybody enters
at 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def life_table(durations: pd.DataFrame) -> pd.DataFrame:
    """One row per day on which anybody left or was last watched -- duration_days, at_risk, churned, censored (users).

    durations: one row per (entry_days, duration_days) -- churned, censored (users)
    raises:    ValueError when a row could never be at risk (entry_days > 0 and duration_days <= entry_days)
    source:    at risk at t = entries strictly before t minus exits strictly before t

    >>> import pandas as pd
    >>> from opsbook import life_table
    >>> durations = pd.DataFrame({"entry_days": [0, 0, 4], "duration_days": [3, 8, 8], "churned": [2, 1, 1]})
    >>> print(life_table.life_table(durations.assign(censored=[0, 5, 2])).to_string(index=False))
     duration_days  at_risk  churned  censored
                 3        8        2         0
                 8        9        2         7
    """
    rows = checked(durations)
    exits = rows.groupby("duration_days", sort=True)[["churned", "censored"]].sum().reset_index()
    exits.insert(1, "at_risk", at_risk(rows, exits["duration_days"].to_numpy()))
    return exits


def at_risk(durations: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Users at risk on each of the days: entered before it (or at 0) and neither churned nor censored before it.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from opsbook import life_table
    >>> durations = pd.DataFrame({"entry_days": [0, 4], "duration_days": [3, 8], "churned": [2, 1], "censored": [0, 2]})
    >>> life_table.at_risk(durations, np.array([1, 3, 4, 5])).tolist()
    [2, 2, 0, 3]
    """
    users = (durations["churned"] + durations["censored"]).to_numpy()
    return _before(_risk_opens(durations), users, days) - _before(durations["duration_days"].to_numpy(), users, days)


def users(durations: pd.DataFrame) -> int:
    """Number of users in a counted table.

    >>> import pandas as pd
    >>> from opsbook import life_table
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [3, 8], "churned": [2, 1], "censored": [0, 5]})
    >>> life_table.users(durations)
    8
    """
    return int(durations["churned"].sum() + durations["censored"].sum())


def checked(durations: pd.DataFrame) -> pd.DataFrame:
    """The counted rows that hold users, with entry_days; refuses negative counts and users never at risk.

    >>> import pandas as pd
    >>> from opsbook import life_table
    >>> late = pd.DataFrame({"entry_days": [0, 9], "duration_days": [3, 9], "churned": [2, 1], "censored": [1, 0]})
    >>> life_table.checked(late)
    Traceback (most recent call last):
        ...
    ValueError: 1 rows leave before they enter (duration_days <= entry_days)
    """
    rows = durations if "entry_days" in durations else durations.assign(entry_days=0)
    never = (rows["entry_days"] > 0) & (rows["duration_days"] <= rows["entry_days"])
    if never.any():
        raise ValueError(f"{int(never.sum())} rows leave before they enter (duration_days <= entry_days)")
    if (rows[["churned", "censored"]] < 0).any(axis=None):
        raise ValueError("counts of users cannot be negative")
    return rows[(rows["churned"] + rows["censored"]) > 0]


def _risk_opens(durations: pd.DataFrame) -> np.ndarray:
    """Instant after which each row is at risk: before everything for users watched from their first day."""
    if "entry_days" not in durations:
        return np.full(len(durations), -np.inf)
    entry = durations["entry_days"].to_numpy(float)
    return np.where(entry <= 0, -np.inf, entry)


def _before(at: np.ndarray, users: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Sum of users whose instant lies strictly before each day."""
    order = np.argsort(at, kind="stable")
    total = np.concatenate([[0], np.cumsum(users[order])])
    return total[np.searchsorted(at[order], days, side="left")]
