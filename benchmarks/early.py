"""The early-behaviour search's counting from the mart, and the same reach from plain pandas on events."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import aha, early
from opsbook.inputs.aha import AhaSettings
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
SETTINGS = AhaSettings(min_users=1, permutations=99)
GROUPS = {"looking": ["view", "read"]}
KEYS = ["item", "window_days", "at_least"]


def tried(mart: Mart) -> pd.DataFrame:
    """Reach and difference over all newcomers of every event, count and window, the chance of the search included."""
    seen = {"end": END, "data_start": START, "settled_through": END, "seed": 1}
    found = early.early_behaviour(mart.steps, mart.user_days, mart.users, settings=SETTINGS, groups=GROUPS, **seen)
    return _common(aha.search(found, seed=1))


def tried_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same reach and difference counted cell by cell; without halves, strata and shuffles."""
    last = pd.Timestamp(END) - pd.Timedelta(days=SETTINGS.outcome_days[1])
    begin = max(pd.Timestamp(START), last - pd.Timedelta(days=SETTINGS.signup_days - 1))
    known = frames.users[frames.users["life_start"] != "unknown"]
    first = known[known["first_day"].between(begin, last)].set_index("user")["first_day"]
    days = frames.user_days.assign(age=_age(frames.user_days, first))
    stayed = days.loc[days["age"].between(*SETTINGS.outcome_days), "user"].unique()
    outcome = pd.Series(first.index.isin(stayed), index=first.index)
    events = frames.steps.assign(age=_age(frames.steps, first))
    things = {name: events[events["event"] == name] for name in events["event"].unique()}
    things |= {name: events[events["event"].isin(members)] for name, members in GROUPS.items()} | {"active_days": days}
    rows = [
        (name, window, count, *_cell(own[own["age"].between(0, window - 1)], count, outcome))
        for name, own in things.items()
        for window in SETTINGS.windows
        for count in SETTINGS.counts
    ]
    return _common(pd.DataFrame(rows, columns=[*KEYS, "reach", "naive"]))


def _common(cells: pd.DataFrame) -> pd.DataFrame:
    """The behaviours that neither few nor nearly all do."""
    kept = cells.loc[cells["reach"].between(0.05, 0.95), [*KEYS, "reach", "naive"]]
    return kept.sort_values(KEYS, ignore_index=True)


def _age(rows: pd.DataFrame, first: pd.Series) -> pd.Series:
    return (rows["day"] - rows["user"].map(first)).dt.days


def _cell(own: pd.DataFrame, count: int, outcome: pd.Series) -> tuple[float, float]:
    did = outcome.index.isin(own["user"].value_counts().loc[lambda n: n >= count].index)
    return did.mean(), outcome[did].mean() - outcome[~did].mean()


NEEDS = ("steps", "user_days", "users")
CASES = [Case("early behaviour: events x counts x windows", tried, tried_in_pandas, NEEDS)]
