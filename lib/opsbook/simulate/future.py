"""What the customers of the last day are expected to order afterwards, knowing who has left and who is on a break."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from opsbook.simulate.facts import Totals
from opsbook.simulate.life import Life, UserDays
from opsbook.simulate.people import People
from opsbook.simulate.season import season
from opsbook.simulate.world import Bools, Floats, Integers, Rows, World

AHEAD_DAYS = 90


def count_future(people: People, life: Life, days: UserDays, orders: Rows, world: World) -> Totals:
    """For the ends of the last month and week: customers, expected orders and net yuan, no campaign running."""
    found = [_after(end, people, life, days, orders, world) for end in world.report_ends]
    return {"future": np.array(found)}


def _after(
    end: int, people: People, life: Life, days: UserDays, orders: Rows, world: World
) -> tuple[float, float, float]:
    """Users with an order in the data by that day; what those of them who are still there will order."""
    customer = np.zeros(len(people), dtype=bool)
    row = orders["row"].astype(np.int64)
    customer[days.person[row[days.day[row] <= end]]] = True
    age = end - people.signup_day.astype(np.int64)
    who = np.flatnonzero(customer & (life.left_age > age))
    chance = _usual_orders(people, who, end, world) * _not_away(life.away[who, end], world)
    expected = (_alive(people, life, who, age[who], world) * chance).sum(axis=1)
    yuan = expected * world.mean_amount_yuan(people.spend[who])
    return float(customer.sum()), float(expected.sum()), float(yuan.sum())


def _alive(people: People, life: Life, who: Integers, age: Integers, world: World) -> Floats:
    """Users by days ahead: chance still to be there, given they are on the last day."""
    ahead = age[:, None] + np.arange(AHEAD_DAYS + 1)
    hazard = _slowed(world.cumulative_hazard(ahead), life.reads_early[who], world)
    return np.exp(-people.hazard_ratio[who, None] * (hazard[:, 1:] - hazard[:, :1]))


def _slowed(hazard: Floats, reads_early: Bools, world: World) -> Floats:
    """The cumulative hazard of users by ages, lower after the first days for those who read early."""
    turn = world.cumulative_hazard(np.array(float(world.early_days)))
    slow = turn + world.early_reads_hazard_ratio * (hazard - turn)
    return np.where(reads_early[:, None] & (hazard > turn), slow, hazard)


def _usual_orders(people: People, who: Integers, end: int, world: World) -> Floats:
    """Users by days ahead: expected orders of those still there and not on a break."""
    later = season(replace(world, as_of=world.as_of + timedelta(days=AHEAD_DAYS)))
    activity, shopping = (factor[end + 1 : end + 1 + AHEAD_DAYS] for factor in (later.activity, later.shopping))
    active = np.minimum(people.active_share[who, None] * activity, world.active_share_cap)
    view = np.minimum(people.view_share[who, None] * shopping, world.view_share_cap)
    return active * view * world.cart_per_view * world.order_per_cart


def _not_away(away: Bools, world: World) -> Floats:
    """Users by days ahead: chance of not being on a break, which begins and ends with constant chances per day."""
    begins, ends = world.break_hazard_per_day, 1 / world.mean_break_days
    there = ends / (begins + ends)
    fades = (1 - begins - ends) ** np.arange(1, AHEAD_DAYS + 1)
    return there + (~away[:, None] - there) * fades
