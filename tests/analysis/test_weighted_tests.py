"""Weighted log-rank tests, days against the rest, concordance and strata: R's figures, lifelines, equal segments."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import concordance_index

from opsbook.analysis import cox, life_table, logrank, mean_differences, weighted_tests
from opsbook.analysis.concordance import concordance
from survival_data import counted, from_rows

R = json.loads((Path(__file__).parents[1] / "r/reasons.json").read_text())
BY_SEX = ["duration_days", "churned", "censored", "sex"]


@pytest.fixture(scope="module")
def lung(shared):
    rows = pd.read_csv(shared("ref_lung.csv.gz"))
    return from_rows(rows["time"], rows["status"] == 2, sex=rows["sex"].astype(str), age=rows["age"])


@pytest.fixture(scope="module")
def veteran(shared):
    rows = pd.read_csv(shared("ref_veteran.csv.gz"))
    entry = np.minimum(rows["time"] - 1, 10)
    columns = {"cell": rows["celltype"].astype(str), "score": -rows["karno"]}
    return from_rows(rows["time"], rows["status"], entry=entry, **columns)


@pytest.fixture(scope="module")
def rossi(shared):
    rows = pd.read_csv(shared("ref_rossi.csv.gz"))
    columns = {name: rows[name] for name in ("fin", "age", "prio")}
    return from_rows(rows["week"], rows["arrest"], race=rows["race"].astype(str), **columns)


def chi2(rows, by):
    return weighted_tests.sensitivity(counted(rows), by=by).set_index("test")["chi2"]


def test_peto_and_plain_tests_are_r_survdiff_s(lung, veteran):
    """Survdiff with rho 1 and 0 on lung cancer by sex and on veterans by cell type (four groups)."""
    assert chi2(lung[BY_SEX], "sex")["peto"] == pytest.approx(R["lung_sex_peto"], rel=1e-9)
    plain = veteran[["duration_days", "churned", "censored", "cell"]]
    assert chi2(plain, "cell")["peto"] == pytest.approx(R["veteran_cell_peto"], rel=1e-9)
    assert chi2(plain, "cell")["log_rank"] == pytest.approx(R["veteran_cell_plain"], rel=1e-9)


@pytest.mark.parametrize(("ours", "theirs"), [("gehan", "wilcoxon"), ("tarone_ware", "tarone-ware")])
def test_the_other_weights_agree_with_lifelines(lung, ours, theirs):
    """Gehan-Breslow and Tarone-Ware by lifelines on rows."""
    found = multivariate_logrank_test(lung["duration_days"], lung["sex"], lung["churned"], weightings=theirs)
    assert chi2(lung[BY_SEX], "sex")[ours] == pytest.approx(found.test_statistic, rel=1e-9)


def test_the_plain_test_is_the_one_that_decides(veteran):
    """The first row is logrank.test itself, late entries and all."""
    rows = counted(veteran[["entry_days", "duration_days", "churned", "censored", "cell"]])
    first, decides = weighted_tests.sensitivity(rows, by="cell").iloc[0], logrank.test(rows, by="cell")
    assert (first["chi2"], first["degrees"]) == (pytest.approx(decides.chi2), decides.degrees)


def test_equal_segments_differ_in_five_of_a_hundred_by_every_test():
    """Simulated truth: 150 pairs of equal segments; each test alone is below .05 in about 5 %."""
    random, found = np.random.default_rng(2), []
    for _pair in range(150):
        day = np.minimum(random.geometric(0.03, 160), 60)
        rows = from_rows(day, day < 60, segment=random.permutation(["a"] * 80 + ["b"] * 80))
        found.append(weighted_tests.sensitivity(counted(rows), by="segment")["p"].to_numpy() < 0.05)
    assert ((np.mean(found, axis=0) > 0.005) & (np.mean(found, axis=0) < 0.105)).all()


@pytest.mark.parametrize(("hazards", "said"), [((0.06, 0.01), "early"), ((0.02, 0.02), "none")])
def test_the_tests_together_tell_where_the_curves_part(hazards, said):
    """A segment that only starts worse is told as early; equal ones as none."""
    random = np.random.default_rng(5)
    rows = []
    for segment, start in zip("ab", hazards, strict=True):
        early = random.geometric(start, 1500)
        day = np.where(early <= 10, early, 10 + random.geometric(0.02, 1500))
        rows.append(from_rows(np.minimum(day, 200), day < 200, segment=[segment] * 1500))
    table = weighted_tests.sensitivity(counted(pd.concat(rows)), by="segment")
    late = table.set_index("test").loc["late", "p"]
    assert weighted_tests.agreement(table.assign(p=table["p"].where(table["test"] != "late", max(late, 0.2)))) == said


def test_one_segment_has_no_test():
    """A single segment, or nobody who left, gives missing values and the word none."""
    rows = counted(from_rows([3, 5], [1, 0], segment=["a", "a"]))
    table = weighted_tests.sensitivity(rows, by="segment")
    assert table["p"].isna().all()
    assert weighted_tests.agreement(table) == "none"


def test_days_against_the_rest_are_two_means_and_their_errors(lung):
    """Women against men within a year: the published restricted means, 297.47 - 241.50 days."""
    rows = counted(lung[BY_SEX])
    found = mean_differences.against_rest(rows, by="sex", horizon_days=365).set_index("segment")
    assert found.loc["2", "difference"] == pytest.approx(297.465409532 - 241.495085192, abs=1e-8)
    error = np.hypot(10.3582264911, 10.7913239788)
    assert found.loc["2", "high"] - found.loc["2", "low"] == pytest.approx(2 * 1.959963985 * error, abs=1e-6)
    assert found.loc["1", "difference"] == pytest.approx(-found.loc["2", "difference"])
    assert mean_differences.against_rest(rows[rows["sex"] == "1"], by="sex", horizon_days=365).empty


def test_equal_segments_are_hardly_ever_claimed_to_stay_longer():
    """Simulated truth: of 60 companies with four equal segments about 5 % claim any, Holm over the segments."""
    random, claims = np.random.default_rng(7), 0
    for _company in range(60):
        day = np.minimum(random.geometric(0.03, 400), 60)
        rows = counted(from_rows(day, day < 60, segment=random.choice(list("abcd"), 400)))
        claims += (mean_differences.against_rest(rows, by="segment", horizon_days=60)["p_holm"] < 0.05).any()
    assert claims / 60 <= 0.12


@pytest.mark.parametrize(("name", "fixture", "score"), [("rossi_prio", "rossi", "prio"), ("lung_age", "lung", "age"),
                                                        ("veteran_late_karno", "veteran", "score")])  # fmt: skip
def test_concordance_and_its_error_are_r_s(request, name, fixture, score):
    """Harrell's C with ties, censoring and late entries, from counts: value and error of R's concordance()."""
    rows = request.getfixturevalue(fixture)
    keys = [key for key in ("entry_days", "duration_days", "churned", "censored", score) if key in rows]
    found = concordance(counted(rows[keys]), score=score)
    value, error = R[name]
    assert found.value == pytest.approx(value, rel=1e-9)
    assert found.high - found.low == pytest.approx(2 * 1.959963985 * error, rel=1e-6)


def test_concordance_is_lifelines(lung):
    """The same pairs counted by lifelines, where nobody enters late."""
    theirs = concordance_index(lung["duration_days"], -lung["age"], lung["churned"])
    keys = ["duration_days", "churned", "censored", "age"]
    assert concordance(counted(lung[keys]), score="age").value == pytest.approx(theirs, rel=1e-9)


def test_without_leavers_there_is_no_concordance():
    """Nobody left, or nobody stayed to compare with: missing."""
    assert np.isnan(concordance(counted(from_rows([3, 5], [0, 0], x=[1, 2])), score="x").value)
    assert np.isnan(concordance(counted(from_rows([3, 3], [1, 1], x=[1, 2])), score="x").value)


def test_stratified_cox_is_r_coxph_with_strata(rossi):
    """Rearrest by financial aid, age and priors inside each race: coefficients, errors and likelihood of R."""
    fit = cox.fit(counted(rossi), covariates=["fin", "age", "prio"], strata="race")
    assert fit.table["coefficient"].tolist() == pytest.approx(R["rossi_stratified"], rel=1e-6)
    assert fit.table["standard_error"].tolist() == pytest.approx(R["rossi_stratified_error"], rel=1e-6)
    assert [fit.log_likelihood_null, fit.log_likelihood] == pytest.approx(R["rossi_stratified_loglik"], rel=1e-9)


def test_strata_cover_a_hazard_ratio_that_the_plain_model_misses():
    """Simulated truth: strata with crossing risks; 93-97 of 100 stratified intervals hold the ratio of 2."""
    random, held = np.random.default_rng(9), []
    for _company in range(600):
        stratum, x = random.integers(0, 2, 500), random.integers(0, 2, 500)
        base = random.weibull(np.where(stratum == 0, 0.6, 2.0)) * 400  # few leave per day: ties pull ratios to 1
        life = base / 2 ** (x / np.where(stratum == 0, 0.6, 2.0))
        day = np.minimum(np.floor(life), 1200).astype(int)
        rows = counted(from_rows(day, life < 1200, stratum=stratum.astype(str), x=x.astype(float)))
        row = cox.fit(rows, covariates=["x"], strata="stratum").table.iloc[0]
        held.append(row["low"] <= 2 <= row["high"])
    assert 0.93 <= np.mean(held) <= 0.97
    assert life_table.users(rows) == 500
