"""Gray's test of equal cumulative incidence: R's figures, laws, and what it sees that a log-rank test does not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import survival_data as data
from opsbook.analysis import gray, logrank

FROZEN = json.loads((Path(__file__).parents[1] / "r" / "gray.json").read_text())
NAMES = {"1": "progression", "2": "death"}


@pytest.fixture(scope="module")
def patients(shared):
    """mgus2, one row each, with sex and age band."""
    raw = pd.read_csv(shared("ref_mgus2.csv.gz"))
    days = np.where(raw["pstat"] == 1, raw["ptime"], raw["futime"])
    cause = np.where(raw["pstat"] == 1, "progression", np.where(raw["death"] == 1, "death", ""))
    band = pd.cut(raw["age"], [0, 60, 70, 80, 200], labels=list("abcd")).astype(str)
    return pd.DataFrame({"duration_days": days, "cause": cause, "users": 1, "sex": raw["sex"], "band": band})


@pytest.mark.parametrize("name", FROZEN)
def test_chi_squares_are_those_of_r(patients, name):
    """mgus2 by sex and by four ages, whole and with many ties: R's cmprsk::cuminc to 1e-8, from counted rows."""
    rows = patients[patients["duration_days"] <= 60] if name.endswith("early") else patients
    by = name.removesuffix("_early")
    counted = rows.groupby(["duration_days", "cause", by])["users"].sum().reset_index()
    found = gray.compare(counted, by=by).set_index("cause").loc[[NAMES[c] for c in FROZEN[name]["causes"]]]
    np.testing.assert_allclose(found["chi2"], FROZEN[name]["chi2"], rtol=1e-8)
    np.testing.assert_allclose(found["p"], FROZEN[name]["p"], rtol=1e-7, atol=1e-15)
    assert found["degrees"].tolist() == FROZEN[name]["df"]


@data.LAWS
@given(data.users(late=False, least=6))
def test_renaming_and_splitting_rows_change_nothing(rows):
    """The test does not depend on which group comes last, nor on whether users are counted or listed."""
    ends = rows.assign(cause=np.where(rows["churned"] == 1, np.where(rows.index % 3 == 0, "a", "b"), ""), users=1)
    ends = ends.drop(columns=["churned", "censored"])
    mirrored = ends.assign(segment=ends["segment"].map({"a": "z", "b": "y", "c": "x"}))
    keys = [name for name in ends if name != "users"]
    counted = ends.groupby(keys)["users"].sum().reset_index()
    plain = gray.compare(ends, by="segment")
    for other in (mirrored, counted):
        found = gray.compare(other, by="segment")
        np.testing.assert_allclose(found["chi2"], plain["chi2"], rtol=1e-6, atol=1e-9)


def companies(random, *, size, trials, entry):
    """Per trial two groups of one law of ends by a and b, censored at random, entering up to so many days late."""
    day = random.geometric(0.05, (trials, size))
    cause = np.where(random.random(day.shape) < 0.4, "a", "b")
    censored = random.geometric(0.03, day.shape)
    start = random.integers(0, entry + 1, day.shape)
    group = random.choice(["x", "y"], day.shape)
    for i in range(trials):
        seen = np.minimum(day[i], censored[i])
        rows = pd.DataFrame({"duration_days": seen, "entry_days": start[i], "cause": cause[i], "segment": group[i]})
        rows["cause"] = rows["cause"].where(day[i] <= censored[i], "")
        yield rows[rows["duration_days"] > rows["entry_days"]].assign(users=1)


def test_equal_groups_are_called_different_in_five_of_a_hundred():
    """A/A with late entries, where R has no figures: p < .05 in 3-7 % of 600 trials for either road."""
    trials = companies(np.random.default_rng(17), size=300, trials=600, entry=12)
    p = pd.concat([gray.compare(rows, by="segment") for rows in trials]).groupby("cause")["p"]
    assert p.agg(lambda own: (own < 0.05).mean()).between(0.03, 0.07).all()


def test_a_road_cut_off_by_another_differs_in_incidence_though_not_in_rate():
    """Refunds at one rate, but one group unsubscribes much sooner: fewer of it are ever refunded."""
    random = np.random.default_rng(3)
    size = 2000
    refund, quits = random.geometric(0.02, 2 * size), random.geometric(np.repeat([0.005, 0.08], size))
    rows = pd.DataFrame({"duration_days": np.minimum(refund, quits), "segment": np.repeat(["slow", "fast"], size)})
    rows = rows.assign(cause=np.where(refund <= quits, "refund", "quit"), users=1)
    by_rate = rows.assign(churned=rows["cause"].eq("refund").astype(int), censored=rows["cause"].eq("quit").astype(int))
    assert logrank.test(by_rate, by="segment").p > 0.01
    assert gray.compare(rows, by="segment").set_index("cause").loc["refund", "p"] < 1e-12


def test_what_cannot_be_tested_stays_missing():
    """One group, too few ends by a road, or nobody left at all give no chi-square."""
    rows = pd.DataFrame({"duration_days": [1, 2, 3, 4], "cause": ["a", "a", "b", ""], "segment": ["x", "y", "x", "y"]})
    rows = rows.assign(users=5)
    assert gray.compare(rows.assign(segment="x"), by="segment")["chi2"].isna().all()
    few = gray.compare(rows, by="segment", min_left=6).set_index("cause")
    assert few["chi2"].isna().to_dict() == {"a": False, "b": True}
    assert gray.compare(rows.assign(cause=""), by="segment").empty
