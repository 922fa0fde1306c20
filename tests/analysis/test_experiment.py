"""Arms, their outcomes before, during and after, and the moments of these."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import experiment

DATES = {"start": date(2026, 3, 2), "end": date(2026, 3, 8), "after_days": 7, "before_days": 7}
ASSIGNMENTS = """
    experiment_id | user | variant   | day
    e             | 1    | treatment | 2026-03-01
    e             | 2    | control   | 2026-03-01
    e             | 3    | treatment | 2026-03-05
    e             | 4    | control   | 2026-03-01
    e             | 4    | treatment | 2026-03-02
    other         | 5    | control   | 2026-03-01
    e             | 6    | control   | 2026-03-20
"""
USER_DAYS = """
    user | day        | orders | revenue
    1    | 2026-02-22 | 9      | 900
    1    | 2026-02-23 | 1      | 10
    1    | 2026-03-02 | 1      | 20
    1    | 2026-03-08 | 0      | 0
    1    | 2026-03-09 | 2      | 40
    1    | 2026-03-16 | 9      | 900
    3    | 2026-03-04 | 1      | 7
    3    | 2026-03-05 | 1      | 8
    4    | 2026-03-05 | 1      | 999
"""


@pytest.fixture
def units(table):
    """Outcomes of the assigned users."""
    return experiment.units(table(ASSIGNMENTS), table(USER_DAYS), experiment_id="e", control="control", **DATES)


def test_every_assigned_user_counts_active_or_not(units, same):
    """Users are the units: silent ones have zeros; those of two variants or assigned after the end are left out."""
    same(
        units.order_by("user").to_pandas(),
        """
        user | arm     | revenue_before | revenue_during | revenue_after | revenue_net | buyers_after
        1    | treated | 10             | 20             | 40            | 60          | 1
        2    | control | 0              | 0              | 0             | 0           | 0
        3    | treated | 0              | 8              | 0             | 8           | 0
        """,
    )


def test_converting_is_counted_in_the_same_windows(table, same):
    """Once or more is one; before the assignment or on a day outside it is not; a day without activity counts too."""
    steps = table(
        """
        user | day        | event
        1    | 2026-02-25 | guide
        1    | 2026-03-08 | guide
        1    | 2026-03-09 | open
        2    | 2026-03-20 | guide
        3    | 2026-03-04 | guide
        3    | 2026-03-10 | guide
        3    | 2026-03-11 | guide
        """
    )
    won = experiment.conversions(steps, ["guide"]).to_pandas()  # as a notebook of one's own holds it
    found = experiment.units(
        table(ASSIGNMENTS), table(USER_DAYS), experiment_id="e", control="control", won=won, **DATES
    )
    same(
        found.order_by("user").to_pandas(),
        """
        user | converted_before | converted_during | converted_after | converted_net | orders_net
        1    | 1                | 1                | 0               | 1             | 3
        2    | 0                | 0                | 0               | 0             | 0
        3    | 0                | 0                | 1               | 1             | 1
        """,
    )
    moments = experiment.arm_moments(found)
    assert set(moments["metric"]) == set(experiment.METRICS)
    assert experiment.conversions(steps, ["order"]) is None


def test_arms_with_exposure(table, same):
    """The exposure log is held against the assignment; users of two variants are counted apart."""
    exposures = table("campaign_id | user\nc | 1\nc | 1\nc | 2\nother | 3")
    same(
        experiment.arms(table(ASSIGNMENTS), exposures, experiment_id="e", campaign_id="c"),
        """
        variant   | users | exposed
        control   | 2     | 1
        treatment | 2     | 1
        """,
    )
    assert experiment.crossed_users(table(ASSIGNMENTS), experiment_id="e") == 1


def test_moments_of_the_engine_equal_numpy():
    """Every mean, variance and covariance with the pre-period equals numpy's on the same users."""
    rng = np.random.default_rng(2)
    users = np.arange(400)
    assigned = pd.DataFrame(
        {
            "experiment_id": "e",
            "user": users,
            "variant": np.where(users % 4 == 0, "control", "treatment"),
            "day": pd.Timestamp("2026-03-01"),
        }
    )
    day = pd.Timestamp("2026-02-23") + pd.to_timedelta(rng.integers(0, 21, 3000), unit="D")
    visits = pd.DataFrame({"user": rng.choice(users, 3000), "day": day}).drop_duplicates()
    visits = visits.assign(orders=rng.poisson(0.5, len(visits)))
    visits = visits.assign(revenue=(visits["orders"] * rng.lognormal(4, 1.5, len(visits))).round(2))
    outcomes = experiment.units(assigned, visits, experiment_id="e", control="control", **DATES)
    rows, found = outcomes.to_pandas(), experiment.arm_moments(outcomes)
    assert len(found) == 2 * (4 * 3 + 2 * 3)
    for _, row in found.iterrows():
        ours, before = capped_columns(rows, row)
        arm = (rows["arm"] == row["arm"]).to_numpy()
        cov = np.cov(ours[arm], before[arm])
        expected = [arm.sum(), ours[arm].mean(), cov[0, 0], before[arm].mean(), cov[1, 1], cov[0, 1]]
        names = ["users", "mean", "variance", "other_mean", "other_variance", "covariance"]
        np.testing.assert_allclose(row[names].to_numpy(dtype=float), expected, rtol=1e-6, atol=1e-9)


def capped_columns(rows, row):
    """Outcome and pre-period of all users, capped at both arms' 99.9th percentile where asked."""
    pair = [rows[f"{row['metric']}_{window}"].to_numpy(dtype=float) for window in (row["window"], "before")]
    return [np.minimum(c, np.quantile(c, 0.999)) if row["capped"] else c for c in pair]


def test_capping_takes_the_one_huge_order_down():
    """One user who orders for a million moves the mean, but hardly the capped mean."""
    users = np.arange(2000)
    assigned = pd.DataFrame(
        {"experiment_id": "e", "user": users, "variant": np.where(users % 2, "treatment", "control")}
    ).assign(day=pd.Timestamp("2026-03-01"))
    revenue = np.where(users == 1, 1e6, 50.0 + users % 7)
    spent = pd.DataFrame({"user": users, "day": pd.Timestamp("2026-03-03"), "orders": 1, "revenue": revenue})
    outcomes = experiment.units(assigned, spent, experiment_id="e", control="control", **DATES)
    found = experiment.arm_moments(outcomes).set_index(["arm", "metric", "window", "capped"])["mean"]
    assert found["treated", "revenue", "during", False] > 1000
    assert found["treated", "revenue", "during", True] < 60


def test_experiment_nobody_is_in(table):
    """An unknown experiment has no arms, no units and no moments."""
    assert experiment.arms(
        table(ASSIGNMENTS), table("campaign_id | user\nc | 1"), experiment_id="<script>", campaign_id="c"
    ).empty
    outcomes = experiment.units(table(ASSIGNMENTS), table(USER_DAYS), experiment_id="none", control="control", **DATES)
    assert list(experiment.arm_moments(outcomes)) == experiment.COLUMNS
    assert experiment.arm_moments(outcomes).empty


def test_empty_tables_give_empty_moments(table):
    """Typed but empty tables fail nowhere."""
    empty = [table(text).iloc[:0] for text in (ASSIGNMENTS, USER_DAYS)]
    outcomes = experiment.units(*empty, experiment_id="e", control="control", **DATES)
    assert experiment.arm_moments(outcomes).empty


def test_arms_that_the_verdict_is_not_about_are_neither_treated_nor_control(table):
    """With primary arms named, a third arm is `other`, and its users are in no moment of the two."""
    rows = table(ASSIGNMENTS.replace("e             | 3    | treatment", "e             | 3    | second   "))
    found = experiment.units(
        rows, table(USER_DAYS), experiment_id="e", control="control", primary=["treatment"], **DATES
    )
    arms = dict(found.order_by("user").select("user", "arm").to_pandas().to_numpy().tolist())
    assert arms == {1: "treated", 2: "control", 3: "other"}


@pytest.mark.parametrize(
    ("through", "days"),
    [(date(2026, 3, 1), (0, 0, 0)), (date(2026, 3, 4), (3, 0, 3)), (date(2026, 3, 10), (7, 2, 9)),
     (date(2026, 9, 1), (7, 7, 14))],
)  # fmt: skip
def test_windows_have_the_days_that_the_data_cover(through, days):
    """During and after count days up to the last settled one, never less than none."""
    found = experiment.window_days(start=DATES["start"], end=DATES["end"], after_days=7, through=through)
    assert tuple(found.values()) == days
