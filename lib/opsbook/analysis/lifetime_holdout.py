"""May the curve be carried beyond the data? Formulas fitted to what was known half-way are held against what came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd

from opsbook.analysis import life_table, lifetimes, survival, time_to_churn
from opsbook.analysis.lifetimes import Expected
from opsbook.analysis.likelihood import Fit
from opsbook.mart.tables import Tabular, engine_table

MIN_AT_RISK = 50
LEAST_AHEAD_DAYS = 28
TOLERATED = 0.02  # mean error, as a share of users, that a curve may have and still be carried on
FLAT = "flat"
SCORES = ["model", "parameters", "aic", "error", "predicted", "observed", "observed_low", "observed_high", "from_day",
          "to_day", "users"]  # fmt: skip
COMPARED = ["model", "day", "predicted", "observed", "observed_low", "observed_high"]


class Halves(NamedTuple):
    """The same users as they were known on the day `cut`, and as they are known now."""

    earlier: pd.DataFrame
    later: pd.DataFrame
    cut: date


class Choice(NamedTuple):
    """The model that may be carried on, or why none may: chosen, off (all missed), no_better_than_flat, too_short."""

    model: str
    case: str
    error: float


def halves(user_days: Tabular, users: Tabular, *, data_start: date, as_of: date, churn_after_days: int) -> Halves:
    """Durations of the users whose life began in the first half of the data, as of its end and as of now.

    user_days, users: as in `time_to_churn.durations`; both tables hold one row per (entry_days, duration_days)

    >>> from opsbook import tiny
    >>> span = {"data_start": tiny.DATA_START, "as_of": tiny.AS_OF, "churn_after_days": 14}
    >>> found = halves(tiny.user_days, tiny.users, **span)
    >>> print(found.cut, found.earlier[["churned", "censored"]].sum().tolist())
    2026-02-22 [17, 23]
    >>> print(tiny.AS_OF, found.later[["churned", "censored"]].sum().tolist())
    2026-03-29 [22, 18]
    """
    cut = data_start + (as_of - data_start + timedelta(days=churn_after_days)) / 2
    people = engine_table(users)
    old = people.filter(people.first_day.cast("date") <= cut - timedelta(days=churn_after_days))
    earlier, later = (
        time_to_churn.durations(user_days, old, as_of=day, churn_after_days=churn_after_days) for day in (cut, as_of)
    )
    return Halves(earlier, later, cut)


def scores(halves: Halves, fits: Mapping[str, Fit], *, min_at_risk: int = MIN_AT_RISK) -> pd.DataFrame:
    """How far each formula, fitted to the earlier half, was from what came after the last day that half could see.

    halves:  `halves`; fits: `lifetimes.fits` of halves.earlier
    returns: one row per model, the nearest first, with `flat` (nobody else leaves) among them -- model, parameters,
             aic (of the fit to the earlier half; missing for flat), error (mean |predicted - observed| over whole weeks
             of age, share of users), predicted and observed (share active on to_day) with the observed interval,
             from_day, to_day, users. No rows when fewer than four weeks of age lie ahead with enough users at risk.

    >>> left = np.round(10_000 * 0.98 ** np.arange(100) * 0.02).astype(int)
    >>> days = pd.DataFrame({"entry_days": 0, "duration_days": range(100), "churned": left, "censored": 0})
    >>> half = days.iloc[:40].assign(censored=[0] * 39 + [10_000 - left[:40].sum()])
    >>> whole = days.assign(censored=[0] * 99 + [10_000 - left.sum()])
    >>> found = scores(Halves(half, whole, date(2026, 3, 1)), lifetimes.fits(half, families=["exponential"]))
    >>> print(found[["model", "error", "predicted", "observed", "from_day", "to_day"]].round(3).to_string(index=False))
          model  error  predicted  observed  from_day  to_day
    exponential  0.000      0.144     0.143        46      95
           flat  0.197      0.445     0.143        46      95
    """
    paths = compared(halves, fits, min_at_risk=min_at_risk)
    if paths.empty:
        return pd.DataFrame(columns=SCORES)
    known = {name: (len(fit.values), 2 * len(fit.values) - 2 * fit.log_likelihood) for name, fit in fits.items()}
    rows = []
    for model, path in paths.groupby("model", sort=False):
        last, error = path.iloc[-1], float((path["predicted"] - path["observed"]).abs().mean())
        seen = [last[name] for name in ("predicted", "observed", "observed_low", "observed_high")]
        size = life_table.users(halves.later)
        rows.append([model, *known.get(str(model), (0, np.nan)), error, *seen, path["day"].iloc[0], last["day"], size])
    return pd.DataFrame(rows, columns=SCORES).sort_values(["error", "parameters"], ignore_index=True)


def compared(halves: Halves, fits: Mapping[str, Fit], *, min_at_risk: int = MIN_AT_RISK) -> pd.DataFrame:
    """Predicted and observed share active at whole weeks of age beyond the earlier half.

    returns: one row per model (`flat` too) and day -- model, day, predicted, observed, observed_low, observed_high

    >>> days = pd.DataFrame({"entry_days": 0, "duration_days": range(60), "churned": 10, "censored": 0})
    >>> half = days.iloc[:30].assign(censored=[0] * 29 + [700])
    >>> whole = days.assign(censored=[0] * 59 + [400])
    >>> found = compared(Halves(half, whole, date(2026, 3, 1)), lifetimes.fits(half, families=["exponential"]))
    >>> print(found.query("day > 45")[["model", "day", "predicted", "observed"]].round(3).to_string(index=False))
          model  day  predicted  observed
           flat   50      0.700      0.49
           flat   57      0.700      0.42
    exponential   50      0.549      0.49
    exponential   57      0.505      0.42
    """
    start, end = (_last_day(part, min_at_risk) for part in (halves.earlier, halves.later))
    days = np.arange(start + 7, end + 1, 7)
    if not fits or end - start < LEAST_AHEAD_DAYS:
        return pd.DataFrame(columns=COMPARED)
    curve = survival.survival_curve(halves.later, horizon_days=end).set_index("day")
    seen = curve.loc[days, ["active", "active_low", "active_high"]].to_numpy().T
    stays = survival.active_at(halves.earlier, day=start).value
    paths = {FLAT: np.full(len(days), stays)}
    for name, fit in fits.items():
        paths[name] = lifetimes.share_active(fit, family=name, days=days)["active"].to_numpy()
    parts = [pd.DataFrame(dict(zip(COMPARED, [name, days, path, *seen], strict=True))) for name, path in paths.items()]
    return pd.concat(parts, ignore_index=True)


def choice(scores: pd.DataFrame) -> Choice:
    """The nearest formula, if it came near enough and beat the belief that nobody else leaves.

    >>> tried = pd.DataFrame({"model": ["weibull", "flat", "exponential"], "error": [0.008, 0.015, 0.03]})
    >>> choice(tried)
    Choice(model='weibull', case='chosen', error=0.008)
    >>> choice(tried.assign(error=[0.04, 0.05, 0.06]))
    Choice(model='weibull', case='off', error=0.04)
    >>> choice(tried.iloc[:0]).case
    'too_short'
    """
    if scores.empty:
        return Choice("", "too_short", float("nan"))
    best = scores[scores["model"] != FLAT].iloc[0]
    if best["error"] > TOLERATED:
        return Choice(str(best["model"]), "off", float(best["error"]))
    flat = scores.loc[scores["model"] == FLAT, "error"].iloc[0]
    return Choice(str(best["model"]), "chosen" if best["error"] < flat else "no_better_than_flat", float(best["error"]))


def observed(durations: pd.DataFrame, *, min_at_risk: int = MIN_AT_RISK) -> pd.DataFrame:
    """The survival curve as far as enough users were watched -- the columns of `survival.survival_curve`.

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 1, 2, 3], "churned": [40, 30, 20, 5],
    ...                           "censored": [0, 0, 0, 5]})
    >>> print(observed(durations)[["day", "active", "at_risk"]].round(2).to_string(index=False))
     day  active  at_risk
       0     0.6      100
       1     0.3       60
    """
    return survival.survival_curve(durations, horizon_days=_last_day(durations, min_at_risk))


def beyond(durations: pd.DataFrame, choice: Choice) -> tuple[pd.DataFrame, Expected | None]:
    """The chosen formula fitted to all users, week by week to twice the days watched, and the mean days until then.

    durations: all users, as in `lifetimes.fit`
    returns:   day, active, low, high and the mean; no rows and None when no formula passed or none fits all users

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 7, 14, 21, 28], "churned": [40, 30, 25, 20, 0],
    ...                           "censored": [0, 0, 0, 0, 85]})
    >>> curve, mean = beyond(durations, Choice("weibull", "chosen", 0.01))
    >>> print(curve.iloc[[0, 4, -1]].round(2).to_string(index=False))
     day  active  low  high
       0    0.85 0.78  0.90
      28    0.44 0.36  0.52
      56    0.32 0.24  0.41
    >>> print(f"{mean.value:.0f} days [{mean.low:.0f}; {mean.high:.0f}] of {mean.horizon_days}")
    27 days [24; 31] of 56
    >>> beyond(durations, Choice("weibull", "off", 0.05))[1] is None
    True
    """
    empty = pd.DataFrame({name: pd.Series(dtype=float) for name in lifetimes.CURVE})
    last = 2 * _last_day(durations, MIN_AT_RISK)
    fitted = lifetimes.fit(durations, family=choice.model) if choice.case == "chosen" and last else None
    if fitted is None or not fitted.converged:
        return empty, None
    days = np.append(np.arange(0, last, 7), last)
    mean = lifetimes.expected_days(fitted, family=choice.model, horizon_days=last)
    return carried_on(fitted, choice, days=days), mean


def carried_on(fitted: Fit, choice: Choice, *, days: np.ndarray) -> pd.DataFrame:
    """The chosen curve beyond the data -- day, active, low, high: the fit's interval, wider by the error it made.

    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [0, 1, 2], "churned": [32, 16, 8],
    ...                           "censored": [0, 0, 8]})
    >>> fitted = lifetimes.fit(durations, family="exponential")
    >>> found = carried_on(fitted, Choice("exponential", "chosen", 0.02), days=np.array([1, 4]))
    >>> print(found.round(3).to_string(index=False))
     day  active   low  high
       1   0.250 0.149 0.373
       4   0.031 0.000 0.097
    """
    curve = lifetimes.share_active(fitted, family=choice.model, days=days)
    low, high = curve["low"] - choice.error, curve["high"] + choice.error
    return curve.assign(low=low.clip(lower=0.0), high=high.clip(upper=1.0))


def _last_day(durations: pd.DataFrame, min_at_risk: int) -> int:
    table = life_table.life_table(durations)
    days = table.loc[table["at_risk"] >= min_at_risk, "duration_days"]
    return int(days.max()) if len(days) else 0
