"""Which columns of a wide table the page shows, the answer first, each with its interval in the same cell.

Whatever the page leaves out stays in the workbook and in the table's own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

Columns = tuple[str, ...]
MEMORY = (
    "rank",
    "campaign",
    "effect",
    "shrunk",
    "conclusion",
    "evidence",
    "attainment",
    "net_roi",
    "cost",
    "start",
    "type",
)
TYPICAL = ("kind", "group", "typical", "new_low", "new_high", "campaigns", "p_differ")
PARTICIPATION = ("group", "participation", "participants", "exposed", "members", "converters")
STEPS = ("event", "share_of_entry", "share_of_previous", "users", "lost", "incomplete")
DELIVERY = (
    "channel",
    "share_of_plan",
    "exposed",
    "planned_exposed",
    "cost_per_participant",
    "participants",
    "cost",
    "budget",
)
CAMPAIGN: Mapping[str, Columns] = {
    "goals": ("goal", "goal_share", "actual", "target", "direction", "weight", "reached"),
    "plan_steps": ("step", "plan_share", "actual", "planned"),
    "plan_channels": ("channel", "part_gap", "part_delivery", "part_rates", "users", "planned_users"),
    "phases": ("phase", "ratio", "actual", "expected", "start", "end"),
    "funnel": STEPS,
    "path": STEPS,
    "participants": PARTICIPATION,
    "channels": PARTICIPATION,
    "segments": (
        "segment",
        "share_participants",
        "segment_difference",
        "p_holm",
        "share_buyers",
        "orders_per_user",
        "users",
    ),
    "audience": ("audience", "share_shown", "shown", "share_outside"),
    "increments": ("metric", "window", "method", "relative", "total", "treated", "control", "p"),
    "net": ("window", "relative", "total", "treated", "control"),
    "guardrails": ("metric", "outcome", "relative", "worst", "direction"),
    "estimates": ("method", "difference", "share_width"),
    "bayes": ("metric", "share_better", "share_worthwhile", "posterior", "expected_loss"),
    "before_after": ("metric", "relative", "change", "before", "during", "users", "p"),
    "effect_groups": ("dimension", "group", "shrunk", "relative", "p_split", "treated_users", "control_users"),
    "weeks_after": ("week", "relative", "difference", "start", "end", "treated_users"),
    "pull_forward": ("entry", "total"),
    "returns": ("line", "roi", "cost"),
    "buyers_anyway": ("window", "extra", "anyway", "share_anyway", "bought", "treated_users"),
    "prices": ("unit", "price", "increment", "case"),
    "payback": ("day", "earned", "cost", "treated_users"),
    "margins": ("share_margin", "roi", "pays", "given"),
    "coupons": ("state", "coupons", "share", "amount"),
    "referral": ("cohort", "k", "users", "inviters", "invitees", "invites", "converted"),
    "referral_quality": ("measure", "difference", "invited", "other", "invited_users", "other_users"),
    "channel_delivery": DELIVERY,
    "cac": ("channel", "effective_cac", "cac", "share_stayed", "site_new_users", "cost"),
    "memory": MEMORY,
    "memory_typical": TYPICAL,
}
PLAN: Mapping[str, Columns] = {
    "sizes": ("days", "control_share", "detectable", "control_users", "users"),
    "goals": ("metric", "judgement", "expected", "target", "last"),
    "typical": TYPICAL,
    "memory": MEMORY,
}
SHOWN: Mapping[str, Mapping[str, Columns]] = {"campaign": CAMPAIGN, "plan": PLAN}


class Shown(NamedTuple):
    """One column of the page: its name in the table, and the names of its bounds where it has an interval."""

    name: str
    low: str = ""
    high: str = ""


def columns(table: pd.DataFrame, *, area: str, name: str) -> list[Shown]:
    """The page's columns of a table: those that SHOWN names for it and it has; every one, without bounds, of others."""
    own = list(table.columns)
    wanted = SHOWN.get(area, {}).get(name)
    if wanted is None:
        return [Shown(column) for column in own]
    return [_with_bounds(column, own) for column in wanted if column in own]


def _with_bounds(column: str, own: list[str]) -> Shown:
    """Bounds are called after their column, or plainly low and high right behind it."""
    if {f"{column}_low", f"{column}_high"} <= set(own):
        return Shown(column, f"{column}_low", f"{column}_high")
    place = own.index(column) + 1
    return Shown(column, "low", "high") if own[place : place + 2] == ["low", "high"] else Shown(column)
