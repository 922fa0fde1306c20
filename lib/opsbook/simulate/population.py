"""A large independent sample of the same world, only of days alive, watched for months longer than the company.

What an endless company would show is read from it: nothing of it is written to the company's files. It is drawn by
days alive instead of by users and calendar days, so that several hundred thousand lives cost a few seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from opsbook.simulate.life import draw_left_age, reads_if_active
from opsbook.simulate.people import People, draw_breaks, draw_people
from opsbook.simulate.season import season
from opsbook.simulate.world import Bools, Floats, Integers, World

BEYOND_DAYS = 240
USERS, PARTS, SEED = 50_000, 6, 618


@dataclass(frozen=True)
class Population:
    """Users who signed up on the company's days, and one row per user and active day, in order of user and day.

    early_reads: contents read on each of the first days, one column per age, zero on days without activity and after
    leaving; reads_early: whether enough of them to lower the hazard; left_age: first age at which the user is gone;
    person: row of the user; day: index, also beyond the company's last day; age: days since sign-up; gap: days to the
    next active day (0 = never again)
    """

    people: People
    early_reads: Integers
    reads_early: Bools
    left_age: Integers
    person: Integers
    day: Integers
    age: Integers
    gap: Integers


def draw_population(world: World, part: int) -> Population:
    """Users of one part; every part has random numbers of its own."""
    rng = np.random.default_rng([SEED, part])
    longer = replace(world, as_of=world.as_of + timedelta(days=BEYOND_DAYS))
    factor = season(longer).activity
    signup_day = np.sort(rng.choice(world.days, USERS, p=season(world).signups)).astype(np.int32)
    people = draw_people(rng, np.arange(USERS), signup_day, world)
    breaks = draw_breaks(rng, signup_day, longer)
    first = _active_days(rng, people, np.full(USERS, world.early_days), breaks, factor, world)
    early = first.reshape(USERS, world.early_days)
    reads = reads_if_active(rng, people, early)
    reads_early = reads.sum(axis=1) >= world.early_reads
    left_age = draw_left_age(rng, people.hazard_ratio, reads_early, longer).astype(np.int64)
    length = np.minimum(left_age, longer.days - signup_day)
    start = np.cumsum(length) - length
    active = _active_days(rng, people, length, breaks, factor, world)
    ages = np.arange(world.early_days)
    lived = ages < length[:, None]
    active[(start[:, None] + ages)[lived]] = early[lived]
    person = np.repeat(np.arange(USERS, dtype=np.int32), np.add.reduceat(active, start, dtype=np.int64))
    age = (np.flatnonzero(active) - start[person]).astype(np.int32)
    gap = np.where(np.diff(person, append=-1) == 0, np.diff(age, append=0), 0)
    return Population(people, reads * lived, reads_early, left_age, person, signup_day[person] + age, age, gap)


def _active_days(
    rng: np.random.Generator,
    people: People,
    length: Integers,
    breaks: tuple[Integers, Integers, Integers],
    factor: Floats,
    world: World,
) -> Bools:
    """For every user and age below `length`, user by user: active, which nobody on a break is."""
    start = np.cumsum(length) - length
    total = int(length.sum())
    day = np.arange(total, dtype=np.int32) - np.repeat((start - people.signup_day).astype(np.int32), length)
    usual = np.repeat(people.active_share.astype(np.float32), length) * factor.astype(np.float32)[day]
    active = rng.random(total, dtype=np.float32) < np.minimum(usual, np.float32(world.active_share_cap))
    who, begin, back = breaks
    turns = np.zeros(total + 1, dtype=np.int8)
    for turn, step in ((begin, 1), (back, -1)):
        np.add.at(turns, start[who] + np.minimum(turn - people.signup_day[who], length[who]), step)
    active &= np.cumsum(turns[:-1], dtype=np.int8) == 0
    active[start] = True
    return active
