"""Simulated campaigns whose truth we chose: intervals cover it, and null campaigns are hardly ever called working."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import incrementality, means, money, verdict
from opsbook.analysis.moments import stacked

DATASETS, USERS, CONTROL = 300, 2500, 500
MARGIN, AMOUNT = 0.35, 80.0
COVERAGE_DATASETS = 1500
MEAN_AMOUNT = AMOUNT * float(np.exp(-0.36 + 0.85**2 / 2))
TRUTH = {"during": 0.24, "after": -0.24, "net": 0.0}
WINDOWS = {"before": 0.8, "during": 0.4, "after": 0.8}


def orders_of(rng, *, during=0.0, after=0.0):
    """Orders per user before, during and after, users of very different rates; treated are the later rows."""
    rate = rng.gamma(1.5, 1 / 1.5, USERS)
    lift = {"before": 0.0, "during": during, "after": after}
    treated = np.arange(USERS) >= CONTROL
    return {name: rng.poisson(rate * mean * (1 + treated * lift[name])) for name, mean in WINDOWS.items()}


def revenue_of(rng, orders):
    """Money of each user's orders, heavy-tailed."""
    return {name: AMOUNT * count * rng.lognormal(-0.36, 0.85, USERS) for name, count in orders.items()}


def moments_of(values):
    """Arm moments of metric -> window -> user values, capped at the 99.9th percentile of both arms."""
    rows = []
    for metric, windows in values.items():
        windows = {**windows, "net": windows["during"] + windows["after"]}
        for cap in (False, True):
            capped = {name: np.minimum(v, np.quantile(v, 0.999)) if cap else v for name, v in windows.items()}
            for window in ("during", "after", "net"):
                for arm, users in (("control", slice(0, CONTROL)), ("treated", slice(CONTROL, None))):
                    pair = stacked(capped[window][users], capped["before"][users])
                    total = pair.n * pair.mean
                    rows.append([arm, metric, window, cap, pair.n, total, *pair[1:]])
    names = ["users", "total", "mean", "variance", "other_mean", "other_variance", "covariance"]
    return pd.DataFrame(rows, columns=["arm", "metric", "window", "capped", *names])


def reviewed(rng, **lifts):
    """Increments and verdict of one simulated campaign that cost 3 per treated user."""
    orders = orders_of(rng, **lifts)
    moments = moments_of({"orders": orders, "revenue": revenue_of(rng, orders)})
    found = incrementality.increments(moments)
    revenue = money.Amount(*incrementality.total(found, metric="revenue"))
    cost = 3.0 * (USERS - CONTROL)
    returns = money.returns(gross_revenue=0.0, incremental=revenue, margin=MARGIN, cost=cost)
    health = pd.DataFrame(
        {"check": ["sample_ratio", "balance"], "measured": [0.5, 0.5], "limit": 0.001, "outcome": "passed"}
    )
    asked = {"comparison": "holdout", "primary_metric": "orders", "worthwhile_lift": 0.2, "has_before": True}
    facts = verdict.gathered(found, health, returns, **asked, days_since_end=28, after_days=28)
    return found, verdict.decide(facts)


@pytest.fixture(scope="module")
def null_campaigns():
    """Reviews of campaigns that do nothing."""
    rng = np.random.default_rng(11)
    return [reviewed(rng) for _ in range(DATASETS)]


@pytest.fixture(scope="module")
def pulled_forward():
    """Reviews of campaigns that move orders from after to during, so that the truth of net is zero."""
    rng = np.random.default_rng(12)
    return [reviewed(rng, during=0.6, after=-0.3) for _ in range(DATASETS)]


@pytest.fixture(scope="module")
def coverage():
    """Share of simulated pull-forward campaigns whose interval covers the truth, by metric, window and method."""
    rng = np.random.default_rng(14)
    drawn = [covered(rng) for _ in range(COVERAGE_DATASETS)]
    return pd.DataFrame(drawn).mean()


def covered(rng):
    """Whether each interval of one campaign holds what was simulated."""
    orders = orders_of(rng, during=0.6, after=-0.3)
    found = {}
    for metric, values, unit in (("orders", orders, 1.0), ("revenue", revenue_of(rng, orders), MEAN_AMOUNT)):
        values = {**values, "net": values["during"] + values["after"]}
        for window, truth in TRUTH.items():
            parts = (slice(CONTROL, None), slice(CONTROL))
            arms = [stacked(values[window][part], values["before"][part]) for part in parts]
            for method, (treated, control) in (("plain", [arm.own for arm in arms]), ("cuped", means.cuped(*arms))):
                difference = means.welch(treated, control)
                found[metric, window, method] = difference.low <= truth * unit <= difference.high
    return found


@pytest.mark.parametrize("method", ["plain", "cuped"])
@pytest.mark.parametrize("metric", ["orders", "revenue"])
@pytest.mark.parametrize("window", ["during", "after", "net"])
def test_intervals_cover_the_truth(coverage, metric, window, method):
    """The intervals of differences during, after and net cover what was simulated in 93 to 97 of 100 campaigns."""
    assert 0.93 <= coverage[metric, window, method] <= 0.97


def test_null_campaigns_are_hardly_ever_called_working(null_campaigns):
    """At most 5 % of campaigns that do nothing get keep or improve, and at most 5 % harmful."""
    said = [decision.conclusion for _, decision in null_campaigns]
    assert np.mean([word in ("keep", "improve") for word in said]) <= 0.05
    assert np.mean([word == "harmful" for word in said]) <= 0.05
    assert np.mean([word == "no_effect" for word in said]) >= 0.8


def test_pull_forward_is_seen_through(pulled_forward):
    """Campaigns that only move orders are not kept, although their gain during is sure nearly always."""
    said = [decision for _, decision in pulled_forward]
    assert np.mean([decision.conclusion in ("keep", "improve") for decision in said]) <= 0.05
    assert np.mean([decision.rule == "pulled_forward" for decision in said]) >= 0.8


def test_working_campaigns_are_kept():
    """Campaigns that add nearly as many orders again and keep them are found and kept nearly always."""
    rng = np.random.default_rng(13)
    said = [reviewed(rng, during=0.9)[1].conclusion for _ in range(60)]
    assert np.mean([word == "keep" for word in said]) >= 0.9


def test_cuped_narrows_the_interval(null_campaigns):
    """Taking the days before out of the noise makes the interval of orders clearly narrower."""
    key = ["metric", "window", "method"]
    widths = pd.concat([found.set_index(key).eval("high - low") for found, _ in null_campaigns])
    widths = widths.groupby(level=key).mean()
    assert widths["orders", "net", "cuped"] < 0.95 * widths["orders", "net", "plain"]
