"""The same difference read with a prior: how likely is any gain, a gain worth having, and what a wrong choice costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from opsbook.analysis.incrementality import headline

METHOD = "normal posterior, sceptical normal prior"
COLUMNS = ["metric", "difference", "posterior", "low", "high", "share_better", "share_worthwhile", "expected_loss",
           "worthwhile", "prior_sd"]  # fmt: skip


class Reading(NamedTuple):
    """value, low, high: posterior mean and interval; chances 0-1; expected_loss: mean loss of rolling it out."""

    value: float
    low: float
    high: float
    better: float
    worthwhile: float
    expected_loss: float


def reading(
    value: float,
    *,
    low: float,
    high: float,
    prior_sd: float,
    worthwhile: float,
    prior_mean: float = 0.0,
    level: float = 0.95,
) -> Reading:
    """Posterior of an effect whose estimate is normal around the truth.

    value, low, high: estimate with its interval at `level`; prior_sd, prior_mean: what effects of this kind are like,
    same unit (0 and the smallest effect worth having is a sceptic's prior); worthwhile: smallest effect worth having
    returns: Reading in the unit of value; all missing when the estimate has no interval
    source:  conjugate normal model; expected loss as in Stucchio 2015

    >>> from opsbook import bayes
    >>> told = bayes.reading(2.0, low=0.0, high=4.0, prior_sd=1.0, worthwhile=1.0)
    >>> {name: round(float(number), 2) for name, number in told._asdict().items()}
    {'value': 0.98, 'low': -0.42, 'high': 2.38, 'better': 0.91, 'worthwhile': 0.49, 'expected_loss': 0.03}
    """
    error = (high - low) / (2 * ndtri(0.5 + level / 2))
    if not (np.isfinite(value) and error > 0):
        return Reading(*[float("nan")] * 6)
    precision = 1 / error**2 + 1 / prior_sd**2
    mean, sd = (value / error**2 + prior_mean / prior_sd**2) / precision, precision**-0.5
    half = float(ndtri(0.5 + level / 2)) * sd
    loss = sd * np.exp(-((mean / sd) ** 2) / 2) / np.sqrt(2 * np.pi) - mean * ndtr(-mean / sd)
    chances = float(ndtr(mean / sd)), float(ndtr((mean - worthwhile) / sd))
    return Reading(float(mean), float(mean - half), float(mean + half), *chances, float(loss))


def beside(increments: pd.DataFrame, *, metric: str, worthwhile_lift: float, level: float = 0.95) -> pd.DataFrame:
    """The net effect on one metric read by a sceptic: effects lie around zero, about as large as worth having.

    increments: as `incrementality.increments`, with intervals at `level`
    returns: one row -- metric, difference (per user), posterior (mean) with low and high, share_better and
             share_worthwhile (chances, 0-1), expected_loss (per user, of rolling it out), worthwhile (the smallest
             difference worth having), prior_sd; none where the control's mean is not above zero

    >>> import pandas as pd
    >>> from opsbook import bayes
    >>> row = {"metric": "revenue", "window": "net", "method": "plain", "control": 50.0, "difference": 4.0}
    >>> increments = pd.DataFrame([row | {"low": 0.0, "high": 8.0}])
    >>> told = bayes.beside(increments, metric="revenue", worthwhile_lift=0.05)
    >>> shown = told[["difference", "posterior", "low", "high", "share_better", "worthwhile"]]
    >>> print(shown.round(2).to_string(index=False))
     difference  posterior  low  high  share_better  worthwhile
            4.0        2.4 -0.7   5.5          0.94         2.5
    """
    own = headline(increments)
    own = own[(own["metric"] == metric) & (own["window"] == "net") & (own["control"] > 0)]
    if own.empty:
        return pd.DataFrame(columns=COLUMNS)
    value, low, high, control = (float(own[name].iloc[0]) for name in ("difference", "low", "high", "control"))
    worth = worthwhile_lift * control
    found = reading(value, low=low, high=high, prior_sd=worth, worthwhile=worth, level=level)
    return pd.DataFrame([[metric, value, *found, worth, worth]], columns=COLUMNS).round({"expected_loss": 6})
