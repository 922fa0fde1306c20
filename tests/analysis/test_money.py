"""The cost ledger and the three lines of return."""

import pandas as pd
import pytest

from opsbook.analysis import money

COSTS = """
    day        | channel | campaign_id | amount
    2026-01-01 | push    | c           | 10.1
    2026-01-02 | push    | c           | 10.2
    2026-01-02 | search  | c           | 30
    2026-01-02 |         | c           | 1
    2026-01-02 | search  | other       | 900
    2026-01-02 | search  |             | 900
"""
REDEMPTIONS = "campaign_id | user | cost\nc | 1 | 5\nc | 2 | 7.5\nother | 2 | 70"


def test_ledger_lists_media_coupons_and_fixed(table):
    """Only rows of the campaign; media by channel, then redemptions, then prizes and people."""
    found = money.ledger(table(COSTS), table(REDEMPTIONS), campaign_id="c", fixed_cost=40)
    assert found["amount"].tolist() == [20.3, 30.0, 1.0, 12.5, 40.0]
    assert found["kind"].tolist() == ["media", "media", "media", "redemptions", "fixed"]
    assert found["detail"].tolist() == ["push", "search", "unknown", "", ""]
    assert money.total(found) == pytest.approx(103.8)
    assert found["share"].sum() == pytest.approx(1)


def test_campaign_without_costs(table):
    """A campaign that cost nothing has an empty ledger and a total of zero."""
    found = money.ledger(table(COSTS).iloc[:0], table(REDEMPTIONS).iloc[:0], campaign_id="c")
    assert list(found) == money.LEDGER
    assert money.total(found) == 0


def test_three_lines_with_their_formulas(same):
    """Gross / cost, incremental / cost, (incremental x margin - cost) / cost, each with its interval."""
    found = money.returns(gross_revenue=1000, incremental=money.Amount(400, 100, 700), margin=0.5, cost=100)
    same(
        found,
        """
        line        | numerator | numerator_low | numerator_high | cost | roi | low  | high
        gross       | 1000      | 1000          | 1000           | 100  | 10  | 10   | 10
        incremental | 400       | 100           | 700            | 100  | 4   | 1    | 7
        margin      | 100       | -50           | 250            | 100  | 1   | -0.5 | 2.5
        """,
    )


@pytest.mark.parametrize(("margin", "cost", "known"), [(None, 100, [True, True, False]), (0.5, 0, [False] * 3)])
def test_unknown_lines_are_missing_not_zero(margin, cost, known):
    """Without a margin the third line is missing; without a cost no line has a value."""
    found = money.returns(gross_revenue=1000, incremental=money.Amount(4, 1, 7), margin=margin, cost=cost)
    assert found["roi"].notna().tolist() == known


def test_no_comparison_leaves_only_the_gross_line():
    """Without an increment only gross revenue over cost is known."""
    found = money.returns(gross_revenue=1000, incremental=money.NOTHING_KNOWN, margin=0.5, cost=100)
    assert found["roi"].notna().tolist() == [True, False, False]


def test_cost_per_increment_turns_the_interval_round():
    """More increment, less cost each: the ends of the interval swap."""
    assert money.cost_per_increment(cost=100, increment=money.Amount(20, 10, 50)) == (5, 2, 10)


@pytest.mark.parametrize("increment", [money.Amount(20, -1, 50), money.Amount(-5, -9, -1), money.NOTHING_KNOWN])
def test_cost_per_increment_needs_a_sure_increment(increment):
    """When the increment may be zero or less, its price has no upper end, so none is shown."""
    assert pd.isna(money.cost_per_increment(cost=100, increment=increment).value)


def test_break_even_revenue():
    """At a margin of a quarter, four yuan of revenue carry one of cost."""
    assert money.break_even(cost=100, margin=0.25) == 400
    assert pd.isna(money.break_even(cost=100, margin=None))
