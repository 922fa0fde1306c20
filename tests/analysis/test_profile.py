"""TGI and standardised differences: against other libraries, by hand, and by simulation."""

import ibis
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import Table2x2

from opsbook.analysis import profile


def people(rows: list[tuple[bool, str | None, int]]) -> ibis.Table:
    """Rows of (in the group, city, how many such users)."""
    table = pd.DataFrame(rows, columns=["group", "city", "n"])
    whole = table.loc[table.index.repeat(table["n"])].reset_index(drop=True)
    return ibis.memtable(whole[["group", "city"]].astype({"city": "string"}).assign(user=range(len(whole))))


CITIES = [(True, "a", 30), (True, "b", 70), (False, "a", 60), (False, "b", 340)]


def cities(rows=CITIES, **asked):
    return profile.attributes(people(rows), group="group", columns=["city"], **asked)


def test_tgi_against_everyone_and_against_the_rest(same):
    """30 % of the group live in a, of everyone 18 %, of the rest 15 %: TGI 166.7 and 200."""
    columns = ["attribute", "value", "own_users", "rest_users", "share_group", "share_comparison", "tgi", "tested"]
    same(
        cities()[columns],
        """
        attribute | value | own_users   | rest_users | share_group | share_comparison | tgi           | tested
        city      | b     | 70          | 340        | 0.7         | 0.82             | 85.3658536585 | 2
        city      | a     | 30          | 60         | 0.3         | 0.18             | 166.666666667 | 2
        """,
    )
    assert cities(against="rest").set_index("value").loc["a", "tgi"] == pytest.approx(200)


def test_interval_against_the_rest_is_the_risk_ratio_of_statsmodels():
    """The log interval of a ratio of two shares, as Table2x2.riskratio_confint gives it."""
    row = cities(against="rest").set_index("value").loc["a"]
    low, high = Table2x2([[30, 70], [60, 340]]).riskratio_confint()
    assert (row["tgi_low"], row["tgi_high"]) == pytest.approx((100 * low, 100 * high), rel=1e-9)


def test_p_value_is_the_chi_square_of_scipy():
    """The pooled test of two shares is chi-square without correction."""
    assert cities().set_index("value").loc["a", "p"] == pytest.approx(
        stats.chi2_contingency([[30, 70], [60, 340]], correction=False).pvalue, rel=1e-9
    )


def test_interval_against_everyone_has_the_delta_method_covariance():
    """To first order the interval is that of log(p) - log(w p + (1 - w) q) with the two terms correlated."""
    n, base, p, q = 4e6, 9e6, 0.3, 0.2
    weight = n / (n + base)
    mixed = weight * p + (1 - weight) * q
    slopes = 1 / p - weight / mixed, -(1 - weight) / mixed
    error = np.sqrt(slopes[0] ** 2 * p * (1 - p) / n + slopes[1] ** 2 * q * (1 - q) / base)
    value, low, high = profile.index(*map(np.array, (p * n, n, q * base, base)), against="everyone")
    assert np.log(high / low) / 2 / 1.959964 == pytest.approx(error, rel=1e-4)
    assert value == pytest.approx(100 * p / mixed)


@pytest.mark.parametrize("against", ["everyone", "rest"])
def test_interval_covers_the_truth_at_its_level(against):
    """Of 4,000 simulated companies about 95 % of intervals hold the true TGI, also for a group that is half of all."""
    random = np.random.default_rng(7)
    for n, base, p, q in ((200, 2000, 0.12, 0.25), (600, 600, 0.30, 0.10)):
        k, base_k = random.binomial(n, p, 4000), random.binomial(base, q, 4000)
        weight = n / (n + base) if against == "everyone" else 0
        truth = 100 * p / (weight * p + (1 - weight) * q)
        sizes = np.full(4000, n), np.full(4000, base)
        _value, low, high = profile.index(k, sizes[0], base_k, sizes[1], against=against)
        assert 0.935 <= np.mean((low <= truth) & (truth <= high)) <= 0.965


def test_taking_the_parts_for_independent_would_be_too_wide():
    """A group that is half of everyone: the naive interval is far longer than the right one."""
    _value, low, high = profile.index(*map(np.array, (300.0, 1000.0, 200.0, 1000.0)), against="everyone")
    naive = np.sqrt((1 - 0.3) / 300 + (1 - 0.25) / 500) * 2 * 1.959964
    assert np.log(high / low) < 0.8 * naive


@pytest.mark.parametrize("tail", ["counts", "heavy"])
def test_standardised_difference_covers_the_truth_at_its_level(tail):
    """About 95 % of intervals hold the true difference, for counts and for skewed amounts alike."""
    random, hits = np.random.default_rng(11), 0
    sizes = np.asarray(300.0), np.asarray(1200.0)
    draw = (lambda m, n: random.poisson(m, n)) if tail == "counts" else (lambda m, n: random.gamma(1.2, m / 1.2, n))
    variance = (lambda m: m) if tail == "counts" else (lambda m: m**2 / 1.2)
    truth = (3 - 2) / np.sqrt((variance(3) + variance(2)) / 2)
    for _repeat in range(1500):
        sides = [draw(mean, int(n)).astype(float) for mean, n in ((3, sizes[0]), (2, sizes[1]))]
        moments = [(x.mean(), x.var(), ((x - x.mean()) ** 3).mean(), ((x - x.mean()) ** 4).mean()) for x in sides]
        _d, low, high = profile.standardised(*[tuple(map(np.asarray, m)) for m in moments], sizes)
        hits += low <= truth <= high
    assert 0.93 <= hits / 1500 <= 0.97


def test_standardised_differences_of_behaviour_by_hand():
    """Means, their distance in standard deviations, and Welch's p, from plain numpy."""
    random = np.random.default_rng(3)
    values = np.concatenate([random.poisson(5, 80), random.poisson(3, 200)]).astype(float)
    group = np.repeat([True, False], [80, 200])
    table = ibis.memtable(pd.DataFrame({"group": group, "orders": values}))
    row = profile.behaviours(table, group="group", columns=["orders"]).iloc[0]
    one, two = values[group], values[~group]
    assert row["standardised"] == pytest.approx((one.mean() - two.mean()) / np.sqrt((one.var() + two.var()) / 2))
    assert row["p"] == pytest.approx(2 * stats.norm.sf(abs(one.mean() - two.mean()) / np.hypot(
        one.std() / np.sqrt(80), two.std() / np.sqrt(200))), rel=1e-6)  # fmt: skip
    assert (row["mean_group"], row["mean_rest"]) == pytest.approx((one.mean(), two.mean()))


def test_small_values_are_pooled_so_that_none_can_be_worked_out():
    """Values of few users on either side join the smallest large one; the pool keeps that one's name."""
    table = cities([*CITIES, (True, "c", 2), (False, "c", 5), (True, None, 3), (False, None, 1)])
    assert table[["value", "pooled"]].to_numpy().tolist() == [["b", False], ["a", True]]
    assert table.set_index("value").loc["a", "own_users"] == 35


def test_many_values_are_pooled_as_other():
    """The largest values are shown, the others together."""
    rows = [(side, f"c{place:02d}", 40 + place) for place in range(12) for side in (True, False)]
    table = cities(rows, most=4)
    assert table["value"].tolist() == ["c11", "c10", "c09", "c08"]
    assert table["pooled"].tolist() == [False, False, False, True]


def test_an_attribute_without_variety_has_no_row():
    """Where everybody has the same value there is nothing to compare; an empty answer has all columns."""
    table = cities([(True, "a", 40), (False, "a", 50)])
    assert table.empty
    assert list(table) == list(cities())


def test_a_group_of_few_has_no_profile():
    """A group, or its complement, below min_cell is not described."""
    table = ibis.memtable(pd.DataFrame({"group": [True] * 5 + [False] * 50, "orders": 1.0}))
    assert profile.behaviours(table, group="group", columns=["orders"]).empty
    assert cities([(True, "a", 3), (True, "b", 4), (False, "a", 30), (False, "b", 30)]).empty


def test_both_orders_of_the_same_rows_give_the_same_bytes():
    """Row order changes nothing."""
    frame = people(CITIES).to_pandas()
    turned = ibis.memtable(frame.iloc[::-1].reset_index(drop=True))
    asked = {"group": "group", "columns": ["city"]}
    pd.testing.assert_frame_equal(profile.attributes(people(CITIES), **asked), profile.attributes(turned, **asked))
