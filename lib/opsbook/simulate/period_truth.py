"""The counts of every month and week as plain values: of the company's users, and of the strangers the check flags."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsbook.simulate.facts import LTV_DAYS, RETAINED_DAYS, Totals
from opsbook.simulate.flows import CHURN_DAYS, FLOWS, ends, periods
from opsbook.simulate.stages import FROM_STAGES, STAGES
from opsbook.simulate.world import Integers, World


def period_facts(totals: Totals, world: World) -> dict[str, Any]:
    """By month (2026-10) and by week (its Monday): life counts, sign-ups, invited users, funnel, money.

    funnel_entered: sign-ups whose 14 days are over; funnel_converted: those of them who in these days finished the
    guide, then read, then filled a cart, then ordered
    """
    net = totals["paid_cents"] - totals["refunded_cents"]
    signups = totals["signups"][world.observed_from :].sum(axis=1)
    buyers = {"month": totals["buyers"], "week": totals["weekly_buyers"]}
    told = {}
    for kind, period in periods(world).items():
        rows = life_counts(totals, kind, world)
        more = {
            "signups": np.bincount(period, signups).astype(np.int64),
            "invited_users": totals[f"{kind}.invited"],
            "funnel_entered": totals[f"{kind}.funnel"][0],
            "funnel_converted": totals[f"{kind}.funnel"][1],
            "buyers": buyers[kind],
            "net_revenue_yuan": np.round(np.bincount(period, net) / 100, 2),
        }
        for place, row in enumerate(rows.values()):
            row |= {name: column[place].item() for name, column in more.items()}
        told[kind] = rows
    return told


def life_counts(totals: Totals, kind: str, world: World, prefix: str = "") -> dict[str, dict[str, Any]]:
    """One entry per complete or last period: the flows, days in it, the 28 days to its end, activation of newcomers.

    new, current, resurrected, dormant, active: users; user_days: of activity; sticky_user_days, sticky_users: of the 28
    days to the end (zero where these begin before the data); whole_newcomers: whose day 7 lies in the data, activated:
    those of them active on one of the days 1 to 7
    """
    period = periods(world)[kind]
    columns = {name: totals[f"{prefix}{kind}.{name}"] for name in FLOWS}
    columns["sticky_user_days"], columns["sticky_users"] = totals[f"{prefix}{kind}.sticky"]
    columns["whole_newcomers"], columns["activated"] = totals[f"{prefix}{kind}.activated"]
    columns["days"] = np.bincount(period)
    labels = period_labels(kind, world)
    return {label: {name: int(c[place]) for name, c in columns.items()} for place, label in enumerate(labels)}


def standing_facts(totals: Totals, world: World, prefix: str = "") -> dict[str, Any]:
    """By month of sign-up, who was active on day N; at each month's end, who is silent, who came back, and stages."""
    labels = period_labels("month", world)
    silent = {str(n): np.array(totals[f"{prefix}silent_{n}"]).T for n in CHURN_DAYS}
    stock, moves = totals[f"{prefix}stage_stock"], totals[f"{prefix}stage_moves"]
    kept = {str(n): totals[f"{prefix}retained_{n}"].tolist() for n in RETAINED_DAYS}
    return {
        "retained_on_day": {
            day: {
                name: dict(zip(labels, counts, strict=True))
                for name, counts in zip(("users", "active"), own, strict=True)
            }
            for day, own in kept.items()
        },
        "silent_users": {
            days: dict(zip(labels, ({"silent": int(a), "came_back": int(b)} for a, b in pairs), strict=True))
            for days, pairs in silent.items()
        },
        "stages": {label: _named(STAGES, row) for label, row in zip(labels, stock, strict=True)},
        "stage_moves": {
            label: {name: _named(STAGES, row) for name, row in zip(FROM_STAGES, matrix, strict=True)}
            for label, matrix in list(zip(labels, moves, strict=True))[1:]
        },
    }


def counted_value(totals: Totals, world: World) -> dict[str, Any]:
    """By span of days since sign-up, and channel or month of sign-up: users whose span lies in the data, net yuan."""
    channels, labels = [c.key for c in world.channels], period_labels("month", world)
    told = {}
    for days, (users, cents) in zip(LTV_DAYS, totals["value"], strict=True):
        by_channel = _worth(channels, users.sum(axis=0), cents.sum(axis=0))
        told[str(days)] = {"by_channel": by_channel, "by_month": _worth(labels, users.sum(axis=1), cents.sum(axis=1))}
    return told


def period_labels(kind: str, world: World) -> list[str]:
    """Months as 2026-10, weeks as their Monday."""
    days = world.calendar[world.observed_from :]
    last = days[ends(periods(world)[kind], world) - world.observed_from]
    if kind == "month":
        return [str(day) for day in last.astype("datetime64[M]")]
    return [str(day) for day in last - (last.astype(np.int64) + 3) % 7]


def _worth(names: list[str], users: Integers, cents: Integers) -> dict[str, dict[str, float]]:
    rows = zip(names, users, cents, strict=True)
    return {name: {"users": int(n), "net_yuan": round(float(c) / 100, 2)} for name, n, c in rows}


def _named(names: list[str], counts: Integers) -> dict[str, int]:
    return {name: int(count) for name, count in zip(names, counts, strict=True)}
