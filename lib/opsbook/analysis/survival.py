"""How long users stay: the survival curve of a counted table of durations (see `life_table`), with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import life_table
from opsbook.analysis.proportion import Estimate

METHOD_CURVE = "Kaplan-Meier, log-log interval"


def kaplan_meier(durations: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Share of users not yet churned after each day of exit.

    durations: one row per (entry_days, duration_days) -- churned, censored (users)
    returns:   the life table -- duration_days, at_risk, churned, censored -- and active (0-1), standard_error,
               active_low, active_high; the interval is missing where the share is 0 or 1
    source:    Kaplan & Meier 1958; Greenwood 1926; log-log interval of Kalbfleisch & Prentice 1980

    >>> from opsbook import survival, time_to_churn, tiny
    >>> durations = time_to_churn.durations(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> print(survival.kaplan_meier(durations).iloc[:, :5].head(4).round(3).to_string(index=False))
     duration_days  at_risk  churned  censored  active
                 0       38        1         0   0.974
                 4       38        1         0   0.948
                 6       38        2         0   0.898
                 9       37        2         0   0.850
    """
    table = life_table.life_table(durations)
    n, d = table["at_risk"].to_numpy(float), table["churned"].to_numpy(float)
    active = np.cumprod(1 - d / n)
    spread = np.where(active > 0, np.cumsum(greenwood_terms(n, d)), 0.0)
    low, high = log_log_interval(active, spread, level=level)
    return table.assign(
        active=active,
        standard_error=np.where(active > 0, active * np.sqrt(spread), np.nan),
        active_low=low,
        active_high=high,
    )


def survival_curve(durations: pd.DataFrame, *, horizon_days: int, level: float = 0.95) -> pd.DataFrame:
    """Share of users still active t days after the first day (Kaplan-Meier, log-log interval).

    durations: one row per (entry_days, duration_days) -- churned, censored (users)
    returns:   one row per day from the first day at risk (0 unless everybody enters late) to horizon_days or the
               last day watched -- day, active (0-1), standard_error, active_low, active_high, at_risk, churned,
               censored (users of that day)
    source:    see kaplan_meier

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 4], "churned": [20, 0], "censored": [0, 80]})
    >>> curve = survival.survival_curve(durations, horizon_days=30)
    >>> print(curve[["day", "active", "active_low", "active_high", "at_risk"]].round(3).to_string(index=False))
     day  active  active_low  active_high  at_risk
       0     1.0         NaN          NaN      100
       1     1.0         NaN          NaN      100
       2     0.8       0.707        0.866      100
       3     0.8       0.707        0.866       80
       4     0.8       0.707        0.866       80
    """
    steps = kaplan_meier(durations, level=level)
    days = _watched_days(durations, steps, horizon_days)
    last = np.searchsorted(steps["duration_days"].to_numpy(), days, side="right")
    start = pd.DataFrame({"active": [1.0], "standard_error": [0.0], "active_low": [np.nan], "active_high": [np.nan]})
    shares = pd.concat([start, steps[list(start)]], ignore_index=True).iloc[last].reset_index(drop=True)
    on_day = steps.set_index("duration_days")[["churned", "censored"]].reindex(days, fill_value=0).astype("int64")
    at_risk = life_table.at_risk(life_table.checked(durations), days)
    curve = shares.assign(day=days, at_risk=at_risk, **on_day.reset_index(drop=True))
    order = ["day", "active", "standard_error", "active_low", "active_high", "at_risk", "churned", "censored"]
    return curve[order]


def active_at(durations: pd.DataFrame, *, day: float, level: float = 0.95) -> Estimate:
    """Share still active after `day` with its interval; missing when nobody was watched that long.

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 40], "churned": [20, 0], "censored": [0, 80]})
    >>> found = survival.active_at(durations, day=30)
    >>> print(f"{found.value:.2f} ({found.low:.3f} to {found.high:.3f}), n = {found.n}")
    0.80 (0.707 to 0.866), n = 100
    """
    steps, total = kaplan_meier(durations, level=level), life_table.users(durations)
    if steps.empty or not _watched_at(steps, day):
        return Estimate(np.nan, np.nan, np.nan, total)
    before = steps[steps["duration_days"] <= day]
    if before.empty:
        return Estimate(1.0, np.nan, np.nan, total)
    last = before.iloc[-1]
    return Estimate(float(last["active"]), float(last["active_low"]), float(last["active_high"]), total)


def log_log_interval(share: np.ndarray, spread: np.ndarray, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a survival share from Greenwood's sum, symmetric on the log(-log) scale; missing at 0 and 1.

    >>> import numpy as np
    >>> from opsbook import survival
    >>> low, high = survival.log_log_interval(np.array([0.9, 0.5]), np.array([0.001, 0.01]))
    >>> print(low.round(3).tolist(), high.round(3).tolist())
    [0.827, 0.399] [0.943, 0.593]
    """
    inside = (share > 0) & (share < 1)
    log_share = np.log(np.where(inside, share, 0.5))
    half = ndtri(0.5 + level / 2) * np.sqrt(np.where(inside, spread, 0.0)) / log_share
    low, high = np.exp(log_share * np.exp(-half)), np.exp(log_share * np.exp(half))
    return np.where(inside, low, np.nan), np.where(inside, high, np.nan)


def greenwood_terms(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Terms d / (n (n - d)) of the variance; infinite where everybody at risk leaves.

    >>> import numpy as np
    >>> from opsbook import survival
    >>> survival.greenwood_terms(np.array([100.0, 10.0]), np.array([20.0, 10.0])).tolist()
    [0.0025, inf]
    """
    left = n * (n - d)
    return np.divide(d, left, out=np.where(d > 0, np.inf, 0.0), where=left > 0)


def last_known(steps: pd.DataFrame) -> float:
    """Last day up to which the curve is known: for ever (infinite) once it is 0, else the last day watched.

    steps: the rows of kaplan_meier; infinite without any

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9], "churned": [20, 30], "censored": [0, 50]})
    >>> survival.last_known(survival.kaplan_meier(durations))
    9.0
    >>> survival.last_known(survival.kaplan_meier(durations.assign(censored=0)))
    inf
    """
    if steps.empty:
        return np.inf
    last = steps.iloc[-1]
    return np.inf if last["active"] == 0 else float(last["duration_days"])


def _watched_days(durations: pd.DataFrame, steps: pd.DataFrame, horizon_days: int) -> np.ndarray:
    if steps.empty:
        return np.arange(0)
    entry = durations["entry_days"].min() if "entry_days" in durations else 0
    first = 0 if entry <= 0 else int(np.floor(entry)) + 1
    return np.arange(first, int(min(horizon_days, steps["duration_days"].iloc[-1])) + 1)


def _watched_at(steps: pd.DataFrame, day: float) -> bool:
    return bool(day <= last_known(steps))
