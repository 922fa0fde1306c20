"""Sentences, tables and the chart about roads out: every case in both languages, with the same numbers."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.traps import Check
from opsbook.inputs.exits import Exits
from opsbook.page import theme, words
from opsbook.page.charts import roads as charts
from opsbook.page.says import roads as says

EXITS = Exits.model_validate(
    {"roads": {"unsubscribed": {"events": "u", "name_zh": "主动注销"}, "banned": {"events": "b", "name_zh": "封禁"}}}
)
RULE = {"churn_after_days": 21, "n": 900}


def shares(**causes: float) -> pd.DataFrame:
    """The share of every cause on day 90, `active` among them."""
    rows = [{"day": 90, "cause": cause, "share": share} for cause, share in causes.items()]
    told = pd.DataFrame(rows, columns=["day", "cause", "share"]).assign(at_risk=50, ended=9)
    return told.assign(low=told["share"].where(told["share"] > 0) - 0.01, high=told["share"] + 0.01)


def difference(gap: float, *, p: float = 0.001, segment: str = "search") -> pd.DataFrame:
    row = {"cause": "banned", "segment": segment, "users": 300, "rest_users": 700, "share": 0.2 + gap, "low": 0.1}
    row |= {"high": 0.4, "share_rest": 0.2, "difference": gap, "difference_low": gap - 0.05, "day": 90}
    return pd.DataFrame([row | {"difference_high": gap + 0.05, "p": p, "p_holm": p}])


def gray_of(*p: float) -> pd.DataFrame:
    row = {"cause": ["banned", "unsubscribed"], "chi2": 12.5, "degrees": 3, "p": p, "p_holm": p, "ended": 40}
    return pd.DataFrame(row | {"groups": 4})


KM = {"n": 900, "day": 90, "share": 0.17, "km": 0.257, "points": 0.087, "together": 0.914, "left": 0.721}
KM |= {"road": "unsubscribed"}
NONE = shares().iloc[:0]
CASES = {
    "known": (says.shares, (shares(silent=0.5, banned=0.2, active=0.3), EXITS), RULE, "roads.known"),
    "no interval": (says.shares, (shares(silent=0.7, banned=0.0, active=0.3), EXITS), RULE, "roads.known"),
    "exits only": (says.shares, (shares(banned=0.2, active=0.8), EXITS), RULE, "roads.exits_only"),
    "nobody": (says.shares, (shares(active=1.0), EXITS), RULE, "roads.nobody"),
    "empty": (says.shares, (NONE, EXITS), RULE, "roads.empty"),
    "misspelt": (
        says.shares,
        (shares(active=1.0), EXITS),
        RULE | {"missing": {"ban1": "ban", "x": ""}},
        "roads.warned",
    ),
    "one misspelt": (says.shares, (NONE, EXITS), RULE | {"missing": {"x": ""}}, "roads.warned"),
    "more": (says.compared, (difference(0.1), EXITS), {"called": None}, "roads.more"),
    "less": (says.compared, (difference(-0.1), EXITS), {"called": None}, "roads.less"),
    "segment": (says.compared, (difference(0.1, segment="other"), EXITS), {"called": "大城市"}, "roads.more"),
    "alike": (says.compared, (difference(0.1, p=0.2), EXITS), {"called": None}, "roads.alike"),
    "untested": (says.compared, (difference(0.1, p=np.nan), EXITS), {"called": None}, "roads.cannot_compare"),
    "nothing": (says.compared, (difference(0.1).iloc[:0], EXITS), {"called": None}, "roads.cannot_compare"),
    "whole": (says.whole_curves, (gray_of(0.001, 0.6), EXITS), {}, "gray.differ"),
    "whole, both": (says.whole_curves, (gray_of(0.001, 0.01), EXITS), {}, "gray.differ"),
    "whole, alike": (says.whole_curves, (gray_of(0.2, 0.6), EXITS), {}, "gray.alike"),
    "whole, untested": (says.whole_curves, (gray_of(np.nan, np.nan), EXITS), {}, "gray.none"),
    "km": (says.one_minus_km, (Check("one_minus_km", True, KM), EXITS), {}, "trap_one_minus_km.fired"),
    "km near": (says.one_minus_km, (Check("one_minus_km", False, KM), EXITS), {}, "trap_one_minus_km.silent"),
    "km none": (says.one_minus_km, (Check("one_minus_km", None, {}), EXITS), {}, "trap_one_minus_km.unknown"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_case_says_the_same_numbers_in_both_languages(case):
    """The case follows from the table, and English and Chinese tell equal numbers."""
    said, tables, named, key = CASES[case]
    sentence = said(*tables, **named)
    assert sentence.key == f"retention.{key}"
    told = []
    for language in words.LANGUAGES:
        words.use(language)
        told.append(sorted(re.findall(r"\d+(?:\.\d+)?%", said(*tables, **named).text())))
    assert told[0] == told[1]


def test_roads_have_the_workbooks_names_and_a_misspelt_event_its_neighbour():
    """主动注销 in Chinese, unsubscribed in English; ban1 is perhaps ban."""
    words.use("zh")
    assert "封禁" in says.shares(shares(banned=0.2, active=0.8), EXITS, **RULE).text()
    words.use("en")
    sentence = says.shares(shares(banned=0.2, active=0.8), EXITS, missing={"ban1": "ban"}, **RULE)
    assert "`ban1` (did you mean `ban`?)" in sentence.text()


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_tables_name_roads_and_segments(language):
    """Shares and differences are read with the roads' names; an empty table stays one."""
    words.use(language)
    name = {"en": "banned", "zh": "封禁"}[language]
    assert says.table(shares(banned=0.2, active=0.8), EXITS)["cause"].map(str).tolist()[0] == name
    shown = says.compared_table(difference(0.1, segment="other"), EXITS)
    assert shown["cause"].map(str).tolist() == [name]
    assert shown["level"].map(str).tolist() == [words.label("common.other")]
    assert says.compared_table(difference(0.1).iloc[:0], EXITS).empty


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_chart_names_every_road_with_its_share_and_no_two_names_touch(language):
    """Silence, roads and those still there stand at the right, apart from each other; nothing is drawn from nothing."""
    words.use(language)
    theme.use(language, "#2f5d8a")
    days = [shares(silent=0.5, unsubscribed=0.01, banned=0.005, active=0.485).assign(day=day) for day in (0, 1, 90)]
    drawn = charts.stacked(pd.concat(days, ignore_index=True), EXITS)
    assert drawn is not None
    drawn.draw_without_rendering()
    named = sorted((text.get_window_extent() for text in drawn.axes[0].texts), key=lambda box: box.y0)
    assert len(named) == 4
    assert all(below.y1 <= above.y0 for below, above in pairwise(named))
    assert max(text.xy[1] for text in drawn.axes[0].texts) <= 1
    assert charts.stacked(NONE, EXITS) is None


def test_the_table_of_whole_curves_names_the_roads():
    """Roads stand under the workbook's names; p alone, without Holm, is not shown."""
    words.use("zh")
    shown = says.gray_table(gray_of(0.2, 0.3), EXITS)
    assert shown["cause"].map(str).tolist() == ["封禁", "主动注销"]
    assert "p" not in shown
