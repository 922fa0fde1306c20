"""Clean rows of the small tables, in the company's codes; instants in Unix milliseconds."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.campaigns import Involvement
from opsbook.simulate.content import local_ms
from opsbook.simulate.life import UserDays
from opsbook.simulate.people import People
from opsbook.simulate.world import NOT_ASSIGNED, SURFACES, Integers, Rows, World

SIGNUP_TO_SESSION_SECONDS = 60


def user_rows(people: People, inviter: Integers, world: World) -> Rows:
    """One row per user: uid, reg_ms, source, inviter (uid, -1 none), platform, city_tier."""
    second = people.signup_second - SIGNUP_TO_SESSION_SECONDS
    return {
        "uid": people.uid,
        "reg_ms": local_ms(people.signup_day, second, world),
        "source": people.channel,
        "inviter": inviter,
        "platform": people.platform,
        "city_tier": people.city_tier,
    }


def paid_rows(people: People, days: UserDays, orders: Rows, world: World) -> Rows:
    """One row per order: uid, paid_ms, amount_cents, discount_cents, refund_cents, campaign."""
    row = orders["row"].astype(np.int64)
    kept = {name: orders[name] for name in ("amount_cents", "discount_cents", "refund_cents", "campaign")}
    paid_ms = local_ms(days.day[row], orders["second"].astype(np.int64), world)
    return {"uid": people.uid[days.person[row]], "paid_ms": paid_ms, **kept}


def assignment_rows(
    people: People,
    days: UserDays,
    involvements: list[Involvement],
    onboarding: Integers,
    button: Integers,
    entered: Integers,
    world: World,
) -> Rows:
    """One row per user and experiment: experiment (campaigns first, then the two tests), uid, arm, ms."""
    parts = []
    for code, each in enumerate(involvements):
        start = np.full(len(people), world.index(each.campaign.start))
        parts.append(_arm_rows(code, people, each.arm, local_ms(start, np.zeros(len(people), dtype=int), world)))
    signed_up = local_ms(people.signup_day, people.signup_second - SIGNUP_TO_SESSION_SECONDS, world)
    parts.append(_arm_rows(len(involvements), people, onboarding, signed_up))
    first = np.zeros(len(people), dtype=np.int64)
    first[days.person[entered]] = local_ms(days.day[entered], days.second[entered], world)
    parts.append(_arm_rows(len(involvements) + 1, people, button, first))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def exposure_rows(
    rng: np.random.Generator, people: People, days: UserDays, involvements: list[Involvement], world: World
) -> Rows:
    """One row per treated user and active day of the campaign: campaign, uid, ms, surface."""
    row = np.concatenate([each.shown for each in involvements])
    code = np.repeat(np.arange(len(involvements)), [len(each.shown) for each in involvements])
    return {
        "campaign": code,
        "uid": people.uid[days.person[row]],
        "ms": local_ms(days.day[row], days.second[row] + 16, world),
        "surface": rng.integers(0, len(SURFACES), len(row)),
    }


def redemption_rows(people: People, days: UserDays, redeemed: list[Rows], world: World) -> Rows:
    """One row per redemption: campaign, uid, ms, cost_yuan."""
    row = np.concatenate([rows["row"] for rows in redeemed]).astype(np.int64)
    second = np.concatenate([rows["second"] for rows in redeemed]).astype(np.int64)
    return {
        "campaign": np.repeat(np.arange(len(redeemed)), [len(rows["row"]) for rows in redeemed]),
        "uid": people.uid[days.person[row]],
        "ms": local_ms(days.day[row], second, world),
        "cost_yuan": np.concatenate([rows["cost_yuan"] for rows in redeemed]),
    }


def cost_rows(rng: np.random.Generator, signups: Integers, treated: Integers, world: World) -> Rows:
    """One row per day and paid channel, and per campaign day: day, source, campaign, spend_yuan, impressions, clicks.

    signups: days by channels; treated: users in the treatment arm of each campaign. Source code 6 is `push`.
    """
    paid = [code for code, channel in enumerate(world.channels) if channel.cost_per_signup_yuan]
    observed = np.arange(world.observed_from, world.days)
    cost = np.array([channel.cost_per_signup_yuan for channel in world.channels])
    spend = signups[observed][:, paid] * cost[paid] * rng.lognormal(0, 0.1, (len(observed), len(paid)))
    parts = [(np.repeat(observed, len(paid)), np.tile(paid, len(observed)), -1, spend.ravel())]
    for code, campaign in enumerate(world.campaigns):
        span = np.arange(world.index(campaign.start), world.index(campaign.end) + 1)
        daily = treated[code] * campaign.media_yuan_per_user / len(span)
        parts.append((span, np.full(len(span), len(world.channels)), code, np.full(len(span), daily)))
    day, source, spend_yuan = (np.concatenate([part[i] for part in parts]) for i in (0, 1, 3))
    clicks = rng.poisson(spend_yuan * 0.8)
    return {
        "day": world.calendar[day],
        "source": source,
        "campaign": np.repeat([code for _, _, code, _ in parts], [len(span) for span, _, _, _ in parts]),
        "spend_yuan": np.round(spend_yuan, 2),
        "impressions": clicks * 35 + rng.poisson(spend_yuan * 3),
        "clicks": clicks,
    }


def _arm_rows(code: int, people: People, arm: Integers, ms: Integers) -> Rows:
    there = np.flatnonzero(arm != NOT_ASSIGNED)
    return {"experiment": np.full(len(there), code), "uid": people.uid[there], "arm": arm[there], "ms": ms[there]}
