"""`truth.json`: what was planted and what was counted, under plain names with units."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsbook.simulate.early_truth import early_behaviour
from opsbook.simulate.exits import counted, exit_truth
from opsbook.simulate.facts import Totals, months, weeks
from opsbook.simulate.future import AHEAD_DAYS
from opsbook.simulate.hunters import TARGET
from opsbook.simulate.period_truth import counted_value, life_counts, period_facts, standing_facts
from opsbook.simulate.sample import large_sample
from opsbook.simulate.silence_risk import silence_risk
from opsbook.simulate.steady_truth import steady_state
from opsbook.simulate.survival_truth import log_hazard_ratios, survival_truth
from opsbook.simulate.value_truth import expected_value
from opsbook.simulate.world import ZONE, Campaign, Integers, World

SCHEMA = "opsbook.truth/1"


def describe(
    *, users: int, seed: int, totals: Totals, dirt: dict[str, float], hunters: list[int], world: World
) -> dict[str, Any]:
    """The whole truth of one simulated company as plain values."""
    return {
        "schema": SCHEMA,
        "users": users,
        "seed": seed,
        "zone": ZONE,
        "first_signup": str(world.first_signup),
        "data_start": str(world.data_start),
        "as_of": str(world.as_of),
        "incident_day": str(world.incident),
        "survival": survival_truth(world),
        "log_hazard_ratio": log_hazard_ratios(world),
        "exits": exit_truth(world) | {"recorded": counted(totals)},
        "silence_risk": silence_risk(large_sample(world), world),
        "early_behaviour": early_behaviour(large_sample(world), world),
        "expected_net_yuan_per_signup": _value(totals, world),
        "channels": _channels(totals, world),
        "shopping": _shopping(totals, world),
        "expected_of_customers": _future(totals, world),
        "steady_state": steady_state(large_sample(world), users, world),
        "campaigns": {each.key: _campaign(each, totals, world) for each in world.campaigns},
        "experiments": _experiments(totals, world),
        "facts": _facts(totals, world),
        "rows": {key.removeprefix("rows."): value for key, value in totals.items() if key.startswith("rows.")},
        "bonus_hunters": hunters,
        "dirt": _dirt(dirt, totals, world),
    }


def _facts(totals: Totals, world: World) -> dict[str, Any]:
    """Exact counts before dirt, by calendar month of the company's zone; weeks start on Monday."""
    days = world.calendar[world.observed_from :]
    month, per_month = months(days), _by_month(world)
    signups = totals["signups"][world.observed_from :].sum(axis=1)
    net_yuan = (totals["paid_cents"] - totals["refunded_cents"]) / 100
    week = weeks(days)
    return {
        "signups": per_month(np.bincount(month, signups)),
        "active_users": per_month(totals["monthly"]),
        "mean_daily_active_users": per_month(np.bincount(month, totals["daily"]) / np.bincount(month), digits=4),
        "orders": per_month(np.bincount(month, totals["orders"])),
        "buyers": per_month(totals["buyers"]),
        "paid_yuan": per_month(np.bincount(month, totals["paid_cents"]) / 100, digits=2),
        "net_revenue_yuan": per_month(np.bincount(month, net_yuan), digits=2),
        "weekly_active_users": {
            str(days[week == number][0]): int(totals["weekly"][number])
            for number in np.unique(week)
            if (week == number).sum() == 7
        },
        "periods": period_facts(totals, world),
        **standing_facts(totals, world),
        "net_revenue_of_signups": counted_value(totals, world),
        "finished_guide_users": totals["finished_guide"],
        "invited_users": totals["invited"],
    }


def _future(totals: Totals, world: World) -> dict[str, Any]:
    """Of everybody who ordered in the data up to a report's end, in the days after it."""
    names = ("customers", "orders", "net_yuan")
    rows = {str(world.calendar[end]): row for end, row in zip(world.report_ends, totals["future"], strict=True)}
    told = {day: {name: round(float(n), 2) for name, n in zip(names, row, strict=True)} for day, row in rows.items()}
    return {"days": AHEAD_DAYS, "from": told}


def _value(totals: Totals, world: World) -> dict[str, Any]:
    month = months(world.calendar[world.observed_from :])
    signups = np.bincount(month, totals["signups"][world.observed_from :].sum(axis=1))
    return expected_value(large_sample(world), signups, totals["hunters_by_month"], world)


def _channels(totals: Totals, world: World) -> dict[str, Any]:
    signups = totals["signups"][world.observed_from :].sum(axis=0)
    return {
        channel.key: {
            "share_of_signups": channel.share,
            "hazard_ratio": channel.hazard_ratio,
            "finish_guide_share": channel.finish_guide_share,
            "order_rate_ratio": channel.order_ratio,
            "cost_per_signup_yuan": channel.cost_per_signup_yuan,
            "signups_counted": int(signups[code]),
            "spend_counted_yuan": round(float(totals["spend_yuan"][code]), 2),
        }
        for code, channel in enumerate(world.channels)
    }


def _shopping(totals: Totals, world: World) -> dict[str, Any]:
    counted = [int(days) for days in totals["funnel_days"]]
    return {
        "cart_given_view_day": world.cart_per_view,
        "order_given_cart_day": world.order_per_cart,
        "counted_user_days": dict(zip(["active", "viewed", "carted", "ordered"], counted, strict=True)),
        "orders_per_alive_day": world.orders_per_alive_day,
        "amount_median_yuan": world.amount_median_yuan,
        "amount_log_sigma": world.amount_sigma,
        "spend_log_sigma": world.spend_sigma,
        "refund_share": world.refund_share,
    }


def _campaign(campaign: Campaign, totals: Totals, world: World) -> dict[str, Any]:
    """Effects are expected values per assigned user, given who was assigned and when they were active."""
    own = {key.split(".", 1)[1]: value for key, value in totals.items() if key.startswith(f"{campaign.key}.")}
    assigned = own["assigned_treatment"] + own["assigned_control"]
    hunters = totals["hunters"] if campaign.key == TARGET else 0
    broken = campaign.control_share_if_recent is not None
    return {
        "start": str(campaign.start),
        "end": str(campaign.end),
        "after_end": str(campaign.after_end),
        "expected_verdict": campaign.expected_verdict,
        "assignment_is_random": not broken,
        "planned_control_share": campaign.planned_control_share,
        "join_share_of_exposed": campaign.join_share,
        "relative_order_lift_during": _share(own["added_during_orders"], own["untreated_during_orders"]),
        "relative_order_lift_net": _share(
            own["added_during_orders"] + own["added_after_orders"],
            own["untreated_during_orders"] + own["untreated_after_orders"],
        ),
        "after_lift_first_day": campaign.after_lift,
        "after_half_life_days": campaign.after_half_life_days if campaign.after_lift else None,
        "pulled_forward_share_of_later_orders": campaign.pulled_forward_share,
        "effect_per_assigned_user": {unit: _effect(own, unit, assigned) for unit in ("orders", "yuan")},
        "media_cost_yuan": round(own["media_yuan"], 2),
        **{name: own[name] for name in ("assigned_treatment", "assigned_control", "exposed")},
        "participants": own["participants"] + hunters,
        "exposed_participants": own["participants"],
        "new_users": own["new_exposed"] + hunters,
        "orders_of_exposed": own["orders_of_exposed"],
        "net_revenue_of_exposed_yuan": round(own["cents_of_exposed"] / 100, 2),
        "before_after": {
            "users": own["known_exposed"],
            "before_yuan": round(own["cents_of_known_before"] / 100, 2),
            "during_yuan": round(own["cents_of_known_during"] / 100, 2),
        },
        "redemptions": own["redemptions"] + hunters,
        "redemption_cost_yuan": own["redemption_cost_yuan"] + hunters * campaign.reward_yuan,
        "bonus_hunters": hunters,
    }


def _effect(own: dict[str, float], unit: str, assigned: int) -> dict[str, float]:
    """Per assigned user: expected level without the campaign, and what it adds during, after and in sum."""
    names = ("untreated_during", "untreated_after", "added_during", "added_after")
    values = {name: round(own[f"{name}_{unit}"] / max(assigned, 1), 6) for name in names}
    return values | {"net": round((own[f"added_during_{unit}"] + own[f"added_after_{unit}"]) / max(assigned, 1), 6)}


def _experiments(totals: Totals, world: World) -> dict[str, Any]:
    users, finished = totals["onboarding_users"], totals["onboarding_finished"]
    untreated = _share(totals["onboarding_expected_untreated"], users.sum())
    return {
        world.onboarding.key: {
            "start": str(world.onboarding.start),
            "end": str(world.onboarding.end),
            "outcome": "finish_guide on the day of sign-up",
            "share_control": untreated,
            "share_treatment": round(untreated + world.onboarding_points, 6),
            "effect_points": world.onboarding_points,
            "users": _arms(users),
            "finished_counted": _arms(finished),
        },
        world.button.key: {
            "start": str(world.button.start),
            "end": str(world.button.end),
            "outcome": "orders within the dates of the test",
            "effect_orders_per_user": 0.0,
            "users": _arms(totals["button_users"]),
            "orders_counted": _arms(totals["button_orders"]),
        },
    }


def _dirt(counts: dict[str, float], totals: Totals, world: World) -> dict[str, Any]:
    """Dirty rows per table and kind, named after the rule of the check; what the kept kinds add to each month."""
    tables: dict[str, Any] = {}
    for key, rows in counts.items():
        table, kind = key.split(".")
        tables.setdefault(table, {})[kind] = int(rows)
    tables["orders"]["negative_amount_yuan"] = _by_month(world)(totals["negative_cents"] / 100, digits=2)
    tables["events"]["orphan_active_users"] = _by_month(world)(totals["orphan.month.active"])
    tables["events"]["orphan_lives"] = {
        "periods": {kind: life_counts(totals, kind, world, "orphan.") for kind in ("month", "week")},
        **standing_facts(totals, world, "orphan."),
    }
    return tables


def _arms(pair: Integers) -> dict[str, int]:
    return {"control": int(pair[0]), "treatment": int(pair[1])}


def _share(part: float, whole: float) -> float:
    return round(float(part) / float(whole), 6) if whole else 0.0


def _by_month(world: World) -> Any:
    labels = np.unique(world.calendar[world.observed_from :].astype("datetime64[M]")).astype(str)

    def per_month(values: Integers, digits: int = 0) -> dict[str, float]:
        return {
            str(label): round(float(value), digits) if digits else round(float(value))
            for label, value in zip(labels, values, strict=True)
        }

    return per_month
