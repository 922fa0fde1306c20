"""Activity per user: bands add up, quantiles are those of sorted lists, intervals hold for any distribution."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import intensity
from small_company import COMPANIES, START, Company, day

SEEN = {"data_start": START, "settled_through": day(59)}
FEW = settings(max_examples=5, deadline=None)
LAST = 55


def active(company: Company) -> pd.DataFrame:
    """user_days with two event groups: `a` events on even days, one `b` event on days that three divides."""
    table = company.user_days()
    number = (table["day"] - pd.Timestamp(START)).dt.days
    a, b = (number % 2 == 0) * (1 + number % 5), (number % 3 == 0).astype("int64")
    return table.assign(n_a=a.astype("int64"), n_b=b, events=(1 + a + b).astype("int64"))


def by_hand(company: Company, first: int, last: int) -> dict[int, dict[str, float]]:
    """The metrics of every user active on the days first..last, by plain loops."""
    people = {user: [d for d in visits if first <= d <= last] for user, visits in company.visits.items()}
    rows = {}
    for user, visits in people.items():
        a = [(d % 2 == 0) * (1 + d % 5) for d in visits]
        b = [int(d % 3 == 0) for d in visits]
        events = sum(1 + x + y for x, y in zip(a, b, strict=True))
        if visits:
            rows[user] = {
                "active_days": len(visits), "actions_per_day": events / len(visits), "a": sum(a), "b": sum(b),
                "features_used": (sum(a) > 0) + (sum(b) > 0), "days_a": sum(x > 0 for x in a), "orders": sum(b),
            }  # fmt: skip
    return rows


def smallest(values: list[float], share: float) -> float:
    """The smallest value at or below which that share of the values lies."""
    return next(v for v in sorted(values) if sum(x <= v for x in values) >= share * len(values) - 1e-9)


@FEW
@given(COMPANIES, st.sampled_from([7, 28]))
def test_quantiles_equal_those_of_sorted_lists(company, window_days):
    """Every metric's quantiles, mean and users above 0 equal those of plain lists, in any order of rows."""
    metrics = ["active_days", "actions_per_day", "features_used", "a", "b", "days_a", "orders"]
    told = {"metrics": metrics, "end": day(LAST), "window_days": window_days}
    table = intensity.metric_quantiles(active(company).sample(frac=1, random_state=1), **told, **SEEN)
    people = by_hand(company, LAST - window_days + 1, LAST)
    assert table["metric"].tolist() == metrics
    for row in table.to_dict("records"):
        values = [person[row["metric"]] for person in people.values()]
        assert row["users"] == len(values)
        assert row["users_any"] == sum(value > 0 for value in values)
        if values:
            assert row["mean"] == pytest.approx(np.mean(values))
            for name, share in intensity.QUANTILES.items():
                assert row[name] == pytest.approx(smallest(values, share))


@FEW
@given(COMPANIES, st.sampled_from([7, 28]))
def test_bands_of_active_days_add_up_to_the_active_users(company, window_days):
    """Every active user is in one age band and one band of days; shares of an age band add up to 1."""
    table = intensity.active_day_bands(
        company.user_days(), company.users(), end=day(LAST), window_days=window_days, **SEEN
    )
    people = by_hand(company, LAST - window_days + 1, LAST)
    assert table["users"].sum() == len(people)
    expected = Counter()
    for user, person in people.items():
        age = LAST - company.life(user)
        starts = {"in_window": 0, "to_90": max(28, window_days), "to_180": 91}
        band = [name for name, start in starts.items() if age >= start][-1] if company.known(user) else "unknown"
        start = max(s for s in intensity.band_starts(window_days) if s <= person["active_days"])
        expected[band, start] += 1
    found = {(row.age_band, row.from_days): row.users for row in table.itertuples() if row.users}
    assert found == dict(expected)
    assert table.groupby("age_band")["share"].sum().to_numpy() == pytest.approx(1)


@FEW
@given(COMPANIES)
def test_breadth_and_frequency_hold_the_users_of_the_earlier_window_once(company):
    """Each cell has the users that sets give, and of them those who came in the later window."""
    table = intensity.breadth_frequency(active(company), end=day(LAST), window_days=14, **SEEN)
    before, now = by_hand(company, LAST - 27, LAST - 14), by_hand(company, LAST - 13, LAST)
    users, back = Counter(), Counter()
    for user, person in before.items():
        start = max(s for s in intensity.band_starts(14) if s <= person["active_days"])
        users[person["features_used"], start] += 1
        back[person["features_used"], start] += user in now
    for row in table.itertuples():
        assert (row.users, row.retained) == (
            users[row.features_used, row.from_days],
            back[row.features_used, row.from_days],
        )
    assert table["users"].sum() == len(before)


@FEW
@given(COMPANIES)
def test_names_and_the_future_do_not_matter_and_twins_double(company):
    """Renaming users or cutting later days changes nothing; twins double users and leave quantiles alone."""
    told = {"metrics": ["active_days", "a"], "end": day(30), **SEEN}
    whole = intensity.metric_quantiles(active(company), **told)
    pd.testing.assert_frame_equal(whole, intensity.metric_quantiles(active(company.renamed()), **told))
    pd.testing.assert_frame_equal(whole, intensity.metric_quantiles(active(company.until(30)), **told))
    twins = intensity.metric_quantiles(active(company.doubled()), **told)
    assert twins["users"].equals(2 * whole["users"])
    assert twins[["p10", "median", "p90", "mean"]].equals(whole[["p10", "median", "p90", "mean"]])


@pytest.mark.parametrize("draw", ["lognormal", "poisson"])
def test_interval_of_the_median_covers_whatever_the_distribution(draw):
    """Over 400 draws the order statistics hold the true median at least 95 times in 100, also with ties."""
    rng = np.random.default_rng(9)
    draws = {"lognormal": (lambda: rng.lognormal(0, 2, 41), 1.0), "poisson": (lambda: rng.poisson(1.3, 41), 1.0)}
    sample, truth = draws[draw]
    covered = 0
    for _trial in range(400):
        value, users = np.unique(sample(), return_counts=True)
        row = intensity._described("x", pd.DataFrame({"value": value, "users": users}), 0.95)
        covered += row["median_low"] <= truth <= row["median_high"]
    assert covered / 400 >= 0.94


def test_small_cells_lose_their_retention_and_empty_ones_go():
    """Fewer than min_cell users: no count of the cell or of those that reveal it; cells of nobody are no rows."""
    company = Company({1: frozenset({30, 50}), 2: frozenset({30}), 3: frozenset({30, 33})})
    table = intensity.breadth_frequency(active(company), end=day(LAST), window_days=14, **SEEN)
    shown = intensity.without_small_cells(table, min_cell=2)
    assert shown[["users", "retained", "share_retained"]].isna().all(axis=None)
    whole = intensity.without_small_cells(table, min_cell=1)
    assert whole["users"].tolist() == [2, 1]
    assert whole["share_retained"].tolist() == [0.5, 0.0]


def test_company_without_event_groups_has_the_metrics_that_exist():
    """Orders only: days and actions per day; with events and groups: breadth, every group and orders."""
    assert intensity.default_metrics([], given={"orders"}) == ["active_days", "actions_per_day"]
    assert intensity.default_metrics(["a", "b"], given={"events", "orders"}) == [
        "active_days", "actions_per_day", "features_used", "a", "b", "orders",
    ]  # fmt: skip
    company = Company({1: frozenset({50, 51})})
    assert intensity.breadth_frequency(company.user_days(), end=day(LAST), window_days=14, **SEEN).empty
    with pytest.raises(ValueError, match="no column n_a"):
        intensity.metric_quantiles(company.user_days(), metrics=["a"], end=day(LAST), **SEEN)


def test_documented_columns_come_back_even_from_nothing():
    """Nobody active: zero users, missing quantiles, and a window that reaches before the data is incomplete."""
    nobody = active(Company({}))
    users = Company({}).users()
    each = intensity.metric_quantiles(nobody, metrics=["active_days", "a"], end=day(3), **SEEN)
    assert each["users"].tolist() == [0, 0]
    assert each["median"].isna().all()
    assert not each["complete"].any()
    bands = intensity.active_day_bands(nobody, users, end=day(LAST), **SEEN)
    cells = intensity.breadth_frequency(nobody, end=day(LAST), window_days=14, **SEEN)
    assert bands.empty
    assert cells["users"].eq(0).all()
    pairs = [
        (intensity.metric_quantiles, each),
        (intensity.active_day_bands, bands),
        (intensity.breadth_frequency, cells),
    ]
    for function, frame in pairs:
        assert all(name in function.__doc__ for name in frame)
