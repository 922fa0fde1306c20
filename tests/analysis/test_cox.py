"""Cox regression, exact from counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from lifelines import CoxPHFitter, CoxTimeVaryingFitter, WeibullAFTFitter

import survival_data as data
from opsbook.analysis import cox, cox_zph

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rossi(shared):
    raw = pd.read_csv(shared("ref_rossi.csv.gz"))
    return data.from_rows(raw["week"], raw["arrest"], **{name: raw[name] for name in ROSSI})


@pytest.fixture(scope="module")
def heart(shared):
    raw = pd.read_csv(shared("ref_heart.csv.gz"))
    spells = data.from_rows(raw["stop"], raw["event"], entry=raw["start"])
    return spells.join(raw[["id", "age", "surgery", "transplant"]])


def coefficients(fit):
    return fit.table.set_index("covariate")["coefficient"]


def test_rearrest_coefficients_and_likelihood(rossi):
    """Rossi with Efron's ties: seven coefficients and the log-likelihood, to 1e-6 (R survival 3.5)."""
    fit = cox.fit(rossi, covariates=ROSSI)
    expected = [-0.3794221665, -0.0574377427, 0.3138997879, -0.1497956977, -0.4337038779, -0.0848710825, 0.0914970810]
    np.testing.assert_allclose(coefficients(fit).loc[ROSSI], expected, atol=1e-8)
    assert fit.log_likelihood == pytest.approx(-658.747659446, abs=1e-8)
    assert fit.converged
    assert (fit.n, fit.churned) == (432, 114)


def test_counts_give_what_rows_give(rossi):
    """Counting equal users changes no coefficient, standard error or likelihood beyond 1e-8."""
    discrete = ["fin", "race", "wexp", "mar", "paro"]
    weeks = rossi.assign(duration_days=rossi["duration_days"] // 13 * 13)[
        [*discrete, "duration_days", "churned", "censored"]
    ]
    rows, counts = cox.fit(weeks, covariates=discrete), cox.fit(data.counted(weeks), covariates=discrete)
    numbers = ["coefficient", "standard_error"]
    np.testing.assert_allclose(counts.table[numbers], rows.table[numbers], atol=1e-8)
    assert counts.log_likelihood == pytest.approx(rows.log_likelihood, abs=1e-8)


def test_frequency_weights_in_lifelines_would_be_wrong(rossi):
    """On a coarse grain weighting counted rows misses the row-wise Efron fit, which the exact fit equals."""
    quarters = rossi.assign(duration_days=rossi["duration_days"] // 13 * 13.0)
    by = ["duration_days", "churned", "fin"]
    rows = CoxPHFitter().fit(quarters[by], "duration_days", "churned").params_["fin"]
    weighted = quarters.groupby(by).size().rename("n").reset_index()
    wrong = CoxPHFitter().fit(weighted, "duration_days", "churned", weights_col="n").params_["fin"]
    exact = cox.fit(data.counted(quarters[[*by, "censored"]]), covariates=["fin"]).table["coefficient"].iloc[0]
    assert exact == pytest.approx(rows, abs=1e-6)
    assert abs(wrong - rows) > 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_levels_agree_with_lifelines_dummies(seed):
    """A text covariate equals lifelines on dummy columns against the most frequent level."""
    random = np.random.default_rng(seed)
    rows = data.from_rows(
        random.integers(1, 40, 300),
        random.random(300) < 0.7,
        segment=random.choice(list("abc"), 300, p=[0.5, 0.3, 0.2]),
    )
    table = cox.fit(rows, covariates=["segment"]).table.set_index("level").loc[["a", "b", "c"]]
    dummies = pd.DataFrame({name: (rows["segment"] == name).astype(float) for name in "bc"})
    dummies["t"], dummies["e"] = rows["duration_days"].astype(float), rows["churned"]
    theirs = CoxPHFitter().fit(dummies, "t", "e")
    np.testing.assert_allclose(table.loc[["b", "c"], "coefficient"], theirs.params_.loc[["b", "c"]], atol=1e-6)
    np.testing.assert_allclose(
        table.loc[["b", "c"], "standard_error"], theirs.standard_errors_.loc[["b", "c"]], atol=1e-6
    )
    assert table.loc["a", "is_reference"]


def test_time_varying_transplant_and_the_immortal_time_trap(heart):
    """Stanford heart: .0160956 when transplant starts on its day, -1.7171129 as a fixed "ever": the trap (1e-6)."""
    right = coefficients(cox.fit(heart, covariates=["age", "surgery", "transplant"]))
    assert right["transplant"] == pytest.approx(0.0160956, abs=1e-6)
    people = heart.groupby("id").agg(
        duration_days=("duration_days", "max"), churned=("churned", "max"), ever=("transplant", "max"),
        age=("age", "first"), surgery=("surgery", "first"),
    )  # fmt: skip
    people["censored"] = 1 - people["churned"]
    trap = coefficients(cox.fit(people, covariates=["age", "surgery", "ever"]))
    assert trap["ever"] == pytest.approx(-1.7171129, abs=1e-6)


def test_lifelines_time_varying_fit_agrees(heart):
    """The library that the notebook shows gives the same transplant coefficient."""
    rows = heart.drop(columns="censored")
    theirs = CoxTimeVaryingFitter().fit(
        rows, id_col="id", event_col="churned", start_col="entry_days", stop_col="duration_days"
    )
    assert theirs.params_["transplant"] == pytest.approx(0.0160956, abs=1e-6)


def test_weibull_aft_of_lifelines_is_the_published_one(shared):
    """Rossi Weibull AFT through lifelines: intercept, fin, age, prio and scale to 2e-5 (R survival 3.5)."""
    raw = pd.read_csv(shared("ref_rossi.csv.gz")).astype(float)
    params = WeibullAFTFitter().fit(raw, "week", "arrest").params_
    found = [params["lambda_", name] for name in ("Intercept", "fin", "age", "prio")]
    np.testing.assert_allclose(found, [3.99013, 0.27216, 0.04071, -0.06582], atol=2e-5)
    assert 1 / np.exp(params["rho_", "Intercept"]) == pytest.approx(0.71241, abs=2e-5)


@data.LAWS
@given(data.users(late=True, least=12))
def test_the_fit_is_the_top_of_the_likelihood_written_out(rows):
    """At the estimate no other coefficient nearby has a higher likelihood, computed day by day with late entries."""
    two = rows[rows["segment"] != "c"].assign(x=lambda r: (r["segment"] == "a").astype(float))
    fit = cox.fit(two, covariates=["x"])
    best = fit.table["coefficient"].iloc[0]
    assume(np.isfinite(best))
    assert fit.log_likelihood == pytest.approx(written_out(two, best), abs=1e-9)
    assert fit.log_likelihood >= max(written_out(two, best - 0.01), written_out(two, best + 0.01))


def written_out(rows, beta):
    """Efron's partial log-likelihood, one day and one tied user at a time."""
    total = 0.0
    for day in rows.loc[rows["churned"] == 1, "duration_days"].unique():
        watched = rows[((rows["entry_days"] < day) | (rows["entry_days"] == 0)) & (rows["duration_days"] >= day)]
        left = watched[(watched["duration_days"] == day) & (watched["churned"] == 1)]
        risk, leaving = np.exp(beta * watched["x"]).sum(), np.exp(beta * left["x"]).sum()
        total += beta * left["x"].sum()
        total -= sum(np.log(risk - k / len(left) * leaving) for k in range(len(left)))
    return total


def test_a_level_that_nobody_left_has_no_hazard_ratio(table):
    """A level without churn stays in the table with its users and without an estimate; the others are fitted."""
    fit = cox.fit(
        table("""
        duration_days | channel | churned | censored
        1             | ads     | 3       | 9
        4             | ads     | 2       | 5
        2             | search  | 1       | 8
        4             | friends | 0       | 2
    """),
        covariates=["channel"],
    )
    table = fit.table.set_index("level")
    assert np.isnan(table.loc["friends", "hazard_ratio"])
    assert table.loc["ads", "hazard_ratio"] == 1
    assert table.loc["search", "low"] < table.loc["search", "hazard_ratio"] < table.loc["search", "high"]


def test_a_covariate_with_a_single_level_that_anybody_left_costs_no_user(rossi):
    """Where only one level has churn there is nothing to compare, and nobody is taken out of the model for it."""
    tier = np.where((rossi["churned"] == 0) & (rossi.index % 3 == 0), "b", "a")
    fit = cox.fit(rossi.assign(tier=tier), covariates=["fin", "tier"])
    assert fit.n == len(rossi)
    alone = cox.fit(rossi, covariates=["fin"])
    assert coefficients(fit)["fin"] == pytest.approx(coefficients(alone)["fin"])


def test_a_covariate_that_repeats_another_has_no_estimate(rossi):
    """Perfectly collinear covariates do not break the fit: the second one stays without an estimate."""
    fit = cox.fit(rossi.assign(again=1 - rossi["fin"]), covariates=["fin", "again"])
    assert np.isnan(coefficients(fit)["again"])
    assert np.isfinite(coefficients(fit)["fin"])


def test_proportional_hazards_hold_for_made_data_and_break_when_broken():
    """A constant ratio passes both checks; a ratio that flips half-way is caught by both."""
    random = np.random.default_rng(3)
    size, late = 4000, 20
    group = random.choice(["a", "b"], size)
    constant = random.geometric(np.where(group == "a", 0.05, 0.08))
    flipping = random.geometric(np.where(group == "a", 0.02, 0.05))
    rest = late + random.geometric(np.where(group == "a", 0.10, 0.03))
    flipping = np.where(flipping > late, rest, flipping)
    rows = [data.from_rows(np.minimum(t, 60), t <= 60, group=group) for t in (constant, flipping)]
    for check in (cox.proportional_hazards, cox_zph.constancy):
        holds, breaks = (check(one, covariates=["group"]) for one in rows)
        assert holds["p_holm"].iloc[0] > 0.01
        assert breaks["p_holm"].iloc[0] < 1e-6
    assert [cox.needs_strata(cox_zph.constancy(one, covariates=["group"])) for one in rows] == ["", "group"]


def test_an_empty_table_gives_an_empty_fit(rossi):
    """Without users or covariates there is no estimate and no crash."""
    assert cox.fit(rossi.iloc[:0], covariates=["fin"]).table["coefficient"].isna().all()
    assert cox.fit(rossi, covariates=[]).table.empty
    nobody = rossi.assign(churned=0, fin=rossi["fin"].astype(str))
    assert np.isnan(cox.fit(nobody, covariates=["fin"]).p)
    assert cox.proportional_hazards(nobody, covariates=["fin"]).empty
    assert cox_zph.constancy(nobody, covariates=["fin"]).empty
    assert cox_zph.constancy(rossi, covariates=[]).empty


def test_both_halves_of_the_check_share_one_reference(table):
    """Two kinds of nearly equal size stay compared, though each half alone would take another one as reference."""
    rows = table("""
        duration_days | kind | churned | censored
        5             | a    | 40      | 0
        5             | b    | 20      | 0
        20            | a    | 20      | 41
        20            | b    | 40      | 40
    """)
    checks = cox.proportional_hazards(rows, covariates=["kind"], split_day=10)
    assert checks["level"].tolist() == ["b"]
    assert cox.fit(rows, covariates=["kind"], references={"kind": "b"}).table["level"].tolist() == ["a", "b"]
