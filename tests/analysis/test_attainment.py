"""Goals: attainment, gap and the weighted whole."""

from datetime import date

import ibis
import pandas as pd
import pytest

from opsbook.analysis import attainment
from opsbook.inputs.run_params import Goal


def test_attainment_and_gap_by_direction(table, same):
    """Higher is better: actual / target; lower is better (a cost): target / actual; gap is actual - target."""
    goals = [
        Goal(metric="orders", target=200),
        Goal(metric="cost", target=900, direction="lower", weight=2),
        Goal(metric="revenue", target=1000),
        Goal(metric="exposed", target=50),
    ]
    actual = {"orders": 150, "cost": 1200, "revenue": 1250}
    same(
        attainment.attained(actual, goals),
        """
        metric  | direction | target | actual | attainment | gap | weight | reached
        orders  | higher    | 200    | 150    | 0.75       | -50 | 1      | false
        cost    | lower     | 900    | 1200   | 0.75       | 300 | 2      | false
        revenue | higher    | 1000   | 1250   | 1.25       | 250 | 1      | true
        exposed | higher    | 50     | –      | –          | –   | 1      | false
        """,
    )


def test_overall_caps_each_goal(table):
    """A goal overshot tenfold does not make up for one missed by half."""
    goals = [Goal(metric="orders", target=10), Goal(metric="revenue", target=100, weight=3)]
    assert attainment.overall(attainment.attained({"orders": 100, "revenue": 50}, goals)) == pytest.approx(0.625)


def test_no_goals_is_missing_not_full():
    """Without a goal there is no attainment."""
    table = attainment.attained({"orders": 1}, [])
    assert list(table) == attainment.COLUMNS
    assert pd.isna(attainment.overall(table))


def test_cost_of_nothing_has_no_ratio():
    """A cost goal met with no cost at all is reached; its ratio has no value."""
    row = attainment.attained({"cost": 0.0}, [Goal(metric="cost", target=5, direction="lower")]).iloc[0]
    assert row["reached"]
    assert pd.isna(row["attainment"])


ORDERS = """
    user | day        | net | is_purchase | campaign_id
    1    | 2026-01-10 | 10  | true        | c
    1    | 2026-01-11 | 20  | true        |
    2    | 2026-01-20 | 40  | true        | other
    3    | 2026-01-15 | 80  | true        | three
    1    | 2026-01-21 | 160 | true        | c
    1    | 2026-01-12 | -5  | false       | c
"""
SPAN = {"start": date(2026, 1, 10), "end": date(2026, 1, 20)}


@pytest.mark.parametrize(("campaign", "orders", "revenue"), [("c", 3, 70.0), ("three", 4, 150.0)])
def test_orders_are_those_of_the_reached_and_the_marked(table, campaign, orders, revenue):
    """Purchases of the users reached, and any other that carries the campaign, from start to end."""
    members = ibis.memtable(pd.DataFrame({"user": [1, 2]}))
    found = attainment.orders_and_revenue(table(ORDERS), members, campaign_id=campaign, **SPAN)
    assert found == {"orders": orders, "revenue": revenue}


def test_no_orders_at_all(table):
    """A company without orders has zero orders and zero revenue."""
    members = ibis.memtable(pd.DataFrame({"user": [1, 2]}))
    empty = table(ORDERS).iloc[:0].astype({"is_purchase": bool, "net": float})
    assert attainment.orders_and_revenue(empty, members, campaign_id="c", **SPAN) == {"orders": 0, "revenue": 0}


def test_tables_not_given_are_unknown_not_zero(table):
    """Without exposures or orders their figures are missing; the others are counted."""
    reach = table("exposed | participants | converters\n0 | 7 | 3")
    found = attainment.actual(reach, {"orders": 0.0, "revenue": 0.0}, new_users=2, cost=5.0, given={"events"})
    assert pd.isna([found["exposed"], found["orders"], found["revenue"]]).all()
    assert (found["participants"], found["new_users"], found["cost"]) == (7, 2, 5.0)
