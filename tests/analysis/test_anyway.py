"""Buyers that would have come anyway, what one more cost, and the margin that pays: by hand and against a truth."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import anyway, margins
from opsbook.analysis.proportion import wilson


def increments(*, bought=300, base=20, users=(1000, 100), orders=(120.0, 40.0, 200.0)):
    """Rows of `incrementality.increments` for buyers and for orders."""
    shares = {"treated_users": users[0], "control_users": users[1], "treated": bought / users[0]}
    shares |= {"control": base / users[1], "method": "plain", "metric": "buyers"}
    extra = dict(zip(("total", "total_low", "total_high"), (100.0, 10.0, 180.0), strict=True))
    rows = [shares | extra | {"window": window} for window in ("net", "during")]
    total = dict(zip(("total", "total_low", "total_high"), orders, strict=True))
    return pd.DataFrame([*rows, shares | total | {"metric": "orders", "window": "net", "method": "cuped"}])


def test_buyers_anyway_by_hand():
    """20 of 100 of the control arm bought: of 1,000 treated 200 would have, two thirds of the 300 who did."""
    row = anyway.buyers(increments()).iloc[0]
    low, high = wilson(20, 100)[1:3]
    assert row["window"] == "during"
    assert row[["bought", "anyway", "extra"]].tolist() == pytest.approx([300, 200, 100])
    assert row["share_anyway"] == pytest.approx(2 / 3)
    assert row[["anyway_low", "anyway_high"]].tolist() == pytest.approx([1000 * low, 1000 * high])


def test_intervals_of_buyers_anyway_cover():
    """In 93 to 97 of 100 campaigns the interval holds the number that the true share gives."""
    rng, share, hits = np.random.default_rng(1), 0.23, []
    for count in rng.binomial(160, share, 800):
        row = anyway.buyers(increments(base=int(count), users=(900, 160), bought=250)).iloc[0]
        hits.append(row["anyway_low"] <= 900 * share <= row["anyway_high"])
    assert 0.93 <= np.mean(hits) <= 0.97


@pytest.mark.parametrize(
    ("orders", "case", "price"),
    [
        ((120.0, 40.0, 200.0), "known", [10, 6, 30]),
        ((50.0, -10.0, 110.0), "open", [np.nan, 1200 / 110, np.inf]),
        ((-50.0, -90.0, -10.0), "none", [np.nan] * 3),
    ],
)
def test_the_price_of_one_more_order_has_no_end_where_there_may_be_none(orders, case, price):
    """A cost of 1,200 over the increment: turned over where it is above zero, without limit where it may be 0."""
    row = anyway.prices(increments(orders=orders), cost=1200).set_index("unit").loc["order"]
    assert row["case"] == case
    assert row[["price", "price_low", "price_high"]].astype(float).tolist() == pytest.approx(price, nan_ok=True)


def test_the_interval_of_a_price_is_fiellers():
    """With a numerator without error Fieller's interval is the cost over the ends of the increment."""
    value, error, cost, z = 120.0, 40.0, 1200.0, 1.959963984540054
    a, b, c = value**2 - z**2 * error**2, -2 * cost * value, cost**2
    roots = sorted(np.roots([a, b, c]).real)
    row = anyway.prices(increments(orders=(value, value - z * error, value + z * error)), cost=cost).iloc[1]
    assert [row["price_low"], row["price_high"]] == pytest.approx(roots)


def test_break_even_is_where_the_return_is_zero():
    """Cost 1,000 on 5,000 of incremental revenue: 20 % margin breaks even, 10 % loses, 40 % pays for sure."""
    revenue = (5000.0, 3000.0, 8000.0)
    even = margins.break_even(revenue=revenue, cost=1000)
    assert even.case == "known"
    assert even[:3] == pytest.approx((0.2, 0.125, 1 / 3))
    table = margins.sensitivity(revenue=revenue, cost=1000, margin=0.2).set_index("share_margin")
    assert table.loc[0.2, "roi"] == pytest.approx(0)
    assert table.loc[0.2, "given"]
    assert table.loc[[0.1, 0.2, 0.4], "pays"].tolist() == ["no", "cannot_tell", "yes"]


@pytest.mark.parametrize(
    ("revenue", "cost", "case"),
    [
        ((5.0, -1.0, 9.0), 1.0, "open"),
        ((-5.0, -9.0, -1.0), 1.0, "none"),
        ((np.nan,) * 3, 1.0, "none"),
        ((5.0, 1.0, 9.0), 0.0, "no_cost"),
    ],
)
def test_break_even_is_not_told_where_there_may_be_no_increment(revenue, cost, case):
    """Without a sure increment, or without a cost, no margin breaks even."""
    found = margins.break_even(revenue=revenue, cost=cost)
    assert found.case == case
    assert np.isnan(found.value)


def test_no_cost_makes_no_line_of_margins():
    """Without a cost there is no return to be sensitive."""
    assert margins.sensitivity(revenue=(5.0, 1.0, 9.0), cost=0, margin=None).empty
