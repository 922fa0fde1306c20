"""AARRR on one line: acquisition, activation, retention, revenue, referral, each one number with its n."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import gammaincinv, ndtr, ndtri

from opsbook.analysis.multiplicity import compared, holm
from opsbook.analysis.proportion import METHOD_SHARE, Estimate, newcombe, wilson
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
ACTIVATION_DAYS = 7
CAP = 0.999
METHOD_COUNT, METHOD_MEAN = "Poisson", "normal"
MONEY = "decimal(18, 4)"
UNSEEN = Estimate(np.nan, np.nan, np.nan, 0)


def aarrr(
    user_days: Tabular,
    users: Tabular,
    *,
    period: Period,
    growth: pd.DataFrame,
    settled_through: date,
    min_cell: int = 1,
) -> pd.DataFrame:
    """The five numbers of one period, with paying share and revenue per user as four lines of the fourth.

    user_days: one row per user and active day -- user, day, orders, revenue
    users:     one row per user -- user, first_day, first_active_day, life_start, invited_by (user, missing = nobody)
    growth:    growth_accounting with a row of this period; without it new and retained users are missing
    returns:   one row per metric -- step, metric (new_users, activated, retained, paying, arpu, arppu, arppu_capped,
               invited), value, low, high, n (users behind it), unit (users, share, money), method
               paying and revenue are missing where the data hold no order at all: not recorded is not 0
    metrics:   new_users: life begins in the period · activated: share of them active again on day 1-7, only those
               whose seventh day is settled · retained: share of the previous period's active users active again ·
               paying: share of active users with an order · arpu: revenue / active users · arppu: revenue / paying
               users, missing below min_cell of them · arppu_capped: the same with each user's revenue at most the
               99.9th percentile of paying users · invited: share of new users somebody invited, missing when the data
               name no inviter at all

    >>> from opsbook import aarrr, growth, tiny
    >>> january, february = tiny.period("2026-01"), tiny.period("2026-02")
    >>> moved = growth.growth_accounting(tiny.user_days, tiny.users, periods=[january, february], **tiny.COVERED)
    >>> line = aarrr.aarrr(tiny.user_days, tiny.users, period=february, growth=moved, settled_through=tiny.AS_OF)
    >>> print(line[["step", "metric", "value", "n", "unit"]].round(2).to_string(index=False))
           step       metric  value  n  unit
    acquisition    new_users  19.00 19 users
     activation    activated   0.89 19 share
      retention     retained   0.74 38 share
        revenue       paying   0.72 47 share
        revenue         arpu  42.13 47 money
        revenue        arppu  58.24 34 money
        revenue arppu_capped  58.20 34 money
       referral      invited   0.21 19 share
    """
    row = growth[growth["period"] == period.label].tail(1)
    new = _poisson(int((row["new"] + row["new_silent"]).sum())) if len(row) else UNSEEN
    kept = wilson(row["current"].sum(), row["previous_users"].sum())
    paying, arpu, arppu, capped = _revenue(user_days, period, min_cell) if _sells(user_days) else (UNSEEN,) * 4
    lines = [
        ("acquisition", "new_users", new, "users", METHOD_COUNT),
        ("activation", "activated", _activated(user_days, users, period, settled_through), "share", METHOD_SHARE),
        ("retention", "retained", kept, "share", METHOD_SHARE),
        ("revenue", "paying", paying, "share", METHOD_SHARE),
        ("revenue", "arpu", arpu, "money", METHOD_MEAN),
        ("revenue", "arppu", arppu, "money", METHOD_MEAN),
        ("revenue", "arppu_capped", capped, "money", METHOD_MEAN),
        ("referral", "invited", _invited(users, period), "share", METHOD_SHARE),
    ]
    flat = [(step, metric, *estimate, unit, method) for step, metric, estimate, unit, method in lines]
    table = pd.DataFrame(flat, columns=["step", "metric", "value", "low", "high", "n", "unit", "method"])
    return table.astype({"value": "float64", "low": "float64", "high": "float64", "n": "int64"})


def aarrr_changes(line: pd.DataFrame, base: pd.DataFrame, *, comparable: bool = True) -> pd.DataFrame:
    """The line with each number's change against the line of the period before, as of independent users.

    Users active in both periods make the two numbers move together, so that the intervals are rather too wide.

    line, base: aarrr of this and of the previous period
    comparable: whether both periods are complete; without it no change is told
    returns:    the rows of `line` with base_value, change (in the unit), change_low, change_high, p (normal), p_holm
                (Holm over the metrics), compared (how many), clear (p_holm at most .05)

    >>> import pandas as pd
    >>> from opsbook import aarrr
    >>> ends = {"low": [72.4, 0.6], "high": [110.6, 0.78], "unit": ["users", "share"]}
    >>> now = pd.DataFrame({"metric": ["new_users", "retained"], "value": [90, 0.7], "n": [90, 100], **ends})
    >>> then = now.assign(value=[120, 0.5], low=[99.5, 0.4], high=[143.5, 0.6], n=[120, 100])
    >>> changed = aarrr.aarrr_changes(now, then)
    >>> shown = changed[["metric", "base_value", "value", "change_low", "change_high", "clear"]]
    >>> print(shown.round(2).to_string(index=False))
       metric  base_value  value  change_low  change_high  clear
    new_users       120.0   90.0      -58.40        -1.60   True
     retained         0.5    0.7        0.06         0.33   True
    """
    before = base.set_index("metric").reindex(line["metric"])
    told = [_change(now, then) for (_i, now), (_j, then) in zip(line.iterrows(), before.iterrows(), strict=True)]
    moved = pd.DataFrame(told if comparable else [UNSEEN[:3]] * len(line), columns=["value", "low", "high"])
    change = moved.set_axis(["change", "change_low", "change_high"], axis=1).astype("float64")
    error = (change["change_high"] - change["change_low"]) / 2 / float(ndtri(0.975))
    p = pd.Series(2 * ndtr(-(change["change"].abs() / error.where(error > 0))))
    based = line.reset_index(drop=True).assign(base_value=before["value"].to_numpy(dtype=float))
    table = pd.concat([based, change], axis=1).assign(p=p, p_holm=holm(p), compared=compared(p))
    return table.assign(clear=table["p_holm"] <= 0.05)


def comparable(base: Period, period: Period, *, data_start: date, settled_through: date) -> bool:
    """Whether the data cover both periods whole and the later one is settled.

    >>> from opsbook import aarrr, tiny
    >>> january, february = tiny.period("2026-01"), tiny.period("2026-02")
    >>> aarrr.comparable(january, february, **tiny.COVERED)  # the data begin on 5 January
    False
    """
    return data_start <= base.start and period.end <= settled_through


def _change(now: pd.Series, then: pd.Series) -> tuple[float, float, float]:
    if pd.isna(now["value"]) or pd.isna(then["value"]):
        return UNSEEN[:3]
    if now["unit"] == "share":
        counts = (round(row["value"] * row["n"]) if side else row["n"] for row in (now, then) for side in (True, False))
        return newcombe(*counts)[:3]
    change = now["value"] - then["value"]
    spread = (now["value"] + then["value"]) ** 0.5 * float(ndtri(0.975))
    half = spread if now["unit"] == "users" else np.hypot(now["high"] - now["low"], then["high"] - then["low"]) / 2
    return change, change - half, change + half


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


def _revenue(user_days: Tabular, period: Period, min_cell: int) -> tuple[Estimate, Estimate, Estimate, Estimate]:
    """Paying share, mean revenue of active users and of paying users, and the latter capped."""
    days = engine_table(user_days).select(
        "user", day=_.day.cast("date"), orders=_.orders.cast("int64"), revenue=_.revenue.cast(MONEY)
    )
    days = days.filter(_.day.between(ibis.date(period.start), ibis.date(period.end)))
    paid = days.group_by("user").agg(orders=_.orders.sum(), revenue=_.revenue.sum())
    payer = paid.orders > 0
    amount = paid.revenue.cast("float64")
    cap = amount.quantile(CAP, where=payer).to_pandas()
    kept = ibis.least(amount, float(cap) if pd.notna(cap) else 0.0).round(4).cast(MONEY)
    counts = paid.aggregate(n=paid.count(), payers=payer.sum()).fill_null(0).to_pandas().astype("int64").iloc[0]
    parts = {"all": (paid.revenue, None), "payers": (paid.revenue, payer), "capped": (kept, payer)}
    sums = {f"{name}_{power}": one for name, part in parts.items() for power, one in _powers(*part).items()}
    at = paid.aggregate(**sums).fill_null(0).to_pandas().astype("float64").iloc[0]
    sizes = {"all": counts["n"], "payers": counts["payers"], "capped": counts["payers"]}
    means = [_mean(int(n), float(at[f"{name}_sum"]), float(at[f"{name}_squares"])) for name, n in sizes.items()]
    few = counts["payers"] < min_cell
    arppu = [Estimate(np.nan, np.nan, np.nan, int(counts["payers"])) if few else mean for mean in means[1:]]
    return wilson(counts["payers"], counts["n"]), means[0], arppu[0], arppu[1]


def _sells(user_days: Tabular) -> bool:
    return _number(engine_table(user_days).orders.cast("int64").sum()) > 0


def _powers(amount: ir.NumericValue, where: ir.BooleanValue | None) -> dict[str, ir.Scalar]:
    square = amount.cast("float64") * amount.cast("float64")
    return {"sum": amount.sum(where=where).cast("float64"), "squares": square.sum(where=where)}


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
