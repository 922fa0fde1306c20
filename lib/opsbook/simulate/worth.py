"""What users are expected to buy on each active day: the mean over every draw that the simulation makes of orders."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.campaigns import lift
from opsbook.simulate.population import Population
from opsbook.simulate.season import season
from opsbook.simulate.world import Bools, Campaign, Floats, Integers, World


def expected_orders(rng: np.random.Generator, drawn: Population, world: World) -> Floats:
    """Per row of the population the expected number of orders; zero beyond the company's last day."""
    shopping = np.zeros(int(drawn.day.max()) + 1, dtype=np.float32)
    shopping[: world.days] = season(world).shopping
    view = drawn.people.view_share.astype(np.float32)[drawn.person] * shopping[drawn.day]
    usual = np.minimum(view, np.float32(world.view_share_cap)) * np.float32(world.cart_per_view * world.order_per_cart)
    orders = usual.copy()
    for campaign in world.campaigns:
        _add_effect(rng, campaign, drawn, usual, orders, world)
    return orders


def _add_effect(
    rng: np.random.Generator, campaign: Campaign, drawn: Population, usual: Floats, orders: Floats, world: World
) -> None:
    """Add to the orders of treated users what the campaign does during and after it."""
    first, last = world.index(campaign.start), world.index(campaign.after_end)
    treated = _treated(rng, campaign, drawn, world)
    row = np.flatnonzero((drawn.day >= first) & (drawn.day <= last))
    row = row[treated[drawn.person[row]]]
    orders[row] += usual[row] * lift(campaign, drawn.day[row], world)
    if campaign.pulled_forward_share:
        orders[row] += _moved(campaign, drawn, usual, row, world)


def _treated(rng: np.random.Generator, campaign: Campaign, drawn: Population, world: World) -> Bools:
    """Users who were active in the days before the start and whom the draw treats."""
    start = world.index(campaign.start)
    eligible = _active_between(drawn, start - world.eligible_days, start - 1)
    control = np.full(len(drawn.people), campaign.planned_control_share)
    if campaign.control_share_if_recent is not None and campaign.control_share_if_silent is not None:
        recent = _active_between(drawn, start - world.recent_days, start - 1)
        control = np.where(recent, campaign.control_share_if_recent, campaign.control_share_if_silent)
    return eligible & (rng.random(len(control)) >= control)


def _moved(campaign: Campaign, drawn: Population, usual: Floats, row: Integers, world: World) -> Floats:
    """Orders that leave the days after the campaign and come, evenly, on the user's active days of the campaign."""
    person, during = drawn.person[row], drawn.day[row] <= world.index(campaign.end)
    active = np.bincount(person[during], minlength=len(drawn.people))
    leaves = campaign.pulled_forward_share * usual[row] * (~during & (active[person] > 0))
    comes = np.bincount(person, leaves, len(drawn.people)) / np.maximum(active, 1)
    return during * comes[person] - leaves


def _active_between(drawn: Population, first: int, last: int) -> Bools:
    rows = (drawn.day >= first) & (drawn.day <= last)
    return np.bincount(drawn.person[rows], minlength=len(drawn.people)) > 0
