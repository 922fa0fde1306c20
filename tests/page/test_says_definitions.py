"""The sentence and the chart about definitions of retention: every case in both languages."""

import re

import pandas as pd
import pytest

from opsbook.page import theme, words
from opsbook.page.charts import retention_definitions as charts
from opsbook.page.says import retention_definitions as says


def alike(most: float = 0.45, ages: tuple[int, ...] = (1, 7, 30)) -> pd.DataFrame:
    rows = [
        {"age": age, "counted_as": name, "users": 900, "retained": 180, "share": share}
        for age in ages
        for name, share in {"on_day": 0.20, "following_week": 0.21, "on_or_after": most, "every_day": 0.01}.items()
    ]
    table = pd.DataFrame(rows, columns=["age", "counted_as", "users", "retained", "share"])
    return table.assign(low=table["share"] - 0.02, high=table["share"] + 0.02, difference=table["share"] - 0.2)


CASES = {
    "apart": (alike(), "retention.definitions.apart"),
    "alike": (alike(most=0.215), "retention.definitions.alike"),
    "young": (alike(ages=(1,)), "retention.definitions.apart"),
    "empty": (alike(ages=()), "retention.definitions.empty"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_case_says_the_same_numbers_in_both_languages(case):
    """The case follows from the table, and English and Chinese tell equal numbers."""
    table, key = CASES[case]
    sentence = says.definitions(table, age=30)
    assert sentence.key == key
    numbers = []
    for language in words.LANGUAGES:
        words.use(language)
        numbers.append(sorted(re.findall(r"\d+(?:\.\d+)?%", sentence.text())))
    assert numbers[0] == numbers[1]


def test_the_age_of_the_verdict_is_told_where_users_reached_it():
    """Day 30 when it is there, else the last age that is."""
    words.use("en")
    assert "day 30" in says.definitions(alike(), age=30).text()
    assert "day 1" in says.definitions(alike(ages=(1,)), age=30).text()


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_chart_labels_every_point(language):
    """Each definition and age has its share written beside it; nothing is drawn from an empty table."""
    words.use(language)
    theme.use(language, "#2f5d8a")
    drawn = charts.definitions(alike())
    assert drawn is not None
    assert len(drawn.axes[0].texts) == 12
    assert charts.definitions(alike(ages=())) is None
