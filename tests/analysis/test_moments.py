"""Sums that do not depend on the order of rows."""

import ibis
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import moments


def test_moments_equal_numpy_on_money(table):
    """Mean, variances and covariance counted in the engine equal numpy's on the same rows."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"arm": "a", "x": rng.lognormal(4, 2, 500).round(2), "y": rng.lognormal(4, 1, 500).round(2)})
    units = ibis.memtable(frame)
    row = moments.count_moments(units, by="arm", pairs={"m": (units.x, units.y)}).iloc[0]
    cov = np.cov(frame.x, frame.y)
    np.testing.assert_allclose(
        row[moments.MOMENTS].to_numpy(dtype=float),
        [500, frame.x.sum(), frame.x.mean(), cov[0, 0], frame.y.mean(), cov[1, 1], cov[0, 1]],
        rtol=1e-12,
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_sum_is_the_same_to_the_last_digit_in_any_order(values, shuffler):
    """Shuffling the rows changes no bit of the sum or the variance."""
    mixed = list(values)
    shuffler.shuffle(mixed)
    first, second = (ibis.memtable(pd.DataFrame({"arm": "a", "x": v})) for v in (values, mixed))
    left, right = (moments.count_moments(t, by="arm", pairs={"m": (t.x, t.x)}) for t in (first, second))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def test_one_user_has_a_mean_and_no_variance(table, same):
    """A variance of one user is missing, not zero."""
    units = ibis.memtable(table("arm | x\na | 5"))
    same(
        moments.count_moments(units, by="arm", pairs={"m": (units.x, units.x)}),
        """
        arm | name | users | total | mean | variance
        a   | m    | 1     | 5     | 5    | –
        """,
    )


def test_huge_money_does_not_overflow():
    """A million users with sums of a billion each still have exact squares."""
    units = ibis.memtable(pd.DataFrame({"arm": "a", "x": [1e9, 1e9 + 2.0]}))
    row = moments.count_moments(units, by="arm", pairs={"m": (units.x, units.x)}).iloc[0]
    assert row["variance"] == 2.0
    assert row["total"] == 2e9 + 2


def test_sum_of_no_rows_is_zero():
    """The exact sum of an empty table is 0, not missing."""
    empty = ibis.memtable(pd.DataFrame({"x": pd.Series([], dtype="float64")}))
    assert empty.agg(s=moments.exact_sum(empty.x)).to_pandas()["s"].tolist() == [0.0]
