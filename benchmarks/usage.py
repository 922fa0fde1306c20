"""Rising and falling usage from the mart, and the same from plain pandas on user-days."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import usage_trend
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
COUNTS = ["end", "users", "rising", "falling"]


def trend(mart: Mart) -> pd.DataFrame:
    """Users with clearly more and clearly fewer active days, in eight pairs of four weeks."""
    return usage_trend.usage_trend(mart.user_days, mart.users, end=END, data_start=START, settled_through=END)[COUNTS]


def trend_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with one groupby and one merge."""
    days, last = frames.user_days, pd.Timestamp(END)
    place = ((last - days["day"]).dt.days // 28).rename("place")
    active = days.groupby(["user", place]).size().rename("now").reset_index()
    before = active.rename(columns={"now": "before"}).assign(place=active["place"] - 1)
    both = active.merge(before, on=["user", "place"])
    life = frames.users.set_index("user")[["first_day", "first_active_day"]].min(axis=1)
    starts = last - pd.to_timedelta(28 * (both["place"] + 2) - 1, unit="D")
    both = both[(both["user"].map(life) <= starts) & (both["place"] < 8)]
    rising, falling = (
        (both[up] - both[down] >= 2) & (both[up] >= 1.25 * both[down])
        for up, down in (("now", "before"), ("before", "now"))
    )
    table = pd.DataFrame({"place": both["place"], "users": 1, "rising": rising, "falling": falling})
    sums = table.groupby("place").sum().reindex(np.arange(8)[::-1], fill_value=0).astype("int64").reset_index()
    return sums.assign(end=last - pd.to_timedelta(28 * sums["place"], unit="D"))[COUNTS]


CASES = [Case("rising and falling usage, 8 pairs of 4 weeks", trend, trend_in_pandas, ("user_days", "users"))]
