"""Sentences about earlier campaigns take the right case and carry equal numbers in both languages."""

import re

import pandas as pd
import pytest

from opsbook.analysis import memory
from opsbook.inputs.memory import typed
from opsbook.page import theme, words
from opsbook.page.charts import memory as charts
from opsbook.page.says import memory as says


def rows(*effects: tuple[float, float], grade: str = "A", first: str = "c") -> pd.DataFrame:
    """Campaigns with these effects and half intervals, all promotions through push."""
    told = [
        {"company": "x", "campaign_id": f"{first}{place}", "name": f"Sale {place}", "name_zh": f"大促 {place}",
         "type": "promotion", "channels": "push", "start": f"2026-0{place + 1}-01", "end": f"2026-0{place + 1}-09",
         "reviewed_through": "2026-10-31", "after_complete": True, "grade": grade, "primary_metric": "orders",
         "conclusion": "keep", "users": 100.0, "attainment": 0.9, "cost": 10.0, "roi": 0.5,
         "relative": value, "relative_low": value - half, "relative_high": value + half}
        for place, (value, half) in enumerate(effects)
    ]  # fmt: skip
    return typed(pd.DataFrame(told))


FIVE = [(0.10, 0.04), (0.12, 0.04), (0.07, 0.04), (0.09, 0.04), (0.11, 0.04)]
CASES = [
    ("none", [], (0.1, 0.05), "A"),
    ("unknown", None, (0.1, 0.05), "A"),
    ("few", FIVE[:2], (0.1, 0.05), "A"),
    ("average", FIVE[:4], (0.1, 0.05), "A"),
    ("typical", FIVE, (0.1, 0.05), "A"),
    ("typical", FIVE, (0.9, 0.05), "A"),
    ("typical", FIVE, (-0.9, 0.05), "A"),
    ("typical", FIVE, (0.1, 0.05), "E"),
]


@pytest.mark.parametrize(("case", "earlier", "own", "grade"), CASES)
def test_every_case_in_both_languages_with_equal_numbers(case, earlier, own, grade):
    """None, none known, too few, an average, and a prediction with each place this campaign can have."""
    before = rows(*FIVE, grade="D") if earlier is None else rows(*earlier)
    this = rows(own, grade=grade, first="own")
    said = says.before(before, this, memory.typical(before, this))
    assert said.key == f"campaign.memory.{case}"
    english, chinese = (numbers(said.text(language)) for language in ("en", "zh"))
    assert english == chinese


@pytest.mark.parametrize(
    ("key", "effects"),
    [("unranked", [(0.1, 0.05)]), ("ranked", [(0.3, 0.05), (0.0, 0.05)]), ("alike", [(0.1, 0.2), (0.05, 0.2)])],
)
def test_the_order_is_called_certain_only_when_the_ends_are_apart(key, effects):
    """One effect has no order; first and last are apart, or their intervals overlap."""
    said = says.order(memory.ranked(rows(*effects), metric="orders"))
    assert said.key == f"campaign.memory.{key}"
    assert numbers(said.text("en")) == numbers(said.text("zh"))


def test_the_table_names_campaigns_in_the_readers_language():
    """Chinese names where there are any; the typical effects name their groups."""
    table = memory.ranked(rows(*FIVE, (0.2, 0.1)), metric="orders")
    assert str(says.shown(table)["campaign"].iloc[0]).startswith("Sale")
    groups = memory.typical(rows(*FIVE), rows((0.1, 0.05), first="own"))
    assert [str(cell) for cell in says.groups_shown(groups)["group"]] == [
        "promotions",
        "push",
        "campaigns of all types",
    ]
    with words.speaking("zh"):
        assert str(says.shown(table)["campaign"].iloc[0]).startswith("大促")
        assert [str(cell) for cell in says.groups_shown(groups)["group"]] == ["促销活动", "push", "各类活动"]


def test_the_chart_needs_two_known_effects():
    """One effect is no comparison; two are drawn with this one in the main colour and the prediction as a band."""
    theme.use("en", "#2f5d8a")
    before, own = rows(*FIVE), rows((0.1, 0.05), first="own")
    expected = memory.expected(memory.typical(before, own))
    ranked = memory.ranked(memory.joined(before, own), metric="orders")
    assert charts.effects(ranked, campaign_id="own0", expected=expected) is not None
    assert charts.effects(memory.ranked(own, metric="orders"), campaign_id="own0", expected=None) is None


def test_the_row_that_is_kept_is_told():
    """What later reviews will read of this one: conclusion, lift and grade, or that the effect is not known."""
    known, unknown = rows((0.1, 0.05), first="own"), rows((float("nan"), float("nan")), first="own")
    assert says.kept(known).key == "campaign.memory.kept"
    assert "+10.0%" in says.kept(known).text("en")
    assert says.kept(unknown).key == "campaign.memory.kept_no_effect"
    for said in (says.kept(known), says.kept(unknown)):
        assert numbers(said.text("en")) == numbers(said.text("zh"))


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"[+−]?\d+(?:\.\d+)?%?", text.replace("A 或 B", "").replace("95%", "")))


def test_effects_on_another_metric_are_named_apart():
    """A campaign of grade A that measured converters is no effect on orders, and no campaign without a readable one."""
    before = rows(*FIVE[:2])
    before.loc[0, "primary_metric"] = "converted"
    this = rows(FIVE[0], first="own")
    for earlier, key in ((before, "few"), (before.iloc[:1], "unknown")):
        said = says.before(earlier, this, memory.typical(earlier, this))
        assert said.key == f"campaign.memory.{key}"
        assert "其中 1 场（A 级）衡量的是" in said.text("zh")
        assert "不能与订单数比较" in said.text("zh")
        assert "One of them (grade A) measured" in said.text("en")
    assert says.elsewhere(before, metric="revenue").values["n"] == 2
    assert says.elsewhere(rows(*FIVE), metric="orders") == ""
    assert says.elsewhere(before.iloc[:0], metric="orders") == ""
