"""Estimates side by side, in one order, and whether they agree."""

import pandas as pd
import pytest

from opsbook.analysis import estimates


def test_methods_stand_in_order_with_their_width(table, same):
    """Net rows of the metric and the other estimates, plain first; widths are shares of the plain one's."""
    increments = table("""
        metric  | window | method | difference | low | high
        orders  | net    | cuped  | 0.2        | 0.1 | 0.3
        orders  | net    | plain  | 0.3        | 0.1 | 0.5
        orders  | during | plain  | 9          | 8   | 10
        revenue | net    | plain  | 9          | 8   | 10
    """)
    other = table("""
        method          | difference | low | high
        post_stratified | 0.25       | 0.1 | 0.4
    """)
    same(
        estimates.side_by_side(increments, other, metric="orders"),
        """
        method          | difference | low | high | share_width
        plain           | 0.3        | 0.1 | 0.5  | 1
        cuped           | 0.2        | 0.1 | 0.3  | 0.5
        post_stratified | 0.25       | 0.1 | 0.4  | 0.75
        """,
    )
    assert estimates.side_by_side(increments.iloc[:1], metric="orders").empty
    assert estimates.side_by_side(increments.iloc[:0], other, metric="orders").empty


@pytest.mark.parametrize(
    ("spans", "word"),
    [
        ([(1, 2), (1, 3)], "one"),
        ([(-1, 2), (1, 3)], "some"),
        ([(-1, 2), (-1, 3)], "none"),
        ([(-2, -1), (1, 2)], "both"),
    ],
)
def test_agreement_has_four_words(spans, word):
    """All on one side, some clear, none clear, or clear on both sides."""
    assert estimates.agree(pd.DataFrame(spans, columns=["low", "high"])) == word
