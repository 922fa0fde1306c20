"""The event log of a chunk: one row per thing a user did in a session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate.campaigns import Involvement
from opsbook.simulate.content import Library, local_ms, pick_contents
from opsbook.simulate.life import Life, UserDays
from opsbook.simulate.people import People
from opsbook.simulate.shopping import Shopping
from opsbook.simulate.world import ACTIONS, ENTRIES, Bools, Integers, Rows, World

SECONDS = {
    "open": 0,
    "check_in": 20,
    "join_campaign": 40,
    "search": 60,
    "finish_guide": 90,
    "view_item": 120,
    "add_to_cart": 300,
    "read_content": 600,
    "post": 2200,
    "share": 2260,
    "spend_points": 2300,
}
ENTRY_SHARES = [0.5, 0.2, 0.12, 0.1, 0.08]
JITTER_SECONDS, SECONDS_PER_READ, MOST_READS = 15, 120, 12
POINTS = {"check_in": 5, "spend_points": -100}


def draw_check_ins(
    rng: np.random.Generator, people: People, days: UserDays, involvements: list[Involvement], world: World
) -> Bools:
    """Per user-day: checked in; those who joined the check-in campaign do so more often while it runs."""
    share = people.check_in[days.person]
    for each in involvements:
        if each.campaign.reward == "check_in":
            start, end = world.index(each.campaign.start), world.index(each.campaign.end)
            challenged = (days.day >= start) & (days.day <= end) & each.has_joined[days.person]
            share = np.where(challenged, np.maximum(share, world.challenge_check_in_share), share)
    return rng.random(len(days)) < share


@dataclass(frozen=True)
class Deeds:
    """What the users of a chunk did: who they are, when they were active, and what was drawn so far.

    check_in: per user-day; finishes_guide: per user, on the day of sign-up
    """

    people: People
    life: Life
    days: UserDays
    shopping: Shopping
    check_in: Bools
    finishes_guide: Bools
    involved: list[Involvement]


def event_rows(rng: np.random.Generator, deeds: Deeds, library: Library, world: World) -> Rows:
    """One row per event: uid, ts_ms, action, campaign, content, entry (codes, -1 = none), points (0 = none)."""
    people, days, shopping = deeds.people, deeds.days, deeds.shopping
    share = {name: rng.random(len(days)) for name in ("search", "post", "share", "spend_points")}
    reads = _reads(rng, people, deeds.life, days, world)
    done: list[tuple[str, Integers, Integers | int, int]] = [
        ("open", np.arange(len(days)), 0, -1),
        ("finish_guide", np.flatnonzero((days.age == 0) & deeds.finishes_guide[days.person]), 0, -1),
        ("check_in", np.flatnonzero(deeds.check_in), 0, -1),
        ("search", np.flatnonzero(share["search"] < world.search_per_active_day), 0, -1),
        ("view_item", np.flatnonzero(shopping.viewed), 0, -1),
        ("add_to_cart", np.flatnonzero(shopping.carted), 0, -1),
        ("read_content", np.repeat(np.arange(len(days)), reads), _place(reads), -1),
        ("post", np.flatnonzero(share["post"] < world.post_per_active_day), 0, -1),
        ("share", np.flatnonzero(share["share"] < world.share_per_active_day), 0, -1),
        ("spend_points", np.flatnonzero(share["spend_points"] < world.spend_points_per_active_day), 0, -1),
        *(("join_campaign", each.joined, 0, code) for code, each in enumerate(deeds.involved)),
    ]
    return _assemble(rng, done, library, people, days, world)


def _assemble(
    rng: np.random.Generator,
    done: list[tuple[str, Integers, Integers | int, int]],
    library: Library,
    people: People,
    days: UserDays,
    world: World,
) -> Rows:
    """Stack the actions; `done` holds (action, user-day rows, place within the day, campaign code)."""
    sizes = [len(row) for _, row, _, _ in done]
    row = np.concatenate([row for _, row, _, _ in done])
    action = np.repeat(np.array([ACTIONS.index(name) for name, _, _, _ in done], dtype=np.int8), sizes)
    offset = np.concatenate([np.full(len(r), SECONDS[n] + SECONDS_PER_READ * place) for n, r, place, _ in done])
    second = days.second[row] + offset
    ts_ms = local_ms(days.day[row], second, world) + rng.integers(0, JITTER_SECONDS * 1000, len(row))
    return {
        "uid": people.uid[days.person[row]],
        "ts_ms": ts_ms,
        "action": action,
        "campaign": np.repeat(np.array([code for _, _, _, code in done], dtype=np.int8), sizes),
        "content": _contents(rng, library, action, ts_ms, world),
        "entry": np.where(action == ACTIONS.index("open"), rng.choice(len(ENTRIES), len(row), p=ENTRY_SHARES), -1),
        "points": _points(action),
    }


def _contents(rng: np.random.Generator, library: Library, action: Integers, ts_ms: Integers, world: World) -> Integers:
    content = np.full(len(action), -1, dtype=np.int32)
    reading = action == ACTIONS.index("read_content")
    content[reading] = pick_contents(rng, library, ts_ms[reading], world)
    return content


def _points(action: Integers) -> Integers:
    value = np.zeros(len(ACTIONS), dtype=np.int32)
    for name, points in POINTS.items():
        value[ACTIONS.index(name)] = points
    return value[action]


def _reads(rng: np.random.Generator, people: People, life: Life, days: UserDays, world: World) -> Integers:
    """Contents read per user-day; the first days were drawn before the day of leaving, which depends on them."""
    reads = rng.poisson(people.reads[days.person])
    early = days.age < world.early_days
    reads[early] = life.early_reads[days.person[early], days.age[early]]
    return np.minimum(reads, MOST_READS)


def _place(count: Integers) -> Integers:
    """0, 1, 2 … within each run of repeated rows."""
    row = np.repeat(np.arange(len(count)), count)
    return np.arange(len(row)) - np.searchsorted(row, row)
