"""Where 28-day actives come to rest if the weekly rates of an endless company stay as they were in the last weeks."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.population import PARTS, USERS
from opsbook.simulate.sample import RECENT_WEEKS, Sample
from opsbook.simulate.world import Bools, Integers, World

AVERAGED_WEEKS, MEMORY_WEEKS, SETTLED_AFTER_WEEKS = 8, 4, 2000
POINT = 0.01
STATES = ("new", "current", "resurrected", "silent_1", "silent_2", "silent_3")


def steady_state(sample: Sample, users: int, world: World) -> dict[str, dict[str, float]]:
    """By the end of the last month and of the last week -- steady: 28-day actives at rest, of a company of this size.

    week_1_point: how many more with one more point of the share of newcomers who are active in the week after;
    newcomers, returns: users per week; then the weekly rates of being active again
    """
    told = {}
    for end in world.report_ends:
        rates = _rates(sample.users[f"weeks_to_{end}"], sample.users["signup_day"], end, users / (USERS * PARTS))
        steady, more = at_rest(**rates), at_rest(**rates | {"new": rates["new"] + POINT})
        numbers = {"steady": steady, "week_1_point": more - steady} | rates
        told[str(world.calendar[end])] = {name: round(value, 4) for name, value in numbers.items()}
    return told


def at_rest(
    *,
    newcomers: float,
    returns: float,
    new: float,
    current: float,
    resurrected: float,
    silent_1: float,
    silent_2: float,
    silent_3: float,
) -> float:
    """Users active in the last four weeks, week after week until nothing changes any more."""
    fresh = kept = back = one = two = three = 0.0
    for _ in range(SETTLED_AFTER_WEEKS):
        again = new * fresh + current * kept + resurrected * back
        woken = silent_1 * one + silent_2 * two + silent_3 * three
        one, two, three = fresh + kept + back - again, (1 - silent_1) * one, (1 - silent_2) * two
        fresh, kept, back = newcomers, again, returns + woken
    return fresh + kept + back + one + two + three


def _rates(bits: Integers, signup_day: Integers, end: int, scale: float) -> dict[str, float]:
    """Users who come per week, and of the users in each state the share active in the week after, over eight weeks."""
    active = [(bits >> week) & 1 == 1 for week in range(RECENT_WEEKS)]
    born = (end - signup_day) // 7
    held, again = (dict.fromkeys(STATES, 0) for _ in range(2))
    for week in range(1, AVERAGED_WEEKS + 1):
        for name, who in _states(active, born, week).items():
            held[name] += int(who.sum())
            again[name] += int((who & active[week - 1]).sum())
    newcomers = sum(int((active[week] & (born == week)).sum()) for week in range(AVERAGED_WEEKS))
    returns = sum(int(_returned(active, born, week).sum()) for week in range(AVERAGED_WEEKS))
    flows = {"newcomers": newcomers * scale / AVERAGED_WEEKS, "returns": returns * scale / AVERAGED_WEEKS}
    return flows | {name: again[name] / held[name] for name in held}


def _states(active: list[Bools], born: Integers, week: int) -> dict[str, Bools]:
    """Who is in which state at the end of a week, told from it and the three weeks before."""
    now, before, *earlier = active[week : week + MEMORY_WEEKS]
    own = born == week
    came = (now & own, now & before & ~own, now & ~before & ~own)
    silent = (before, ~before & earlier[0], ~before & ~earlier[0] & earlier[1])
    return dict(zip(STATES, [*came, *(~now & who for who in silent)], strict=True))


def _returned(active: list[Bools], born: Integers, week: int) -> Bools:
    """Active in a week after four weeks or more without."""
    lately = np.logical_or.reduce(active[week + 1 : week + 1 + MEMORY_WEEKS])
    return active[week] & ~lately & (born != week)
