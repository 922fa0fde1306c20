"""What goes on inside the funnel, from the mart and from plain pandas: time to convert, and what goes with a step."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import conversion_time, drivers, funnel_modes
from opsbook.inputs.funnels import Funnel
from opsbook.inputs.periods import between
from opsbook.mart.mart import Mart

YEAR = date.fromisoformat(FIRST_DAY)
AS_OF = YEAR + timedelta(days=DAYS - 1)
PATH = ("open", "view", "cart", "order")
FUNNEL = Funnel.model_validate({"name": "bench", "steps": PATH, "window_days": 7})
WINDOW = pd.Timedelta(days=7)
WATCHED_UNTIL = pd.Timestamp(AS_OF) + pd.Timedelta(days=1)
LAST = pd.Timestamp(AS_OF) - WINDOW
STEP = 3
LANDMARK = pd.Timedelta(days=1)
HOUR = pd.Timedelta(hours=1)
DRIVEN = ["kind", "value", "group_users", "converted", "rest_converted"]


def durations(mart: Mart) -> pd.DataFrame:
    """Minutes from each step to the next, counted, for all entries of the year."""
    walked = funnel_modes.walk(mart.steps, mart.users, funnel=FUNNEL, periods=[between(YEAR, AS_OF)], as_of=AS_OF)
    counted = conversion_time.durations(walked, funnel=FUNNEL, cohort=0)
    return counted[["step", "duration_days", "churned", "censored"]]


def durations_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same by the first time of each step at or after the one before, from the first entry."""
    first = _first_chain(frames.steps)
    hours = (first - first[[0]].to_numpy()) / HOUR
    watched = (WATCHED_UNTIL - first[0]).clip(upper=WINDOW) / HOUR
    spans = [(0, 0, len(PATH) - 1), *((k + 1, k - 1, k) for k in range(1, len(PATH)))]
    return pd.concat([_waits(hours, watched, *span) for span in spans], ignore_index=True)


def driven(mart: Mart) -> pd.DataFrame:
    """Platforms and early events of those who viewed, and how many went on to the cart."""
    walked = funnel_modes.walk(mart.steps, mart.users, funnel=FUNNEL, periods=[between(YEAR, AS_OF)], as_of=AS_OF)
    table = drivers.drivers(walked, mart.steps, mart.users, funnel=FUNNEL, step=STEP, attributes=["platform"])
    return table.sort_values(["kind", "value"], ignore_index=True)[DRIVEN]


def driven_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from one row per user, with the events of a day after the view."""
    first = _first_chain(frames.steps)
    users = _best_chain(frames.steps).loc[lambda table: table[STEP - 2]]
    platform = users.index.map(frames.users.set_index("user")["platform"])
    by_platform = users[STEP - 1].groupby(np.asarray(platform)).agg(["size", "sum"])
    at, taken = (first[place].reindex(users.index) for place in (STEP - 2, STEP - 1))
    start = first[0].reindex(users.index)
    waiting = at.notna() & ~(taken < at + LANDMARK) & (at + LANDMARK < start + WINDOW)
    early = frames.steps[frames.steps["user"].isin(at.index[waiting]) & ~frames.steps["event"].isin(PATH[STEP - 1 :])]
    since = early["at"] - early["user"].map(at)
    once = early[(since >= pd.Timedelta(0)) & (since < LANDMARK)].drop_duplicates(["user", "event"])
    by_event = once["user"].map(taken.notna()).groupby(once["event"].to_numpy()).agg(["size", "sum"])
    tables = [_against(by_platform, "attribute", users[STEP - 1]), _against(by_event, "event", taken[waiting].notna())]
    return pd.concat(tables).sort_values(["kind", "value"], ignore_index=True)[DRIVEN]


def _first_chain(steps: pd.DataFrame) -> pd.DataFrame:
    """One row per user who entered -- the instants of the steps, the earliest from the first entry; NaT when missed."""
    at = {name: steps.loc[steps["event"] == name, ["user", "at"]] for name in PATH}
    reached = [at[PATH[0]].groupby("user")["at"].min()]
    for name in PATH[1:]:
        after = at[name]["at"] >= at[name]["user"].map(reached[-1])
        inside = after & (at[name]["at"] <= at[name]["user"].map(reached[0]) + WINDOW)
        reached.append(at[name][inside].groupby("user")["at"].min())
    return pd.concat(reached, axis=1, keys=range(len(PATH)))


def _best_chain(steps: pd.DataFrame) -> pd.DataFrame:
    """One row per user -- whether each step was reached from any entry whose window is over."""
    walked = steps.loc[steps["event"].isin(PATH), ["user", "at", "day", "event"]]
    walked = walked.assign(place=walked["event"].map({event: k for k, event in enumerate(PATH)}).astype("int8"))
    walked = walked.sort_values(["user", "at", "place"], ignore_index=True)
    start = walked["at"].where((walked["place"] == 0) & (walked["day"] <= LAST))
    reached = [start.notna()]
    for k in range(1, len(PATH)):
        latest = start.groupby(walked["user"]).cummax().groupby(walked["user"]).ffill()
        start = latest.where((walked["place"] == k) & (walked["at"] <= latest + WINDOW))
        reached.append(start.notna())
    return pd.concat(reached, axis=1, keys=range(len(PATH))).groupby(walked["user"]).any()


def _waits(hours: pd.DataFrame, watched: pd.Series, step: int, since: int, until: int) -> pd.DataFrame:
    began = hours[since].notna()
    went = hours.loc[began, until].notna()
    minutes = np.floor((hours.loc[began, until].where(went, watched[began]) - hours.loc[began, since]) * 60)
    counted = pd.DataFrame({"churned": went.astype("int64"), "censored": (~went).astype("int64")})
    counted = counted.groupby(minutes / conversion_time.MINUTES).sum().rename_axis("duration_days").reset_index()
    return counted.assign(step=step)[["step", "duration_days", "churned", "censored"]]


def _against(groups: pd.DataFrame, kind: str, hits: pd.Series) -> pd.DataFrame:
    """Groups of at least ten users, and as many others."""
    table = groups.set_axis(["group_users", "converted"], axis=1).rename_axis("value").reset_index()
    fair = (table["group_users"] >= 10) & (len(hits) - table["group_users"] >= 10)
    return table[fair].assign(kind=kind, rest_converted=lambda t: int(hits.sum()) - t["converted"])


CASES = [
    Case("time to convert, each of three steps", durations, durations_in_pandas, ("steps",)),
    Case("what goes with a step: platform, events", driven, driven_in_pandas, ("steps", "users")),
]
