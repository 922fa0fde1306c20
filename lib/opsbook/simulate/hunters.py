"""Bonus hunters: accounts of one invitation tree that sign up, take the prize within minutes and never return."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from opsbook.simulate.content import local_ms
from opsbook.simulate.people import People, draw_people
from opsbook.simulate.world import ACTIONS, Integers, Rows, World

BRANCHES, LEAST = 3, 6
TARGET = "autumn_lottery"


def hunters(users: int, world: World) -> int:
    """How many of the company's users are bonus hunters."""
    return max(LEAST, round(users * world.hunters_per_user))


def draw_hunters(rng: np.random.Generator, first_number: int, size: int, world: World) -> tuple[People, Integers]:
    """The accounts in order of sign-up, and the number of each one's inviter (-1 for the root of the tree)."""
    start = world.index(next(c.start for c in world.campaigns if c.key == TARGET))
    number = np.arange(first_number, first_number + size)
    people = draw_people(rng, number, np.sort(rng.integers(start + 1, start + 4, size)).astype(np.int32), world)
    referral = [c.key for c in world.channels].index("referral")
    inviter = np.where(np.arange(size) == 0, -1, first_number + (np.arange(size) - 1) // BRANCHES)
    web = np.full(size, 2, dtype=np.int8)
    return replace(people, channel=np.full(size, referral, dtype=np.int8), platform=web), inviter


def hunter_events(people: People, world: World) -> Rows:
    """Two events each, opening the app and joining the campaign."""
    code = [c.key for c in world.campaigns].index(TARGET)
    count = len(people)
    action = np.repeat([ACTIONS.index("open"), ACTIONS.index("join_campaign")], count).astype(np.int8)
    second = np.tile(people.signup_second, 2) + np.repeat([0, 45], count)
    nothing = np.full(2 * count, -1)
    return {
        "uid": np.tile(people.uid, 2),
        "ts_ms": local_ms(np.tile(people.signup_day, 2), second, world),
        "action": action,
        "campaign": np.repeat([-1, code], count).astype(np.int8),
        "content": nothing.astype(np.int32),
        "entry": np.repeat([0, -1], count),
        "points": np.zeros(2 * count, dtype=np.int32),
    }


def hunter_redemptions(people: People, world: World) -> Rows:
    """One prize each, a minute after signing up."""
    campaign = next(c for c in world.campaigns if c.key == TARGET)
    return {
        "campaign": np.full(len(people), world.campaigns.index(campaign)),
        "uid": people.uid,
        "ms": local_ms(people.signup_day, people.signup_second + 60, world),
        "cost_yuan": np.full(len(people), campaign.reward_yuan),
    }
