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
LTV_DAYS = (30, 60, 90, 180, 365)
Totals = dict[str, Any]


def add(total: Totals, part: Totals) -> Totals:
    """Sum two bundles of counts key by key; a missing key counts as zero."""
    both = total.keys() & part.keys()
    return total | part | {key: total[key] + part[key] for key in both}


def count_people(people: People, life: Life, world: World) -> Totals:
    """Sign-ups per day and channel, users active per day, month and ISO week."""
    active = life.active[:, world.observed_from :]
    days = world.calendar[world.observed_from :]
    return {
        "signups": _by_day_and_channel(people, world),
        "daily": active.sum(axis=0, dtype=np.int64),
        "monthly": _distinct(active, months(days)),
        "weekly": _distinct(active, weeks(days)),
    }


def count_orders(days: UserDays, orders: Rows, world: World) -> Totals:
    """Orders, paid cents and refunded cents per observed day; ordering users per month and per week."""
    row = orders["row"].astype(np.int64)
    day = days.day[row] - world.observed_from
    size = world.days - world.observed_from
    month, week = (span(world.calendar[world.observed_from :])[day] for span in (months, weeks))
    return {
        "orders": np.bincount(day, minlength=size),
        "paid_cents": np.bincount(day, orders["amount_cents"], size).astype(np.int64),
        "refunded_cents": np.bincount(day, orders["refund_cents"], size).astype(np.int64),
        "buyers": users_per_month(days.person[row], month, world),
        "weekly_buyers": users_per_week(days.person[row], week, world),
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


def count_invited(signup_day: Integers, inviter: Integers, world: World) -> Totals:
    """Users whom somebody invited, in all and per month and week of sign-up; inviter: -1 for none."""
    day = signup_day[(inviter >= 0) & (signup_day >= world.observed_from)] - world.observed_from
    kinds = {"month": months, "week": weeks}
    numbers = {kind: number(world.calendar[world.observed_from :]) for kind, number in kinds.items()}
    counted = {f"{kind}.invited": np.bincount(n[day], minlength=int(n[-1]) + 1) for kind, n in numbers.items()}
    return {"invited": int((inviter >= 0).sum()), **counted}


def count_value(people: People, days: UserDays | None, orders: Rows | None, world: World) -> Totals:
    """By span of days, month of sign-up and channel: users whose span lies in the data, and their net cents in it."""
    buyer, age, cents = _bought(days, orders) if days and orders else np.zeros((3, 0), dtype=np.int64)
    channels, month = len(world.channels), months(world.calendar[world.observed_from :])
    cell = month[np.maximum(people.signup_day - world.observed_from, 0)] * channels + people.channel
    counted = []
    for span in LTV_DAYS:
        whole = (people.signup_day >= world.observed_from) & (people.signup_day + span <= world.days)
        inside = whole[buyer] & (age < span)
        sums = (np.bincount(cell[whole]), np.bincount(cell[buyer[inside]], cents[inside]).astype(np.int64))
        counted.append([np.pad(s, (0, (int(month[-1]) + 1) * channels - len(s))).reshape(-1, channels) for s in sums])
    return {"value": np.array(counted)}


def _bought(days: UserDays, orders: Rows) -> Integers:
    """Per order the buyer, the age on that day and the net cents."""
    row = orders["row"].astype(np.int64)
    return np.vstack([days.person[row], days.age[row], orders["amount_cents"] - orders["refund_cents"]])


def count_campaign(
    each: Involvement, redemptions: Rows, people: People, days: UserDays, orders: Rows, world: World
) -> Totals:
    """Users per arm, shown, joined; redemptions and their cost; what those shown bought during it, and just before."""
    key, start, end = each.campaign.key, world.index(each.campaign.start), world.index(each.campaign.end)
    shown = np.zeros(len(people), dtype=bool)
    shown[days.person[each.first_shown]] = True
    row = orders["row"].astype(np.int64)
    day, net = days.day[row], orders["amount_cents"] - orders["refund_cents"]
    before = start - (end - start + 1)
    known = shown & (people.signup_day <= before)
    during = (day >= start) & (day <= end)
    earlier = (day >= before) & (day < start)
    return {
        f"{key}.assigned_treatment": int((each.arm == TREATMENT).sum()),
        f"{key}.assigned_control": int((each.arm == CONTROL).sum()),
        f"{key}.exposed": len(each.first_shown),
        f"{key}.participants": len(each.joined),
        f"{key}.redemptions": len(redemptions["row"]),
        f"{key}.redemption_cost_yuan": float(redemptions["cost_yuan"].sum()),
        f"{key}.new_exposed": int((shown & (people.signup_day >= start)).sum()),
        f"{key}.orders_of_exposed": int((during & shown[days.person[row]]).sum()),
        f"{key}.cents_of_exposed": int(net[during & shown[days.person[row]]].sum()),
        f"{key}.known_exposed": int(known.sum()),
        f"{key}.cents_of_known_before": int(net[earlier & known[days.person[row]]].sum()),
        f"{key}.cents_of_known_during": int(net[during & known[days.person[row]]].sum()),
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
        "hunters_by_month": np.bincount(months(days)[day], minlength=months(days).max() + 1),
        "funnel_days": np.array([len(people), 0, 0, 0]),
    }


def count_costs(rows: Rows, world: World) -> Totals:
    """Yuan spent per channel (`push` last, for campaigns), and per campaign."""
    source, campaign = rows["source"].astype(np.int64), rows["campaign"].astype(np.int64)
    media = {
        f"{c.key}.media_yuan": float(rows["spend_yuan"][campaign == i].sum()) for i, c in enumerate(world.campaigns)
    }
    return {"spend_yuan": np.bincount(source, rows["spend_yuan"], len(world.channels) + 1), **media}


def users_per_month(uid: Integers, month: Integers, world: World) -> Integers:
    """Distinct users per month of data."""
    return _users_per(uid, month, months(world.calendar[world.observed_from :]))


def users_per_week(uid: Integers, week: Integers, world: World) -> Integers:
    """Distinct users per ISO week of data."""
    return _users_per(uid, week, weeks(world.calendar[world.observed_from :]))


def _users_per(uid: Integers, period: Integers, of_day: Integers) -> Integers:
    return np.bincount(np.unique(np.stack([uid, period]), axis=1)[1], minlength=int(of_day[-1]) + 1)


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


def retained(active: Bools, begun: Integers, after_days: int, world: World) -> Integers:
    """Per cohort month of observed sign-ups: users whose day N lies in the data, and those active on it."""
    day = begun + after_days
    complete = np.flatnonzero((begun >= world.observed_from) & (day < world.days))
    month = months(world.calendar[world.observed_from :])[begun[complete] - world.observed_from]
    there = active[complete, day[complete]]
    size = 1 + months(world.calendar[world.observed_from :]).max()
    return np.vstack([np.bincount(month, minlength=size), np.bincount(month[there], minlength=size)])
