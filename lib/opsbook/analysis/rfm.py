"""RFM: which buyers bought lately, often and much, in eight groups keyed by three letters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product
from typing import Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MEASURES = ("recency_days", "orders", "revenue")
MONEY = "decimal(18, 4)"
KEYS = [recency + orders + revenue for revenue, orders, recency in product("HL", repeat=3)]
METHOD_REVENUE = "ratio of sums, buyers resampled (delta method)"


def rfm_groups(
    orders: Tabular,
    *,
    as_of: date,
    window_days: int = 365,
    cut: Literal["median", "mean", "value"] = "median",
    values: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The buyers of the window in eight groups, and what each group is worth.

    A letter is H above the cut (more recent, more orders, more revenue) and L at or below it: ties go to low.

    orders:  one row per order -- user, day, net (paid minus refunded), is_purchase
    cut:     median or mean of the buyers, or `values`: recency_days, orders and revenue decided by the business
    returns: one row per key of KEYS (R, F, M: HHH, LHH, HLH, LLH, HHL, LHL, HLL, LLL) -- key, users, buyers (of all
             groups), share_users, share_users_low, share_users_high (Wilson), revenue, share_revenue,
             share_revenue_low, share_revenue_high (delta method), revenue_per_user
    raises:  ValueError when cut is "value" and a value is missing
    """
    buyers = rfm_buyers(orders, as_of=as_of, window_days=window_days)
    cuts = _limits(buyers, cut, values)
    if any(np.isnan(limit) for limit in cuts.values()):
        return _valued(pd.DataFrame({"key": [], "users": [], "revenue": [], "squares": []}))
    high = [buyers.recency_days < float(cuts["recency_days"])]
    high += [buyers[name] > float(cuts[name]) for name in ("orders", "revenue")]
    recency, frequency, money = (ibis.ifelse(is_high, "H", "L") for is_high in high)
    keyed = buyers.mutate(key=recency.concat(frequency, money))
    groups = keyed.group_by("key").agg(
        users=_.count(),
        revenue=_.revenue.sum().cast("float64"),
        squares=(_.revenue.cast("float64") * _.revenue.cast("float64")).sum(),
    )
    return _valued(groups.to_pandas())


def rfm_cuts(
    orders: Tabular,
    *,
    as_of: date,
    window_days: int = 365,
    cut: Literal["median", "mean", "value"] = "median",
    values: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Where high begins for each of the three measures.

    returns: one row per measure (recency_days, orders, revenue) -- measure, cut, buyers, high_users (beyond the cut),
             tied_users (exactly on it, counted as low)
    raises:  ValueError when cut is "value" and a value is missing
    """
    buyers = rfm_buyers(orders, as_of=as_of, window_days=window_days)
    limits = _limits(buyers, cut, values)
    sums = {"buyers": buyers.count()}
    for name in MEASURES:
        limit = float(limits[name])
        beyond = buyers[name] < limit if name == "recency_days" else buyers[name] > limit
        sums |= {f"{name}_high": beyond.sum(), f"{name}_tied": (buyers[name] == limit).sum()}
    counts = buyers.aggregate(**sums).fill_null(0).to_pandas().iloc[0].astype("int64")
    return pd.DataFrame(
        {
            "measure": list(MEASURES),
            "cut": [float(limits[name]) for name in MEASURES],
            "buyers": int(counts["buyers"]),
            "high_users": [int(counts[f"{name}_high"]) for name in MEASURES],
            "tied_users": [int(counts[f"{name}_tied"]) for name in MEASURES],
        }
    )


def rfm_buyers(orders: Tabular, *, as_of: date, window_days: int = 365) -> ir.Table:
    """One row per user who bought in the window -- user, recency_days (since the last order), orders, revenue (net).

    An engine table, so that a segment of any size can be counted or exported without becoming pandas. Revenue is a
    decimal: a sum of floats depends on the order in which threads add it.
    """
    table = engine_table(orders)
    sales = table.select(
        "user", day=_.day.cast("date"), net=_.net.cast(MONEY), is_purchase=_.is_purchase.cast("boolean")
    )
    first = as_of - timedelta(days=window_days - 1)
    sales = sales.filter(_.day.between(ibis.date(first), ibis.date(as_of)))
    per_user = sales.group_by("user").agg(
        last_day=_.day.max(where=_.is_purchase), orders=_.is_purchase.sum(), revenue=_.net.sum()
    )
    today = (as_of - date(1970, 1, 1)).days
    bought = per_user.filter(_.orders > 0).mutate(recency_days=today - _.last_day.epoch_days())
    return bought.select("user", "recency_days", "orders", "revenue")


def _limits(buyers: ir.Table, cut: str, values: Mapping[str, float] | None) -> Mapping[str, float]:
    if cut == "value":
        missing = [name for name in MEASURES if name not in (values or {})]
        if missing:
            raise ValueError(f"cut='value' needs a value for {', '.join(missing)}")
        return dict(values or {})
    columns = {name: buyers[name] for name in MEASURES}
    if cut == "median":
        middle = {name: column.cast("float64").median() for name, column in columns.items()}
    else:
        middle = {name: column.sum().cast("float64") / column.count() for name, column in columns.items()}
    return buyers.aggregate(**middle).to_pandas().astype("float64").iloc[0].to_dict()


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
