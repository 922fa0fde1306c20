"""What is read from the large independent sample: one entry per user, and how long silences lasted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from opsbook.simulate.facts import LTV_DAYS
from opsbook.simulate.population import PARTS, Population, draw_population
from opsbook.simulate.world import Floats, Integers, World
from opsbook.simulate.worth import expected_orders

CHURN_DAYS = (21, 28)
LANDMARK_DAYS = 14
OUTCOME_DAYS = (28, 34)
RECENT_WEEKS = 12


@dataclass(frozen=True)
class Sample:
    """users: columns of equal length, one entry per user; the others are counts of silences by length 0, 1, 2 … days.

    Silences that began while the company kept data: returned, still_open (ended, or watched, by its last day); over,
    ended_over (longer than this, watched on for months, and those of them that a return ended at last)

    columns: signup_day, channel, platform, has_source, reads_early, left_age, silent_<n> (age on the last active day
    before the first silence of more than n days), last_age (on the last active day up to OUTCOME_DAYS),
    early_active_days, early_orders (of the landmark window), reads_7, check_in_days_7, finished_guide, stayed (active
    days in OUTCOME_DAYS), day_30 (1 = active), revenue_<n> (expected net yuan of n days), weeks_to_<end> (bits)
    """

    users: dict[str, np.ndarray]
    returned: Integers
    still_open: Integers
    over: Integers
    ended_over: Integers

    @property
    def silences(self) -> tuple[Integers, ...]:
        """The four counts."""
        return self.returned, self.still_open, self.over, self.ended_over


@lru_cache(maxsize=2)
def large_sample(world: World) -> Sample:
    """The users and silences of every part of the population."""
    parts = [_read(world, part) for part in range(PARTS)]
    users = {name: np.concatenate([part.users[name] for part in parts]) for name in parts[0].users}
    counts = (np.sum(column, axis=0) for column in zip(*(part.silences for part in parts), strict=True))
    return Sample(users, *counts)


def _read(world: World, part: int) -> Sample:
    drawn = draw_population(world, part)
    rng = np.random.default_rng([part, PARTS])
    orders = expected_orders(rng, drawn, world)
    users = _habits(rng, drawn, world) | _last_seen(drawn) | _silences(drawn) | _early(rng, drawn, orders, world)
    return Sample(users | _worth(drawn, orders, world) | _recent(drawn, world), *_gaps(drawn, world))


def _habits(rng: np.random.Generator, drawn: Population, world: World) -> dict[str, np.ndarray]:
    people = drawn.people
    guide = np.array([c.finish_guide_share for c in world.channels])[people.channel]
    return {
        "signup_day": people.signup_day,
        "channel": people.channel,
        "platform": people.platform,
        "has_source": rng.random(len(people)) >= world.dirt.missing_source,
        "reads_early": drawn.reads_early,
        "left_age": drawn.left_age,
        "finished_guide": people.guide < guide,
        "reads_7": drawn.early_reads.sum(axis=1),
    }


def _last_seen(drawn: Population) -> dict[str, np.ndarray]:
    row = np.flatnonzero(drawn.age <= OUTCOME_DAYS[1])
    person = drawn.person[row]
    return {"last_age": drawn.age[row][np.diff(person, append=-1) != 0]}


def _silences(drawn: Population) -> dict[str, np.ndarray]:
    """Of every user, the age on the last active day before the first silence longer than each threshold."""
    found = {}
    for days in CHURN_DAYS:
        long = (drawn.gap > days) | (drawn.gap == 0)
        found[f"silent_{days}"] = drawn.age[long][np.unique(drawn.person[long], return_index=True)[1]]
    return found


def _early(rng: np.random.Generator, drawn: Population, orders: Floats, world: World) -> dict[str, np.ndarray]:
    row = np.flatnonzero(drawn.age <= OUTCOME_DAYS[1])
    person, age = drawn.person[row], drawn.age[row]
    checked_in = rng.random(len(row)) < drawn.people.check_in[person]
    bought = rng.random(len(row)) < orders[row]
    found = {
        "early_active_days": age < LANDMARK_DAYS,
        "early_orders": bought & (age < LANDMARK_DAYS),
        "check_in_days_7": checked_in & (age < 7),
        "stayed": age >= OUTCOME_DAYS[0],
        "day_30": age == 30,
    }
    return {name: np.bincount(person[those], minlength=len(drawn.people)) for name, those in found.items()}


def _worth(drawn: Population, orders: Floats, world: World) -> dict[str, np.ndarray]:
    """Expected net yuan of every user in the first days of life, the day of sign-up counted."""
    row = np.flatnonzero(drawn.age < max(LTV_DAYS))
    person, age = drawn.person[row], drawn.age[row]
    edges = np.searchsorted(np.array(LTV_DAYS), age, side="right")
    size = len(drawn.people)
    parts = np.bincount(person * len(LTV_DAYS) + edges, orders[row], size * len(LTV_DAYS)).reshape(size, -1)
    yuan = np.cumsum(parts, axis=1) * world.mean_amount_yuan(drawn.people.spend)[:, None]
    return {f"revenue_{days}": yuan[:, place] for place, days in enumerate(LTV_DAYS)}


def _recent(drawn: Population, world: World) -> dict[str, np.ndarray]:
    """For every report's end, the last weeks in which a user was active, as bits (1 = the week that ends there)."""
    found = {}
    for end in world.report_ends:
        row = np.flatnonzero((drawn.day <= end) & (drawn.day > end - 7 * RECENT_WEEKS))
        week = (end - drawn.day[row]) // 7
        there = np.zeros((len(drawn.people), RECENT_WEEKS), dtype=bool)
        there[drawn.person[row], week] = True
        found[f"weeks_to_{end}"] = there @ (1 << np.arange(RECENT_WEEKS))
    return found


def _gaps(drawn: Population, world: World) -> tuple[Integers, ...]:
    """The counts of silences begun on days of data, for 0 .. the longest that the data could show."""
    row = np.flatnonzero((drawn.day >= world.observed_from) & (drawn.day < world.days))
    gap, watched = drawn.gap[row], world.days - 1 - drawn.day[row]
    size = world.days - world.observed_from
    seen = (gap > 0) & (gap <= watched)
    returned, still_open = np.bincount(gap[seen], minlength=size), np.bincount(watched[~seen], minlength=size)
    ended = np.bincount(np.minimum(gap, size), minlength=size + 1)
    ended_over = ended[1:].sum() - np.cumsum(np.concatenate([[0], ended[1:size]]))
    return returned, still_open, ended_over + ended[0], ended_over
