"""Randomised comparison of a campaign: who was assigned, and each arm's outcome before, during and after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.moments import MOMENTS, count_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METRICS = ("revenue", "orders", "active_days", "buyers", "converted")
SHARES = ("buyers", "converted")
OF_DAYS = METRICS[:4]  # known from active days alone; `converted` needs the events
ORDERING = ["order"]
WINDOWS = ("during", "after", "net")
CAPPED = ("revenue", "orders")
CAP_QUANTILE = 0.999
ARMS = ["variant", "users", "exposed"]
COLUMNS = ["arm", "metric", "window", "capped", *MOMENTS]
Sums = Callable[[ir.Table, str], dict[str, ir.Scalar]]


def arms(assignments: Tabular, exposures: Tabular, *, experiment_id: str, campaign_id: str) -> pd.DataFrame:
    """Users per variant and how many of them were shown the campaign; users of several variants are not among them.

    returns: one row per variant, by name -- variant, users, exposed (users)

    >>> import pandas as pd
    >>> from opsbook import experiment
    >>> names, day = ["ann", "bob", "cat", "dan", "dan"], pd.Timestamp("2026-02-16")
    >>> assigned = pd.DataFrame({"user": names, "variant": ["control", "coupon", "coupon", "control", "coupon"]})
    >>> assigned = assigned.assign(experiment_id="spring", day=day)
    >>> shown = pd.DataFrame({"user": ["bob"], "campaign_id": "spring"})
    >>> asked = {"experiment_id": "spring", "campaign_id": "spring"}
    >>> print(experiment.arms(assigned, shown, **asked).to_string(index=False))  # dan was in both
    variant  users  exposed
    control      1        0
     coupon      2        1
    """
    shown = engine_table(exposures)
    shown = shown.filter(shown.campaign_id.cast("string") == campaign_id).select(shown_user=_.user).distinct()
    placed = _clean(_assigned(assignments, experiment_id))
    placed = placed.left_join(shown, placed.user == shown.shown_user)
    counted = placed.group_by("variant").agg(users=_.count(), exposed=_.shown_user.count())
    return counted.order_by("variant").to_pandas().astype({"users": "int64", "exposed": "int64"})[ARMS]


def crossed_users(assignments: Tabular, *, experiment_id: str) -> int:
    """Users who were assigned to more than one variant; they are left out of every comparison.

    >>> import pandas as pd
    >>> from opsbook import experiment
    >>> assigned = pd.DataFrame({"user": ["ann", "dan", "dan"], "variant": ["control", "control", "coupon"]})
    >>> assigned = assigned.assign(experiment_id="spring", day=pd.Timestamp("2026-02-16"))
    >>> experiment.crossed_users(assigned, experiment_id="spring")
    1
    """
    return int(_assigned(assignments, experiment_id).filter(_.variants > 1).count().to_pandas())


def units(
    assignments: Tabular,
    user_days: Tabular,
    *,
    experiment_id: str,
    control: str,
    start: date,
    end: date,
    after_days: int,
    before_days: int = 28,
    primary: Sequence[str] = (),
    won: Tabular | None = None,
) -> ir.Table:
    """The unit of randomisation is the user, and so is the unit of analysis, whether active or not.

    A day counts as during or after only from the day of assignment on, as before only when it precedes the start.
    primary: the variants that count as treated; the rest but the control are `other`. None: all but the control.
    won: one row per user and day of a conversion event, as `conversions` gives it; None: no metric `converted`
    returns: one row per assigned user, kept in the engine -- user, variant, arm (control, treated, other), and per
             metric and window <metric>_<window>: revenue (net, currency), orders, active_days, buyers (1 = ordered at
             all), converted (1 = did a conversion event; only with `won`) over the windows before,
             during, after and net (during and after)

    >>> from opsbook import experiment, tiny
    >>> trial = {"experiment_id": "spring", "control": "control", "after_days": 14}
    >>> trial |= {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, **trial).to_pandas().sort_values("user")
    >>> print(units[["user", "arm", "orders_before", "orders_during", "orders_after"]].head(3).to_string(index=False))
     user     arm  orders_before  orders_during  orders_after
        2 treated              2              0             1
        4 treated              0              3             0
        7 control              1              1             1
    """
    placed = _clean(_assigned(assignments, experiment_id)).filter(_.assigned_day <= end)
    days = engine_table(user_days)
    lived = days.select("user", "orders", "revenue", day=days.day.cast("date"))
    span = {"first": start - timedelta(days=before_days), "start": start, "end": end}
    last = end + timedelta(days=after_days)
    filled = _with_sums(placed, _in_windows(lived, placed, last=last, **span), _window_sums)
    if won is not None:
        filled = _with_sums(filled, _in_windows(engine_table(won), placed, last=last, **span), _converted)
    treated = filled.variant.isin(list(primary)) if primary else filled.variant != control
    arm = ibis.cases((filled.variant == control, "control"), (treated, "treated"), else_="other")
    outcomes = [name for name in filled.columns if name not in placed.columns]
    return filled.select("user", "variant", *outcomes, arm=arm).cache()


def conversions(steps: Tabular, events: Sequence[str]) -> ir.Table | None:
    """The days on which users did a conversion event; None where ordering is the only one, since buyers are counted.

    steps: one row per event -- user, day, event

    >>> from opsbook import experiment, tiny
    >>> experiment.conversions(tiny.steps, ["order"]) is None  # buyers are counted anyway
    True
    >>> experiment.conversions(tiny.steps, ["join"]).to_pandas().shape
    (8, 2)
    """
    if list(events) == ORDERING:
        return None
    own = engine_table(steps)
    return own.filter(own.event.isin(list(events))).select("user", day=_.day.cast("date")).distinct()


def window_days(*, start: date, end: date, after_days: int, through: date) -> dict[str, int]:
    """Days of each window that the data cover: during, after, net; none of them negative.

    >>> from datetime import date
    >>> from opsbook import experiment
    >>> span = {"start": date(2026, 2, 16), "end": date(2026, 3, 1), "after_days": 14}
    >>> experiment.window_days(**span, through=date(2026, 3, 5))  # ten of the days after are not there yet
    {'during': 14, 'after': 4, 'net': 18}
    """
    during = max((min(end, through) - start).days + 1, 0)
    after = max((min(end + timedelta(days=after_days), through) - end).days, 0)
    return {"during": during, "after": after, "net": during + after}


def anybody(units: Tabular) -> bool:
    """Whether anybody was assigned: without an experiment no comparison is worth a query of its own.

    >>> from opsbook import experiment, tiny
    >>> experiment.anybody(tiny.assignments), experiment.anybody(tiny.assignments.head(0))
    (True, False)
    """
    units = engine_table(units)
    return bool(units.limit(1).count().to_pandas())


def arm_moments(units: Tabular) -> pd.DataFrame:
    """Moments of every metric and window by arm, paired with the pre-period, uncapped and capped.

    Caps are the 99.9th percentile of both arms together, of the outcome and of its pre-period alike.
    returns: one row per arm, metric, window and capping -- arm, metric, window, capped (bool), users, total, mean,
             variance, other_mean, other_variance, covariance (other = the pre-period)

    >>> from opsbook import experiment, tiny
    >>> trial = {"experiment_id": "spring", "control": "control", "after_days": 14}
    >>> trial |= {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END}
    >>> moments = experiment.arm_moments(experiment.units(tiny.assignments, tiny.user_days, **trial))
    >>> orders = moments[(moments["metric"] == "orders") & (moments["window"] == "net") & ~moments["capped"]]
    >>> print(orders[["arm", "users", "total", "mean", "variance"]].round(2).to_string(index=False))
        arm  users  total  mean  variance
    control     16   18.0  1.12      1.45
    treated     14   40.0  2.86      2.29
    """
    units = engine_table(units)
    capped = _with_caps(units)
    pairs = {
        f"{metric}:{window}:{cap}": (capped[f"{metric}_{window}{cap}"], capped[f"{metric}_before{cap}"])
        for cap, metrics in (("", METRICS), ("_capped", CAPPED))
        for metric in metrics
        for window in WINDOWS
        if f"{metric}_{window}" in capped.columns
    }
    counted = count_moments(capped, by="arm", pairs=pairs)
    if counted.empty:
        return pd.DataFrame(columns=COLUMNS)
    counted[["metric", "window", "capped"]] = counted["name"].str.split(":", expand=True)
    return counted.assign(capped=counted["capped"] == "_capped")[COLUMNS]


def _assigned(assignments: Tabular, experiment_id: str) -> ir.Table:
    """One row per assigned user -- user, variant (first by name), variants (how many), assigned_day (the first)."""
    rows = engine_table(assignments)
    rows = rows.filter(rows.experiment_id.cast("string") == experiment_id)
    rows = rows.select("user", variant=_.variant.cast("string"), day=_.day.cast("date"))
    return rows.group_by("user").agg(variant=_.variant.min(), variants=_.variant.nunique(), assigned_day=_.day.min())


def _clean(assigned: ir.Table) -> ir.Table:
    return assigned.filter(_.variants == 1).drop("variants")


def _in_windows(days: ir.Table, placed: ir.Table, *, first: date, start: date, end: date, last: date) -> ir.Table:
    """The assigned users' days with the window each falls into; `none` between the start and the assignment."""
    near = days.filter((days.day >= first) & (days.day <= last))
    window = ibis.cases((_.day < start, "before"), (_.day < _.assigned_day, "none"), (_.day <= end, "during"))
    return near.inner_join(placed, "user").mutate(window=window.fill_null("after"))


def _with_sums(users: ir.Table, seen: ir.Table, sums_of: Sums) -> ir.Table:
    """The users with the sums of each window, zero where there was nothing."""
    sums = seen.group_by("user").agg(**{k: v for w in ("before", *WINDOWS) for k, v in sums_of(seen, w).items()})
    joined = users.left_join(sums, "user").drop("user_right")
    return joined.mutate(**{name: joined[name].fill_null(0) for name in sums.columns if name != "user"})


def _inside(seen: ir.Table, window: str) -> ir.BooleanValue:
    return seen.window.isin(["during", "after"]) if window == "net" else seen.window == window


def _converted(seen: ir.Table, window: str) -> dict[str, ir.Scalar]:
    return {f"converted_{window}": _inside(seen, window).cast("int64").max()}


def _window_sums(seen: ir.Table, window: str) -> dict[str, ir.Scalar]:
    inside = _inside(seen, window)
    orders = seen.orders.sum(where=inside).fill_null(0)
    return {
        f"revenue_{window}": seen.revenue.sum(where=inside).fill_null(0.0),
        f"orders_{window}": orders,
        f"active_days_{window}": inside.sum().fill_null(0),
        f"buyers_{window}": (orders > 0).cast("int64"),
    }


def _with_caps(units: ir.Table) -> ir.Table:
    names = [f"{metric}_{window}" for metric in CAPPED for window in ("before", *WINDOWS)]
    caps = units.agg(**{f"{name}_cap": units[name].cast("float64").quantile(CAP_QUANTILE) for name in names})
    joined = units.cross_join(caps)
    return joined.mutate(**{f"{name}_capped": ibis.least(joined[name], joined[f"{name}_cap"]) for name in names})
