"""The funnel of newcomers that params/workbook.yaml ships: sign-up, then guide, then reading, then cart, then order."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.content import local_ms
from opsbook.simulate.facts import Totals, months, weeks
from opsbook.simulate.people import People
from opsbook.simulate.tables import SIGNUP_TO_SESSION_SECONDS
from opsbook.simulate.world import ACTIONS, Integers, Rows, World

STEPS = ("finish_guide", "read_content", "add_to_cart")
WINDOW_DAYS, DAY_MS, TIME_BITS, MS_2020 = 14, 86_400_000, 40, 1_577_836_800_000


def count_first_orders(people: People, events: Rows, orders: Rows, world: World) -> Totals:
    """Per month and week of sign-up: users whose window is over by the last day, and those of them who came through."""
    second = people.signup_second - SIGNUP_TO_SESSION_SECONDS
    entry = local_ms(people.signup_day, second, world)
    end = local_ms(np.array([world.days]), np.array([0]), world)[0]
    whole = (people.signup_day >= world.observed_from) & (entry + WINDOW_DAYS * DAY_MS <= end)
    through = whole & (_through(people, entry, events, orders) <= entry + WINDOW_DAYS * DAY_MS)
    day = world.calendar[world.observed_from :]
    counted: Totals = {}
    for kind, number in (("month", months(day)), ("week", weeks(day))):
        own = number[np.maximum(people.signup_day - world.observed_from, 0)]
        counts = [np.bincount(own[who], minlength=int(number[-1]) + 1) for who in (whole, through)]
        counted[f"{kind}.funnel"] = np.vstack(counts)
    return counted


def _through(people: People, entry: Integers, events: Rows, orders: Rows) -> Integers:
    """Instant of the order that ends the earliest chain of each user, far in the future for none."""
    at: Integers = entry.astype(np.int64)
    for step in STEPS:
        own = events["action"] == ACTIONS.index(step)
        at = _first_after(people, at, events["uid"][own], events["ts_ms"][own])
    return _first_after(people, at, orders["uid"], orders["paid_ms"])


def _first_after(people: People, at: Integers, uid: Integers, ms: Integers) -> Integers:
    """Each user's first instant not before `at`; people are in order of uid."""
    never = (1 << TIME_BITS) - 1
    person = np.searchsorted(people.uid, uid).astype(np.int64)
    keys = np.sort((person << TIME_BITS) + _since_2020(ms))
    wanted = np.arange(len(people), dtype=np.int64) << TIME_BITS
    place = np.searchsorted(keys, wanted + np.minimum(_since_2020(at), never))
    found = np.append(keys, -1)[place]
    return np.where(found >> TIME_BITS == np.arange(len(people)), found & never, never) + MS_2020


def _since_2020(ms: Integers) -> Integers:
    return ms.astype(np.int64) - MS_2020
