"""Sentences on thresholds by segment, times to return and the cohort grid: every branch, both languages."""

import re
from datetime import date
from importlib import resources

import pandas as pd
import pytest
import yaml

from opsbook.analysis.proportion import Estimate
from opsbook.inputs.periods import between
from opsbook.inputs.run_params import RetentionRun
from opsbook.inputs.stage_presets import PRESETS
from opsbook.inputs.workbook import StageRule
from opsbook.page import theme, words
from opsbook.page.charts import cohort_values
from opsbook.page.charts import silences as silence_charts
from opsbook.page.says import cohort_grid as grid_says
from opsbook.page.says import silences as silence_says

NAN = float("nan")
RULES = [StageRule(**rule) for rule in PRESETS["daily-app"]]
ON = date(2026, 3, 31)
QUARTER = between(date(2026, 1, 1), date(2026, 3, 31))
BACK = pd.DataFrame({"days": [0, 10, 60], "at_risk": [90, 80, 40], "returned": [0.0, 0.2, 0.4]})
BACK = BACK.assign(low=BACK["returned"] - 0.05, high=BACK["returned"] + 0.05)
OWN = pd.DataFrame(
    {"segment": ["app", "mail"], "users": [500, 300], "silences": [90, 40], "suggested_days": [7.0, 30.0]}
)
LINE = pd.DataFrame({"age": [0, 1, 4], "share": [1.0, 0.6, 0.3], "low": [NAN, 0.55, 0.25], "high": [NAN, 0.65, 0.35]})
LINE = LINE.assign(users=[900, 900, 400], cohorts=[9, 9, 4])
ONCE = pd.DataFrame({"age": [0, 1, 4], "simple_share": [1.0, 0.6, 0.31], "cohorts": [9, 9, 4]})
ONCE = ONCE.assign(simple_low=[1.0, 0.55, 0.25], simple_high=[1.0, 0.65, 0.37])
WORTH = pd.DataFrame({"cohort": pd.Timestamp("2026-01-05"), "age": [0, 3], "users": 90, "total": [900.0, 90.0]})
WORTH = WORTH.assign(per_member=[10.0, 1.0], low=[8.0, 0.5], high=[12.0, 1.5], complete=True)


def run(**asked):
    return RetentionRun(period="2026-01-01..2026-03-31", **asked)


def part(name, **asked):
    return grid_says.definition(run(**asked)).values[name]


def worth(**asked):
    ages = asked.pop("ages", 2)
    return grid_says.values(WORTH.head(ages), run(**asked), period=QUARTER)


BRANCHES = {
    "return_times.known": silence_says.returns(BACK, Estimate(10.0, NAN, NAN, 90), on=ON),
    "return_times.nobody": silence_says.returns(BACK.assign(returned=0.0), Estimate(NAN, NAN, NAN, 90), on=ON),
    "lost_stage.apart": silence_says.lost_stage(RULES, churn_after_days=21),
    "return_times.none": silence_says.returns(BACK.iloc[:0], Estimate(NAN, NAN, NAN, 0), on=ON),
    "thresholds.apart": silence_says.segments(OWN, by="channel"),
    "thresholds.alike": silence_says.segments(OWN.assign(suggested_days=[7.0, 9.0]), by="channel"),
    "thresholds.none": silence_says.segments(OWN.head(1), by="channel"),
    "grid.definition": grid_says.definition(run()),
    "grid_start.first_day": part("start"),
    "grid_start.active": part("start", cohort_entry="recurring"),
    "grid_start.event": part("start", start_event="buy"),
    "grid_entry.first_time": part("entry"),
    "grid_entry.recurring": part("entry", cohort_entry="recurring"),
    "grid_back.active": part("back"),
    "grid_back.event": part("back", return_event="buy"),
    "grid_rule.on": part("rule"),
    "grid_rule.on_or_after": part("rule", retention="on_or_after"),
    "grid_rule.bracket": part("rule", retention="bracket", brackets=[[1, 3], [4, 7]]),
    "grid_rule.streak": part("rule", retention="streak"),
    "grid_rule.hours24": part("rule", retention="hours24", cohort="day"),
    "grid_unit.day": part("rule", cohort="day").values["unit"],
    "grid_unit.week": part("rule", cohort="week").values["unit"],
    "grid_unit.month": part("rule", cohort="month").values["unit"],
    "grid.known": grid_says.grid(LINE, run()),
    "grid.one": grid_says.grid(LINE.head(2), run()),
    "grid.none": grid_says.grid(LINE.head(1), run()),
    "means.alike": grid_says.means(LINE, ONCE),
    "means.apart": grid_says.means(LINE, ONCE.assign(simple_low=0.35, simple_high=0.45)),
    "means.none": grid_says.means(LINE.head(1), ONCE),
    "cohort_values.revenue": worth(value="revenue"),
    "cohort_values.orders": worth(value="orders"),
    "cohort_values.revenue_one": worth(value="revenue", ages=1),
    "cohort_values.orders_one": worth(value="orders", ages=1),
    "cohort_values.none": worth(value="orders", ages=0),
}


def figures(text):
    plain = re.sub(r"\d{4}年\d+月\d+日|\d+ [A-Z][a-z]{2} \d{4}|24[ -]?(?:hours|小时)", "", text)
    return sorted(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", plain))


@pytest.mark.parametrize("key", BRANCHES)
def test_every_branch_speaks_both_languages_with_equal_numbers(key):
    """The case chosen is the one meant, and both languages carry the same numbers."""
    sentence = BRANCHES[key]
    assert sentence.key == f"retention.{key}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert figures(english) == figures(chinese)
    assert "nan" not in (english + chinese).lower()


def test_no_sentence_is_left_without_a_test():
    """Every computed sentence of the catalogue is a branch above."""
    own = yaml.safe_load((resources.files("opsbook.page") / "catalogue/retention.grid.en.yaml").read_text())
    fixed = ("how", "chart", "axis", "column", "term", "definition")
    assert {key.removeprefix("retention.") for key in own if key.split(".")[1] not in fixed} == set(BRANCHES)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_draw_what_there_is(language):
    """Each chart draws its table in both languages, and nothing from an empty one."""
    words.use(language)
    theme.use(language, "#2f5d8a")
    assert silence_charts.returns(BACK) is not None
    assert silence_charts.returns(BACK.assign(returned=0.0)) is None
    assert silence_charts.segments(OWN, by="channel", chosen_days=21, target=0.1) is not None
    assert silence_charts.segments(OWN.head(1), by="channel", chosen_days=21, target=0.1) is None
    assert cohort_values.line(WORTH, unit="week", metric="revenue") is not None
    assert cohort_values.line(WORTH.iloc[:0], unit="month", metric="orders") is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"retention": "bracket"}, "needs brackets"),
        ({"brackets": [[1, 3]]}, "only read with retention: bracket"),
        ({"retention": "bracket", "brackets": [[3, 1]]}, "the first not after the last"),
        ({"retention": "hours24"}, "needs cohort: day"),
    ],
)
def test_contradicting_rules_are_refused_with_what_to_do(asked, told):
    """A rule that lacks what it needs, or does not fit the unit, says so before anything runs."""
    with pytest.raises(ValueError, match=told):
        run(**asked)


def test_one_threshold_for_lost_and_churned_needs_no_warning():
    """Where the stage begins on the day on which churn is called, or no rule has days, nothing is said."""
    assert silence_says.lost_stage(RULES, churn_after_days=28) is None
    assert silence_says.lost_stage([], churn_after_days=21) is None


def test_a_run_that_counts_users_says_nothing_of_their_worth():
    """What was not asked for is not told."""
    assert grid_says.values(WORTH, run(value="users"), period=QUARTER) is None
