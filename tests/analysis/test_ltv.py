"""Observed value and payback: complete cohorts only, equal to adding up by hand, intervals that cover."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import ltv, payback

START, END = date(2026, 1, 1), date(2026, 4, 30)
SEEN = {"data_start": START, "settled_through": END}
FEW = settings(max_examples=8, deadline=None)
PEOPLE = st.lists(st.tuples(st.integers(0, 119), st.booleans()), min_size=1, max_size=12)
ORDERS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 130), st.integers(-3000, 9000)), max_size=40)


def company(people, orders) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Users as (sign-up day of the year, has a sign-up date), orders as (user, day of the year, cents)."""
    day = [pd.Timestamp(START + timedelta(days=number)) for number, _signed in people]
    signed = [when if known else pd.NaT for when, (_day, known) in zip(day, people, strict=True)]
    users = pd.DataFrame({"user": range(len(people)), "signed_up_day": pd.Series(signed, dtype="datetime64[ns]"),
                          "life_start": ["signup" if known else "first_event" for _day, known in people],
                          "channel": ["a" if number % 2 else "b" for number in range(len(people))]})  # fmt: skip
    kept = [order for order in orders if order[0] < len(people)]
    table = pd.DataFrame(kept, columns=["user", "age", "cents"]).astype("int64")
    days = pd.Timestamp(START) + pd.to_timedelta(table["age"], unit="D")
    money = {"net": table["cents"] / 100, "is_purchase": table["cents"] > 0}
    return pd.DataFrame({"user": table["user"], "day": days} | money), users


def by_hand(people, orders, days: int) -> dict[str, list[float]]:
    """Revenue of the first days per user, by complete cohort, in plain Python."""
    cohorts: dict[str, list[float]] = {}
    for user, (number, known) in enumerate(people):
        own = [(age, cents) for who, age, cents in orders if who == user and age <= 119]
        bought = [age for age, cents in own if cents > 0]
        first = number if known else min(bought, default=None)
        if first is None:
            continue
        month = pd.Period(START + timedelta(days=first), "M")
        if (month.end_time.date() + timedelta(days=days - 1)) <= END:
            paid = sum(cents for age, cents in own if max(age - first, 0) < days)
            cohorts.setdefault(str(month), []).append(paid / 100)
    return cohorts


@FEW
@given(PEOPLE, ORDERS, st.sampled_from([1, 30, 60]))
def test_values_equal_adding_up_by_hand(people, orders, days):
    """For random companies every complete cell holds the users and the mean that plain Python finds."""
    table = ltv.observed_ltv(*company(people, orders), windows=[days], **SEEN)
    cohorts = by_hand(people, orders, days)
    found = table[table["complete"] & (table["cohort"] != "all")].set_index("cohort")
    assert set(found.index) == set(cohorts)
    for cohort, paid in cohorts.items():
        assert found.loc[cohort, "users"] == len(paid)
        assert found.loc[cohort, "ltv"] == pytest.approx(np.mean(paid), abs=1e-9)
        if len(paid) > 1:
            assert found.loc[cohort, "ltv_high"] > found.loc[cohort, "ltv"] - 1e-9
    every = [value for paid in cohorts.values() for value in paid]
    whole = table[table["cohort"] == "all"].iloc[0]
    assert whole["users"] == len(every)
    assert np.isnan(whole["ltv"]) if not every else whole["ltv"] == pytest.approx(np.mean(every), abs=1e-9)


@FEW
@given(PEOPLE, ORDERS)
def test_the_curve_passes_through_the_windows(people, orders):
    """Two ways of counting agree: the curve's day 29 is the 30-day window, mean and interval alike."""
    tables = company(people, orders)
    table = ltv.observed_ltv(*tables, windows=[30], **SEEN)
    curve = ltv.ltv_curves(*tables, **SEEN)
    day = curve[curve["age_days"] == 29].set_index("cohort")
    found = table[table["complete"] & (table["cohort"] != "all")].set_index("cohort")
    assert set(day.index) >= set(found.index)
    for name in ("users", "ltv", "ltv_low", "ltv_high"):
        np.testing.assert_allclose(day.loc[found.index, name].astype(float), found[name].astype(float), atol=1e-9)


def test_young_cohorts_are_blank_and_the_future_does_not_matter():
    """A cohort of April has no 30 days by the end of April; later orders, names and row order change nothing."""
    people = [(5, True), (6, True), (100, True)]
    orders = [(0, 10, 1000), (1, 40, 5000), (2, 101, 700)]
    table = ltv.observed_ltv(*company(people, orders), windows=[30], **SEEN).set_index("cohort")
    assert table.loc["2026-01", "ltv"] == 5.0
    assert np.isnan(table.loc["2026-04", "ltv"])
    assert not table.loc["2026-04", "complete"]
    later, users = company(people, [*orders, (0, 125, 99_999)])
    shuffled = later.sample(frac=1, random_state=1).assign(user=lambda t: 50 - t["user"])
    again = ltv.observed_ltv(shuffled, users.assign(user=50 - users["user"]), windows=[30], **SEEN)
    pd.testing.assert_frame_equal(again.set_index("cohort"), table)


def test_users_from_before_the_data_and_small_cohorts_are_left_out():
    """Unknown starts, earlier sign-ups and cohorts under min_cell are in no number, also not in all."""
    orders, users = company([(5, True), (6, True), (40, True)], [(0, 10, 1000), (1, 11, 1000), (2, 41, 800)])
    users = users.assign(life_start=["signup", "signup", "signup"])
    users.loc[1, "signed_up_day"] = pd.Timestamp("2025-12-01")
    table = ltv.observed_ltv(orders, users, windows=[30], **SEEN)
    assert table.set_index("cohort")["users"].to_dict() == {"2026-01": 1, "2026-02": 1, "all": 2}
    unknown = users.assign(signed_up_day=pd.NaT, life_start="unknown")
    assert ltv.observed_ltv(orders, unknown.astype({"signed_up_day": "datetime64[ns]"}), windows=[30], **SEEN)[
        "users"
    ].tolist() == [0]
    assert ltv.observed_ltv(orders, users, windows=[30], min_cell=2, **SEEN)["users"].tolist() == [0]


def test_one_huge_customer_is_cut_beside_the_mean():
    """With two thousand users the capped mean loses most of one giant order, the plain mean keeps it."""
    people = [(number % 28, True) for number in range(2000)]
    orders = [(user, people[user][0], 1000) for user in range(1500)] + [(0, 5, 50_000_000)]
    row = ltv.observed_ltv(*company(people, orders), windows=[30], **SEEN).iloc[-1]
    assert row["ltv"] > 200
    assert row["capped"] < 20
    assert row["capped_low"] < row["capped"] < row["capped_high"]


def test_interval_covers_the_mean_it_was_drawn_from():
    """Over 200 draws of users with many zeros the interval holds the true mean about 95 times in 100."""
    rng, hits = np.random.default_rng(6), 0
    for _trial in range(200):
        paid = rng.binomial(1, 0.4, 400) * rng.gamma(2, 30, 400)
        half = ltv._student_half(np.array([paid.var(ddof=1)]), np.array([400.0]))[0]
        hits += abs(paid.mean() - 0.4 * 60) <= half
    assert 0.91 <= hits / 200 <= 0.985


def test_payback_is_the_first_day_that_covers_the_cost(table, same):
    """Revenue or margin, whichever is compared; a channel that has not earned its cost is not reached."""
    curves = table("""
        channel | age_days | users | ltv | ltv_low | ltv_high
        ads     | 0        | 10    | 1   | 0.5     | 1.5
        ads     | 1        | 10    | 4   | 2       | 6
        ads     | 2        | 10    | 6   | 4       | 8
        free    | 0        | 10    | 9   | 8       | 10
        free    | 1        | 10    | 9   | 8       | 10
        free    | 2        | 10    | 9   | 8       | 10
        all     | 0        | 20    | 5   | 4       | 6
        all     | 1        | 20    | 6   | 5       | 7
        all     | 2        | 20    | 7   | 6       | 8
    """)
    costs = pd.DataFrame({"channel": ["ads", "push"], "cost": [40.0, 20.0]})
    same(
        payback.payback(curves, costs),
        """
        channel | users | cost | cac | earned | horizon_days | payback_days | payback_low | payback_high
        ads     | 10    | 40   | 4   | 6      | 3            | 2            | 2           | 3
        all     | 20    | 60   | 3   | 7      | 3            | 1            | 1           | 1
    """,
    )
    half = payback.payback(curves, costs, margin=0.5).set_index("channel")
    assert np.isnan(half.loc["ads", "payback_days"])
    assert half.loc["all", "payback_days"] == 2
    assert len(payback.payback(curves, costs.head(0))) == 0


def test_costs_of_campaigns_are_not_cost_of_acquisition_unless_told(table):
    """A row with a campaign counts only with campaigns=True; days outside never."""
    costs = table("""
        day        | channel | campaign_id | amount
        2026-01-05 | ads     |             | 10
        2026-01-06 | ads     | spring      | 5
        2026-03-06 | ads     |             | 7
    """).astype({"campaign_id": "string"})
    between = {"start": START, "end": date(2026, 1, 31)}
    assert payback.acquisition_costs(costs, **between)["cost"].tolist() == [10]
    assert payback.acquisition_costs(costs, campaigns=True, **between)["cost"].tolist() == [15]


def test_channels_are_watched_for_the_same_days_and_add_up():
    """By channel only users seen for the horizon count; the last curve is all of them."""
    people = [(0, True), (1, True), (110, True)]
    orders, users = company(people, [(0, 3, 1000), (1, 20, 3000), (2, 111, 9999)])
    curves = ltv.ltv_curves(orders, users, by="channel", horizon_days=30, **SEEN)
    last = curves[curves["age_days"] == 29].set_index("channel")
    assert last["users"].to_dict() == {"a": 1, "b": 1, "all": 2}
    assert last["ltv"].to_dict() == {"a": 30.0, "b": 10.0, "all": 20.0}


def test_documented_columns_come_back():
    """Each table's docstring names its columns, also for nothing."""
    orders, users = company([(5, True)], [(0, 10, 1000)])
    for function in (ltv.observed_ltv, ltv.ltv_curves):
        for given_orders in (orders, orders.head(0)):
            found = function(given_orders, users, **SEEN)
            assert all(name in function.__doc__ or name == "cohort" for name in found)
    assert ltv.observed_ltv(orders.head(0), users.head(0), **SEEN)["users"].eq(0).all()
    assert ltv.ltv_curves(orders.head(0), users.head(0), **SEEN).empty
