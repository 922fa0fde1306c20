"""A campaign against the last one of its type: reach, rates and value, each with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from opsbook.analysis.means import welch
from opsbook.analysis.moments import Moments
from opsbook.analysis.proportion import newcombe

COLUMNS = ["measure", "this", "last", "change", "low", "high"]
MEASURES = ("exposed", "participants", "participation", "conversion", "value_per_converter", "cost_per_participant")
RELATIVE = ("exposed", "participants", "cost_per_participant")


def compare(
    this: pd.DataFrame, last: pd.DataFrame, *, cost: float, last_cost: float, level: float = 0.95
) -> pd.DataFrame:
    """What differs between two campaigns of one type; two different times, so a description and no effect.

    this, last: `delivery.delivered` of the two campaigns; the costs are those of the same days (currency)
    returns:    one row per measure -- measure, this, last, change (relative for users and cost, points for rates, a
                difference per converter for value), low, high (Poisson, Newcombe, Welch; cost has none). No rows when
                nobody took part in the last one; a measure that either campaign lacks is left out.

    >>> spring = pd.DataFrame({"exposed": [1000.0], "participants": [200.0], "converters": [60.0], "revenue": [3000.0],
    ...                        "revenue_variance": [400.0], "recorded": [True]})
    >>> autumn = spring.assign(exposed=1500.0, participants=330.0, converters=90.0, revenue=4950.0)
    >>> print(compare(autumn, spring, cost=900, last_cost=500).round(3).to_string(index=False))
                 measure     this   last  change    low   high
                 exposed 1500.000 1000.0   0.500  0.384  0.627
            participants  330.000  200.0   0.650  0.380  0.977
           participation    0.220    0.2   0.020 -0.013  0.052
              conversion    0.273    0.3  -0.027 -0.108  0.051
     value_per_converter   55.000   50.0   5.000 -1.596 11.596
    cost_per_participant    2.727    2.5   0.091    NaN    NaN
    """
    if last.empty or not last["participants"].sum() > 0:
        return pd.DataFrame(columns=COLUMNS)
    now, then = (_sums(side) for side in (this, last))
    rows = [
        _ratio("exposed", now["exposed"], then["exposed"], level),
        _ratio("participants", now["participants"], then["participants"], level),
        _points("participation", (now["recorded"], now["exposed"]), (then["recorded"], then["exposed"]), level),
        _points(
            "conversion", (now["converters"], now["participants"]), (then["converters"], then["participants"]), level
        ),
        _value(now, then, level),
        _price(cost, now["participants"], last_cost, then["participants"]),
    ]
    return pd.DataFrame(rows, columns=COLUMNS).dropna(subset=["change"]).reset_index(drop=True)


def _sums(side: pd.DataFrame) -> pd.Series:
    """All channels together, with the variance of a converter's revenue over them."""
    sums = side[["exposed", "participants", "converters", "revenue"]].sum(min_count=1)
    sums["recorded"] = side.loc[side["recorded"] & side["exposed"].notna(), "participants"].sum()
    users, total = side["converters"], sums["converters"]
    mean = sums["revenue"] / total if total else np.nan
    own = (side["revenue"] / users.where(users > 0)).fillna(0)
    squares = ((users - 1).clip(lower=0) * side["revenue_variance"].fillna(0) + users * (own - mean) ** 2).sum()
    sums["variance"] = squares / (total - 1) if total > 1 else np.nan
    return sums


def _ratio(measure: str, now: float, then: float, level: float) -> list[object]:
    """Relative change of two Poisson counts, exact given their sum (Clopper-Pearson)."""
    if not (now >= 0 and then > 0):
        return [measure, now, then, np.nan, np.nan, np.nan]
    tail = (1 - level) / 2
    low = stats.beta.ppf(tail, now, then + 1) if now else 0.0
    high = stats.beta.ppf(1 - tail, now + 1, then)
    return [measure, now, then, now / then - 1, low / (1 - low) - 1, high / (1 - high) - 1]


def _points(measure: str, now: tuple[float, float], then: tuple[float, float], level: float) -> list[object]:
    if not (now[1] > 0 and then[1] > 0):
        return [measure, *[np.nan] * 5]
    change = newcombe(*now, *then, level=level)
    return [measure, now[0] / now[1], then[0] / then[1], change.value, change.low, change.high]


def _value(now: pd.Series, then: pd.Series, level: float) -> list[object]:
    if not (now["converters"] > 0 and then["converters"] > 0):  # nobody reached leaves even the count missing
        return ["value_per_converter", *[np.nan] * 5]
    sides = [Moments(int(s["converters"]), s["revenue"] / max(s["converters"], 1), s["variance"]) for s in (now, then)]
    change = welch(*sides, level=level)
    return ["value_per_converter", sides[0].mean, sides[1].mean, change.value, change.low, change.high]


def _price(cost: float, users: float, last_cost: float, last_users: float) -> list[object]:
    if not (cost > 0 and last_cost > 0 and users > 0):
        return ["cost_per_participant", *[np.nan] * 5]
    now, then = cost / users, last_cost / last_users
    return ["cost_per_participant", now, then, now / then - 1, np.nan, np.nan]
