"""How long users take from one step of a funnel to the next: Kaplan-Meier, open entries censored.

A user is at risk from reaching the last step that may not be skipped. Reaching the next one is the event; the end of
the entry's window or of as_of censors. Nothing else ends the wait: no other exit is treated as an event, so the curve
says what share would have gone on if everybody were watched for so long. That holds as far as users watched for a short
time go on as quickly as the others. Times are those of each user's first entry, young entries included.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.life_table import users
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.survival import active_at, kaplan_meier
from opsbook.analysis.survival_time import quantile_days
from opsbook.inputs.funnels import Funnel
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
WHOLE = "whole"
METHOD = "Kaplan-Meier, log-log interval"
HORIZONS = {"1h": 1 / 24, "1d": 1.0, "7d": 7.0}
MINUTES = 24 * 60
GRID = 60
COUNTED = ["step", "event", "duration_days", "churned", "censored"]


def durations(walked: Tabular | None, *, funnel: Funnel | None, cohort: int) -> pd.DataFrame:
    """Waiting times of those who entered in the period, counted, to each step and (step 0) through the whole funnel.

    walked:  as from `funnel_modes.walk`; None gives an empty table. cohort: place of the period
    returns: one row per step and waiting time (in whole minutes) -- step, event, duration_days, churned (users who went
             on then), censored (users watched for so long without); named as `life_table` reads them

    >>> from opsbook import conversion_time, funnel_modes, tiny
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel(name="buying", window_days=7, steps=["read", "add_to_cart", "order"])
    >>> asked = {"funnel": funnel, "periods": [tiny.period("2026-02")], "as_of": tiny.AS_OF}
    >>> walked = funnel_modes.walk(tiny.steps, tiny.users, **asked)
    >>> waited = conversion_time.durations(walked, funnel=funnel, cohort=0)
    >>> print(waited[waited["step"] == 3].head(3).round(2).to_string(index=False))
     step event  duration_days  churned  censored
        3 order           0.08        3         0
        3 order           0.92        0         2
        3 order           1.08        1         0
    """
    if walked is None or funnel is None:
        return pd.DataFrame(columns=COUNTED)
    entered = engine_table(walked)
    own = entered.filter(entered.cohort == cohort)
    last = len(funnel.names)
    spans = [(0, 1, last, WHOLE)]
    spans += [(k, _required_before(funnel, k), k, funnel.names[k - 1]) for k in range(2, last + 1)]
    parts = [_waits(own, *span[:3]) for span in spans]
    counted = ibis.union(*parts).order_by("step", "duration_days").to_pandas()
    return counted.assign(event=counted["step"].map({span[0]: span[3] for span in spans}))[COUNTED]


def summary(durations: pd.DataFrame) -> pd.DataFrame:
    """How soon users go on, per step.

    returns: one row per step -- step, event, waited (users at risk), converted, censored (users), median_hours with
             _low and _high (missing when fewer than half go on), share_1h, share_1d, share_7d (gone on within an hour,
             a day, seven days) with _low and _high; missing where nobody was watched for so long

    >>> from opsbook import conversion_time, funnel_modes, tiny
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel(name="buying", window_days=7, steps=["read", "add_to_cart", "order"])
    >>> asked = {"funnel": funnel, "periods": [tiny.period("2026-02")], "as_of": tiny.AS_OF}
    >>> walked = funnel_modes.walk(tiny.steps, tiny.users, **asked)
    >>> told = conversion_time.summary(conversion_time.durations(walked, funnel=funnel, cohort=0))
    >>> shown = told[["step", "event", "waited", "converted", "median_hours", "share_1d"]]
    >>> print(shown.round(2).to_string(index=False))
     step       event  waited  converted  median_hours  share_1d
        0       whole      41         10           NaN      0.05
        2 add_to_cart      41         27          74.0      0.24
        3       order      27         10         122.0      0.11
    """
    rows = [_summed(rows) for _step, rows in durations.groupby("step", sort=True)]
    columns = ["step", "event", "waited", "converted", "censored"]
    columns += [f"median_hours{side}" for side in ("", "_low", "_high")]
    columns += [f"share_{name}{side}" for name in HORIZONS for side in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=columns)


def curves(durations: pd.DataFrame) -> pd.DataFrame:
    """Share gone on after so many hours, at points that lie closer together at the beginning.

    returns: one row per step and point that somebody was watched for -- step, event, waited, hours, share with _low
             and _high

    >>> import pandas as pd
    >>> from opsbook import conversion_time
    >>> waited = pd.DataFrame({"step": 2, "event": "order", "duration_days": [0.5, 2.0, 7.0]})
    >>> curve = conversion_time.curves(waited.assign(churned=[30, 20, 0], censored=[0, 0, 50]))
    >>> after = [curve[curve["hours"] > hours].iloc[0] for hours in (12, 48)]
    >>> [f"{row['share']:.0%} of {row['waited']:.0f} after {row['hours']:.0f} hours" for row in after]
    ['30% of 100 after 14 hours', '50% of 100 after 48 hours']
    """
    parts = [_curve(rows) for _step, rows in durations.groupby("step", sort=True)]
    columns = ["step", "event", "waited", "hours", "share", "share_low", "share_high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _required_before(funnel: Funnel, position: int) -> int:
    return next(k for k in range(position - 1, 0, -1) if not funnel.optional[k - 1])


def _waits(own: ir.Table, step: int, since: int, until: int) -> ir.Table:
    """Waiting times of one step: to the event, or to where watching ends."""
    began, reached = own[f"hours_{since}"], own[f"hours_{until}"]
    waited = ibis.ifelse(reached.notnull(), reached, own.watched_hours) - began
    waits = own.filter(began.notnull()).select(minutes=(waited * 60).floor(), went=reached.notnull())
    counted = waits.group_by("minutes").agg(churned=_.went.sum().cast("int64"), censored=(~_.went).sum().cast("int64"))
    return counted.select("churned", "censored", step=ibis.literal(step), duration_days=_.minutes / MINUTES)


def _summed(rows: pd.DataFrame) -> dict[str, Any]:
    converted, censored = int(rows["churned"].sum()), int(rows["censored"].sum())
    told = {name: rows[name].iloc[0] for name in ("step", "event")} | {"waited": converted + censored}
    median = quantile_days(rows)
    hours = [24 * value for value in median[:3]]
    told |= {"converted": converted, "censored": censored} | _named("median_hours", hours)
    for name, days in HORIZONS.items():
        told |= _named(f"share_{name}", _gone_on(active_at(rows, day=days)))
    return told


def _gone_on(staying: Estimate) -> list[float]:
    return [1 - staying.value, 1 - staying.high, 1 - staying.low]


def _named(name: str, values: list[float]) -> dict[str, float]:
    return {f"{name}{side}": value for side, value in zip(("", "_low", "_high"), values, strict=True)}


def _curve(rows: pd.DataFrame) -> pd.DataFrame:
    steps = kaplan_meier(rows)
    longest = max(float(rows["duration_days"].max()), 2 / MINUTES)
    days = np.unique(np.r_[0.0, np.geomspace(1 / MINUTES, longest, GRID)])
    place = np.searchsorted(steps["duration_days"].to_numpy() - 1e-9, days, side="right") - 1
    shares = {
        name: np.where(place >= 0, 1 - steps[column].to_numpy()[np.maximum(place, 0)], empty)
        for name, column, empty in (
            ("share", "active", 0.0),
            ("share_low", "active_high", np.nan),
            ("share_high", "active_low", np.nan),
        )
    }
    told = {name: rows[name].iloc[0] for name in ("step", "event")}
    return pd.DataFrame({"hours": 24 * days, **shares}).assign(**told, waited=users(rows))
