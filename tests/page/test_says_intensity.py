"""The sentences and charts of intensity: every case is reached, with the same numbers in both languages."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.page import theme, words
from opsbook.page.charts import intensity as charts
from opsbook.page.says import intensity as says

STEP = {"change": 0.25, "change_days": 2}


def bands(*ages: str, users: int = 40, complete: bool = True) -> pd.DataFrame:
    starts = {1: "1", 2: "2–3", 4: "4–7", 8: "8–14", 15: "15–21", 22: "22–28"}
    rows = [(age, name, start, users) for age in ages for start, name in starts.items()]
    table = pd.DataFrame(rows, columns=["age_band", "active_days", "from_days", "users"])
    table = table.assign(band_users=6 * users, share=1 / 6, share_low=0.1, share_high=0.2, complete=complete)
    return table.astype({"users": "int64"})


def quantiles(*metrics: str, users: int = 500, complete: bool = True) -> pd.DataFrame:
    rows = [(name, 1.0 - 0.2 * place) for place, name in enumerate(metrics)]
    table = pd.DataFrame(rows, columns=["metric", "share_any"])
    spread = {"p10": 0.0, "p25": 1.0, "median": 3.0, "p75": 6.0, "p90": 17.5, "mean": 4.2}
    return table.assign(users=users, users_any=400, share_any_low=0.31, share_any_high=0.99, **spread, median_low=2.0,
                        median_high=4.0, window_days=28, complete=complete)  # fmt: skip


def trend(low: float = -0.02, high: float = 0.03, rows: int = 3, complete: bool = True) -> pd.DataFrame:
    ends = pd.date_range("2026-08-31", periods=rows, freq="28D")
    return pd.DataFrame({
        "start": ends - pd.Timedelta(days=27), "end": ends, "users": 800, "rising": 200, "falling": 180, "same": 420,
        "share_rising": 0.25, "share_rising_low": 0.22, "share_rising_high": 0.28, "share_falling": 0.225,
        "share_falling_low": 0.2, "share_falling_high": 0.25, "balance": 0.025, "balance_low": low,
        "balance_high": high, "by_spread": 0.2375, "mean_change": 0.12, "mean_change_low": -0.1,
        "mean_change_high": 0.3, "window_days": 28, "complete": complete,
    })  # fmt: skip


def cells(wide_back: int = 90, users: int = 100, complete: bool = True) -> pd.DataFrame:
    rows = [(1, "8–14", 8, users, 70), (3, "8–14", 8, users, wide_back), (3, "1", 1, 4, None)]
    table = pd.DataFrame(rows, columns=["features_used", "active_days", "from_days", "users", "retained"])
    share = table["retained"] / table["users"]
    return table.assign(all_users=204, share=0.4, share_retained=share, share_retained_low=share,
                        share_retained_high=share, window_days=28, complete=complete)  # fmt: skip


CASES = {
    "regularity.empty": lambda: says.days(bands("older").tail(0), window_days=28),
    "regularity.incomplete": lambda: says.days(bands("older", complete=False), window_days=28),
    "regularity.known": lambda: says.days(bands("older", "to_90"), window_days=28),
    "regularity.by_age": lambda: says.days(bands("in_window", "older"), window_days=28),
    "per_user.empty": lambda: says.metrics(quantiles("active_days", users=0)),
    "per_user.incomplete": lambda: says.metrics(quantiles("active_days", complete=False)),
    "per_user.plain": lambda: says.metrics(quantiles("active_days", "actions_per_day")),
    "per_user.groups": lambda: says.metrics(quantiles("active_days", "login", "days_social")),
    "usage_trend.empty": lambda: says.trend(trend(complete=False), **STEP),
    "usage_trend.up": lambda: says.trend(trend(0.01, 0.04), **STEP),
    "usage_trend.down": lambda: says.trend(trend(-0.04, -0.01, rows=1), **STEP),
    "usage_trend.unclear": lambda: says.trend(trend(rows=2), **STEP),
    "usage_trend.unjudged": lambda: says.trend(trend(np.nan, np.nan).fillna({"balance": 0.1}), **STEP),
    "breadth.no_groups": lambda: says.breadth(cells().tail(0)),
    "breadth.incomplete": lambda: says.breadth(cells(complete=False)),
    "breadth.few": lambda: says.breadth(cells(users=20)),
    "breadth.up": lambda: says.breadth(cells(95)),
    "breadth.down": lambda: says.breadth(cells(40)),
    "breadth.unclear": lambda: says.breadth(cells(72)),
}


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


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence of the areas that choose a case is left out."""
    chosen = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    assert {key for key in known if key.split(".")[0] in chosen} == set(CASES)


def test_no_sentence_about_breadth_says_that_it_causes_anything():
    """Users were observed, not assigned: the words are `goes with`."""
    for language in words.LANGUAGES:
        texts = [CASES[case]().text(language) for case in CASES if case.startswith("breadth.")]
        assert not any(re.search(r"caus|leads to|because|导致|使得|带来", text) for text in texts)


def test_shop_is_told_how_many_came_twice_not_how_many_came_on_half_of_the_days():
    """Where hardly anybody comes on half of the days, the band that a twentieth of the users reach is told."""
    rare = bands("older").assign(users=[90, 8, 1, 0, 0, 0])
    assert says.days(rare, window_days=28).values["half"] == 2
    assert says.days(bands("older"), window_days=28).values["half"] == 15


def test_metrics_have_names_and_groups_keep_the_companys_word():
    """Known metrics are translated, event groups are not, days of a group are told apart from its times."""
    shown = says.metric_table(quantiles("active_days", "login", "days_login"))["metric"]
    assert [cell.words.text("en") for cell in shown] == ["active days", "login, times", "login, days"]
    assert [cell.words.text("zh") for cell in shown] == ["活跃天数", "login（次数）", "login（天数）"]
    assert says.metric_table(quantiles()).empty


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """Each chart draws its table in both languages and returns None where there is nothing."""
    drawn = [
        (charts.days_by_age, bands("in_window", "older"), bands("older", complete=False)),
        (charts.metrics, quantiles("active_days", "login"), quantiles("active_days", users=0)),
        (charts.trend, trend(), trend(complete=False)),
        (charts.trend, trend(rows=1), trend(rows=1).tail(0)),
        (charts.breadth, cells(), cells(complete=False)),
    ]
    with words.speaking(language):
        theme.use(language)
        for chart, table, nothing in drawn:
            chart(table).canvas.draw()
            assert chart(nothing) is None
