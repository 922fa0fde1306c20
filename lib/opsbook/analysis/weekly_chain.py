"""A weekly chain over the time since users were last active: stocks by state, and the rates at which they move."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
ACTIVE = ["new", "current", "resurrected"]
STATES = [*ACTIVE, "silent_1", "silent_2", "silent_3"]
LOOKBACK, MIN_WEEKS = 4, 4


def weekly_patterns(user_days: Tabular, users: Tabular, *, end: date, data_start: date, weeks: int = 8) -> pd.DataFrame:
    """The users of the last weeks, counted by the weeks in which they were active.

    Weeks are blocks of seven days back from `end`, week 0 the last one. Four weeks more than `weeks` are read, because
    a state looks back on four; where the data hold fewer, fewer are averaged, and below four the table has no week.

    user_days: one row per user and active day -- user, day
    users:     one row per user -- user, first_day, first_active_day, life_start
    returns:   one row per pattern of users active in these weeks -- active_0, active_1, … (bool), life_week (week in
               which life began; the number of weeks read where that was earlier or is unknown), users

    >>> from opsbook import tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> silent = patterns.query("active_1 and not active_0")["users"].sum()
    >>> print(len(patterns), "patterns of", patterns["users"].sum(), "users;", silent, "fell silent in the last week")
    37 patterns of 60 users; 3 fell silent in the last week
    """
    whole = ((end - data_start).days + 1) // 7
    read = min(weeks + LOOKBACK, whole)
    if read < MIN_WEEKS + LOOKBACK:
        return pd.DataFrame({"life_week": [], "users": []}, dtype="int64")
    seen, lives = _activity(user_days, end=end, weeks=read), _births(users, end=end, weeks=read)
    counted = seen.inner_join(lives, "user").group_by("activity", "life_week").agg(users=_.count())
    table = counted.order_by("activity", "life_week").to_pandas().astype("int64")
    bits = {f"active_{week}": table["activity"] // 2**week % 2 == 1 for week in range(read)}
    return pd.DataFrame(bits).assign(life_week=table["life_week"], users=table["users"])


def chain_weeks(patterns: pd.DataFrame, *, end: date) -> pd.DataFrame:
    """Users by state at the end of each week, and how many of them were active in the next one.

    States of users active in the last four weeks: new (life began in the week, active in it), current (active in it
    and in the week before), resurrected (active in it, not in the one before), silent_1, silent_2, silent_3 (last
    active one, two, three weeks before). Their sum is the 28-day actives.

    returns: one row per week, oldest first -- end, the states (users), active_28 (their sum), returns (resurrected
             after four weeks or more of silence, or a first use; missing in the oldest week), next_… (of the users in
             that state, active in the following week; missing in the last week)

    >>> from opsbook import tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> weeks = weekly_chain.chain_weeks(patterns, end=tiny.AS_OF)
    >>> print(weeks[["end", *weekly_chain.STATES, "active_28"]].tail(3).to_string(index=False))
           end  new  current  resurrected  silent_1  silent_2  silent_3  active_28
    2026-03-15    0       38            0         2         2         2         44
    2026-03-22    0       35            0         3         2         2         42
    2026-03-29    0       32            0         3         3         2         40
    """
    names = ["end", *STATES, "active_28", "returns", *(f"next_{state}" for state in STATES)]
    averaged = _averaged(patterns)
    if averaged < MIN_WEEKS:
        return pd.DataFrame(columns=names)
    users, seen = patterns["users"].to_numpy(dtype=float), _seen(patterns)
    rows = []
    for week in range(averaged, -1, -1):
        inside, returned, following = _flags(*seen, week)
        row = {"end": pd.Timestamp(end - timedelta(days=7 * week))} | dict(zip(STATES, users @ inside, strict=True))
        row["returns"] = users @ returned if week < averaged else np.nan
        rows.append(row | dict(zip(names[9:], users @ following if week else [np.nan] * 6, strict=True)))
    table = pd.DataFrame(rows).astype(dict.fromkeys(STATES, "int64") | {"end": "datetime64[ns]"})
    return table.assign(active_28=table[STATES].sum(axis=1))[names]


def refusal(weeks: pd.DataFrame, *, min_cell: int = 10) -> str:
    """Why no steady state can be told, or an empty text.

    weeks: too few complete weeks; few: in a state other than new fewer than `min_cell` users over all weeks; stay:
    fewer than `min_cell` users fell silent over all weeks, so that the stock would grow without end.

    >>> from opsbook import tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> weeks = weekly_chain.chain_weeks(patterns, end=tiny.AS_OF)
    >>> weekly_chain.refusal(weeks), weekly_chain.refusal(weeks, min_cell=5), weekly_chain.refusal(weeks.head(0))
    ('few', '', 'weeks')
    """
    if weeks.empty:
        return "weeks"
    held, kept = weeks.iloc[:-1][STATES].sum(), weeks[[f"next_{state}" for state in STATES]].sum()
    if held["silent_1"] < min_cell and held[ACTIVE].sum() >= min_cell:
        return "stay"
    fell = held[ACTIVE].sum() - kept.iloc[: len(ACTIVE)].sum()
    return "few" if (held.drop("new") < min_cell).any() else "stay" if fell < min_cell else ""


def chain_rates(
    patterns: pd.DataFrame, *, seed: int, draws: int = 500, min_cell: int = 10, end: date = date(1970, 1, 1)
) -> pd.DataFrame:
    """Weekly rates and inflows as counted, and as they could have been had other users come.

    Users are redrawn with everything they did: one user makes up to eight moves, which are not independent. Patterns
    get Poisson weights, so that the number of users who come varies too.

    returns: one row per draw, the first as counted; none where `refusal` has a reason -- one column per state (share
             of the users in it who were active in the following week, 0-1), newcomers, returns (users per week)
    source:  Hanley and MacGibbon 2006 (Poisson bootstrap)

    >>> from opsbook import tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> rates = weekly_chain.chain_rates(patterns, seed=1, draws=3, min_cell=5)
    >>> print(rates[["new", "current", "silent_1", "newcomers", "returns"]].round(2).head(1).to_string(index=False))
     new  current  silent_1  newcomers  returns
     1.0     0.92       0.0        2.5     0.38
    """
    names = [*STATES, "newcomers", "returns"]
    if refusal(chain_weeks(patterns, end=end), min_cell=min_cell):
        return pd.DataFrame(columns=names, dtype=float)
    sums, users = _distinct(*_moves(patterns))
    weights = np.vstack([users, np.random.default_rng(seed).poisson(users, size=(draws, len(users)))])
    totals = weights.astype(float) @ sums
    held, kept = totals[:, :6], totals[:, 6:12]
    rates = np.divide(kept, held, out=np.zeros_like(kept), where=held > 0)
    return pd.DataFrame(np.hstack([rates, totals[:, 12:] / _averaged(patterns)]), columns=names)


def _activity(user_days: Tabular, *, end: date, weeks: int) -> ir.Table:
    """One row per user active in the last weeks -- user, activity (bit k is set: active in week k)."""
    days = engine_table(user_days).select("user", ago=_day_number(end) - _.day.cast("date").epoch_days().cast("int32"))
    recent = days.filter(_.ago.between(0, 7 * weeks - 1))
    one = ibis.literal(1, "int64")
    return recent.group_by("user").agg(activity=(one << (recent.ago // 7).cast("int64")).bit_or())


def _births(users: Tabular, *, end: date, weeks: int) -> ir.Table:
    """One row per user -- user, life_week (`weeks` where life began earlier or its start is unknown)."""
    people = engine_table(users)
    start, first = (people[name].cast("date").epoch_days().cast("int32") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(start, first), start, first)
    week = ((_day_number(end) - life) // 7).cast("int32")
    return people.select("user", life_week=ibis.ifelse((people.life_start != "unknown") & (week < weeks), week, weeks))


def _moves(patterns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Per pattern, over all weeks: times in each state, times active after it, arrivals new and back; and its users."""
    sums, seen = np.zeros((len(patterns), 14)), _seen(patterns)
    for week in range(_averaged(patterns) + 1):
        inside, returned, following = _flags(*seen, week)
        if week:
            sums[:, :6] += inside
            sums[:, 6:12] += following
        if week < _averaged(patterns):
            sums[:, 12] += inside[:, 0]
            sums[:, 13] += returned
    return sums, patterns["users"].to_numpy()


def _distinct(sums: np.ndarray, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patterns that move alike as one, in an order of their own: sums of Poisson weights are Poisson."""
    alike, place = np.unique(sums, axis=0, return_inverse=True)
    return alike, np.bincount(place.ravel(), weights=users, minlength=len(alike))


def _flags(activity: np.ndarray, life: np.ndarray, week: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each pattern at the end of a week: its state (columns of STATES), whether it came back, active after it."""
    now, before, born = activity[:, week], activity[:, week + 1], life == week
    quiet = np.cumsum(activity[:, week : week + LOOKBACK], axis=1) == 0
    silent = [quiet[:, ago - 1] & activity[:, week + ago] for ago in (1, 2, 3)]
    inside = np.column_stack([now & born, now & before & ~born, now & ~before & ~born, *silent])
    returned = now & ~born & ~activity[:, week + 1 : week + 1 + LOOKBACK].any(axis=1)
    following = inside & activity[:, [week - 1]] if week else np.zeros_like(inside)
    return inside.astype(float), returned.astype(float), following.astype(float)


def _seen(patterns: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Activity (patterns x weeks) and the week in which life began."""
    weeks = [f"active_{week}" for week in range(_averaged(patterns) + LOOKBACK)]
    return patterns[weeks].to_numpy(dtype=bool), patterns["life_week"].to_numpy()


def _averaged(patterns: pd.DataFrame) -> int:
    """Number of moves from week to week that can be read."""
    return patterns.shape[1] - 2 - LOOKBACK


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
