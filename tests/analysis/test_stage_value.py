"""What a stage is worth adds up to what all users paid, and its intervals hold."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import stage_value
from opsbook.analysis.stages import STAGES

END = date(2026, 3, 31)
SEEN = {"stages": STAGES, "end": END, "data_start": date(2025, 1, 1), "settled_through": END}
ORDERS = st.lists(st.tuples(st.integers(0, 9), st.integers(-3, 120), st.integers(-500, 20_000)), max_size=40)
HOMES = st.dictionaries(st.integers(0, 9), st.sampled_from(STAGES), max_size=10)


def orders_of(orders: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Orders as (user, days before END, cents); a negative amount is a refund on its own."""
    table = pd.DataFrame(orders, columns=["user", "age", "cents"]).astype("int64")
    day = pd.Timestamp(END) - pd.to_timedelta(table["age"], unit="D")
    return pd.DataFrame(
        {"user": table["user"], "day": day, "net": table["cents"] / 100, "is_purchase": table["cents"] > 0}
    )


def staged_of(homes: dict[int, str]) -> pd.DataFrame:
    frame = pd.DataFrame(sorted(homes.items()), columns=["user", "stage"])
    return frame.astype({"user": "int64", "stage": "str"})


def test_two_mature_buyers_carry_all_the_revenue(table, same):
    """Users who bought nothing count in users and in revenue per user, orders before the window do not."""
    orders = table("""
        user | day        | net | is_purchase
        1    | 2026-03-30 | 60  | true
        1    | 2026-03-01 | 20  | true
        2    | 2026-03-15 | 20  | true
        3    | 2025-06-01 | 500 | true
    """)
    homes = staged_of({1: "mature", 2: "mature", 3: "lost", 4: "lost", 5: "mature"})
    found = stage_value.stage_value(homes, orders, **SEEN)
    same(
        found[found["users"] > 0],
        """
        stage  | users | alive_users | share | buyers | orders | revenue | share_revenue | orders_per_user | revenue_per_user
        mature | 3     | 5           | 0.6   | 2      | 3      | 100     | 1             | 1               | 33.333333333333336
        lost   | 2     | 5           | 0.4   | 0      | 0      | 0       | 0             | 0               | 0
    """,  # noqa: E501 - a typed table reads better whole
    )


@settings(max_examples=6, deadline=None)
@given(ORDERS, HOMES)
def test_stages_hold_what_plain_python_adds_up(orders, homes):
    """Users, buyers, orders and revenue per stage equal a loop over orders; order and later rows do not matter."""
    frame = orders_of(orders).sample(frac=1, random_state=2)
    found = stage_value.stage_value(staged_of(homes), frame, **SEEN).set_index("stage")
    for stage in STAGES:
        members = {user for user, home in homes.items() if home == stage}
        own = [(user, cents) for user, age, cents in orders if user in members and 0 <= age < 90]
        row = found.loc[stage]
        assert row["users"] == len(members)
        assert row["orders"] == sum(cents > 0 for _user, cents in own)
        assert row["buyers"] == len({user for user, cents in own if cents > 0})
        assert row["revenue"] == pytest.approx(sum(cents for _user, cents in own) / 100, abs=1e-6)
    if found["revenue"].sum() > 0:
        assert found["share_revenue"].sum() == pytest.approx(1)


def test_intervals_cover_the_truth_when_users_are_redrawn():
    """Over 300 draws the intervals of the revenue share and of revenue per user hold about 95 times in 100."""
    rng = np.random.default_rng(3)
    shares = means = 0
    trials, users = 300, 600
    for _trial in range(trials):
        mature = rng.random(users) < 0.3
        paid = rng.gamma(1.5, 40, users) * (rng.random(users) < np.where(mature, 0.8, 0.2))
        parts = [paid[mature], paid[~mature]]
        table = pd.DataFrame({"users": [len(part) for part in parts], "revenue": [part.sum() for part in parts]})
        variance = pd.DataFrame({"variance": [part.var(ddof=1) for part in parts]})
        table = stage_value._with_revenue_share(table, variance["variance"], 0.95)
        row = stage_value._with_mean(table, variance, 0.95).iloc[0]
        shares += row["share_revenue_low"] <= 0.3 * 0.8 / (0.3 * 0.8 + 0.7 * 0.2) <= row["share_revenue_high"]
        means += row["revenue_per_user_low"] <= 0.8 * 60 <= row["revenue_per_user_high"]
    assert 0.915 <= shares / trials <= 0.985
    assert 0.915 <= means / trials <= 0.985


def test_documented_columns_come_back_even_from_nothing():
    """Nobody and no orders give zero users and missing shares; a window before the data is incomplete."""
    late = SEEN | {"data_start": date(2026, 3, 1)}
    found = stage_value.stage_value(staged_of({}), orders_of([]), **late)
    assert found["users"].eq(0).all()
    assert found["share_revenue"].isna().all()
    assert not found["complete"].any()
    assert all(name in stage_value.stage_value.__doc__ for name in found)
