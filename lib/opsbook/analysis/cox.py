"""What goes with leaving: Cox regression with Efron's ties, exact from a counted table of durations.

Frequency weights handed to an Efron fit for rows are wrong, because k users of one counted row who leave on one day
are tied with each other; here every one of them is a tied event, so counts and rows give the same likelihood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import chi2, norm

from opsbook.analysis.cox_likelihood import Counts, count, efron, newton
from opsbook.analysis.life_table import checked
from opsbook.analysis.multiplicity import holm

METHOD = "Cox regression, exact Efron ties, Wald interval"
UNBOUNDED = 100.0  # a standard error this large means that the likelihood has no top in that direction
COLUMNS = [
    "covariate", "level", "is_reference", "users", "users_churned",
    "coefficient", "standard_error", "hazard_ratio", "low", "high", "p",
]  # fmt: skip


@dataclass(frozen=True)
class CoxFit:
    """One row per level of every covariate in `table`, with the fit's log-likelihood, users and churned users."""

    table: pd.DataFrame
    log_likelihood: float
    log_likelihood_null: float
    n: int
    churned: int
    converged: bool

    @property
    def p(self) -> float:
        """Likelihood-ratio test that no covariate matters."""
        degrees = int(self.table["coefficient"].notna().sum() - self.table["is_reference"].sum())
        if degrees < 1:
            return float("nan")
        return float(chi2.sf(2 * (self.log_likelihood - self.log_likelihood_null), degrees))


def fit(
    durations: pd.DataFrame,
    *,
    covariates: list[str],
    strata: str = "",
    references: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Hazard ratios of the covariates for the risk of leaving.

    durations: one row per (entry_days, duration_days, <covariates>) -- churned, censored (users). A text covariate is
               compared level by level with its most frequent level, or that of `references` (covariate -> level);
               a number is taken per unit.
    strata:    a column whose levels have a risk over time of their own, so that users are compared inside one only
    returns:   CoxFit; its table has one row per level -- covariate, level, is_reference, users, users_churned,
               coefficient, standard_error, hazard_ratio, low, high, p. Levels that nobody left, or that another
               covariate repeats, have no estimate.
    source:    Cox 1972; Efron 1977: sum d_j x_j b - sum_{k<d} log(R - (k/d) D) on every day with d churned users

    >>> import pandas as pd
    >>> from opsbook import cox
    >>> days = {"duration_days": [5, 10, 20, 5, 10, 20], "channel": ["ads"] * 3 + ["search"] * 3}
    >>> durations = pd.DataFrame(days | {"churned": [30, 20, 5, 10, 15, 10], "censored": [0, 0, 45, 0, 0, 165]})
    >>> table = cox.fit(durations, covariates=["channel"]).table
    >>> print(table[["level", "is_reference", "users", "hazard_ratio", "low", "high"]].round(2).to_string(index=False))
     level  is_reference  users  hazard_ratio  low  high
    search          True    200          1.00 1.00  1.00
       ads         False    100          4.35 2.84  6.66
    """
    told = model(durations, covariates=covariates, strata=strata, references=references)
    null = efron(told.parts, np.zeros(len(told.kept)))
    beta, point, converged = newton(told.parts, null)
    table = _table(told.terms, told.kept, beta, point.information, level)
    churned = int(sum(part.tied.sum() for part in told.parts))
    return CoxFit(table, point.log_likelihood, null.log_likelihood, told.users, churned, converged)


class Model(NamedTuple):
    """A model before it is fitted: all terms, those with a coefficient, the counted strata, and the users."""

    terms: list[dict]
    kept: list[dict]
    parts: list[Counts]
    users: int
    rows: pd.DataFrame


def model(
    durations: pd.DataFrame,
    *,
    covariates: list[str],
    strata: str = "",
    references: Mapping[str, str] | None = None,
) -> Model:
    """The terms and the counted strata of a model; parameters as in `fit`.

    >>> import pandas as pd
    >>> from opsbook import cox
    >>> days = {"duration_days": [5, 10, 5, 10], "channel": ["ads", "ads", "search", "search"]}
    >>> durations = pd.DataFrame(days | {"churned": [30, 0, 10, 0], "censored": [0, 70, 0, 190]})
    >>> told = cox.model(durations, covariates=["channel"])  # the larger channel is the reference
    >>> [term["level"] for term in told.kept]
    ['ads']
    """
    rows = checked(durations)
    patterns, pattern = _patterns(rows, covariates)
    terms = [term for name in covariates for term in _terms(patterns, name, references or {})]
    compared = _compared(terms)
    stays = ~_belongs(patterns, [term for term in compared if _nobody_left(term)])
    rows, pattern = rows[stays[pattern]], pattern[stays[pattern]]
    kept = _independent(patterns[stays], [t for t in compared if not t["is_reference"] and not _nobody_left(t)])
    design = np.column_stack([column(patterns, t) for t in kept] or [np.zeros((len(patterns), 0))])
    parts = [count(rows[part], pattern[part], design) for part in _parts(rows, strata)]
    return Model(terms, kept, parts, int((rows["churned"] + rows["censored"]).sum()), rows)


def proportional_hazards(
    durations: pd.DataFrame, *, covariates: list[str], split_day: float | None = None
) -> pd.DataFrame:
    """Whether the hazard ratios hold throughout: the model fitted before and after split_day, and their difference.

    split_day defaults to the median day of churn. The two parts share no event, so their estimates are independent.
    returns: one row per level estimated in both parts -- covariate, level, split_day, hazard_ratio_early,
             hazard_ratio_late, p (Wald), p_holm
    source:  piecewise-constant coefficients, Therneau & Grambsch 2000, chapter 6

    >>> import pandas as pd
    >>> from opsbook import cox
    >>> days = {"duration_days": [5, 10, 20, 30] * 2, "channel": ["ads"] * 4 + ["search"] * 4}
    >>> counts = {"churned": [40, 10, 5, 0, 10, 15, 15, 0], "censored": [0, 0, 0, 45, 0, 0, 0, 160]}
    >>> found = cox.proportional_hazards(pd.DataFrame(days | counts), covariates=["channel"], split_day=7)
    >>> print(found[["level", "hazard_ratio_early", "hazard_ratio_late", "p"]].round(3).to_string(index=False))
    level  hazard_ratio_early  hazard_ratio_late   p
      ads               9.858              1.703 0.0
    """
    rows = checked(durations)
    split = _median_churn_day(rows) if split_day is None else float(split_day)
    same = _references(rows, covariates)
    early = fit(_until(rows, split), covariates=covariates, references=same).table
    late = fit(_after(rows, split), covariates=covariates, references=same).table
    both = early.merge(late, on=["covariate", "level"], suffixes=("_early", "_late"))
    both = both[both["standard_error_early"].notna() & both["standard_error_late"].notna()]
    error = np.hypot(both["standard_error_early"], both["standard_error_late"])
    z: pd.Series = (both["coefficient_early"] - both["coefficient_late"]) / error
    checks = both[["covariate", "level", "hazard_ratio_early", "hazard_ratio_late"]].assign(p=2 * norm.sf(np.abs(z)))
    checks.insert(2, "split_day", split)
    return checks.assign(p_holm=holm(checks["p"])).reset_index(drop=True)


def needs_strata(checks: pd.DataFrame, *, clear: float = 0.05) -> str:
    """The covariate whose ratio most clearly changes over time, "" when none does; checks: `cox_zph.constancy`.

    >>> import pandas as pd
    >>> from opsbook import cox
    >>> checks = pd.DataFrame({"covariate": ["channel", "platform"], "p": [0.001, 0.3], "p_holm": [0.002, 0.3]})
    >>> cox.needs_strata(checks)
    'channel'
    """
    broken = checks[checks["p_holm"] < clear]
    return "" if broken.empty else str(broken.loc[broken["p"].idxmin(), "covariate"])


def _references(rows: pd.DataFrame, covariates: list[str]) -> dict[str, str]:
    """The reference level of every covariate of the whole, so that its parts compare with the same one."""
    patterns, _pattern = _patterns(rows, covariates)
    terms = [term for name in covariates for term in _terms(patterns, name, {})]
    return {term["covariate"]: term["level"] for term in terms if term["is_reference"]}


def _terms(rows: pd.DataFrame, name: str, references: Mapping[str, str]) -> list[dict]:
    """The levels of a covariate with their users, the most frequent first as the reference; one term for a number."""
    users = rows["churned"] + rows["censored"]
    if pd.api.types.is_numeric_dtype(rows[name]) and not pd.api.types.is_bool_dtype(rows[name]):
        counts = {"users": int(users.sum()), "users_churned": int(rows["churned"].sum())}
        return [{"covariate": name, "level": "", "is_reference": False, **counts}]
    by = pd.DataFrame({"level": rows[name].astype(str), "users": users, "users_churned": rows["churned"]})
    levels = by.groupby("level")[["users", "users_churned"]].sum().reset_index()
    levels = levels.sort_values(["users", "level"], ascending=[False, True], kind="stable")
    left = levels.loc[levels["users_churned"] > 0, "level"].tolist()
    first = [references[name]] if references.get(name) in left else left[:1]
    return [{"covariate": name, "is_reference": row["level"] in first, **row} for row in levels.to_dict("records")]


def _compared(terms: list[dict]) -> list[dict]:
    """Terms of covariates in which at least two levels were left; the others cannot be compared and cost no user."""
    left = Counter(term["covariate"] for term in terms if term["users_churned"] or term["level"] == "")
    return [term for term in terms if left[term["covariate"]] > 1 or term["level"] == ""]


def _nobody_left(term: dict) -> bool:
    """A level without churn: its coefficient runs to minus infinity, which equals leaving its users out."""
    return term["level"] != "" and term["users_churned"] == 0


def _belongs(rows: pd.DataFrame, terms: list[dict]) -> np.ndarray:
    member = np.zeros(len(rows), dtype=bool)
    for term in terms:
        member |= (rows[term["covariate"]].astype(str) == term["level"]).to_numpy()
    return member


def column(rows: pd.DataFrame, term: dict) -> np.ndarray:
    """The term's column of the design: the number itself, or 1 where the covariate has the term's level.

    >>> import pandas as pd
    >>> from opsbook import cox
    >>> rows = pd.DataFrame({"channel": ["ads", "search", "ads"], "age": [20, 30, 40]})
    >>> cox.column(rows, {"covariate": "channel", "level": "ads"}).tolist()
    [1.0, 0.0, 1.0]
    >>> cox.column(rows, {"covariate": "age", "level": ""}).tolist()
    [20.0, 30.0, 40.0]
    """
    values = rows[term["covariate"]]
    return values.to_numpy(float) if term["level"] == "" else (values.astype(str) == term["level"]).to_numpy(float)


def _independent(rows: pd.DataFrame, terms: list[dict]) -> list[dict]:
    """Terms whose column is no combination of a constant and the columns before it."""
    weight = np.sqrt((rows["churned"] + rows["censored"]).to_numpy(float))
    kept: list[dict] = []
    basis = [weight / max(float(np.linalg.norm(weight)), 1e-300)]
    for term in terms:
        own = column(rows, term) * weight
        rest = own - sum(b * (b @ own) for b in basis)
        if np.linalg.norm(rest) > 1e-9 * max(float(np.linalg.norm(own)), 1.0):
            kept.append(term)
            basis.append(rest / np.linalg.norm(rest))
    return kept


def _patterns(rows: pd.DataFrame, covariates: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """One row per combination of covariates with its users, and the place of each row's combination in it."""
    if not covariates:
        return rows[["churned", "censored"]].sum().to_frame().T, np.zeros(len(rows), dtype="int64")
    groups = rows.groupby(covariates, sort=True, dropna=False, observed=True)
    return groups[["churned", "censored"]].sum().reset_index(), groups.ngroup().to_numpy()


def _parts(rows: pd.DataFrame, strata: str) -> list[np.ndarray]:
    """Which rows belong to each stratum; all to one without strata."""
    if not strata:
        return [np.ones(len(rows), dtype=bool)]
    names = rows[strata].astype(str)
    return [(names == name).to_numpy() for name in sorted(names.unique())]


def _table(
    terms: list[dict], kept: list[dict], beta: np.ndarray, information: np.ndarray, level: float
) -> pd.DataFrame:
    error = np.sqrt(np.maximum(np.diag(np.linalg.pinv(information)), 0.0)) if len(beta) else np.zeros(0)
    bounded = [(t, b, se) for t, b, se in zip(kept, beta, error, strict=True) if 0 < se < UNBOUNDED]
    estimates = {(t["covariate"], t["level"]): (b, se) for t, b, se in bounded}
    table = pd.DataFrame(terms, columns=COLUMNS[:5])
    found = [(0.0, 0.0) if t["is_reference"] else estimates.get((t["covariate"], t["level"])) for t in terms]
    b, se = np.array([pair or (np.nan, np.nan) for pair in found], dtype=float).reshape(-1, 2).T
    se, half = np.where(table["is_reference"], np.nan, se), ndtri(0.5 + level / 2) * se
    p = 2 * norm.sf(np.abs(b / np.where(se > 0, se, np.nan)))
    intervals = {"low": np.exp(b - half), "high": np.exp(b + half)}
    return table.assign(coefficient=b, standard_error=se, hazard_ratio=np.exp(b), **intervals, p=p)[COLUMNS]


def _median_churn_day(rows: pd.DataFrame) -> float:
    by_day = rows.groupby("duration_days")["churned"].sum().cumsum()
    return float(by_day.index[np.searchsorted(by_day, by_day.iloc[-1] / 2)]) if len(by_day) else float("nan")


def _until(rows: pd.DataFrame, day: float) -> pd.DataFrame:
    """The same users watched no longer than `day`."""
    longer = rows["duration_days"] > day
    cut = rows.assign(
        churned=rows["churned"].where(~longer, 0),
        censored=(rows["censored"] + rows["churned"]).where(longer, rows["censored"]),
        duration_days=rows["duration_days"].where(~longer, day),
    )
    return cut[(cut["entry_days"] <= 0) | (cut["entry_days"] < cut["duration_days"])]


def _after(rows: pd.DataFrame, day: float) -> pd.DataFrame:
    """The users still watched after `day`, entering there."""
    rest = rows[rows["duration_days"] > day]
    return rest.assign(entry_days=rest["entry_days"].clip(lower=max(day, 0.5)))
