"""Payback: when the users acquired have earned what it cost to acquire them, by channel."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
ALL = "all"


def acquisition_costs(costs: Tabular, *, start: date, end: date, campaigns: bool = False) -> pd.DataFrame:
    """What was spent to acquire users between two days, both included.

    campaigns: whether costs booked on a campaign count too; they mostly pay for users one already has
    returns:   one row per channel -- channel, cost (currency)

    >>> costs = pd.DataFrame({"day": pd.to_datetime(["2026-01-05", "2026-01-09", "2026-02-01", "2026-01-07"]),
    ...                       "channel": ["ads", None, "ads", "ads"], "amount": [100.0, 20.0, 70.0, 999.0],
    ...                       "campaign_id": [None, None, None, "spring"]})
    >>> print(acquisition_costs(costs, start=date(2026, 1, 1), end=date(2026, 1, 31)).to_string(index=False))
    channel  cost
        ads 100.0
    unknown  20.0
    """
    table = engine_table(costs)
    spent = table.filter(table.day.cast("date").between(ibis.date(start), ibis.date(end)))
    if not campaigns:
        spent = spent.filter(spent.campaign_id.cast("string").nullif("").isnull())
    named = spent.mutate(channel=_.channel.cast("string").fill_null("unknown"))
    totals = named.group_by("channel").agg(cost=exact_sum(named.amount)).order_by("channel").to_pandas()
    return totals.astype({"cost": "float64"})


def payback(curves: pd.DataFrame, costs: pd.DataFrame, *, margin: float | None = None) -> pd.DataFrame:
    """The first day on which the cumulative margin per acquired user reaches the cost of acquiring one.

    curves:  of `ltv_curves` by channel, all of one length
    costs:   of `acquisition_costs`, over the days on which those users were acquired
    margin:  share of revenue that is earned; None compares revenue itself
    returns: one row per channel with costs, last "all" (every user, every cost) -- channel, users, cost, cac (currency
             per user), earned (margin or revenue per user by the last day), earned_low, earned_high, horizon_days,
             payback_days, payback_low, payback_high (of the interval's ends); days are missing when not reached

    >>> curves = pd.DataFrame({"channel": "ads", "age_days": [0, 1, 2], "users": 100, "ltv": [2.0, 5.0, 9.0],
    ...                        "ltv_low": [1.0, 3.0, 6.0], "ltv_high": [3.0, 7.0, 12.0]})
    >>> costs = pd.DataFrame({"channel": ["ads"], "cost": [250.0]})
    >>> found = payback(curves, costs, margin=0.5)
    >>> print(found[["cac", "earned", "payback_days", "payback_low", "payback_high"]].to_string(index=False))
     cac  earned  payback_days  payback_low  payback_high
     2.5     4.5           2.0          2.0           3.0
    """
    spent = costs.set_index("channel")["cost"].astype("float64")
    rows = []
    for channel, curve in curves.groupby("channel", sort=False):
        cost = float(spent.sum() if channel == ALL else spent.get(str(channel), 0.0))
        if cost > 0:
            rows.append(_payback_row(str(channel), curve, cost, 1.0 if margin is None else margin))
    names = ["channel", "users", "cost", "cac", "earned", "earned_low", "earned_high"]
    return pd.DataFrame(rows, columns=[*names, "horizon_days", "payback_days", "payback_low", "payback_high"])


def _payback_row(channel: str, curve: pd.DataFrame, cost: float, margin: float) -> list[object]:
    users = int(curve["users"].iloc[0])
    cac = cost / users
    days = [_first_day(curve, margin * curve[name], cac) for name in ("ltv", "ltv_high", "ltv_low")]
    earned = [margin * float(curve[name].iloc[-1]) for name in ("ltv", "ltv_low", "ltv_high")]
    return [channel, users, cost, cac, *earned, int(curve["age_days"].iloc[-1]) + 1, *days]


def _first_day(curve: pd.DataFrame, earned: pd.Series, cac: float) -> float:
    """Days needed, the first one included; the curve may fall again by refunds, the first time counts."""
    reached = curve.loc[(earned >= cac).to_numpy(), "age_days"]
    return float(reached.iloc[0]) + 1 if len(reached) else float("nan")
