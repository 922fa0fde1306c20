"""Histories counted, models by cohort, and the forecast against what came."""

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import bg_nbd, cohort_models, customer_value, gamma_gamma, purchase_patterns

START, SPLIT, END = date(2026, 1, 1), date(2026, 2, 19), date(2026, 4, 10)
FEW = settings(max_examples=10, deadline=None)
ORDERS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 105), st.integers(-2000, 9000)), max_size=60)


def frame(orders) -> pd.DataFrame:
    table = pd.DataFrame(orders, columns=["user", "age", "cents"]).astype("int64")
    days = pd.Timestamp(START) + pd.to_timedelta(table["age"], unit="D")
    return pd.DataFrame({"user": table["user"], "day": days, "net": table["cents"] / 100,
                         "is_purchase": table["cents"] > 0})  # fmt: skip


def users(earlier=()) -> pd.DataFrame:
    first = [pd.Timestamp("2025-06-01") if user in earlier else pd.Timestamp("2026-01-01") for user in range(9)]
    return pd.DataFrame({"user": range(9), "first_day": first, "life_start": "signup"})


def counted(orders, people=None, **told) -> pd.DataFrame:
    until = {"through": SPLIT, "seen_through": END, "data_start": START} | told
    return purchase_patterns.purchase_patterns(frame(orders), users() if people is None else people, **until)


def by_hand(orders) -> Counter:
    """(frequency, recency, age, later, recent) of every customer in plain Python."""
    split, last, found = (SPLIT - START).days, (END - START).days, Counter()
    for user in {who for who, _age, _cents in orders}:
        days = sorted({age for who, age, cents in orders if who == user and cents > 0 and age <= last})
        known = [day for day in days if day <= split]
        if known:
            recent = sum(day > split - (last - split) for day in known[1:])
            history = (len(known) - 1, known[-1] - known[0], split - known[0], len(days) - len(known), recent)
            found[history] += 1
    return found


@FEW
@given(ORDERS)
def test_histories_equal_sorting_days_by_hand(orders):
    """For random orders the patterns, later orders and recent orders are those of plain Python."""
    table, expected = counted(orders), by_hand(orders)
    histories: Counter = Counter()
    sums = np.zeros(5)
    for (x, recency, age, later, recent), n in expected.items():
        histories[(x, recency, age)] += n
        sums += n * np.array([later, later**2, recent, recent**2, recent * later])
    keys = zip(table["frequency"], table["recency_days"], table["age_days"], strict=True)
    assert dict(zip(keys, table["customers"], strict=True)) == dict(histories)
    names = ["later_orders", "later_squares", "recent_orders", "recent_squares", "recent_later"]
    np.testing.assert_array_equal(table[names].sum(), sums)
    days = purchase_patterns.later_days(frame(orders), through=SPLIT, seen_through=END)
    assert len(days) == (END - SPLIT).days
    assert days["orders"].sum() == sums[0]


@FEW
@given(ORDERS)
def test_names_order_twins_and_the_future_do_what_they_must(orders):
    """Renaming, shuffling and orders after the end change nothing; twins double every count."""
    whole = counted(orders)
    later = frame([*orders, (3, 120, 500)]).sample(frac=1, random_state=2).assign(user=lambda t: 8 - t["user"])
    until = {"through": SPLIT, "seen_through": END, "data_start": START}
    pd.testing.assert_frame_equal(purchase_patterns.purchase_patterns(later, users(), **until), whole)
    twins = [*orders, *((user + 100, age, cents) for user, age, cents in orders)]
    double = counted(twins)
    assert (double["customers"] == 2 * whole["customers"]).all()
    np.testing.assert_allclose(double["spend"], 2 * whole["spend"])


def test_customers_from_before_the_data_are_a_cohort_of_their_own(table, same):
    """Two orders of a day are one; the quarter of the first order names the cohort; refunds lower no frequency."""
    orders = [(0, 0, 1000), (0, 0, 500), (0, 20, 3000), (0, 20, -3000), (1, 5, 100)]
    same(
        counted(orders, users(earlier=[1])),
        """
        cohort  | frequency | recency_days | age_days | customers | repeat_orders | valued | spend
        2026-Q1 | 1         | 20           | 49       | 1         | 1             | 1      | 30
        earlier | 0         | 0            | 44       | 1         | 0             | 0      | 0
    """,
    )
    values = purchase_patterns.repeat_values(frame([*orders, (2, 1, 500), (2, 9, 1)]).assign(
        net=lambda t: t["net"].where(t["net"] != 0.01, 0.0)), through=SPLIT)  # fmt: skip
    assert values[["frequency", "mean_value"]].to_numpy().tolist() == [[1, 0.0], [1, 30.0]]


def test_small_classes_are_joined_with_the_last(table):
    """Classes are single numbers until one is too small; the open class holds the rest."""
    patterns = table("""
        frequency | customers
        0         | 50
        1         | 30
        2         | 3
        3         | 9
        9         | 4
    """)
    classes = purchase_patterns.frequency_classes(patterns, min_cell=10)
    assert classes.astype(str).tolist() == ["0", "1", "2+", "2+", "2+"]
    assert purchase_patterns.frequency_classes(patterns, min_cell=20).astype(str).tolist()[-1] == "1+"
    assert purchase_patterns.frequency_classes(patterns, min_cell=999).astype(str).unique().tolist() == ["0+"]


def shop(rng: np.random.Generator, customers: int, cohort: str = "2026-Q1") -> pd.DataFrame:
    """Patterns of a company that follows the model: 200 days learnt, 100 days after."""
    rate, leave, age = rng.gamma(0.8, 1 / 30, customers), rng.beta(0.8, 3, customers), rng.integers(60, 200, customers)
    times = rng.exponential(1, (customers, 200)).cumsum(axis=1) / np.maximum(rate, 1e-9)[:, None]
    stays = np.arange(200)[None, :] < rng.geometric(leave.clip(1e-9))[:, None]
    seen, after = (times <= age[:, None]) & stays, (times > age[:, None]) & (times <= age[:, None] + 100) & stays
    recent = seen & (times > age[:, None] - 100)
    x, later, lately = seen.sum(axis=1), after.sum(axis=1), recent.sum(axis=1)
    last = np.where(seen, times, 0).max(axis=1)
    return pd.DataFrame({
        "cohort": cohort, "frequency": x, "recency_days": last, "age_days": age, "customers": 1, "repeat_orders": x,
        "later_orders": later, "later_squares": later**2, "recent_orders": lately, "recent_squares": lately**2,
        "recent_later": lately * later, "valued": (x > 0).astype(int), "spend": np.where(x > 0, 20.0, 0.0),
    })  # fmt: skip


@pytest.fixture(scope="module")
def cohorts():
    """Two cohorts of one company."""
    rng = np.random.default_rng(12)
    patterns = pd.concat([shop(rng, 900), shop(rng, 700, "2026-Q2")], ignore_index=True)
    return cohort_models.fit_cohorts(patterns, min_repeat_customers=100)


def test_the_forecast_of_a_company_that_follows_the_model_passes(cohorts):
    """Foretold total and classes lie near what came, and the model beats the same again."""
    score = customer_value.holdout_score(cohorts, days=100).set_index("forecast")
    assert score.loc["model", "low"] <= score.loc["model", "actual"] <= score.loc["model", "high"]
    assert score.loc["model", "customer_error"] < score.loc["again", "customer_error"]
    classes = purchase_patterns.frequency_classes(cohorts.patterns, min_cell=30)
    table = customer_value.holdout_by_class(cohorts, classes, days=100)
    assert table["actual"].between(table["low"], table["high"]).mean() >= 0.7
    assert (table["customers"] * table["expected"]).sum() == pytest.approx(score.loc["model", "orders"])
    track = customer_value.holdout_over_time(cohorts, pd.DataFrame({"day_number": range(1, 101), "orders": 5}))
    assert track["expected"].iloc[-1] == pytest.approx(score.loc["model", "orders"])
    assert track["expected"].dropna().is_monotonic_increasing
    each = cohort_models.per_customer(cohorts, 100)
    miss = np.sqrt(((each - cohorts.patterns["later_orders"]) ** 2).mean())
    assert score.loc["model", "customer_error"] == pytest.approx(miss)


def test_value_is_orders_times_value_of_an_order(cohorts):
    """Without spread between customers' means the total value is orders x value; classes add up to all."""
    values = pd.DataFrame({"frequency": [1, 2, 3, 4] * 50, "mean_value": np.linspace(15, 25, 200), "customers": 3})
    fit = cohort_models.fit_values(values, min_repeat_customers=100)
    classes = purchase_patterns.frequency_classes(cohorts.patterns)
    table = customer_value.future_by_class(cohorts, classes, fit, days=90)
    parts, whole = table.iloc[:-1], table.iloc[-1]
    assert parts["total_orders"].sum() == pytest.approx(whole["total_orders"])
    assert parts["total_value"].sum() == pytest.approx(whole["total_value"])
    assert whole["total_value"] == pytest.approx(20 * whole["total_orders"], rel=0.05)
    assert (table["orders_low"] < table["orders"]).all()
    assert parts.loc[0, "share_alive"] == 1
    blank = customer_value.future_by_class(cohorts, classes, None, days=90)
    assert blank["total_value"].isna().all()
    assert all(name in customer_value.future_by_class.__doc__ for name in blank)


def test_small_cohorts_are_joined_and_too_few_customers_have_no_model():
    """A cohort without enough repeat customers joins its neighbour; a company without them has no fit."""
    rng = np.random.default_rng(3)
    patterns = pd.concat([shop(rng, 900, "2026-Q1"), shop(rng, 30, "2026-Q2")], ignore_index=True)
    joined = cohort_models.fit_cohorts(patterns, min_repeat_customers=100)
    assert list(joined.fits) == ["2026-Q1 – 2026-Q2"]
    assert joined.usable
    few = cohort_models.fit_cohorts(shop(rng, 50), min_repeat_customers=500)
    assert not few.usable
    assert not few.unsettled
    classes = purchase_patterns.frequency_classes(few.patterns)
    assert customer_value.holdout_score(few, days=9).empty
    assert customer_value.holdout_by_class(few, classes, days=9).empty
    assert customer_value.future_by_class(few, classes, None, days=9).empty
    assert customer_value.holdout_over_time(few, pd.DataFrame({"day_number": [1], "orders": [1]})).empty


def test_a_likelihood_without_a_top_is_not_used():
    """Customers who order with clockwork and never leave do not settle, and there is no model of them."""
    clockwork = shop(np.random.default_rng(1), 400).assign(frequency=10, recency_days=100.0, age_days=100)
    stuck = cohort_models.fit_cohorts(clockwork, min_repeat_customers=10)
    assert stuck.unsettled
    assert not stuck.usable
    assert cohort_models.parameters(stuck).empty


def test_new_customers_of_each_cohort_keep_their_own_parameters(cohorts):
    """The table of parameters has four rows per model, each inside its interval."""
    table = cohort_models.parameters(cohorts)
    assert len(table) == 4 * len(cohorts.fits)
    assert table["value"].between(table["low"], table["high"]).all()
    assert all(name in cohort_models.parameters.__doc__ for name in table)
    assert set(table["parameter"]) == set(bg_nbd.NAMES)


def test_too_few_values_have_no_value_model():
    """Few repeat customers, or only worthless orders, give no Gamma-Gamma."""
    values = pd.DataFrame({"frequency": [1, 2], "mean_value": [0.0, 10.0], "customers": [500, 5]})
    assert cohort_models.fit_values(values, min_repeat_customers=100) is None
    assert gamma_gamma.NAMES == ("p", "q", "gamma")


def test_half_of_the_data_is_held_back_at_most_39_weeks():
    """Settings split the data in half, nine months at most, and watch payback for a window half as long."""
    from opsbook.inputs.value import Subscription, ValueSettings

    split, days = ValueSettings().split(date(1997, 1, 1), date(1998, 6, 30))
    assert (split, days) == (date(1997, 9, 30), 273)
    assert ValueSettings(holdout_days=30).split(START, END)[0] == END - timedelta(days=30)
    assert ValueSettings().payback_days(START, START + timedelta(days=399)) == 180
    assert ValueSettings().acquired(START, START + timedelta(days=399))["end"] == START + timedelta(days=220)
    with pytest.raises(ValueError, match="ltv_days must rise"):
        ValueSettings(ltv_days=(60, 30))
    with pytest.raises(ValueError, match="grace_days 20 must be less than half"):
        Subscription(cycle_days=30, grace_days=20)
