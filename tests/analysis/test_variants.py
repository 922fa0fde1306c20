"""Several variants, Holm over them, and strata: by hand, against statsmodels, on worlds whose truth was chosen."""

import ibis
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from opsbook.analysis import incrementality, variants
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


def arms_of(made):
    """Users per variant, as `experiment.arms` counts them."""
    return made.group_by("variant").agg(users=made.count()).order_by("variant").to_pandas()


def test_the_best_arm_is_named_when_it_beats_every_other_one():
    """An arm far ahead is the best; two equal good arms beat the control, but neither is the best."""
    ahead = units(np.random.default_rng(5), lifts={"control": 0, "a": 0.2, "b": 2.0}, users=3000)
    alike = units(np.random.default_rng(6), lifts={"control": 0, "a": 1.5, "b": 1.5}, users=3000)
    asked = {"control": "control", "metric": "orders"}
    found = variants.compared(ahead, arms_of(ahead), **asked)
    assert variants.best(found) == "b"
    assert found.pairs["better"].tolist() == ["b"]
    both = variants.compared(alike, arms_of(alike), **asked)
    assert (both.against["p_holm"] <= 0.05).all()
    assert variants.best(both) == ""


def test_the_best_of_arms_that_do_nothing_is_hardly_ever_named():
    """Simulated truth: of 120 experiments whose three arms do nothing, at most 5 % name a best one."""
    random, named = np.random.default_rng(7), 0
    for _experiment in range(120):
        made = units(random, lifts={"control": 0, "a": 0, "b": 0, "c": 0}, users=240)
        named += bool(variants.best(variants.compared(made, arms_of(made), control="control", metric="orders")))
    assert named / 120 <= 0.05


def test_a_look_before_the_end_asks_more_of_an_arm():
    """At a higher level the intervals are wider and an arm that is just ahead is not called the best."""
    made = units(np.random.default_rng(8), lifts={"control": 0, "a": 0.1, "b": 0.5}, users=1800)
    asked = {"control": "control", "metric": "orders"}
    usual = variants.compared(made, arms_of(made), **asked)
    early = variants.compared(made, arms_of(made), **asked, level=0.99999)
    assert ((early.against["high"] - early.against["low"]) > (usual.against["high"] - usual.against["low"])).all()
    assert variants.best(early, level=0.99999) == ""


def test_two_arms_are_not_several():
    """A control and one variant, or variants without a control, give no table and ask the engine nothing."""
    arms = pd.DataFrame({"variant": ["control", "a"], "users": [5, 5]})
    assert variants.compared(None, arms, control="control", metric="orders").against.empty
    assert variants.best(variants.compared(None, arms, control="none", metric="orders")) == ""


def test_strata_are_read_from_an_attribute_of_users():
    """Joined by user, the strata give one more estimate; a single stratum, or an attribute nobody has, gives none."""
    made = units(np.random.default_rng(3), lifts={"control": 0, "b": 1.0}, users=900, strata=True)
    people = made.select("user", "city").mutate(land=ibis.literal("x"))
    found = variants.stratified(made.drop("city"), people, arms_of(made), by="city", metric="orders")
    whole = variants.post_stratified(made, by="city", metric="orders").iloc[-1]
    assert variants.pooled(found).iloc[0].tolist() == ["post_stratified", *whole[["difference", "low", "high"]]]
    for by in ("land", "nothing"):
        assert variants.stratified(made.drop("city"), people, arms_of(made), by=by, metric="orders").empty


def test_money_is_counted_over_all_treated_arms():
    """With a primary arm the total still covers every treated user; without one it is that of the increments."""
    made = units(np.random.default_rng(9), lifts={"control": 0, "a": 1.0, "b": 1.0}, users=3000)
    asked = {"metric": "orders", "control": "control"}
    rows = pd.DataFrame([["orders", "net", "cuped", 1, 1, *[0.0] * 9, 7.0, 5.0, 9.0]], columns=incrementality.COLUMNS)
    assert variants.total_of_all(made, rows, primary=[], **asked) == (7.0, 5.0, 9.0)
    value, low, high = variants.total_of_all(made, rows, primary=["a"], **asked)
    treated = int(made.filter(made.variant != "control").count().to_pandas())
    assert low <= treated <= high
    assert value == pytest.approx(treated, rel=0.15)
    assert np.isnan(variants.total_of_all(made, rows.iloc[:0], primary=["a"], **asked)).all()
