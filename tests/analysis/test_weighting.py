"""Weights for users who got a campaign by rule: exact balance, a second opinion, simulated truth, placebos."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import experiment, weighting
from opsbook.mart.tables import engine_table

START, END = date(2026, 6, 1), date(2026, 6, 14)
SPAN = {"start": START, "end": END, "after_days": 14}


def counted(random, *, users=3000, effect=0.0, strength=1.0):
    """Cells of users who are treated the more often the more they ordered before; the outcome grows with that too."""
    level = random.gamma(2, 0.7, users)
    orders = random.poisson(level)
    active = np.minimum(orders + random.poisson(2, users), 28)
    chance = 1 / (1 + np.exp(1.5 - 0.6 * strength * np.minimum(orders, 4)))
    treated = random.random(users) < chance
    net = random.poisson(1 + 0.8 * orders) + random.poisson(effect * treated)
    rows = {"treated": treated, "channel": "all", "orders": np.searchsorted(weighting.EDGES["orders"], orders)}
    rows |= {"active_days": np.searchsorted(weighting.EDGES["active_days"], active), "revenue": 0, "tenure": 0}
    frame = pd.DataFrame(rows).assign(users=1)
    for name, values in {"orders": orders, "active_days": active, "revenue": active * 0, "tenure": active * 0}.items():
        frame[f"{name}_sum"], frame[f"{name}_square"] = values.astype(float), values.astype(float) ** 2
    for metric in experiment.METRICS:
        for window in (*experiment.WINDOWS, "earlier"):
            frame[f"{metric}_{window}_sum"], frame[f"{metric}_{window}_square"] = (
                net.astype(float),
                net.astype(float) ** 2,
            )
    return frame.groupby(["treated", "channel", "orders", "active_days", "revenue", "tenure"], as_index=False).sum()


def net_orders(cells, weights, **more):
    found = weighting.effects(cells, weights, **more)
    return found[(found["metric"] == "orders") & (found["window"] == "net")].iloc[0]


def test_weights_balance_what_was_measured():
    """After weighting the means of orders and active days agree to a thousandth of their spread."""
    cells = counted(np.random.default_rng(1))
    balance = weighting.balanced(cells, weighting.balancing_weights(cells)).set_index("covariate")
    assert balance.loc["orders", "gap_before"] > 0.3
    assert balance.loc[["orders", "active_days"], "gap_after"].abs().max() < 1e-3


def test_one_covariate_is_matched_as_by_cells(table):
    """With one binary covariate entropy balancing is weighting the others' cells to the treated users' shares."""
    rows = table("""
        treated | orders | users | orders_sum | y
        true    | 0      | 10    | 0          | 10
        true    | 1      | 30    | 30         | 90
        false   | 0      | 60    | 0          | 30
        false   | 1      | 20    | 20         | 40
    """).assign(channel="all", active_days=0, revenue=0, tenure=0)
    for name in weighting.EDGES:
        rows[f"{name}_sum"] = rows["orders_sum"] if name == "orders" else 0
        rows[f"{name}_square"] = rows[f"{name}_sum"]
    for metric in experiment.METRICS:
        for window in (*experiment.WINDOWS, "earlier"):
            rows[f"{metric}_{window}_sum"], rows[f"{metric}_{window}_square"] = rows["y"], rows["y"] * 4
    weights = weighting.balancing_weights(rows)
    assert (weights * rows["users"])[2:].tolist() == pytest.approx([10, 30], rel=1e-3)
    assert net_orders(rows, weights)["control"] == pytest.approx((10 * 0.5 + 30 * 2) / 40, rel=1e-3)
    assert net_orders(rows, weights)["difference"] == pytest.approx(2.5 - 65 / 40, rel=1e-3)


def test_intervals_hold_the_planted_effect():
    """Simulated truth: 93 to 97 of 100 weighted intervals hold it; without weights hardly any does."""
    random, held, naive = np.random.default_rng(5), [], []
    for _campaign in range(250):
        cells = counted(random, users=800, effect=0.5)
        found = net_orders(cells, weighting.balancing_weights(cells))
        plain = net_orders(cells, np.ones(len(cells)), adjusted=False)
        held.append(found["low"] <= 0.5 <= found["high"])
        naive.append(plain["low"] <= 0.5 <= plain["high"])
    assert 0.93 <= np.mean(held) <= 0.97
    assert np.mean(naive) < 0.2


def world(random, *, users=1500, lift=0.0, hidden=False):
    """Days of users, chosen the more often the more they ordered lately or, if hidden, the heavier buyers they are."""
    days = pd.date_range("2026-02-01", "2026-06-28")
    since = (days - pd.Timestamp(START)).days.to_numpy()
    rate = random.gamma(2, 0.05, users)
    ordered = random.random((users, len(days))) < np.minimum(rate, 1)[:, None]
    lately = ordered[:, (since >= -28) & (since < 0)].sum(axis=1)
    chosen = random.random(users) < np.clip(rate * 3 if hidden else 0.1 + 0.1 * lately, 0.05, 0.8)
    more = (since >= 0) & chosen[:, None] & (random.random(ordered.shape) < lift * rate[:, None])
    who, when = np.nonzero(ordered | more)
    rows = pd.DataFrame({"user": who, "day": days[when], "orders": 1, "revenue": 10.0})
    people = pd.DataFrame({"user": np.arange(users), "entry_day": pd.Timestamp("2026-02-01"), "treated": chosen})
    return engine_table(people.assign(channel="all")), rows


def reviewed(people, rows):
    return weighting.review(people, rows, comparison="weighted", metric="orders", **SPAN)


def test_review_finds_the_effect_and_passes_its_checks():
    """Chosen by what was measured: balance, overlap and the weeks before pass, and the lift is in the interval."""
    found = reviewed(*world(np.random.default_rng(3), users=3000, lift=0.6))
    assert found.checks["outcome"].tolist() == ["passed"] * 3, found.checks
    net = found.increments.query("metric == 'orders' and window == 'net'").iloc[0]
    assert net["relative"] == pytest.approx(0.5, abs=0.15)
    assert net["low"] > 0
    assert found.estimates["difference"].iloc[0] > net["difference"]
    assert found.placebos["metric"].tolist() == ["orders", "revenue", "active_days"]


def test_a_hidden_difference_shows_in_the_weeks_before():
    """Users chosen for what was not measured differ before the weeks that were weighted, and the check says so."""
    found = reviewed(*world(np.random.default_rng(4), users=3000, hidden=True))
    assert found.checks.set_index("check").loc["placebo_before", "outcome"] == "failed"


def test_users_without_their_like_fail_balance_or_overlap():
    """When all heavy users are chosen and no light one, the others cannot be made comparable."""
    cells = counted(np.random.default_rng(6), strength=20)
    weights = weighting.balancing_weights(cells)
    nothing = pd.DataFrame({"p_holm": [0.5]})
    checks = weighting._checks(cells, weights, weighting.balanced(cells, weights), nothing).set_index("check")
    assert "failed" in checks.loc[["covariates", "overlap"], "outcome"].tolist()


def test_another_comparison_counts_nothing():
    """Without marked users, or for another comparison, the review is empty and asks the engine nothing."""
    assert weighting.review(None, None, comparison="did", metric="orders", **SPAN).checks.empty
