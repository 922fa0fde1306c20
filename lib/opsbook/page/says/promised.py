"""What a campaign's file promises, in words: goals, guardrails and rules instead of settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from opsbook.page import words
from opsbook.page.words import Sentence

Told = Sentence | str


def readable(field: str, value: Any) -> Told:
    """One promised field, of `registration.promised`, as a reader says it; a rule nobody foresaw as it is written."""
    return READERS.get(field, _plain)(value)


def _list(parts: list[Any]) -> Sentence:
    return Sentence("plan.promised.list", parts=parts)


def _goals(goals: list[Mapping[str, Any]]) -> Sentence:
    return _list(
        [
            Sentence(
                f"plan.promised.goal_{goal['direction']}",
                metric=Sentence(f"campaign.goal.{goal['metric']}"),
                target=_amount(goal),
            )
            for goal in goals
        ]
    )


def _amount(goal: Mapping[str, Any]) -> Sentence:
    return Sentence(
        f"plan.promised.{'money' if goal['metric'] in ('revenue', 'cost') else 'count'}", value=goal["target"]
    )


def _guardrails(rails: list[Mapping[str, Any]]) -> Sentence:
    return _list([Sentence("plan.promised.guardrail", metric=_metric(r["metric"]), worst=r["worst"]) for r in rails])


def _metric(name: str) -> Sentence:
    return Sentence(f"campaign.metric.{name}")


def _share(value: float) -> Sentence:
    return Sentence("plan.promised.share", share=value)


def _shares(arms: Mapping[str, float]) -> Sentence:
    return _list([Sentence("plan.promised.arm", arm=_arm(arm), share=share) for arm, share in arms.items()])


def _arm(name: str) -> Told:
    """A group of an experiment as a reader calls it; else the company's label or its own name."""
    key = f"plan.arm.{name}"
    return Sentence(key) if key in words.catalogue("en") else words.named(name)


def _rule(rule: Mapping[str, Any]) -> Told:
    """The rule that most campaigns have, active within so many days, in words."""
    known = {name: part for name, part in rule.items() if part not in (None, "", [], {})}
    if known.keys() == {"since", "at_most"} and known["since"] == "last_activity":
        return Sentence("plan.promised.active", days=int(known["at_most"]) + 1)
    return _plain(known)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name} = {_plain(part)}" for name, part in value.items() if part not in (None, "", [], {}))
    return ", ".join(_plain(part) for part in value) if isinstance(value, list) else str(value)


READERS: dict[str, Callable[[Any], Told]] = {
    "start": lambda day: Sentence("plan.promised.day", day=date.fromisoformat(day)),
    "end": lambda day: Sentence("plan.promised.day", day=date.fromisoformat(day)),
    "after_days": lambda days: Sentence("plan.promised.days", days=days),
    "comparison": lambda name: Sentence(f"campaign.comparison.{name}"),
    "monitoring": lambda name: Sentence(f"plan.promised.monitoring.{name}"),
    "primary_metric": _metric,
    "control": _arm,
    "control_share": _share,
    "worthwhile_lift": _share,
    "variants": _shares,
    "goals": _goals,
    "guardrails": _guardrails,
    "audience_rule": _rule,
}
