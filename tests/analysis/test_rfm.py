"""RFM groups are keyed by three letters, disjoint and exhaustive, and their revenue adds up."""

from datetime import date, timedelta
from statistics import mean, median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import rfm

AS_OF = date(2026, 3, 31)
FEW = settings(max_examples=15, deadline=None)
ORDERS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 120), st.integers(-500, 20_000)), min_size=0, max_size=60)


def frame(orders: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Orders as (user, days before AS_OF, cents); a negative amount is a refund, not a purchase."""
    table = pd.DataFrame(orders, columns=["user", "age", "cents"]).astype("int64")
    return pd.DataFrame(
        {
            "user": table["user"],
            "day": pd.Timestamp(AS_OF) - pd.to_timedelta(table["age"], unit="D"),
            "net": table["cents"] / 100,
            "is_purchase": table["cents"] > 0,
        }
    )


def buyers_by_hand(orders: list[tuple[int, int, int]], window_days: int) -> dict[int, tuple[int, int, float]]:
    inside = [order for order in orders if order[1] < window_days]
    buyers = {}
    for user in {user for user, _age, cents in inside if cents > 0}:
        own = [(age, cents) for who, age, cents in inside if who == user]
        ages = [age for age, cents in own if cents > 0]
        buyers[user] = (min(ages), len(ages), round(sum(cents for _age, cents in own) / 100, 2))
    return buyers


def keys_by_hand(buyers: dict[int, tuple[int, int, float]], cuts: tuple[float, float, float]) -> dict[int, str]:
    return {
        user: ("H" if r < cuts[0] else "L") + ("H" if f > cuts[1] else "L") + ("H" if m > cuts[2] else "L")
        for user, (r, f, m) in buyers.items()
    }


def test_three_letters_say_recent_often_and_much(table, same):
    """The buyer of yesterday with many large orders is HHH, one of last year with one small order is LLL."""
    orders = table("""
        user | day        | net | is_purchase
        1    | 2026-03-30 | 90  | true
        1    | 2026-03-01 | 80  | true
        1    | 2026-02-01 | 70  | true
        2    | 2025-06-01 | 5   | true
        3    | 2026-03-20 | 10  | true
        3    | 2026-03-21 | 10  | true
    """)
    groups = rfm.rfm_groups(orders, as_of=AS_OF)
    same(
        groups[groups["users"] > 0],
        """
        key | users | buyers | revenue | share_revenue | revenue_per_user
        HHH | 1     | 3      | 240     | 0.9056603774  | 240
        LLL | 2     | 3      | 25      | 0.0943396226  | 12.5
    """,
    )
    assert groups["key"].tolist() == ["HHH", "LHH", "HLH", "LLH", "HHL", "LHL", "HLL", "LLL"]


def test_ties_with_the_cut_are_low(table, same):
    """Where most buyers bought once, once is not often; the number tied is told."""
    orders = table("""
        user | day        | net | is_purchase
        1    | 2026-03-30 | 5   | true
        2    | 2026-03-30 | 5   | true
        3    | 2026-03-30 | 5   | true
        3    | 2026-03-29 | 5   | true
    """)
    same(
        rfm.rfm_cuts(orders, as_of=AS_OF),
        """
        measure      | cut | buyers | high_users | tied_users
        recency_days | 1   | 3      | 0          | 3
        orders       | 1   | 3      | 1          | 2
        revenue      | 5   | 3      | 1          | 2
    """,
    )


@FEW
@given(ORDERS, st.sampled_from(["median", "mean", "value"]), st.sampled_from([30, 365]))
def test_groups_equal_sorting_buyers_by_hand(orders, cut, window_days):
    """For every cut and window the groups hold the buyers and the revenue that plain Python finds."""
    values = {"recency_days": 20.0, "orders": 2.0, "revenue": 100.0}
    buyers = buyers_by_hand(orders, window_days)
    middle = {"median": median, "mean": mean}.get(cut)
    columns = list(zip(*buyers.values(), strict=True)) or [(), (), ()]
    cuts = tuple(middle(column) if buyers else np.nan for column in columns) if middle else tuple(values.values())
    keys = keys_by_hand(buyers, cuts)
    table = rfm.rfm_groups(frame(orders), as_of=AS_OF, window_days=window_days, cut=cut, values=values)
    for row in table.itertuples():
        members = [user for user, key in keys.items() if key == row.key]
        assert row.users == len(members)
        assert row.revenue == pytest.approx(sum(buyers[user][2] for user in members))
    assert table["users"].sum() == len(buyers)
    if buyers and table["revenue"].sum() > 0:
        assert table["share_revenue"].sum() == pytest.approx(1)


@settings(max_examples=6, deadline=None)
@given(ORDERS)
def test_order_names_and_the_future_do_not_matter_and_twins_double(orders):
    """Shuffling rows or renaming users changes nothing, orders after as_of are not read, twins double every group."""
    whole = rfm.rfm_groups(frame(orders), as_of=AS_OF)
    later = frame([*orders, (3, -5, 99_999)])
    shuffled = later.sample(frac=1, random_state=7).assign(user=lambda t: 100 - t["user"])
    pd.testing.assert_frame_equal(whole, rfm.rfm_groups(shuffled, as_of=AS_OF))
    twins = rfm.rfm_groups(frame([*orders, *((user + 50, age, cents) for user, age, cents in orders)]), as_of=AS_OF)
    assert (twins["users"] == 2 * whole["users"]).all()
    np.testing.assert_allclose(twins["revenue"], 2 * whole["revenue"])


def test_interval_of_a_revenue_share_covers_the_truth_when_buyers_are_redrawn():
    """Over 200 draws of buyers the interval holds the true revenue share about 95 times in 100."""
    rng = np.random.default_rng(11)
    money = rng.gamma(1.5, 60, 200_000)
    truth, covered = money[money > 100].sum() / money.sum(), 0
    for _trial in range(200):
        drawn = rng.gamma(1.5, 60, 400)
        squares = [(drawn[part] ** 2).sum() for part in (drawn > 100, drawn <= 100)]
        groups = pd.DataFrame({
            "key": ["HHH", "HHL"],
            "users": [(drawn > 100).sum(), (drawn <= 100).sum()],
            "revenue": [drawn[drawn > 100].sum(), drawn[drawn <= 100].sum()],
            "squares": squares,
        })  # fmt: skip
        row = rfm._valued(groups).iloc[0]
        covered += row["share_revenue_low"] <= truth <= row["share_revenue_high"]
    assert 0.91 <= covered / 200 <= 0.985


def test_refunds_lower_revenue_but_are_no_orders():
    """A refunded buyer keeps the order and loses the money."""
    orders = frame([(1, 3, 1000), (1, 2, -400)])
    buyer = rfm.rfm_buyers(orders, as_of=AS_OF).to_pandas().iloc[0]
    assert (buyer["recency_days"], buyer["orders"], float(buyer["revenue"])) == (3, 1, 6.0)


def test_window_holds_exactly_its_days():
    """An order 29 days ago lies in a window of 30 days, one 30 days ago does not."""
    day_before = AS_OF - timedelta(days=30)
    assert rfm.rfm_buyers(frame([(1, 29, 100)]), as_of=AS_OF, window_days=30).count().to_pandas() == 1
    assert rfm.rfm_buyers(frame([(1, 30, 100)]), as_of=AS_OF, window_days=30).count().to_pandas() == 0
    assert rfm.rfm_buyers(frame([(1, 30, 100)]), as_of=day_before, window_days=1).count().to_pandas() == 1


def test_missing_business_value_is_an_error():
    """A cut by value needs all three values."""
    with pytest.raises(ValueError, match="orders, revenue"):
        rfm.rfm_groups(frame([(1, 1, 100)]), as_of=AS_OF, cut="value", values={"recency_days": 3})


def test_documented_columns_come_back_even_from_nothing():
    """Nobody bought: eight groups of zero users, missing shares, missing cuts."""
    groups, cuts = rfm.rfm_groups(frame([]), as_of=AS_OF), rfm.rfm_cuts(frame([]), as_of=AS_OF)
    assert groups["users"].eq(0).all()
    assert groups["share_users"].isna().all()
    assert cuts["cut"].isna().all()
    assert all(name in rfm.rfm_groups.__doc__ for name in groups)
    assert all(name in rfm.rfm_cuts.__doc__ for name in cuts)
