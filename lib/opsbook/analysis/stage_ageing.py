"""Who stands at each step of a funnel now, for how long, and how many wait longer than those who ever move on do."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import survival
from opsbook.analysis.proportion import add_share
from opsbook.inputs.funnels import Funnel
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
WAITS = ["step", "event", "days", "moved_on", "standing"]
QUANTILES = {"days_median": 0.5, "days_p75": 0.75, "days_p90": 0.9}
COLUMNS = [
    "step", "event", "standing", *QUANTILES, "moved_on", "slow_after_days", "watched_longest_days", "overdue",
    "share_overdue", "share_overdue_low", "share_overdue_high",
]  # fmt: skip


def waiting(steps: Tabular, users: Tabular, *, funnel: Funnel | None, data_start: date, as_of: date) -> pd.DataFrame:
    """How long everybody took, or has waited so far, from each required step to the next one.

    A user's way is the first event of the first step (or the sign-up), then the first event of each next step at or
    after it; optional steps, windows and exclusions do not stop the clock. Sign-ups before data_start are left out:
    what they did before nobody can see.
    steps:   one row per event -- user, at, day, event; users: user, signed_up_at, signed_up_day (entry by sign-up)
    returns: one row per step but the last and days -- step (position), event (name), days (calendar days),
             moved_on (users who took the next step after so many days), standing (users still there at as_of);
             no rows without a funnel, or for one without an order of steps

    >>> from opsbook import stage_ageing, tiny
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel(name="buy", steps=["read", "add_to_cart", "order"])
    >>> span = {"data_start": tiny.DATA_START, "as_of": tiny.AS_OF}
    >>> waits = stage_ageing.waiting(tiny.steps, tiny.users, funnel=funnel, **span)
    >>> print(waits.groupby("step")[["moved_on", "standing"]].sum().to_string())
          moved_on  standing
    step
    1           51         6
    2           41        10
    """
    if funnel is None or funnel.mode == "any_order":
        return pd.DataFrame(columns=WAITS)
    required = [k for k, may_skip in enumerate(funnel.optional, 1) if not may_skip]
    events = _placed(engine_table(steps), funnel, required, data_start, as_of)
    reached, parts = _first_step(events, engine_table(users), funnel, data_start, as_of), []
    for position, following in pairwise(required):
        after = _next_step(events.filter(_.position == following), reached)
        parts.append(_counted(reached, after, as_of).assign(step=position, event=funnel.names[position - 1]))
        reached = after
    return pd.concat(parts, ignore_index=True)[WAITS]


def stage_ageing(waits: pd.DataFrame, *, moved_share: float = 0.9) -> pd.DataFrame:
    """The users standing at each step, and those who wait longer than `moved_share` of all who move on ever took.

    waits:   see `waiting`
    returns: one row per step -- step, event, standing (users), days_median, days_p75, days_p90 (of their wait so far),
             moved_on (users who ever did), slow_after_days (within them `moved_share` of those who ever move on did, as
             far as could be watched; missing if nobody did), watched_longest_days (longest wait seen), overdue
             (standing users beyond slow_after_days), share_overdue (Wilson _low, _high)
    source:  Kaplan-Meier of the time to the next step, users still standing censored at as_of

    >>> import pandas as pd
    >>> from opsbook import stage_ageing
    >>> waits = pd.DataFrame({"step": 1, "event": "cart", "days": [0, 1, 5, 40]})
    >>> told = stage_ageing.stage_ageing(waits.assign(moved_on=[70, 20, 5, 0], standing=[0, 2, 1, 4]))
    >>> print(told[["event", "standing", "moved_on", "slow_after_days", "overdue"]].to_string(index=False))
    event  standing  moved_on  slow_after_days  overdue
     cart         7        95              1.0        5
    """
    if not 0 < moved_share < 1:
        raise ValueError(f"moved_share lies between 0 and 1, found {moved_share}")
    rows = [_aged(part, moved_share) for _step, part in waits.groupby("step", sort=True)]
    table = pd.DataFrame(rows, columns=COLUMNS[:-3])
    table = table.astype({"standing": "int64", "overdue": "int64", "moved_on": "int64"})
    known = table["standing"].where(table["slow_after_days"].notna(), 0)
    table = add_share(table.assign(known=known), of="overdue", out_of="known", name="share_overdue")
    return table[COLUMNS]


def _placed(steps: ir.Table, funnel: Funnel, required: list[int], data_start: date, as_of: date) -> ir.Table:
    """The events of the required steps -- user, at, day, position."""
    named = steps.mutate(event=steps.event.cast("string"), day=steps.day.cast("date"))
    branches = [(named.event.isin(list(funnel.events(k))), k) for k in required if funnel.events(k)]
    placed = named.mutate(position=ibis.cases(*branches, else_=0), at=named.at.cast("timestamp(6)"))
    inside = _.day.between(ibis.date(data_start), ibis.date(as_of))
    return placed.filter((_.position > 0) & inside).select("user", "at", "day", "position").cache()


def _first_step(events: ir.Table, users: ir.Table, funnel: Funnel, data_start: date, as_of: date) -> ir.Table:
    """One row per user -- user, at, day of the first step."""
    if funnel.events(1):
        return events.filter(_.position == 1).group_by("user").agg(at=_.at.min(), day=_.day.min()).cache()
    signed = users.filter(users.signed_up_at.notnull())
    first = signed.select("user", at=_.signed_up_at.cast("timestamp(6)"), day=_.signed_up_day.cast("date"))
    return first.filter(_.day.between(ibis.date(data_start), ibis.date(as_of))).cache()


def _next_step(events: ir.Table, reached: ir.Table) -> ir.Table:
    """The users who took the step at or after the one before, at their first time."""
    own = events.join(reached.select("user", since=_.at), "user").filter(_.at >= _.since)
    return own.group_by("user").agg(at=_.at.min(), day=_.day.min()).cache()


def _counted(reached: ir.Table, after: ir.Table, as_of: date) -> pd.DataFrame:
    """One row per number of days -- moved_on, standing."""
    both = reached.select("user", "day").left_join(after.select("user", next_day=_.day), "user").drop("user_right")
    days = ibis.coalesce(both.next_day, ibis.date(as_of)).delta(both.day, unit="day")
    counted = both.group_by(days=days).agg(moved_on=_.next_day.count(), standing=_.next_day.isnull().sum())
    return counted.order_by("days").to_pandas().astype("int64")


def _aged(part: pd.DataFrame, moved_share: float) -> tuple[object, ...]:
    days, standing = part["days"].to_numpy(float), part["standing"].to_numpy()
    quantiles = [_quantile(days, standing, share) for share in QUANTILES.values()]
    slow = _slow_after(part, moved_share)
    overdue = int(standing[days > slow].sum()) if np.isfinite(slow) else 0
    moved, watched = int(part["moved_on"].sum()), days.max(initial=0)
    return (part["step"].iloc[0], part["event"].iloc[0], standing.sum(), *quantiles, moved, slow, watched, overdue)


def _quantile(days: np.ndarray, users: np.ndarray, share: float) -> float:
    """The smallest number of days that this share of the users has not exceeded."""
    reached = np.cumsum(users) >= share * users.sum()
    return float(days[np.argmax(reached)]) if users.sum() else np.nan


def _slow_after(part: pd.DataFrame, moved_share: float) -> float:
    """Days within which this share of those who ever move on did; missing when nobody has."""
    if not part["moved_on"].any():
        return np.nan
    durations = pd.DataFrame({"entry_days": 0, "duration_days": part["days"]})
    curve = survival.kaplan_meier(durations.assign(churned=part["moved_on"], censored=part["standing"]))
    gone = 1 - curve["active"].to_numpy()
    return float(curve["duration_days"].to_numpy()[np.argmax(gone >= moved_share * gone[-1] - 1e-12)])
