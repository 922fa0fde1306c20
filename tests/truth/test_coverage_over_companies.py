"""Many simulated companies: intervals of the main headlines cover the truth as often as they say."""

import pandas as pd
import pytest

from company_intervals import all_intervals, company

SEEDS = range(101, 107)
USERS = 2_500


@pytest.mark.slow
def test_headline_intervals_cover_the_truth_over_many_companies(tmp_path):
    """Over six companies, 95 % intervals cover the truth in nine of ten cases or more, and no quantity fails often.

    False churn, survival of all and by channel, restricted mean, hazard ratios of falling silent, and the net
    increments of the three randomised campaigns.
    """
    rows = pd.concat([all_intervals(company(tmp_path / str(seed), seed=seed, users=USERS)) for seed in SEEDS])
    rows["covered"] = rows["truth"].between(rows["low"], rows["high"])
    each = rows.groupby("what")["covered"].agg(["sum", "size"])
    assert len(rows) >= 150
    assert rows["covered"].mean() >= 0.90, each
    assert (each["sum"] >= each["size"] - 2).all(), each
