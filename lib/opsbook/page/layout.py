"""Which columns of a wide table the page shows, the answer first, each with its interval in the same cell.

Whatever the page leaves out stays in the workbook and in the table's own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

Columns = tuple[str, ...]
MEMORY = (
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
    "prices": ("priced", "price", "increment", "case"),
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
LIFECYCLE: Mapping[str, Columns] = {
    "actives": (
        "period",
        "active_users",
        "change",
        "change_users",
        "previous_users",
        "earlier_changes",
        "mean_daily_users",
        "complete",
    ),
    "growth": (
        "period",
        "active_users",
        "new",
        "current",
        "resurrected",
        "dormant",
        "quick_ratio",
        "retained",
        "complete",
    ),
    "stage_thresholds": (
        "threshold",
        "in_use_days",
        "suggested_days",
        "target_share",
        "share_in_use",
        "share_later",
        "returns_seen",
        "watched_days",
        "fit",
    ),
    "stage_value": (
        "stage",
        "share",
        "share_revenue",
        "revenue_per_user",
        "orders_per_user",
        "users",
        "buyers",
        "complete",
    ),
    "steady_weeks": (
        "end",
        "new",
        "current",
        "resurrected",
        "silent_1",
        "silent_2",
        "silent_3",
        "active_28",
        "returns",
    ),
    "per_user": ("metric", "share_any", "p10", "p25", "median", "p75", "p90", "mean", "users"),
    "usage_trend": (
        "start",
        "end",
        "balance",
        "share_rising",
        "share_falling",
        "share_same",
        "mean_change",
        "users",
        "complete",
    ),
    "breadth_frequency": (
        "features_used",
        "active_days",
        "share_retained",
        "share",
        "users",
        "retained",
        "complete",
    ),
    "funnel": STEPS,
    "funnel_time": ("event", "median_hours", "share_1h", "share_1d", "share_7d", "waited", "converted", "censored"),
    "funnel_groups": (
        "group",
        "event",
        "share",
        "rest_share",
        "difference",
        "p_adjusted",
        "step_users",
        "users",
    ),
    "drivers": (
        "name",
        "value",
        "difference",
        "group_share",
        "rest_converted_share",
        "p_adjusted",
        "group_users",
        "converted",
    ),
    "stage_ageing": (
        "event",
        "standing",
        "overdue",
        "share_overdue",
        "days_median",
        "days_p75",
        "days_p90",
        "slow_after_days",
    ),
    "aha": (
        "item",
        "window_days",
        "at_least",
        "adjusted",
        "difference",
        "done_share",
        "other_share",
        "done_users",
        "is_best",
    ),
    "rfm_moves": ("from_key", "to_key", "users", "share", "from_users", "to_users", "settled", "hidden"),
    "profile": (
        "attribute",
        "value",
        "tgi",
        "share_group",
        "share_comparison",
        "standardised",
        "p_bh",
        "own_users",
        "tested",
    ),
    "behaviours": ("behaviour", "standardised", "mean_group", "mean_rest", "p_bh", "own_users", "rest_users", "tested"),
    "segments": (
        "segment",
        "users",
        "share_of_all",
        "share_active",
        "stickiness",
        "share_paying",
        "arpu",
        "complete",
    ),
    "segment_returns": (
        "segment",
        "share_returned",
        "share_rest",
        "difference",
        "p_holm",
        "users",
        "returned",
        "tested",
        "complete",
    ),
}
RETENTION: Mapping[str, Columns] = {
    "cohort_trends": (
        "age",
        "change",
        "adjusted_change",
        "mix_change",
        "start",
        "end",
        "conclusion",
        "cohorts",
        "users",
    ),
    "hazard_ratios": ("covariate", "level", "hazard_ratio", "p", "users", "users_churned", "is_reference"),
}
SHOWN: Mapping[str, Mapping[str, Columns]] = {
    "campaign": CAMPAIGN,
    "plan": PLAN,
    "lifecycle": LIFECYCLE,
    "retention": RETENTION,
}
# What a column of yes or no says when it always says it: nothing.
QUIET: Mapping[str, bool] = {"complete": True, "suppressed": False, "hidden": False}


class Shown(NamedTuple):
    """One column of the page: its name in the table, and the names of its bounds where it has an interval."""

    name: str
    low: str = ""
    high: str = ""


def columns(table: pd.DataFrame, *, area: str, name: str) -> list[Shown]:
    """The page's columns of a table: those that SHOWN names for it and it has, of others every one; bounds with values.

    After the first, a column in which nothing stands is left out.
    """
    own = list(table.columns)
    wanted = SHOWN.get(area, {}).get(name)
    chosen = [_with_bounds(column, own) for column in (own if wanted is None else wanted) if column in own]
    bounds = {bound for column in chosen for bound in column[1:] if bound}
    kept = [column for column in chosen if wanted is not None or column.name not in bounds]
    return [column for place, column in enumerate(kept) if place == 0 or _says_something(table[column.name])]


def _says_something(column: pd.Series) -> bool:
    """Whether a cell stands in it, or another than the one that goes without saying."""
    filled = column.dropna()
    quiet = QUIET.get(str(column.name))
    return column.empty or not (filled.empty or (quiet is not None and bool((filled == quiet).all())))


def _with_bounds(column: str, own: list[str]) -> Shown:
    """Bounds are called after their column, or plainly low and high right behind it."""
    if {f"{column}_low", f"{column}_high"} <= set(own):
        return Shown(column, f"{column}_low", f"{column}_high")
    place = own.index(column) + 1
    return Shown(column, "low", "high") if own[place : place + 2] == ["low", "high"] else Shown(column)
