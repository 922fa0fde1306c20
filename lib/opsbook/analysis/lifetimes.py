"""Curves with a formula, so that a survival curve can be carried beyond the data, if it proves itself on held-out days.

All are fitted to the counted table that `life_table` describes: a user who churned on day d left between the beginnings
of the days d and d + 1, a censored one had not left by the end of the day, and one who entered late counts from that
day on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betaln, expit, log_ndtr, logit, ndtri

from opsbook.analysis.life_table import checked
from opsbook.analysis.likelihood import Fit, Slope, maximise

METHOD = "maximum likelihood on counted days, delta method"
LEAST = 1e-300
Values = np.ndarray
Survival = Callable[[Values, np.ndarray], np.ndarray]
CURVE = ["day", "active", "low", "high"]


class Family(NamedTuple):
    """A formula: names and first guesses of its (positive) parameters; the share active at the beginning of a day."""

    names: tuple[str, ...]
    starts: tuple[tuple[float, ...], ...]
    survival: Survival


class Expected(NamedTuple):
    """Mean active days within `horizon_days` under a fit, with its interval and the users behind it."""

    value: float
    low: float
    high: float
    n: int
    horizon_days: int


def _exponential(values: Values, t: np.ndarray) -> np.ndarray:
    return np.exp(-t / values[0])


def _weibull(values: Values, t: np.ndarray) -> np.ndarray:
    return np.exp(-((t / values[0]) ** values[1]))


def _log_logistic(values: Values, t: np.ndarray) -> np.ndarray:
    return 1 / (1 + (t / values[0]) ** values[1])


def _log_normal(values: Values, t: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.exp(log_ndtr(-np.log(t / values[0]) / values[1]))


def _beta_discrete_weibull(values: Values, t: np.ndarray) -> np.ndarray:
    alpha, beta, shape = values
    return np.exp(betaln(alpha, beta + t**shape) - betaln(alpha, beta))


def _cured(survival: Survival) -> Survival:
    """Some never leave: the last parameter is their number per one who does."""

    def mixed(values: Values, t: np.ndarray) -> np.ndarray:
        return np.asarray((values[-1] + survival(values[:-1], t)) / (1 + values[-1]))

    return mixed


TWO = ("scale", "shape")
GUESSES = ((10.0, 0.6), (60.0, 1.0), (300.0, 0.4))
FAMILIES: dict[str, Family] = {
    "exponential": Family(("scale",), ((30.0,),), _exponential),
    "weibull": Family(TWO, GUESSES, _weibull),
    "log_logistic": Family(TWO, GUESSES, _log_logistic),
    "log_normal": Family(("scale", "spread"), ((10.0, 2.0), (60.0, 1.0), (300.0, 3.0)), _log_normal),
    "beta_discrete_weibull": Family(
        ("alpha", "beta", "shape"), ((0.7, 1.5, 1.0), (0.5, 5.0, 0.7), (2.0, 20.0, 0.6)), _beta_discrete_weibull
    ),
    "weibull_cure": Family(
        (*TWO, "staying_odds"), tuple((*guess, odds) for guess in GUESSES for odds in (0.1, 0.5)), _cured(_weibull)
    ),
    "log_normal_cure": Family(
        ("scale", "spread", "staying_odds"), ((10.0, 2.0, 0.1), (60.0, 1.0, 0.3)), _cured(_log_normal)
    ),
}


def fit(durations: pd.DataFrame, *, family: str) -> Fit:
    """The parameters of one formula by maximum likelihood.

    durations: one row per (entry_days, duration_days) -- churned, censored (users), whole days
    raises:    KeyError for a family that is not in FAMILIES
    source:    interval-censored likelihood with left truncation (Klein & Moeschberger 2003, section 3.5); the
               beta-discrete-Weibull is Fader, Hardie, Liu, Davin, Steenburgh 2018

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 1, 2], "churned": [32, 16, 8],
    ...                           "censored": [0, 0, 8]})
    >>> found = fit(durations, family="exponential")
    >>> print(f"half leave every day: {found.values[0]:.3f} = 1 / ln 2 = {1 / np.log(2):.3f} days")
    half leave every day: 1.443 = 1 / ln 2 = 1.443 days
    """
    form, rows = FAMILIES[family], checked(durations)
    day, entry = rows["duration_days"].to_numpy(float), rows["entry_days"].to_numpy(float)
    left, kept = rows["churned"].to_numpy(float), rows["censored"].to_numpy(float)
    late = np.where(entry > 0, entry + 1, 0.0)

    def total(values: Values) -> float:
        here, after, at_entry = (form.survival(values, t) for t in (day, day + 1, late))
        logs = [left @ np.log(np.maximum(here - after, LEAST)), kept @ np.log(np.maximum(after, LEAST))]
        return float(sum(logs) - (left + kept) @ np.log(np.maximum(at_entry, LEAST)))

    users = int(left.sum() + kept.sum())
    return maximise(_with_slope(total), names=form.names, starts=form.starts, n=users)


def fits(durations: pd.DataFrame, *, families: Sequence[str] = tuple(FAMILIES)) -> dict[str, Fit]:
    """Every formula fitted to the same users; those that found no inner maximum are left out.

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 1, 3, 7, 20, 60],
    ...                           "churned": [100, 60, 50, 40, 30, 0], "censored": [0, 0, 0, 0, 0, 120]})
    >>> found = fits(durations, families=["exponential", "weibull", "log_normal"])
    >>> {name: round(one.log_likelihood) for name, one in found.items()}
    {'exponential': -1237, 'weibull': -950, 'log_normal': -937}
    """
    if checked(durations)["churned"].sum() < 10:
        return {}
    made = {family: fit(durations, family=family) for family in families}
    return {family: found for family, found in made.items() if found.converged}


def share_active(fitted: Fit, *, family: str, days: Sequence[int] | np.ndarray, level: float = 0.95) -> pd.DataFrame:
    """Share not yet churned after each day under a fit -- day, active (0-1), low, high (delta method on the logit).

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 1, 2], "churned": [32, 16, 8],
    ...                           "censored": [0, 0, 8]})
    >>> found = fit(durations, family="exponential")
    >>> print(share_active(found, family="exponential", days=[0, 1, 9]).round(3).to_string(index=False))
     day  active   low  high
       0   0.500 0.408 0.592
       1   0.250 0.169 0.353
       9   0.001 0.000 0.006
    """
    times = np.asarray(days, dtype=float) + 1
    survival = FAMILIES[family].survival

    def logits(values: Values) -> np.ndarray:
        return logit(np.clip(survival(values, times), 1e-12, 1 - 1e-12))

    half = float(ndtri(0.5 + level / 2)) * np.sqrt(fitted.variance_of(logits))
    middle = logits(fitted.values)
    columns = [np.asarray(days), survival(fitted.values, times), expit(middle - half), expit(middle + half)]
    return pd.DataFrame(dict(zip(CURVE, columns, strict=True)))


def expected_days(fitted: Fit, *, family: str, horizon_days: int, level: float = 0.95) -> Expected:
    """Mean days until churn within a horizon that may lie beyond the data: the area under the fitted curve.

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 1, 2], "churned": [32, 16, 8],
    ...                           "censored": [0, 0, 8]})
    >>> fitted = fit(durations, family="exponential")
    >>> found = expected_days(fitted, family="exponential", horizon_days=30)
    >>> print(f"{found.value:.2f} days [{found.low:.2f}; {found.high:.2f}] within {found.horizon_days}")
    1.50 days [1.13; 1.87] within 30
    """
    edges = np.arange(0.0, horizon_days + 1)
    survival = FAMILIES[family].survival

    def area(values: Values) -> np.ndarray:
        return np.array([np.trapezoid(survival(values, edges), edges)])

    value = float(area(fitted.values)[0])
    half = float(ndtri(0.5 + level / 2) * np.sqrt(fitted.variance_of(area)[0]))
    return Expected(value, max(value - half, 0.0), min(value + half, horizon_days), fitted.n, horizon_days)


def _with_slope(total: Callable[[Values], float]) -> Callable[[Values], Slope]:
    """The sum with its derivatives by central differences, relative to each parameter's size."""

    def both(values: Values) -> Slope:
        moves = np.diag(values * 1e-5)
        slopes = [(total(values + move) - total(values - move)) / (2 * move.sum()) for move in moves]
        return total(values), np.array(slopes)

    return both
