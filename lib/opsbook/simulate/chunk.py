"""One chunk of users from sign-up to the last event: clean rows of every table, and exact counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate import campaigns, facts, flows, shopping, tables
from opsbook.simulate.content import Library
from opsbook.simulate.events import Deeds, draw_check_ins, event_rows
from opsbook.simulate.first_order import count_first_orders
from opsbook.simulate.future import count_future
from opsbook.simulate.life import Life, draw_life, user_days
from opsbook.simulate.people import People
from opsbook.simulate.world import Rows, World


@dataclass(frozen=True)
class Chunk:
    """Rows of each table in the company's codes, without dirt, and what was counted."""

    life: Life
    events: Rows
    orders: Rows
    assignments: Rows
    exposures: Rows
    redemptions: Rows
    totals: facts.Totals


def simulate_chunk(rng: np.random.Generator, people: People, library: Library, world: World) -> Chunk:
    """Live the lives of these users; nothing here depends on other chunks."""
    life = draw_life(rng, people, world)
    days = user_days(rng, people, life.active, world)
    involved = [campaigns.involve(rng, each, people, life.active, days, world) for each in world.campaigns]
    onboarding = campaigns.open_for_new_users(rng, world.onboarding, people, world)
    button, entered = campaigns.open_for_active_users(rng, world.button, days, len(people), world)
    guide = campaigns.finishes_guide(people, onboarding, world)
    check_in = draw_check_ins(rng, people, days, involved, world)
    view, chance = shopping.order_chance(people, days, world)
    shopped = shopping.shop(rng, days, view, involved, world)
    orders = shopping.order_rows(rng, people, days, shopped, world)
    redeemed = [shopping.redeem(rng, each, code, days, orders, check_in, world) for code, each in enumerate(involved)]
    totals = facts.count_people(people, life, world) | facts.count_orders(days, orders, world)
    totals |= facts.count_funnel(days, shopped) | facts.count_onboarding(people, onboarding, guide, world)
    totals |= facts.count_button(days, button, orders, world) | facts.count_value(people, days, orders, world)
    totals |= flows.count_lives(life.active, people.signup_day, world)
    totals |= count_future(people, life, days, orders, world)
    for each, rows in zip(involved, redeemed, strict=True):
        totals |= facts.count_campaign(each, rows, people, days, orders, world)
        amount = world.mean_amount_yuan(people.spend)
        totals |= campaigns.expected_effects(each, days, chance, amount, world)
    deeds = Deeds(people, life, days, shopped, check_in, guide, involved)
    events, paid = event_rows(rng, deeds, library, world), tables.paid_rows(people, days, orders, world)
    totals |= count_first_orders(people, events, paid, world)
    return Chunk(
        life=life,
        events=events,
        orders=paid,
        assignments=tables.assignment_rows(people, days, involved, onboarding, button, entered, world),
        exposures=tables.exposure_rows(rng, people, days, involved, world),
        redemptions=tables.redemption_rows(people, days, redeemed, world),
        totals=totals,
    )
