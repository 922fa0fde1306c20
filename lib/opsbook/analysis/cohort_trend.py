"""Are newer cohorts better at the same age: the trend of retention over cohorts, as it is and at an unchanged mix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.special import stdtr, stdtrit

from opsbook.analysis import retention_grid
from opsbook.analysis.cohorts import Window
from opsbook.mart.tables import Tabular

_ = ibis._
METHOD = "logistic regression on cohorts, quasi-binomial"
MIN_COHORTS = 6
STEP_DAYS = 30
COUNTS = ["age", "cohort", "segment", "users", "retained"]
TREND = ["age", "cohorts", "users", "share", "trend", "low", "high", "p", "adjusted", "adjusted_low", "adjusted_high",
         "adjusted_p", "spread", "case"]  # fmt: skip


def counts(
    user_days: Tabular, users: Tabular, steps: Tabular, *, window: Window, ages: Sequence[int], by: str = "channel"
) -> pd.DataFrame:
    """Retained-on-N by cohort and segment, complete cells only.

    returns: one row per age, cohort and segment -- age (units of the window), cohort (first day), segment, users,
             retained; segments nobody of a cohort belongs to have no row
    """
    began = retention_grid.starts(user_days, users, steps, window=window, by=[by])
    began = began.mutate(segment=began[by].cast("string").fill_null("unknown"))
    sizes = began.group_by("cohort", "segment").agg(users=_.count()).to_pandas()
    came = retention_grid.returns(user_days, steps, window=window)
    joined = began.select("user", "cohort", "segment").inner_join(came, "user")
    aged = joined.mutate(age=joined["at"] - joined.cohort).filter(_.age.isin(list(ages)))
    back = aged.group_by("age", "cohort", "segment").agg(retained=_.user.nunique()).to_pandas()
    cells = sizes.merge(pd.DataFrame({"age": list(ages)}), how="cross")
    cells = cells.merge(back, on=["age", "cohort", "segment"], how="left").fillna({"retained": 0})
    cells = cells[window.observed(cells["cohort"] + cells["age"])] if len(cells) else cells
    days = {number: pd.Timestamp(window.first_day(number)) for number in cells["cohort"].unique()}
    cells = cells.assign(cohort=pd.to_datetime(cells["cohort"].map(days)))
    whole = cells.astype({"age": "int64", "users": "int64", "retained": "int64"})
    return whole.sort_values(["age", "cohort", "segment"], ignore_index=True)[COUNTS]


def trends(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Change of retention per 30 days of joining later, at each age.

    counts:  table of `counts`, or one of its kind
    returns: one row per age -- age, cohorts, users, share (over all cohorts, 0-1), trend (points per 30 days at that
             share) with low, high and p, adjusted (at an unchanged mix of segments) with its own, spread (variance of
             the cohorts against chance; 1 = only chance), case (up, down, unclear, mix = a clear trend that the mix
             explains, hidden = a clear trend that the mix hides, few = fewer than six cohorts)
    source:  McCullagh & Nelder 1989, chapter 4: quasi-likelihood with the Pearson spread, never below 1; t interval
             with cohorts - 2 degrees of freedom
    """
    rows = [_trend(int(str(age)), cells, level) for age, cells in counts.groupby("age")]
    return pd.DataFrame(rows, columns=TREND)


def by_cohort(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts without segments: one row per age and cohort -- age, cohort, users, retained."""
    return counts.groupby(["age", "cohort"], as_index=False)[["users", "retained"]].sum()


def _trend(age: int, cells: pd.DataFrame, level: float) -> list[object]:
    cohorts = by_cohort(cells)
    users, share = int(cohorts["users"].sum()), float(cohorts["retained"].sum() / max(cohorts["users"].sum(), 1))
    nothing = [float("nan")] * 4
    if len(cohorts) < MIN_COHORTS or not 0 < share < 1:
        return [age, len(cohorts), users, share, *nothing, *nothing, float("nan"), "few"]
    spread = max(_fit(cohorts, None).scale, 1.0)
    plain = _slope(_fit(cohorts, None), spread, share, len(cohorts), level)
    adjusted = _slope(_fit(_large(cells), "segment"), spread, share, len(cohorts), level)
    return [age, len(cohorts), users, share, *plain, *adjusted, spread, _case(plain, adjusted)]


def _large(cells: pd.DataFrame, least: float = 0.03) -> pd.DataFrame:
    """Segments with few users, or of whom all or none came back, are one segment: they have no level of their own."""
    sums = cells.groupby("segment")[["users", "retained"]].sum()
    small = (
        (sums["users"] < least * sums["users"].sum()) | (sums["retained"] == 0) | (sums["retained"] == sums["users"])
    )
    pooled = cells.assign(segment=cells["segment"].where(~cells["segment"].map(small), "other"))
    return pooled.groupby(["age", "cohort", "segment"], as_index=False)[["users", "retained"]].sum()


def _fit(cells: pd.DataFrame, by: str | None) -> Any:
    later = (cells["cohort"] - cells["cohort"].min()).dt.days / STEP_DAYS
    design = pd.DataFrame({"level": 1.0, "later": later - np.average(later, weights=cells["users"])})
    if by is not None:
        design = design.join(pd.get_dummies(cells[by], drop_first=True, dtype=float))
    share, users = cells["retained"] / cells["users"], cells["users"].astype(float)
    return sm.GLM(share, design, family=sm.families.Binomial(), var_weights=users).fit(scale="X2")


def _slope(fit: Any, spread: float, share: float, cohorts: int, level: float) -> list[float]:
    """Points per step at the overall share, its interval and p; the cohorts' spread widens both fits alike."""
    per_point = share * (1 - share)
    slope = float(fit.params["later"]) * per_point
    error = float(fit.bse["later"]) * np.sqrt(spread / fit.scale) * per_point
    half = float(stdtrit(cohorts - 2, 0.5 + level / 2)) * error
    p = 2 * float(stdtr(cohorts - 2, -abs(slope) / error)) if error > 0 else float("nan")
    return [slope, slope - half, slope + half, p]


def _case(plain: list[float], adjusted: list[float]) -> str:
    clear, own = (part[1] > 0 or part[2] < 0 for part in (plain, adjusted))
    if clear and not own:
        return "mix" if abs(adjusted[0]) < abs(plain[0]) / 2 else "unclear"
    if own and (not clear or plain[0] * adjusted[0] < 0):
        return "hidden"
    return "unclear" if not clear else "up" if plain[0] > 0 else "down"
