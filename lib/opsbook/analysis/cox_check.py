"""Can the model be trusted on users it has not seen: fitted to earlier users, held against later ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import cox, life_table, survival
from opsbook.analysis.concordance import concordance
from opsbook.analysis.proportion import Estimate
from opsbook.mart.tables import Tabular, engine_table

METHOD = "Cox on earlier users, Breslow baseline; observed by Kaplan-Meier"
BANDS = ["band", "users", "predicted", "observed", "low", "high", "inside"]
FEW = 100
NOTHING = Estimate(float("nan"), float("nan"), float("nan"), 0)


class Trust(NamedTuple):
    """Concordance on later users, predicted and observed share leaving, and the word: both, ranking, none, few."""

    ranking: Estimate
    predicted: float
    observed: Estimate
    case: str


def calibration(
    earlier: pd.DataFrame, later: pd.DataFrame, *, covariates: Sequence[str], within_days: int, bands: int = 5
) -> tuple[pd.DataFrame, Trust]:
    """Predicted against observed share of later users who leave within so many days of entering.

    earlier, later: counted tables as in `cox.fit`, everybody entering on one day; within_days: counted from there
    returns: one row per band of predicted risk, lowest first -- band, users, predicted (0-1), observed (Kaplan-Meier)
             with low and high, inside (the interval holds the prediction); and what it is worth

    >>> import pandas as pd
    >>> from opsbook import cox_check
    >>> days = {"duration_days": [5, 10, 20] * 2, "channel": ["ads"] * 3 + ["search"] * 3}
    >>> counts = {"churned": [60, 20, 0, 30, 25, 0], "censored": [0, 0, 120, 0, 0, 345]}
    >>> earlier = later = pd.DataFrame(days | counts)
    >>> table, trust = cox_check.calibration(earlier, later, covariates=["channel"], within_days=10)
    >>> print(table[["band", "users", "predicted", "observed", "inside"]].round(2).to_string(index=False))
     band  users  predicted  observed  inside
        1    400       0.12      0.14    True
        2    200       0.38      0.40    True
    """
    fit = cox.fit(earlier, covariates=list(covariates))
    known = fit.table.loc[~fit.table["is_reference"], "coefficient"].notna().any()
    if not known or life_table.users(later) < FEW or later["churned"].sum() < FEW / 5:
        return pd.DataFrame(columns=BANDS), Trust(NOTHING, float("nan"), NOTHING, "few")
    start = int(later["entry_days"].max()) if "entry_days" in later else 0
    until = start + within_days
    hazard = _baseline(earlier, _scores(earlier, fit), until)
    rows = later.assign(score=_scores(later, fit))
    rows = rows.assign(risk=1 - np.exp(-hazard * np.exp(rows["score"])))
    table = pd.DataFrame(
        [_band(place, part, until) for place, part in enumerate(_split(rows, bands), start=1)], columns=BANDS
    )
    return table, _trust(rows, table, until)


def halves(lives: Tabular, *, last_day: date) -> tuple[ir.Table, ir.Table]:
    """Users of `time_to_churn.user_lives` who joined in the earlier and in the later half of the days up to last_day.

    >>> import pandas as pd
    >>> from datetime import date
    >>> from opsbook import cox_check
    >>> lives = pd.DataFrame({"user": [1, 2, 3, 4], "first_day": pd.date_range("2026-01-05", periods=4)})
    >>> earlier, later = cox_check.halves(lives, last_day=date(2026, 1, 8))
    >>> sorted(earlier.to_pandas()["user"]), sorted(later.to_pandas()["user"])
    ([1, 2], [3, 4])
    """
    lives = engine_table(lives)
    day = lives.first_day.cast("date")
    known = lives.filter(day <= ibis.date(last_day))
    middle = known.agg(middle=day.epoch_days().median()).to_pandas()["middle"].iloc[0]
    if pd.isna(middle):
        return known, known
    earlier = known.first_day.cast("date").epoch_days() <= int(middle)
    return known.filter(earlier), known.filter(~earlier)


def _scores(rows: pd.DataFrame, fit: cox.CoxFit) -> np.ndarray:
    """Log hazard of each row; a level the model does not know counts as the reference."""
    total = np.zeros(len(rows))
    for name, part in fit.table.groupby("covariate"):
        known = part.dropna(subset=["coefficient"]).set_index("level")["coefficient"]
        total += rows[str(name)].astype(str).map(known).fillna(0.0).to_numpy(float)
    return total


def _baseline(rows: pd.DataFrame, score: np.ndarray, until: int) -> float:
    """Cumulative hazard of a row with score 0 up to a day (Breslow 1972)."""
    days = np.sort(rows.loc[(rows["churned"] > 0) & (rows["duration_days"] <= until), "duration_days"].unique())
    total = 0.0
    weight, users = np.exp(score), (rows["churned"] + rows["censored"]).to_numpy(float)
    entry = rows["entry_days"].to_numpy(float) if "entry_days" in rows else np.zeros(len(rows))
    for day in days:
        at_risk = (rows["duration_days"].to_numpy() >= day) & ((entry < day) | (entry <= 0))
        left = rows.loc[rows["duration_days"] == day, "churned"].sum()
        total += left / (weight * users)[at_risk].sum()
    return float(total)


def _split(rows: pd.DataFrame, bands: int) -> list[pd.DataFrame]:
    """Rows in bands of about equally many users, by rising risk; equal risks stay together."""
    users = (rows["churned"] + rows["censored"]).groupby(rows["risk"]).sum()
    place = np.minimum(((users.cumsum() - users / 2) / users.sum() * bands).astype(int), bands - 1)
    return [part for _, part in rows.groupby(rows["risk"].map(place))]


def _band(place: int, part: pd.DataFrame, until: int) -> list[object]:
    users = (part["churned"] + part["censored"]).to_numpy(float)
    predicted = float(np.average(part["risk"], weights=users))
    kept = survival.active_at(part, day=until)
    low, high = 1 - kept.high, 1 - kept.low
    return [place, int(users.sum()), predicted, 1 - kept.value, low, high, bool(low <= predicted <= high)]


def _trust(rows: pd.DataFrame, table: pd.DataFrame, until: int) -> Trust:
    kept = survival.active_at(rows, day=until)
    observed = Estimate(1 - kept.value, 1 - kept.high, 1 - kept.low, life_table.users(rows))
    predicted = float(np.average(table["predicted"], weights=table["users"]))
    ranking = concordance(rows, score="score")
    ranks = ranking.low > 0.5
    levels = bool(observed.low <= predicted <= observed.high) and table["inside"].mean() >= 0.6
    return Trust(ranking, predicted, observed, "both" if ranks and levels else "ranking" if ranks else "none")
