"""Sentences and chart about newer cohorts at the same age: every case in both languages."""

import re

import pandas as pd
import pytest

from opsbook.analysis.cohort_trend import COLUMNS, CONCLUSIONS
from opsbook.page import theme, words
from opsbook.page.charts import cohort_trend as charts
from opsbook.page.says import cohort_trend as says

PLAIN = ("better", "worse", "no_trend")


def trends(conclusion: str, *, levels: int = 3, unit: str = "day", age: int = 7) -> pd.DataFrame:
    first, last = pd.Timestamp("2026-01-05"), pd.Timestamp("2026-05-04")
    row = {"unit": unit, "age": age, "first_cohort": first, "last_cohort": last, "cohorts": 18, "users": 9000}
    row |= {"retained": 2700, "start": 0.28, "end": 0.33, "change": 0.05, "change_low": 0.02, "change_high": 0.08}
    row |= {"dispersion": 1.2, "adjusted_change": 0.01, "adjusted_change_low": -0.02, "adjusted_change_high": 0.04}
    row |= {"mix_change": 0.04, "mix_change_low": 0.03, "mix_change_high": 0.06}
    return pd.DataFrame([row | {"levels": levels, "conclusion": conclusion}], columns=COLUMNS)


CASES = {name: (trends(name), name) for name in CONCLUSIONS}
CASES |= {f"{name}_plain": (trends(name, levels=1), f"{name}_plain") for name in PLAIN}
CASES |= {"empty": (trends("better").iloc[:0], "empty")}


@pytest.mark.parametrize("case", CASES)
def test_every_case_says_the_same_numbers_in_both_languages(case):
    """The case follows from the table, and English and Chinese tell equal numbers."""
    table, key = CASES[case]
    sentence = says.trend(table, age=7, by="channel")
    assert sentence.key == f"retention.trend.{key}"
    numbers = []
    for language in words.LANGUAGES:
        words.use(language)
        assert "{" not in sentence.text()
        numbers.append(sorted(re.findall(r"\d+(?:\.\d+)?%", sentence.text())))
        assert says.trend_table(table).text()
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (
            "en",
            "Newer cohorts at each age: better in next-day retention and day-7 retention; worse in day-30 retention.",
        ),
        ("zh", "新用户群在各天数的走势：次日留存率和7日留存率变好；30日留存率变差。"),
    ],
)
def test_the_table_of_ages_is_told_by_its_conclusions(language, told):
    """Ages of the same conclusion stand together; without any, the line says why."""
    table = pd.concat([trends("better", age=1), trends("better"), trends("worse", age=30)])
    with words.speaking(language):
        assert says.trend_table(table).text().replace(" ", "") == told.replace(" ", "")
    assert says.trend_table(table.iloc[:0]).key == "retention.trend.empty"


@pytest.mark.parametrize(
    ("conclusion", "english", "chinese"),
    [
        ("better", "better in week-2 retention", "第 2 周留存率变好"),
        ("worse", "worse in week-2 retention", "第 2 周留存率变差"),
        ("no_trend", "no clear trend in week-2 retention", "第 2 周留存率无明确趋势"),
        ("cannot_tell", "too little to go by in week-2 retention", "第 2 周留存率数据不足，无法判断"),
        ("mix", "moved by the mix of users alone in week-2 retention", "第 2 周留存率的变化只来自用户结构"),
        (
            "fades",
            "moved in week-2 retention, but users and mix cannot be told apart",
            "第 2 周留存率有变化，但分不清是用户还是结构所致",
        ),
        ("hidden", "a change hidden by the mix in week-2 retention", "第 2 周留存率的变化被用户结构掩盖"),
    ],
)
def test_every_conclusion_is_a_phrase_about_its_ages(conclusion, english, chinese):
    """In the line over the table each conclusion reads as a part of a sentence, not as a word from a column."""
    said = says.trend_table(trends(conclusion, unit="week", age=2))
    assert said.text("en") == f"Newer cohorts at each age: {english}."
    assert said.text("zh") == f"新用户群在各天数的走势：{chinese}。"


def test_the_phrases_are_those_of_the_conclusions():
    """There is a phrase for each conclusion of the analysis, and for no other."""
    assert {key.rsplit(".", 1)[-1] for key in words.keys("retention.trend_part.")} == set(CONCLUSIONS)


def test_the_mix_is_named_in_so_many_words():
    """A trend that the mix makes is told as one, in both languages, with the segment's name."""
    words.use("en")
    assert says.trend(trends("mix"), age=7, by="channel").text().startswith("The mix moved, not the users")
    words.use("zh")
    assert says.trend(trends("mix"), age=7, by="channel").text().startswith("变的是结构，不是用户")


def test_an_age_that_cannot_be_judged_gives_way_to_one_that_can():
    """Day 30 with too few cohorts: the oldest age with a conclusion is told; without any, the first one."""
    table = pd.concat([trends("better", age=1), trends("worse", age=7), trends("cannot_tell", age=30)])
    row = says.told_row(table, age=30)
    assert row is not None
    assert row["age"] == 7
    none = pd.concat([trends("cannot_tell", age=1), trends("cannot_tell", age=30)])
    assert says.told_row(none, age=30)["age"] == 1


@pytest.mark.parametrize(("unit", "age"), [("day", 1), ("day", 7), ("week", 4)])
@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_chart_draws_points_and_a_line_where_there_is_a_trend(language, unit, age):
    """A cohort is a point; the fitted line is left out where nothing was fitted; nothing is drawn from nothing."""
    words.use(language)
    theme.use(language, "#2f5d8a")
    days = pd.date_range("2026-01-05", periods=18, freq="7D")
    shares = pd.DataFrame({"cohort": days, "unit": unit, "age": age, "users": 500, "retained": 150, "share": 0.3})
    shares = shares.assign(low=0.26, high=0.34)
    fitted, bare = trends("better", unit=unit, age=age), trends("cannot_tell", unit=unit, age=age).assign(start=None)
    lines = [len(charts.same_age(shares, table).axes[0].lines) for table in (fitted, bare)]
    assert lines[0] == lines[1] + 1
    assert charts.same_age(shares.iloc[:0], fitted) is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_only_a_clear_trend_is_news(language):
    """Later sign-ups that are clearly better or worse are told on the first screen, at the oldest age that is clear."""
    table = pd.concat([trends("worse"), trends("worse", age=30), trends("no_trend", age=60)])
    with words.speaking(language):
        told = says.news(table).text()
    assert all(figure in told for figure in ("30", "28.0%", "33.0%"))
    assert says.news(trends("no_trend")) is None


def test_news_of_another_age_than_the_headline_stand_in_the_section():
    """A finding links to a section that tells it: its own headline at the same age, or the news beside it."""
    table = pd.concat([trends("worse"), trends("no_trend", age=30)])
    assert says.elsewhere(table, age=30)
    assert not says.elsewhere(table, age=7)
    assert not says.elsewhere(trends("no_trend"), age=7)
