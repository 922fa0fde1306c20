"""Stage rules by name, and the settings of the question how intensely users use it."""

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs import stage_presets
from opsbook.inputs.workbook import DEFAULT_STAGES, StageRule, Workbook
from opsbook.inputs.yaml_file import checked

COMPANY = {"key": "shop", "name": "Shop"}
EVENTS, ORDERS = {"events": {"path": "e.csv"}}, {"orders": {"path": "o.csv"}}


def workbook(tables: dict, **settings: object) -> Workbook:
    return checked(Workbook, {"company": COMPANY, "tables": tables} | settings)


@pytest.mark.parametrize("name", stage_presets.PRESETS)
def test_every_preset_is_a_usable_list_that_knows_its_name(name):
    """A preset's rules are read like a list, end without bounds, and are found again by their name."""
    rules = workbook(EVENTS, thresholds={"stages": name}).thresholds.stages
    assert rules[-1].model_dump(exclude_none=True) == {"stage": "growth"}
    assert {rule.stage for rule in rules} == {"introduction", "growth", "mature", "sleeping", "lost"}
    assert stage_presets.preset_of(rules) == name


def test_company_that_says_nothing_gets_the_rules_of_its_kind():
    """With events the rules of an app, with orders only those of a shop: orders come months apart."""
    assert workbook(EVENTS).thresholds.stages == DEFAULT_STAGES
    assert stage_presets.preset_of(workbook(EVENTS | ORDERS).thresholds.stages) == "daily-app"
    assert stage_presets.preset_of(workbook(ORDERS).thresholds.stages) == "monthly-shop"
    told = workbook(ORDERS, thresholds={"stages": "daily-app", "min_cell": 3}).thresholds
    assert (told.stages, told.min_cell) == (DEFAULT_STAGES, 3)


def test_own_list_has_no_preset_name():
    """A list of the company's own is read as before."""
    rules = workbook(EVENTS, thresholds={"stages": [{"stage": "mature"}]}).thresholds.stages
    assert rules == (StageRule(stage="mature"),)
    assert stage_presets.preset_of(rules) is None


def test_misspelt_preset_names_the_nearest_one():
    """The error tells what was found and which preset was probably meant."""
    with pytest.raises(ParameterError, match=r"thresholds\.stages.*did you mean weekly-shop.*wekly-shop"):
        workbook(EVENTS, thresholds={"stages": "wekly-shop"})


def test_metric_that_no_group_gives_is_refused():
    """A metric must be a known one or an event group of the workbook, or days_<group>."""
    groups = {"login": ["open"]}
    named = workbook(EVENTS, event_groups=groups, thresholds={"intensity": {"metrics": ["login", "days_login"]}})
    assert named.thresholds.intensity.metrics == ("login", "days_login")
    with pytest.raises(ParameterError, match=r"`logins` is no metric, did you mean login"):
        workbook(EVENTS, event_groups=groups, thresholds={"intensity": {"metrics": ["logins"]}})
