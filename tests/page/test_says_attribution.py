"""Attribution says whether the rule decides the answer, in both languages with equal numbers."""

import re

import pandas as pd
import pytest

from opsbook.analysis import attribution
from opsbook.page import theme
from opsbook.page.charts import attribution as charts
from opsbook.page.says import attribution as says


def credits(*rows: tuple[str, int]) -> pd.DataFrame:
    paths = pd.DataFrame(
        [(tuple(path.split()), won, 5) for path, won in rows], columns=["path", "conversions", "nulls"]
    )
    return attribution.credits(paths)


CASES = {
    "alike": credits(("push", 60), ("mail", 40)),
    "agree": credits(("push", 60), ("mail push", 40), ("push push mail", 9)),
    "disagree": credits(("push mail", 60), ("mail", 3), ("push", 3)),
}


@pytest.mark.parametrize("case", CASES)
def test_every_case_in_both_languages(case):
    """One leader by all rules, with and without a spread behind it, or leaders that differ."""
    said = says.attribution(CASES[case])
    assert said.key == f"campaign.attribution.{case}"
    assert numbers(said.text("en")) == numbers(said.text("zh"))
    theme.use("en", "#2f5d8a")
    assert charts.attribution(CASES[case]) is not None


def test_the_leader_is_not_told_again_among_the_others():
    """Where the leader's own share varies most, the range behind it is that of another channel."""
    said = says.attribution(credits(("push", 60), ("mail push", 30), ("push news", 30), ("push", 20))).text("en")
    assert said.count("push") == 1
    assert "that of mail most" in said or "that of news most" in said


def test_the_table_tells_first_touch_from_first():
    """First and last touch have column names of their own."""
    shown = says.readable(CASES["agree"])
    assert {"first_touch", "last_touch"} <= set(shown)
    assert not {"first", "last"} & set(shown)


def test_one_channel_or_no_conversion_has_nothing_to_share():
    """Neither a sentence nor a chart."""
    for table in (credits(("push", 9)), credits(("push mail", 0)), CASES["alike"].iloc[:0]):
        assert says.attribution(table) is None
        assert charts.attribution(table) is None


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:\.\d+)?%?", text))
