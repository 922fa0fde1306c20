"""Sentences, tables and charts about users at risk: every case in both languages, with the same numbers."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import early_warning, risk_check
from opsbook.analysis.churn import Threshold
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.risk_rows import Landmarks, Question
from opsbook.page import theme, words
from opsbook.page.charts import risk as charts
from opsbook.page.says import risk as says

ASKED = Question(21, 28, ("read",), ("channel",))
WHEN = Landmarks((date(2026, 5, 2),), date(2026, 9, 12), date(2026, 10, 31))
THREE = replace(WHEN, tuning=date(2026, 7, 25))
PREFIXES = ("risk.", "risk_at.", "risk_days.", "risk_tuned.", "risk_levels.", "risk_card.", "risk_today.",
            "risk_value.", "risk_list.", "risk_hoped.", "risk_cannot.")  # fmt: skip

VAGUE = Threshold(9, "none_found", None)


def checked(scale: float = 1.0) -> risk_check.Check:
    counted = pd.DataFrame({"recency_days": [0, 2, 9, 15], "users": [900, 400, 200, 100], "left": [90, 80, 100, 90]})
    scores = np.log([0.1 / 0.9, 0.2 / 0.8, 1.0, 9.0]) * scale
    return risk_check.check(scores, counted)


def card() -> pd.DataFrame:
    return pd.DataFrame({
        "factor": ["recency", "group_read", "trend", "channel"], "level": [14, 1, -1, "ads"], "users": 400,
        "share_left": 0.4, "odds": [9.0, 0.5, 1.4, 1.1], "odds_low": [7.0, 0.4, 1.2, 0.9],
        "odds_high": [12.0, 0.7, 1.7, 1.3], "spread": [1.0, 0.5, 0.3, 0.1], "clear": [True, True, True, False],
    })  # fmt: skip


def today(known: bool = True) -> pd.DataFrame:
    table = pd.DataFrame({"band": [2, 1], "users": [100, 900], "risk": [0.8, 0.1], "expected_leavers": [80.0, 90.0],
                          "saved_users": [8.0, 9.0], "worth": [150.0, 90.0], "value": [1200.0, 810.0],
                          "value_low": [900.0, 700.0], "value_high": [1500.0, 920.0],
                          "action": ["win_back", "remind"]})  # fmt: skip
    return table if known else table.assign(risk=np.nan, expected_leavers=np.nan, value=np.nan, action="by_rank")


def lift(model: float, recency: float) -> pd.DataFrame:
    return pd.DataFrame({"ranking": ["model", "recency"], "share_found": [model, recency]})


def totals(low: float = 1700.0) -> pd.DataFrame:
    value = np.array([1000.0, 2010.0, 4020.0])
    rates = {"share_saved": [0.05, 0.1, 0.2], "saved_users": [8.5, 17, 34], "value": value}
    ends = {"value_low": [low / 2, low, 2 * low], "value_high": value * 1.2}
    return pd.DataFrame(rates | ends).assign(metric="revenue")


def alarm(status: str = "better", levels: str = "hold", metric: str = "revenue", **more) -> early_warning.Alarm:
    found = replace(checked(), status=status, levels=levels)
    told = {"check": found, "chosen_check": found, "card": card(), "today": today(levels != "refused")}
    told |= {"totals": totals(), "leavers": Estimate(170.0, 150.0, 190.0, 1000), "metric": metric}
    told["used"] = "model" if status == "better" else "recency"
    base = early_warning.Alarm("ready", ASKED, WHEN, 25_000, 7000, 1000)
    return replace(base, **(told | more))


def unready(case: str) -> early_warning.Alarm:
    return early_warning.Alarm(case, ASKED, WHEN, 25_000, 12, 900)


def said(found: early_warning.Alarm):
    return says.verdict(found, early_warning.lift_at(found, capacity=100), capacity=100)


def tuned(levels: str):
    return says.days(alarm(landmarks=THREE, tuned=levels)).values["levels"]


def contact(baseline: float | None = 0.8, fall: float | None = 0.1, listed: int = 500):
    told = {"listed": listed, "planned_holdout": listed // 5, "baseline": baseline, "detectable_fall": fall}
    return says.contact(told, alarm(), holdout_share=0.2, save_rate=0.1)


def returning(share: float) -> pd.DataFrame:
    """How many of the silences as long as the threshold end with a return."""
    return pd.DataFrame({"threshold_days": [9], "false_churn": [share]})


def apart() -> pd.DataFrame:
    """The model finds clearly more of the leavers in a list of today's length."""
    return early_warning.lift_at(alarm(), capacity=100).assign(share_found=[0.6, 0.3])


def valued(metric: str = "revenue", table: pd.DataFrame | None = None):
    found = alarm(metric=metric, totals=totals() if table is None else table)
    return says.value(found, save_rate=0.1, value_days=90)


CASES = {
    "risk.better": lambda: says.verdict(alarm(), apart(), capacity=100),
    "risk.alike": lambda: said(alarm()),
    "risk.worse": lambda: says.verdict(alarm(), apart().assign(share_found=[0.3, 0.6]), capacity=100),
    "risk.undefined": lambda: said(
        early_warning.usable(alarm(), VAGUE, pd.DataFrame({"threshold_days": [9], "false_churn": 0.7}))
    ),
    "risk_hoped.small": lambda: contact().values["note"],
    "risk_hoped.seen": lambda: contact(fall=0.05).values["note"],
    "risk.not_better": lambda: said(alarm("not_better")),
    "risk.unconfirmed": lambda: said(alarm("not_better", used="model")),
    "risk.missed": lambda: said(alarm(used="recency")),
    "risk_at.unclear": lambda: says.at_capacity(alarm(), lift(0.30, 0.29), capacity=100),
    "risk_at.up": lambda: says.at_capacity(alarm(), lift(0.60, 0.29), capacity=100),
    "risk_at.down": lambda: says.at_capacity(alarm(), lift(0.29, 0.60), capacity=100),
    "risk_days.two": lambda: says.days(alarm()),
    "risk_days.three": lambda: says.days(alarm(landmarks=THREE, tuned="hold")),
    "risk_tuned.hold": lambda: tuned("hold"),
    "risk_tuned.recalibrated": lambda: tuned("recalibrated"),
    "risk_tuned.refused": lambda: tuned("refused"),
    "risk.short": lambda: said(unready("short")),
    "risk.few": lambda: said(unready("few")),
    "risk.nobody": lambda: said(unready("nobody")),
    "risk_levels.hold": lambda: says.levels(alarm()),
    "risk_levels.recalibrated": lambda: says.levels(alarm(levels="recalibrated")),
    "risk_levels.refused": lambda: says.levels(alarm(levels="refused")),
    "risk_levels.none": lambda: says.levels(unready("few")),
    "risk_card.known": lambda: says.card(alarm()),
    "risk_card.empty": lambda: says.card(unready("few")),
    "risk_today.known": lambda: says.today(alarm()),
    "risk_today.by_rank": lambda: says.today(alarm(levels="refused")),
    "risk_today.empty": lambda: says.today(unready("nobody")),
    "risk_value.money": lambda: valued(),
    "risk_value.unclear_money": lambda: valued(table=totals(-5.0)),
    "risk_value.active_days": lambda: valued("active_days"),
    "risk_value.unclear_active_days": lambda: valued("active_days", totals(-5.0)),
    "risk_value.unknown": lambda: valued(table=totals().head(0)),
    "risk_list.known": lambda: contact(),
    "risk_list.blind": lambda: contact(fall=None),
    "risk_list.unknown": lambda: contact(None, None),
    "risk_list.empty": lambda: contact(None, None, 0),
    "risk_cannot.saved": lambda: says.cannot_tell()[0],
    "risk_cannot.future": lambda: says.cannot_tell()[1],
}


def figures_in(text: str) -> Counter:
    plain = re.sub(r"\d{1,2} [A-Z][a-z]{2} 2026", "", text)
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", plain))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; every number of the English text stands in the Chinese one."""
    sentence = CASES[case]()
    assert sentence.key == f"retention.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert not figures_in(english) - figures_in(chinese), (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence about users at risk is left out."""
    known = {key.removeprefix("retention.") for key in words.keys("retention.")}
    assert {key for key in known if key.startswith(PREFIXES)} == set(CASES)


def test_where_churn_means_nothing_there_is_no_list_and_no_value():
    """Most of the silences that count as leaving end with a return: nobody is called at risk, nothing is promised."""
    assert early_warning.usable(alarm(), VAGUE, returning(0.1)).case == "ready"
    found = early_warning.usable(alarm(), VAGUE, returning(0.7))
    assert (len(found.today), len(found.totals), found.scored) == (0, 0, None)
    assert says.contact({"listed": 0, "planned_holdout": 0}, found, holdout_share=0.2, save_rate=0.1) is None
    assert not says.leavers_number(found)["card"]


def test_days_saved_are_no_money_to_decide_by():
    """The bands keep their value where it is revenue and lose it where it is active days."""
    assert says.in_money(alarm())["value"].notna().all()
    assert says.in_money(alarm(metric="active_days"))["value"].isna().all()


def test_every_level_action_and_term_has_words():
    """Bands read as spans, groups by their name, and the appendix knows each term."""
    assert [says.level_name("recency", low) for low in (0, 3, 180)] == ["0", "3–4", "180+"]
    assert str(says.factor_name("group_read")) == "used read"
    assert str(says.level_name("group_read", 1)) == "yes"
    assert str(says.level_name("channel", "ads")) == "ads"
    for term in says.TERMS:
        assert words.label(f"retention.term.{term}")
        assert words.label(f"retention.definition.{term}")
    for name in (*(action for _least, action in early_warning.ACTIONS), "leave", "by_rank"):
        assert words.label(f"retention.action.{name}")


def test_tables_for_reading_keep_the_numbers_and_hold_no_user():
    """The scorecard and the bands keep their values; intervals are text; there is no id to be found."""
    shown = says.card_table(card())
    assert shown["odds"].tolist() == [9.0, 0.5, 1.4, 1.1]
    assert str(shown["odds_interval"].iloc[0]) == "7.00× – 12.0×"
    bands = says.today_table(alarm())
    assert bands["saved_money"].tolist() == [1200.0, 810.0]
    assert "saved_days" in says.today_table(alarm(metric="active_days"))
    assert not any("user_id" in name for name in [*bands, *shown])
    assert says.today_table(unready("few")).empty
    assert says.card_table(unready("few").card).empty


def test_numbers_carry_n_interval_and_method():
    """Headline numbers have everything page.number asks for, also where nothing can be told."""
    for one in (says.leavers_number(alarm()), says.auc_number(alarm()), says.value_number(alarm())):
        assert one["low"] <= one["value"] <= one["high"]
        assert one["n"]
        assert one["method"]
    for found in (unready("short"), alarm(levels="refused")):
        assert says.leavers_number(found)["value"] is None
    assert says.auc_number(unready("few"))["value"] is None
    assert says.value_number(unready("few"))["value"] is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_and_left_out_for_empty_tables(language):
    """Each chart draws in both languages and returns None where there is nothing."""
    with words.speaking(language):
        theme.use(language)
        charts.calibration(checked().bands).canvas.draw()
        charts.lift(checked().curve, early_warning.lift_at(alarm(), capacity=100)).canvas.draw()
        assert charts.calibration(unready("few").bands) is None
        assert charts.lift(unready("few").curve, early_warning.lift_at(unready("few"), capacity=5)) is None


def test_without_a_check_no_days_are_told():
    """Where nothing could be checked, the sentence above says why."""
    assert says.days(unready("few")) is None
