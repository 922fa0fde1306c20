"""How often a running campaign was looked at, and how wide that makes the interval of this look.

Information is the share of the watched days (campaign and days after) that the data cover. Looks that were planned
share one error by O'Brien-Fleming or Pocock spending; looks that were not are judged by an always-valid interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.special import ndtr

from opsbook.analysis import sequential
from opsbook.analysis.incrementality import by_comparison
from opsbook.analysis.means import cuped, welch

COLUMNS = ["look", "day", "share_information", "boundary", "share_spent", "share_peeking"]
USUAL = 1.959963984540054
WIDEST = 8.0  # standard errors: beyond it an interval would be endless, and nothing is found there anyway


def plan(earlier: Sequence[date], *, start: date, end: date, after_days: int, through: date) -> pd.DataFrame:
    """The looks so far, this one last; a campaign looked at once, when all is over, has no other.

    earlier: last days of data of the looks before this one; through: last settled day
    returns: one row per look -- look (1..), day (last day it saw), share_information (0-1); none before the start

    >>> campaign = {"start": date(2026, 6, 1), "end": date(2026, 6, 20), "after_days": 20}
    >>> print(plan([date(2026, 6, 10)], **campaign, through=date(2026, 6, 30)).to_string(index=False))
     look        day  share_information
        1 2026-06-10               0.25
        2 2026-06-30               0.75
    """
    whole, last = (end - start).days + 1 + after_days, min(through, end + timedelta(days=after_days))
    days = sorted({day for day in earlier if start <= day < last} | {last}) if last >= start else []
    shares = [((day - start).days + 1) / whole for day in days]
    table = pd.DataFrame({"look": range(1, len(days) + 1), "day": pd.to_datetime(days), "share_information": shares})
    return table.astype({"day": "datetime64[ns]", "share_information": "float64"})


def judged(
    plan: pd.DataFrame, moments: pd.DataFrame, *, monitoring: str, metric: str, worthwhile_lift: float
) -> pd.DataFrame:
    """The looks with what each had to cross.

    plan: table of `plan`; moments: `experiment.arm_moments`; monitoring: obrien_fleming, pocock or always_valid
    returns: plan's columns, boundary (|z| that decides; with always_valid only this look's is known), share_spent
             (chance up to here of a finding without an effect), share_peeking (the same had every look taken 1.96)
    source:  Lan & DeMets 1983; Johari, Pekelis, Walsh 2017 with (worthwhile lift x control)^2 as variance of effects

    >>> moments = pd.DataFrame({"arm": ["control", "treated"], "metric": "orders", "window": "net", "capped": False,
    ...                         "users": 1000, "mean": [1.0, 1.1], "variance": 1.0, "other_mean": 2.0,
    ...                         "other_variance": 1.5, "covariance": 0.9})
    >>> campaign = {"start": date(2026, 6, 1), "end": date(2026, 6, 30), "after_days": 10}
    >>> looks = plan([date(2026, 6, 20)], **campaign, through=date(2026, 7, 10))
    >>> found = judged(looks, moments, monitoring="obrien_fleming", metric="orders", worthwhile_lift=0.1)
    >>> print(found.drop(columns="day").round(3).to_string(index=False))
     look  share_information  boundary  share_spent  share_peeking
        1                0.5     2.963        0.003          0.050
        2                1.0     1.969        0.050          0.083
    """
    if plan.empty or moments.empty:
        return plan.iloc[:0].reindex(columns=COLUMNS)
    shares = plan["share_information"].to_numpy()
    peeking = sequential.crossing(np.full(len(shares), USUAL), shares)
    if monitoring == "always_valid" and not once(plan):
        bound = [np.nan] * (len(plan) - 1) + [_always_valid(moments, metric, worthwhile_lift)]
        spent = np.full(len(plan), np.nan)
    else:
        kind = monitoring if monitoring in sequential.SPENDING else "obrien_fleming"
        found = sequential.spent_boundaries(shares.tolist(), kind=kind)
        bound, spent = found["z"].tolist(), found["spent"].to_numpy()
    return plan.assign(boundary=bound, share_spent=spent, share_peeking=peeking)[COLUMNS]


def once(looks: pd.DataFrame) -> bool:
    """Whether nobody looked before everything was over, so that the usual interval holds.

    >>> once(pd.DataFrame({"share_information": [1.0]})), once(pd.DataFrame({"share_information": [0.5]}))
    (True, False)
    """
    return len(looks) <= 1 and bool((looks["share_information"] >= 1).all())


def level(judged: pd.DataFrame) -> float:
    """The level at which an ordinary interval is as wide as this look's boundary asks: 0.95 for a single look.

    >>> looks = pd.DataFrame({"share_information": [0.5, 1.0], "boundary": [2.963, 1.969]})
    >>> round(level(looks.iloc[:1]), 4), round(level(looks), 4)
    (0.997, 0.951)
    """
    bound = float(judged["boundary"].iloc[-1]) if len(judged) else USUAL
    return 0.95 if np.isnan(bound) or once(judged) else float(2 * ndtr(min(bound, WIDEST)) - 1)


def _always_valid(moments: pd.DataFrame, metric: str, worthwhile_lift: float) -> float:
    """Half the always-valid interval in standard errors; missing without two arms that vary."""
    arms = by_comparison(moments).get((metric, "net", False))
    if arms is None:
        return float("nan")
    treated, control = cuped(arms["treated"], arms["control"])
    error = (treated.variance / treated.n + control.variance / control.n) ** 0.5
    tau2 = (worthwhile_lift * control.mean) ** 2
    if not (error > 0 and tau2 > 0):
        return float("nan")
    found = sequential.always_valid(welch(treated, control).value, variance=error**2, n=1, tau2=tau2)
    return (found.high - found.low) / 2 / error
