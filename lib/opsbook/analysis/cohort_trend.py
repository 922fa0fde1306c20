"""Are newer cohorts better at the same age: a trend over calendar time, and whether the users moved or the mix did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import t as student

from opsbook.analysis import age_shares

MIN_COHORTS = 6
MIN_RETAINED = 20
VAGUE = 0.5  # an interval of the change wider than 50 points tells nothing
METHOD = "logit-linear, quasi-binomial"
CONCLUSIONS = ("cannot_tell", "better", "worse", "mix", "fades", "hidden", "no_trend")
NAMES = ("", "adjusted_", "mix_")
KEYS = ("unit", "age")
COLUMNS = [
    "unit", "age", "first_cohort", "last_cohort", "cohorts", "users", "retained", "start", "end", "change",
    "change_low", "change_high", "dispersion", "adjusted_change", "adjusted_change_low", "adjusted_change_high",
    "mix_change", "mix_change_low", "mix_change_high", "levels", "conclusion",
]  # fmt: skip


class Trend(NamedTuple):
    """Fitted shares of the first and last cohort, their difference with interval, the dispersion (1 = chance)."""

    start: float
    end: float
    change: float
    low: float
    high: float
    dispersion: float


NONE = Trend(*[np.nan] * 6)


def trend(time: np.ndarray, share: np.ndarray, users: np.ndarray, *, level: float = 0.95) -> Trend:
    """The straight line in log-odds through the cohorts' shares, told as the change from the first to the last one.

    time, share (0-1), users: one value per cohort; users weigh
    source: generalised linear model, binomial with log-odds link, dispersion = Pearson chi-square / (cohorts - 2),
            Student interval of the slope with cohorts - 2 degrees of freedom (quasi-binomial, McCullagh & Nelder 1989,
            ch. 4), told in shares around the fitted middle, so that it never leaves what is possible

    >>> import numpy as np
    >>> from opsbook import cohort_trend
    >>> share = np.array([0.30, 0.31, 0.34, 0.33, 0.37, 0.38, 0.41, 0.40])
    >>> found = cohort_trend.trend(np.arange(8), share, np.full(8, 400))
    >>> f"from {found.start:.0%} to {found.end:.0%}: {found.change:+.0%} ({found.low:+.0%} to {found.high:+.0%})"
    'from 30% to 41%: +11% (+8% to +14%)'
    """
    freedom = len(time) - 2
    pooled = float(np.average(share, weights=users)) if len(time) else 0.0
    if freedom < 1 or not 0 < pooled < 1 or np.ptp(time) == 0:
        return NONE
    from statsmodels.genmod import families  # here: most notebooks do not need it, and it is slow to load
    from statsmodels.genmod.generalized_linear_model import GLM

    x = (time - time.min()) / np.ptp(time)
    design = np.column_stack([np.ones_like(x), x])
    fit = GLM(share, design, family=families.Binomial(), var_weights=users).fit(tol=1e-12)
    dispersion = float(fit.pearson_chi2) / freedom
    slope, middle = float(fit.params[1]), float(fit.params[0] + fit.params[1] / 2)
    half = student.ppf((1 + level) / 2, freedom) * float(np.sqrt(fit.cov_params(scale=dispersion)[1, 1]))
    start, end = expit(middle - slope / 2), expit(middle + slope / 2)
    low, high = (_rise(middle, slope + side * half) for side in (-1, 1))
    return Trend(float(start), float(end), float(end - start), low, high, dispersion)


def _rise(middle: float, slope: float) -> float:
    """Points from first to last cohort that a slope in log-odds makes around the middle."""
    return float(expit(middle + slope / 2) - expit(middle - slope / 2))


def trends(
    counted: pd.DataFrame, *, min_cohorts: int = MIN_COHORTS, min_retained: int = MIN_RETAINED, level: float = 0.95
) -> pd.DataFrame:
    """The trend at every age, as it is and with the mix of levels held constant.

    counted: age_shares.counts; level: of the intervals of all ages together, since a look at several finds more by
             chance (Bonferroni over the ages that can be judged)
    returns: one row per unit and age -- unit, age, first_cohort, last_cohort, cohorts, users, retained, start, end
             (fitted shares of the first and last cohort), change (end - start) with change_low, change_high,
             dispersion, the same change adjusted to one mix and the change that the mix alone makes (each with
             _low, _high; missing with one level), levels, conclusion:
             cannot_tell (fewer than min_cohorts, fewer than min_retained came back or stayed away, or an interval
             wider than 50 points that holds 0), better, worse
             (clear, with the mix held constant too), mix (clear, but not with the mix held constant, and the mix's
             own part is clear), fades (clear, but neither is), hidden (clear only with the mix held constant), no_trend

    >>> import pandas as pd
    >>> from opsbook import cohort_trend
    >>> weeks = pd.DataFrame({"cohort": pd.date_range("2026-01-05", periods=8, freq="7D"), "users": 400})
    >>> counted = weeks.assign(level="all", unit="day", age=7, retained=[120, 124, 136, 132, 148, 152, 164, 160])
    >>> found = cohort_trend.trends(counted)
    >>> print(found[["age", "cohorts", "start", "end", "change", "conclusion"]].round(2).to_string(index=False))
     age  cohorts  start  end  change conclusion
       7        8    0.3 0.41    0.11     better
    """
    ages = {at: (cells, _cohorts(cells)) for at, cells in counted.groupby(["unit", "age"])}
    judged = {at for at, (_, whole) in ages.items() if _enough(whole, min_cohorts, min_retained)}
    each = 1 - (1 - level) / max(len(judged), 1)
    rows = [_counted(whole) | (_judged(cells, whole, each) if at in judged else {}) | dict(zip(KEYS, at, strict=True))
            for at, (cells, whole) in ages.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _cohorts(cells: pd.DataFrame) -> pd.DataFrame:
    return cells.groupby("cohort", as_index=False)[["users", "retained"]].sum()


def _enough(whole: pd.DataFrame, min_cohorts: int, min_retained: int) -> bool:
    """Cohorts enough for a line, and users enough who came back and who stayed away."""
    k, n = whole["retained"].sum(), whole["users"].sum()
    return len(whole) >= min_cohorts and bool(min(k, n - k) >= min_retained)


def _counted(whole: pd.DataFrame) -> dict[str, object]:
    told = {"first_cohort": whole["cohort"].min(), "last_cohort": whole["cohort"].max(), "cohorts": len(whole)}
    counts = {"users": int(whole["users"].sum()), "retained": int(whole["retained"].sum())}
    return told | counts | {"levels": 1, "conclusion": "cannot_tell"}


def _judged(cells: pd.DataFrame, whole: pd.DataFrame, level: float) -> dict[str, object]:
    pooled = age_shares.pooled(cells)
    levels, time = pooled["level"].nunique(), _days(whole["cohort"])
    share, users = (whole["retained"] / whole["users"]).to_numpy(), whole["users"].to_numpy(float)
    crude = trend(time, share, users, level=level)
    adjusted, mix = _mix_held(pooled, level) if levels > 1 else (NONE, NONE)
    told: dict[str, object] = {"start": crude.start, "end": crude.end, "dispersion": crude.dispersion, "levels": levels}
    for name, part in zip(NAMES, (crude, adjusted, mix), strict=True):
        told |= {f"{name}change": part.change, f"{name}change_low": part.low, f"{name}change_high": part.high}
    return told | {"conclusion": conclusion(crude, adjusted, mix)}


def _mix_held(pooled: pd.DataFrame, level: float) -> tuple[Trend, Trend]:
    table = age_shares.standardised(pooled)
    time = _days(table["cohort"])
    parts = [(table[name].to_numpy(), table[f"{name}_users"].to_numpy()) for name in ("adjusted", "mix")]
    adjusted, mix = (trend(time, share, users, level=level) for share, users in parts)
    return adjusted, mix


def conclusion(crude: Trend, adjusted: Trend, mix: Trend) -> str:
    """Which of the cases of `trends` the three changes are; without levels the change itself is all there is.

    >>> from opsbook import cohort_trend
    >>> fallen = cohort_trend.Trend(0.40, 0.30, -0.10, -0.14, -0.06, 1.0)
    >>> level = cohort_trend.Trend(0.35, 0.35, 0.00, -0.02, 0.02, 1.0)
    >>> cohort_trend.conclusion(fallen, level, fallen)  # no level fell: there are more users of the worse ones
    'mix'
    """
    if np.isnan(crude.change) or (crude.high - crude.low > VAGUE and not _sign(crude)):
        return "cannot_tell"
    seen, held, moved = _sign(crude), _sign(adjusted), _sign(mix)
    if np.isnan(adjusted.change):
        held = seen
    if seen == held:
        return {1: "better", -1: "worse", 0: "no_trend"}[seen]
    if seen == 0:
        return "hidden"
    return "mix" if moved == seen else "fades"


def _sign(part: Trend) -> int:
    """1 or -1 when the whole interval lies on one side of 0, else 0."""
    return int(part.low > 0) - int(part.high < 0)


def _days(cohorts: pd.Series) -> np.ndarray:
    return ((cohorts - cohorts.min()) / pd.Timedelta(days=1)).to_numpy(float)
