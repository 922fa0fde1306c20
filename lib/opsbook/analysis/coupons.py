"""What became of the coupons or prizes that were given out: redeemed, open or expired, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.analysis.proportion import wilson
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
COLUMNS = ["state", "coupons", "share", "low", "high", "amount"]


def ledger(
    steps: Tabular,
    redemptions: Tabular,
    *,
    issue_events: Sequence[str],
    campaign_id: str,
    start: date,
    end: date,
    as_of: date,
) -> pd.DataFrame:
    """Issued, redeemed, and not redeemed: expired once the campaign is over, open while it runs.

    issue_events: events by which a user is given a coupon, marked with the campaign or with none; without any, only
    what was redeemed is known
    returns: one row per state -- state (issued, redeemed, expired or open), coupons, share (of issued, 0-1) with
             Wilson interval, amount (currency, of redeemed); shares are missing where more were redeemed than issued

    >>> from opsbook import coupons, tiny
    >>> asked = {"issue_events": ["share"], **tiny.SPRING, "as_of": tiny.AS_OF}  # as if every share gave a coupon
    >>> print(coupons.ledger(tiny.steps, tiny.redemptions, **asked).round(2).to_string(index=False))
       state  coupons  share  low  high  amount
      issued       11    NaN  NaN   NaN     NaN
    redeemed        8   0.73 0.43  0.90    40.0
     expired        3   0.27 0.10  0.57     NaN
    """
    taken = _own(redemptions, campaign_id)
    counted = taken.agg(coupons=_.count(), amount=exact_sum(taken.cost.cast("float64"))).to_pandas().iloc[0]
    redeemed, amount = int(counted["coupons"]), float(counted["amount"])
    issued = _issued(steps, issue_events, campaign_id, start, end) if issue_events else 0
    missing = float("nan")
    if issued < max(redeemed, 1):
        rows = [["redeemed", redeemed, missing, missing, missing, amount]] if redeemed else []
        return pd.DataFrame(rows, columns=COLUMNS)
    rest = "expired" if as_of > end else "open"
    rows = [["issued", issued, missing, missing, missing, missing]]
    rows += [["redeemed", redeemed, *wilson(redeemed, issued)[:3], amount]]
    rows += [[rest, issued - redeemed, *wilson(issued - redeemed, issued)[:3], missing]]
    return pd.DataFrame(rows, columns=COLUMNS)


def _issued(steps: Tabular, events: Sequence[str], campaign_id: str, start: date, end: date) -> int:
    rows = engine_table(steps)
    day, own = rows.day.cast("date"), rows.campaign_id.cast("string")
    inside = (day >= start) & (day <= end) & (own.isnull() | (own == campaign_id)) & rows.event.isin(list(events))
    return int(rows.filter(inside).count().to_pandas())


def _own(table: Tabular, campaign_id: str) -> ir.Table:
    rows = engine_table(table)
    return rows.filter(rows.campaign_id.cast("string") == campaign_id)
