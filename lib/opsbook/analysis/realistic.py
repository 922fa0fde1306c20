"""What the plan's reach should bring if users respond as they did in the last campaign of the type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import ndtri

UNLIKELY = 0.25  # a goal with less than this chance is ambitious
COLUMNS = ["metric", "target", "last", "expected", "low", "high", "judgement"]
REACHED = ("exposed", "participants", "converters")
COUNTED = ("participants", "converters", "orders", "revenue")


class Goal(Protocol):
    """One goal as the campaign file writes it."""

    metric: str
    target: float
    direction: str


def as_goals_count(delivered: pd.DataFrame, buyers: pd.DataFrame) -> pd.DataFrame:
    """The last campaign as its goals count it: orders and revenue of everybody reached, not of participants alone.

    delivered: `delivery.delivered`; buyers: `attainment.buyers` of the same campaign
    returns:   one row -- exposed, participants, converters, buyers (users), orders, revenue, orders_variance,
               revenue_variance (of a buyer's); none without anybody reached

    >>> import pandas as pd
    >>> delivered = pd.DataFrame({"exposed": [600.0, 400.0], "participants": [150.0, 50.0], "converters": [40.0, 10.0]})
    >>> sold = pd.DataFrame({"buyers": [90], "orders": [110], "revenue": [5500.0]})
    >>> counted = as_goals_count(delivered, sold.assign(orders_variance=0.2, revenue_variance=400.0))
    >>> print(counted[["exposed", "participants", "revenue"]].to_string(index=False))
     exposed  participants  revenue
      1000.0         200.0   5500.0
    """
    if delivered.empty:
        return pd.DataFrame(columns=[*REACHED, *buyers.columns])
    sums = delivered[list(REACHED)].sum(min_count=1).to_frame().T
    return sums.reset_index(drop=True).join(buyers.reset_index(drop=True))


def expected(last: pd.DataFrame, goals: Sequence[Goal], *, exposed: float | None, level: float = 0.95) -> pd.DataFrame:
    """Each goal beside what the planned number of users shown should bring at the last campaign's rates.

    last:    `as_goals_count` of the last campaign of the type; exposed: users the plan will show it to
    returns: one row per goal that can be foretold -- metric, target, last (its figure then), expected, low, high
             (prediction interval: chance of both campaigns, no drift between them), judgement (ambitious: a chance of
             less than one in four; modest: surely exceeded, at that level; realistic)
    source:  a count is proportional to users shown; variance of a new count plus that of the old rate (Poisson for
             counts, per buyer for orders and money)

    >>> from types import SimpleNamespace
    >>> last = pd.DataFrame({"exposed": [1000.0], "participants": [200.0], "converters": [50.0], "buyers": [50.0]})
    >>> last = last.assign(orders=60.0, revenue=3000.0, orders_variance=0.2, revenue_variance=400.0)
    >>> goals = [SimpleNamespace(metric="participants", target=450, direction="higher"),
    ...          SimpleNamespace(metric="revenue", target=6000, direction="higher")]
    >>> print(expected(last, goals, exposed=2000).round(0).to_string(index=False))
          metric  target   last  expected    low   high judgement
    participants     450  200.0     400.0  332.0  468.0 ambitious
         revenue    6000 3000.0    6000.0 3853.0 8147.0 realistic
    """
    sums = last[["exposed", *COUNTED]].sum(min_count=1) if len(last) else pd.Series(dtype=float)
    shown = float(sums.get("exposed", np.nan))
    if not (exposed and shown > 0):
        return pd.DataFrame(columns=COLUMNS)
    scale = exposed / shown
    wanted = [goal for goal in goals if goal.metric in COUNTED and sums[goal.metric] > 0]
    rows = [_row(goal, float(sums[goal.metric]), _variance(last, goal.metric), scale, level) for goal in wanted]
    return pd.DataFrame(rows, columns=COLUMNS)


def _variance(last: pd.DataFrame, metric: str) -> float:
    """Of the last campaign's figure: a Poisson number of buyers, each with what a buyer orders or spends."""
    if metric in ("participants", "converters"):
        return float(last[metric].sum())
    users, total = last["buyers"], last[metric]
    own = last[f"{metric}_variance"].fillna(0)
    mean = (total / users.where(users > 0)).fillna(0)
    return float((users * (own + mean**2)).sum())


def _row(goal: Goal, figure: float, variance: float, scale: float, level: float) -> list[object]:
    """Scaled to the new reach: the old figure's doubt grows with its square, the new one's own chance linearly."""
    error = np.sqrt(scale**2 * variance + scale * variance)
    value, half, likely = scale * figure, ndtri(0.5 + level / 2) * error, ndtri(1 - UNLIKELY) * error
    low, high = max(value - half, 0.0), value + half
    above = goal.target > value + likely if goal.direction == "higher" else goal.target < value - likely
    below = goal.target < low if goal.direction == "higher" else goal.target > high
    return [
        goal.metric,
        goal.target,
        figure,
        value,
        low,
        high,
        "ambitious" if above else "modest" if below else "realistic",
    ]
