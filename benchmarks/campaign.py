"""Notebook 03 from the mart, and the same tables from plain pandas: a four-step funnel, and an A/B test with CUPED.

The benchmark's company has no campaign, so half of the users are called treated by the parity of their key.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import experiment, funnels, incrementality
from opsbook.analysis.means import cuped, relative, welch
from opsbook.analysis.moments import stacked
from opsbook.mart.mart import Mart

YEAR = date.fromisoformat(FIRST_DAY)
AS_OF = YEAR + timedelta(days=DAYS - 1)
PATH = ("open", "view", "cart", "order")
WINDOW_DAYS = 7
START, END, AFTER_DAYS, BEFORE_DAYS = YEAR + timedelta(days=200), YEAR + timedelta(days=213), 28, 28
WINDOWS = {
    "before": (START - timedelta(days=BEFORE_DAYS), START - timedelta(days=1)),
    "during": (START, END),
    "after": (END + timedelta(days=1), END + timedelta(days=AFTER_DAYS)),
    "net": (START, END + timedelta(days=AFTER_DAYS)),
}
SHOWN = ["metric", "window", "method", "difference", "low", "high", "relative"]


def funnel(mart: Mart) -> pd.DataFrame:
    """Open, view, cart, order within seven days of the best entry, over the whole year."""
    walked = funnels.funnel(mart.steps, path=PATH, start=YEAR, end=AS_OF, window_days=WINDOW_DAYS, as_of=AS_OF)
    return walked[["event", "users", "incomplete"]]


def funnel_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with sort and cumulative maximum: the latest entry time that reached each step."""
    steps = frames.steps[frames.steps["event"].isin(PATH)]
    position = steps["event"].map({event: k for k, event in enumerate(PATH)}).astype("int8")
    walked = steps[["user", "at", "day"]].assign(position=position).sort_values(["user", "at", "position"])
    last = pd.Timestamp(AS_OF) - pd.Timedelta(days=WINDOW_DAYS)
    start = walked["at"].where((walked["position"] == 0) & (walked["day"] <= last))
    reached = [start]
    for k in range(1, len(PATH)):
        latest = reached[-1].groupby(walked["user"]).cummax().groupby(walked["user"]).ffill()
        in_time = (walked["position"] == k) & (walked["at"] <= latest + pd.Timedelta(days=WINDOW_DAYS))
        reached.append(latest.where(in_time))
    users = [int(walked.loc[times.notna(), "user"].nunique()) for times in reached]
    first = walked[walked["position"] == 0].groupby("user")["day"].min()
    return pd.DataFrame({"event": PATH, "users": users, "incomplete": int((first > last).sum())})


def increments(mart: Mart) -> pd.DataFrame:
    """Differences of revenue, orders and active days during, after and net: plain and CUPED."""
    variant = ibis.ifelse(mart.users.user % 2 == 0, "control", "treatment")
    assigned = mart.users.select("user", variant=variant, experiment_id=ibis.literal("half"), day=ibis.date(YEAR))
    units = experiment.units(
        assigned,
        mart.user_days,
        experiment_id="half",
        control="control",
        start=START,
        end=END,
        after_days=AFTER_DAYS,
        before_days=BEFORE_DAYS,
    )
    found = incrementality.increments(experiment.arm_moments(units))
    shown = found[found["method"].isin(["plain", "cuped"]) & (found["metric"] != "buyers")][SHOWN]
    return shown.sort_values(["metric", "window", "method"], ignore_index=True)


def increments_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with a sum per user and window, zeros for the silent."""
    users = pd.Index(frames.users["user"].sort_values())
    treated = users.to_numpy() % 2 == 1
    days = frames.user_days.assign(active_days=1)
    sums = {name: _sums(days, users, *window) for name, window in WINDOWS.items()}
    rows = []
    for metric in ("active_days", "orders", "revenue"):
        before = sums["before"][metric].to_numpy(dtype=float)
        for window in ("after", "during", "net"):
            outcome = sums[window][metric].to_numpy(dtype=float)
            arms = [stacked(outcome[arm], before[arm]) for arm in (treated, ~treated)]
            for method, (first, base) in (("cuped", cuped(*arms)), ("plain", tuple(arm.own for arm in arms))):
                rows.append([metric, window, method, *welch(first, base)[:3], relative(first, base).value])
    return pd.DataFrame(rows, columns=SHOWN)


def _sums(days: pd.DataFrame, users: pd.Index, first: date, last: date) -> pd.DataFrame:
    inside = days[days["day"].between(pd.Timestamp(first), pd.Timestamp(last))]
    summed = inside.groupby("user")[["active_days", "orders", "revenue"]].sum()
    return summed.reindex(users, fill_value=0).astype(np.float64)


CASES = [
    Case("four-step funnel, 7 days, best entry", funnel, funnel_in_pandas, ("steps",)),
    Case("A/B with CUPED, three windows", increments, increments_in_pandas, ("user_days", "users")),
]
