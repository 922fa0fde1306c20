import pytest

from opsbook.page.markup import Cell, Head, table
from opsbook.page.sanitize import clean

NUMBERS = [Head("Group", "text"), *[Head(f"n{place}", "whole") for place in range(3)]]
ACTIONS = [Head("Group", "text"), Head("What to do", "text"), Head("Buyers", "whole"), Head("From", "date")]
PLAY = "new products first, never discounts that they do not need"


def rows(text, times=2):
    return [[Cell("a"), Cell(text), Cell("1"), Cell("2")]] * times


def test_text_is_stacked_on_a_phone_and_stays_a_table_to_a_screen_reader():
    """Each cell carries the name of its column, and each element the role that blocks would take from it."""
    html = table(ACTIONS, rows(PLAY))
    assert '<table class="stack" role="table"><thead role="rowgroup"><tr role="row">' in html
    assert f'<td class="long" role="cell" data-label="What to do">{PLAY}</td>' in html
    assert '<td class="day" role="cell" data-label="From">2</td>' in html
    assert clean(html) == html


@pytest.mark.parametrize(
    ("heads", "shown"),
    [(NUMBERS, rows("1,234")), (NUMBERS, rows(PLAY)), (ACTIONS, rows("short")), (ACTIONS[:3], [rows(PLAY)[0][:3]])],
)
def test_numbers_stay_side_by_side(heads, shown):
    """Numbers are compared down the column: names, numbers and text in a narrow table are no blocks."""
    assert 'class="stack' not in table(heads, shown)
    assert "data-label" not in table(heads, shown)


def test_a_row_named_by_a_number_alone_tells_whose_number_it_is():
    """On a phone the heading stands before it; a name needs none, and a table that is not stacked has none."""
    heads = [Head("Risk band", "number"), *ACTIONS[1:]]
    told = [[Cell("4"), *rows(PLAY)[0][1:]]]
    assert '<th scope="row" class="num" role="rowheader" data-label="Risk band">4</th>' in table(heads, told)
    assert clean(table(heads, told)) == table(heads, told)
    assert '<th scope="row" role="rowheader">' in table(ACTIONS, rows(PLAY))
    assert "data-label" not in table(heads, [[Cell("4"), *rows("call")[0][1:]]])


def test_few_rows_of_many_numbers_are_stacked():
    """Up to three rows are compared as easily one below the other; more stay side by side."""
    heads = [*NUMBERS, Head("more", "whole")]
    told = [[Cell(str(place)) for place in range(5)]] * 4
    assert '<table class="stack dense" role="table">' in table(heads, told[:3])
    assert '<table class="dense">' in table(heads, told)


def test_chinese_text_counts_twice():
    """A Chinese character is as wide as two Latin letters."""
    assert "stack" in table(ACTIONS, rows("新品优先、会员权益、专属客服"))
    assert "stack" not in table(ACTIONS, rows("新品优先、会员权益"))


def test_many_columns_stand_close_together():
    """A wide table is set smaller, its intervals below their values."""
    heads = [Head(f"n{place}", "whole") for place in range(6)]
    html = table(heads, [[Cell("1", "(0 to 2)")] * 6] * 4)
    assert '<table class="dense">' in html
    assert '<td class="num">1 <span class="bounds">(0 to 2)</span></td>' in html
    assert clean(html) == html


def test_a_single_wide_row_is_told_downwards():
    """Thirty columns of one row are thirty lines."""
    heads = [Head(f"n{place}", "whole") for place in range(30)]
    html = table(heads, [[Cell("<1>")] * 30])
    assert html.startswith('<table class="record"><tbody><tr><th scope="row">n0</th><td>&lt;1&gt;</td></tr>')
    assert html.count("<tr>") == 30
    assert clean(html) == html


def test_labels_are_escaped():
    """What a company calls a column cannot leave its attribute."""
    html = table([*ACTIONS[:3], Head('"><b>', "text")], rows(PLAY))
    assert 'data-label="&quot;&gt;&lt;b&gt;"' in html
