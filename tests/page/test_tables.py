import re

import pandas as pd
import pytest

from opsbook.page import words
from opsbook.page.tables import SHOWN_ROWS, column_spec, flattened, from_parquet, to_html, to_parquet
from opsbook.page.words import Sentence


@pytest.mark.parametrize(
    ("name", "values", "spec"),
    [
        ("day", pd.to_datetime(["2026-10-01"]), "date"),
        ("share_active", [0.5], "percent"),
        ("conversion_rate", [0.5], "percent"),
        ("uplift_points", [0.01], "points"),
        ("p_value", [0.01], "pvalue"),
        ("users", [1000], "whole"),
        ("users", [1000.0, float("nan")], "whole"),
        ("mean", [1.5], "number"),
        ("complete", [True], "yes_no"),
        ("channel", ["organic"], "text"),
    ],
)
def test_a_column_is_shown_by_its_type_and_name(name, values, spec):
    """Dates, shares, points, p values, whole numbers, other numbers, truth and text."""
    assert column_spec(pd.Series(values, name=name)) == spec


def test_header_and_values_come_from_the_catalogue():
    """Column names and known codes are words of the language; unknown ones stay as they are."""
    words.use("zh")
    html = to_html(pd.DataFrame({"stage": ["growth", "odd"], "users": [1, 2], "mine": [1, 2]}), area="demo", name="t")
    for text in ("生命周期阶段", "成长期", "odd", "用户数", "mine"):
        assert text in html


def test_the_ends_of_an_interval_have_the_unit_of_their_value():
    """A share of 12.0% lies between 10.0% and 14.0%, not between 0.1 and 0.14; money is told as money."""
    frame = pd.DataFrame({"share": [0.12], "low": [0.1], "high": [0.14], "ltv": [9.5], "ltv_low": [8.5]})
    html = to_html(frame, area="demo", name="t", specs={"ltv": "money"})
    assert all(text in html for text in ("12.0%", "10.0%", "14.0%", words.show(8.5, "money_whole")))


def test_what_opsbook_itself_named_is_told_in_words():
    """Users without a channel are 未知, small groups together 其他."""
    words.use("zh")
    html = to_html(pd.DataFrame({"level": ["unknown", "other"], "users": [1, 2]}), area="demo", name="t")
    assert {"未知", "其他"} <= set(re.findall("[一-鿿]{2}", html))


def test_headers_have_a_scope():
    """Every header cell says whether it heads a column or a row."""
    html = to_html(pd.DataFrame({"day": ["a"], "users": [1]}), area="demo", name="t")
    assert html.count("<th") - html.count("<thead") == html.count("<th scope=") == 3


def test_a_long_table_is_cut_with_a_pointer():
    """After SHOWN_ROWS rows a note tells how many there are and where."""
    html = to_html(pd.DataFrame({"users": range(1000, 1100)}), area="demo", name="days")
    assert html.count("<tr>") == SHOWN_ROWS + 1
    assert "The first 20 of 100 rows; all of them are in tables/days.csv" in html


def test_an_empty_table_says_so():
    """No rows is a statement."""
    assert "No rows." in to_html(pd.DataFrame({"users": []}), area="demo", name="t")


def test_values_are_escaped():
    """Cells and headers from data are text."""
    html = to_html(pd.DataFrame({"<b>": ["<i>"]}), area="demo", name="<u>")
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<u>" not in html


def test_told_specs_win_over_names():
    """An author may say how a column is shown."""
    assert "12.0%" in to_html(pd.DataFrame({"low": [0.12]}), area="demo", name="t", specs={"low": "percent"})


def test_missing_values_are_dashes():
    """NaN, NaT and None are shown as a dash in any column."""
    frame = pd.DataFrame({"a": [None, "x"], "b": [float("nan"), 1.5], "c": pd.to_datetime([None, "2026-10-01"])})
    assert to_html(frame, area="demo", name="t").count(">–<") == 3


def test_tables_travel_unchanged():
    """What Parquet can hold comes back with its types; the rest comes back as text."""
    frame = pd.DataFrame(
        {
            "day": pd.to_datetime(["2026-10-01", None]),
            "users": [1, 2],
            "share": [0.5, float("nan")],
            "name": ["日", None],
            "bin": pd.cut(pd.Series([1, 5]), [0, 2, 6]),
            "said": [Sentence("demo.text", text="a"), Sentence("demo.text", text="b")],
        }
    )
    back = from_parquet(to_parquet(frame))
    pd.testing.assert_frame_equal(back[["day", "users", "share"]], frame[["day", "users", "share"]])
    assert list(back["name"].isna()) == [False, True]
    assert list(back["bin"]) == ["(0, 2]", "(2, 6]"]
    assert list(back["said"]) == ["a", "b"]


def test_equal_tables_give_equal_bytes():
    """Storing twice gives the same Parquet."""
    frame = pd.DataFrame({"users": range(100), "name": "a"})
    assert to_parquet(frame) == to_parquet(frame.copy())


def test_an_index_that_means_something_becomes_a_column():
    """Grouped frames keep their keys; several header rows become one."""
    grouped = pd.DataFrame({"k": ["a", "b"], "v": [1, 2]}).groupby("k").agg({"v": ["sum", "mean"]})
    assert list(flattened(grouped)) == ["k", "v sum", "v mean"]


def test_a_chinese_column_of_money_has_one_unit():
    """No cell is told in 万 beside others that are not: the column can be read down and added up."""
    with words.speaking("zh", currency="CNY"):
        html = to_html(pd.DataFrame({"cost": [14_600.0, 8_252.0]}), area="demo", name="t", specs={"cost": "money"})
    assert "¥14,600" in html
    assert "¥8,252" in html
    assert "万" not in html
