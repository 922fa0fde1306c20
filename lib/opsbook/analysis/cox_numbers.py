"""Numbers as numbers: the hazard ratio per standard deviation more, beside the bands that show the shape.

Bands of a number are exact from counts; the number itself has about as many values as users, so it is fitted on rows,
by lifelines, on a seeded sample of users where there are many.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError, ConvergenceWarning, StatError
from scipy.special import ndtri
from scipy.stats import chi2, norm

from opsbook.analysis import cox, landmark
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "Cox regression on rows by lifelines, Efron ties, Wald interval"
MOST = 20_000
EXACT = {"r_precision": 1e-16}  # lifelines' own stops too early on large data
DAYS = ["entry_days", "duration_days", "churned"]
COLUMNS = [
    "covariate", "users", "users_churned", "followed", "deviation", "coefficient", "standard_error", "hazard_ratio",
    "low", "high", "p", "p_bands",
]  # fmt: skip


def per_deviation(
    lives: Tabular,
    user_days: Tabular,
    *,
    landmark_days: int,
    early: Sequence[str] = ("active_days",),
    min_cell: int = 10,
    seed: int,
    most: int = MOST,
) -> pd.DataFrame:
    """Every covariate that is a number of many values, taken per standard deviation, the others level by level.

    lives, user_days, landmark_days, early: as in `landmark.durations`; most: users drawn where more are followed
    returns: one row per number -- columns COLUMNS: users (in the fit: those whose number is known), users_churned,
             followed (of whom they were drawn), deviation (one standard deviation, in the number's own unit),
             hazard_ratio per deviation with low, high, p; p_bands: likelihood ratio of line and bands against the line
    source:  Cox 1972, Efron 1977; one model per number

    >>> import pandas as pd
    >>> from opsbook import cox_numbers
    >>> at = range(200)
    >>> lives = {"user": at, "first_day": pd.Timestamp("2026-01-01"), "entry_days": 0}
    >>> lives |= {"age": [20.0 + u % 40 for u in at]}
    >>> lives |= {"duration_days": [12 + (u * 7) % 30 + u % 40 for u in at], "fate": ["gone", "undecided"] * 100}
    >>> visits = pd.DataFrame({"user": at, "day": pd.Timestamp("2026-01-02")})
    >>> found = cox_numbers.per_deviation(pd.DataFrame(lives), visits, landmark_days=7, seed=1)
    >>> print(found[["covariate", "users", "deviation", "hazard_ratio", "low", "high"]].round(2).to_string(index=False))
    covariate  users  deviation  hazard_ratio  low  high
          age    200      11.54          0.25 0.19  0.34
    """
    lives = engine_table(lives)
    alive = landmark.still_there(lives, landmark_days=landmark_days)
    names, followed = landmark.numbers(alive), int(alive.count().to_pandas())
    if not names:
        return pd.DataFrame(columns=COLUMNS)
    drawn = alive.mutate(drawn=(_.user.cast("string") + f":{seed}").hash()).order_by("drawn", "user").limit(most)
    drawn = drawn.drop("drawn")
    counted = landmark.durations(drawn, user_days, landmark_days=landmark_days, early=early, numbers=names)
    rows = [_row(counted, name, min_cell) | {"followed": followed} for name in names]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(counted: pd.DataFrame, name: str, min_cell: int) -> dict[str, object]:
    """The fit of one number on the users of whom it is known."""
    number = f"{landmark.NUMBER}{name}"
    known = counted.dropna(subset=[number]).drop(columns=[c for c in _numbers(counted) if c != number])
    table = landmark.pooled(known, min_cell=min_cell)
    users = (table["churned"] + table["censored"]).to_numpy(float)
    told = {"covariate": name, "users": int(users.sum()), "users_churned": int(table["churned"].sum())}
    if not len(table) or table[number].nunique() < 2:
        return told
    mean = np.average(table[number], weights=users)
    deviation = float(np.sqrt(np.average((table[number] - mean) ** 2, weights=users)))
    table = table.assign(**{number: (table[number] - mean) / deviation})
    others = [other for other in landmark.covariates(table) if other != name]
    return told | {"deviation": deviation} | line(table, number, others) | {"p_bands": _bands(table, name, others)}


def _numbers(counted: pd.DataFrame) -> list[str]:
    return [str(name) for name in counted if str(name).startswith(landmark.NUMBER)]


def line(table: pd.DataFrame, number: str, others: list[str]) -> dict[str, float]:
    """Coefficient and interval of the number by lifelines on one row per user; empty where it finds no top.

    table: one row per (entry_days, duration_days, number, others...) -- churned, censored (users)

    >>> import pandas as pd
    >>> from opsbook import cox_numbers
    >>> rows = {"entry_days": 0, "duration_days": [5, 10, 20] * 2, "visits": [1.0] * 3 + [4.0] * 3}
    >>> table = pd.DataFrame(rows | {"churned": [30, 20, 0, 10, 15, 0], "censored": [0, 0, 50, 0, 0, 175]})
    >>> found = cox_numbers.line(table, "visits", [])
    >>> {name: round(float(value), 2) for name, value in found.items()}
    {'coefficient': -0.55, 'standard_error': 0.08, 'hazard_ratio': 0.57, 'low': 0.49, 'high': 0.68, 'p': 0.0}
    """
    kept = [term for term in cox.model(table, covariates=[*others, number]).kept if term["covariate"] != number]
    levels = {f"{term['covariate']}: {term['level']}": cox.column(table, term) for term in kept}
    users = pd.concat([_rows(table.assign(**levels), fate) for fate in ("churned", "censored")], ignore_index=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            fit = CoxPHFitter().fit(
                users[[*DAYS, number, *levels]], "duration_days", "churned", entry_col="entry_days", fit_options=EXACT
            )
    except (ConvergenceError, ConvergenceWarning, StatError):
        return {}
    b, error = float(fit.params_[number]), float(fit.standard_errors_[number])
    half = float(ndtri(0.975)) * error
    ends = {"low": float(np.exp(b - half)), "high": float(np.exp(b + half))}
    return {"coefficient": b, "standard_error": error, "hazard_ratio": float(np.exp(b)), **ends} | {
        "p": float(2 * norm.sf(abs(b) / error))
    }


def _rows(table: pd.DataFrame, fate: str) -> pd.DataFrame:
    """One row per user of that fate."""
    rows = table.loc[table.index.repeat(table[fate])]
    return rows.assign(churned=int(fate == "churned"))


def _bands(table: pd.DataFrame, name: str, others: list[str]) -> float:
    """Likelihood ratio of line and bands against the line alone, both exact from counts."""
    number = f"{landmark.NUMBER}{name}"
    line = cox.fit(table, covariates=[*others, number])
    both = cox.fit(table, covariates=[*others, number, name])
    added = int(both.table["standard_error"].notna().sum() - line.table["standard_error"].notna().sum())
    if added < 1:
        return float("nan")
    return float(chi2.sf(max(2 * (both.log_likelihood - line.log_likelihood), 0.0), added))
