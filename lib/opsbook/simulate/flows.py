"""Exact counts of who came, stayed, fell silent and came back, by month and week, before any dirt is added."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.facts import RETAINED_DAYS, Totals, months, retained, weeks
from opsbook.simulate.stages import count_stages
from opsbook.simulate.world import Bools, Integers, World

FLOWS = ("new", "current", "resurrected", "dormant", "active", "user_days")
STICKINESS_DAYS, ACTIVATION_DAYS = 28, 7
CHURN_DAYS = (21, 28)


def count_lives(active: Bools, begun: Integers, world: World) -> Totals:
    """Flows, stickiness, activation, retention, long silences and stages of users, whoever they are.

    active: users by simulated days; begun: index of each user's first day, on which the user is active
    """
    totals: Totals = {}
    for kind, period in periods(world).items():
        totals |= {f"{kind}.{name}": counts for name, counts in _flows(active, begun, period, world).items()}
        totals[f"{kind}.sticky"] = _sticky(active, ends(period, world), world)
        totals[f"{kind}.activated"] = _activated(active, begun, period, world)
    month_ends = ends(periods(world)["month"], world)
    silent = {f"silent_{days}": _silent_and_back(active, month_ends, days, world) for days in CHURN_DAYS}
    kept = {f"retained_{days}": retained(active, begun, days, world) for days in RETAINED_DAYS}
    return totals | kept | silent | count_stages(active, begun, month_ends, world)


def periods(world: World) -> dict[str, Integers]:
    """The number of the month and of the ISO week of every observed day."""
    days = world.calendar[world.observed_from :]
    return {"month": months(days), "week": weeks(days)}


def ends(period: Integers, world: World) -> Integers:
    """Index of the last day of every period; the last period may be incomplete."""
    return world.observed_from + np.flatnonzero(np.diff(period, append=period[-1] + 1))


def _flows(active: Bools, begun: Integers, period: Integers, world: World) -> dict[str, Integers]:
    """Per period users who are new, current, resurrected or (of the period before) dormant; actives; user-days."""
    seen = active[:, world.observed_from :]
    starts = np.flatnonzero(np.diff(period, prepend=-1))
    there = np.logical_or.reduceat(seen, starts, axis=1)
    before = np.pad(there, ((0, 0), (1, 0)))[:, :-1]
    own = np.where(begun >= world.observed_from, period[np.maximum(begun - world.observed_from, 0)], -1)
    new = own[:, None] == np.arange(len(starts))
    parts = (there & new, there & before, there & ~before & ~new, before & ~there, there)
    counted = [part.sum(axis=0, dtype=np.int64) for part in parts]
    user_days = np.add.reduceat(seen.sum(axis=0, dtype=np.int64), starts)
    return dict(zip(FLOWS, [*counted, user_days], strict=True))


def _sticky(active: Bools, last_days: Integers, world: World) -> Integers:
    """Per period end, user-days and distinct users of the 28 days to it; zeros where they begin before the data."""
    windows = [active[:, end + 1 - STICKINESS_DAYS : end + 1] for end in last_days]
    pairs = [(int(window.sum()), int(window.any(axis=1).sum())) for window in windows]
    complete = last_days + 1 - STICKINESS_DAYS >= world.observed_from
    return np.array(pairs).T * complete


def _activated(active: Bools, begun: Integers, period: Integers, world: World) -> Integers:
    """Per period of sign-up, users whose day 7 lies in the data, and those of them active on one of the days 1-7."""
    whole = np.flatnonzero((begun >= world.observed_from) & (begun + ACTIVATION_DAYS < world.days))
    own = period[begun[whole] - world.observed_from]
    days = begun[whole, None] + np.arange(1, ACTIVATION_DAYS + 1)
    again = np.take_along_axis(active[whole], days, axis=1).any(axis=1)
    size = int(period[-1]) + 1
    return np.vstack([np.bincount(own, minlength=size), np.bincount(own[again], minlength=size)])


def _silent_and_back(active: Bools, month_ends: Integers, silent_days: int, world: World) -> Integers:
    """Per month end, users seen in the data but not in its last days, and those of them who were active later."""
    pairs = []
    for end in month_ends:
        first_silent = max(end + 1 - silent_days, world.observed_from)
        seen = active[:, world.observed_from : first_silent].any(axis=1)
        silent = np.flatnonzero(seen & ~active[:, first_silent : end + 1].any(axis=1))
        pairs.append((len(silent), int(active[silent, end + 1 :].any(axis=1).sum())))
    return np.array(pairs).T
