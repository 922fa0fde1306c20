"""How long users stay: estimators that read a counted table of durations, exact with ties and delayed entry.

The counted table, `durations`, has one row per (entry_days, duration_days[, segment]) and the columns
churned, censored (users). `entry_days` is 0 for users watched from their first day; a user who could only be
seen from day e of life on is at risk at day t when e < t <= duration_days. Without the column everybody enters at 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import chi2

from opsbook.analysis.proportion import Estimate

METHOD_CURVE = "Kaplan-Meier, log-log interval"
METHOD_RESTRICTED_MEAN = "area under Kaplan-Meier, Greenwood"


class RestrictedMean(NamedTuple):
    """Mean days until churn within `horizon_days`, with interval, standard error and number of users."""

    value: float
    low: float
    high: float
    n: int
    standard_error: float
    horizon_days: float


def life_table(durations: pd.DataFrame) -> pd.DataFrame:
    """One row per day on which anybody left or was last watched -- duration_days, at_risk, churned, censored (users).

    durations: one row per (entry_days, duration_days) -- churned, censored (users)
    raises:    ValueError when a row could never be at risk (entry_days > 0 and duration_days <= entry_days)
    source:    at risk at t = entries strictly before t minus exits strictly before t

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": [0, 0, 4], "duration_days": [3, 8, 8], "churned": [2, 1, 1]})
    >>> print(survival.life_table(durations.assign(censored=[0, 5, 2])).to_string(index=False))
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
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": [0, 4], "duration_days": [3, 8], "churned": [2, 1], "censored": [0, 2]})
    >>> survival.at_risk(durations, np.array([1, 3, 4, 5])).tolist()
    [2, 2, 0, 3]
    """
    users = (durations["churned"] + durations["censored"]).to_numpy()
    return _before(_risk_opens(durations), users, days) - _before(durations["duration_days"].to_numpy(), users, days)


def kaplan_meier(durations: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Share of users not yet churned after each day of exit.

    durations: one row per (entry_days, duration_days) -- churned, censored (users)
    returns:   the life table -- duration_days, at_risk, churned, censored -- and active (0-1), standard_error,
               active_low, active_high; the interval is missing where the share is 0 or 1
    source:    Kaplan & Meier 1958; Greenwood 1926; log-log interval of Kalbfleisch & Prentice 1980

    >>> from opsbook import churn, survival, tiny
    >>> durations = churn.durations(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> print(survival.kaplan_meier(durations).iloc[:, :5].head(4).round(3).to_string(index=False))
     duration_days  at_risk  churned  censored  active
                 0       38        1         0   0.974
                 4       38        1         0   0.948
                 6       38        2         0   0.898
                 9       37        2         0   0.850
    """
    table = life_table(durations)
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
    curve = shares.assign(day=days, at_risk=at_risk(checked(durations), days), **on_day.reset_index(drop=True))
    order = ["day", "active", "standard_error", "active_low", "active_high", "at_risk", "churned", "censored"]
    return curve[order]


def curves(durations: pd.DataFrame, *, by: str, horizon_days: int, level: float = 0.95) -> pd.DataFrame:
    """Survival curves of segments side by side: survival_curve's rows with the segment, its users and its churned.

    returns: one row per segment and day -- <by>, users, users_churned, and the columns of survival_curve;
             segments with more users first

    >>> from opsbook import churn, survival, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 10}
    >>> durations = churn.durations(tiny.user_days, tiny.users, by=["channel"], **span)
    >>> told = survival.curves(durations, by="channel", horizon_days=21).query("day == 21")
    >>> print(told[["channel", "users", "users_churned", "active", "at_risk"]].round(3).to_string(index=False))
    channel  users  users_churned  active  at_risk
     search     37              8   0.927       25
        ads     19             19   0.224        6
    """
    parts = [
        survival_curve(rows, horizon_days=horizon_days, level=level)
        .assign(users=users(rows), users_churned=int(rows["churned"].sum()))
        .assign(**{by: lambda curve, name=name: [name] * len(curve)})
        for name, rows in _segments(durations, by) or [("", durations.iloc[:0])]
    ]
    return pd.concat(parts, ignore_index=True)


def active_at(durations: pd.DataFrame, *, day: float, level: float = 0.95) -> Estimate:
    """Share still active after `day` with its interval; missing when nobody was watched that long.

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 40], "churned": [20, 0], "censored": [0, 80]})
    >>> found = survival.active_at(durations, day=30)
    >>> print(f"{found.value:.2f} ({found.low:.3f} to {found.high:.3f}), n = {found.n}")
    0.80 (0.707 to 0.866), n = 100
    """
    steps = kaplan_meier(durations, level=level)
    if steps.empty or not _watched_at(steps, day):
        return Estimate(np.nan, np.nan, np.nan, users(durations))
    before = steps[steps["duration_days"] <= day]
    if before.empty:
        return Estimate(1.0, np.nan, np.nan, users(durations))
    last = before.iloc[-1]
    return Estimate(float(last["active"]), float(last["active_low"]), float(last["active_high"]), users(durations))


def quantile_days(durations: pd.DataFrame, *, share_left: float = 0.5, level: float = 0.95) -> Estimate:
    """Days after which `share_left` of the users have churned (0.5: the median); missing when not reached.

    source: first day on which the curve is at or below 1 - share_left; the interval inverts the log-log band
            (Brookmeyer & Crowley 1982)

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9, 40], "churned": [20, 35, 0]})
    >>> durations["censored"] = [0, 0, 45]
    >>> print(survival.quantile_days(durations).value, survival.quantile_days(durations, share_left=0.75).value)
    9.0 nan
    """
    steps = kaplan_meier(durations, level=level)
    value, low, high = (_first_at_or_below(steps, f"active{side}", 1 - share_left) for side in ("", "_low", "_high"))
    return Estimate(value, low, high, users(durations))


def quantiles(durations: pd.DataFrame, *, shares_left: Sequence[float] = (0.25, 0.5, 0.75)) -> pd.DataFrame:
    """Days after which a quarter, half and three quarters of the users have churned.

    returns: one row per share -- share_left (0-1), days, low, high (missing when not reached), users

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9, 40], "churned": [20, 35, 0]})
    >>> print(survival.quantiles(durations.assign(censored=[0, 0, 45])).to_string(index=False))
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
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [10, 30], "churned": [50, 0], "censored": [0, 50]})
    >>> found = survival.restricted_mean(durations, horizon_days=90)
    >>> print(f"{found.value:.0f} of {found.horizon_days:.0f} days ({found.low:.1f} to {found.high:.1f})")
    20 of 30 days (18.0 to 22.0)
    """
    steps, total = kaplan_meier(durations), users(durations)
    if steps.empty:
        return RestrictedMean(np.nan, np.nan, np.nan, 0, np.nan, float(horizon_days))
    horizon = min(float(horizon_days), _last_known(steps))
    steps = steps[(steps["duration_days"] < horizon) & (steps["churned"] > 0)]
    edges = np.concatenate([[0.0], steps["duration_days"].to_numpy(float), [horizon]])
    areas = np.concatenate([[1.0], steps["active"].to_numpy()]) * np.diff(edges)
    to_come = np.cumsum(areas[::-1])[::-1][1:]
    terms = greenwood_terms(steps["at_risk"].to_numpy(float), steps["churned"].to_numpy(float))
    error = float(np.sqrt(np.sum(to_come**2 * np.where(to_come > 0, terms, 0.0))))
    error = error if len(terms) else np.nan  # nobody left: no spread to learn from
    value, half = float(areas.sum()), ndtri(0.5 + level / 2) * error
    low, high = np.clip([value - half, value + half], 0.0, horizon).tolist()
    return RestrictedMean(value, low, high, total, error, horizon)


def restricted_means(durations: pd.DataFrame, *, by: str, horizon_days: float) -> pd.DataFrame:
    """Restricted mean of every segment to one common horizon, the longest that all segments were watched.

    returns: one row per segment, most users first -- <by>, users, days, low, high, standard_error, horizon_days

    >>> from opsbook import churn, survival, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 10}
    >>> durations = churn.durations(tiny.user_days, tiny.users, by=["channel"], **span)
    >>> told = survival.restricted_means(durations, by="channel", horizon_days=30)
    >>> print(told[["channel", "users", "days", "low", "high", "horizon_days"]].round(1).to_string(index=False))
    channel  users  days  low  high  horizon_days
     search     37  28.1 25.7  30.0          30.0
        ads     19  15.1 10.6  19.7          30.0
    """
    parts = list(_segments(durations, by))
    known = [_last_known(kaplan_meier(rows)) for _, rows in parts]
    common = min([float(horizon_days), *known])
    means = [restricted_mean(rows, horizon_days=common) for _, rows in parts]
    fields = [(m.n, m.value, m.low, m.high, m.standard_error, common) for m in means]
    table = pd.DataFrame(fields, columns=["users", "days", "low", "high", "standard_error", "horizon_days"])
    table.insert(0, by, [name for name, _ in parts])
    return table


def nelson_aalen(durations: pd.DataFrame) -> pd.DataFrame:
    """Cumulative hazard after each day of exit -- the life table with cumulative_hazard and its standard_error.

    source: Nelson 1972, Aalen 1978; sum of d / n with the binomial variance, because days are discrete

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9, 40], "churned": [20, 40, 0]})
    >>> told = survival.nelson_aalen(durations.assign(censored=[0, 0, 40]))
    >>> print(told[["duration_days", "at_risk", "churned", "cumulative_hazard"]].round(3).to_string(index=False))
     duration_days  at_risk  churned  cumulative_hazard
                 2      100       20                0.2
                 9       80       40                0.7
                40       40        0                0.7
    """
    table = life_table(durations)
    n, share = table["at_risk"].to_numpy(float), (table["churned"] / table["at_risk"]).to_numpy(float)
    error = np.sqrt(np.cumsum(share * (1 - share) / n))
    return table.assign(cumulative_hazard=np.cumsum(share), standard_error=error)


def hazard(durations: pd.DataFrame, *, every_days: int = 7, horizon_days: int, level: float = 0.95) -> pd.DataFrame:
    """Risk of leaving per user and day, by age in bands of every_days, before day horizon_days.

    returns: one row per band that somebody was watched in -- from_day, to_day, user_days_at_risk, churned,
             hazard_per_day, low, high
    source:  events / user-days at risk with the exact Poisson interval (Garwood 1936)

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [3, 10, 14], "churned": [30, 7, 0]})
    >>> told = survival.hazard(durations.assign(censored=[0, 0, 63]), horizon_days=14)
    >>> print(told.iloc[:, :5].round(4).to_string(index=False))
     from_day  to_day  user_days_at_risk  churned  hazard_per_day
            0       6                610       30          0.0492
            7      13                469        7          0.0149
    """
    curve = survival_curve(durations, horizon_days=horizon_days - 1)
    band = (curve["day"] // every_days * every_days).rename("from_day")
    table = curve.groupby(band)[["at_risk", "churned"]].sum().reset_index()
    table = table[table["at_risk"] > 0].rename(columns={"at_risk": "user_days_at_risk"}).reset_index(drop=True)
    d, exposure, tail = table["churned"], table["user_days_at_risk"], (1 - level) / 2
    low = np.where(d > 0, chi2.ppf(tail, 2 * np.maximum(d, 1)) / 2, 0.0)
    rates = {"hazard_per_day": d / exposure, "low": low / exposure, "high": chi2.isf(tail, 2 * (d + 1)) / 2 / exposure}
    table.insert(1, "to_day", (table["from_day"] + every_days).clip(upper=horizon_days) - 1)
    return table.assign(**rates)


def largest_segments(
    durations: pd.DataFrame, *, by: str, most: int = 6, min_cell: int = 10, min_churned: int = 0, other: str = "other"
) -> pd.DataFrame:
    """Durations with all but the largest segments pooled as `other`; no pool or segment stays below min_cell users.

    min_churned: segments with fewer churned users are pooled too, for a model that needs churn in every level

    returns: durations, counted again; the smallest shown segment joins the pool when the pool alone would be too small,
             so that no subtraction reveals it

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": 5, "city": list("abcd"), "churned": [90, 50, 9, 8]})
    >>> pooled = survival.largest_segments(durations.assign(censored=0), by="city", most=2)
    >>> print(pooled.groupby("city")["churned"].sum().to_dict())
    {'a': 90, 'b': 50, 'other': 17}
    """
    names = durations[by].astype(str)
    counts = (durations["churned"] + durations["censored"]).groupby(names).sum()
    churned = durations["churned"].groupby(names).sum()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    shown = [name for name in order[:most] if counts[name] >= min_cell and churned[name] >= min_churned]
    if len(order) == len(shown) + 1 and shown == order[:-1] and counts[order[-1]] >= min_cell:
        shown = order  # a pool of one is that segment
    while shown and 0 < counts.drop(shown).sum() < min_cell:
        shown.pop()
    pooled = durations.assign(**{by: names.where(names.isin(shown), other)})
    keys = [name for name in durations.columns if name not in ("churned", "censored")]
    return pooled.groupby(keys, sort=True)[["churned", "censored"]].sum().reset_index()


def users(durations: pd.DataFrame) -> int:
    """Number of users in a counted table.

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> survival.users(pd.DataFrame({"entry_days": 0, "duration_days": [3, 8], "churned": [2, 1], "censored": [0, 5]}))
    8
    """
    return int(durations["churned"].sum() + durations["censored"].sum())


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


def checked(durations: pd.DataFrame) -> pd.DataFrame:
    """The counted rows that hold users, with entry_days; refuses negative counts and users never at risk.

    >>> import pandas as pd
    >>> from opsbook import survival
    >>> late = pd.DataFrame({"entry_days": [0, 9], "duration_days": [3, 9], "churned": [2, 1], "censored": [1, 0]})
    >>> survival.checked(late)
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


def greenwood_terms(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Terms d / (n (n - d)) of the variance; infinite where everybody at risk leaves.

    >>> import numpy as np
    >>> from opsbook import survival
    >>> survival.greenwood_terms(np.array([100.0, 10.0]), np.array([20.0, 10.0])).tolist()
    [0.0025, inf]
    """
    left = n * (n - d)
    return np.divide(d, left, out=np.where(d > 0, np.inf, 0.0), where=left > 0)


def _watched_days(durations: pd.DataFrame, steps: pd.DataFrame, horizon_days: int) -> np.ndarray:
    if steps.empty:
        return np.arange(0)
    entry = durations["entry_days"].min() if "entry_days" in durations else 0
    first = 0 if entry <= 0 else int(np.floor(entry)) + 1
    return np.arange(first, int(min(horizon_days, steps["duration_days"].iloc[-1])) + 1)


def _last_known(steps: pd.DataFrame) -> float:
    """Last day up to which the curve is known: for ever once it is 0, else the last day watched."""
    if steps.empty:
        return np.inf
    last = steps.iloc[-1]
    return np.inf if last["active"] == 0 else float(last["duration_days"])


def _watched_at(steps: pd.DataFrame, day: float) -> bool:
    return bool(day <= _last_known(steps))


def _first_at_or_below(steps: pd.DataFrame, column: str, share: float) -> float:
    reached = steps.loc[steps[column] <= share, "duration_days"]
    return float(reached.iloc[0]) if len(reached) else float("nan")


def _segments(durations: pd.DataFrame, by: str) -> list[tuple[str, pd.DataFrame]]:
    """Segments with their rows, most users first, ties by name."""
    parts = [(str(name), rows) for name, rows in durations.groupby(by, sort=True)]
    return sorted(parts, key=lambda part: (-users(part[1]), part[0]))
