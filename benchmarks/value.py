"""Future value from the mart, and the same tables from plain pandas: histories counted, value per user by cohort."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import ltv, purchase_patterns
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
SPLIT = END - timedelta(days=DAYS // 2)
WINDOWS = (30, 90, 180)
HISTORY = ["cohort", "frequency", "recency_days", "age_days"]


def patterns(mart: Mart) -> pd.DataFrame:
    """Purchase histories to the middle of the year, with the orders after it."""
    until = {"through": SPLIT, "seen_through": END, "data_start": START}
    table = purchase_patterns.purchase_patterns(mart.orders, mart.users, **until)
    return table.sort_values(HISTORY, ignore_index=True)[[*HISTORY, "customers", "later_orders"]]


def patterns_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from one row per user and day with an order."""
    bought = frames.orders.loc[frames.orders["is_purchase"], ["user", "day"]].drop_duplicates()
    split = pd.Timestamp(SPLIT)
    known = bought[bought["day"] <= split].groupby("user")["day"].agg(["min", "max", "size"])
    later = bought[bought["day"] > split].groupby("user").size().reindex(known.index, fill_value=0)
    life = frames.users.set_index("user").loc[known.index, ["first_day", "life_start"]]
    earlier = (life["life_start"] == "unknown") | (life["first_day"] < pd.Timestamp(START))
    first = known["min"].dt
    table = pd.DataFrame({
        "cohort": (first.year.astype(str) + "-Q" + first.quarter.astype(str)).mask(earlier, purchase_patterns.EARLIER),
        "frequency": known["size"] - 1,
        "recency_days": (known["max"] - known["min"]).dt.days,
        "age_days": (split - known["min"]).dt.days,
        "later_orders": later,
    })  # fmt: skip
    return table.groupby(HISTORY)["later_orders"].agg(customers="size", later_orders="sum").reset_index()


def triangle(mart: Mart) -> pd.DataFrame:
    """Net revenue per user in the first 30, 90 and 180 days, by month of sign-up."""
    seen = {"data_start": START, "settled_through": END}
    table = ltv.observed_ltv(mart.orders, mart.users, windows=WINDOWS, **seen)
    kept = table[table["complete"] & (table["cohort"] != ltv.ALL)].sort_values(["cohort", "window_days"])
    return kept[["cohort", "window_days", "users", "ltv"]].reset_index(drop=True)


def triangle_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same window by window."""
    users = frames.users.set_index("user")
    first = users["signed_up_day"]
    age = (frames.orders["day"] - frames.orders["user"].map(first)).dt.days.clip(lower=0)
    month = first.dt.to_period("M")
    last = month.dt.end_time.dt.normalize()
    rows = []
    for window in WINDOWS:
        paid = frames.orders[age < window].groupby("user")["net"].sum().reindex(users.index, fill_value=0.0)
        complete = last + pd.Timedelta(days=window - 1) <= pd.Timestamp(END)
        cells = paid[complete].groupby(month[complete]).agg(["size", "mean"])
        rows.append(cells.rename_axis("cohort").reset_index().assign(window_days=window))
    table = pd.concat(rows).rename(columns={"size": "users", "mean": "ltv"})
    table = table.assign(cohort=table["cohort"].astype(str), users=table["users"].astype(np.int64))
    return table.sort_values(["cohort", "window_days"])[["cohort", "window_days", "users", "ltv"]].reset_index(
        drop=True
    )


CASES = [
    Case("purchase histories counted", patterns, patterns_in_pandas, ("orders", "users")),
    Case("value per user, 12 cohorts x 3 windows", triangle, triangle_in_pandas, ("orders", "users")),
]
