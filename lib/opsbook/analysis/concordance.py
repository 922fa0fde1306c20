"""Does the model put those who leave first on top: Harrell's concordance, exact from counts, with delayed entry."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.life_table import checked
from opsbook.analysis.proportion import Estimate

METHOD = "Harrell's concordance, infinitesimal jackknife"


def concordance(durations: pd.DataFrame, *, score: str, level: float = 0.95) -> Estimate:
    """Of the pairs of users in which it is known who left first, the share in which the higher score did.

    durations: one row per (entry_days, duration_days, <score>) -- churned, censored (users); score: a number, higher
               meaning sooner gone. A user is compared with everybody at risk on the day he leaves who does not leave
               that day; equal scores count one half.
    returns:   Estimate of value (0.5 = no better than chance), low, high and n = users
    source:    Harrell, Lee, Mark 1996; error by the infinitesimal jackknife, Therneau & Watson 2015

    >>> import pandas as pd
    >>> from opsbook import concordance
    >>> users = pd.DataFrame({"entry_days": 0, "duration_days": [5, 12, 30, 40], "risk": [0.9, 0.2, 0.5, 0.1]})
    >>> found = concordance.concordance(users.assign(churned=[1, 1, 1, 0], censored=[0, 0, 0, 1]), score="risk")
    >>> round(float(found.value), 2), found.n  # of the six pairs, only the user of day 12 was ranked too safe
    (0.83, 4)
    """
    rows = checked(durations)
    values, place = np.unique(rows[score].to_numpy(float), return_inverse=True)
    churned, users = rows["churned"].to_numpy(float), (rows["churned"] + rows["censored"]).to_numpy(float)
    days = np.unique(rows.loc[rows["churned"] > 0, "duration_days"])
    if not len(days):
        return Estimate(float("nan"), float("nan"), float("nan"), int(users.sum()))
    leaving = _by_day(days, rows["duration_days"].to_numpy(float), place, churned, len(values))
    staying = _at_risk(rows, days, place, users, len(values)) - leaving
    own, other = _as_first(leaving, staying)
    pairs, good = (own["pairs"] * leaving).sum(), (own["good"] * leaving).sum()
    if pairs == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), int(users.sum()))
    value = float(good / pairs)
    half = ndtri(0.5 + level / 2) * np.sqrt(_variance(rows, days, place, own, other, value, float(pairs)))
    return Estimate(value, value - half, value + half, int(users.sum()))


def _by_day(days: np.ndarray, at: np.ndarray, place: np.ndarray, users: np.ndarray, scores: int) -> np.ndarray:
    """Users by day of exit and score: days x scores; rows without a user of `users` are skipped."""
    table, held = np.zeros((len(days), scores)), users > 0
    np.add.at(table, (np.searchsorted(days, at[held]), place[held]), users[held])
    return table


def _at_risk(rows: pd.DataFrame, days: np.ndarray, place: np.ndarray, users: np.ndarray, scores: int) -> np.ndarray:
    entry = np.where(rows["entry_days"] <= 0, -np.inf, rows["entry_days"])
    change = np.zeros((len(days) + 1, scores))
    np.add.at(change, (np.searchsorted(days, entry, side="right"), place), users)
    np.add.at(change, (np.searchsorted(days, rows["duration_days"].to_numpy(float), side="right"), place), -users)
    return np.cumsum(change, axis=0)[:-1]


def _as_first(leaving: np.ndarray, staying: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pairs and good pairs of one user of each score, leaving on each day, and staying on each day."""

    def below(table: np.ndarray) -> np.ndarray:
        return np.cumsum(table, axis=1) - table / 2

    total_left, total_stay = leaving.sum(axis=1, keepdims=True), staying.sum(axis=1, keepdims=True)
    first = {"pairs": np.broadcast_to(total_stay, staying.shape), "good": below(staying)}
    later = {"pairs": np.broadcast_to(total_left, leaving.shape), "good": total_left - below(leaving)}
    return first, later


def _variance(
    rows: pd.DataFrame,
    days: np.ndarray,
    place: np.ndarray,
    own: dict[str, np.ndarray],
    other: dict[str, np.ndarray],
    value: float,
    pairs: float,
) -> float:
    """Sum over users of (good - value * pairs of all pairs he is in)^2, over the number of pairs squared."""
    entry = np.where(rows["entry_days"] <= 0, -np.inf, rows["entry_days"])
    exit_day, churned = rows["duration_days"].to_numpy(float), rows["churned"].to_numpy(float)
    first = np.searchsorted(days, entry, side="right")
    last = np.searchsorted(days, exit_day, side="right")
    excess = np.vstack([np.zeros(len(other["good"][0])), np.cumsum(other["good"] - value * other["pairs"], axis=0)])
    stayed = excess[last, place] - excess[first, place]
    on_day = np.minimum(np.searchsorted(days, exit_day), len(days) - 1)
    before = excess[on_day, place] - excess[np.minimum(first, on_day), place]
    left = before + (own["good"] - value * own["pairs"])[on_day, place]
    return float((churned * left**2).sum() + (rows["censored"].to_numpy(float) * stayed**2).sum()) / pairs**2
