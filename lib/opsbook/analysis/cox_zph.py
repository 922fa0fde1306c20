"""Do hazard ratios hold throughout: the test of Grambsch and Therneau, as R's cox.zph, from counts.

A coefficient that moves with a transform g of time adds x g(t) to the model. The score test of that addition needs
the fit without it alone, and per day the same sums that the fit itself needs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import chi2

from opsbook.analysis import cox, survival
from opsbook.analysis.cox_likelihood import efron, newton
from opsbook.analysis.multiplicity import holm

METHOD = "Grambsch-Therneau score test, exact Efron ties"
GLOBAL = ""
COLUMNS = ["covariate", "chi2", "degrees", "p", "p_holm"]


def constancy(
    durations: pd.DataFrame, *, covariates: list[str], transform: str = "km", strata: str = "", terms: bool = True
) -> pd.DataFrame:
    """Whether the log hazard ratios of each covariate, and of all together, are constant over the transform of time.

    durations, covariates, strata: as in `cox.fit`
    transform: km (1 - Kaplan-Meier of everybody just before the day), rank (mean rank of the day among all users' last
               days) or identity (the day)
    terms:     one test per covariate with all its levels; False = one per level, as `covariate` then names
    returns:   one row per covariate with a coefficient -- covariate, chi2, degrees, p, p_holm (over the covariates) --
               and the global test, whose covariate is GLOBAL and whose p_holm is missing
    source:    Grambsch & Therneau 1994 in the form of survival 3's cox.zph: the score of x g(t) at the fit, with the
               information of the enlarged model

    >>> import pandas as pd
    >>> from opsbook import cox_zph
    >>> days = {"duration_days": [5, 10, 20, 30] * 2, "channel": ["ads"] * 4 + ["search"] * 4}
    >>> counts = {"churned": [40, 10, 5, 0, 10, 15, 15, 0], "censored": [0, 0, 0, 45, 0, 0, 0, 160]}
    >>> found = cox_zph.constancy(pd.DataFrame(days | counts), covariates=["channel"])
    >>> print(found[["covariate", "chi2", "degrees", "p"]].round(4).to_string(index=False))
    covariate    chi2  degrees      p
      channel 15.4162        1 0.0001
              15.4162        1 0.0001
    """
    told = cox.model(durations, covariates=covariates, strata=strata)
    names = [term["covariate"] if terms else f"{term['covariate']}{term['level']}" for term in told.kept]
    if not names or not sum(part.tied.sum() for part in told.parts):
        return pd.DataFrame(columns=COLUMNS)
    beta, _point, _converged = newton(told.parts, efron(told.parts, np.zeros(len(names))))
    clock = TRANSFORMS[transform](told.rows)
    times = [clock(part.days) for part in told.parts]
    score, information = _enlarged(told.parts, beta, times)
    rows = [(name, *_score_test(score, information, _places(names, name))) for name in dict.fromkeys(names)]
    whole = (GLOBAL, *_score_test(score, information, np.arange(len(names))))
    table = pd.DataFrame([*rows, whole], columns=COLUMNS[:3])
    table["p"] = chi2.sf(table["chi2"], table["degrees"])
    own = table["covariate"].ne(GLOBAL)
    return table.assign(p_holm=holm(table["p"].where(own)))


Clock = Callable[[np.ndarray], np.ndarray]


def _by_km(rows: pd.DataFrame) -> Clock:
    steps = survival.kaplan_meier(rows)
    left = np.concatenate([[0.0], 1 - steps["active"].to_numpy()])
    return lambda days: left[np.searchsorted(steps["duration_days"].to_numpy(), days, side="left")]


def _by_rank(rows: pd.DataFrame) -> Clock:
    ends = (rows["churned"] + rows["censored"]).groupby(rows["duration_days"]).sum()
    rank = ends.cumsum() - (ends - 1) / 2
    return lambda days: rank.reindex(days).to_numpy(float)


def _by_day(rows: pd.DataFrame) -> Clock:
    return lambda days: days.astype(float)


TRANSFORMS: dict[str, Callable[[pd.DataFrame], Clock]] = {"km": _by_km, "rank": _by_rank, "identity": _by_day}


def _enlarged(parts: list[cox.Counts], beta: np.ndarray, times: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Score of x g(t), and the information of x and x g(t) together; g is centred, which changes no test."""
    users = np.concatenate([part.tied for part in parts])
    mean = np.average(np.concatenate(times), weights=users)
    g = [time - mean for time in times]
    plain, once = efron(parts, beta), efron(parts, beta, by_day=g)
    twice = efron(parts, beta, by_day=[time**2 for time in g])
    information = np.block([[plain.information, once.information], [once.information, twice.information]])
    return once.gradient, information


def _places(names: list[str], name: str) -> np.ndarray:
    return np.flatnonzero(np.array(names) == name)


def _score_test(score: np.ndarray, information: np.ndarray, places: np.ndarray) -> tuple[float, int]:
    """Chi-square and degrees of the columns at `places` added to all coefficients of the fit."""
    size = len(score)
    asked = np.concatenate([np.arange(size), size + places])
    u = np.concatenate([np.zeros(size), score[places]])
    found = np.linalg.lstsq(information[np.ix_(asked, asked)], u, rcond=None)[0]
    return float(found @ u), len(places)
