"""During, after and net increments against the control arm."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import incrementality
from opsbook.analysis.means import welch
from opsbook.analysis.moments import Moments
from opsbook.analysis.proportion import newcombe

COLUMNS = ["users", "total", "mean", "variance", "other_mean", "other_variance", "covariance"]


def arms(metric, window, treated, control, *, capped=False):
    """Two rows of arm moments from (users, mean, variance, before mean, before variance, covariance)."""
    return [
        [arm, metric, window, capped, n, n * mean, mean, variance, *before]
        for arm, (n, mean, variance, *before) in (("treated", treated), ("control", control))
    ]


def frame(*rows):
    """Arm moments as `experiment.arm_moments` returns them."""
    return pd.DataFrame([row for pair in rows for row in pair], columns=["arm", "metric", "window", "capped", *COLUMNS])


def test_plain_row_is_welch_and_totals_are_per_treated_user():
    """The difference per user is Welch's; the total is that difference times the treated users."""
    found = incrementality.increments(
        frame(arms("orders", "net", (400, 1.5, 4.0, 1.0, 1.0, 0.0), (100, 1.0, 1.0, 1.0, 1.0, 0.0)))
    ).set_index("method")
    expected = welch(Moments(400, 1.5, 4.0), Moments(100, 1.0, 1.0))
    assert tuple(found.loc["plain", ["difference", "low", "high", "p"]]) == pytest.approx(
        (expected.value, expected.low, expected.high, expected.p)
    )
    assert found.loc["plain", "total"] == pytest.approx(200)
    assert found.loc["plain", "relative"] == pytest.approx(0.5)


def test_cuped_corrects_an_arm_that_was_ahead_before():
    """An arm that spent 10 more before and 10 more during has gained nothing."""
    found = incrementality.increments(
        frame(arms("revenue", "during", (500, 60.0, 101.0, 60.0, 100.0, 100.0), (500, 50.0, 101.0, 50.0, 100.0, 100.0)))
    ).set_index("method")
    assert found.loc["plain", "difference"] == 10
    assert found.loc["cuped", "difference"] == pytest.approx(0)


def test_buyers_are_shares_with_newcombe():
    """The share of buyers has Newcombe's interval, and no other method."""
    p = 0.3 * 0.7
    found = incrementality.increments(
        frame(arms("buyers", "during", (200, 0.3, p, 0, 0, 0), (100, 0.2, 0.16, 0, 0, 0)))
    )
    share = newcombe(60, 200, 20, 100)
    assert found["method"].tolist() == ["plain"]
    assert tuple(found.loc[0, ["difference", "low", "high"]]) == pytest.approx(share[:3])


def test_pull_forward_ledger_gains_and_gives_back():
    """A campaign that only moves orders gains during, loses after, and nets about nothing."""
    rows = [
        arms("orders", window, (9000, mean, 1.0, 1.0, 1.0, 0.2), (9000, 1.0, 1.0, 1.0, 1.0, 0.2))
        for window, mean in (("after", 0.8), ("during", 1.2), ("net", 1.0))
    ]
    found = incrementality.ledger(incrementality.increments(frame(*rows)), metric="orders")
    assert found["window"].tolist() == ["during", "after", "net"]
    found = found.set_index("window")
    assert found.loc["during", "low"] > 0
    assert found.loc["after", "high"] < 0
    assert found.loc["net", "low"] < 0 < found.loc["net", "high"]


def test_balance_finds_arms_that_differed_before():
    """The pre-period A/A test fires when the arms were different before the start; p is corrected for the metrics."""
    unequal = arms("orders", "during", (900, 1.0, 1.0, 1.3, 1.0, 0.0), (900, 1.0, 1.0, 1.0, 1.0, 0.0))
    equal = arms("active_days", "during", (900, 1.0, 1.0, 1.0, 1.0, 0.0), (900, 1.0, 1.0, 1.0, 1.0, 0.0))
    found = incrementality.balance(frame(unequal, equal)).set_index("metric")
    assert found.loc["orders", "p"] < 0.001
    assert found.loc["active_days", "p"] == 1
    assert found.loc["orders", "p"] == pytest.approx(2 * welch(Moments(900, 1.3, 1.0), Moments(900, 1.0, 1.0)).p)


def test_capped_rows_are_their_own_methods():
    """Where capped moments are given, four methods stand side by side."""
    moments = (100, 1.0, 1.0, 1.0, 1.0, 0.5), (100, 1.0, 1.0, 1.0, 1.0, 0.5)
    both = frame(arms("revenue", "net", *moments), arms("revenue", "net", *moments, capped=True))
    assert incrementality.increments(both)["method"].tolist() == list(incrementality.METHODS)


@pytest.mark.parametrize("lonely", ["treated", "control"])
def test_one_arm_is_no_comparison(lonely):
    """A single arm gives no increment, no balance and an empty ledger."""
    rows = frame(arms("orders", "net", (5, 1.0, 1.0, 1.0, 1.0, 0.0), (5, 1.0, 1.0, 1.0, 1.0, 0.0)))
    alone = rows[rows["arm"] == lonely]
    assert list(incrementality.increments(alone)) == incrementality.COLUMNS
    assert incrementality.increments(alone).empty
    assert incrementality.balance(alone).empty
    assert incrementality.ledger(incrementality.increments(alone), metric="orders").empty


def test_no_moments_at_all():
    """An experiment without users has no increments."""
    assert incrementality.increments(frame()).empty
    assert incrementality.balance(frame()).empty


def test_numbers_stay_numbers():
    """Counts are whole and estimates are floats, also when some are missing."""
    found = incrementality.increments(frame(arms("orders", "net", (1, 1.0, np.nan, 0, 0, 0), (9, 1.0, 1.0, 0, 0, 0))))
    assert found["treated_users"].dtype == "int64"
    assert found["low"].isna().all()


def test_total_is_the_net_of_the_headline_method():
    """The total of a metric is its net CUPED row; without one it is missing."""
    rows = frame(arms("orders", "net", (400, 1.5, 4.0, 1.0, 1.0, 0.0), (100, 1.0, 1.0, 1.0, 1.0, 0.0)))
    found = incrementality.increments(rows)
    assert incrementality.total(found, metric="orders")[0] == pytest.approx(200)
    assert np.isnan(incrementality.total(found, metric="revenue")).all()


def test_each_comparison_has_one_headline_method(table):
    """CUPED before plain, and did, synthetic DiD or weights where they are the comparison; one row per window."""
    rows = table("""
        metric  | window | method
        orders  | net    | plain
        orders  | net    | cuped
        orders  | net    | capped_cuped
        buyers  | net    | plain
        revenue | net    | capped_did
        revenue | net    | did
    """)
    found = incrementality.headline(rows)
    assert found["method"].tolist() == ["cuped", "plain", "did"]
    assert list(found) == list(rows)
    assert incrementality.headline(rows.iloc[:0]).empty
