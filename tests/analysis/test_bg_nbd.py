"""BG/NBD from counted histories: the published figures, laws, an independent sum, and truths recovered."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln, hyp2f1
from scipy.stats import nbinom

from opsbook.analysis import bg_nbd
from opsbook.analysis.purchase_patterns import purchase_patterns

PUBLISHED = [0.2425946, 4.4136021, 0.7929219, 2.4259065]
TRUTH = (0.6, 4.0, 0.8, 2.5)
FEW = settings(max_examples=10, deadline=None)


def cdnow_rows(path) -> pd.DataFrame:
    """The CDNOW sample as orders; every line counts, also those of no value."""
    raw = pd.read_csv(path, sep=r"\s+", header=None, names=["master", "user", "day", "cds", "net"])
    return raw.assign(day=pd.to_datetime(raw["day"].astype(str)), is_purchase=True)[
        ["user", "day", "net", "is_purchase"]
    ]


def nobody() -> pd.DataFrame:
    return pd.DataFrame({"user": pd.Series([], dtype="int64"), "first_day": pd.Series([], dtype="datetime64[ns]"),
                         "life_start": pd.Series([], dtype="object")})  # fmt: skip


@pytest.fixture(scope="module")
def cdnow(shared):
    """Histories of the sample's customers to 30 September 1997, with what came in the 39 weeks after."""
    orders = cdnow_rows(shared("cdnow_sample.txt.gz"))
    until = {"through": date(1997, 9, 30), "seen_through": date(1998, 6, 30), "data_start": date(1997, 1, 1)}
    return purchase_patterns(orders, nobody(), **until)


@pytest.fixture(scope="module")
def cdnow_fit(cdnow):
    return bg_nbd.fit(cdnow)


def one(frequency: float, recency_weeks: float, age_weeks: float) -> pd.DataFrame:
    return pd.DataFrame({
        "frequency": [frequency], "recency_days": [7 * recency_weeks], "age_days": [7 * age_weeks], "customers": [1],
    })  # fmt: skip


def simulated(rng: np.random.Generator, users: int, truth=TRUTH, weeks: float = 52.0) -> pd.DataFrame:
    """Customers of the model itself, watched for 26 to 52 weeks; one row each."""
    r, alpha, a, b = truth
    rate, leave, age = rng.gamma(r, 1 / alpha, users), rng.beta(a, b, users), rng.uniform(weeks / 2, weeks, users)
    gaps = rng.exponential(1, (users, 150)) / np.maximum(rate, 1e-12)[:, None]
    times = gaps.cumsum(axis=1)
    stays = rng.geometric(np.maximum(leave, 1e-12))
    counted = (times <= age[:, None]) & (np.arange(times.shape[1])[None, :] < stays[:, None])
    x = counted.sum(axis=1)
    last = np.where(x > 0, np.where(counted, times, 0).max(axis=1), 0)
    return pd.DataFrame({
        "frequency": x, "recency_days": 7 * last, "age_days": 7 * age, "customers": 1, "rate": rate, "leave": leave,
        "alive": stays > x,
    })  # fmt: skip


def test_cdnow_parameters_and_likelihood_are_the_published_ones(cdnow_fit):
    """Fader, Hardie, Lee 2005: r, alpha, a, b and the log-likelihood of the CDNOW sample, to 1e-4."""
    np.testing.assert_allclose(cdnow_fit.values, PUBLISHED, rtol=1e-5)
    assert cdnow_fit.log_likelihood == pytest.approx(-9582.429207, abs=1e-4)
    assert cdnow_fit.converged
    assert cdnow_fit.n == 2357


def test_cdnow_customer_of_the_paper(cdnow_fit):
    """The customer with x = 2, t_x = 30.43, T = 38.86 expects 1.2259105 orders in 39 weeks and is alive with .7266."""
    assert bg_nbd.expected_orders(one(2, 30.43, 38.86), cdnow_fit.values, days=273)[0] == pytest.approx(1.2259105, 1e-4)
    assert bg_nbd.share_alive(one(2, 30.43, 38.86), cdnow_fit.values)[0] == pytest.approx(0.7266, abs=5e-5)


def test_counted_histories_equal_the_published_summary(cdnow, shared):
    """The patterns of days / 7 are the customers of the published calibration summary: x, t_x and T to a hundredth."""
    summary = pd.read_csv(shared("cdnow_calibration_summary.csv.gz"))
    mine = cdnow.loc[cdnow.index.repeat(cdnow["customers"])]
    mine = mine.assign(t_x=mine["recency_days"] / 7, T=mine["age_days"] / 7).sort_values(["frequency", "t_x", "T"])
    theirs = summary.sort_values(["x", "t_x", "T"])
    assert (mine["frequency"].to_numpy() == theirs["x"].to_numpy()).all()
    np.testing.assert_allclose(np.sort(mine["t_x"]), np.sort(theirs["t_x"]), atol=0.0051)
    np.testing.assert_allclose(np.sort(mine["T"]), np.sort(theirs["T"]), atol=0.0051)


def test_patterns_equal_rows_and_rounding_to_weeks_does_not(cdnow, cdnow_fit):
    """Fitting counts equals fitting a row per customer to 5e-7; whole weeks move the parameters by percents."""
    rows = cdnow.loc[cdnow.index.repeat(cdnow["customers"])].assign(customers=1).sample(frac=1, random_state=3)
    np.testing.assert_allclose(bg_nbd.fit(rows).values, cdnow_fit.values, rtol=5e-7)
    whole = cdnow.assign(**{name: 7 * (cdnow[name] / 7).round() for name in ("recency_days", "age_days")})
    assert np.abs(bg_nbd.fit(whole).values / cdnow_fit.values - 1).max() > 0.01


def test_scaling_time_scales_alpha_and_doubling_customers_changes_nothing(cdnow, cdnow_fit):
    """In days alpha is seven times as large; twice the customers have the same parameters and half the variance."""
    in_days = bg_nbd.fit(cdnow, unit_days=1)
    np.testing.assert_allclose(in_days.values, cdnow_fit.values * [1, 7, 1, 1], rtol=1e-6)
    twice = bg_nbd.fit(cdnow.assign(customers=2 * cdnow["customers"]))
    np.testing.assert_allclose(twice.values, cdnow_fit.values, rtol=1e-6)
    np.testing.assert_allclose(2 * twice.covariance, cdnow_fit.covariance, rtol=1e-4)
    shuffled = bg_nbd.fit(cdnow.sample(frac=1, random_state=5))
    np.testing.assert_allclose(shuffled.values, cdnow_fit.values, rtol=1e-7)


def test_slopes_are_those_of_the_likelihood(cdnow):
    """The analytic gradient equals central differences at several places."""
    histories = bg_nbd._histories(cdnow, 7)
    for values in ([0.2, 4.0, 0.8, 2.4], [2.0, 30.0, 0.05, 9.0], [0.01, 0.5, 5.0, 0.2]):
        slopes = bg_nbd._log_likelihood(np.array(values), histories)[1]
        for place in range(4):
            step = 1e-6 * values[place] * np.eye(4)[place]
            sides = [bg_nbd._log_likelihood(values + sign * step, histories)[0] for sign in (1, -1)]
            assert slopes[place] == pytest.approx((sides[0] - sides[1]) / (2 * step[place]), rel=1e-4)


POSITIVE = st.floats(0.1, 30)


@FEW
@given(
    POSITIVE, POSITIVE, POSITIVE, POSITIVE, st.integers(0, 300), st.floats(0, 60), st.floats(0, 60), st.floats(1, 40)
)
def test_expected_orders_equal_the_sum_over_every_number_of_orders(r, alpha, a, b, x, first, rest, ahead):
    """Mean and mean square equal sums over k of P(at least k orders), far outside what 2F1 can subtract."""
    last = first if x else 0.0
    history = one(x, last, last + rest)
    k = np.arange(1, 20_000)
    among = nbinom.sf(k - 1, r + x, (alpha + last + rest) / (alpha + last + rest + ahead))
    stays = np.exp(betaln(a, b + x + k - 1) - betaln(a, b + x))
    alive = bg_nbd.share_alive(history, (r, alpha, a, b))[0]
    expected = bg_nbd.expected_orders(history, (r, alpha, a, b), days=7 * ahead)[0]
    assert expected == pytest.approx(alive * (among * stays).sum(), rel=1e-5)
    histories = bg_nbd._histories(history, 7)
    chance = bg_nbd._chance(np.array([r, alpha, a, b]), histories, np.array([ahead]))[0, 0]
    square = alive * ((2 * k - 1) * among * stays).sum()
    assert chance == pytest.approx(square - expected**2, rel=1e-4)


def test_expectation_equals_the_closed_form_where_that_is_stable(cdnow_fit):
    """Formula 10 of the paper with 2F1 gives the same for ordinary customers."""
    r, alpha, a, b = cdnow_fit.values
    for x, last, age, ahead in [(1, 5, 30, 39), (4, 20, 38, 10), (10, 38, 38, 52)]:
        odds = a / (b + x - 1) * ((alpha + age) / (alpha + last)) ** (r + x)
        front = (alpha + age) / (alpha + age + ahead)
        series = front ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + age + ahead))
        closed = (a + b + x - 1) / (a - 1) * (1 - series) / (1 + odds)
        found = bg_nbd.expected_orders(one(x, last, age), cdnow_fit.values, days=7 * ahead)[0]
        assert found == pytest.approx(closed, rel=1e-9)


def test_a_equal_to_one_and_newborn_customers_are_ordinary():
    """Where the closed form divides by zero (a = 1) or nothing was seen (T = 0) the expectation is a number."""
    for a in (1.0, 1 + 1e-9, 0.999):
        assert bg_nbd.expected_orders(one(3, 20, 30), (0.5, 5, a, 2), days=70)[0] == pytest.approx(0.5, abs=0.01)
    assert bg_nbd.new_customer_orders((0.5, 5, 1.0, 2), days=70) > 0
    assert bg_nbd.share_alive(one(0, 0, 50), (0.5, 5, 1.0, 2))[0] == 1.0


def test_long_silence_of_a_frequent_buyer_means_gone():
    """The same number of orders is worth less the longer ago the last one was, without overflow."""
    alive = [bg_nbd.share_alive(one(300, 50, age), TRUTH)[0] for age in (50, 51, 60, 5000)]
    assert alive == sorted(alive, reverse=True)
    assert alive[-1] < 1e-100


def test_impossible_histories_are_refused():
    """A last order after the end, or a recency without a repeat order, is an error and no fit."""
    with pytest.raises(ValueError, match="recency_days"):
        bg_nbd.fit(one(0, 3, 10))
    with pytest.raises(ValueError, match="recency_days"):
        bg_nbd.fit(one(2, 11, 10))


def test_customers_who_never_come_back_do_not_settle():
    """Where nobody ordered twice the search ends at a bound and says so."""
    fit = bg_nbd.fit(pd.DataFrame({"frequency": [0, 0], "recency_days": 0, "age_days": [100, 50], "customers": 200}))
    assert not fit.converged


def test_classes_add_up_to_the_whole(cdnow, cdnow_fit):
    """Expected orders by class are those of all customers together, and the variances of chance add up too."""
    classes = (cdnow["frequency"].clip(upper=3)).to_numpy()
    whole = bg_nbd.expected_total(cdnow, cdnow_fit, days=np.array([91, 273]))
    parts = bg_nbd.expected_total(cdnow, cdnow_fit, days=np.array([91, 273]), classes=classes)
    np.testing.assert_allclose(parts.value.sum(axis=0), whole.value[0])
    np.testing.assert_allclose(parts.chance.sum(axis=0), whole.chance[0])
    assert (whole.ends()[0] > whole.seen_ends()[0]).all()


@pytest.mark.slow
def test_intervals_cover_the_truth_they_were_simulated_from():
    """Over 150 simulated companies parameters, expectation and the orders that come lie inside 95 % intervals."""
    rng, trials, days = np.random.default_rng(20260101), 150, 26 * 7.0
    hits = np.zeros(6)
    for _trial in range(trials):
        people = simulated(rng, 1000)
        fit = bg_nbd.fit(people)
        low, high = fit.bounds()
        hits[:4] += (low <= TRUTH) & (high >= TRUTH)
        total = bg_nbd.expected_total(people, fit, days=days)
        true = bg_nbd.expected_orders(people, TRUTH, days=days).sum()
        came = np.minimum(rng.poisson(people["rate"] * days / 7), rng.geometric(people["leave"].clip(1e-12)))
        hits[4] += total.ends()[0][0, 0] <= true <= total.ends()[1][0, 0]
        hits[5] += total.seen_ends()[0][0, 0] <= came[people["alive"]].sum() <= total.seen_ends()[1][0, 0]
    assert (hits / trials >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / trials)).all(), hits / trials
    assert (hits / trials <= 0.995).all(), hits / trials
