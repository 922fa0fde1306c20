"""A campaign against the last one of its type: by hand, against R and other libraries, and what is left out."""

import numpy as np
import pytest
from scipy import stats

from opsbook.analysis import last_time

COUNTED = """
    channel | recorded | exposed | participants | converters | orders | revenue | orders_variance | revenue_variance
    push    | true     | 600     | 300          | 120        | 150    | 9000    | 0.5             | 400
    text    | true     | 400     | 150          | 60         | 70     | 3900    | 0.4             | 300
    unknown | false    | 0       | 10           | 0          | 0      | 0       | –               | –
"""
THEN = """
    channel | recorded | exposed | participants | converters | orders | revenue | orders_variance | revenue_variance
    push    | true     | 800     | 320          | 150        | 170    | 9750    | 0.5             | 500
"""


def test_reach_rates_and_value_by_hand(table, same):
    """Users change by a factor, rates by points, value per converter by an amount; unrecorded people join no rate."""
    found = last_time.compare(table(COUNTED), table(THEN), cost=1380.0, last_cost=640.0)
    same(found[["measure", "this", "last", "change"]], """
        measure              | this               | last  | change
        exposed              | 1000               | 800   | 0.25
        participants         | 460                | 320   | 0.4375
        participation        | 0.45               | 0.4   | 0.05
        conversion           | 0.391304347826087  | 0.46875 | -0.077445652173913
        value_per_converter  | 71.66666666666667  | 65    | 6.66666666666667
        cost_per_participant | 3                  | 2     | 0.5
    """)  # fmt: skip
    cost = found[found["measure"] == "cost_per_participant"].iloc[0]
    assert np.isnan([cost["low"], cost["high"]]).all()


def test_the_ratio_of_two_counts_has_the_exact_interval(table):
    """1,000 against 800: the interval of R's poisson.test(c(1000, 800)), 1.137883 to 1.373506."""
    row = last_time.compare(table(COUNTED), table(THEN), cost=0, last_cost=0).iloc[0]
    assert (1 + row["low"], 1 + row["high"]) == pytest.approx((1.137883, 1.373506), abs=1e-6)


def test_value_is_compared_over_the_converters_of_all_channels(table):
    """The variance is that of all converters together, and the interval Welch's, as scipy has it."""
    rng = np.random.default_rng(3)
    groups = [rng.gamma(2, 30, 40), rng.gamma(2, 45, 25)]
    then = rng.gamma(2, 33, 50)
    now = (
        table(COUNTED)
        .iloc[:2]
        .assign(
            converters=[40, 25],
            revenue=[g.sum() for g in groups],
            revenue_variance=[g.var(ddof=1) for g in groups],
        )
    )
    last = table(THEN).assign(converters=50, revenue=then.sum(), revenue_variance=then.var(ddof=1))
    row = last_time.compare(now, last, cost=0, last_cost=0).set_index("measure").loc["value_per_converter"]
    expected = stats.ttest_ind(np.concatenate(groups), then, equal_var=False).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected))


def test_what_either_campaign_lacks_is_left_out(table):
    """Without exposures there is no reach and no participation; without participants then, no comparison at all."""
    blind = table(THEN).assign(exposed=np.nan)
    found = last_time.compare(table(COUNTED).assign(exposed=np.nan), blind, cost=0, last_cost=5)
    assert found["measure"].tolist() == ["participants", "conversion", "value_per_converter"]
    assert last_time.compare(table(COUNTED), table(THEN).iloc[:0], cost=1, last_cost=1).empty
    nobody = table(THEN).assign(participants=0, converters=0, revenue=0)
    assert last_time.compare(table(COUNTED), nobody, cost=1, last_cost=1).empty
