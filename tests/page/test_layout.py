import pandas as pd
import pytest

from opsbook.page import layout, words
from opsbook.page.tables import columns_shown, to_html

RETURNS = pd.DataFrame(
    {"line": ["margin", "gross"], "numerator": [1.0, 2.0], "cost": [1.0, 1.0], "roi": [1.9, 17.8], "low": [0.53, 17.8],
     "high": [3.28, 17.8]}
)  # fmt: skip
RATIO = dict.fromkeys(("roi", "low", "high"), "ratio")


@pytest.mark.parametrize(("language", "told"), [("en", "(0.53× to 3.28×)"), ("zh", "（0.53× ~ 3.28×）")])
def test_the_answer_stands_first_with_its_interval(language, told):
    """Behind the name comes the value with its interval in one cell; what only leads to it is left out."""
    with words.speaking(language):
        html = to_html(RETURNS, area="campaign", name="returns", specs=RATIO)
    assert f'</th><td class="num">1.90× <span class="bounds">{told}</span></td>' in html
    assert html.count('<th scope="col"') == 3


def test_an_interval_without_width_is_not_told():
    """What was counted has no interval to show."""
    assert '<td class="num">17.8×</td>' in to_html(RETURNS, area="campaign", name="returns", specs=RATIO)


def test_the_workbook_keeps_every_column():
    """What the page leaves out is still described for the workbook."""
    assert [told["name"] for told in columns_shown(RETURNS, area="campaign", specs=RATIO)] == list(RETURNS)


def test_a_table_without_a_layout_keeps_its_columns():
    """Tables of a company's own notebooks keep columns and order; only bounds move into the cell of their value."""
    shown = layout.columns(RETURNS, area="mine", name="returns")
    assert shown == [layout.Shown(name) for name in ("line", "numerator", "cost")] + [
        layout.Shown("roi", "low", "high")
    ]


def test_columns_in_which_nothing_stands_are_left_out():
    """Dashes alone, and “complete: yes” alone, cost room and say nothing; the first column always stays."""
    frame = pd.DataFrame({"a": [None, None], "b": [None, None], "complete": [True, True], "hidden": [False, True]})
    assert [one.name for one in layout.columns(frame, area="mine", name="t")] == ["a", "hidden"]
    assert layout.columns(frame.head(0), area="mine", name="t")[1] == layout.Shown("b")


@pytest.mark.parametrize("area", sorted(layout.SHOWN))
def test_no_layout_is_wider_than_a_page(area):
    """More columns than a campaign's memory has do not fit beside the contents of a laptop's screen."""
    assert {name for name, columns in layout.SHOWN[area].items() if len(columns) > len(layout.MEMORY)} == set()
