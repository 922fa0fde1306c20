"""Whether conversion changed: rates by period of entry, and the last one against what earlier ones lead to expect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t as student

from opsbook.analysis.multiplicity import holm
from opsbook.analysis.proportion import add_share

WHOLE = "whole"
FEWEST_PERIODS = 5
METHOD = "prediction interval on the logit scale (random effects, t), Holm over steps"
CHANGED = ["step", "event", "period", "share", "earlier_share", "expected_low", "expected_high", "earlier_periods"]


def trend(rates: pd.DataFrame, *, min_cell: int = 1) -> pd.DataFrame:
    """Conversion of the whole funnel and of each step that may not be skipped, by period of entry.

    rates:   one row per period and step, of all users, as from `funnel_rates.rates`; those of fewer than min_cell users
             are left out
    returns: one row per step (0 = the whole funnel) and period with entries that are old enough, oldest first -- step,
             event, period, start, end, previous (users before the step), users, share with Wilson _low and _high,
             incomplete (users of the period whose window is still open: in no other column)

    >>> rates = pd.DataFrame({"cohort": 0, "period": "2026-01", "start": "2026-01-01", "end": "2026-01-31",
    ...                       "step": [1, 2, 3], "event": ["view", "cart", "buy"], "optional": False,
    ...                       "previous": [100, 100, 60], "users": [100, 60, 30], "incomplete": 0})
    >>> print(trend(rates)[["step", "event", "period", "previous", "users", "share"]].to_string(index=False))
     step event  period  previous  users  share
        0 whole 2026-01       100     30    0.3
        2  cart 2026-01       100     60    0.6
        3   buy 2026-01        60     30    0.5
    """
    required = rates[~rates["optional"].astype(bool)]
    first, last = required[required["step"] == 1], required[required["step"] == required["step"].max()]
    whole = last.assign(step=0, event=WHOLE, previous=last["cohort"].map(first.set_index("cohort")["users"]))
    table = pd.concat([whole, required[required["step"] > 1]], ignore_index=True)
    known = table[table["previous"] >= max(min_cell, 1)].sort_values(["step", "cohort"], ignore_index=True)
    known = add_share(known.astype({"previous": "int64", "users": "int64"}), of="users", out_of="previous")
    columns = ["step", "event", "period", "start", "end", "previous", "users", "share", "share_low", "share_high"]
    return known[[*columns, "incomplete"]]


def last_against_earlier(trend: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """The last period's rates against the range in which earlier periods, chance and usual fluctuation put them.

    returns: one row per step (0 = the whole funnel) -- step, event, period, share, earlier_share (mean of the earlier
             periods), expected_low, expected_high (prediction interval), earlier_periods, p_value, p_adjusted (Holm
             over the steps); missing with fewer than five earlier periods
    source:  Higgins, Thompson & Spiegelhalter 2009; between-period variance by DerSimonian & Laird 1986

    >>> buying = pd.DataFrame({"step": 2, "event": "buy", "period": [f"2026-{month:02}" for month in range(1, 8)],
    ...                        "previous": 1000, "users": [101, 96, 104, 99, 98, 102, 140]})
    >>> found = last_against_earlier(buying.assign(share=buying["users"] / buying["previous"]))
    >>> columns = ["period", "share", "earlier_share", "expected_low", "expected_high", "p_adjusted"]
    >>> print(found[columns].round(3).to_string(index=False))
     period  share  earlier_share  expected_low  expected_high  p_adjusted
    2026-07   0.14            0.1         0.079          0.126       0.013
    """
    rows = [_judged(part, level) for _, part in trend.groupby("step", sort=True)]
    table = pd.DataFrame(rows, columns=[*CHANGED, "p_value"])
    return table.assign(p_adjusted=holm(table["p_value"].astype("float64")))


def _judged(part: pd.DataFrame, level: float) -> dict[str, Any]:
    last, earlier = part.iloc[-1], part.iloc[:-1]
    told = {name: last[name] for name in ("step", "event", "period", "share")} | {"earlier_periods": len(earlier)}
    if len(earlier) < FEWEST_PERIODS:
        return told | dict.fromkeys(["earlier_share", "expected_low", "expected_high", "p_value"], np.nan)
    value, spread = _logits(part)
    mean, error, between = _pooled(value[:-1], spread[:-1])
    wide, freedom = np.sqrt(between + error**2 + spread[-1]), len(earlier) - 1
    half = student.ppf(0.5 + level / 2, freedom) * wide
    p = 2 * student.sf(abs(value[-1] - mean) / wide, freedom)
    low, middle, high = expit([mean - half, mean, mean + half])
    return told | {"earlier_share": middle, "expected_low": low, "expected_high": high, "p_value": p}


def _logits(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Log odds and their sampling variance; half a user on either side keeps them finite."""
    gone, stayed = part["users"].to_numpy(float) + 0.5, (part["previous"] - part["users"]).to_numpy(float) + 0.5
    return logit(gone / (gone + stayed)), 1 / gone + 1 / stayed


def _pooled(value: np.ndarray, spread: np.ndarray) -> tuple[float, float, float]:
    """Mean over the periods, its standard error, and the variance between periods beyond chance."""
    weight = 1 / spread
    mean = np.sum(weight * value) / weight.sum()
    excess = np.sum(weight * (value - mean) ** 2) - (len(value) - 1)
    between = max(0.0, excess / (weight.sum() - np.sum(weight**2) / weight.sum()))
    weight = 1 / (spread + between)
    return float(np.sum(weight * value) / weight.sum()), float(1 / np.sqrt(weight.sum())), between
