"""The early-warning model: a scorecard learned from earlier landmarks, and the plain recency rule it has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.logistic import LogisticFit, clustered, fit, levels, student_half
from opsbook.analysis.risk_rows import Question, patterns
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
PARTS = 50
DIGITS = 6  # weights are rounded, so that engine and Python give equal scores
MIN_LEFT = 50


@dataclass(frozen=True, eq=False)
class RiskModel:
    """Weights by factor and level; shift and slope are the recalibration, 0 and 1 until a check asks for one."""

    fitted: LogisticFit
    factors: tuple[str, ...]
    shift: float = 0.0
    slope: float = 1.0

    def scores(self, counted: pd.DataFrame) -> np.ndarray:
        """Log odds of leaving of every pattern."""
        return np.round(self.shift + self.slope * self.fitted.scores(counted), DIGITS)

    def score(self, table: ir.Table) -> ir.Value:
        """Log odds of leaving of every row, in the engine."""
        total: ir.Value = ibis.literal(self.fitted.intercept)
        for factor in self.factors:
            branches = [(level, float(w)) for level, w in self.fitted.weight(factor).items()]
            total = total + table[factor].cases(*branches, else_=0.0) if branches else total
        return (self.shift + self.slope * total).round(DIGITS)

    def recalibrated(self, shift: float, slope: float) -> RiskModel:
        """The same ranking with other probabilities: log odds stretched and moved once more."""
        return replace(self, shift=shift + slope * self.shift, slope=slope * self.slope)


def learned(counted: pd.DataFrame, *, factors: Sequence[str]) -> RiskModel | None:
    """The model of these factors; None where fewer than MIN_LEFT users left or stayed.

    >>> import pandas as pd
    >>> from opsbook import risk_model
    >>> counted = pd.DataFrame({"recency": [0, 7], "users": [400, 200], "left": [40, 100]})
    >>> model = risk_model.learned(counted, factors=["recency"])
    >>> print(model.scores(counted).round(2).tolist(), "log odds: one in ten, and one in two")
    [-2.17, -0.02] log odds: one in ten, and one in two
    """
    left, users = int(counted["left"].sum()), int(counted["users"].sum())
    if min(left, users - left) < MIN_LEFT:
        return None
    varying = list(levels(counted, factors))
    alike = counted.groupby(varying, sort=True)[["users", "left"]].sum().reset_index() if varying else counted
    found = fit(alike, factors=varying)
    rounded = replace(found, intercept=round(found.intercept, DIGITS), weights=np.round(found.weights, DIGITS))
    return RiskModel(rounded, tuple(varying))


def weights(model: RiskModel, table: Tabular, question: Question) -> pd.DataFrame:
    """What each level adds to the risk: the scorecard, largest factors first.

    table:   the rows the model learned from; one user may stand in several
    returns: one row per factor and level -- factor, level, users (user-landmarks),
             share_left, odds (times the odds of the average user), odds_low, odds_high (clustered by user), spread
             (standard deviation of the factor's contribution over users, in log odds), clear (interval without 1)

    >>> import pandas as pd
    >>> from opsbook import risk_model, risk_rows
    >>> question = risk_rows.Question(churn_after_days=7, within_days=7)
    >>> rows = pd.DataFrame({"user": range(400), **dict.fromkeys(question.factors, 0)})
    >>> rows = rows.assign(recency=rows["user"] % 2 * 7, left=rows["user"] // 2 % 10 < 3 + rows["user"] % 2 * 4)
    >>> model = risk_model.learned(risk_rows.patterns(rows, question).to_pandas(), factors=question.factors)
    >>> card = risk_model.weights(model, rows, question)
    >>> print(card[["factor", "level", "users", "share_left", "odds", "clear"]].round(2).to_string(index=False))
     factor  level  users  share_left  odds  clear
    recency      0    200         0.3  0.44   True
    recency      7    200         0.7  2.29   True
    """
    table = engine_table(table)
    counted = patterns(table, question).to_pandas()
    names = pd.DataFrame(list(model.fitted.names), columns=["factor", "level"])
    sizes = [_sizes(counted, factor, level) for factor, level in model.fitted.names]
    card = names.assign(users=[users for users, _left in sizes], left=[left for _users, left in sizes])
    contrast = _against_average(card)
    gaps = _residuals(model, table)
    value = contrast @ model.fitted.weights
    error = np.sqrt(np.maximum(np.diag(contrast @ clustered(model.fitted, gaps) @ contrast.T), 0))
    half = student_half(error, parts=len(gaps))
    ends = {"odds": np.exp(value), "odds_low": np.exp(value - half), "odds_high": np.exp(value + half)}
    card = card.assign(value=value, **ends, share_left=card["left"] / card["users"], clear=np.abs(value) > half)
    spread = card.assign(s=card["users"] * card["value"] ** 2).groupby("factor")[["s", "users"]].sum()
    card["spread"] = card["factor"].map(spread["s"].div(spread["users"]).pow(0.5).round(9).to_dict())
    columns = ["factor", "level", "users", "share_left", "odds", "odds_low", "odds_high", "spread", "clear"]
    return card.sort_values("spread", ascending=False, kind="stable")[columns].reset_index(drop=True)


def _sizes(counted: pd.DataFrame, factor: str, level: object) -> tuple[int, int]:
    here = counted[counted[factor] == level]
    return int(here["users"].sum()), int(here["left"].sum())


def _against_average(card: pd.DataFrame) -> np.ndarray:
    """The matrix that takes weights to weights less the factor's mean over users."""
    own = card["factor"].to_numpy()[:, None] == card["factor"].to_numpy()[None, :]
    share = own * card["users"].to_numpy(float)[None, :]
    return np.eye(len(card)) - share / share.sum(axis=1, keepdims=True)


def _residuals(model: RiskModel, table: ir.Table) -> pd.DataFrame:
    """Sums of outcome minus probability per part of the users, over all and over every level; parts are whole users."""
    chance = 1 / (1 + (-replace(model, shift=0.0, slope=1.0).score(table)).exp())
    gaps = table.mutate(part=table.user % PARTS, gap=table.left.cast("float64") - chance)
    sums = {"all": gaps.gap.sum().round(DIGITS)}
    for place, (factor, level) in enumerate(model.fitted.names):
        sums[f"weight_{place}"] = gaps.gap.sum(where=gaps[factor] == level).fill_null(0.0).round(DIGITS)
    return gaps.group_by("part").agg(**sums).order_by("part").drop("part").to_pandas()
