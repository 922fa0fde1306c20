"""Curves, tests and models from counts against R's package survival, figure by figure (tests/r)."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, LogLogisticAFTFitter, LogNormalAFTFitter, WeibullAFTFitter
from lifelines.statistics import multivariate_logrank_test

import activity_log as log_of
import survival_data as data
from opsbook.analysis import (
    cox,
    cox_numbers,
    cox_zph,
    hazard,
    life_table,
    logrank,
    survival,
    survival_time,
    time_to_churn,
)

ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
STUDENT = ["gender", "highest_education", "age_band", "disability", "code_module"]
CELLS = ["adeno", "large", "smallcell", "squamous"]


def figures(name):
    return json.loads((Path(__file__).parents[1] / f"r/{name}.json").read_text())


CURVES, LOGRANK, COX, AFT = (figures("curves"), figures("logrank"), figures("cox"), figures("aft"))
CHURN = figures("churn")


@pytest.fixture(scope="module")
def raw(shared):
    """The reference sets by their short names, as R's scripts read them."""
    return {name: pd.read_csv(shared(f"ref_{name}.csv.gz")) for name in ("lung", "rossi", "veteran", "heart")}


@pytest.fixture(scope="module")
def people(raw):
    """The reference sets as counted durations with their covariates."""
    lung, rossi, veteran, heart = (raw[name] for name in ("lung", "rossi", "veteran", "heart"))
    return {
        "lung": data.from_rows(lung["time"], lung["status"] == 2, sex=lung["sex"], age=lung["age"]),
        "rossi": data.from_rows(rossi["week"], rossi["arrest"], **rossi[ROSSI]),
        "veteran": data.from_rows(veteran["time"], veteran["status"], **veteran[["trt", "celltype", "karno"]]),
        "leukaemia": data.leukaemia(),
        "heart": data.from_rows(
            heart["stop"], heart["event"], entry=heart["start"], **heart[["age", "surgery", "transplant"]]
        ),
    }


@pytest.fixture(scope="module")
def registrations(shared):
    """Open University registrations followed for at least a day, one row each, with what is known of the student."""
    rows = data.oulad(shared("oulad_student_registration.csv.gz"), shared("oulad_courses.csv.gz"))
    info = pd.read_csv(shared("oulad_student_info.csv.gz"))
    return rows.merge(info, on=["code_module", "code_presentation", "id_student"], validate="one_to_one")


@pytest.fixture(scope="module")
def students(registrations):
    """The registrations whose day of registration is known, entering on it, counted by five covariates."""
    rows = registrations.dropna(subset=["date_registration"])
    rows = rows.assign(entry=rows["date_registration"].clip(lower=0))
    rows = rows[rows["t"] > rows["entry"]].reset_index(drop=True)
    text = rows[STUDENT].assign(disability=rows["disability"].astype(str).str.upper())
    return data.counted(data.from_rows(rows["t"], rows["left"], entry=rows["entry"], **text))


@pytest.fixture(scope="module")
def parts(people, registrations, students):
    """The rows that R's curve of each name is drawn from."""
    lung, heart, veteran = people["lung"], people["heart"], people["veteran"]
    everybody = data.counted(data.from_rows(registrations["t"], registrations["left"]))
    return {
        "students": everybody,
        "students_delayed": students,
        "six_mp": people["leukaemia"].query("arm == '6-MP'"),
        "lung": lung,
        "lung_male": lung[lung["sex"] == 1],
        "lung_female": lung[lung["sex"] == 2],
        "heart_delayed": heart[heart["transplant"] == 1],
        **{f"veteran_{cell}": veteran[veteran["celltype"] == cell] for cell in CELLS},
    }


@pytest.mark.parametrize("name", CURVES)
def test_curve_interval_error_and_cumulative_hazard(parts, name):
    """R's survfit: share, Greenwood's s.e., log-log interval and cumulative hazard on five days each, to 1e-10."""
    theirs, rows = CURVES[name], parts[name]
    steps = survival.kaplan_meier(rows)
    at = np.searchsorted(steps["duration_days"], theirs["days"], side="right") - 1
    expected = np.array([theirs[column] for column in ("share", "error", "low", "high")]).T
    found = steps[["active", "standard_error", "active_low", "active_high"]].to_numpy()[at]
    np.testing.assert_allclose(found, expected, atol=1e-10)
    np.testing.assert_allclose(
        hazard.nelson_aalen(rows)["cumulative_hazard"].to_numpy()[at], theirs["hazard"], atol=1e-10
    )
    assert life_table.at_risk(life_table.checked(rows), np.array(theirs["days"], float)).tolist() == theirs["at_risk"]


@pytest.fixture(scope="module")
def cdnow(shared):
    """CDNOW purchases as the mart's user-days and users."""
    raw = pd.read_csv(shared("cdnow_master.txt.gz"), sep=r"\s+", skiprows=1, names=["user", "day", "n", "value"])
    rows = raw.assign(day=pd.to_datetime(raw["day"], format="%Y%m%d"))
    return log_of.user_days(rows), log_of.users(rows)


@pytest.mark.parametrize("name", CHURN)
def test_time_to_churn_from_purchases(cdnow, name):
    """CDNOW by the first silence of 28, 90 or 120 days: users, churned, at risk and the curve that base R counts."""
    theirs = CHURN[name]
    rule = {"as_of": date.fromisoformat(theirs["end"]), "churn_after_days": theirs["tau"]}
    durations = time_to_churn.durations(*cdnow, **rule)
    assert (life_table.users(durations), int(durations["churned"].sum())) == (theirs["users"], theirs["churned"])
    curve = survival.survival_curve(durations, horizon_days=240).set_index("day").loc[theirs["days"]]
    names = {"active": "share", "standard_error": "error", "active_low": "low", "active_high": "high"}
    np.testing.assert_allclose(curve[list(names)], np.array([theirs[n] for n in names.values()]).T, atol=1e-10)
    assert curve["at_risk"].tolist() == theirs["at_risk"]


@pytest.mark.parametrize("name", CURVES)
def test_restricted_mean_and_its_error(parts, name):
    """R's rmean and its s.e. to the horizon, to 1e-8; delayed entry included."""
    mean = survival_time.restricted_mean(parts[name], horizon_days=CURVES[name]["horizon"])
    assert (mean.value, mean.standard_error) == pytest.approx(
        (CURVES[name]["mean"], CURVES[name]["mean_error"]), abs=1e-8
    )


@pytest.mark.parametrize("name", CURVES)
def test_quartiles_and_their_intervals(parts, name):
    """R's quantiles: days until a quarter, a half and three quarters have left, with the inverted log-log band."""
    theirs = {key: np.array(CURVES[name][key], dtype=float) for key in ("left", "left_low", "left_high")}
    found = np.array([survival_time.quantile_days(parts[name], share_left=share)[:3] for share in (0.25, 0.5, 0.75)])
    if name == "heart_delayed":
        # Few are at risk at first, so the lower band is below 3/4 on day 5 and above it again from day 16 to 17.
        # R reports the later crossing; ours is the first day that the data do not exclude.
        assert (found[0, 1], theirs["left_low"][0]) == (5, 16)
        found[0, 1] = 16
    np.testing.assert_allclose(found, np.column_stack(list(theirs.values())))


SPLITS = [name for name in LOGRANK if "_by_" not in name]  # strata have no estimator here


def split(people, registrations, name):
    """The rows that R's test of this name compares, and the column it splits them by."""
    group, by = name.split("_", 1)
    if group != "students":
        return people[group][["duration_days", "churned", "censored", by]], by
    return data.from_rows(registrations["t"], registrations["left"], **{by: registrations[by]}), by


@pytest.mark.parametrize("name", SPLITS)
def test_logrank_of_two_to_four_groups(people, registrations, name):
    """R's survdiff with rho 0: chi-square to 1e-9 with the right degrees of freedom."""
    theirs, (rows, by) = LOGRANK[name], split(people, registrations, name)
    result = logrank.test(data.counted(rows), by=by)
    assert result.chi2 == pytest.approx(theirs["chi2"], abs=1e-9)
    assert result.degrees == len(theirs["observed"]) - 1, "also where thousands of users leave the rank to rounding"


@pytest.mark.parametrize("name", SPLITS)
def test_early_weighted_test_of_lifelines_is_r_s(people, registrations, name):
    """R's survdiff with rho 1 is lifelines' Fleming-Harrington test with p 1, q 0, to 1e-9."""
    rows, by = split(people, registrations, name)
    settings = {"weightings": "fleming-harrington", "p": 1, "q": 0}
    result = multivariate_logrank_test(rows["duration_days"].astype(float), rows[by], rows["churned"], **settings)
    assert result.test_statistic == pytest.approx(LOGRANK[name]["chi2_early"], abs=1e-9)


def assert_fit(fit, theirs, names):
    """Coefficients, s.e., both log-likelihoods and the ratio test are R's; `names`: R's terms as (covariate, level)."""
    table = fit.table.set_index(["covariate", "level"])
    found = table.loc[names, ["coefficient", "standard_error"]].to_numpy()
    np.testing.assert_allclose(found[:, 0], theirs["coefficient"], atol=1e-8)
    np.testing.assert_allclose(found[:, 1], theirs["error"], atol=1e-8)
    assert [fit.log_likelihood_null, fit.log_likelihood] == pytest.approx(theirs["loglik"], abs=1e-7)
    assert fit.converged


def numbers(names):
    return [(name, "") for name in names]


@pytest.mark.parametrize(
    ("name", "covariates"),
    [("rossi", ROSSI), ("lung", ["sex", "age"]), ("heart_delayed", ["age", "surgery", "transplant"])],
)
def test_cox_with_numbers(people, name, covariates):
    """R's coxph with Efron's ties, three sets, one with delayed entry: coefficients, s.e. and log-likelihoods."""
    rows = people[name.split("_")[0]]
    assert_fit(cox.fit(rows, covariates=covariates), COX[name], numbers(covariates))


@pytest.mark.parametrize(("name", "others"), [("rossi", ROSSI), ("heart_delayed", ["surgery", "transplant"])])
def test_a_number_on_rows_by_lifelines_beside_levels(people, name, others):
    """R's coefficient and s.e. of age to 1e-6 where lifelines fits one row per user, with delayed entry too."""
    rows = data.counted(people[name.split("_")[0]])
    rows = rows if "entry_days" in rows else rows.assign(entry_days=0)
    found, theirs = cox_numbers.line(rows, "age", [name for name in others if name != "age"]), COX[name]
    at = theirs["terms"].index("age")
    expected = (theirs["coefficient"][at], theirs["error"][at])
    assert (found["coefficient"], found["standard_error"]) == pytest.approx(expected, abs=1e-6)


def test_cox_with_levels_and_a_number(people):
    """Veteran: treatment and cell type as levels beside the Karnofsky score."""
    rows = people["veteran"].assign(trt=lambda r: r["trt"].astype(str))
    fit = cox.fit(rows, covariates=["trt", "celltype", "karno"])
    flipped = fit.table["level"].eq("1") & ~fit.table["is_reference"]
    assert not flipped.any(), "the reference treatment is the more frequent one, 1, as in R's script"
    cells = [("celltype", name) for name in ("adeno", "large", "squamous")]
    assert_fit(fit, COX["veteran"], [("trt", "2"), *cells, ("karno", "")])


@pytest.mark.parametrize("name", ["students", "students_delayed"])
def test_cox_of_thirty_thousand_students_from_counts(students, name):
    """Open University: five covariates with 19 levels, 6,974 tied events, with and without delayed entry."""
    rows = students if name == "students_delayed" else data.counted(students.drop(columns="entry_days"))
    fit = cox.fit(rows, covariates=STUDENT)
    theirs = COX[name]
    names = [next((c, t.removeprefix(c)) for c in STUDENT if t.startswith(c)) for t in theirs["terms"]]
    assert_fit(fit, theirs, names)
    references = fit.table[fit.table["is_reference"]].set_index("covariate")["level"]
    assert not set(references.items()) & set(names)


def test_immortal_time_makes_the_trap_in_r_too(people, raw):
    """Stanford heart with transplant as a fixed "ever": the model that the notebook refuses, digit by digit R's."""
    by_person = raw["heart"].groupby("id")
    ever = by_person.agg({"stop": "max", "event": "max", "age": "first", "surgery": "first", "transplant": "max"})
    rows = data.from_rows(ever["stop"], ever["event"], **ever[["age", "surgery", "transplant"]])
    fit = cox.fit(rows, covariates=["age", "surgery", "transplant"])
    assert_fit(fit, COX["heart_trap"], numbers(["age", "surgery", "transplant"]))


def test_model_before_and_after_a_day(people):
    """R's coxph on survSplit at week 26: our check of constant ratios compares exactly these two models."""
    checks = cox.proportional_hazards(people["rossi"], covariates=ROSSI, split_day=26).set_index("covariate")
    early, late = (COX["rossi_parted"][side] for side in ("early", "late"))
    for side, theirs in (("early", early), ("late", late)):
        found = np.log(checks.loc[theirs["terms"], f"hazard_ratio_{side}"])
        np.testing.assert_allclose(found, theirs["coefficient"], atol=1e-8)


def test_check_of_constant_ratios_suspects_whom_cox_zph_suspects(people):
    """Rossi: age, then work experience, then race, by our split in two as by R's cox.zph on time."""
    checks = cox.proportional_hazards(people["rossi"], covariates=ROSSI, split_day=26)
    theirs = COX["rossi_proportional"]
    order = np.argsort(theirs["identity"]["chi2"][:-1])[::-1][:3]
    assert checks.sort_values("p")["covariate"].head(3).tolist() == [theirs["terms"][i] for i in order]


ZPH = {
    "rossi_proportional": ("rossi", ROSSI, False),
    "veteran_proportional": ("veteran", ["trt", "celltype", "karno"], False),
    "veteran_terms": ("veteran", ["trt", "celltype", "karno"], True),
    "heart_delayed_proportional": ("heart", ["age", "surgery", "transplant"], False),
    "students_delayed_terms": ("students", STUDENT, True),
}


@pytest.mark.parametrize("transform", ["km", "rank", "identity"])
@pytest.mark.parametrize("name", ZPH)
def test_proportional_hazards_by_grambsch_and_therneau(people, students, name, transform):
    """R's cox.zph per level, per covariate and global, with ties and delayed entry: chi-squares, df and p to 1e-6."""
    which, covariates, terms = ZPH[name]
    rows = students if which == "students" else people[which]
    rows = rows.assign(trt=rows["trt"].astype(str)) if which == "veteran" else rows
    found = cox_zph.constancy(rows, covariates=covariates, transform=transform, terms=terms).set_index("covariate")
    theirs = COX[name]
    expected = pd.DataFrame(theirs[transform], index=theirs["terms"]).rename(index={"GLOBAL": cox_zph.GLOBAL})
    expected = expected.loc[found.index]
    assert len(found) == len(theirs["terms"])
    np.testing.assert_allclose(found["chi2"], expected["chi2"], rtol=1e-6)
    assert found["degrees"].tolist() == expected["df"].tolist()
    np.testing.assert_allclose(found["p"], expected["p"], rtol=1e-5)


@pytest.mark.parametrize(("name", "covariates"), [("rossi", ROSSI), ("lung", ["sex", "age"])])
def test_concordance_of_lifelines_is_r_s(people, name, covariates):
    """R's concordance is lifelines' on the same rows, to 1e-9."""
    rows = people[name].drop(columns="censored").astype(float)
    fit = CoxPHFitter().fit(rows[["duration_days", "churned", *covariates]], "duration_days", "churned")
    assert fit.concordance_index_ == pytest.approx(COX[name]["concordance"], abs=1e-9)


FITTERS = {"weibull": WeibullAFTFitter, "log_logistic": LogLogisticAFTFitter, "log_normal": LogNormalAFTFitter}
LOCATION = {"weibull": "lambda_", "log_logistic": "alpha_", "log_normal": "mu_"}
MODELS = {"rossi": ["fin", "age", "prio"], "rossi_all": ROSSI, "lung": ["sex", "age"], "veteran": ["trt", "karno"]}


@pytest.mark.parametrize("family", FITTERS)
@pytest.mark.parametrize("name", MODELS)
def test_accelerated_failure_times_of_lifelines_are_r_s(people, name, family):
    """R's survreg by lifelines: coefficients to a fiftieth of their s.e., scale to 1e-3, log-likelihood to 1e-4."""
    theirs, covariates = AFT[name][family], MODELS[name]
    rows = people[name.split("_")[0]][["duration_days", "churned", *covariates]].astype(float)
    fit = FITTERS[family]().fit(rows, "duration_days", "churned")
    found = fit.params_.loc[LOCATION[family]].loc[["Intercept", *covariates]]
    assert (np.abs(found - theirs["coefficient"]) / theirs["error"]).max() < 0.02
    shape = float(np.exp(fit.params_.drop(LOCATION[family], level=0).iloc[0]))
    assert (shape if family == "log_normal" else 1 / shape) == pytest.approx(theirs["scale"], rel=1e-3)
    assert fit.log_likelihood_ == pytest.approx(theirs["loglik"], abs=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_the_exponential_is_the_weibull_with_the_scale_held_at_one(people, name):
    """R's exponential has the lower log-likelihood of the two, and its score equations hold on our rows."""
    theirs, rows = AFT[name]["exponential"], people[name.split("_")[0]]
    design = np.column_stack([np.ones(len(rows)), rows[MODELS[name]].to_numpy(float)])
    location = design @ theirs["coefficient"]
    cumulative = rows["duration_days"].to_numpy(float) * np.exp(-location)
    np.testing.assert_allclose(design.T @ (rows["churned"] - cumulative), 0, atol=1e-6)
    assert (-rows["churned"] * location - cumulative).sum() == pytest.approx(theirs["loglik"], abs=1e-8)
    assert theirs["loglik"] <= AFT[name]["weibull"]["loglik"]
