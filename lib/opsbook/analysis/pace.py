"""Will the goals be reached: from the days so far to the end, with a prediction interval."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from scipy import stats

LEAST_DAYS = 3
COLUMNS = [
    "metric",
    "direction",
    "target",
    "so_far",
    "due",
    "forecast",
    "low",
    "high",
    "came",
    "days",
    "source",
    "pace",
]
PATH = ["metric", "day", "actual", "due", "forecast", "low", "high"]
MONEY = ("revenue", "cost")
DRIFT = {
    "plan": 0.15,
    "earlier": 0.15,
    "weekdays": 0.15,
    "new_faces": 0.8,
}  # tried on past campaigns: docs/campaigns.md
FLAT = 0.02  # share of the profile spread evenly, so that a day on which nobody came last time is not impossible
ROUNDS, SETTLED = 25, 1e-10
METHOD = "quasi-Poisson days around a drifting profile, Student prediction interval"


class Target(Protocol):
    """One goal as the campaign file writes it."""

    @property
    def metric(self) -> str:
        """What is counted."""

    @property
    def target(self) -> float:
        """How much of it."""

    @property
    def direction(self) -> str:
        """Whether at least (higher) or at most (lower)."""


class Aim(NamedTuple):
    """A metric without a goal."""

    metric: str
    target: float = float("nan")
    direction: str = "higher"


def day_of(*, start: date, end: date, settled_through: date) -> date:
    """The day the pace is taken on: the last settled day while the campaign runs, its half-way day once it is over.

    >>> june = {"start": date(2026, 6, 1), "end": date(2026, 6, 10)}
    >>> print(day_of(**june, settled_through=date(2026, 6, 4)), day_of(**june, settled_through=date(2026, 7, 1)))
    2026-06-04 2026-06-05
    """
    if settled_through < end:
        return settled_through
    return start + timedelta(days=((end - start).days + 1) // 2 - 1)


def aims(goals: Sequence[Target], gained: pd.DataFrame) -> list[Target]:
    """The goals; where none were written down participants and revenue without a target, if there are any.

    >>> gained = pd.DataFrame({"participants": [10, 20], "revenue": [0.0, 0.0]})
    >>> [aim.metric for aim in aims([], gained)], [aim.metric for aim in aims([Aim("orders", 100)], gained)]
    (['participants'], ['orders'])
    """
    whole: list[Target] = [*goals]
    return whole or [Aim(metric) for metric in ("participants", "revenue") if gained[metric].sum() > 0]


def pace(
    gained: pd.DataFrame,
    profiles: pd.DataFrame,
    goals: Sequence[Target],
    *,
    through: date,
    fixed_cost: float = 0.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Each goal's figure so far, what was due by now, and what the end will be if the rest follows the profile.

    Days are independent around a profile that may drift, with variance proportional to the mean (never below Poisson
    for counts). Doubt about level and drift and the noise of the days to come are all in the interval. Needs 3 days and
    a profile. What is known from the first day (fixed_cost) stands outside.
    gained:   `campaign_days.gained`; profiles: `campaign_days.profiles`
    returns:  one row per goal -- metric, direction, target, so_far, due (target x share of the profile), forecast,
              low, high, came (the figure at the end where the data reach it), days (so far), source (of the profile),
              pace (reached, on_track, behind, missed, cannot_tell; missing without a target)
    source:   McCullagh and Nelder 1989, section 9.2, for quasi-likelihood

    >>> gained = pd.DataFrame({"day": pd.date_range("2026-06-01", periods=5), "participants": [30, 28, 33, 30, 29]})
    >>> profiles = pd.DataFrame({"metric": "participants", "share": [0.1] * 10, "source": "earlier"})
    >>> found = pace(gained, profiles, [Aim("participants", 200), Aim("participants", 310)], through=date(2026, 6, 5))
    >>> print(found[["target", "so_far", "due", "forecast", "low", "high", "pace"]].round(0).to_string(index=False))
     target  so_far   due  forecast   low  high        pace
        200   150.0 100.0     300.0 247.0 354.0    on_track
        310   150.0 155.0     300.0 247.0 354.0 cannot_tell
    """
    rows = [_row(gained, profiles, goal, through, fixed_cost, level) for goal in goals]
    return pd.DataFrame(rows, columns=COLUMNS)


def path(
    gained: pd.DataFrame,
    profiles: pd.DataFrame,
    goals: Sequence[Target],
    *,
    through: date,
    fixed_cost: float = 0.0,
    level: float = 0.95,
) -> pd.DataFrame:
    """The same day by day, added up: the picture of the pace.

    returns: one row per goal and day of the campaign -- metric, day, actual (so far), due, forecast, low, high (from
             the last day so far on)

    >>> gained = pd.DataFrame({"day": pd.date_range("2026-06-01", periods=4), "participants": [30, 28, 33, 30]})
    >>> profiles = pd.DataFrame({"metric": "participants", "share": [0.2] * 5, "source": "earlier"})
    >>> found = path(gained, profiles, [Aim("participants", 200)], through=date(2026, 6, 3))
    >>> columns = ["day", "actual", "due", "forecast", "low", "high"]
    >>> print(found[columns].to_string(index=False, float_format="%.0f"))
           day  actual  due  forecast  low  high
    2026-06-01      30   40       NaN  NaN   NaN
    2026-06-02      58   80       NaN  NaN   NaN
    2026-06-03      91  120        91   91    91
    2026-06-04     NaN  160       121   93   150
    2026-06-05     NaN  200       152  107   198
    """
    tables = [_path(gained, profiles, goal, through, fixed_cost, level) for goal in goals]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=PATH)


def predicted(
    values: np.ndarray, shares: np.ndarray, *, counts: bool, drift: float = 0.15, level: float = 0.95
) -> np.ndarray:
    """The running total at the end of every day not yet seen: rows of value, low, high.

    The mean of a day is its share x exp(a + b x), x the way through the campaign; a is free, b has the prior
    N(0, drift^2): how far the profile itself may be off from the first day to the last. Doubt about b is normal as far
    as it is the prior's and Student's as far as the days tell it, and turns the rest by a factor.
    values: of the days seen; shares: of all days, in any unit. Missing with fewer than 3 days or nothing so far.

    >>> seen, shares = np.array([30.0, 28.0, 33.0, 30.0]), np.full(6, 1 / 6)
    >>> print(predicted(seen, shares, counts=True).round(0))
    [[151. 182.]
     [131. 150.]
     [172. 214.]]
    """
    ahead = len(shares) - len(values)
    if len(values) < LEAST_DAYS or values.sum() <= 0 or (values < 0).any() or not np.isfinite(shares).all():
        return np.full((3, ahead), np.nan)
    usual = (1 - FLAT) * shares / shares.sum() + FLAT / len(shares)
    way = (np.arange(len(shares)) + 0.5) / len(shares)
    design = np.stack([np.ones(len(shares)), way - np.average(way[: len(values)], weights=values)], axis=1)
    fit, doubt, spread = _fitted(values, usual, design, counts, drift)
    coming = usual[len(values) :] * np.exp(design[len(values) :] @ fit)
    pull = np.cumsum(coming[:, None] * design[len(values) :], axis=0)
    known, sure = 1 - doubt[1, 1] / drift**2, stats.norm.ppf(0.5 + level / 2)
    student = stats.t.ppf(0.5 + level / 2, max(len(values) - 1 - known, 1))
    noise = student * np.sqrt(spread * coming.cumsum() + pull[:, 0] ** 2 * doubt[0, 0])
    turn = (sure + known * (student - sure)) * np.sqrt(doubt[1, 1]) * np.abs(pull[:, 1]) / coming.cumsum()
    rest = coming.cumsum()
    low, high = (np.hypot(noise, rest * (np.exp(side * turn) - 1)) for side in (-1, 1))
    return values.sum() + np.stack([rest, np.maximum(rest - low, 0), rest + high])


def _fitted(
    values: np.ndarray, usual: np.ndarray, design: np.ndarray, counts: bool, drift: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Level and drift by penalised quasi-likelihood (Newton), their covariance, and the spread of the days."""
    seen, own, spread = usual[: len(values)], design[: len(values)], 1.0
    fit = np.array([np.log(values.sum() / seen.sum()), 0.0])
    for _ in range(ROUNDS):
        mean = seen * np.exp(own @ fit)
        spread = float(((values - mean) ** 2 / mean).sum() / (len(values) - 1))
        spread = max(spread, 1.0) if counts else max(spread, 1e-9)
        penalty = np.diag([0.0, spread / drift**2])
        information = own.T @ (mean[:, None] * own) + penalty
        step = np.linalg.solve(information, own.T @ (values - mean) - penalty @ fit)
        fit = fit + np.clip(step, -1, 1)
        fit[1] = np.clip(fit[1], -4 * drift, 4 * drift)
        if np.abs(step).max() < SETTLED:
            break
    return fit, spread * np.linalg.inv(information), spread


def _row(
    gained: pd.DataFrame, profiles: pd.DataFrame, goal: Target, through: date, fixed: float, level: float
) -> list[object]:
    days = _path(gained, profiles, goal, through, fixed, level)
    seen = days["actual"].notna()
    value, due = (float(days.loc[seen, name].iloc[-1]) for name in ("actual", "due"))
    forecast, low, high = (float(days[name].iloc[-1]) for name in ("forecast", "low", "high"))
    over = bool(gained["day"].max() >= days["day"].max())
    came = float(gained[goal.metric].sum()) + _known(goal.metric, fixed) if over else float("nan")
    source = str(profiles.loc[profiles["metric"] == goal.metric, "source"].iloc[0])
    told = _pace(goal, value, low, high)
    return [
        goal.metric,
        goal.direction,
        goal.target,
        value,
        due,
        forecast,
        low,
        high,
        came,
        int(seen.sum()),
        source,
        told,
    ]


def _path(
    gained: pd.DataFrame, profiles: pd.DataFrame, goal: Target, through: date, fixed: float, level: float
) -> pd.DataFrame:
    own = profiles[profiles["metric"] == goal.metric]
    shares, source = own["share"].to_numpy(dtype=float), str(own["source"].iloc[0])
    seen = gained.loc[gained["day"] <= pd.Timestamp(through), goal.metric].to_numpy(dtype=float)
    days = pd.date_range(gained["day"].min(), periods=len(shares), freq="D").astype("datetime64[ns]")
    table = pd.DataFrame({"metric": goal.metric, "day": days, "actual": np.nan})
    table.loc[: len(seen) - 1, "actual"] = seen.cumsum()
    drift = DRIFT.get(source, 1.0)
    parts = predicted(seen, shares, counts=goal.metric not in MONEY, drift=drift, level=level)
    for name, part in zip(("forecast", "low", "high"), parts, strict=True):
        table[name] = np.concatenate([np.full(len(seen) - 1, np.nan), [seen.sum()], part])
    known = _known(goal.metric, fixed)
    table[PATH[2:3] + PATH[4:]] += known
    table["due"] = known + (goal.target - known) * shares.cumsum() / shares.sum()
    return table[PATH]


def _known(metric: str, fixed: float) -> float:
    """What of a metric is known from the first day."""
    return fixed if metric == "cost" else 0.0


def _pace(goal: Target, value: float, low: float, high: float) -> str | None:
    if np.isnan(goal.target):
        return None
    if goal.direction == "higher":
        if value >= goal.target:
            return "reached"
        return "on_track" if low >= goal.target else "behind" if high < goal.target else "cannot_tell"
    if value > goal.target:
        return "missed"
    return "on_track" if high <= goal.target else "behind" if low > goal.target else "cannot_tell"
