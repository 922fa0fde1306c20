"""Which part of a headline is bold."""

import pytest

from opsbook.page.emphasis import claim


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No change.", "<strong>No change.</strong>"),
        ("Users rose by 1.5 to 9. More came.", "<strong>Users rose by 1.5 to 9.</strong> More came."),
        ("1.2% (1 to 2) stay. Rest.", "<strong>1.2% </strong>(1 to 2)<strong> stay.</strong> Rest."),
        ("留存 12%（1% ~ 2%）。其余不明。", "<strong>留存 12%</strong>（1% ~ 2%）<strong>。</strong>其余不明。"),
        ("<b> & more", "<strong>&lt;b&gt; &amp; more</strong>"),
    ],
)  # fmt: skip
def test_the_first_sentence_is_bold_but_for_its_brackets(text, shown):
    """The eye finds the claim; intervals and what follows are there to be read, not shouted."""
    assert claim(text) == shown
