"""Stages, moves between them and the funnel of newcomers: the analyses find the generator's own counts exactly."""

import pandas as pd
import pytest

from company_intervals import company
from opsbook.analysis import funnel_modes, funnel_rates, stages
from opsbook.inputs.periods import Period
from opsbook.simulate.stages import STAGES

MONTHS = ("2026-02", "2026-03", "2026-09", "2026-10")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A small company, cleaned."""
    return company(tmp_path_factory.mktemp("lives"), seed=5, users=3000)


def periods(labels) -> list[Period]:
    """Calendar months as the reports take them."""
    months = [pd.Period(label) for label in labels]
    return [Period(m.start_time.date(), m.end_time.date(), "month", str(m)) for m in months]


def _both(truth: dict, name: str, month: str) -> list:
    """The company's own counts and those of the strangers."""
    return [truth["facts"][name][month], truth["dirt"]["events"]["orphan_lives"][name][month]]


def _seen(small) -> dict:
    return {"data_start": small.book.data_start, "settled_through": small.mart.as_of}


def test_the_workbook_ships_the_rules_that_the_generator_counts(small):
    """Stages, bounds and order of params/workbook.yaml are those written down in the generator."""
    rules = [rule.model_dump(exclude_none=True) for rule in small.book.thresholds.stages]
    assert rules == [
        {"stage": "lost", "min_silent_days": 28},
        {"stage": "sleeping", "min_silent_days": 7},
        {"stage": "introduction", "max_tenure_days": 13},
        {"stage": "mature", "min_active_days": 8},
        {"stage": "growth"},
    ]


def test_stage_stock_is_the_true_one(small):
    """Users by stage at month ends, strangers added."""
    rules = small.book.thresholds.stages
    found = stages.stage_stock(*small.user_tables, rules=rules, periods=periods(MONTHS), **_seen(small))
    counts = found.set_index(["period", "stage"])["users"]
    for month in MONTHS:
        own, strangers = _both(small.truth, "stages", month)
        assert {s: counts[month, s] for s in STAGES} == {s: own[s] + strangers[s] for s in STAGES}


@pytest.mark.parametrize(("before", "month"), [("2026-02", "2026-03"), ("2026-09", "2026-10")])
def test_stage_moves_are_the_true_ones(small, before, month):
    """From stage to stage between two month ends: with it the chance that a sleeping user wakes."""
    start, end = (period.end for period in periods([before, month]))
    between = {"rules": small.book.thresholds.stages, "start": start, "end": end, **_seen(small)}
    moves = stages.stage_transitions(*small.user_tables, **between).set_index(["from_stage", "to_stage"])["users"]
    own, strangers = _both(small.truth, "stage_moves", month)
    for origin, row in own.items():
        assert {s: moves[origin, s] for s in STAGES} == {s: row[s] + strangers[origin][s] for s in STAGES}, origin


def test_newcomers_who_went_the_whole_way_are_the_true_ones(small):
    """Sign-ups whose window is over, and those of them who went from guide to order in it, by month."""
    way, asked = small.book.funnel, {"periods": periods(MONTHS)}
    within = {"as_of": small.mart.as_of, "timezone": small.book.timezone}
    walked = funnel_modes.walk(small.mart.steps, small.mart.users, funnel=way, **asked, **within)
    rates = funnel_rates.rates(funnel_rates.counts(walked, funnel=way, **asked))
    for place, month in enumerate(MONTHS):
        own, told = rates[rates["cohort"] == place], small.truth["facts"]["periods"]["month"][month]
        assert [own["users"].iloc[0], own["users"].iloc[-1]] == [told["funnel_entered"], told["funnel_converted"]]
