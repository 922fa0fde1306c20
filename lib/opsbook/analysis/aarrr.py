"""AARRR on one line: acquisition, activation, retention, revenue, referral, each one number with its n."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import gammaincinv, ndtri

from opsbook.analysis.proportion import METHOD_SHARE, Estimate, wilson
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
ACTIVATION_DAYS = 7
METHOD_COUNT, METHOD_MEAN = "Poisson", "normal"
UNSEEN = Estimate(np.nan, np.nan, np.nan, 0)


def aarrr(
    user_days: Tabular, users: Tabular, *, period: Period, growth: pd.DataFrame, settled_through: date
) -> pd.DataFrame:
    """The five numbers of one period, with paying share and revenue per user as two lines of the fourth.

    user_days: one row per user and active day -- user, day, orders, revenue
    users:     one row per user -- user, first_day, first_active_day, life_start, invited_by (user, missing = nobody)
    growth:    growth_accounting whose last row is this period
    returns:   one row per metric -- step, metric (new_users, activated, retained, paying, arpu, invited), value, low,
               high, n (users behind it), unit (users, share, money), method
    metrics:   new_users: life begins in the period · activated: share of them active again on day 1-7, only those
               whose seventh day is settled · retained: share of the previous period's active users active again ·
               paying: share of active users with an order · arpu: revenue / active users · invited: share of new
               users somebody invited, missing when the data name no inviter at all
    """
    row = growth[growth["period"] == period.label].tail(1)
    new = int((row["new"] + row["new_silent"]).sum())
    kept = wilson(row["current"].sum(), row["previous_users"].sum())
    paying, arpu = _revenue(user_days, period)
    lines = [
        ("acquisition", "new_users", _poisson(new), "users", METHOD_COUNT),
        ("activation", "activated", _activated(user_days, users, period, settled_through), "share", METHOD_SHARE),
        ("retention", "retained", kept, "share", METHOD_SHARE),
        ("revenue", "paying", paying, "share", METHOD_SHARE),
        ("revenue", "arpu", arpu, "money", METHOD_MEAN),
        ("referral", "invited", _invited(users, period), "share", METHOD_SHARE),
    ]
    flat = [(step, metric, *estimate, unit, method) for step, metric, estimate, unit, method in lines]
    table = pd.DataFrame(flat, columns=["step", "metric", "value", "low", "high", "n", "unit", "method"])
    return table.astype({"value": "float64", "low": "float64", "high": "float64", "n": "int64"})


def _newcomers(users: Tabular, period: Period, until: date) -> ir.Table:
    """Users whose known life begins in the period, not after `until` -- user, life (day number), invited."""
    people = engine_table(users)
    first, first_active = (people[name].cast("date") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(first, first_active), first, first_active)
    invited = people.invited_by.notnull() if "invited_by" in people.columns else ibis.literal(False)
    begun = people.filter(people.life_start != "unknown", life.between(ibis.date(period.start), ibis.date(until)))
    return begun.select("user", life=life.epoch_days(), invited=invited)


def _activated(user_days: Tabular, users: Tabular, period: Period, settled_through: date) -> Estimate:
    until = min(period.end, settled_through - timedelta(days=ACTIVATION_DAYS))
    if until < period.start:
        return UNSEEN
    new = _newcomers(users, period, until)
    last = period.end + timedelta(days=ACTIVATION_DAYS)
    days = engine_table(user_days).select("user", day=_.day.cast("date"))
    days = days.filter(_.day.between(ibis.date(period.start), ibis.date(last)))
    seen = new.inner_join(days.select("user", age=_.day.epoch_days()), "user")
    again = seen.filter((seen.age - seen.life).between(1, ACTIVATION_DAYS))
    return wilson(_number(again.user.nunique()), _number(new.count()))


def _revenue(user_days: Tabular, period: Period) -> tuple[Estimate, Estimate]:
    """Paying share and mean revenue of the period's active users."""
    days = engine_table(user_days).select(
        "user", day=_.day.cast("date"), orders=_.orders.cast("int64"), revenue=_.revenue.cast("decimal(18, 4)")
    )
    days = days.filter(_.day.between(ibis.date(period.start), ibis.date(period.end)))
    paid = days.group_by("user").agg(orders=_.orders.sum(), revenue=_.revenue.sum())
    sums = paid.aggregate(
        n=_.count(),
        payers=(_.orders > 0).sum(),
        total=_.revenue.sum().cast("float64"),
        squares=(_.revenue.cast("float64") * _.revenue.cast("float64")).sum(),
    )
    n, payers, total, squares = sums.fill_null(0).to_pandas().astype("float64").iloc[0]
    return wilson(payers, n), _mean(int(n), float(total), float(squares))


def _invited(users: Tabular, period: Period) -> Estimate:
    people = engine_table(users)
    if "invited_by" not in people.columns or not _number(people.invited_by.notnull().sum()):
        return UNSEEN
    new = _newcomers(users, period, period.end)
    return wilson(_number(new.invited.sum()), _number(new.count()))


def _poisson(count: int, *, level: float = 0.95) -> Estimate:
    """A count with Garwood's exact interval, as if users came independently."""
    low = float(gammaincinv(count, 0.5 - level / 2)) if count else 0.0
    return Estimate(count, low, float(gammaincinv(count + 1, 0.5 + level / 2)), count)


def _mean(n: int, total: float, squares: float, *, level: float = 0.95) -> Estimate:
    if n < 2:
        return Estimate(total / n if n else np.nan, np.nan, np.nan, n)
    error = np.sqrt(max(squares - total**2 / n, 0.0) / (n - 1) / n)
    half = round(float(ndtri(0.5 + level / 2) * error), 9)
    return Estimate(total / n, total / n - half, total / n + half, n)


def _number(expression: ir.Scalar) -> int:
    value = expression.to_pandas()
    return 0 if pd.isna(value) else int(value)
