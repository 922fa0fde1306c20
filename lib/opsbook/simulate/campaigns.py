"""Who is assigned to what, who is shown a campaign and joins, and what the campaign truly changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate.life import UserDays
from opsbook.simulate.people import People
from opsbook.simulate.world import (
    CONTROL,
    NOT_ASSIGNED,
    TREATMENT,
    Bools,
    Campaign,
    Experiment,
    Floats,
    Integers,
    World,
)


@dataclass(frozen=True)
class Involvement:
    """One campaign in one chunk.

    arm: per user (-1 not assigned); shown: rows of the user-days on which a treated user saw it;
    first_shown: the first of these rows per shown user; joined: subset of first_shown; has_joined: per user
    """

    campaign: Campaign
    arm: Integers
    shown: Integers
    first_shown: Integers
    joined: Integers
    has_joined: Bools


def involve(
    rng: np.random.Generator, campaign: Campaign, people: People, active: Bools, days: UserDays, world: World
) -> Involvement:
    """Assign eligible users to the arms; treated users see the campaign on active days and some join at once."""
    arm = assign(rng, campaign, people, active, world)
    start, end = world.index(campaign.start), world.index(campaign.end)
    shown = np.flatnonzero((days.day >= start) & (days.day <= end) & (arm[days.person] == TREATMENT))
    first_shown = shown[np.unique(days.person[shown], return_index=True)[1]]
    joined = first_shown[rng.random(len(first_shown)) < campaign.join_share]
    has_joined = np.zeros(len(people), dtype=bool)
    has_joined[days.person[joined]] = True
    return Involvement(campaign, arm, shown, first_shown, joined, has_joined)


def assign(rng: np.random.Generator, campaign: Campaign, people: People, active: Bools, world: World) -> Integers:
    """Arm of every user; eligible are users active in the days before the start.

    A broken campaign holds back mostly users who were silent of late, so that its arms differ from the first day.
    """
    start = world.index(campaign.start)
    eligible = active[:, start - world.eligible_days : start].any(axis=1)
    control_share = np.full(len(people), campaign.planned_control_share)
    if campaign.control_share_if_recent is not None and campaign.control_share_if_silent is not None:
        recent = active[:, start - world.recent_days : start].any(axis=1)
        control_share = np.where(recent, campaign.control_share_if_recent, campaign.control_share_if_silent)
    arm = np.where(rng.random(len(people)) < control_share, CONTROL, TREATMENT)
    return np.where(eligible, arm, NOT_ASSIGNED).astype(np.int8)


def order_multiplier(involvements: list[Involvement], days: UserDays, world: World) -> Floats:
    """Per user-day the factor on the chance that a filled cart is paid."""
    factor = np.ones(len(days))
    for each in involvements:
        treated = each.arm[days.person] == TREATMENT
        factor += np.where(treated, lift(each.campaign, days.day, world), 0.0)
    return factor


def lift(campaign: Campaign, day: Integers, world: World) -> Floats:
    """Relative lift of a treated user's orders on each day: constant during, halving every half-life after."""
    since_end = day - world.index(campaign.end)
    during = (day >= world.index(campaign.start)) & (since_end <= 0)
    after = (since_end > 0) & (since_end <= campaign.after_days)
    fading = campaign.after_lift * 0.5 ** ((since_end - 1) / campaign.after_half_life_days)
    return np.select([during, after], [np.full(len(day), campaign.order_lift), fading], 0.0)


def pull_forward(
    rng: np.random.Generator, each: Involvement, days: UserDays, orders: Integers, world: World
) -> Integers:
    """Rows (from, to) of orders that treated users would have placed after the campaign but place during it.

    returns: two rows: user-days after the campaign that lose their order, user-days of the campaign that gain it.
    """
    first, end = world.index(each.campaign.start), world.index(each.campaign.end)
    treated = each.arm[days.person] == TREATMENT
    after = (days.day > end) & (days.day <= end + each.campaign.after_days) & treated & (orders > 0)
    chosen = np.flatnonzero(after & (rng.random(len(days)) < each.campaign.pulled_forward_share))
    low, high = days.span(days.person[chosen], first, end)
    possible = high > low
    chosen, low, high = chosen[possible], low[possible], high[possible]
    return np.vstack([chosen, low + np.floor(rng.random(len(low)) * (high - low)).astype(np.int64)])


def expected_effects(
    each: Involvement, days: UserDays, chance: Floats, amount: Floats, world: World
) -> dict[str, float]:
    """Sums over assigned users of expected orders and net yuan: untreated, and what treatment adds, during and after.

    chance: per user-day, of an order without any campaign; amount: expected net yuan per order of the person.
    """
    campaign = each.campaign
    first, end = world.index(campaign.start), world.index(campaign.end)
    during = (days.day >= first) & (days.day <= end)
    after = (days.day > end) & (days.day <= end + campaign.after_days)
    assigned = each.arm[days.person] != NOT_ASSIGNED
    added = chance * lift(campaign, days.day, world)
    reachable = np.zeros(len(each.arm), dtype=bool)
    reachable[days.person[during]] = True
    moved = chance * campaign.pulled_forward_share * (after & reachable[days.person])
    yuan = amount[days.person]
    parts = {
        "untreated_during": chance * during,
        "untreated_after": chance * after,
        "added_during": added * during + moved,
        "added_after": added * after - moved,
    }
    sums = {f"{campaign.key}.{name}_orders": float(np.sum(part[assigned])) for name, part in parts.items()}
    return sums | {
        f"{campaign.key}.{name}_yuan": float(np.sum((part * yuan)[assigned])) for name, part in parts.items()
    }


def open_for_new_users(rng: np.random.Generator, test: Experiment, people: People, world: World) -> Integers:
    """Arm of every user of a test that is open to everybody who signs up within its dates."""
    arm = rng.integers(0, 2, len(people))
    inside = (people.signup_day >= world.index(test.start)) & (people.signup_day <= world.index(test.end))
    return np.where(inside, arm, NOT_ASSIGNED).astype(np.int8)


def open_for_active_users(
    rng: np.random.Generator, test: Experiment, days: UserDays, users: int, world: World
) -> tuple[Integers, Integers]:
    """Arm of every user of a test entered on the first active day within its dates, and the rows of these days."""
    inside = np.flatnonzero((days.day >= world.index(test.start)) & (days.day <= world.index(test.end)))
    entered = inside[np.unique(days.person[inside], return_index=True)[1]]
    arm = np.full(users, NOT_ASSIGNED, dtype=np.int8)
    arm[days.person[entered]] = rng.integers(0, 2, len(entered))
    return arm, entered


def finishes_guide(people: People, onboarding_arm: Integers, world: World) -> Bools:
    """Whether a user finishes the guide on the first day; the new onboarding adds its points in every channel."""
    share = np.array([c.finish_guide_share for c in world.channels])[people.channel]
    return people.guide < share + world.onboarding_points * (onboarding_arm == TREATMENT)
