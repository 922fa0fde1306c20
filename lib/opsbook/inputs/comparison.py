"""What a campaign's file says about whom it is compared with, and what it may not say about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from opsbook.inputs.campaign import Problem
from opsbook.inputs.segments import check_rule
from opsbook.inputs.workbook import Typed, Workbook

if TYPE_CHECKING:
    from opsbook.inputs.run_params import CampaignRun

RANDOMISED = ("holdout", "ab")
BY_RULE = ("did", "weighted")
BY_UNITS = ("did", "synthetic_control")


class Units(Typed):
    """Groups of users, such as cities, of which some got the campaign and the others did not."""

    attribute: str = Field(description="a column of users: channel or one of `attributes`")
    treated: Annotated[list[str], Field(min_length=1)] = Field(description="its values that got the campaign")


def contradictions(run: CampaignRun) -> Iterator[Problem]:
    """What the comparison cannot mean together with the rest of the file, each with its place."""
    yield from _who(run)
    yield from _arms(run)
    for place, day in enumerate(run.placebo_dates):
        yield from _placebo(run, place, day)


def unanswerable(run: CampaignRun, workbook: Workbook) -> Iterator[Problem]:
    """What the comparison asks of columns, tables or days that the company does not have."""
    if run.units and run.units.attribute not in workbook.attributes:
        yield ("units", "attribute"), _unknown(run.units.attribute, workbook)
    if run.strata and run.strata not in workbook.attributes:
        yield ("strata",), _unknown(run.strata, workbook)
    if run.treated:
        try:
            check_rule("treated", run.treated, attributes=workbook.attributes, groups=list(workbook.event_groups))
        except ValueError as unknown:
            yield ("treated",), str(unknown)
    if run.comparison == "weighted" and run.treated is None and "exposures" not in workbook.tables:
        yield ("comparison",), "comparison: weighted needs `treated`, or the table exposures for who was shown it"
    for place, day in enumerate(run.placebo_dates):
        if workbook.data_start and day <= workbook.data_start:
            yield ("placebo_dates", place), f"the data begin on {workbook.data_start}: no days before {day}"


def _who(run: CampaignRun) -> Iterator[Problem]:
    asked, by_rule, by_units = run.comparison, run.comparison in BY_RULE, run.comparison in BY_UNITS
    if run.treated and not by_rule:
        yield ("treated",), f"`treated` is read by did and weighted, not by comparison: {asked}"
    if run.units and not by_units:
        yield ("units",), f"`units` is read by did and synthetic_control, not by comparison: {asked}"
    if run.treated and run.units and asked == "did":
        yield ("units",), "say who got the campaign once: either `treated` (users) or `units` (cities, regions …)"
    if asked == "did" and not (run.treated or run.units):
        yield ("comparison",), "comparison: did needs `treated` (a rule) or `units` (attribute and its treated values)"
    if asked == "synthetic_control" and not run.units:
        yield ("comparison",), "comparison: synthetic_control needs `units` (attribute and its treated values)"
    if asked == "did" and run.treated and any(leaf.attribute is None for leaf in run.treated.leaves):
        yield (
            ("treated",),
            (
                "comparison: did needs a rule of attributes alone: what users did before the start moves back by "
                "itself (regression to the mean) and would be taken for the effect"
            ),
        )
    if by_units and run.primary_metric == "buyers":
        yield ("primary_metric",), f"comparison: {asked} compares changes of means: orders, revenue or active_days"
    twice = sorted({name for name in run.units.treated if run.units.treated.count(name) > 1}) if run.units else []
    if twice:
        yield ("units", "treated"), f"{twice[0]!r} stands twice"


def _arms(run: CampaignRun) -> Iterator[Problem]:
    if run.primary_metric == "converted" and run.conversion_events == ["order"]:
        yield ("primary_metric",), "converting is ordering here (conversion_events: [order]), so the metric is buyers"
    if run.primary_metric == "converted" and run.comparison not in RANDOMISED:
        yield ("primary_metric",), f"`converted` is read with arms drawn by lot, not by comparison: {run.comparison}"
    for name, given in (("primary_arms", run.primary_arms), ("strata", run.strata)):
        if given and run.comparison not in RANDOMISED:
            yield (name,), f"`{name}` is read by holdout and ab, not by comparison: {run.comparison}"
    for place, arm in enumerate(run.primary_arms):
        if arm == run.control:
            yield ("primary_arms", place), f"{arm!r} is the control: it got nothing to judge"
        elif run.variants and arm not in run.variants:
            yield ("primary_arms", place), f"{arm!r} is not among the variants ({', '.join(run.variants)})"


def _placebo(run: CampaignRun, place: int, day: date) -> Iterator[Problem]:
    if run.comparison != "did" or run.units:
        yield ("placebo_dates", place), "`placebo_dates` are read by did with `treated`"
    elif run.start and run.end and (over := _over(run, day)) >= run.start:
        yield (
            ("placebo_dates", place),
            f"a campaign pretended to start on {day} would be over on {over}, not before the start ({run.start})",
        )


def _over(run: CampaignRun, day: date) -> date:
    """Last day of the pretended campaign and the days after it."""
    assert run.start
    assert run.end
    return day + (run.end - run.start) + timedelta(days=run.after_days)


def _unknown(name: str, workbook: Any) -> str:
    known = ", ".join(workbook.attributes) or "none"
    return f"{name!r} is no attribute of users (known: {known})"
