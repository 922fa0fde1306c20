"""When users leave, and on which days they are active while they stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate.people import People, draw_breaks, session_seconds
from opsbook.simulate.season import season
from opsbook.simulate.world import Bools, Floats, Integers, World


@dataclass(frozen=True)
class Life:
    """One entry per user of a chunk.

    left_age: first age in days at which the user is gone (alive on ages 0 .. left_age - 1, capped one past the world)
    early_reads: contents read on each of the ages 0 .. 6, one column per age, as if the user stayed
    reads_early: whether these reach the number that lowers the hazard
    active: one column per simulated day; away: the same, on a break, left or not
    """

    left_age: Integers
    early_reads: Integers
    reads_early: Bools
    active: Bools
    away: Bools


@dataclass(frozen=True)
class UserDays:
    """One row per user and active day on which the company already kept data, in order of user and day.

    person: row in the chunk; day: index; age: days since sign-up; second: start of the session in the local day
    """

    person: Integers
    day: Integers
    age: Integers
    second: Integers

    def __len__(self) -> int:
        return len(self.person)

    def span(self, persons: Integers, first: int, last: int) -> tuple[Integers, Integers]:
        """For each person the rows low .. high - 1 that lie on the days first .. last."""
        key = self.person.astype(np.int64) * 10_000 + self.day
        base = persons.astype(np.int64) * 10_000
        return np.searchsorted(key, base + first), np.searchsorted(key, base + last, side="right")


def draw_life(rng: np.random.Generator, people: People, world: World) -> Life:
    """Draw activity as if everybody stayed, then the day of leaving, which early reading may postpone."""
    usual = usual_days(rng, people, season(world).activity, world)
    away = break_days(rng, people, world)
    active = usual & ~away
    early_reads = draw_early_reads(rng, people, active, world)
    reads_early = early_reads.sum(axis=1) >= world.early_reads
    left_age = draw_left_age(rng, people.hazard_ratio, reads_early, world)
    age = np.arange(world.days, dtype=np.int16)[None, :] - people.signup_day[:, None].astype(np.int16)
    active &= (age >= 0) & (age < left_age[:, None])
    return Life(left_age, early_reads, reads_early, active, away)


def usual_days(rng: np.random.Generator, people: People, factor: Floats, world: World) -> Bools:
    """Users by days: would be active if alive and not on a break; always on the day of sign-up."""
    chance = people.active_share[:, None].astype(np.float32) * factor[None, :].astype(np.float32)
    np.minimum(chance, world.active_share_cap, out=chance)
    usual = rng.random(chance.shape, dtype=np.float32) < chance
    usual[np.arange(len(people)), people.signup_day] = True
    return usual


def break_days(rng: np.random.Generator, people: People, world: World) -> Bools:
    """Users by days: on a break, never on the day of sign-up."""
    person, start, back = draw_breaks(rng, people.signup_day, world)
    turns = np.zeros((len(people), world.days + 1), dtype=np.int8)
    np.add.at(turns, (person, start), 1)
    np.add.at(turns, (person, back), -1)
    return np.cumsum(turns[:, :-1], axis=1, dtype=np.int8).astype(bool)


def draw_early_reads(rng: np.random.Generator, people: People, willing: Bools, world: World) -> Integers:
    """Contents read on the first days of life, one column per age; zero on days without activity."""
    age = np.arange(world.early_days)
    day = np.minimum(people.signup_day[:, None] + age, willing.shape[1] - 1)
    return reads_if_active(rng, people, np.take_along_axis(willing, day, axis=1))


def reads_if_active(rng: np.random.Generator, people: People, active: Bools) -> Integers:
    """Contents read on the days on which each user (row) is active, zero on the others."""
    return (rng.poisson(people.reads[:, None], active.shape) * active).astype(np.int16)


def draw_left_age(rng: np.random.Generator, hazard_ratio: Floats, reads_early: Bools, world: World) -> Integers:
    """First whole age at which the user is gone: P(left_age > t) = exp(-H(t)), grouped proportional hazards."""
    reached = rng.exponential(1.0, len(hazard_ratio)) / hazard_ratio
    turn = world.cumulative_hazard(np.array(float(world.early_days)))
    later = turn + (reached - turn) / world.early_reads_hazard_ratio
    reached = np.where(reads_early & (reached > turn), later, reached)
    ages = world.cumulative_hazard(np.arange(world.days + 1))
    return np.searchsorted(ages, reached, side="left").astype(np.int16)


def active_days(person: Integers, day: Integers, users: int, world: World) -> Bools:
    """Users by days from a list of user and active day."""
    active = np.zeros((users, world.days), dtype=bool)
    active[person, day] = True
    return active


def user_days(rng: np.random.Generator, people: People, active: Bools, world: World) -> UserDays:
    """The observed active days of a chunk; the session of the first day starts right after signing up."""
    person, day = np.nonzero(active[:, world.observed_from :])
    day = day + world.observed_from
    age = day - people.signup_day[person]
    second = session_seconds(rng, len(person))
    second = np.where(age == 0, people.signup_second[person], second)
    return UserDays(person.astype(np.int32), day.astype(np.int32), age.astype(np.int32), second.astype(np.int32))
