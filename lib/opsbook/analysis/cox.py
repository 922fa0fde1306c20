"""What goes with leaving: Cox regression with Efron's ties, exact from a counted table of durations.

Frequency weights handed to an Efron fit for rows are wrong, because k users of one counted row who leave on one day
are tied with each other; here every one of them is a tied event, so counts and rows give the same likelihood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.special import ndtri
from scipy.stats import chi2, norm

from opsbook.analysis.multiplicity import holm
from opsbook.analysis.survival import checked

METHOD = "Cox regression, exact Efron ties, Wald interval"
LONGEST_STEP = 10.0  # in log hazard of any row, so that no weight overflows on the way
ITERATIONS = 50
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


class _Counts(NamedTuple):
    """Users by day with churn and by pattern of covariates, which is all that the likelihood needs.

    design: one row per pattern. net: users who stop being at risk on a day minus those who enter late on it, days x
    patterns, one day more than `tied`. leaving: churned users, days x patterns; tied: churned users per day.
    """

    design: np.ndarray
    net: csr_array
    leaving: csr_array
    tied: np.ndarray


class _Point(NamedTuple):
    log_likelihood: float
    gradient: np.ndarray
    information: np.ndarray


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
    """
    rows = checked(durations)
    patterns, pattern = _patterns(rows, covariates)
    terms = [term for name in covariates for term in _terms(patterns, name, references or {})]
    compared = _compared(terms)
    stays = ~_belongs(patterns, [term for term in compared if _nobody_left(term)])
    rows, pattern = rows[stays[pattern]], pattern[stays[pattern]]
    kept = _independent(patterns[stays], [t for t in compared if not t["is_reference"] and not _nobody_left(t)])
    design = np.column_stack([_column(patterns, t) for t in kept] or [np.zeros((len(patterns), 0))])
    data = [_count(rows[part], pattern[part], design) for part in _parts(rows, strata)]
    null = _efron(data, np.zeros(len(kept)))
    beta, point, converged = _newton(data, null)
    table = _table(terms, kept, beta, point.information, level)
    users = int((rows["churned"] + rows["censored"]).sum())
    return CoxFit(table, point.log_likelihood, null.log_likelihood, users, int(rows["churned"].sum()), converged)


def proportional_hazards(
    durations: pd.DataFrame, *, covariates: list[str], split_day: float | None = None
) -> pd.DataFrame:
    """Whether the hazard ratios hold throughout: the model fitted before and after split_day, and their difference.

    split_day defaults to the median day of churn. The two parts share no event, so their estimates are independent.
    returns: one row per level estimated in both parts -- covariate, level, split_day, hazard_ratio_early,
             hazard_ratio_late, p (Wald), p_holm
    source:  piecewise-constant coefficients, Therneau & Grambsch 2000, chapter 6
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
    """The covariate whose ratio most clearly changes over time, "" when none does; checks: proportional_hazards."""
    broken = checks[checks["p_holm"] < clear]
    return "" if broken.empty else str(broken.loc[broken["p_holm"].idxmin(), "covariate"])


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


def _column(rows: pd.DataFrame, term: dict) -> np.ndarray:
    values = rows[term["covariate"]]
    return values.to_numpy(float) if term["level"] == "" else (values.astype(str) == term["level"]).to_numpy(float)


def _independent(rows: pd.DataFrame, terms: list[dict]) -> list[dict]:
    """Terms whose column is no combination of a constant and the columns before it."""
    weight = np.sqrt((rows["churned"] + rows["censored"]).to_numpy(float))
    kept: list[dict] = []
    basis = [weight / max(float(np.linalg.norm(weight)), 1e-300)]
    for term in terms:
        column = _column(rows, term) * weight
        rest = column - sum(b * (b @ column) for b in basis)
        if np.linalg.norm(rest) > 1e-9 * max(float(np.linalg.norm(column)), 1.0):
            kept.append(term)
            basis.append(rest / np.linalg.norm(rest))
    return kept


def _patterns(rows: pd.DataFrame, covariates: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """One row per combination of covariates with its users, and the place of each row's combination in it."""
    if not covariates:
        return rows[["churned", "censored"]].sum().to_frame().T, np.zeros(len(rows), dtype="int64")
    groups = rows.groupby(covariates, sort=True, dropna=False, observed=True)
    return groups[["churned", "censored"]].sum().reset_index(), groups.ngroup().to_numpy()


def _count(rows: pd.DataFrame, pattern: np.ndarray, design: np.ndarray) -> _Counts:
    churned = rows["churned"].to_numpy(float)
    users = churned + rows["censored"].to_numpy(float)
    exit_days, entry = rows["duration_days"].to_numpy(float), rows["entry_days"].to_numpy(float)
    days = np.unique(exit_days[churned > 0])
    opens = np.searchsorted(days, np.where(entry <= 0, -np.inf, entry), side="right")
    closes = np.searchsorted(days, exit_days, side="right")
    late, last = opens > 0, np.maximum(closes - 1, 0)
    size = (len(days), len(design))
    net = _by_day(closes, pattern, users, size) - _by_day(opens[late], pattern[late], users[late], size)
    leaving = _by_day(last, pattern, churned, size)[: len(days)]
    size_of = np.bincount(pattern, weights=users, minlength=len(design))
    centre = np.average(design, axis=0, weights=size_of) if users.sum() else 0.0
    return _Counts(design - centre, net, leaving, np.asarray(leaving.sum(axis=1)).ravel().astype("int64"))


def _by_day(day: np.ndarray, pattern: np.ndarray, users: np.ndarray, size: tuple[int, int]) -> csr_array:
    return csr_array((users, (day, pattern)), shape=(size[0] + 1, size[1]))


def _parts(rows: pd.DataFrame, strata: str) -> list[np.ndarray]:
    """Which rows belong to each stratum; all to one without strata."""
    if not strata:
        return [np.ones(len(rows), dtype=bool)]
    names = rows[strata].astype(str)
    return [(names == name).to_numpy() for name in sorted(names.unique())]


def _efron(parts: Sequence[_Counts], beta: np.ndarray) -> _Point:
    """Log-likelihood, gradient and information at beta, added up over the strata."""
    points = [_of_stratum(data, beta) for data in parts]
    nothing = [_Point(0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta))))]
    return _Point(*(sum(values[1:], values[0]) for values in zip(*(points or nothing), strict=True)))


def _of_stratum(data: _Counts, beta: np.ndarray) -> _Point:
    """Efron's partial likelihood of one stratum."""
    if len(data.tied) == 0:
        return _Point(0.0, np.zeros(len(beta)), np.zeros((len(beta), len(beta))))
    score = data.design @ beta
    weight = np.exp(score)
    sums = np.column_stack([np.ones(len(weight)), data.design]) * weight[:, None]
    risk = np.cumsum((data.net @ sums)[:0:-1], axis=0)[::-1]  # from the last day on, so that little cancels
    leaving = data.leaving @ sums
    left, f, starts = _left_at_ties(data.tied, risk[:, 0], leaving[:, 0])
    if not (left > 0).all():  # so far out that the sums at risk have lost their digits
        return _Point(-np.inf, np.zeros(len(beta)), np.zeros((len(beta), len(beta))))
    moments, churned = _moments(left, f, starts), data.leaving.T @ np.ones(len(data.tied))
    held = np.concatenate([[0.0], np.cumsum(moments["one"])])
    pull = weight * (data.net.T @ held - data.leaving.T @ moments["f"])
    spread = (data.design * pull[:, None]).T @ data.design
    information = spread - _outer(risk[:, 1:], leaving[:, 1:], moments)
    return _Point(float(churned @ score - np.log(left).sum()), data.design.T @ (churned - pull), information)


def _left_at_ties(tied: np.ndarray, risk: np.ndarray, leaving: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R - f D and f = k/d for the k-th of d tied users of every day, and where each day starts."""
    starts = np.concatenate([[0], np.cumsum(tied)[:-1]])
    f = (np.arange(tied.sum()) - np.repeat(starts, tied)) / np.repeat(tied, tied)
    return np.repeat(risk, tied) - f * np.repeat(leaving, tied), f, starts


def _moments(left: np.ndarray, f: np.ndarray, starts: np.ndarray) -> dict[str, np.ndarray]:
    """Sums per day, over its tied users, of powers of f over powers of R - f D."""
    terms = {"one": 1 / left, "f": f / left, "q0": 1 / left**2, "q1": f / left**2, "q2": f**2 / left**2}
    return {name: np.add.reduceat(values, starts) for name, values in terms.items()}


def _outer(risk: np.ndarray, leaving: np.ndarray, moments: dict[str, np.ndarray]) -> np.ndarray:
    cross = (risk * moments["q1"][:, None]).T @ leaving
    own = (risk * moments["q0"][:, None]).T @ risk + (leaving * moments["q2"][:, None]).T @ leaving
    return own - cross - cross.T


def _newton(parts: Sequence[_Counts], start: _Point) -> tuple[np.ndarray, _Point, bool]:
    """Climb the concave likelihood from 0, halving a step that would lower it."""
    beta, point = np.zeros(len(start.gradient)), start
    for _ in range(ITERATIONS):
        step = np.linalg.lstsq(point.information, point.gradient, rcond=None)[0]
        furthest = max((float(np.abs(data.design @ step).max(initial=0.0)) for data in parts), default=0.0)
        step = step / max(1.0, furthest / LONGEST_STEP)
        ahead = _efron(parts, beta + step)
        while not ahead.log_likelihood >= point.log_likelihood - 1e-9 and np.abs(step).max() > 1e-12:
            step = step / 2
            ahead = _efron(parts, beta + step)
        gain = ahead.log_likelihood - point.log_likelihood
        beta, point = beta + step, ahead
        if np.abs(step).max(initial=0.0) < 1e-8 or gain < 1e-13 * abs(point.log_likelihood):
            return beta, point, True
    return beta, point, False


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
