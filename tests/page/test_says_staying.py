"""Sentences on staying beyond the data, on risk and on when to act: every branch, both languages, equal numbers."""

import re
from importlib import resources

import numpy as np
import pandas as pd
import pytest
import yaml

from opsbook.analysis.lifetime_change import UNKNOWN, Change
from opsbook.analysis.lifetime_holdout import Choice
from opsbook.analysis.lifetimes import Expected
from opsbook.analysis.proportion import Estimate
from opsbook.page import theme, words
from opsbook.page.charts import staying as charts
from opsbook.page.says import staying as says

NAN = float("nan")
CAUSAL = re.compile(r"\b(cause[sd]?|because of|due to|impact)\b|导致了|造成|使得用户")
LEFT = pd.DataFrame({"share_left": [0.25, 0.5, 0.75], "days": [2.0, 16, NAN], "low": NAN, "high": NAN, "users": 900})
SCORES = pd.DataFrame({"model": ["weibull", "flat"], "error": [0.005, 0.03], "from_day": 100, "to_day": 200})
CARRIED = pd.DataFrame({"day": [0, 300, 400], "active": [1.0, 0.2, 0.1], "low": 0.08, "high": [1.0, 0.25, 0.12]})
MEAN = Expected(81.3, 79.3, 83.3, 900, 400)
RISK = pd.DataFrame({"from_day": [0, 7], "to_day": [6, 13], "hazard_per_day": [0.07, 0.02], "churned": [50, 20]})
STAGES = pd.DataFrame({"stage": ["growth", "mature"], "users": [500, 900], "share": [0.4, 0.1], "days": 6})
WINDOWS = pd.DataFrame({"from_day": [0, 7], "to_day": [6, 13], "at_risk": [900, 500], "reached_per_day": [9.0, 5.0]})
WINDOWS = WINDOWS.assign(leaves=[0.4, 0.1], leaves_low=[0.3, 0.05], leaves_high=[0.5, 0.15])
WINDOWS = WINDOWS.assign(leavers_per_day=[3.6, 0.5], leavers_low=[2.7, 0.25], leavers_high=[4.5, 0.75])
SILENT = pd.DataFrame({"silent_days": [1, 2, 3], "silences": [900, 400, 200], "reached_per_day": [9.0, 4.0, 2.0]})
SILENT = SILENT.assign(gone=[0.1, 0.4, 0.6], gone_low=[0.08, 0.35, 0.5], gone_high=[0.12, 0.45, 0.7])


def longer(low, high):
    return says.change(Change(57.1, 56.7, (low + high) / 2, low, high, 640, 590, 180.0))


def beyond(case):
    chosen = Choice("weibull", case, 0.005)
    return says.extrapolation(chosen, SCORES, CARRIED, MEAN if case == "chosen" else None)


def risk(low):
    return says.hazard(RISK.assign(low=[low, 0.01], high=[0.08, 0.03]))


def stages(low):
    return says.stages(STAGES.assign(share_low=[low, 0.05], share_high=[0.5, 0.2]), days=21, min_cell=10)


BRANCHES = {
    "left.known": says.quantiles(LEFT),
    "left.part": says.quantiles(LEFT).values["parts"][0],
    "left.none": says.quantiles(LEFT.assign(days=NAN)),
    "longer.more": longer(0.5, 2.0),
    "longer.fewer": longer(-2.0, -0.5),
    "longer.unclear": longer(-1.0, 2.0),
    "longer.none": says.change(UNKNOWN),
    "beyond.chosen": beyond("chosen"),
    "beyond.off": beyond("off"),
    "beyond.no_better_than_flat": beyond("no_better_than_flat"),
    "beyond.too_short": says.extrapolation(Choice("", "too_short", NAN), SCORES.iloc[:0], CARRIED.iloc[:0], None),
    "age_risk.clear": risk(0.06),
    "age_risk.alike": risk(0.02),
    "age_risk.none": says.hazard(RISK.head(1)),
    "stage_risk.differ": stages(0.3),
    "stage_risk.alike": stages(0.15),
    "stage_risk.none": says.stages(STAGES.iloc[:0], days=21, min_cell=10),
    "moment.clear": says.windows(WINDOWS.assign(stands_out=[True, False])),
    "moment.unclear": says.windows(WINDOWS.assign(stands_out=False)),
    "moment.none": says.windows(WINDOWS.iloc[:0]),
    "turn.known": says.silences(Estimate(3.0, 3.0, NAN, 200), SILENT),
    "turn.never": says.silences(Estimate(NAN, NAN, NAN, 0), SILENT),
    "turn.none": says.silences(Estimate(NAN, NAN, NAN, 0), SILENT.iloc[:0]),
}


@pytest.mark.parametrize("key", BRANCHES)
def test_every_branch_speaks_both_languages_with_equal_numbers(key):
    """The case chosen is the one meant, both languages carry the same numbers, nothing claims a cause."""
    sentence = BRANCHES[key]
    assert sentence.key == f"retention.{key}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert sorted(re.findall(r"\d[\d,]*(?:\.\d+)?", english)) == sorted(re.findall(r"\d[\d,]*(?:\.\d+)?", chinese))
    assert not CAUSAL.search(english + chinese)
    assert "nan" not in (english + chinese).lower()


def test_no_sentence_is_left_without_a_test():
    """Every computed sentence of the catalogue is a branch above."""
    own = yaml.safe_load((resources.files("opsbook.page") / "catalogue/retention.staying.en.yaml").read_text())
    fixed = ("how", "chart", "axis", "model", "column", "term", "definition")
    assert {key.removeprefix("retention.") for key in own if key.split(".")[1] not in fixed} == set(BRANCHES)


def test_every_term_is_defined_and_every_formula_named():
    """The appendix and the table find their words."""
    assert all(words.find(f"retention.definition.{term}") for term in says.TERMS)
    assert says.score_table(SCORES)["model"].map(lambda cell: cell.words.text("zh")).tolist() == [
        "Weibull",
        "不再有人流失",
    ]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_draw_what_there_is(language):
    """Each chart draws its table in both languages, and nothing from an empty one."""
    words.use(language)
    theme.use(language, "#2f5d8a")
    curve = pd.DataFrame({"day": np.arange(5), "active": np.linspace(1, 0.5, 5)})
    shares = STAGES.assign(share_low=0.05, share_high=0.5)
    limits = RISK.assign(low=0.01, high=0.08)
    turn = Estimate(3.0, 3.0, NAN, 200)
    assert charts.beyond(curve, CARRIED, model="weibull") is not None
    assert charts.beyond(curve, CARRIED.iloc[:0], model="") is None
    assert charts.hazard(limits) is not None
    assert charts.hazard(limits.head(1)) is None
    assert charts.stages(shares, min_cell=10) is not None
    assert charts.stages(shares, min_cell=600) is None
    assert charts.windows(WINDOWS.assign(stands_out=[True, False])) is not None
    assert charts.windows(WINDOWS.iloc[:0]) is None
    assert charts.silences(SILENT, turn) is not None
    assert charts.silences(SILENT.iloc[:0], turn) is None
