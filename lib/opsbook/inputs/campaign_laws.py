"""What a campaign's file may not say together, and what it may not ask of a company that lacks the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsbook.errors import ParameterError
from opsbook.inputs import comparison
from opsbook.inputs.campaign import ROUNDING, Problem
from opsbook.inputs.segments import Rule, check_rule
from opsbook.inputs.workbook import Workbook
from opsbook.inputs.yaml_file import Place, located

if TYPE_CHECKING:
    from opsbook.inputs.run_params import CampaignRun

NEEDS = {"exposed": ("exposures",), "orders": ("orders",), "revenue": ("orders",), "cost": ("costs", "redemptions")}


def contradictions(run: CampaignRun) -> Iterator[Problem]:
    """Everything in the file that cannot be meant together, each with its place."""
    if run.start and run.end and run.end < run.start:
        yield ("end",), f"the campaign ends ({run.end}) before it starts ({run.start})"
    yield from _phases(run)
    for place, goal in enumerate(run.goals):
        if goal.metric in [earlier.metric for earlier in run.goals[:place]]:
            yield ("goals", place, "metric"), f"the metric {goal.metric} has two goals"
    yield from _comparison(run)
    yield from comparison.contradictions(run)
    yield from _money(run)
    if run.earlier and run.start and run.earlier.end >= run.start:
        yield ("earlier", "end"), "the earlier campaign must have ended before this one starts"


def _phases(run: CampaignRun) -> Iterator[Problem]:
    for place, phase in enumerate(run.phases):
        if phase.end < phase.start:
            yield ("phases", place), f"the phase {phase.name} ends before it starts"
        elif run.start and run.end and not run.start <= phase.start <= phase.end <= run.end:
            yield ("phases", place), f"the phase {phase.name} is not within the campaign ({run.start} to {run.end})"
        for other in run.phases[:place]:
            if phase.start <= other.end and other.start <= phase.end:
                yield ("phases", place), f"the phase {phase.name} overlaps the phase {other.name}"
    shares = [phase.share for phase in run.phases if phase.share is not None]
    if shares and (len(shares) < len(run.phases) or abs(sum(shares) - 1) > ROUNDING):
        yield ("phases",), f"shares of phases are given for all of them and add up to 1 (found {sum(shares):g})"
    if shares and run.start and run.end and not _covers(run):
        yield ("phases",), "phases with shares cover every day of the campaign"


def _covers(run: CampaignRun) -> bool:
    assert run.start
    assert run.end
    days = sum((phase.end - phase.start).days + 1 for phase in run.phases)
    return days >= (run.end - run.start).days + 1


def _comparison(run: CampaignRun) -> Iterator[Problem]:
    if run.comparison in ("holdout", "ab") and not run.experiment_id:
        yield ("comparison",), f"comparison: {run.comparison} needs experiment_id (the key in `assignments`)"
    if run.comparison in ("holdout", "ab") and run.control_share in (0.0, 1.0):
        yield ("control_share",), "a control arm of nobody, or of everybody, compares nothing"
    if not run.variants:
        return
    if abs(sum(run.variants.values()) - 1) > ROUNDING:
        yield ("variants",), f"the shares of the variants add up to 1 (found {sum(run.variants.values()):g})"
    if run.control not in run.variants:
        yield ("variants",), f"the control {run.control!r} is not among the variants"
    elif run.control_share is not None and abs(run.control_share - run.variants[run.control]) > 1e-9:
        yield ("control_share",), f"contradicts variants.{run.control}: {run.variants[run.control]:g}"


def _money(run: CampaignRun) -> Iterator[Problem]:
    shares = [subsidy.budget_share for subsidy in run.subsidies if subsidy.budget_share is not None]
    if sum(shares) > 1 + 1e-9:
        yield ("subsidies",), f"the budget shares add up to {sum(shares):g}, more than the whole budget"
    if run.plan is None:
        return
    for name in run.plan.by_channel:
        if run.channels and name not in run.channels:
            yield ("plan", "by_channel", name), f"the channel {name} is not in `channels` ({', '.join(run.channels)})"
    if run.plan.budget is not None and run.plan.budget != run.budget:
        yield ("plan", "budget"), "the planned budget stands at `budget` of the file"
    spent = sum(own.budget or 0.0 for own in run.plan.by_channel.values())
    if run.budget is not None and spent > run.budget * (1 + ROUNDING):
        yield ("plan", "by_channel"), f"the budgets of the channels ({spent:g}) exceed the budget ({run.budget:g})"


def refuse_unanswerable(
    run: Any, workbook: Workbook, *, lines: Mapping[Place, int] | None = None, where: str | Path = ""
) -> None:
    """Raise ParameterError, with lines, for what a campaign's file asks of tables or names the company lacks."""
    problems = list(_unanswerable(run, workbook)) if hasattr(run, "campaign_id") else []
    if problems:
        found = "; ".join(f"{located(at, lines or {})}: {says}" for at, says in problems)
        raise ParameterError("The parameters are not usable", found=found, where=where)


def _unanswerable(run: CampaignRun, workbook: Workbook) -> Iterator[Problem]:
    given = set(workbook.tables)
    for place, goal in enumerate(run.goals):
        needed = NEEDS.get(goal.metric, ())
        fixed = goal.metric == "cost" and run.fixed_cost > 0
        if needed and not given & set(needed) and not fixed:
            yield ("goals", place, "metric"), f"{goal.metric} needs the table {' or '.join(needed)}"
    if not run.participation_events and "redemptions" not in given and run.asks_who_took_part:
        yield ("participation_events",), "without the table redemptions, name the events that are taking part"
    if run.comparison in ("holdout", "ab") and "assignments" not in given:
        yield ("comparison",), f"comparison: {run.comparison} needs the table assignments"
    if run.plan and run.plan.by_channel and run.plan.channel_of == "exposures" and "exposures" not in given:
        yield ("plan", "by_channel"), "channels that show the campaign need the table exposures, or channel_of: users"
    yield from _audience(run.audience_rule, workbook)
    yield from comparison.unanswerable(run, workbook)


def _audience(rule: Rule | None, workbook: Workbook) -> Iterator[Problem]:
    if rule is None:
        return
    try:
        check_rule("audience_rule", rule, attributes=workbook.attributes, groups=list(workbook.event_groups))
    except ValueError as unknown:
        yield ("audience_rule",), str(unknown)
