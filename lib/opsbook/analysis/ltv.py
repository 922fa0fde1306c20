"""Observed lifetime value: net revenue per acquired user in the first days, only where the days are complete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import stdtrit

from opsbook.analysis.moments import SCALE
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MONEY = "decimal(18, 4)"
WINDOWS = (30, 60, 90, 180, 365)
CAP = 0.999
ALL = "all"
METHOD_LTV = "mean over all acquired users, t interval"
_VALUES = ["ltv", "ltv_low", "ltv_high", "capped", "capped_low", "capped_high", "cap"]


def observed_ltv(
    orders: Tabular,
    users: Tabular,
    *,
    windows: Sequence[int] = WINDOWS,
    data_start: date,
    settled_through: date,
    min_cell: int = 1,
) -> pd.DataFrame:
    """Net revenue per user in the first N days of life, by month of acquisition.

    Life begins with the sign-up, for users without one with the first order, and that is day 0; N days are days 0 to
    N - 1. Users who order nothing count as zero. Who may have begun before the data is left out.

    orders:  one row per order or refund -- user, day, net, is_purchase
    users:   one row per user -- user, signed_up_day, first_active_day, life_start
    returns: one row per cohort (month, e.g. 2026-01; last "all": the complete cohorts together) and window -- cohort,
             window_days, users, ltv (currency per user), ltv_low, ltv_high (t interval), capped, capped_low,
             capped_high (each user's revenue cut at the 99.9th percentile of the window), cap (that percentile),
             complete (the whole cohort could be seen for the window; else the values are missing); cohorts of
             fewer than min_cell users are left out, also of "all"

    >>> from opsbook import tiny
    >>> span = {"data_start": tiny.DATA_START, "settled_through": tiny.AS_OF}
    >>> found = observed_ltv(tiny.orders, tiny.users, windows=(30,), **span)
    >>> columns = ["cohort", "window_days", "users", "ltv", "ltv_low", "ltv_high", "complete"]
    >>> print(found[columns].round(2).to_string(index=False))
     cohort  window_days  users   ltv  ltv_low  ltv_high  complete
    2026-01           30     16 56.56    28.86     84.26      True
    2026-02           30     19 56.84    29.82     83.86      True
    2026-03           30      3   NaN      NaN       NaN     False
        all           30     35 56.71    38.36     75.07      True
    """
    limit = _number(settled_through)
    people = _people(orders, users, data_start=data_start, through=settled_through)
    table = _sums(_revenue(orders, people, windows, limit))
    table = table[table["users"] >= min_cell]
    shown = pd.concat([table, _together(table[table["complete"]], windows)], ignore_index=True)
    return _with_intervals(shown)


def ltv_curves(
    orders: Tabular,
    users: Tabular,
    *,
    by: str = "cohort",
    data_start: date,
    settled_through: date,
    horizon_days: int | None = None,
    min_cell: int = 1,
) -> pd.DataFrame:
    """Net revenue per user cumulated over the days of life.

    by:           cohort (month of acquisition; each curve ends where the cohort's last member is no longer seen), or a
                  column of users such as channel (then only users seen for horizon_days count, the same on every day)
    returns:      one row per group and day -- <by>, age_days (0 is the day life began), users, ltv, ltv_low, ltv_high
                  (t interval); groups under min_cell users are left out; with another `by` also the group "all"

    >>> from opsbook import tiny
    >>> span = {"data_start": tiny.DATA_START, "settled_through": tiny.AS_OF}
    >>> found = ltv_curves(tiny.orders, tiny.users, by="channel", horizon_days=28, **span)
    >>> shown = found[found["age_days"].isin([0, 6, 27])]
    >>> print(shown.pivot(index="age_days", columns="channel", values="ltv").round(2).to_string())
    channel     ads    all  search
    age_days
    0          6.36   5.43    5.00
    6         21.82  20.29   19.58
    27        35.45  56.14   65.62
    """
    limit = _number(settled_through)
    people = _people(orders, users, data_start=data_start, through=settled_through)
    if by != "cohort":
        horizon = horizon_days or max(WINDOWS)
        named = engine_table(users).select("user", **{by: _[by].cast("string").fill_null("unknown")})
        people = people.filter(_.first + horizon - 1 <= limit).inner_join(named, "user")
        people = people.mutate(ready=ibis.literal(limit - horizon + 1))
    steps = _running(orders, people, by, limit)
    groups = [(name, own) for name, own in steps.groupby(by)]
    if by != "cohort" and groups:
        groups.append((ALL, steps))
    curves = [_curve(own, by, str(name), limit) for name, own in groups]
    kept = [curve for curve in curves if len(curve) and curve["users"].iloc[0] >= min_cell]
    columns = [by, "age_days", "users", "ltv", "ltv_low", "ltv_high"]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=columns)


def _people(orders: Tabular, users: Tabular, *, data_start: date, through: date) -> ir.Table:
    """One row per acquired user -- user, first (number of day 0), cohort, ready (number of the cohort's last day)."""
    table = engine_table(orders)
    buyers = table.filter(table.is_purchase.cast("boolean")).group_by("user").agg(bought=_.day.cast("date").min())
    given = engine_table(users)
    lives = given.select("user", signed=given.signed_up_day.cast("date"), start=given.life_start)
    people = lives.left_join(buyers, "user").drop("user_right")
    people = people.mutate(day0=ibis.coalesce(_.signed, _.bought))
    inside = people.day0.between(ibis.date(data_start), ibis.date(through))
    acquired = people.filter(inside & ((people.start != "unknown") | people.signed.notnull()))
    month = acquired.day0.truncate("M")
    following = (month + ibis.interval(months=1)).cast("date")
    return acquired.select(
        "user",
        first=acquired.day0.epoch_days().cast("int32"),
        cohort=month.strftime("%Y-%m"),
        ready=(following.epoch_days() - 1).cast("int32"),
    )


def _paid(orders: Tabular, people: ir.Table, limit: int) -> ir.Table:
    """One row per order or refund of acquired users -- user, age (days of life, 0 also for anything before), net."""
    table = engine_table(orders)
    booked = table.select("user", number=_.day.cast("date").epoch_days().cast("int32"), net=_.net.cast(MONEY))
    own = booked.filter(_.number <= limit).inner_join(people, "user")
    return own.select(*people.columns, age=ibis.greatest(_.number - _.first, 0), net=_.net)


def _revenue(orders: Tabular, people: ir.Table, windows: Sequence[int], limit: int) -> ir.Table:
    """One row per acquired user and window -- cohort, window_days, complete, cents (net revenue of the window in whole
    ten-thousandths, 0 without orders), capped.
    """
    spans = ibis.memtable(pd.DataFrame({"window_days": list(windows)}, dtype="int32"))
    paid = _paid(orders, people.select("user", "first"), limit).cross_join(spans).filter(_.age < _.window_days)
    sums = paid.group_by("user", "window_days").agg(cents=(_.net.sum() * SCALE).cast("int64"))
    everybody = people.cross_join(spans)
    joined = everybody.left_join(sums, ["user", "window_days"])
    filled = joined.select("cohort", "window_days", complete=_.ready + _.window_days - 1 <= limit,
                           cents=_.cents.fill_null(0))  # fmt: skip
    cap = filled.cents.quantile(CAP).over(ibis.window(group_by=["window_days", "complete"]))
    topped = filled.mutate(cap=cap.round().cast("int64"))
    return topped.mutate(capped=ibis.least(topped.cents, topped.cap))


def _sums(units: ir.Table) -> pd.DataFrame:
    """One row per cohort and window -- users, complete, cap, mean, variance, other_mean, other_variance (capped)."""
    sums = {"users": _.count(), "cap": _.cap.max()}
    for name in ("cents", "capped"):
        amount = units[name].cast("decimal(19, 0)")
        sums |= {name: units[name].sum().cast("string"), f"{name}_square": (amount * amount).sum().cast("string")}
    keys = ["cohort", "window_days", "complete"]
    table = units.group_by(*keys).agg(**sums).order_by(*keys).to_pandas()
    for name, mean, variance in (("cents", "mean", "variance"), ("capped", "other_mean", "other_variance")):
        parts = [
            _moments(int(n), int(Decimal(total)), int(Decimal(square)))
            for n, total, square in zip(table["users"], table[name], table[f"{name}_square"], strict=True)
        ]
        table[mean], table[variance] = [part[0] for part in parts], [part[1] for part in parts]
    return table.assign(cap=table["cap"].astype("float64") / SCALE).astype({"complete": "bool"})


def _moments(n: int, total: int, square: int) -> tuple[float, float]:
    """Mean and variance (n - 1) from sums of whole ten-thousandths, so that nothing cancels."""
    return total / n / SCALE, (n * square - total**2) / (n * (n - 1)) / SCALE**2 if n > 1 else float("nan")


def _together(table: pd.DataFrame, windows: Sequence[int]) -> pd.DataFrame:
    """The complete cohorts as one group: sums and sums of squares add up."""
    rows = []
    for days in windows:
        own = table[table["window_days"] == days]
        n = own["users"].to_numpy(dtype=float)
        row = {"cohort": ALL, "window_days": days, "users": int(n.sum()), "cap": own["cap"].max(), "complete": n.any()}
        for mean, variance in (("mean", "variance"), ("other_mean", "other_variance")):
            means, spreads = own[mean].to_numpy(dtype=float), own[variance].fillna(0.0).to_numpy(dtype=float)
            row[mean] = middle = float(n @ means / n.sum()) if len(own) else np.nan
            inside = (n - 1) @ spreads + n @ (means - middle) ** 2
            row[variance] = float(inside / (n.sum() - 1)) if n.sum() > 1 else np.nan
        rows.append(row)
    return pd.DataFrame(rows)


def _with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    users = table["users"].to_numpy(dtype=float)
    for name, mean, variance in (("ltv", "mean", "variance"), ("capped", "other_mean", "other_variance")):
        half = _student_half(table[variance].to_numpy(dtype=float), users)
        table[name], table[f"{name}_low"], table[f"{name}_high"] = table[mean], table[mean] - half, table[mean] + half
    hidden = ~table["complete"].astype("bool")
    table[_VALUES] = table[_VALUES].astype("float64").mask(hidden)
    names = ["cohort", "window_days", "users", *_VALUES, "complete"]
    kinds = {"users": "int64", "window_days": "int64", "complete": "bool"}
    return table[names].astype(kinds).reset_index(drop=True)


def _running(orders: Tabular, people: ir.Table, by: str, limit: int) -> pd.DataFrame:
    """One row per group and day of life with money (none: missing) -- <by>, age, ready, users (whose first money this
    is, so that they add up to all), and what the day adds to the sum of the users' cumulated revenue and to the sum of
    its squares: total and square, in whole ten-thousandths, so that nothing is rounded.
    """
    paid = _paid(orders, people.select("user", "first"), limit)
    daily = paid.group_by("user", "age").agg(cents=(_.net.sum() * SCALE).cast("int64"))
    lives = people.left_join(daily, "user").select("user", by, "ready", "age", cents=_.cents.fill_null(0))
    until_now = ibis.window(group_by="user", order_by="age", preceding=None, following=0)
    after = lives.mutate(after=_.cents.sum().over(until_now), place=_.cents.count().over(until_now))
    first, last = (part.cast("decimal(19, 0)") for part in (after.after - after.cents, after.after))
    sums = after.group_by(by, "age").agg(
        ready=_.ready.max(),
        users=(_.place == 1).sum(),
        total=_.cents.sum().cast("string"),
        square=(last * last - first * first).sum().cast("string"),
    )
    return sums.order_by(by, "age").to_pandas()


def _curve(steps: pd.DataFrame, by: str, name: str, limit: int) -> pd.DataFrame:
    days, n = limit - int(steps["ready"].max()) + 1, int(steps["users"].sum())
    if days < 1:
        return pd.DataFrame()
    parts = {part: [int(Decimal(text)) for text in steps[part]] for part in ("total", "square")}
    whole = pd.DataFrame(parts, dtype=object)
    sums = whole.groupby(steps["age"].to_numpy()).sum().reindex(range(days), fill_value=0).cumsum()
    pairs = zip(sums["total"], sums["square"], strict=True)
    means, variances = np.array([_moments(n, int(total), int(square)) for total, square in pairs]).T
    half = _student_half(variances, np.full(days, float(n)))
    facts = {by: name, "age_days": np.arange(days), "users": n}
    return pd.DataFrame(facts | {"ltv": means, "ltv_low": means - half, "ltv_high": means + half})


def _student_half(variance: np.ndarray, n: np.ndarray, level: float = 0.95) -> np.ndarray:
    safe = np.where(n > 1, n, np.nan)
    return np.asarray(stdtrit(safe - 1, 0.5 + level / 2) * np.sqrt(variance / safe))


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
