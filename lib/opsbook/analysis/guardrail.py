"""Guardrails: metrics that must not get worse by more than was written down before the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd

from opsbook.analysis.incrementality import headline

COLUMNS = ["metric", "direction", "worst", "relative", "relative_low", "relative_high", "outcome"]


class Guardrail(Protocol):
    """One guardrail as the campaign file writes it."""

    @property
    def metric(self) -> str:
        """What is measured."""

    @property
    def direction(self) -> str:
        """Which way is good: higher or lower."""

    @property
    def worst(self) -> float:
        """The worst acceptable relative change."""


def check(increments: pd.DataFrame, guardrails: Sequence[Guardrail]) -> pd.DataFrame:
    """Each guardrail against the net effect of the randomised comparison, during and after.

    increments: as `incrementality.increments`, readable ones only
    returns:    one row per guardrail -- metric, direction, worst, relative, relative_low, relative_high (treated
                against control, CUPED; buyers plain), outcome (held: the whole interval is acceptable; broken: none of
                it is; cannot_tell, also without a comparison)

    >>> from types import SimpleNamespace
    >>> increments = pd.DataFrame({"metric": ["revenue"], "window": "net", "method": "cuped", "relative": -0.01,
    ...                            "relative_low": -0.03, "relative_high": 0.01})
    >>> rails = [SimpleNamespace(metric="revenue", direction="higher", worst=worst) for worst in (-0.05, -0.02)]
    >>> found = check(increments, rails)
    >>> print(found[["metric", "worst", "relative_low", "relative_high", "outcome"]].to_string(index=False))
     metric  worst  relative_low  relative_high     outcome
    revenue  -0.05         -0.03           0.01        held
    revenue  -0.02         -0.03           0.01 cannot_tell
    """
    rows = [[g.metric, g.direction, g.worst, *(found := _net(increments, g.metric)), _outcome(g, *found[1:])]
            for g in guardrails]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def _net(increments: pd.DataFrame, metric: str) -> list[float]:
    own = headline(increments)
    own = own[(own["metric"] == metric) & (own["window"] == "net")]
    values = own[COLUMNS[3:6]].astype("float64")
    return values.iloc[0].tolist() if len(values) else [float("nan")] * 3


def _outcome(guardrail: Guardrail, low: float, high: float) -> str:
    if guardrail.direction == "lower":
        low, high = -high, -low
    worst = guardrail.worst if guardrail.direction == "higher" else -guardrail.worst
    return "held" if low >= worst else "broken" if high < worst else "cannot_tell"
