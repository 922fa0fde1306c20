"""The early-warning model: a scorecard learned from earlier landmarks, and the plain recency rule it has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.logistic import LogisticFit, clustered, fit, levels
from opsbook.analysis.risk_rows import Question, patterns

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
        """The same ranking with other probabilities."""
        return replace(self, shift=shift, slope=slope)


def learned(counted: pd.DataFrame, *, factors: Sequence[str]) -> RiskModel | None:
    """The model of these factors; None where fewer than MIN_LEFT users left or stayed."""
    left, users = int(counted["left"].sum()), int(counted["users"].sum())
    if min(left, users - left) < MIN_LEFT:
        return None
    varying = list(levels(counted, factors))
    alike = counted.groupby(varying, sort=True)[["users", "left"]].sum().reset_index() if varying else counted
    found = fit(alike, factors=varying)
    rounded = replace(found, intercept=round(found.intercept, DIGITS), weights=np.round(found.weights, DIGITS))
    return RiskModel(rounded, tuple(varying))


def weights(model: RiskModel, table: ir.Table, question: Question) -> pd.DataFrame:
    """What each level adds to the risk: the scorecard, largest factors first.

    table:   the rows the model learned from; one user may stand in several
    returns: one row per factor and level -- factor, level, users (user-landmarks),
             share_left, odds (times the odds of the average user), odds_low, odds_high (clustered by user), spread
             (standard deviation of the factor's contribution over users, in log odds), clear (interval without 1)
    """
    counted = patterns(table, question).to_pandas()
    _error, low, high = clustered(model.fitted, _residuals(model, table))
    rows = []
    for place, (factor, level) in enumerate(model.fitted.names):
        here = counted[counted[factor] == level]
        ends = (model.fitted.weights[place], low[place], high[place])
        rows.append((factor, level, int(here["users"].sum()), int(here["left"].sum()), *ends))
    card = pd.DataFrame(rows, columns=["factor", "level", "users", "left", "weight", "low", "high"])
    card = pd.concat([_centred(own) for _name, own in card.groupby("factor", sort=False)], ignore_index=True)
    card = card.sort_values("spread", ascending=False, kind="stable")
    odds = {f"odds{end}": np.exp(card[name]) for name, end in (("weight", ""), ("low", "_low"), ("high", "_high"))}
    card = card.assign(share_left=card["left"] / card["users"], **odds, clear=(card["low"] > 0) | (card["high"] < 0))
    columns = ["factor", "level", "users", "share_left", "odds", "odds_low", "odds_high", "spread", "clear"]
    return card[columns].reset_index(drop=True)


def _centred(own: pd.DataFrame) -> pd.DataFrame:
    """Weights against the average user of the factor, and how far they spread."""
    mean = np.average(own["weight"], weights=own["users"])
    spread = float(np.sqrt(np.average((own["weight"] - mean) ** 2, weights=own["users"])))
    return own.assign(**{name: own[name] - mean for name in ("weight", "low", "high")}, spread=round(spread, 9))


def _residuals(model: RiskModel, table: ir.Table) -> pd.DataFrame:
    """Sums of outcome minus probability per part of the users, over all and over every level; parts are whole users."""
    chance = 1 / (1 + (-replace(model, shift=0.0, slope=1.0).score(table)).exp())
    gaps = table.mutate(part=table.user % PARTS, gap=table.left.cast("float64") - chance)
    sums = {"all": gaps.gap.sum().round(DIGITS)}
    for place, (factor, level) in enumerate(model.fitted.names):
        sums[f"weight_{place}"] = gaps.gap.sum(where=gaps[factor] == level).fill_null(0.0).round(DIGITS)
    return gaps.group_by("part").agg(**sums).order_by("part").drop("part").to_pandas()
