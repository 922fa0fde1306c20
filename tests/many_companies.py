"""Activity with gaps of many small companies at once, whose law of the first silence longer than TAU days we chose."""

from datetime import date, timedelta

import numpy as np
import pandas as pd

START, DAYS, TAU = date(2026, 1, 1), 150, 12
AS_OF = START + timedelta(days=DAYS - 1)
SLOPE, BEND = 0.04, 0.85  # cumulative hazard SLOPE * days ** BEND: the risk falls with age
COMES, COMES_BACK, AWAY = 0.3, 0.2, 20
RATIO = {"a": 1.0, "b": 1.0, "c": 1.6}  # how much faster a segment leaves


def alive(day, *, segment: str = "a") -> np.ndarray:
    """True share of users whose first silence longer than TAU starts after `day`."""
    return np.exp(-RATIO[segment] * SLOPE * (np.floor(day) + 1) ** BEND)


def company_log(random: np.random.Generator, *, companies: int, users: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The mart's user_days and users of all companies: sign-ups from 60 days before the data to their end.

    A user comes on the first and the last day of a stay, on some days between and at least every TAU-th day; one in
    five comes back after a silence longer than TAU, and leaves again by the risk of the age then reached.
    """
    people = pd.DataFrame({"company": np.repeat(np.arange(companies), users)})
    people["segment"] = random.choice(list(RATIO), len(people), p=[0.35, 0.35, 0.3])
    people["start"] = random.integers(-60, DAYS, len(people))
    ratio = people["segment"].map(RATIO).to_numpy()
    leaves = _leaves(random, np.zeros(len(people)), ratio)
    returns = leaves + TAU + random.geometric(1 / AWAY, len(people))
    back = np.flatnonzero(random.random(len(people)) < COMES_BACK)
    again = _leaves(random, returns[back].astype(float), ratio[back])
    first = pd.DataFrame({"user": people.index, "begin": 0, "end": leaves})
    second = pd.DataFrame({"user": back, "begin": returns[back], "end": again})
    days = _visits(random, pd.concat([first, second], ignore_index=True), people["start"].to_numpy())
    return _user_days(days), _users(people, days)


def _leaves(random: np.random.Generator, age: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Last active day of a stay that goes on at `age`."""
    spent = ratio * SLOPE * age**BEND + random.exponential(size=len(age))
    return np.maximum(np.floor((spent / ratio / SLOPE) ** (1 / BEND)), age).astype("int64")


def _visits(random: np.random.Generator, stays: pd.DataFrame, start: np.ndarray) -> pd.DataFrame:
    """One row per user and active day that the data show -- user, day (from START on), in order."""
    begin, end, user = (stays[name].to_numpy() for name in ("begin", "end", "user"))
    seen_from = np.maximum(begin, -start[user])
    length = np.maximum(np.minimum(end, DAYS - 1 - start[user]) - seen_from + 1, 0)
    stay = np.repeat(np.arange(len(stays)), length)
    age = np.arange(len(stay)) - np.repeat(np.cumsum(length) - length, length) + seen_from[stay]
    due = ((age - begin[stay]) % TAU == 0) | (age == end[stay])
    kept = due | (random.random(len(stay)) < COMES)
    days = pd.DataFrame({"user": user[stay[kept]], "day": age[kept] + start[user[stay[kept]]]})
    return days.iloc[np.argsort(days["user"].to_numpy() * 1000 + days["day"].to_numpy())].reset_index(drop=True)


def _user_days(days: pd.DataFrame) -> pd.DataFrame:
    user, day = days["user"].to_numpy(), days["day"].to_numpy()
    gaps = np.where(user[1:] == user[:-1], day[1:] - day[:-1], np.nan)
    return pd.DataFrame({"user": user, "day": _calendar(day), "gap_after": np.append(gaps, np.nan)})


def _users(people: pd.DataFrame, days: pd.DataFrame) -> pd.DataFrame:
    first_seen = days.drop_duplicates("user").set_index("user")["day"].reindex(people.index)
    table = people[["company", "segment"]].assign(user=people.index, life_start="signup")
    table["first_day"] = _calendar(people["start"].to_numpy())
    table["first_active_day"] = pd.Timestamp(START) + pd.to_timedelta(first_seen, unit="D")
    return table.assign(entry_day=table["first_day"].clip(lower=pd.Timestamp(START)))


def _calendar(day: np.ndarray) -> pd.DatetimeIndex:
    return pd.Timestamp(START) + pd.to_timedelta(day, unit="D")
