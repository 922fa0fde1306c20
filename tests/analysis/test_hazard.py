"""The risk of leaving by age, from counted durations."""

from opsbook.analysis import hazard


def test_hazard_counts_user_days(table, same):
    """The risk per day is churned users over user-days watched, in bands of days."""
    same(
        hazard.hazard(
            table("""
        duration_days | churned | censored
        1             | 1       | 0
        3             | 0       | 1
    """),
            every_days=2,
            horizon_days=4,
        ),
        """
        from_day | to_day | user_days_at_risk | churned | hazard_per_day
        0        | 1      | 4                 | 1       | 0.25
        2        | 3      | 2                 | 0       | 0
    """,
    )
