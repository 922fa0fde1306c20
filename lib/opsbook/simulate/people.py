"""Who signs up, with each user's own habits, and who invited whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate.season import season
from opsbook.simulate.world import Floats, Integers, World

FIRST_UID = 10_000_001
HOUR_WEIGHTS = np.array([2, 1, 1, 1, 1, 1, 2, 4, 6, 6, 6, 6, 8, 7, 5, 5, 5, 6, 8, 10, 12, 12, 9, 5], dtype=float)
SESSION_SECONDS = 2_400


@dataclass(frozen=True)
class People:
    """One entry per user of a chunk, in order of sign-up.

    number (0-based over the company), signup_day (index since the first sign-up), signup_second (of the local day),
    channel, platform, city_tier (codes), hazard_ratio (of leaving), active_share (of days alive), view_share (of active
    days), reads (per active day), check_in (share of active days), spend (factor on amounts), guide (uniform draw).
    """

    number: Integers
    signup_day: Integers
    signup_second: Integers
    channel: Integers
    platform: Integers
    city_tier: Integers
    hazard_ratio: Floats
    active_share: Floats
    view_share: Floats
    reads: Floats
    check_in: Floats
    spend: Floats
    guide: Floats

    @property
    def uid(self) -> Integers:
        """The company's own user id."""
        return self.number + FIRST_UID

    def __len__(self) -> int:
        return len(self.number)


def signup_days(rng: np.random.Generator, users: int, world: World) -> Integers:
    """The sign-up day of every user, ascending; season and festivals included."""
    return np.repeat(np.arange(world.days, dtype=np.int32), rng.multinomial(users, season(world).signups))


def draw_people(rng: np.random.Generator, number: Integers, signup_day: Integers, world: World) -> People:
    """Draw attributes and habits of the users with these numbers and sign-up days."""
    size = len(number)
    channel = rng.choice(len(world.channels), size, p=[c.share for c in world.channels]).astype(np.int8)
    platform = rng.choice(len(world.platform_shares), size, p=world.platform_shares).astype(np.int8)
    active = world.active_share_low + world.active_share_width * rng.beta(*world.active_share_beta, size)
    return People(
        number=number,
        signup_day=signup_day,
        signup_second=session_seconds(rng, size),
        channel=channel,
        platform=platform,
        city_tier=rng.choice(len(world.city_tier_shares), size, p=world.city_tier_shares).astype(np.int8),
        hazard_ratio=hazard_ratio(channel, platform, world),
        active_share=active,
        view_share=_view_share(rng, channel, active, world),
        reads=rng.exponential(world.reads_per_active_day, size),
        check_in=rng.beta(*world.check_in_beta, size),
        spend=rng.lognormal(-(world.spend_sigma**2) / 2, world.spend_sigma, size),
        guide=rng.random(size),
    )


def hazard_ratio(channel: Integers, platform: Integers, world: World) -> Floats:
    """Hazard of leaving against organic users on iOS."""
    by_channel = np.array([c.hazard_ratio for c in world.channels])
    return by_channel[channel] * np.array(world.platform_hazard_ratios)[platform]


def draw_breaks(rng: np.random.Generator, signup_day: Integers, world: World) -> tuple[Integers, Integers, Integers]:
    """Every break as user, first day off and first day back; each day outside breaks may begin one after sign-up."""
    person, back = np.arange(len(signup_day)), signup_day.astype(np.int64)
    drawn = []
    while len(person):
        start = back + rng.geometric(world.break_hazard_per_day, len(person))
        person, start = person[start < world.days], start[start < world.days]
        back = np.minimum(start + rng.geometric(1 / world.mean_break_days, len(start)), world.days)
        drawn.append((person, start, back))
    who, begin, end = (np.concatenate(column) for column in zip(*drawn, strict=True))
    return who, begin, end


def session_seconds(rng: np.random.Generator, size: int) -> Integers:
    """Second of the local day at which a session starts; sessions never cross midnight."""
    hour = rng.choice(24, size, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
    return np.clip(hour * 3600 + rng.integers(0, 3600, size), 120, 86_400 - SESSION_SECONDS)


def inviters(
    rng: np.random.Generator, people: People, signup_day: Integers, left_day: Integers, world: World
) -> Integers:
    """The number of the user who invited each referred user, -1 for none.

    signup_day, left_day: of all users so far. An inviter signed up on an earlier day and has not left.
    """
    found = np.full(len(people), -1, dtype=np.int64)
    referral = [c.key for c in world.channels].index("referral")
    mean_distance = 0.15 * len(signup_day)
    for _ in range(6):
        seeking = np.flatnonzero((people.channel == referral) & (found < 0))
        candidate = people.number[seeking] - 1 - rng.exponential(mean_distance, len(seeking)).astype(np.int64)
        known = np.maximum(candidate, 0)
        day = people.signup_day[seeking]
        good = (candidate >= 0) & (signup_day[known] < day) & (left_day[known] > day)
        found[seeking[good]] = candidate[good]
    return found


def _view_share(rng: np.random.Generator, channel: Integers, active_share: Floats, world: World) -> Floats:
    """Share of active days with a look at goods, from a Gamma-distributed rate of orders per day alive."""
    ratio = np.array([c.order_ratio for c in world.channels])[channel]
    mean = world.orders_per_alive_day / world.order_rate_shape
    rate = ratio * rng.gamma(world.order_rate_shape, mean, len(channel))
    return np.minimum(rate / (active_share * world.cart_per_view * world.order_per_cart), world.view_share_cap)
