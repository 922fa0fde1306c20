"""Do groups leave by a road at different rates: Gray's test of equal cumulative incidence, exact from counts.

The log-rank test of one road alone takes the other roads for censoring and so compares rates among those still there.
Gray's test compares how many end up leaving by the road, the others being able to come first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from opsbook.analysis.competing import as_durations
from opsbook.analysis.life_table import at_risk, checked
from opsbook.analysis.multiplicity import holm

METHOD = "Gray's test, rho 0"
COLUMNS = ["cause", "chi2", "degrees", "p", "p_holm", "ended", "groups"]


class _Days(NamedTuple):
    """Days x groups: users at risk, left by the road and by another; share active before and after the day, and share
    gone by the road before it.
    """

    n: np.ndarray
    own: np.ndarray
    other: np.ndarray
    before: np.ndarray
    after: np.ndarray
    gone: np.ndarray


def compare(ends: pd.DataFrame, *, by: str, min_left: int = 1) -> pd.DataFrame:
    """Gray's test for every cause; Holm over the causes.

    ends:     one row per (entry_days, duration_days, cause, <by>) -- users; as in `competing.cumulative_incidence`
    min_left: causes by which fewer users left are not tested
    returns:  one row per cause -- cause, chi2, degrees, p, p_holm (missing where it cannot be tested), ended (users who
              left by it), groups
    source:   Gray 1988 with rho = 0, variance as R's cmprsk::cuminc; late entries by the users at risk each day

    >>> ends = pd.DataFrame({"entry_days": 0, "duration_days": [5, 5, 9] * 2, "channel": ["ads"] * 3 + ["search"] * 3,
    ...                      "cause": ["cancelled", "silent", None] * 2, "users": [30, 20, 50, 10, 20, 70]})
    >>> print(compare(ends, by="channel").round(4).to_string(index=False))
        cause    chi2  degrees      p  p_holm  ended  groups
    cancelled 12.4375        1 0.0004  0.0008     40       2
       silent  0.0000        1 1.0000  1.0000     40       2
    """
    rows = checked(as_durations(ends.assign(**{by: ends[by].astype(str)})))
    causes = sorted(set(rows["cause"]) - {""})
    found = []
    for cause in causes:
        days, ended = _by_day(rows, by, cause), int(rows.loc[rows["cause"] == cause, "churned"].sum())
        enough = ended >= max(min_left, 1) and days.n.shape[1] > 1
        found.append((cause, *(_test(days) if enough else (np.nan, 0, np.nan)), ended, days.n.shape[1]))
    table = pd.DataFrame(found, columns=[name for name in COLUMNS if name != "p_holm"])
    table = table.astype({"chi2": float, "p": float})
    return table.assign(p_holm=holm(table["p"]))[COLUMNS]


def _by_day(rows: pd.DataFrame, by: str, cause: str) -> _Days:
    """The counts of every group on every day on which anybody left."""
    days = np.sort(rows.loc[rows["churned"] > 0, "duration_days"].unique())
    parts = [part for _, part in rows.groupby(by, sort=True)]
    n = np.stack([at_risk(part, days) for part in parts], axis=1).astype(float)
    left = np.stack([_left(part, days) for part in parts], axis=1)
    own = np.stack([_left(part[part["cause"] == cause], days) for part in parts], axis=1)
    after = np.cumprod(1 - _over(left, n), axis=0)
    before = np.vstack([np.ones(len(parts)), after[:-1]])
    share = np.cumsum(before * _over(own, n), axis=0)
    return _Days(n, own, left - own, before, after, np.vstack([np.zeros(len(parts)), share[:-1]]))


def _test(days: _Days) -> tuple[float, int, float]:
    """Chi-square, degrees of freedom and p over all groups but the last, of which it follows."""
    expected = _over(days.n * (1 - days.gone), days.before)
    share = _over(expected, expected.sum(axis=1, keepdims=True))
    score = (days.own - days.own.sum(axis=1, keepdims=True) * share).sum(axis=0)[:-1]
    covariance = _covariance(days)[:-1, :-1]
    if np.linalg.matrix_rank(covariance) < len(score):
        return np.nan, 0, np.nan
    value = float(score @ np.linalg.solve(covariance, score))
    return value, len(score), float(chi2.sf(value, len(score)))


def _covariance(days: _Days) -> np.ndarray:
    """Covariance of the scores: what the ends of group k by the road, and by the others, add to each pair of scores."""
    reach = _over(days.n, days.before)
    total, ended = reach.sum(axis=1), days.own.sum(axis=1)
    pooled = np.cumsum(_over(ended, total))
    free = 1 - np.concatenate([[0.0], pooled[:-1]])
    now = _spread(reach, total)
    so_far = np.cumsum(now * _over(ended, total * free)[:, None, None], axis=0)
    to_come = so_far[-1] - so_far
    left = _over((1 - pooled)[:, None], days.after)
    pull = np.where(days.after > 0, 1 - left, 1.0)
    by_road = now + pull[:, :, None] * to_come
    by_other = left[:, :, None] * to_come
    own = np.einsum("tki,tkj,tk->ij", by_road, by_road, _own_size(days, ended, total))
    return own + np.einsum("tki,tkj,tk->ij", by_other, by_other, _other_size(days))


def _spread(reach: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Days x groups x groups: the multinomial spread of one end over the groups' reach."""
    each = reach[:, :, None] * np.eye(reach.shape[1])
    return each - _over(reach[:, :, None] * reach[:, None, :], total[:, None, None])


def _own_size(days: _Days, ended: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Variance of a group's ends by the road on a day, under one common incidence, with ties."""
    ties = 1 - _over(np.maximum(ended - 1, 0)[:, None], total[:, None] * days.before - 1)
    return ties * _over(days.before * ended[:, None], total[:, None] * days.n)


def _other_size(days: _Days) -> np.ndarray:
    """Variance of a group's ends by other roads on a day, with ties; none once nobody of the group is left."""
    ties = 1 - _over(np.maximum(days.other - 1, 0), days.n - 1)
    return np.where(days.after > 0, ties * _over(days.before**2 * days.other, days.n**2), 0.0)


def _left(part: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    return part.groupby("duration_days")["churned"].sum().reindex(days, fill_value=0).to_numpy(float)


def _over(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The quotient, 0 where nothing is below."""
    above, below = np.broadcast_arrays(above, below)
    return np.divide(above, below, out=np.zeros(below.shape), where=below > 0)
