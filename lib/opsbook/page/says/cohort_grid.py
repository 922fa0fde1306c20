"""Sentences of notebook 02 on the cohort grid: by which rule it counts, what it shows, and what it brings."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd

from opsbook.analysis.value_grid import pooled_values
from opsbook.inputs.periods import Period
from opsbook.page.words import Sentence

TERMS = ("weighted_mean", "simple_mean")
FORMATS = dict.fromkeys(
    ["share", "low", "high", "simple_share", "simple_low", "simple_high", "constant_share"], "percent"
)


class Asked(Protocol):
    """What a run asked of the grid: `inputs.run_params.RetentionRun`."""

    cohort: str
    retention: str
    cohort_entry: str
    start_event: str
    return_event: str
    value: str
    brackets: list[tuple[int, int]]


def definition(run: Asked) -> Sentence:
    """Who starts a cohort and what counts as coming back, in words."""
    start = Sentence("retention.grid_start.event", event=run.start_event) if run.start_event else _start(run)
    back = Sentence("retention.grid_back.event", event=run.return_event) if run.return_event else _back()
    spans = [f"{first}–{last}" for first, last in run.brackets]
    rule = Sentence(f"retention.grid_rule.{run.retention}", unit=_unit(run), brackets=spans)
    entry = Sentence(f"retention.grid_entry.{run.cohort_entry}")
    return Sentence("retention.grid.definition", start=start, back=back, rule=rule, entry=entry)


def grid(line: pd.DataFrame, run: Asked) -> Sentence:
    """The weighted mean of the first and the last age, by the rule of the run."""
    later = line[line["age"] > 0]
    if later.empty:
        return Sentence("retention.grid.none")
    first, last = later.iloc[0], later.iloc[-1]
    told: dict[str, Any] = {
        "unit": _unit(run),
        "age": last["age"],
        "cohorts": last["cohorts"],
        "first_age": first["age"],
    }
    told |= {"first": first["share"], "first_n": first["users"], "last": last["share"], "last_n": last["users"]}
    told |= {"low": last["low"], "high": last["high"]}
    return Sentence("retention.grid.known" if len(later) > 1 else "retention.grid.one", **told)


def means(line: pd.DataFrame, simple: pd.DataFrame) -> Sentence:
    """Weighted and simple mean at the last age that several cohorts reached, and the line of unchanged cohorts."""
    both = line.merge(simple.drop(columns="cohorts"), on="age")
    both = both[(both["age"] > 0) & (both["cohorts"] > 1)]
    if both.empty:
        return Sentence("retention.means.none")
    row = both.iloc[-1]
    told = {name: row[name] for name in ("age", "share", "low", "high", "users", "cohorts")}
    told |= {"simple": row["simple_share"], "simple_low": row["simple_low"], "simple_high": row["simple_high"]}
    agree = told["simple_low"] <= told["share"] <= told["simple_high"]
    return Sentence(f"retention.means.{'alike' if agree else 'apart'}", **told)


def mean_table(line: pd.DataFrame, simple: pd.DataFrame) -> pd.DataFrame:
    """Weighted mean, simple mean and the line of unchanged cohorts side by side, by age."""
    both = line.merge(simple.drop(columns="cohorts"), on="age", how="left")
    shown = ["age", "cohorts", "users", "share", "low", "high", "simple_share", "simple_low", "simple_high"]
    constant = ["constant_share", "constant_users", "constant_cohorts"]
    return both[[*shown, *(name for name in constant if name in both)]]


def values(table: pd.DataFrame, run: Asked, *, period: Period) -> Sentence | None:
    """What a member brought in its own unit and in the last one watched; None where the run counts users only."""
    if run.value == "users":
        return None
    known = pooled_values(table)
    if known.empty:
        return Sentence("retention.cohort_values.none", period=period.label)
    first, last = known.iloc[0], known.iloc[-1]
    told: dict[str, Any] = {"unit": _unit(run), "age": last["age"], "cohorts": last["cohorts"]}
    for name, row in (("first", first), ("last", last)):
        told |= {
            name: row["per_member"],
            f"{name}_low": row["low"],
            f"{name}_high": row["high"],
            f"{name}_n": row["users"],
        }
    return Sentence(f"retention.cohort_values.{run.value}{'' if len(known) > 1 else '_one'}", **told)


def _start(run: Asked) -> Sentence:
    return Sentence(f"retention.grid_start.{'active' if run.cohort_entry == 'recurring' else 'first_day'}")


def _back() -> Sentence:
    return Sentence("retention.grid_back.active")


def _unit(run: Asked) -> Sentence:
    return Sentence(f"retention.grid_unit.{run.cohort}")
