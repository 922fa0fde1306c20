"""Guardrails hold, break, or cannot be told; and whom a campaign was for against whom it was shown to."""

import ibis
import pytest

from opsbook.analysis import guardrail, targeting
from opsbook.inputs.campaign import Guardrail

INCREMENTS = """
    metric  | window | method | relative | relative_low | relative_high
    revenue | during | cuped  | 0.50     | 0.40         | 0.60
    revenue | net    | plain  | 0.90     | 0.80         | 1.00
    revenue | net    | cuped  | -0.01    | -0.015       | 0.01
    orders  | net    | cuped  | -0.10    | -0.15        | -0.05
    buyers  | net    | plain  | -0.02    | -0.06        | 0.02
"""


def outcome(table, **told: object) -> str:
    return guardrail.check(table(INCREMENTS), [Guardrail(**told)])["outcome"].iloc[0]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"metric": "revenue", "worst": -0.02}, "held"),
        ({"metric": "revenue", "worst": -0.012}, "cannot_tell"),
        ({"metric": "orders", "worst": -0.04}, "broken"),
        ({"metric": "buyers", "worst": -0.05}, "cannot_tell"),
        ({"metric": "orders", "worst": 0.0, "direction": "lower"}, "held"),
        ({"metric": "revenue", "worst": 0.0, "direction": "lower"}, "cannot_tell"),
        ({"metric": "active_days", "worst": -0.5}, "cannot_tell"),
    ],
)
def test_a_guardrail_is_held_or_broken_only_by_the_whole_interval(table, told, expected):
    """The net effect counts, with its CUPED interval; a metric nobody measured, or an interval astride, is not told."""
    assert outcome(table, **told) == expected


def test_no_guardrails_no_rows(table):
    """A campaign without guardrails has none to check."""
    assert list(guardrail.check(table(INCREMENTS), [])) == guardrail.COLUMNS


def test_audience_and_reach_overlap_by_hand(table, same):
    """Three were meant, two of them shown it; a third was shown it without being meant, too few to tell at two."""
    people = ibis.memtable(table("user | in:campaign_audience\n1 | true\n2 | true\n3 | true\n4 | false"))
    members = ibis.memtable(table("""
        user | exposed | participated
        1    | true    | false
        2    | true    | true
        3    | false   | true
        4    | true    | false
    """))  # fmt: skip
    found = targeting.targeted(people, members, exposures_known=True)
    same(found, """
        audience | shown | share_shown | outside | share_outside
        3        | 2     | 0.66666667  | 1       | 0.33333333
    """, atol=1e-7)  # fmt: skip
    hidden = targeting.targeted(people, members, exposures_known=True, min_cell=2)
    same(hidden, "audience | shown | outside\n3 | – | –")
    blind = targeting.targeted(people, members, exposures_known=False)
    same(blind, "audience | shown | outside | share_outside\n3 | 2 | 0 | 0")
    assert targeting.targeted(people.drop("in:campaign_audience"), members, exposures_known=True).empty
