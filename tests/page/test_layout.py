import pandas as pd
import pytest

from opsbook.page import layout, words
from opsbook.page.tables import columns_shown, to_html

RETURNS = pd.DataFrame(
    {"line": ["margin", "gross"], "numerator": [1.0, 2.0], "cost": [1.0, 1.0], "roi": [1.9, 17.8], "low": [0.53, 17.8],
     "high": [3.28, 17.8]}
)  # fmt: skip
RATIO = dict.fromkeys(("roi", "low", "high"), "ratio")


@pytest.mark.parametrize(("language", "told"), [("en", "1.90× (0.53× to 3.28×)"), ("zh", "1.90×（0.53× ~ 3.28×）")])
def test_the_answer_stands_first_with_its_interval(language, told):
    """Behind the name comes the value with its interval in one cell; what only leads to it is left out."""
    with words.speaking(language):
        html = to_html(RETURNS, area="campaign", name="returns", specs=RATIO)
    assert f'</th><td class="num">{told}</td>' in html
    assert html.count('<th scope="col"') == 3


def test_an_interval_without_width_is_not_told():
    """What was counted has no interval to show."""
    assert '<td class="num">17.8×</td>' in to_html(RETURNS, area="campaign", name="returns", specs=RATIO)


def test_the_workbook_keeps_every_column():
    """What the page leaves out is still described for the workbook."""
    assert [told["name"] for told in columns_shown(RETURNS, area="campaign", specs=RATIO)] == list(RETURNS)


def test_a_table_without_a_layout_is_shown_whole():
    """Tables of other pages and of a company's own notebooks keep their columns and their order."""
    assert [shown.name for shown in layout.columns(RETURNS, area="mine", name="returns")] == list(RETURNS)
