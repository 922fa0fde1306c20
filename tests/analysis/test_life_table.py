"""Who is at risk on each day of a counted table, with delayed entry."""

import pytest
from hypothesis import given

import survival_data as data
from opsbook.analysis import life_table


@data.LAWS
@given(data.users(late=True))
def test_delayed_entry_agrees_with_a_count_by_hand(rows):
    """At risk on a day are exactly the users who entered before it (or at 0) and have not left before it."""
    table = life_table.life_table(data.counted(rows))
    for day, at_risk in zip(table["duration_days"], table["at_risk"], strict=True):
        watched = ((rows["entry_days"] < day) | (rows["entry_days"] == 0)) & (rows["duration_days"] >= day)
        assert at_risk == watched.sum()


def test_a_user_is_not_at_risk_before_entering(table, same):
    """Somebody who could be seen from day 2 on neither counts nor churns before day 3."""
    same(
        life_table.life_table(
            table("""
        entry_days | duration_days | churned | censored
        0          | 2             | 1       | 0
        2          | 5             | 1       | 0
        0          | 5             | 0       | 1
    """)
        ),
        """
        duration_days | at_risk | churned | censored
        2             | 2       | 1       | 0
        5             | 2       | 1       | 1
    """,
    )


def test_a_user_who_leaves_before_entering_is_refused(table):
    """A row whose duration does not exceed its late entry was never at risk, and says so."""
    with pytest.raises(ValueError, match="leave before they enter"):
        life_table.life_table(
            table("""
            entry_days | duration_days | churned | censored
            5          | 5             | 1       | 0
        """)
        )
