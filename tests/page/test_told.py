"""Tables are saved by keys and numbers, whatever the page calls them and in whichever language."""

import pandas as pd
import pytest

from opsbook.inputs.exits import Exits
from opsbook.inputs.segments import Segment
from opsbook.page import tables, words
from opsbook.page.says import funnel, pays, plan_gap, reasons, roads, segments
from opsbook.page.stored import saved
from opsbook.page.told import Told, told_column
from opsbook.page.words import Sentence

NAMED = {"core": Segment.model_validate({"name": "core users", "name_zh": "核心用户", "rule": {"stage": "mature"}})}
EXITS = Exits.model_validate({"roads": {"banned": {"name": "banned", "name_zh": "封禁", "events": ["ban"]}}})


def steps() -> pd.DataFrame:
    """A planned funnel whose last line is money."""
    rows = [["exposed", 100.0, 80.0], ["participation", 0.5, 0.55], ["value", 75.0, 74.7]]
    table = pd.DataFrame(rows, columns=["step", "planned", "actual"])
    return plan_gap.step_table(table.assign(low=table["actual"], high=[90.0, 0.6, float("nan")], attainment=0.9))


def measured() -> pd.DataFrame:
    """One segment and everybody, with a share and its interval."""
    table = pd.DataFrame({"segment": ["core", "everyone"], "users": [120, 1000]})
    names = ("share_of_all", "share_active", "stickiness", "share_paying", "arpu")
    return table.assign(**{f"{name}{end}": 0.5 for name in names for end in ("", "_low", "_high")})


def stepped() -> pd.DataFrame:
    """A funnel whose steps the company named in the language that is spoken."""
    names = {"guide": {"en": "finished the guide", "zh": "完成新手引导"}[words.language()]}
    return funnel.table(pd.DataFrame({"event": ["guide", "order"], "users": [9, 5]}), names)


READ = {
    "funnel": (stepped, "event", "完成新手引导"),
    "segments": (lambda: segments.by_name(measured(), NAMED), "segment", "核心用户"),
    "segments_at_a_glance": (lambda: segments.readable(measured(), NAMED), "segment", "50.0%（50.0% ~ 50.0%）"),
    "prices": (lambda: pays.price_table(pd.DataFrame({"unit": ["buyer"], "case": "known"})), "priced", "购买用户"),
    "plan_steps": (steps, "step", "客单价"),
    "roads": (lambda: roads.table(pd.DataFrame({"cause": ["banned"], "share": 0.1}), EXITS), "cause", "封禁"),
    "weighted_tests": (
        lambda: reasons.test_table(pd.DataFrame({"test": ["log_rank"], "weight_on": ["early"]})), "test", "对数秩",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_a_table_is_shown_in_the_language_and_saved_the_same_in_both(name):
    """The Chinese page shows the Chinese words; the bytes of the saved table are those of the English report."""
    made, key, shown = READ[name]
    stored = []
    for language in words.LANGUAGES:
        with words.speaking(language, currency="CNY"):
            html, parquet = tables.to_html(made(), area="lifecycle", name=name), tables.to_parquet(made())
        stored.append(parquet)
        assert (shown in html) == (language == "zh")
    assert stored[0] == stored[1]
    assert tables.from_parquet(stored[0])[key].str.fullmatch("[a-z_]+").all()


def test_numbers_are_saved_as_numbers():
    """A column of shares, counts and money is told each in its unit and saved as it was measured."""
    with words.speaking("en", currency="CNY"):
        found = tables.from_parquet(tables.to_parquet(steps()))
    assert found["actual"].tolist() == [80.0, 0.55, 74.7]
    assert found["high"].isna().tolist() == [False, False, True]
    assert found.dtypes["planned"] == "float64"


def test_the_workbook_knows_the_words_of_a_key():
    """The sheet of definitions explains a saved key by what the page calls it, numbers need no words."""
    with words.speaking("zh", currency="CNY"):
        columns = {one["name"]: one for one in tables.columns_shown(steps(), area="campaign")}
    assert columns["step"]["words"]["exposed"] == "触达用户数"
    assert columns["planned"]["spec"] == "number"
    assert columns["planned"]["words"] == {}


def test_a_cell_without_words_is_empty_everywhere():
    """Nothing is shown and nothing is saved; other tables are saved as they are."""
    table = pd.DataFrame({"name": ["a", "b"]})
    told = table.assign(name=told_column(table["name"], [None, Sentence("common.other")], like=table))
    assert saved(told)["name"].isna().tolist() == [True, False]  # a text column holds none or nan, by pandas
    assert saved(told)["name"].iloc[1] == "b"
    assert saved(table) is table
    days = pd.DataFrame({"day": pd.to_datetime([]), "name": pd.Series([], dtype=object)})
    assert tables.from_parquet(tables.to_parquet(days)).dtypes["day"].kind == "M"
    assert str(Told("b", Sentence("common.other"))) == "other"
