"""By which road users leave: a part of those who leave leaves a record, and some bonus hunters are banned.

Drawn after everything else, from random numbers of their own, so that nothing else depends on it. A cause-specific
hazard is the hazard of leaving times the share of leavers who take that road; what is left over leaves in silence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from opsbook.simulate.content import local_ms
from opsbook.simulate.facts import Totals
from opsbook.simulate.people import People
from opsbook.simulate.sample import large_sample
from opsbook.simulate.world import ACTIONS, Floats, Integers, Rows, World

CHURN_DAYS = 21
TOLD_DAYS = (30, 90, 180)
ROADS = {"unsubscribed": "unsubscribe", "refunded": "refund_and_close", "banned": "ban"}
FIRST_HOUR, LAST_HOUR = 9, 21


def leave(rng: np.random.Generator, people: People, left_age: Integers, world: World) -> tuple[Rows, Totals]:
    """The records of users who left by a road, on the first day on which they are gone, and their number by road."""
    drawn = rng.random(len(people))
    shares = road_shares(people.channel, world)
    road = np.select([drawn < shares["unsubscribed"], drawn < shares["unsubscribed"] + shares["refunded"]], [0, 1], -1)
    day = people.signup_day + left_age.astype(np.int64)
    told = np.flatnonzero((road >= 0) & (day >= world.observed_from) & (day < world.days))
    return _recorded(rng, people.uid[told], day[told], road[told], world)


def ban(rng: np.random.Generator, hunters: People, world: World) -> tuple[Rows, Totals]:
    """The records of bonus hunters found out and banned some days after signing up."""
    found = np.flatnonzero(rng.random(len(hunters)) < world.banned_hunters_share)
    day = hunters.signup_day[found].astype(np.int64) + rng.integers(1, world.ban_within_days + 1, len(found))
    inside = day < world.days
    return _recorded(rng, hunters.uid[found[inside]], day[inside], np.full(int(inside.sum()), 2), world)


def road_shares(channel: Integers, world: World) -> dict[str, Floats]:
    """Of the users of these channels who leave, the share that leaves by each road."""
    own = np.array([c.unsubscribed_share for c in world.channels])
    return {"unsubscribed": own[channel], "refunded": np.full(len(channel), world.refunded_share)}


@lru_cache(maxsize=2)
def exit_truth(world: World) -> dict[str, Any]:
    """What was planted, and the cumulative incidence that an endless company shows when silence is one more road."""
    unsubscribed = {c.key: c.unsubscribed_share for c in world.channels}
    return {
        "cause_specific_hazard_over_hazard_of_leaving": {
            "unsubscribed": unsubscribed,
            "refunded": dict.fromkeys(unsubscribed, world.refunded_share),
        },
        "banned_share_of_bonus_hunters": world.banned_hunters_share,
        "incidence": {"churn_after_days": CHURN_DAYS, "days": list(TOLD_DAYS), **_incidence(world)},
    }


def counted(totals: Totals) -> dict[str, int]:
    """Records of each road in this company's data."""
    return {road: int(number) for road, number in zip(ROADS, totals["exits"], strict=True)}


def _incidence(world: World) -> dict[str, Any]:
    """By channel and over all: share gone by each road by the age. Who was silent for longer before left by silence."""
    users = large_sample(world).users
    silent, left, channel = (users[name] for name in (f"silent_{CHURN_DAYS}", "left_age", "channel"))
    shares = road_shares(channel, world)
    known = left.astype(np.int64) - silent <= CHURN_DAYS
    chance = {road: share * known for road, share in shares.items()}
    age = dict.fromkeys(chance, left) | {"silent": silent}
    chance["silent"] = 1 - sum(chance.values())
    groups = {"all": channel >= 0} | {c.key: channel == code for code, c in enumerate(world.channels)}
    return {
        name: {
            road: [round(float((chance[road] * (age[road] <= day))[who].mean()), 4) for day in TOLD_DAYS]
            for road in chance
        }
        for name, who in groups.items()
    }


def _recorded(
    rng: np.random.Generator, uid: Integers, day: Integers, road: Integers, world: World
) -> tuple[Rows, Totals]:
    size = len(uid)
    ts_ms = local_ms(day, rng.integers(FIRST_HOUR * 3600, LAST_HOUR * 3600, size), world)
    codes = np.array([ACTIONS.index(event) for event in ROADS.values()])
    rows = {
        "uid": uid,
        "ts_ms": ts_ms,
        "action": codes[road].astype(np.int8),
        "campaign": np.full(size, -1, dtype=np.int8),
        "content": np.full(size, -1, dtype=np.int32),
        "entry": np.full(size, -1),
        "points": np.zeros(size, dtype=np.int32),
    }
    return rows, {"exits": np.bincount(road, minlength=len(ROADS))}
