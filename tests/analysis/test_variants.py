"""Several variants, Holm over them, and strata: by hand, against statsmodels, on worlds whose truth was chosen."""

import ibis
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from opsbook.analysis import variants
from opsbook.mart.tables import engine_table


def units(random, *, lifts, users=400, strata=False):
    """One row per user as `experiment.units` gives them: orders before and net, variants by lot."""
    names = list(lifts)
    chosen = random.integers(0, len(names), users)
    city = random.integers(0, 3, users)
    level = random.gamma(3, 1, users) + 4 * city * strata
    before = random.poisson(level)
    net = random.poisson(level + np.array([lifts[name] for name in names])[chosen])
    variant = np.array(names)[chosen]
    table = pd.DataFrame({"user": np.arange(users), "variant": variant, "city": [f"c{c}" for c in city]})
    table["arm"] = np.where(variant == "control", "control", "treated")
    return engine_table(table.assign(orders_before=before, orders_net=net))


def test_variants_come_best_first_with_holm_over_their_number():
    """Three variants: the true order is found, and the corrected p is the raw one times the variants still in play."""
    table = variants.against_control(
        units(np.random.default_rng(2), lifts={"control": 0, "a": 0.1, "b": 2.0, "c": 1.0}, users=2000),
        control="control",
        metric="orders",
    )
    assert table["variant"].tolist() == ["b", "c", "a"]
    ranked = table.sort_values("p")
    assert (ranked["p_holm"].to_numpy() >= ranked["p"].to_numpy()).all()
    assert ranked["p_holm"].iloc[0] == pytest.approx(min(1, 3 * ranked["p"].iloc[0]))
    assert (table["users"] + table["control_users"] < 2000).all()


def test_without_a_control_nothing_is_compared():
    """Variants alone give an empty table."""
    made = units(np.random.default_rng(2), lifts={"a": 0, "b": 0})
    assert variants.against_control(made, control="control", metric="orders").empty


def test_three_null_variants_are_hardly_ever_claimed():
    """Simulated truth: of 150 experiments whose three variants do nothing, at most about 5 % claim any."""
    random, claimed = np.random.default_rng(4), 0
    for _experiment in range(150):
        made = units(random, lifts={"control": 0, "a": 0, "b": 0, "c": 0}, users=240)
        claimed += (variants.against_control(made, control="control", metric="orders")["p_holm"] <= 0.05).any()
    assert claimed / 150 <= 0.10


def test_post_stratification_is_the_weighted_sum_of_the_strata():
    """The last row is the strata's differences weighted by their users, and narrower than the plain difference."""
    made = units(np.random.default_rng(3), lifts={"control": 0, "b": 1.0}, users=900, strata=True)
    table = variants.post_stratified(made, by="city", metric="orders")
    parts, whole = table.iloc[:-1], table.iloc[-1]
    assert whole["difference"] == pytest.approx((parts["weight"] * parts["difference"]).sum())
    assert parts["weight"].sum() == pytest.approx(1)
    rows = made.to_pandas()
    plain = sm.stats.CompareMeans.from_data(*(rows.loc[rows["arm"] == a, "orders_net"] for a in ("treated", "control")))
    low, high = plain.tconfint_diff(usevar="unequal")
    assert whole["high"] - whole["low"] < high - low
    assert low < whole["difference"] < high


def test_post_stratified_intervals_hold_the_planted_effect():
    """Simulated truth: about 95 of 100 intervals hold the effect of 1 order."""
    random, held = np.random.default_rng(9), []
    for _experiment in range(150):
        made = units(random, lifts={"control": 0, "b": 1.0}, users=300, strata=True)
        whole = variants.post_stratified(made, by="city", metric="orders").iloc[-1]
        held.append(whole["low"] <= 1 <= whole["high"])
    assert 0.90 <= np.mean(held) <= 0.99


def test_a_stratum_without_both_arms_is_left_out():
    """A city that only the control knows adds nothing."""
    made = units(np.random.default_rng(5), lifts={"control": 0, "b": 0}, users=200)
    lonely = made.mutate(city=ibis.ifelse(made.arm == "control", "x", "y"))
    assert variants.post_stratified(lonely, by="city", metric="orders").empty
