"""RFM: which buyers bought lately, often and much, in eight groups keyed by three letters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.buyers import KEYS, MEASURES, Cut, Money, cut_points, is_high, keyed, rfm_buyers
from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular

_ = ibis._
CELLS = ["users", "share_users", "share_users_low", "share_users_high", "revenue"]  # what a small group must not show
CELLS += ["share_revenue", "share_revenue_low", "share_revenue_high", "revenue_per_user"]
METHOD_REVENUE = "ratio of sums, buyers resampled (delta method)"


def rfm_groups(
    orders: Tabular,
    *,
    as_of: date,
    window_days: int = 365,
    cut: Cut = "median",
    values: Mapping[str, float] | None = None,
    money: Money = "total",
) -> pd.DataFrame:
    """The buyers of the window in eight groups, and what each group is worth.

    A letter is H above the cut (more recent, more orders, more revenue) and L at or below it: ties go to low.

    orders:  one row per order -- user, day, net (paid minus refunded), is_purchase
    cut:     median or mean of the buyers, or `values`: recency_days, orders and revenue decided by the business
    money:   M is the total of the window or the mean per order; revenue is the total either way
    returns: one row per key of KEYS (R, F, M: HHH, LHH, HLH, LLH, HHL, LHL, HLL, LLL) -- key, users, buyers (of all
             groups), share_users, share_users_low, share_users_high (Wilson), revenue, share_revenue,
             share_revenue_low, share_revenue_high (delta method), revenue_per_user
    raises:  ValueError when cut is "value" and a value is missing

    >>> from opsbook import rfm, tiny
    >>> told = rfm.rfm_groups(tiny.orders, as_of=tiny.AS_OF)
    >>> print(told[["key", "users", "buyers", "revenue", "share_revenue"]].round(2).to_string(index=False))
    key  users  buyers  revenue  share_revenue
    HHH     13      50   3160.0           0.55
    LHH      3      50    440.0           0.08
    HLH      4      50    470.0           0.08
    LLH      3      50    300.0           0.05
    HHL      1      50     75.0           0.01
    LHL      0      50      0.0           0.00
    HLL      7      50    375.0           0.07
    LLL     19      50    930.0           0.16
    """
    buyers = rfm_buyers(orders, as_of=as_of, window_days=window_days, money=money)
    cuts = cut_points(buyers, cut=cut, values=values)
    if any(np.isnan(limit) for limit in cuts.values()):
        return _valued(pd.DataFrame({"key": [], "users": [], "revenue": [], "squares": []}))
    groups = keyed(buyers, cuts).group_by("key")
    counted = groups.agg(
        users=_.count(),
        revenue=_.revenue.sum().cast("float64"),
        squares=(_.revenue.cast("float64") * _.revenue.cast("float64")).sum(),
    )
    return _valued(counted.to_pandas())


def rfm_cuts(
    orders: Tabular,
    *,
    as_of: date,
    window_days: int = 365,
    cut: Cut = "median",
    values: Mapping[str, float] | None = None,
    money: Money = "total",
) -> pd.DataFrame:
    """Where high begins for each of the three measures.

    returns: one row per measure (recency_days, orders, revenue) -- measure, cut, buyers, high_users (beyond the cut),
             tied_users (exactly on it, counted as low)
    raises:  ValueError when cut is "value" and a value is missing

    >>> from opsbook import rfm, tiny
    >>> print(rfm.rfm_cuts(tiny.orders, as_of=tiny.AS_OF).to_string(index=False))
         measure  cut  buyers  high_users  tied_users
    recency_days 19.5      50          25           0
          orders  3.0      50          17          10
         revenue 90.0      50          23           4
    """
    buyers = rfm_buyers(orders, as_of=as_of, window_days=window_days, money=money)
    cuts = cut_points(buyers, cut=cut, values=values)
    sums = {"buyers": buyers.count()}
    for name, column in MEASURES.items():
        tied = (buyers[column] == cuts[name]).sum()
        sums |= {f"{name}_high": is_high(buyers, name, cuts[name]).sum(), f"{name}_tied": tied}
    counts = buyers.aggregate(**sums).fill_null(0).to_pandas().iloc[0].astype("int64")
    return pd.DataFrame(
        {
            "measure": list(MEASURES),
            "cut": [cuts[name] for name in MEASURES],
            "buyers": int(counts["buyers"]),
            "high_users": [int(counts[f"{name}_high"]) for name in MEASURES],
            "tied_users": [int(counts[f"{name}_tied"]) for name in MEASURES],
        }
    )


def _valued(groups: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """All eight groups with their shares; `squares` is the sum of squared revenue per buyer."""
    table = groups.set_index("key").astype("float64").reindex(KEYS).fillna(0.0).rename_axis("key").reset_index()
    total, squares, buyers = table["revenue"].sum(), table["squares"].sum(), int(table["users"].sum())
    table = table.astype({"users": "int64"}).assign(buyers=buyers)
    table = add_share(table, of="users", out_of="buyers", name="share_users", level=level)
    share = table["revenue"] / (total if total > 0 else np.nan)
    variance = (1 - share) ** 2 * table["squares"] + share**2 * (squares - table["squares"])
    correction = buyers / (buyers - 1) if buyers > 1 else np.nan
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(variance * correction) / (total if total > 0 else np.nan)
    low, high = (share - half).clip(lower=share.clip(upper=0)), (share + half).clip(upper=share.clip(lower=1))
    table = table.assign(share_revenue=share, share_revenue_low=low.round(9), share_revenue_high=high.round(9))
    table["revenue_per_user"] = table["revenue"] / table["users"].where(table["users"] > 0)
    names = ["key", "users", "buyers", "share_users", "share_users_low", "share_users_high", "revenue"]
    return table[[*names, "share_revenue", "share_revenue_low", "share_revenue_high", "revenue_per_user"]]
