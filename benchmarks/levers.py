"""The levers behind a month's change and the weekly chain, from the mart and in plain pandas."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import levers, weekly_chain
from opsbook.inputs.periods import periods_between
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
MONTHS = list(periods_between(START, END, "month"))[-3:]
WEEKS = 12
CHAIN = [*weekly_chain.STATES, *(f"next_{state}" for state in weekly_chain.STATES)]


def drivers(mart: Mart) -> pd.DataFrame:
    """Counts of the lever table for the last two months, and eight weeks of the chain's stocks and moves."""
    seen = {"data_start": START, "settled_through": END}
    counts = levers.lever_counts(mart.user_days, mart.users, periods=MONTHS, **seen)
    patterns = weekly_chain.weekly_patterns(mart.user_days, mart.users, end=END, data_start=START)
    weeks = weekly_chain.chain_weeks(patterns, end=END).iloc[:-1]
    return _tall(counts.set_index("channel")[levers.COUNTS], weeks[CHAIN])


def drivers_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from one row per user and month, and per user and week."""
    people = frames.users.set_index("user")
    life, known = people[["first_day", "first_active_day"]].min(axis=1), people["life_start"] != "unknown"
    days = frames.user_days.loc[frames.user_days["day"] >= pd.Timestamp(MONTHS[0].start), ["user", "day"]]
    return _tall(_levers_in_pandas(days, people["channel"], life, known), _chain_in_pandas(days, life.where(known)))


def _levers_in_pandas(days: pd.DataFrame, channel: pd.Series, life: pd.Series, known: pd.Series) -> pd.DataFrame:
    starts = [pd.Timestamp(month.start) for month in MONTHS] + [pd.Timestamp(END) + pd.Timedelta(days=1)]
    flags = [
        life.index.isin(days.loc[days["day"].between(*span, inclusive="left"), "user"]) for span in pairwise(starts)
    ]
    tables = []
    for place in (1, 2):
        now, before = flags[place], flags[place - 1]
        born, asleep = (
            life.between(starts[place], starts[place + 1], inclusive="left"),
            (life < starts[place]) & ~before,
        )
        sums = [known & born, known & born & now, before, before & now, asleep, asleep & now, ~known & born & now]
        columns = {name: pd.Series(flag, index=life.index) for name, flag in zip(levers.COUNTS, sums, strict=True)}
        tables.append(pd.DataFrame(columns).groupby(channel).sum())
    return pd.concat(tables)


def _chain_in_pandas(days: pd.DataFrame, life: pd.Series) -> pd.DataFrame:
    end = pd.Timestamp(END)
    recent = days.assign(week=(end - days["day"]).dt.days // 7).query("week < @WEEKS")[["user", "week"]]
    active = recent.groupby(["user", "week"]).size().unstack(fill_value=0) > 0
    born = ((end - life).dt.days // 7).reindex(active.index)
    rows = []
    for week in range(WEEKS - 4, 0, -1):
        now, before = active[week], active[week + 1]
        silent = [active[week + ago] & ~active[list(range(week, week + ago))].any(axis=1) for ago in (1, 2, 3)]
        flags = [now & (born == week), now & before & (born != week), now & ~before & (born != week), *silent]
        rows.append([flag.sum() for flag in flags] + [(flag & active[week - 1]).sum() for flag in flags])
    return pd.DataFrame(rows, columns=CHAIN)


def _tall(counts: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """Both tables as one column of numbers."""
    whole = [table.reset_index(drop=True).stack().astype("int64").reset_index(drop=True) for table in (counts, weeks)]
    return pd.DataFrame({"users": pd.concat(whole, ignore_index=True)})


CASES = [Case("levers of one month, weekly chain", drivers, drivers_in_pandas, ("user_days", "users"))]
