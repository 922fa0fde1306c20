"""The same question asked of time instead of risk: by which factor a level stretches or shortens the stay."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from lifelines import LogLogisticAFTFitter, WeibullAFTFitter
from lifelines.exceptions import ConvergenceError

from opsbook.analysis.life_table import checked

METHOD = "accelerated failure time, lifelines on counted rows"
MODELS = {"weibull": (WeibullAFTFitter, "lambda_"), "log_logistic": (LogLogisticAFTFitter, "alpha_")}
COLUMNS = ["model", "covariate", "level", "reference", "users", "time_ratio", "low", "high", "p"]
HALF_DAY = 0.5  # days are whole: an exit lies somewhere inside its day, and no duration may be 0


def time_ratios(durations: pd.DataFrame, *, covariates: Sequence[str], level: float = 0.95) -> pd.DataFrame:
    """Time ratios of every level against the most frequent one, from a Weibull and a log-logistic model.

    durations: one row per (entry_days, duration_days, <covariates>) -- churned, censored (users); text covariates
    returns:   one row per model, covariate and level but the reference -- model, covariate, level, reference, users,
               time_ratio (above 1 = stays longer) with low and high, p; no rows where a model finds no estimate
    source:    Kalbfleisch & Prentice 2002, chapter 7; rows weighted by their users

    >>> from opsbook import aft, time_to_churn, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 14}
    >>> durations = time_to_churn.durations(tiny.user_days, tiny.users, **span, by=["channel"])
    >>> ratios = aft.time_ratios(durations, covariates=["channel"])
    >>> shown = ratios[["model", "level", "reference", "users", "time_ratio", "low", "high"]]
    >>> print(shown.round(2).to_string(index=False))
           model level reference  users  time_ratio  low  high
         weibull   ads    search     19        0.12 0.05  0.28
    log_logistic   ads    search     19        0.13 0.06  0.27
    """
    rows, known = checked(durations), []
    design = pd.DataFrame(index=rows.index)
    for name in covariates:
        users = (rows["churned"] + rows["censored"]).groupby(rows[name].astype(str)).sum()
        reference = str(users.sort_index().idxmax())
        for one in sorted(set(users.index) - {reference}):
            design[f"{name}={one}"] = (rows[name].astype(str) == one).astype(float)
            known.append((f"{name}={one}", name, one, reference, int(users[one])))
    if not known or not rows["churned"].sum():
        return pd.DataFrame(columns=COLUMNS)
    data = _as_rows(rows, design)
    parts = [_estimates(model, data, known, level) for model in MODELS]
    return pd.concat(parts, ignore_index=True) if any(len(part) for part in parts) else pd.DataFrame(columns=COLUMNS)


def agree(table: pd.DataFrame, *, clear: float = 0.05) -> tuple[int, int]:
    """How many levels both models call clear in one direction, and how many either calls clear.

    >>> import pandas as pd
    >>> from opsbook import aft
    >>> ratios = pd.DataFrame({"model": ["weibull", "log_logistic"], "covariate": "channel", "level": "ads"})
    >>> aft.agree(ratios.assign(time_ratio=[0.6, 0.7], p=[0.01, 0.20]))
    (0, 1)
    """
    wide = table.assign(sign=np.sign(np.log(table["time_ratio"].astype(float))) * (table["p"].astype(float) < clear))
    signs = wide.pivot_table(index=["covariate", "level"], columns="model", values="sign")
    if signs.shape[1] < 2:
        return 0, 0
    either = signs[(signs != 0).any(axis=1)]
    return int((either.iloc[:, 0] == either.iloc[:, 1]).sum()), len(either)


def _as_rows(rows: pd.DataFrame, design: pd.DataFrame) -> pd.DataFrame:
    base = design.assign(time=rows["duration_days"] + HALF_DAY, entry=rows["entry_days"].clip(lower=0).astype(float))
    parts = [base.assign(left=flag, users=rows[name]) for flag, name in ((1, "churned"), (0, "censored"))]
    both = pd.concat(parts)
    return both[both["users"] > 0].reset_index(drop=True)


def _estimates(model: str, data: pd.DataFrame, known: Sequence[tuple], level: float) -> pd.DataFrame:
    fitter, parameter = MODELS[model]
    late = {"entry_col": "entry"} if (data["entry"] > 0).any() else {}
    plain = data if late else data.drop(columns="entry")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifelines warns of weights, which here are whole users
        try:
            fit = fitter(alpha=1 - level).fit(plain, "time", "left", weights_col="users", **late)
        except ConvergenceError:
            return pd.DataFrame(columns=COLUMNS)
    found = fit.summary.loc[parameter]
    bounds = [name for name in found if name.startswith("exp(coef) ")]
    rows = [
        (model, *about, *found.loc[column, ["exp(coef)", *bounds]], found.loc[column, "p"]) for column, *about in known
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
