"""The funnel's modes from the mart, and the same counts from plain pandas: strict, and one held property."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from benchmarks import waiting
from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import funnel_modes, funnel_rates
from opsbook.inputs.funnels import Funnel
from opsbook.inputs.periods import between
from opsbook.mart.mart import Mart

YEAR = date.fromisoformat(FIRST_DAY)
AS_OF = YEAR + timedelta(days=DAYS - 1)
PERIODS = [between(YEAR, AS_OF)]
PATH = ("open", "view", "cart", "order")
WINDOW = pd.Timedelta(days=7)
LAST = pd.Timestamp(AS_OF) - WINDOW


def _counted(mart: Mart, **options: object) -> pd.DataFrame:
    funnel = Funnel.model_validate({"name": "bench", "steps": PATH, "window_days": 7} | options)
    walked = funnel_modes.walk(mart.steps, mart.users, funnel=funnel, periods=PERIODS, as_of=AS_OF)
    return funnel_rates.counts(walked, funnel=funnel, periods=PERIODS)[["event", "users", "incomplete"]]


def strict(mart: Mart) -> pd.DataFrame:
    """Open, view, cart, order within seven days of the best entry, with nothing else between."""
    return _counted(mart, mode="strict")


def strict_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same on sorted events: a step is reached when the instant before it, or its own, reached the one before."""
    steps = frames.steps[["user", "at", "day", "event"]]
    position = steps["event"].map({event: k for k, event in enumerate(PATH)}).fillna(-1).astype("int8")
    walked = steps.assign(position=position).sort_values(["user", "at", "position"], ignore_index=True)
    instant = (walked["at"] != walked["at"].shift()) | (walked["user"] != walked["user"].shift())
    walked["instant"] = instant.cumsum()
    walked["start"] = walked["at"].where((walked["position"] == 0) & (walked["day"] <= LAST))
    reached = walked.loc[walked["start"].notna(), ["user", "instant", "start"]]
    users = [reached["user"].nunique()]
    for k in range(1, len(PATH)):
        latest = pd.concat([reached, reached.assign(instant=reached["instant"] + 1)])
        latest = latest.groupby(["user", "instant"])["start"].max().rename("latest").reset_index()
        now = walked.loc[walked["position"] == k, ["user", "instant", "at"]].merge(latest, on=["user", "instant"])
        now = now[now["at"] <= now["latest"] + WINDOW]
        reached = now[["user", "instant"]].assign(start=now["latest"])
        users.append(reached["user"].nunique())
    return _table(users, walked[walked["position"] == 0])


def held(mart: Mart) -> pd.DataFrame:
    """The funnel with each chain on one value of `channel`; a quarter of the day stands for it."""
    steps = mart.steps.mutate(channel=(mart.steps.hour // 6).cast("string"))
    options = {"name": "bench", "steps": PATH, "window_days": 7, "hold": "channel"}
    funnel = Funnel.model_validate(options)
    walked = funnel_modes.walk(steps, mart.users, funnel=funnel, periods=PERIODS, as_of=AS_OF)
    return funnel_rates.counts(walked, funnel=funnel, periods=PERIODS)[["event", "users", "incomplete"]]


def held_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with sort and cumulative maximum within user and value."""
    steps = frames.steps[frames.steps["event"].isin(PATH)]
    position = steps["event"].map({event: k for k, event in enumerate(PATH)}).astype("int8")
    walked = steps[["user", "at", "day"]].assign(position=position, held=steps["at"].dt.hour // 6)
    walked = walked.sort_values(["user", "held", "at", "position"], ignore_index=True)
    keys = [walked["user"], walked["held"]]
    reached = [walked["at"].where((walked["position"] == 0) & (walked["day"] <= LAST))]
    for k in range(1, len(PATH)):
        latest = reached[-1].groupby(keys).cummax().groupby(keys).ffill()
        reached.append(latest.where((walked["position"] == k) & (walked["at"] <= latest + WINDOW)))
    users = [int(walked.loc[times.notna(), "user"].nunique()) for times in reached]
    return _table(users, walked[walked["position"] == 0])


def _table(users: list[int], entries: pd.DataFrame) -> pd.DataFrame:
    young = int((entries.groupby("user")["day"].min() > LAST).sum())
    return pd.DataFrame({"event": PATH, "users": users, "incomplete": young})


CASES = [
    Case("four-step funnel, strict", strict, strict_in_pandas, ("steps",)),
    Case("four-step funnel, one value held", held, held_in_pandas, ("steps",)),
    *waiting.CASES,
]
