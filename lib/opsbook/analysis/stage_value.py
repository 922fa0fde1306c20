"""What each stage is worth: how many users stand in it and what they bought in the days before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.moments import MOMENTS, count_moments
from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MONEY = "decimal(18, 4)"
METHOD_VALUE = "users resampled (delta method)"


def stage_value(
    staged: Tabular,
    orders: Tabular,
    *,
    stages: Sequence[str],
    end: date,
    window_days: int = 90,
    data_start: date,
    settled_through: date,
    level: float = 0.95,
) -> pd.DataFrame:
    """Users, orders and revenue of each stage in the window_days up to the day on which the stages are read.

    staged:  one row per user -- user, stage
    orders:  one row per order -- user, day, net (paid minus refunded), is_purchase
    returns: one row per stage of `stages` -- stage, users, alive_users (of all stages), share, share_low, share_high
             (Wilson), buyers, orders, revenue, share_revenue, share_revenue_low, share_revenue_high (delta method),
             orders_per_user, revenue_per_user, revenue_per_user_low, revenue_per_user_high (normal), window_days,
             complete (the window lies inside the data and is settled)
    source:  delta method of a ratio of sums over users, as for RFM groups

    >>> from opsbook import stage_value, stages, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> staged = stages.user_stages(tiny.user_days, tiny.users, rules=DEFAULT_STAGES, day=tiny.AS_OF)
    >>> span = {**tiny.COVERED, "end": tiny.AS_OF, "window_days": 28}
    >>> told = stage_value.stage_value(staged, tiny.orders, stages=stages.STAGES, **span)
    >>> print(told[["stage", "users", "buyers", "revenue", "revenue_per_user"]].round(2).to_string(index=False))
           stage  users  buyers  revenue  revenue_per_user
    introduction      0       0      0.0               NaN
          growth     14       8    410.0             29.29
          mature     18      18   1540.0             85.56
        sleeping      8       4    140.0             17.50
            lost     20       0      0.0              0.00
    """
    units = _bought(staged, orders, end, window_days)
    pairs = {"value": (units.revenue, units.orders), "buyers": (units.bought, units.bought)}
    counted = count_moments(units, by="stage", pairs=pairs)
    value, buyers = (
        counted[counted["name"] == name].set_index("stage")[MOMENTS].astype("float64").reindex(list(stages))
        for name in ("value", "buyers")
    )
    table = pd.DataFrame({"users": value["users"].fillna(0).astype("int64")})
    table["alive_users"] = int(table["users"].sum())
    table = add_share(table, of="users", out_of="alive_users", level=level)
    table["buyers"] = buyers["total"].fillna(0).astype("int64")
    table["orders"] = (value["other_mean"] * value["users"]).fillna(0).round().astype("int64")
    table["revenue"] = value["total"].fillna(0.0)
    table = _with_revenue_share(table, value["variance"], level)
    table["orders_per_user"] = table["orders"] / table["users"].where(table["users"] > 0)
    table = _with_mean(table, value, level)
    first = end - timedelta(days=window_days - 1)
    return table.reset_index().assign(
        window_days=window_days, complete=bool(first >= data_start and end <= settled_through)
    )


def _bought(staged: Tabular, orders: Tabular, end: date, window_days: int) -> ibis.Table:
    """One row per user with a stage -- stage, orders, revenue, bought (0 or 1), in the window."""
    sales = engine_table(orders).select(
        "user", day=_.day.cast("date"), net=_.net.cast(MONEY), is_purchase=_.is_purchase.cast("boolean")
    )
    sales = sales.filter(_.day.between(ibis.date(end - timedelta(days=window_days - 1)), ibis.date(end)))
    per_user = sales.group_by("user").agg(orders=_.is_purchase.sum().cast("int64"), revenue=_.net.sum())
    joined = engine_table(staged).select("user", "stage").left_join(per_user, "user")
    filled = joined.select("stage", orders=_.orders.fill_null(0), revenue=_.revenue.cast("float64").fill_null(0.0))
    return filled.mutate(bought=(_.orders > 0).cast("int64"))


def _with_revenue_share(table: pd.DataFrame, variance: pd.Series, level: float) -> pd.DataFrame:
    total, n = table["revenue"].sum(), int(table["users"].sum())
    mean = table["revenue"] / table["users"].where(table["users"] > 0)
    squares = (variance * (table["users"] - 1)).fillna(0.0) + (table["users"] * mean**2).fillna(0.0)
    share = table["revenue"] / (total if total > 0 else np.nan)
    spread = (1 - share) ** 2 * squares + share**2 * (squares.sum() - squares)
    correction = n / (n - 1) if n > 1 else np.nan
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(spread * correction) / (total if total > 0 else np.nan)
    low, high = (share - half).clip(lower=share.clip(upper=0)), (share + half).clip(upper=share.clip(lower=1))
    return table.assign(share_revenue=share, share_revenue_low=low.round(9), share_revenue_high=high.round(9))


def _with_mean(table: pd.DataFrame, value: pd.DataFrame, level: float) -> pd.DataFrame:
    mean = table["revenue"] / table["users"].where(table["users"] > 0)
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(value["variance"] / table["users"].where(table["users"] > 1))
    low, high = (mean - half).clip(lower=mean.clip(upper=0)), mean + half
    return table.assign(revenue_per_user=mean, revenue_per_user_low=low, revenue_per_user_high=high)
