"""A notebook's desk: `start` turns the parameter cell into a checked run, its period, its mart and its page."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from opsbook.errors import ParameterError
from opsbook.inputs import festivals, looks, periods, registration
from opsbook.inputs.campaign_laws import refuse_unanswerable
from opsbook.inputs.earlier import with_earlier, with_others
from opsbook.inputs.home import find_home, run_files, workbook_path
from opsbook.inputs.known_later import refuse_known_later
from opsbook.inputs.memory import remembered, typed
from opsbook.inputs.own_run import catalogue_folder, model_of
from opsbook.inputs.periods import Period
from opsbook.inputs.run_params import RUNS, CampaignRun, PlanRun, Run, campaign_of
from opsbook.inputs.segments import at_start, refuse_later_segment
from opsbook.inputs.workbook import Language, Thresholds, Workbook, read_workbook
from opsbook.inputs.yaml_file import checked, did_you_mean, read_yaml
from opsbook.mart.mart import Mart
from opsbook.mart.treated_units import refuse_missing_units
from opsbook.page import words
from opsbook.page.building import shown_mart
from opsbook.page.page import Page

INJECTED = "# Parameters"


@dataclass(frozen=True)
class Book:
    """Everything a notebook's questions are asked of."""

    notebook: str
    workbook: Workbook
    run: Run
    mart: Mart
    period: Period
    memory: pd.DataFrame = field(default_factory=lambda: typed(pd.DataFrame()))
    registrations: tuple[dict[str, Any], ...] = ()
    looks: tuple[date, ...] = ()  # through which days earlier reports looked at this campaign

    @property
    def language(self) -> Language:
        """Language of the report."""
        return self.run.language or self.workbook.language

    @property
    def limits(self) -> Thresholds:
        """The definitions the company fixed once."""
        return self.workbook.thresholds

    @property
    def given(self) -> frozenset[str]:
        """Contract tables the company has."""
        return self.mart.given

    @property
    def as_of(self) -> date:
        """The last complete day of data."""
        return self.mart.as_of

    @property
    def settled_through(self) -> date:
        """The last day whose late rows have arrived in every table that makes users active."""
        return self.workbook.settled_through(self.as_of)

    @property
    def data_start(self) -> date:
        """The first day the data cover."""
        return self.mart.data_start

    @property
    def split_at_start(self) -> str:
        """By what users are split where they count from their first day: the run's segment when it is known then."""
        return at_start(self.workbook.segments, getattr(self.run, "segment", "channel"))

    @cached_property
    def previous(self) -> Period:
        """The period of equal kind just before."""
        return periods.previous(self.period, week_start=self.workbook.week_start)

    @cached_property
    def last_year(self) -> Period | None:
        """The same period last year aligned by festival, or None when the data do not reach back so far."""
        country = self.workbook.calendar
        earlier = (
            festivals.aligned_last_year(self.period, country, week_start=self.workbook.week_start)
            if country
            else periods.same_last_year(self.period, week_start=self.workbook.week_start)
        )
        return earlier if earlier.start >= self.data_start else None

    @property
    def moved_with_festival(self) -> bool:
        """Whether last year's period was moved so that a moving festival lies alike in both."""
        plain = periods.same_last_year(self.period, week_start=self.workbook.week_start)
        return self.last_year is not None and self.last_year != plain

    @cached_property
    def history(self) -> list[Period]:
        """The periods shown, oldest first, ending with this one; only those the data cover whole."""
        shown = [self.period]
        for _ in range(getattr(self.run, "history", 12)):
            earlier = periods.previous(shown[0], week_start=self.workbook.week_start)
            if earlier.start < self.data_start:
                break
            shown.insert(0, earlier)
        return shown


def start(notebook: str, variables: Mapping[str, Any]) -> tuple[Book, Page]:
    """Check what the parameter cell says and open the mart; `variables` is the notebook's `vars()`.

    raises: ParameterError for a misspelt, mistyped or contradictory parameter; DataRefused when the check stops.
    """
    book = open_book(notebook, given_parameters(notebook, variables))
    words.also_read(catalogue_folder(find_home()))
    return book, Page(book)


def open_book(notebook: str, parameters: Mapping[str, Any]) -> Book:
    """The book of one run; the mart is built if these inputs were never seen."""
    home = find_home()
    told = with_campaign_file(home, notebook, parameters)
    run = checked(model_of(notebook, home=home), told, where=f"the parameter cell of {notebook}")
    files = run_files(home, run.company)
    run = with_others(with_earlier(run, files), files)
    workbook = read_workbook(workbook_path(home, run.company))
    days = getattr(run, "segment_landmark_days", 0)
    refuse_later_segment(workbook.segments, getattr(run, "segment", ""), landmark_days=days)
    about = campaign_of(run)
    refuse_known_later(about or run, workbook, where=f"the parameter cell of {notebook}")
    refuse_unanswerable(about or run, workbook, where=f"the parameter cell of {notebook}")
    mart = shown_mart(workbook, home=home, as_of=run.as_of)
    refuse_missing_units(run, mart, where=f"the parameter cell of {notebook}")
    memory = remembered(home, workbook.company.key, before=about.start if about else None)
    promises = tuple(registration.versions(home, workbook.company.key, about.campaign_id)) if about else ()
    period = run_period(run, workbook, as_of=mart.as_of)
    looked = looks.earlier(run, workbook, home=home, as_of=mart.as_of)
    return Book(notebook, workbook, run, mart, period, memory, promises, looked)


def with_campaign_file(home: Path, notebook: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters; a campaign named without dates is read from its file, and what the cell changed is laid over it.

    So the notebook's own cell need not repeat a campaign, and a run that gives all of it inherits nothing.
    """
    named, model = str(parameters.get("campaign_id", "")), model_of(notebook, home=home)
    if (
        not issubclass(model, CampaignRun | PlanRun)
        or not named
        or parameters.get("start")
        or parameters.get("campaign")
    ):
        return dict(parameters)
    files = [f for f in run_files(home, str(parameters.get("company", ""))) if RUNS.get(f.notebook) is CampaignRun]
    written = next((c for c, _ in (read_yaml(file.path) for file in files) if c.get("campaign_id") == named), {})
    if issubclass(model, PlanRun):
        return dict(parameters) | {"campaign": written}
    return written | {name: value for name, value in parameters.items() if _changed(name, value)}


def _changed(name: str, value: Any) -> bool:
    """Whether the cell says more than nothing or the model's own default."""
    usual = CampaignRun.model_fields[name].get_default(call_default_factory=True)
    return value not in ("", None, {}) and value != usual


def run_period(run: Run, workbook: Workbook, *, as_of: date) -> Period:
    """The period the run is about: a campaign's own dates, else the parameter `period`.

    raises: ParameterError when a campaign has no dates or `period` cannot be read.
    """
    about = campaign_of(run)
    if (about or isinstance(run, PlanRun)) and not run.period:
        if not (about and about.start and about.end):
            raise ParameterError("The campaign has no dates", fix="give `start` and `end` in its parameter file")
        return periods.between(about.start, about.end)
    return periods.parse_period(run.period, as_of=as_of, week_start=workbook.week_start)


def given_parameters(notebook: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The known parameters among a notebook's variables; an injected one of another name is refused.

    Papermill only warns about a misspelt parameter and then runs on the default; the cell it injects tells.
    """
    known = model_of(notebook, home=find_home()).model_fields
    for name in injected_names(variables.get("In", [])):
        if name not in known:
            raise ParameterError(f"`{name}` is not a parameter of {notebook}", fix=did_you_mean(name, sorted(known)))
    return {name: variables[name] for name in known if name in variables}


def injected_names(cells: list[str]) -> list[str]:
    """Names assigned in the cells that Papermill put in."""
    trees = [ast.parse(cell) for cell in cells if cell.startswith(INJECTED)]
    return [
        target.id
        for tree in trees
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
