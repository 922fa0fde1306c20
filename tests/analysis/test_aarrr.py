"""The AARRR line: five numbers of one period, each over users who could have shown it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings

from opsbook.analysis import aarrr, growth
from small_company import COMPANIES, START, Company, day, number, weeks

SETTLED = day(59)


def line(company: Company, place: int = 4, *, settled_through=SETTLED) -> pd.DataFrame:
    days, users = company.user_days(), company.users()
    flows = growth.growth_accounting(days, users, periods=weeks(), data_start=START, settled_through=settled_through)
    table = aarrr.aarrr(days, users, period=weeks()[place], growth=flows, settled_through=settled_through)
    return table.set_index("metric")


@settings(max_examples=10, deadline=None)
@given(COMPANIES)
@example(Company({0: frozenset({1, 28})}, {}))
def test_every_number_equals_counting_by_hand(company):
    """Each share is the one that sets of users give; no order in all the data is no record of orders."""
    actual, now = line(company), weeks()[4]
    first, last = number(now.start), number(now.end)
    active, previous = company.active(first, last), company.active(first - 7, first - 1)
    new = {u for u in company.people if company.known(u) and first <= company.life(u) <= last}
    again = {u for u in new if any(0 < d - company.life(u) <= 7 for d in company.visits.get(u, ()))}
    payers = {u for u in active if any(first <= d <= last and d % 3 == 0 for d in company.visits[u])}
    revenue = sum(10 * (first <= d <= last and d % 3 == 0) for days in company.visits.values() for d in days)
    sells = any(d % 3 == 0 for days in company.visits.values() for d in days)
    someone_invited = any(user % 4 == 0 for user in company.people)
    expected = {
        "new_users": (len(new), len(new)),
        "activated": (len(again) / len(new) if new else np.nan, len(new)),
        "retained": (len(active & previous) / len(previous) if previous else np.nan, len(previous)),
        "paying": (len(payers) / len(active), len(active)) if sells and active else (np.nan, 0),
        "arpu": (revenue / len(active), len(active)) if sells and active else (np.nan, 0),
        "arppu": (revenue / len(payers) if payers else np.nan, len(payers)),
        "invited": (sum(u % 4 == 0 for u in new) / len(new) if new and someone_invited else np.nan,
                    len(new) if someone_invited else 0),
    }  # fmt: skip
    for metric, (value, n) in expected.items():
        assert actual.loc[metric, "value"] == pytest.approx(value, nan_ok=True), metric
        assert actual.loc[metric, "n"] == n, metric


def test_only_new_users_whose_week_is_over_count_for_activation():
    """A user who signed up yesterday has not failed to come back."""
    company = Company({1: frozenset({28, 29}), 2: frozenset({33})}, {1: 28, 2: 33})
    row = line(company, settled_through=day(36)).loc["activated"]
    assert (row["value"], row["n"]) == (1.0, 1)
    assert line(company, settled_through=day(34)).loc["activated", "n"] == 0


def test_count_and_mean_have_their_textbook_intervals():
    """Ten new users have Garwood's 4.80 to 18.39; the revenue per user has its normal interval."""
    ten = aarrr._poisson(10)
    assert (ten.low, ten.high) == pytest.approx((4.7954, 18.3904), abs=1e-4)
    mean = aarrr._mean(4, 10.0, 30.0)
    assert (mean.value, mean.low) == pytest.approx((2.5, 2.5 - 1.959963984540054 * (5 / 3 / 4) ** 0.5))


def test_data_without_any_inviter_leave_referral_blank():
    """No inviter anywhere means not recorded, not a share of zero."""
    row = line(Company({1: frozenset({28, 30})}, {1: 28})).loc["invited"]
    assert np.isnan(row["value"])
    assert row["n"] == 0


def test_documented_columns_come_back_even_from_nothing():
    """Nobody: six lines, missing shares."""
    table = line(Company({})).reset_index()
    assert table["metric"].tolist() == [
        "new_users", "activated", "retained", "paying", "arpu", "arppu", "arppu_capped", "invited",
    ]  # fmt: skip
    assert table["value"].notna().tolist() == [True] + [False] * 7
    assert all(name in aarrr.aarrr.__doc__ for name in table)


def test_capped_mean_counts_no_payer_beyond_the_percentile(table):
    """Of 2,000 payers one paid 100,000: the capped mean takes it down to the 99.9th percentile, ARPPU does not."""
    amounts = [10.0] * 1999 + [100_000.0]
    days = pd.DataFrame({"user": range(2000), "day": pd.Timestamp(START), "orders": 1, "revenue": amounts})
    _paying, arpu, arppu, capped = aarrr._revenue(days, weeks()[0], 10)
    assert arppu.value == arpu.value == pytest.approx(np.mean(amounts))
    limit = np.quantile(amounts, 0.999)
    assert capped.value == pytest.approx(np.minimum(amounts, limit).mean(), abs=1e-6)
    assert capped.high - capped.low < 0.01 < arppu.high - arppu.low


def test_few_payers_show_no_mean():
    """Below min_cell payers their mean revenue would be somebody's amount."""
    days = pd.DataFrame({"user": range(20), "day": pd.Timestamp(START), "orders": [1] * 5 + [0] * 15, "revenue": 3.0})
    paying, _arpu, arppu, capped = aarrr._revenue(days, weeks()[0], 10)
    assert (paying.value, arppu.n) == (0.25, 5)
    assert np.isnan(arppu.value)
    assert np.isnan(capped.value)


def metrics(**values: tuple[float, float, float, int, str]) -> pd.DataFrame:
    rows = [(name, *told) for name, told in values.items()]
    return pd.DataFrame(rows, columns=["metric", "value", "low", "high", "n", "unit"])


def test_changes_are_those_of_the_textbooks_and_few_are_claimed():
    """A share changes by Newcombe's interval, money by the root of summed squares; Holm decides what is clear."""
    now = metrics(paying=(0.8, 0.7, 0.9, 70, "share"), arpu=(10.0, 9.0, 11.0, 500, "money"),
                  new_users=(400, 0, 0, 400, "users"))  # fmt: skip
    base = metrics(paying=(0.6, 0.5, 0.7, 80, "share"), arpu=(9.5, 8.5, 10.5, 500, "money"),
                   new_users=(100, 0, 0, 100, "users"))  # fmt: skip
    table = aarrr.aarrr_changes(now, base).set_index("metric")
    assert tuple(table.loc["paying", ["change_low", "change_high"]]) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert table.loc["arpu", "change_low"] == pytest.approx(0.5 - 2**0.5)
    assert table.loc["new_users", "change_high"] == pytest.approx(300 + 1.959963984540054 * 500**0.5)
    assert table["clear"].to_dict() == {"paying": True, "arpu": False, "new_users": True}
    assert table["compared"].eq(3).all()
    assert not aarrr.aarrr_changes(now, base, comparable=False)["clear"].any()


def test_no_change_is_claimed_against_a_period_that_is_not_covered():
    """The base must lie inside the data and this period must be settled."""
    now, base = weeks()[2], weeks()[1]
    assert aarrr.comparable(base, now, data_start=START, settled_through=SETTLED)
    assert not aarrr.comparable(base, now, data_start=now.start, settled_through=SETTLED)
    assert not aarrr.comparable(base, now, data_start=START, settled_through=base.end)


def test_interval_of_arppu_covers_the_truth_when_payers_are_redrawn():
    """Over 300 draws of 300 skewed amounts the interval holds the true mean about 95 times in 100."""
    rng, covered = np.random.default_rng(12), 0
    for _trial in range(300):
        drawn = rng.gamma(1.5, 40, 300)
        mean = aarrr._mean(300, drawn.sum(), (drawn**2).sum())
        covered += mean.low <= 60 <= mean.high
    assert 0.91 <= covered / 300 <= 0.98
