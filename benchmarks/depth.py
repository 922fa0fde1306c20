"""Notebook 01's deeper tables from the mart, and from plain pandas: intensity, stage history, waiting, segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import clusters, intensity, segments, stage_ageing
from opsbook.inputs.funnels import Funnel
from opsbook.inputs.segments import Segment
from opsbook.inputs.workbook import Thresholds
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
WINDOW = 28
SEEN = {"end": END, "data_start": START, "settled_through": END, "window_days": WINDOW}
METRICS = ("active_days", "actions_per_day", "features_used", "reading", "cart", "orders")
SHOWN = ["metric", "users", "users_any", "p10", "median", "p90"]
GROUPS = ("n_reading", "n_cart")
DRAWN = ["active_days", "orders", "revenue", "reading", "cart"]
SEED = 7
PATH = ("open", "view", "cart", "order")
SEGMENTS = {
    "core": {"all": [{"count": "orders", "within_days": 90, "at_least": 2},
                     {"count": "active_days", "within_days": WINDOW, "at_least": 2}]},
    "ios": {"attribute": "platform", "equals": "ios"},
    "readers": {"event": "read", "within_days": WINDOW, "at_least": 2},
}  # fmt: skip


def per_user(mart: Mart) -> pd.DataFrame:
    """Quantiles of six metrics per active user of the last four weeks."""
    return intensity.metric_quantiles(mart.user_days, metrics=METRICS, **SEEN)[SHOWN]


def per_user_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with one groupby and the smallest value at or below which a share of users lies."""
    sums = _window(frames, END)
    sums = sums.assign(
        actions_per_day=sums["events"] / sums["active_days"], features_used=(sums[list(GROUPS)] > 0).sum(1)
    )
    sums = sums.rename(columns={"n_reading": "reading", "n_cart": "cart"})
    rows = []
    for name in METRICS:
        values = sums[name].to_numpy(float)
        quantiles = np.quantile(values, [0.1, 0.5, 0.9], method="inverted_cdf")
        rows.append([name, len(values), int((values > 0).sum()), *quantiles])
    return pd.DataFrame(rows, columns=SHOWN)


def breadth(mart: Mart) -> pd.DataFrame:
    """Event groups used and active days of the window before the last, and who came again."""
    cells = intensity.breadth_frequency(mart.user_days, **SEEN)
    return cells[["features_used", "from_days", "users", "retained"]]


def breadth_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with a groupby of two windows."""
    before, after = _window(frames, END - timedelta(days=WINDOW)), _window(frames, END)
    starts = intensity.band_starts(WINDOW)
    cells = pd.DataFrame({
        "features_used": (before[list(GROUPS)] > 0).sum(axis=1),
        "from_days": np.asarray(starts)[np.searchsorted(starts, before["active_days"], side="right") - 1],
        "users": 1, "retained": before.index.isin(after.index).astype("int64"),
    })  # fmt: skip
    grid = pd.MultiIndex.from_product([range(len(GROUPS) + 1), starts], names=["features_used", "from_days"])
    return cells.groupby(grid.names).sum().reindex(grid, fill_value=0).reset_index()


def ageing(mart: Mart) -> pd.DataFrame:
    """How many users stand at each of four steps, and how many ever moved on."""
    funnel = Funnel.model_validate({"name": "bench", "steps": PATH, "window_days": 7})
    waits = stage_ageing.waiting(mart.steps, mart.users, funnel=funnel, data_start=START, as_of=END)
    return waits.groupby("step")[["moved_on", "standing"]].sum().reset_index()


def ageing_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same by the first time of each step at or after the one before."""
    steps, rows = frames.steps, []
    at = {name: steps.loc[steps["event"] == name, ["user", "at"]] for name in PATH}
    reached = at[PATH[0]].groupby("user")["at"].min()
    for place, name in enumerate(PATH[1:], 1):
        own = at[name].assign(since=at[name]["user"].map(reached))
        after = own[own["at"] >= own["since"]].groupby("user")["at"].min()
        rows.append([place, len(after), len(reached) - len(after)])
        reached = after
    return pd.DataFrame(rows, columns=["step", "moved_on", "standing"])


def membership(mart: Mart) -> pd.DataFrame:
    """Users of three segments, with the stage, RFM group and facts of everybody."""
    named = {name: Segment.model_validate({"rule": rule}) for name, rule in SEGMENTS.items()}
    logs = (mart.user_days, mart.users, mart.orders, mart.steps)
    people = segments.people(*logs, segments=named, limits=Thresholds(), event_groups={}, as_of=END)
    belongs = segments.membership(people, list(named))
    counted = belongs.group_by("segment").agg(users=belongs.count())
    return counted.order_by("segment").to_pandas()


def membership_in_pandas(frames: Frames) -> pd.DataFrame:
    """The three memberships alone; stages and RFM groups have cases of their own."""
    last = pd.Timestamp(END)
    orders = frames.user_days[frames.user_days["day"] > last - pd.Timedelta(days=90)].groupby("user")["orders"].sum()
    days = _window(frames, END)["active_days"]
    read = frames.steps[(frames.steps["event"] == "read") & (frames.steps["day"] > last - pd.Timedelta(days=WINDOW))]
    core = (orders[orders >= 2].index).intersection(days[days >= 2].index)
    sizes = {"core": len(core), "ios": int((frames.users["platform"] == "ios").sum())}
    sizes["readers"] = int((read.groupby("user").size() >= 2).sum())
    return pd.DataFrame({"segment": sorted(sizes), "users": [sizes[name] for name in sorted(sizes)]})


def drawn(mart: Mart) -> pd.DataFrame:
    """What a thousand users drawn by hash did: the rows that k-means reads, whatever the company's size."""
    window = {"as_of": END, "window_days": WINDOW, "groups": ["reading", "cart"]}
    sample = clusters.sample(mart.user_days, seed=SEED, **window)
    return sample.rename(columns=lambda name: name.removeprefix("n_"))[DRAWN]


def drawn_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with a groupby; only the hash, which is the engine's own, is asked of it."""
    done = _window(frames, END, also=["revenue"])
    keys = pd.DataFrame({"user": done.index})
    hashed = duckdb.sql(f"SELECT hash(CAST(\"user\" AS VARCHAR) || ':{SEED}') AS drawn FROM keys").df()["drawn"]
    hashed = hashed.to_numpy(dtype="uint64").view("int64")
    first = keys.assign(drawn=hashed).nsmallest(clusters.SAMPLED, "drawn")["user"]
    return done.loc[np.sort(first)].rename(columns=lambda name: name.removeprefix("n_")).reset_index(drop=True)[DRAWN]


def _window(frames: Frames, end: date, also: Sequence[str] = ()) -> pd.DataFrame:
    """One row per user active in the window -- active_days, events, orders and the groups, and other columns."""
    last = pd.Timestamp(end)
    inside = frames.user_days[frames.user_days["day"].between(last - pd.Timedelta(days=WINDOW - 1), last)]
    return inside.assign(active_days=1).groupby("user")[["active_days", "events", "orders", *GROUPS, *also]].sum()


CASES = [
    Case("six metrics per user, quantiles", per_user, per_user_in_pandas),
    Case("breadth x frequency and return", breadth, breadth_in_pandas),
    Case("what 1,000 drawn users did, for clusters", drawn, drawn_in_pandas),
    Case("who stands at each of four steps", ageing, ageing_in_pandas, ("steps",)),
    Case(
        "segments, with stage and RFM of everybody", membership, membership_in_pandas, ("user_days", "users", "steps")
    ),
]
