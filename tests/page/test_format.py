from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsbook.errors import OperatorError
from opsbook.page import format as formats

CASES = [
    (1234, "count", "1,234", "1,234"),
    (12345, "count", "12,345", "1.23 万"),
    (9999.6, "count", "10,000", "1.00 万"),
    (99_999_999, "count", "99,999,999", "1.00 亿"),
    (1_234_567_890, "count", "1,234,567,890", "12.35 亿"),
    (12345, "whole", "12,345", "12,345"),
    (12.3456, "number", "12.3", "12.3"),
    (1234.5, "number", "1,235", "1,235"),
    (0.00456, "number", "0.00456", "0.00456"),
    (0, "number", "0", "0"),
    (0.123, "percent", "12.3%", "12.3%"),
    (0.1445, "percent", "14.5%", "14.5%"),
    (0.0004, "percent", "0.04%", "0.04%"),
    (-0.0, "percent", "0.0%", "0.0%"),
    (0.012, "points", "1.2 points", "1.2 个百分点"),
    (-0.012, "signed_points", "−1.2 points", "−1.2 个百分点"),
    (0.05, "signed_percent", "+5.0%", "+5.0%"),
    (-0.000001, "signed_percent", "0.00%", "0.00%"),
    (-12345, "signed_count", "−12,345", "−1.23 万"),
    (1234567.5, "money", "CN¥1,234,568", "¥123.46 万"),
    (12.5, "money", "CN¥12.50", "¥12.50"),
    (-20000.0, "signed_money", "−CN¥20,000", "−¥2.00 万"),
    (date(2026, 10, 1), "date", "1 Oct 2026", "2026年10月1日"),
    (pd.Timestamp("2026-10-01"), "month", "October 2026", "2026年10月"),
    ("2026-10-01", "weekday", "Thursday", "星期四"),
    (14, "days", "14 days", "14 天"),
    (1.0, "days", "1 day", "1 天"),
    (3.44, "days", "3.44 days", "3.44 天"),
    (0.9999, "chance", ">99%", ">99%"),
    (0.994, "chance", "99.4%", "99.4%"),
    (0.0001, "chance", "<1%", "<1%"),
    (1.234, "ratio", "1.23×", "1.23×"),
    (23.45, "ratio", "23.5×", "23.5×"),
    (0.0123, "pvalue", "p = 0.012", "p = 0.012"),
    (0.0002, "pvalue", "p < 0.001", "p < 0.001"),
    (("a", "b", "c"), "list", "a, b, and c", "a、b 和 c"),
    ("text", "text", "text", "text"),
    (2026, "text", "2026", "2026"),
]


@pytest.mark.parametrize(("value", "spec", "en", "zh"), CASES)
def test_a_value_reads_as_its_language_writes_it(value, spec, en, zh):
    """Each spec in English and Chinese."""
    assert formats.render(value, spec, language="en", currency="CNY") == en
    assert formats.render(value, spec, language="zh", currency="CNY") == zh


@pytest.mark.parametrize("spec", sorted(formats.SPECS))
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), pd.NaT, pd.NA])
def test_a_missing_value_is_a_dash(value, spec):
    """None, NaN, NaT, NA and infinities show as a dash in every spec."""
    assert formats.render(value, spec, language="zh") == "–"


def test_a_value_of_the_wrong_kind_is_an_error():
    """A word where a number belongs names the word and the spec."""
    with pytest.raises(OperatorError, match=r"'many' cannot be shown as `count`"):
        formats.render("many", "count", language="en")


@given(st.floats(-1e12, 1e12), st.sampled_from(["count", "number", "percent", "money", "ratio"]))
def test_the_sign_never_gets_lost(value, spec):
    """A value and its opposite differ in the sign alone, in both languages."""
    for language in ("en", "zh"):
        plus = formats.render(abs(value), spec, language=language, currency="CNY")
        minus = formats.render(-abs(value), spec, language=language, currency="CNY")
        assert minus in (plus, f"−{plus}")


@given(st.floats(1e4, 1e12))
def test_ten_thousands_are_within_rounding(value):
    """A Chinese abbreviation is within half of its last digit."""
    figure, unit = formats.render(value, "count", language="zh").split()
    size = {"万": 1e4, "亿": 1e8}[unit]
    assert abs(float(figure.replace(",", "")) * size - value) <= 0.0051 * size


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("−0.4 points to +1.0 points", "−0.4 to +1.0 points"),
        ("（−0.4 个百分点 ~ +1.0 个百分点）", "（−0.4 ~ +1.0 个百分点）"),
        ("15 days to 18 days", "15 to 18 days"),
        ("15 天 ~ 18 天", "15 ~ 18 天"),
        ("5 days to 18 points", "5 days to 18 points"),
    ],
)
def test_a_span_names_its_unit_once(written, said):
    """As people speak; spans of two units stay as they are, and saying it twice changes nothing more."""
    assert formats.unit_once(written) == said
    assert formats.unit_once(said) == said


def test_a_chinese_and_keeps_off_digits_and_signs():
    """`25.0% 和 111 天`, but `一和二`: a number is set off from 和 as a Latin word is."""
    assert formats.render(["流失 25.0%", "111 天"], "list", language="zh") == "流失 25.0% 和 111 天"
    assert formats.render(["一", "二"], "list", language="zh") == "一和二"
