"""Looks at goods, carts and orders: when, by whom, for how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate.campaigns import Involvement, order_multiplier, pull_forward
from opsbook.simulate.life import UserDays
from opsbook.simulate.people import People
from opsbook.simulate.season import season
from opsbook.simulate.world import Bools, Floats, Integers, Rows, World

SECONDS_TO_ORDER, SECONDS_BETWEEN_ORDERS = 480, 300


@dataclass(frozen=True)
class Shopping:
    """One entry per user-day: looked at goods, filled a cart, number of orders."""

    viewed: Bools
    carted: Bools
    orders: Integers


def order_chance(people: People, days: UserDays, world: World) -> tuple[Floats, Floats]:
    """Per user-day the chance of looking at goods, and of an order when no campaign runs."""
    view = people.view_share[days.person] * season(world).shopping[days.day]
    view = np.minimum(view, world.view_share_cap)
    return view, view * world.cart_per_view * world.order_per_cart


def shop(
    rng: np.random.Generator, days: UserDays, view: Floats, involvements: list[Involvement], world: World
) -> Shopping:
    """Draw looks, carts and orders; campaigns multiply the chance to pay, or move later orders forward."""
    viewed = rng.random(len(days)) < view
    carted = viewed & (rng.random(len(days)) < world.cart_per_view)
    paid = rng.random(len(days)) < world.order_per_cart * order_multiplier(involvements, days, world)
    orders = (carted & paid).astype(np.int8)
    for each in involvements:
        if each.campaign.pulled_forward_share:
            source, target = pull_forward(rng, each, days, orders, world)
            np.subtract.at(orders, source, 1)
            np.add.at(orders, target, 1)
            viewed[target] = carted[target] = True
    return Shopping(viewed, carted, orders)


def order_rows(rng: np.random.Generator, people: People, days: UserDays, shopping: Shopping, world: World) -> Rows:
    """One row per order: row (of the user-day), second (of the day), amount_cents, discount_cents, refund_cents."""
    row = np.repeat(np.arange(len(days)), shopping.orders)
    later = np.arange(len(row)) - np.searchsorted(row, row)
    amount = rng.lognormal(np.log(world.amount_median_yuan), world.amount_sigma, len(row))
    cents = np.maximum(np.rint(amount * people.spend[days.person[row]] * 100), 1).astype(np.int64)
    second = days.second[row] + SECONDS_TO_ORDER + later * SECONDS_BETWEEN_ORDERS + rng.integers(0, 60, len(row))
    return {
        "row": row,
        "second": second,
        "amount_cents": cents,
        "discount_cents": np.zeros(len(row), dtype=np.int64),
        "refund_cents": np.where(rng.random(len(row)) < world.refund_share, cents, 0),
        "campaign": np.full(len(row), -1, dtype=np.int8),
    }


def redeem(
    rng: np.random.Generator, each: Involvement, code: int, days: UserDays, orders: Rows, check_in: Bools, world: World
) -> Rows:
    """One row per redemption: row (of the user-day), second, cost_yuan; coupons also mark their orders."""
    campaign = each.campaign
    if campaign.reward == "coupon":
        return _redeem_coupons(rng, each, code, days, orders, world)
    if campaign.reward == "check_in":
        return _redeem_check_ins(each, days, check_in, world)
    row = each.joined[rng.random(len(each.joined)) < 1 / 3]
    return {"row": row, "second": days.second[row] + 100, "cost_yuan": np.full(len(row), campaign.reward_yuan)}


def _redeem_coupons(
    rng: np.random.Generator, each: Involvement, code: int, days: UserDays, orders: Rows, world: World
) -> Rows:
    row = orders["row"].astype(np.int64)
    start, end = world.index(each.campaign.start), world.index(each.campaign.end)
    inside = (days.day[row] >= start) & (days.day[row] <= end) & each.has_joined[days.person[row]]
    inside &= days.day[row] >= _joined_day(each, days)[days.person[row]]
    coupon_cents = round(each.campaign.reward_yuan * 100)
    used = inside & (orders["amount_cents"] >= 2 * coupon_cents) & (rng.random(len(row)) < world.coupon_use_share)
    orders["campaign"][used] = code
    orders["discount_cents"][used] = coupon_cents
    cost = np.full(int(used.sum()), each.campaign.reward_yuan)
    return {"row": row[used], "second": orders["second"][used], "cost_yuan": cost}


def _redeem_check_ins(each: Involvement, days: UserDays, check_in: Bools, world: World) -> Rows:
    """Everybody who joined and checked in on four days of the campaign gets the prize on the last of them."""
    start, end = world.index(each.campaign.start), world.index(each.campaign.end)
    inside = (days.day >= start) & (days.day <= end) & check_in & each.has_joined[days.person]
    row = np.flatnonzero(inside)
    _person, first, count = np.unique(days.person[row], return_index=True, return_counts=True)
    row = row[(first + count - 1)[count >= 4]]
    return {"row": row, "second": days.second[row] + 100, "cost_yuan": np.full(len(row), each.campaign.reward_yuan)}


def _joined_day(each: Involvement, days: UserDays) -> Integers:
    joined_day = np.full(len(each.arm), np.iinfo(np.int32).max, dtype=np.int32)
    joined_day[days.person[each.joined]] = days.day[each.joined]
    return joined_day
