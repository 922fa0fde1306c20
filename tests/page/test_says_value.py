"""Sentences, tables and charts about value: every case in both languages, with the same numbers."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.cohort_models import CohortFits
from opsbook.analysis.likelihood import Fit
from opsbook.page import theme, words
from opsbook.page.charts import value as charts
from opsbook.page.says import value as says

NOTHING = pd.DataFrame()
PREFIXES = ("ltv.", "payback.", "not_fitted.", "holdout.", "holdout_classes.", "future.", "independence.", "fits.",
            "subscription.", "ltv_table.", "trust.")  # fmt: skip


def observed(capped: float = 52.0, days: int = 90, complete: bool = True) -> pd.DataFrame:
    rows = [(cohort, window, 400) for cohort in ("2026-01", "2026-02", "all") for window in (30, days)]
    table = pd.DataFrame(rows, columns=["cohort", "window_days", "users"])
    value = table["window_days"] / 90 * 53.5
    names = {"ltv": value, "ltv_low": value - 4, "ltv_high": value + 4, "capped": capped, "capped_low": capped - 2}
    table = table.assign(**names, capped_high=capped + 2, cap=900.0, complete=complete)
    return table if complete else table.assign(ltv=np.nan)


def paid(days: float = 12.0, high: float = 15.0, ads: float = 20.0) -> pd.DataFrame:
    table = pd.DataFrame({
        "channel": ["ads", "all"], "users": [300, 500], "cost": [6000.0, 7000.0], "cac": [20.0, 14.0],
        "earned": [30.0, 41.0], "earned_low": [25.0, 37.0], "earned_high": [35.0, 45.0], "horizon_days": 180,
        "payback_days": [ads, days], "payback_low": [16.0, 11.0], "payback_high": [25.0, high],
    })  # fmt: skip
    return table


def score(model: float = 980.0, again: float = 700.0, actual: float = 1000.0, low: float = 900.0) -> pd.DataFrame:
    return pd.DataFrame({
        "forecast": ["model", "again"], "orders": [model, again], "low": [low, np.nan], "high": [1060.0, np.nan],
        "actual": actual, "error": [model / 1000 - 1, again / 1000 - 1] if actual else np.nan,
        "customer_error": [1.5, 1.8], "customers": 2000,
    })  # fmt: skip


def classes(last: float = 3.0) -> pd.DataFrame:
    return pd.DataFrame({
        "class": ["0", "1", "2+"], "customers": [1000, 600, 400], "actual": [0.5, 1.1, last],
        "expected": [0.51, 1.0, 2.9], "low": [0.4, 0.9, 2.7], "high": [0.6, 1.2, 3.2], "again": [0.0, 1.0, 3.1],
        "orders": [500, 660, 1200],
    })  # fmt: skip


def future(valued: bool = True) -> pd.DataFrame:
    table = pd.DataFrame({"class": ["0", "1+", "all"], "customers": [1000, 500, 1500], "share_alive": [1.0, 0.6, 0.87]})
    for name, size in (("orders", 1.0), ("value", 5.0 if valued else np.nan)):
        for end, shift in (("", 0.0), ("_low", -0.1), ("_high", 0.1)):
            table[f"{name}{end}"] = size * (1 + shift)
            table[f"total_{name}{end}"] = size * (1 + shift) * table["customers"]
    return table


def cohorts(models: int = 1, repeat: int = 900, unsettled: bool = False, spread: float = 400.0) -> CohortFits:
    names = [f"2026-Q{number + 1}" for number in range(models)]
    patterns = pd.DataFrame({"cohort": (names or ["2026-Q1"]) * 2, "customers": 0})
    patterns["frequency"] = [0] * (len(patterns) // 2) + [1] * (len(patterns) // 2)
    patterns.loc[0, "customers"], patterns.loc[len(patterns) - 1, "customers"] = 1100, repeat
    fit = Fit(("r", "alpha", "a", "b"), np.array([0.3, 5, 0.8, 2.5]), -1.0, spread * np.eye(4), 1e-9, (), 2000)
    return CohortFits(patterns, dict.fromkeys(names, fit), unsettled)


def values(slope: float = 0.0, rows: int = 60) -> pd.DataFrame:
    wobble = np.arange(rows) * 7919 % 61 / 10
    table = pd.DataFrame({"frequency": 1 + np.arange(rows) // 6, "mean_value": 20 + wobble, "customers": 12})
    table["mean_value"] += slope * table["frequency"]
    nothing = pd.DataFrame({"frequency": [1], "mean_value": [0.0], "customers": [3]})
    return pd.concat([table, nothing], ignore_index=True)


def renewed(lost: int = 100) -> pd.DataFrame:
    return pd.DataFrame({"cycles": [1, 2, 3], "lost": [2 * lost, lost, lost // 2], "censored": [50, 50, 5 * lost]})


CASES = {
    "ltv.empty": lambda: says.ltv(observed(complete=False)),
    "ltv.known": lambda: says.ltv(observed(53.0)),
    "ltv.tail": lambda: says.ltv(observed(40.0)),
    "ltv_table.range": lambda: says.ltv_table(observed()),
    "ltv_table.one": lambda: says.ltv_table(observed().head(2)),
    "payback.none": lambda: says.payback(paid().head(0), margin=None),
    "payback.reached": lambda: says.payback(paid(), margin=0.3),
    "payback.reached_unsure": lambda: says.payback(paid(high=np.nan, ads=np.nan), margin=0.3),
    "payback.not_reached": lambda: says.payback(paid(days=np.nan), margin=0.3),
    "payback.by_revenue": lambda: says.payback(paid(), margin=None),
    "not_fitted.few": lambda: says.holdout(NOTHING, cohorts(0, 40), days=90, tolerance=0.1),
    "not_fitted.unsettled": lambda: says.future(NOTHING, cohorts(0, unsettled=True), days=90, case="unknown"),
    "holdout.unknown": lambda: says.holdout(score(actual=0.0), cohorts(), days=90, tolerance=0.1),
    "holdout.good": lambda: says.holdout(score(), cohorts(), days=90, tolerance=0.1),
    "holdout.outside": lambda: says.holdout(score(low=1010.0), cohorts(), days=90, tolerance=0.1),
    "holdout.missed": lambda: says.holdout(score(800.0), cohorts(), days=90, tolerance=0.1),
    "holdout.not_better": lambda: says.holdout(
        score(again=1000.0).assign(customer_error=1.5), cohorts(), days=90, tolerance=0.1
    ),
    "holdout_classes.empty": lambda: says.holdout_classes(NOTHING),
    "holdout_classes.all": lambda: says.holdout_classes(classes()),
    "holdout_classes.some": lambda: says.holdout_classes(classes(4.0)),
    "future.known": lambda: says.future(future(), cohorts(), days=90, case="good"),
    "future.orders_only": lambda: says.future(future(False), cohorts(), days=90, case="missed"),
    "independence.unknown": lambda: says.independence(values(rows=2)),
    "independence.weak": lambda: says.independence(values()),
    "independence.related": lambda: says.independence(values(5.0)),
    "fits.known": lambda: says.fits(cohorts(2)),
    "fits.vague": lambda: says.fits(cohorts(2, spread=0.01)),
    "subscription.none": lambda: says.subscription(NOTHING, named=False),
    "subscription.unknown": lambda: says.subscription(renewed(0), named=True, min_cell=1000),
    "subscription.known": lambda: says.subscription(renewed(), named=True),
}
PARTS = {"payback.revenue", "payback.margin", "payback.none_open", "payback.some_open"}


def figures_in(text: str) -> Counter:
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; every number of the English text stands in the Chinese one."""
    sentence = CASES[case]()
    assert sentence.key == f"lifecycle.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert not figures_in(english) - figures_in(chinese), (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None", english)


def test_without_a_margin_payback_is_called_one_of_revenue():
    """Revenue pays back sooner than what is earned of it, and the reader is told in either language."""
    said = says.payback(paid(), margin=None)
    assert said.text("en").endswith("Counted by revenue, not by margin: paying back truly takes longer.")
    assert said.text("zh").endswith("按收入（不是毛利）计算，实际回本会更慢。")


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence about value is left out; trust is said inside the forecast's sentence."""
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    mine = {key for key in known if key.startswith(PREFIXES) and not key.startswith("trust.")}
    assert mine - PARTS == set(CASES)
    assert {key for key in known if key.startswith("trust.")} == {
        f"trust.{case}" for case in ("good", "good_most", "good_sum", "outside", "not_better", "missed", "unknown")
    }


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_a_failed_check_is_said_beside_the_forecast(language):
    """Whoever reads the expected orders reads whether the check supports them."""
    for case in ("good", "good_sum", "outside", "not_better", "missed", "unknown"):
        text = says.future(future(), cohorts(), days=90, case=case).text(language)
        assert words.entry(f"lifecycle.trust.{case}", language).fill({}, language) in text


@pytest.mark.parametrize("case", ["missed", "not_better", "outside", "good_most", "unknown"])
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_a_forecast_without_support_does_not_begin_with_its_number(language, case):
    """The first words say how far the number is to be trusted; only a supported one begins at once."""
    good, doubtful = (says.future(future(), cohorts(), days=90, case=which).text(language) for which in ("good", case))
    lead = words.entry(f"lifecycle.future_lead.{says.LEADS[case]}", language).fill({}, language)
    assert lead.strip()
    assert doubtful.startswith(lead.strip())
    assert not good.startswith(lead.strip())


def test_one_model_and_several_are_told_apart():
    """The English sentence is grammatical for one model as for two."""
    assert "one order model of all" in says.fits(cohorts(1)).text("en")
    assert "2 order models" in says.fits(cohorts(2)).text("en")


def test_tables_for_reading_keep_the_numbers():
    """The triangle has a row per cohort with all last; the forecast keeps values and shows intervals as text."""
    triangle = says.ltv_triangle(observed())
    assert triangle.columns.tolist() == ["cohort", "users", "ltv_30", "ltv_90"]
    assert triangle["cohort"].tolist() == ["2026-01", "2026-02", "all"]
    assert says.triangle_formats(triangle) == {"ltv_30": "money", "ltv_90": "money"}
    assert says.ltv_triangle(NOTHING).empty
    shown = says.future_table(future())
    assert shown["total_orders"].tolist() == [1000, 500, 1500]
    assert str(shown["orders_each"].iloc[0]) == "1 (0.9 to 1.1)"
    assert says.future_table(future().head(0)).empty


def test_numbers_carry_n_interval_and_method():
    """Headline numbers have everything page.number asks for, also from empty tables and other windows."""
    full = [says.ltv_number(observed()), says.expected_orders_number(future()), says.expected_value_number(future())]
    assert all(one["value"] is not None and one["low"] < one["high"] and one["n"] and one["method"] for one in full)
    assert says.ltv_number(observed(days=60))["value"] is None
    assert says.expected_orders_number(NOTHING)["value"] is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_and_left_out_for_empty_tables(language):
    """Each chart draws in both languages and returns None where there is nothing."""
    days = pd.DataFrame({"day_number": range(1, 61), "actual": np.arange(1, 61) * 10.0})
    told = days["day_number"] % 20 == 0
    track = days.assign(**{name: (days["actual"] * size).where(told) for name, size in
                           {"expected": 1.1, "low": 1.0, "high": 1.2, "again": 0.8}.items()})  # fmt: skip
    curve = pd.DataFrame({"cohort": "2026-01", "age_days": range(95), "users": 400, "ltv": np.arange(95) / 2})
    with words.speaking(language):
        theme.use(language)
        charts.holdout(track).canvas.draw()
        charts.holdout_classes(classes()).canvas.draw()
        charts.ltv_curves(curve, observed()).canvas.draw()
        assert charts.holdout(track.head(0)) is None
        assert charts.holdout_classes(classes().head(0)) is None
        assert charts.ltv_curves(curve.head(5), observed()) is None


def test_payback_is_read_with_its_interval_or_as_not_yet_reached():
    """Day, earliest and latest in one cell; an open end and an unreached cost are said in words."""
    row = {"channel": "ads", "users": 90, "cost": 900.0, "cac": 10.0, "earned": 25.0, "earned_low": 20.0}
    row |= {"earned_high": 30.0, "horizon_days": 180, "payback_days": 17.0, "payback_low": 12.0, "payback_high": 27.0}
    rows = [row, row | {"payback_high": np.nan}, row | {"payback_days": np.nan, "payback_high": np.nan}]
    shown = says.payback_table(pd.DataFrame(rows))
    assert [str(cell) for cell in shown["payback_days"]] == [
        "17 (12 to 27)",
        "17 (12 to not yet)",
        "not within 180 days",
    ]
    assert says.payback_table(pd.DataFrame(rows).head(0)).empty


def test_a_sum_that_came_right_does_not_vouch_for_its_classes():
    """Off by little in total, and with one class of three inside: the forecast is supported as a sum only."""
    classes = pd.DataFrame({"actual": [1.0, 5.0, 9.0], "low": [0.5, 1.0, 1.0], "high": [1.5, 2.0, 2.0]})
    whole = {"score": score(), "tolerance": 0.1}
    assert says.trust_case(classes=classes, **whole) == "good_sum"
    assert says.trust_case(classes=classes.head(2), **whole) == "good_most"
    assert says.trust_case(classes=classes.head(1), **whole) == "good"
    assert says.trust_case(classes=classes, score=score().head(0), tolerance=0.1) == "unknown"


def test_a_parameter_that_the_data_leave_open_is_not_shown_as_a_number():
    """An upper end of ten to the twenty-first is no bound; a parameter with a real interval stays."""
    found = pd.DataFrame({"parameter": ["r", "a"], "value": [0.8, 1e4], "low": [0.7, 0.0], "high": [0.9, 1e21]})
    shown = says.parameter_table(found)
    assert shown.loc[0, ["value", "low", "high"]].tolist() == [0.8, 0.7, 0.9]
    assert shown.loc[1, ["value", "low", "high"]].isna().all()
