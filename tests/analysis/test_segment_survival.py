"""Segments side by side: their mean days, and which of them are shown."""

import numpy as np

import survival_data as data
from opsbook.analysis import segment_survival


def test_lung_cancer_restricted_means(shared):
    """NCCTG lung: restricted mean to 365 days by sex with the Greenwood-integral s.e., to 1e-8 (R survival 3.5)."""
    lung = data.lung(shared("ref_lung.csv.gz"))
    means = segment_survival.restricted_means(lung, by="sex", horizon_days=365).set_index("sex").loc[["1", "2"]]
    np.testing.assert_allclose(means["days"], [241.495085192, 297.465409532], atol=1e-8)
    np.testing.assert_allclose(means["standard_error"], [10.3582264911, 10.7913239788], atol=1e-8)


def test_small_segments_are_pooled_so_that_none_can_be_subtracted(table, same):
    """A pool of fewer than min_cell users takes the smallest shown segment in."""
    durations = table("""
        duration_days | channel | churned | censored
        1             | ads     | 40      | 0
        1             | search  | 0       | 20
        1             | friends | 2       | 1
    """)
    same(
        segment_survival.largest_segments(durations, by="channel", min_cell=10),
        """
        duration_days | channel | churned | censored
        1             | ads     | 40      | 0
        1             | other   | 2       | 21
    """,
    )
