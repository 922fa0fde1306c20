"""Exact counts of the true rows, taken chunk by chunk before any dirt is added."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsbook.simulate.campaigns import Involvement
from opsbook.simulate.life import Life, UserDays
from opsbook.simulate.people import People
from opsbook.simulate.shopping import Shopping
from opsbook.simulate.world import CONTROL, NOT_ASSIGNED, TREATMENT, Bools, Integers, Rows, World

RETAINED_DAYS = (1, 7, 30)
Totals = dict[str, Any]


def add(total: Totals, part: Totals) -> Totals:
    """Sum two bundles of counts key by key; a missing key counts as zero."""
    both = total.keys() & part.keys()
    return total | part | {key: total[key] + part[key] for key in both}


def count_people(people: People, life: Life, world: World) -> Totals:
    """Sign-ups per day and channel, users active per day, month and ISO week, cohorts retained on day N."""
    active = life.active[:, world.observed_from :]
    days = world.calendar[world.observed_from :]
    return {
        "signups": _by_day_and_channel(people, world),
        "daily": active.sum(axis=0, dtype=np.int64),
        "monthly": _distinct(active, months(days)),
        "weekly": _distinct(active, weeks(days)),
        **{f"retained_{n}": _retained(people, life, n, world) for n in RETAINED_DAYS},
    }


def count_orders(days: UserDays, orders: Rows, world: World) -> Totals:
    """Orders, paid cents and refunded cents per observed day; ordering users per month."""
    row = orders["row"].astype(np.int64)
    day = days.day[row] - world.observed_from
    size = world.days - world.observed_from
    month = months(world.calendar[world.observed_from :])[day]
    return {
        "orders": np.bincount(day, minlength=size),
        "paid_cents": np.bincount(day, orders["amount_cents"], size).astype(np.int64),
        "refunded_cents": np.bincount(day, orders["refund_cents"], size).astype(np.int64),
        "buyers": users_per_month(days.person[row], month, world),
    }


def count_funnel(days: UserDays, shopped: Shopping) -> Totals:
    """User-days of activity, of looking at goods, of a filled cart, and of an order."""
    stages = (shopped.viewed, shopped.carted, shopped.orders > 0)
    return {"funnel_days": np.array([len(days), *(int(stage.sum()) for stage in stages)])}


def count_onboarding(people: People, arm: Integers, guide: Bools, world: World) -> Totals:
    """Per arm (control, treatment) users, users who finished the guide, and the expected number of these."""
    share = np.array([c.finish_guide_share for c in world.channels])[people.channel]
    arms = [arm == CONTROL, arm == TREATMENT]
    return {
        "onboarding_users": np.array([int(a.sum()) for a in arms]),
        "onboarding_finished": np.array([int((a & guide).sum()) for a in arms]),
        "onboarding_expected_untreated": float(share[arm != NOT_ASSIGNED].sum()),
        "finished_guide": int(guide[people.signup_day >= world.observed_from].sum()),
    }


def count_button(days: UserDays, arm: Integers, orders: Rows, world: World) -> Totals:
    """Per arm (control, treatment) users, and their orders within the dates of the test."""
    row = orders["row"].astype(np.int64)
    start, end = world.index(world.button.start), world.index(world.button.end)
    inside = days.person[row[(days.day[row] >= start) & (days.day[row] <= end)]]
    arms = (CONTROL, TREATMENT)
    return {
        "button_users": np.array([int((arm == a).sum()) for a in arms]),
        "button_orders": np.array([int((arm[inside] == a).sum()) for a in arms]),
    }


def count_campaign(each: Involvement, redemptions: Rows) -> Totals:
    """Users per arm, shown, joined; redemptions and their cost."""
    key = each.campaign.key
    return {
        f"{key}.assigned_treatment": int((each.arm == TREATMENT).sum()),
        f"{key}.assigned_control": int((each.arm == CONTROL).sum()),
        f"{key}.exposed": len(each.first_shown),
        f"{key}.participants": len(each.joined),
        f"{key}.redemptions": len(redemptions["row"]),
        f"{key}.redemption_cost_yuan": float(redemptions["cost_yuan"].sum()),
    }


def count_hunters(people: People, world: World) -> Totals:
    """The bonus hunters' part of every count they appear in."""
    size = world.days - world.observed_from
    days = world.calendar[world.observed_from :]
    day = people.signup_day - world.observed_from
    return {
        "signups": _by_day_and_channel(people, world),
        "daily": np.bincount(day, minlength=size),
        "monthly": np.bincount(months(days)[day], minlength=months(days).max() + 1),
        "weekly": np.bincount(weeks(days)[day], minlength=weeks(days).max() + 1),
        "hunters": len(people),
        "funnel_days": np.array([len(people), 0, 0, 0]),
        "invited": len(people) - 1,
        **{f"retained_{n}": _retained(people, None, n, world) for n in RETAINED_DAYS},
    }


def count_costs(rows: Rows, world: World) -> Totals:
    """Yuan spent per channel (`push` last, for campaigns)."""
    source = rows["source"].astype(np.int64)
    return {"spend_yuan": np.bincount(source, rows["spend_yuan"], len(world.channels) + 1)}


def users_per_month(uid: Integers, month: Integers, world: World) -> Integers:
    """Distinct users per month of data."""
    size = months(world.calendar[world.observed_from :]).max() + 1
    return np.bincount(np.unique(np.stack([uid, month]), axis=1)[1], minlength=size)


def negative_cents(rows: Rows, month: Integers, world: World) -> Integers:
    """Sum of the negative amounts per month of data, in cents."""
    size = months(world.calendar[world.observed_from :]).max() + 1
    negative = np.flatnonzero(rows["amount_cents"].astype(np.int64) < 0)
    return np.bincount(month[negative], rows["amount_cents"][negative], size).astype(np.int64)


def months(days: np.ndarray) -> Integers:
    """0-based number of the calendar month of each day, counted from the first."""
    month = days.astype("datetime64[M]").astype(np.int64)
    return month - month[0]


def weeks(days: np.ndarray) -> Integers:
    """0-based number of the ISO week of each day; the first week may be incomplete."""
    week = (days.astype(np.int64) + 3) // 7
    return week - week[0]


def _distinct(active: np.ndarray, span: Integers) -> Integers:
    starts = np.flatnonzero(np.diff(span, prepend=-1))
    return np.logical_or.reduceat(active, starts, axis=1).sum(axis=0, dtype=np.int64)


def _by_day_and_channel(people: People, world: World) -> Integers:
    flat = people.signup_day.astype(np.int64) * len(world.channels) + people.channel
    return np.bincount(flat, minlength=world.days * len(world.channels)).reshape(world.days, len(world.channels))


def _retained(people: People, life: Life | None, after_days: int, world: World) -> Integers:
    """Per cohort month of observed sign-ups: users whose day N lies in the data, and those active on it."""
    day = people.signup_day + after_days
    complete = np.flatnonzero((people.signup_day >= world.observed_from) & (day < world.days))
    month = months(world.calendar[world.observed_from :])[people.signup_day[complete] - world.observed_from]
    active = life.active[complete, day[complete]] if life else np.zeros(len(complete), dtype=bool)
    size = 1 + months(world.calendar[world.observed_from :]).max()
    return np.vstack([np.bincount(month, minlength=size), np.bincount(month[active], minlength=size)])
