"""Referral: how many users a user brings, how fast, and whether those brought are worth as much as the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import binom

from opsbook.analysis.means import welch
from opsbook.analysis.moments import Moments, count_moments, pair_moments
from opsbook.analysis.proportion import Estimate, newcombe, wilson
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD_K = "mean invitees per inviter, normal interval over users"
COHORTS = ["cohort", "users", "inviters", "invitees", "invites", "k", "k_low", "k_high", "converted", "converted_low",
           "converted_high"]  # fmt: skip
QUALITY = ["measure", "invited_users", "invited", "other_users", "other", "difference", "low", "high"]


class CycleTime(NamedTuple):
    """Days from an inviter's start to the invitee's: the median, its interval and the invitees behind it."""

    median: float
    low: float
    high: float
    n: int


def cohorts(
    users: Tabular,
    steps: Tabular,
    *,
    start: date,
    end: date,
    as_of: date,
    window_days: int = 28,
    invite_events: Sequence[str] = (),
) -> pd.DataFrame:
    """K by inviter cohort: invitees per user who started in the same week, within the first `window_days` of each.

    users:   one row per user -- user, first_day, invited_by (user, missing = nobody); steps: one row per event
    returns: one row per week from `start`, the last row `all` (missing cohort) -- cohort (first day of the week),
             users, inviters (who brought anybody), invitees, invites (events sent; missing without invite_events), k
             with interval, converted (invitees / invites) with Wilson interval. Users whose window was not over by
             as_of are not in it.
    source:  K = invites per user x conversion of invites = invitees per user; the product is counted, not multiplied

    >>> days = pd.to_datetime(["2026-01-05", "2026-01-06", "2026-01-08", "2026-01-20"])
    >>> users = pd.DataFrame({"user": [1, 2, 3, 4], "invited_by": [None, None, 1, 1], "first_day": days})
    >>> steps = pd.DataFrame({"user": [1, 1, 1, 2], "event": "invite", "day": pd.Timestamp("2026-01-07")})
    >>> span = {"start": date(2026, 1, 5), "end": date(2026, 1, 7), "as_of": date(2026, 3, 1)}
    >>> found = cohorts(users, steps, **span, window_days=7, invite_events=["invite"])
    >>> print(found[["cohort", "users", "inviters", "invitees", "invites", "k", "converted"]].to_string(index=False))
        cohort  users  inviters  invitees  invites   k  converted
    2026-01-05      2         1         1        4 0.5       0.25
           NaT      2         1         1        4 0.5       0.25
    """
    if not _invited(engine_table(users)):
        return pd.DataFrame(columns=COHORTS)
    people = _inviters(engine_table(users), start=start, end=min(end, as_of - timedelta(days=window_days)))
    brought = _brought(engine_table(users), people, window_days)
    sent = _sent(engine_table(steps), people, invite_events, window_days)
    units = people.left_join(brought, "user").drop("user_right").left_join(sent, "user").drop("user_right")
    filled = units.mutate(invitees=_.invitees.fill_null(0), invites=_.invites.fill_null(0))
    weeks = _counted(filled.mutate(group=_.cohort.cast("string")), bool(invite_events))
    whole = _counted(filled.mutate(group=ibis.literal("")), bool(invite_events))
    return pd.concat([weeks, whole], ignore_index=True) if len(weeks) else weeks


def cycle_time(users: Tabular, *, start: date, end: date, level: float = 0.95) -> CycleTime:
    """Median days between an inviter's first day and that of the invitees who started in start..end.

    source: order statistics, binomial interval; inviters of unknown start are left out

    >>> days = pd.to_datetime([f"2026-01-{day:02}" for day in (1, 2, 4, 7, 11, 16, 17, 20, 22, 25)])
    >>> users = pd.DataFrame({"user": range(10), "invited_by": [None, *range(9)], "first_day": days})
    >>> cycle_time(users, start=date(2026, 1, 1), end=date(2026, 1, 31))
    CycleTime(median=3.0, low=1.0, high=4.0, n=9)
    """
    people = engine_table(users)
    inviters = people.select(inviter="user", since=people.first_day.cast("date"))
    new = people.filter(people.first_day.cast("date").between(start, end)).inner_join(
        inviters, people.invited_by == inviters.inviter
    )
    days = np.sort(new.select(days=_.first_day.cast("date").delta(_.since, unit="day")).to_pandas()["days"].dropna())
    if len(days) < 6:
        return CycleTime(float("nan"), float("nan"), float("nan"), len(days))
    rank = int(binom.ppf((1 - level) / 2, len(days), 0.5))
    return CycleTime(float(np.median(days)), float(days[rank - 1]), float(days[len(days) - rank]), len(days))


def quality(
    users: Tabular, user_days: Tabular, *, start: date, end: date, as_of: date, retained_day: int = 7, days: int = 28
) -> pd.DataFrame:
    """Invited newcomers of start..end against the other newcomers; people choose whom they invite, so no effect.

    returns: one row per measure -- measure (retained = active on day `retained_day`; orders, revenue = in the first
             `days` days, per user), invited_users, invited, other_users, other, difference with low and high
             (Newcombe or Welch). Only users watched for the whole time by as_of.

    >>> from opsbook import tiny
    >>> span = {"start": tiny.DATA_START, "end": tiny.AS_OF, "as_of": tiny.AS_OF}
    >>> found = quality(tiny.users, tiny.user_days, **span, days=14)
    >>> columns = ["measure", "invited_users", "invited", "other_users", "other", "difference", "low", "high"]
    >>> print(found[columns].round(2).to_string(index=False))
     measure  invited_users  invited  other_users  other  difference   low  high
    retained              6     0.83           36   0.28        0.56  0.13  0.74
      orders              6     2.00           36   0.78        1.22  0.56  1.89
     revenue              6    72.50           36  25.14       47.36 21.36 73.36
    """
    born = engine_table(users)
    if not _invited(born):
        return pd.DataFrame(columns=QUALITY)
    last = min(end, as_of - timedelta(days=max(retained_day, days - 1)))
    new = born.filter(born.first_day.cast("date").between(start, last))
    new = new.select("user", born_on=new.first_day.cast("date"), arm=ibis.ifelse(new.invited_by.notnull(), "i", "o"))
    lived = engine_table(user_days).inner_join(new.select("user", "born_on"), "user")
    age = lived.day.cast("date").delta(lived.born_on, unit="day")
    early = age.between(0, days - 1)
    first = lived.group_by("user").agg(
        retained=(age == retained_day).any().cast("int64"),
        orders=lived.orders.sum(where=early),
        revenue=lived.revenue.sum(where=early),
    )
    units = new.left_join(first, "user").drop("user_right")
    measures = ("retained", "orders", "revenue")
    filled = units.mutate(**{name: units[name].fill_null(0) for name in measures})
    pairs = {name: (filled[name], filled[name] * 0) for name in measures}
    found = count_moments(filled, by="arm", pairs=pairs).to_dict("records")
    arms = {(row["name"], row["arm"]): pair_moments(row).own for row in found}
    return pd.DataFrame([_compared(name, arms) for name in measures if (name, "i") in arms], columns=QUALITY)


def cost_per_retained(*, cost: float, retained: Estimate) -> Estimate:
    """Cost divided by the invitees who stayed, with the interval of their share carried over.

    retained: share of the invitees who stayed, n = invitees; missing where the share may be 0

    >>> found = cost_per_retained(cost=3000, retained=wilson(60, 200))
    >>> print(f"{found.value:.0f} per invitee who stayed [{found.low:.0f}; {found.high:.0f}]")
    50 per invitee who stayed [41; 62]
    """
    if not retained.n or not retained.value > 0:
        return Estimate(float("nan"), float("nan"), float("nan"), retained.n)
    low, high = (cost / (bound * retained.n) if bound > 0 else float("inf") for bound in (retained.high, retained.low))
    return Estimate(cost / (retained.value * retained.n), low, high, retained.n)


def _invited(users: ir.Table) -> int:
    """How many users anybody invited: where nobody is recorded as invited, no question below is worth a query."""
    return int(users.filter(users.invited_by.notnull()).count().to_pandas())


def _inviters(users: ir.Table, *, start: date, end: date) -> ir.Table:
    """One row per possible inviter -- user, since (first day), cohort (Monday of its week counted from `start`)."""
    day = users.first_day.cast("date")
    new = users.filter(day.between(start, end)).select("user", since=day)
    weeks = new.since.delta(ibis.date(start), unit="day") // 7
    return new.mutate(cohort=ibis.date(start) + (weeks * 7).cast("int32").as_interval("D"))


def _brought(users: ir.Table, inviters: ir.Table, window_days: int) -> ir.Table:
    invited_by = users.invited_by.cast(users.user.type())  # pandas makes numbers with gaps floats
    new = users.filter(users.invited_by.notnull()).select(user=invited_by, born=users.first_day.cast("date"))
    joined = new.inner_join(inviters, "user")
    inside = joined.born.delta(joined.since, unit="day").between(0, window_days - 1)
    return joined.filter(inside).group_by("user").agg(invitees=_.count())


def _sent(steps: ir.Table, inviters: ir.Table, events: Sequence[str], window_days: int) -> ir.Table:
    named = steps.filter(steps.event.isin(list(events) or [""])).select("user", day=steps.day.cast("date"))
    joined = named.inner_join(inviters, "user")
    inside = joined.day.delta(joined.since, unit="day").between(0, window_days - 1)
    return joined.filter(inside).group_by("user").agg(invites=_.count())


def _counted(units: ir.Table, with_invites: bool) -> pd.DataFrame:
    moments = count_moments(units, by="group", pairs={"k": (units.invitees, units.invites)})
    some = units.group_by("group").agg(inviters=(_.invitees > 0).sum()).to_pandas().set_index("group")["inviters"]
    rows = [_cohort(row, int(some[row["group"]]), with_invites) for row in moments.to_dict("records")]
    return pd.DataFrame(rows, columns=COHORTS).sort_values("cohort", ignore_index=True)


def _cohort(row: dict, inviters: int, with_invites: bool) -> list[object]:
    pair = pair_moments(row)
    invitees, invites = round(pair.mean * pair.n), round(pair.other_mean * pair.n)
    half = welch(pair.own, Moments(10**9, 0.0, 0.0)).high - pair.mean if pair.n > 1 else float("nan")
    nothing = [float("nan")] * 3
    share = wilson(invitees, invites)[:3] if with_invites and invites >= invitees > 0 else nothing
    cohort = pd.Timestamp(row["group"]) if row["group"] else pd.NaT
    k = [pair.mean, max(pair.mean - half, 0.0), pair.mean + half]
    return [cohort, pair.n, inviters, invitees, invites if with_invites else float("nan"), *k, *map(float, share)]


def _compared(name: str, arms: dict[tuple[str, str], Moments]) -> list[object]:
    one, other = arms[name, "i"], arms.get((name, "o"), Moments(0, float("nan"), float("nan")))
    if name == "retained" and other.n:
        counts = [(round(arm.mean * arm.n), arm.n) for arm in (one, other)]
        gap = newcombe(*counts[0], *counts[1])
        return [name, one.n, one.mean, other.n, other.mean, *map(float, gap[:3])]
    return [name, one.n, one.mean, other.n, other.mean, *welch(one, other)[:3]]
