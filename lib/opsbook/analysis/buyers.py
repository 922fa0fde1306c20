"""Buyers of a window and their RFM letters: the definition that groups, migration and stability all stand on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import product
from typing import Literal

import ibis
import ibis.expr.types as ir

from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
Cut = Literal["median", "mean", "value"]
Money = Literal["total", "mean_per_order"]
MEASURES = {"recency_days": "recency_days", "orders": "orders", "revenue": "money"}  # measure: its column of the buyers
MONEY = "decimal(18, 4)"
KEYS = [recency + orders + revenue for revenue, orders, recency in product("HL", repeat=3)]


def rfm_buyers(orders: Tabular, *, as_of: date, window_days: int = 365, money: Money = "total") -> ir.Table:
    """The users who bought in the window, one row per user, as an engine table.

    So a segment of any size can be counted or exported without becoming pandas. Amounts are decimals: a sum of floats
    depends on the order in which threads add it.

    orders:  one row per order -- user, day, net (paid minus refunded), is_purchase
    money:   what M is: the total of the window, or the mean per order
    returns: user, recency_days (since the last order), orders, revenue (net, of the window), money (M)

    >>> from opsbook import buyers, tiny
    >>> bought = buyers.rfm_buyers(tiny.orders, as_of=tiny.AS_OF, window_days=28).to_pandas()
    >>> print(bought.astype({"revenue": float, "money": float}).sort_values("user").head(3).to_string(index=False))
     user  recency_days  orders  revenue  money
        2             2       2     80.0   80.0
        7            20       1     50.0   50.0
        8            18       1     20.0   20.0
    """
    sales = engine_table(orders).select(
        "user", day=_.day.cast("date"), net=_.net.cast(MONEY), is_purchase=_.is_purchase.cast("boolean")
    )
    first = as_of - timedelta(days=window_days - 1)
    sales = sales.filter(_.day.between(ibis.date(first), ibis.date(as_of)))
    per_user = sales.group_by("user").agg(
        last_day=_.day.max(where=_.is_purchase), orders=_.is_purchase.sum(), revenue=_.net.sum()
    )
    today = (as_of - date(1970, 1, 1)).days
    bought = per_user.filter(_.orders > 0).mutate(recency_days=today - _.last_day.epoch_days())
    mean = (bought.revenue.cast("float64") / bought.orders.cast("float64")).round(4).cast(MONEY)
    measured = bought.mutate(money=bought.revenue if money == "total" else mean)
    return measured.select("user", "recency_days", "orders", "revenue", "money")


def cut_points(buyers: Tabular, *, cut: Cut = "median", values: Mapping[str, float] | None = None) -> dict[str, float]:
    """Where high begins for each of MEASURES: median or mean of the buyers, or the values of the business.

    returns: measure -> cut (days, orders, currency); missing values when nobody bought
    raises:  ValueError when cut is "value" and a value is missing

    >>> from opsbook import buyers, tiny
    >>> buyers.cut_points(buyers.rfm_buyers(tiny.orders, as_of=tiny.AS_OF))
    {'recency_days': 19.5, 'orders': 3.0, 'revenue': 90.0}
    """
    buyers = engine_table(buyers)
    if cut == "value":
        missing = [name for name in MEASURES if name not in (values or {})]
        if missing:
            raise ValueError(f"cut='value' needs a value for {', '.join(missing)}")
        return {name: float((values or {})[name]) for name in MEASURES}
    columns = {name: buyers[column] for name, column in MEASURES.items()}
    if cut == "median":
        middle = {name: column.cast("float64").median() for name, column in columns.items()}
    else:
        middle = {name: column.sum().cast("float64") / column.count() for name, column in columns.items()}
    found = buyers.aggregate(**middle).to_pandas().astype("float64").iloc[0]
    return {name: float(found[name]) for name in MEASURES}


def keyed(buyers: Tabular, cuts: Mapping[str, float]) -> ir.Table:
    """The buyers with their three-letter `key`: H above the cut (more recent than it), L at or below it.

    >>> from opsbook import buyers, tiny
    >>> bought = buyers.rfm_buyers(tiny.orders, as_of=tiny.AS_OF)
    >>> keyed = buyers.keyed(bought, {"recency_days": 28, "orders": 2, "revenue": 100}).to_pandas()
    >>> print(keyed.sort_values("user").head(3)[["user", "recency_days", "orders", "key"]].to_string(index=False))
     user  recency_days  orders key
        0            76       2 LLL
        1            53       3 LHL
        2             2       4 HHH
    """
    buyers = engine_table(buyers)
    high = [is_high(buyers, name, cuts[name]) for name in MEASURES]
    recency, orders, money = (ibis.ifelse(letter, "H", "L") for letter in high)
    return buyers.mutate(key=recency.concat(orders, money))


def is_high(buyers: ir.Table, measure: str, cut: float) -> ir.BooleanValue:
    """Whether a buyer lies beyond the cut of the measure; fewer days since the last order are higher.

    >>> from opsbook import buyers, tiny
    >>> bought = buyers.rfm_buyers(tiny.orders, as_of=tiny.AS_OF)
    >>> recent = bought.filter(buyers.is_high(bought, "recency_days", 14)).to_pandas()
    >>> len(recent), int(recent["recency_days"].max())
    (20, 13)
    """
    column = buyers[MEASURES[measure]]
    return column < float(cut) if measure == "recency_days" else column > float(cut)
