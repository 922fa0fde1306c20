"""Logistic regression from counted patterns: against statsmodels, a plain optimiser, and a simulated truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.optimize import minimize
from scipy.special import expit

from opsbook.analysis import logistic


def world(seed: int = 3, users: int = 4000) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"a": random.integers(0, 4, users), "b": random.choice(["x", "y", "z"], users)})
    chance = expit(-1 + 0.6 * table["a"] - 0.8 * (table["b"] == "y"))
    return table.assign(left=(random.random(users) < chance).astype(int), users=1)


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(["a", "b"], sort=True)[["users", "left"]].sum().reset_index()


def test_without_a_ridge_the_fit_is_that_of_statsmodels():
    """A ridge of almost nothing gives the probabilities of an unpenalised binomial GLM."""
    table = counted(world())
    dummies = pd.get_dummies(table[["a", "b"]].astype(str), drop_first=True).astype(float)
    glm = sm.GLM(table[["left"]].assign(stayed=table["users"] - table["left"]), sm.add_constant(dummies),
                 family=sm.families.Binomial()).fit()  # fmt: skip
    found = logistic.fit(table, factors=["a", "b"], ridge=1e-7)
    assert expit(found.scores(table)) == pytest.approx(glm.fittedvalues.to_numpy(), abs=1e-7)


def test_with_a_ridge_the_fit_is_the_optimum_of_the_penalised_likelihood():
    """A general optimiser of scipy finds the same intercept and weights."""
    rows = world(users=600)
    found = logistic.fit(counted(rows), factors=["a", "b"])
    design = np.column_stack([np.ones(len(rows)), *[rows[name] == level for name, level in found.names]]).astype(float)

    def loss(beta):
        eta = design @ beta
        return (np.logaddexp(0, eta) - rows["left"] * eta).sum() + 0.5 * (beta[1:] ** 2).sum()

    best = minimize(loss, np.zeros(design.shape[1]), method="BFGS", options={"gtol": 1e-7})
    assert np.r_[found.intercept, found.weights] == pytest.approx(best.x, abs=1e-5)


def test_counting_changes_nothing():
    """Patterns with counts give the fit of the rows themselves."""
    one, two = (logistic.fit(table, factors=["a", "b"]) for table in (world(), counted(world())))
    assert one.weights == pytest.approx(two.weights, abs=1e-9)


def test_a_level_never_seen_is_average_and_separation_stays_finite():
    """An unknown level adds nothing; a level whose users all left has a large but finite weight."""
    table = pd.DataFrame({"a": [0, 1], "b": ["x", "x"], "users": [200, 200], "left": [50, 200]})
    found = logistic.fit(table, factors=["a", "b"])
    assert np.abs(found.weights).max() < 10
    assert found.scores(pd.DataFrame({"a": [7], "b": ["x"]}))[0] == pytest.approx(found.intercept)


def test_calibration_slope_and_intercept_are_those_of_statsmodels():
    """Cox's recalibration is a binomial GLM on the score; in the large, on an offset."""
    rows = world()
    scores = 0.7 * rows["a"].to_numpy(float) - 1.5
    glm = sm.GLM(rows["left"], sm.add_constant(scores), family=sm.families.Binomial()).fit()
    beta, covariance = logistic.recalibration(scores, rows["users"].to_numpy(), rows["left"].to_numpy())
    assert beta == pytest.approx(glm.params.to_numpy(), abs=1e-8)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(glm.bse.to_numpy(), rel=1e-6)
    offset = sm.GLM(rows["left"], np.ones(len(rows)), offset=scores, family=sm.families.Binomial()).fit()
    shift, error = logistic.in_the_large(scores, rows["users"].to_numpy(), rows["left"].to_numpy())
    assert (shift, error) == pytest.approx((offset.params.iloc[0], offset.bse.iloc[0]), rel=1e-6)


def test_errors_clustered_by_user_are_not_fooled_by_repeated_rows():
    """Every user copied four times: the error of a difference of weights stays that of the users seen once."""
    ratios = []
    for seed in range(12):
        rows = world(seed, users=1000).assign(part=np.arange(1000) % 50)
        many = pd.concat([rows] * 4)
        found = logistic.fit(many, factors=["a"], ridge=4e-3)
        gap = many["left"] - expit(found.scores(many))
        sums = {"all": gap, **{f"{name}{level}": gap * (many[name] == level) for name, level in found.names}}
        spread = logistic.clustered(found, pd.DataFrame(sums).groupby(many["part"]).sum())
        apart = np.array([1.0, -1, 0, 0])
        dummies = sm.add_constant(pd.get_dummies(rows["a"])[[1, 2, 3]].astype(float))
        glm = sm.GLM(rows["left"], dummies, family=sm.families.Binomial()).fit()
        ratios.append(np.sqrt(apart @ spread @ apart) / glm.bse.iloc[1])
    assert 0.9 < np.mean(ratios) < 1.1


@pytest.mark.parametrize("left", [0, 10])
def test_an_outcome_that_never_varies_has_no_calibration(left):
    """Nobody left, or everybody: slope and intercept are missing."""
    scores, users = np.array([0.0, 1.0]), np.array([5, 5])
    assert np.isnan(logistic.recalibration(scores, users, np.full(2, left / 2))[0]).all()
    assert np.isnan(logistic.in_the_large(scores, users, np.full(2, left / 2))[0])
