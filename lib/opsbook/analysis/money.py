"""What the campaign cost and what came back: the cost ledger, and return on investment in three lines, never one."""

from __future__ import annotations

from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
LEDGER = ["kind", "detail", "amount", "share"]
RETURNS = ["line", "numerator", "numerator_low", "numerator_high", "cost", "roi", "low", "high"]
LINES = ("gross", "incremental", "margin")


class Amount(NamedTuple):
    """A sum of money or orders with its interval; missing where there is no comparison."""

    value: float
    low: float
    high: float


NOTHING_KNOWN = Amount(float("nan"), float("nan"), float("nan"))


def ledger(costs: Tabular, redemptions: Tabular, *, campaign_id: str, fixed_cost: float = 0.0) -> pd.DataFrame:
    """Every cost that carries the campaign, on whatever day it was booked.

    returns: one row per kind and detail -- kind (media, redemptions, fixed), detail (the channel of media), amount
             (currency), share (of the total, 0-1); rows of nothing are left out

    >>> costs = pd.DataFrame({"campaign_id": ["spring", "spring", None], "channel": ["ads", None, "ads"],
    ...                       "amount": [600.0, 100.0, 50.0]})
    >>> coupons = pd.DataFrame({"campaign_id": ["spring", "autumn"], "cost": [250.0, 40.0]})
    >>> print(ledger(costs, coupons, campaign_id="spring", fixed_cost=50).to_string(index=False))
           kind  detail  amount  share
          media     ads   600.0   0.60
          media unknown   100.0   0.10
    redemptions           250.0   0.25
          fixed            50.0   0.05
    """
    media = _own(costs, campaign_id).mutate(detail=_.channel.cast("string").fill_null("unknown"))
    booked = media.group_by("detail").agg(amount=exact_sum(media.amount.cast("float64"))).order_by("detail")
    redeemed = _own(redemptions, campaign_id)
    coupons = redeemed.agg(amount=exact_sum(redeemed.cost.cast("float64"))).to_pandas()
    rows = [
        booked.to_pandas().assign(kind="media"),
        coupons.assign(kind="redemptions", detail=""),
        pd.DataFrame({"kind": ["fixed"], "detail": [""], "amount": [float(fixed_cost)]}),
    ]
    table = pd.concat([part.astype({"amount": "float64"}) for part in rows], ignore_index=True)
    kept = table[table["amount"] != 0].reset_index(drop=True)
    return kept.assign(share=kept["amount"] / kept["amount"].sum())[LEDGER]


def total(ledger: pd.DataFrame) -> float:
    """The cost of the campaign (currency).

    >>> costs = pd.DataFrame({"kind": ["media", "fixed"], "detail": ["ads", ""], "amount": [600.0, 50.0]})
    >>> total(costs)
    650.0
    """
    return float(ledger["amount"].sum())


def returns(*, gross_revenue: float, incremental: Amount, margin: float | None, cost: float) -> pd.DataFrame:
    """Return on investment, three lines with three formulas; a line that cannot be known is missing, not zero.

    gross:       gross revenue / cost
    incremental: incremental revenue / cost
    margin:      (incremental revenue x margin - cost) / cost
    returns: one row per line -- line, numerator, numerator_low, numerator_high, cost (currency), roi, low, high

    >>> lines = returns(gross_revenue=9000, incremental=Amount(4000, 1000, 7000), margin=0.4, cost=1000)
    >>> print(lines.round(2).to_string(index=False))
           line  numerator  numerator_low  numerator_high  cost  roi  low  high
          gross     9000.0         9000.0          9000.0  1000  9.0  9.0   9.0
    incremental     4000.0         1000.0          7000.0  1000  4.0  1.0   7.0
         margin      600.0         -600.0          1800.0  1000  0.6 -0.6   1.8
    """
    share = float("nan") if margin is None else margin
    earned = Amount(*(part * share - cost for part in incremental))
    numerators = (Amount(gross_revenue, gross_revenue, gross_revenue), incremental, earned)
    paid = cost if cost > 0 else float("nan")
    rows = [[line, *top, cost, *(part / paid for part in top)] for line, top in zip(LINES, numerators, strict=True)]
    return pd.DataFrame(rows, columns=RETURNS)


def cost_per_increment(*, cost: float, increment: Amount) -> Amount:
    """Cost per incremental order or user.

    Unknown unless the increment is surely above zero: else the upper end has no limit.

    >>> cost_per_increment(cost=1000, increment=Amount(50, 40, 80))
    Amount(value=20.0, low=12.5, high=25.0)
    >>> cost_per_increment(cost=1000, increment=Amount(50, -5, 80))
    Amount(value=nan, low=nan, high=nan)
    """
    if not increment.low > 0 or not cost > 0:
        return NOTHING_KNOWN
    return Amount(cost / increment.value, cost / increment.high, cost / increment.low)


def break_even(*, cost: float, margin: float | None) -> float:
    """Incremental revenue at which the margin covers the cost; missing without a margin.

    >>> break_even(cost=1000, margin=0.25)
    4000.0
    >>> break_even(cost=1000, margin=None)
    nan
    """
    return cost / margin if margin else float("nan")


def _own(table: Tabular, campaign_id: str) -> ir.Table:
    rows = engine_table(table)
    return rows.filter(rows.campaign_id.cast("string") == campaign_id)
