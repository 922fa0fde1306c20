"""Stage rules that come with the workbook, chosen by name; a company may write its own list instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsbook.inputs.yaml_file import did_you_mean

_Rule = Mapping[str, str | int]


def _rules(*, lost: int, sleeping: int, introduction: int, **mature: int) -> tuple[_Rule, ...]:
    """Five stages in the order in which they are asked; `mature` is one bound, the last stage has none."""
    return (
        {"stage": "lost", "min_silent_days": lost},
        {"stage": "sleeping", "min_silent_days": sleeping},
        {"stage": "introduction", "max_tenure_days": introduction},
        {"stage": "mature", **mature},
        {"stage": "growth"},
    )


# Days between visits (or orders) decide: a book shop's customer who was away for a month is not lost.
PRESETS: dict[str, tuple[_Rule, ...]] = {
    "daily-app": _rules(lost=28, sleeping=7, introduction=13, min_active_days=8),
    "weekly-content": _rules(lost=56, sleeping=21, introduction=27, min_active_days=4),
    "weekly-shop": _rules(lost=60, sleeping=21, introduction=27, min_orders=12),
    "monthly-shop": _rules(lost=180, sleeping=90, introduction=59, min_orders=3),
    "rare-shop": _rules(lost=365, sleeping=180, introduction=89, min_orders=2),
}
WITH_EVENTS, ORDERS_ONLY = "daily-app", "monthly-shop"


def rules_of(stages: Any) -> Any:
    """The rules of a preset's name; a list is returned as it is.

    raises: ValueError for a name that is no preset
    """
    if not isinstance(stages, str):
        return stages
    if stages not in PRESETS:
        raise ValueError(f"no stage preset has this name, {did_you_mean(stages, sorted(PRESETS))}, or write a list")
    return PRESETS[stages]


def preset_of(rules: Sequence[Any]) -> str | None:
    """The name of the preset that these rules are, or None for a list of the company's own."""
    told = tuple(rule.model_dump(exclude_none=True) for rule in rules)
    return next((name for name, preset in PRESETS.items() if told == preset), None)


def with_default_stages(workbook: Any) -> Any:
    """The workbook's content; a company that records orders only, and names no stages, gets those of a shop."""
    if not isinstance(workbook, dict) or "events" in (workbook.get("tables") or {}):
        return workbook
    told = workbook.get("thresholds") or {}
    if not isinstance(told, dict) or "stages" in told:
        return workbook
    return workbook | {"thresholds": told | {"stages": ORDERS_ONLY}}
