"""Log-rank tests with weights over time: do segments differ early, late, or all along?

The plain log-rank test decides; the others, named beforehand, tell where on the way the curves part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2 as chi_square

from opsbook.analysis import life_table
from opsbook.analysis.logrank import churned_on, free_segments

METHOD = "log-rank tests with weights, k samples"
COLUMNS = ["test", "weight_on", "chi2", "degrees", "p"]


class _Days(NamedTuple):
    """Users at risk and churned, days x segments, and the pooled share active just before each day."""

    at_risk: np.ndarray
    churned: np.ndarray
    active: np.ndarray


Weight = Callable[[_Days], np.ndarray]
WEIGHTS: dict[str, tuple[str, Weight]] = {
    "log_rank": ("all_along", lambda days: np.ones(len(days.active))),
    "peto": ("early", lambda days: days.active),
    "gehan": ("early", lambda days: days.at_risk.sum(axis=1)),
    "tarone_ware": ("early", lambda days: np.sqrt(days.at_risk.sum(axis=1))),
    "late": ("late", lambda days: 1 - days.active),
}


def sensitivity(durations: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """The log-rank test and its weighted relatives for the segments of one column.

    durations: one row per (entry_days, duration_days, <by>) -- churned, censored (users)
    returns:   one row per test of WEIGHTS -- test, weight_on (all_along, early, late), chi2, degrees, p; missing with
               fewer than two segments or no churn
    source:    Fleming & Harrington 1991, G(rho, gamma) with the pooled Kaplan-Meier curve just before each day: peto is
               G(1, 0) as R's survdiff(rho = 1), late is G(0, 1); Gehan 1965, Tarone & Ware 1977

    >>> import pandas as pd
    >>> from opsbook import weighted_tests
    >>> durations = pd.DataFrame({"duration_days": [1, 9, 30] * 2, "channel": ["ads"] * 3 + ["search"] * 3})
    >>> durations = durations.assign(entry_days=0, churned=[30, 10, 0, 10, 30, 0], censored=[0, 0, 60, 0, 0, 60])
    >>> print(weighted_tests.sensitivity(durations, by="channel").round(3).to_string(index=False))
           test weight_on  chi2  degrees     p
       log_rank all_along 0.404        1 0.525
           peto     early 1.250        1 0.263
          gehan     early 1.250        1 0.263
    tarone_ware     early 0.775        1 0.379
           late      late 7.571        1 0.006
    """
    days = _counted(durations, by)
    rows = [(name, when, *_test(days, weight)) for name, (when, weight) in WEIGHTS.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def agreement(table: pd.DataFrame, *, clear: float = 0.05) -> str:
    """What the tests say together: all, none, early (not late), late (not early) or mixed.

    >>> import pandas as pd
    >>> from opsbook import weighted_tests
    >>> durations = pd.DataFrame({"duration_days": [1, 9, 30] * 2, "channel": ["ads"] * 3 + ["search"] * 3})
    >>> durations = durations.assign(entry_days=0, churned=[30, 10, 0, 10, 30, 0], censored=[0, 0, 60, 0, 0, 60])
    >>> weighted_tests.agreement(weighted_tests.sensitivity(durations, by="channel"))
    'late'
    """
    found = table.dropna(subset=["p"]).set_index("test")["p"] < clear
    if found.empty or not found.any():
        return "none"
    if found.all():
        return "all"
    early, late = bool(found[["peto", "gehan"]].all()), bool(found["late"])
    return "early" if early and not late else "late" if late and not early else "mixed"


def _counted(durations: pd.DataFrame, by: str) -> _Days:
    parts = [rows for _, rows in durations.groupby(by, sort=True)]
    days = np.sort(durations.loc[durations["churned"] > 0, "duration_days"].unique())
    if not parts or not len(days):
        return _Days(np.zeros((0, len(parts))), np.zeros((0, len(parts))), np.zeros(0))
    at_risk = np.stack([life_table.at_risk(rows, days) for rows in parts], axis=1).astype(float)
    churned = np.stack([churned_on(rows, days) for rows in parts], axis=1)
    kept = np.cumprod(1 - churned.sum(axis=1) / at_risk.sum(axis=1))
    return _Days(at_risk, churned, np.concatenate([[1.0], kept[:-1]]))


def _test(days: _Days, weight: Weight) -> tuple[float, int, float]:
    n, d = days.at_risk.sum(axis=1), days.churned.sum(axis=1)
    if days.at_risk.shape[1] < 2 or not len(n):
        return float("nan"), 0, float("nan")
    w, share = weight(days), days.at_risk / n[:, None]
    gap = (w[:, None] * (days.churned - share * d[:, None])).sum(axis=0)
    spread = w**2 * d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    common = (share * spread[:, None]).T @ share
    np.fill_diagonal(common, 0.0)
    covariance = np.diag(common.sum(axis=1)) - common
    free = free_segments(covariance)
    degrees = int(free.sum())
    if degrees == 0:
        return float("nan"), 0, float("nan")
    value = float(gap[free] @ np.linalg.solve(covariance[np.ix_(free, free)], gap[free]))
    return value, degrees, float(chi_square.sf(value, degrees))
