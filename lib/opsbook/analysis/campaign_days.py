"""A campaign day by day: what each goal's metric gained on each of its days, and how such days usually run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
REACH = ("exposed", "participants", "converters", "new_users")
METRICS = (*REACH, "orders", "revenue", "cost")
BASELINE_DAYS = 28


class Phase(Protocol):
    """A span of the campaign and its planned share of the result."""

    start: date
    end: date
    share: float | None


def gained(
    touches: Tabular,
    members: Tabular,
    orders: Tabular,
    costs: Tabular,
    redemptions: Tabular,
    *,
    campaign_id: str,
    start: date,
    end: date,
) -> pd.DataFrame:
    """What each metric gained on each day; summed over the days it is the figure the goals are held against.

    Users count on the day they were first shown it, first took part, or first converted after that; what was booked or
    shown before the start counts on the first day, what was booked later than the end on the last.
    returns: one row per day from start to end -- day, and the METRICS (users, orders, currency; cost without what is
             fixed)

    >>> from opsbook import audience, campaign_days, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> daily = campaign_days.gained(touches, members, tiny.orders, tiny.costs, tiny.redemptions, **tiny.SPRING)
    >>> print(daily.head(3).to_string(index=False, float_format="%.2f"))
           day  exposed  participants  converters  new_users  orders  revenue  cost
    2026-02-16     9.00          6.00        6.00       0.00    6.00    90.00 50.00
    2026-02-17     2.00          1.00        1.00       0.00    3.00    55.00 25.00
    2026-02-18     0.00          0.00        0.00       0.00    0.00     0.00 20.00
    """
    touches, members = engine_table(touches), engine_table(members)
    first, last = ibis.date(start), ibis.date(end)
    found = [
        _reached(touches, members),
        _sold(orders, members, campaign_id, start, end),
        _spent(costs, campaign_id, "amount"),
        _spent(redemptions, campaign_id, "cost"),
    ]
    rows = ibis.union(*found).mutate(day=ibis.greatest(ibis.least(_.day, last), first))
    daily = rows.group_by(["metric", "day"]).agg(value=exact_sum(_.value)).order_by(["metric", "day"]).to_pandas()
    wide = daily.assign(day=pd.to_datetime(daily["day"])).pivot(index="day", columns="metric", values="value")
    calendar = pd.date_range(start, end, freq="D", name="day").astype("datetime64[ns]")
    table = wide.reindex(index=calendar, columns=list(METRICS)).fillna(0.0).astype("float64")
    return table.rename_axis(columns=None).reset_index()


def spent(gained: pd.DataFrame, *, through: date, fixed_cost: float) -> float:
    """What the campaign had cost by the end of a day, what is fixed included (currency).

    >>> import pandas as pd
    >>> from opsbook import campaign_days, tiny
    >>> daily = pd.DataFrame({"day": pd.date_range(tiny.CAMPAIGN_START, periods=3), "cost": [40.0, 25.0, 30.0]})
    >>> campaign_days.spent(daily, through=daily["day"][1].date(), fixed_cost=100.0)
    165.0
    """
    return float(gained.loc[gained["day"] <= pd.Timestamp(through), "cost"].sum()) + fixed_cost


def usual(user_days: Tabular, *, start: date, days: int, data_start: date) -> pd.DataFrame:
    """How as many days without the campaign run: known users met for the first time, and the weight of each weekday.

    Read from the days just before the start, shifted by whole weeks so that weekdays match.
    returns: one row per day of the campaign -- place (0 …), new_faces (users seen before the window whose first day in
             it is this one), orders, revenue (mean of the weekday in the 28 days before, or all 1 without two weeks of
             data). New faces are missing where the window and a week before it are not all in the data.

    >>> from opsbook import campaign_days, tiny
    >>> usual = campaign_days.usual(tiny.user_days, start=tiny.CAMPAIGN_START, days=14, data_start=tiny.DATA_START)
    >>> print(usual.head(3).round(2).to_string(index=False))
     place  new_faces  orders  revenue
         0       14.0    1.00     47.5
         1        3.0    1.75     62.5
         2        6.0    1.00     25.0
    """
    table = engine_table(user_days)
    table = table.mutate(day=table.day.cast("date"))
    first = start - timedelta(days=-(-days // 7) * 7)
    places = pd.DataFrame({"place": range(days)})
    faces = pd.Series(np.nan, index=range(days))
    if first - timedelta(days=7) >= data_start:
        window = table.filter((_.day >= first) & (_.day < first + timedelta(days=days)))
        window = window.semi_join(table.filter(_.day < first).select("user").distinct(), "user")
        seen = window.group_by("user").agg(day=_.day.min()).group_by("day").agg(users=_.count()).to_pandas()
        place = (pd.to_datetime(seen["day"]) - pd.Timestamp(first)).dt.days
        faces = pd.Series(seen["users"].to_numpy(), index=place).reindex(range(days), fill_value=0)
    weekdays = _weekdays(table, start, data_start)
    of_day = [(start + timedelta(days=place)).weekday() for place in range(days)]
    weights = weekdays.loc[of_day].reset_index(drop=True)
    return pd.concat([places.assign(new_faces=faces.to_numpy(dtype=float)), weights], axis=1)


def profiles(usual: pd.DataFrame, earlier: pd.DataFrame, *, start: date, phases: Sequence[Phase] = ()) -> pd.DataFrame:
    """The share of each metric's whole result that falls on each day, and where that is known from.

    The plan's shares of phases come first. Else orders and revenue follow the weekdays before; what is met once, and
    cost, follows the earlier campaign's own days, stretched to this one's length; without one, users shown it and
    participants follow the days on which known users are first met, and the rest has no profile.
    usual:   `usual`; earlier: `gained` of the earlier campaign, without rows where there is none
    returns: one row per metric and place -- metric, place, share (sums to 1 per metric; missing without a profile),
             source (plan, earlier, weekdays, new_faces, none)

    >>> from opsbook import campaign_days, tiny
    >>> usual = campaign_days.usual(tiny.user_days, start=tiny.CAMPAIGN_START, days=14, data_start=tiny.DATA_START)
    >>> table = campaign_days.profiles(usual, usual.iloc[:0], start=tiny.CAMPAIGN_START)
    >>> shown = table[table["place"] == 0]  # what the first of fourteen days is expected to bring
    >>> print(shown.round(3).to_string(index=False))
          metric  share    source  place
         exposed  0.560 new_faces      0
    participants  0.560 new_faces      0
      converters    NaN      none      0
       new_users    NaN      none      0
          orders  0.043  weekdays      0
         revenue  0.061  weekdays      0
            cost    NaN      none      0
    """
    rows = [_profile(metric, usual, earlier, _planned(start, len(usual), phases)) for metric in METRICS]
    return pd.concat([row.assign(place=range(len(usual))) for row in rows], ignore_index=True)


def _profile(metric: str, usual: pd.DataFrame, earlier: pd.DataFrame, planned: np.ndarray | None) -> pd.DataFrame:
    sold, days = metric in ("orders", "revenue"), len(usual)
    weights = usual[metric].to_numpy(dtype=float) if sold else np.ones(days)
    if planned is not None:
        return _shares(metric, _within(planned, weights), "plan")
    if sold:
        return _shares(metric, weights, "weekdays")
    past = earlier[metric].to_numpy(dtype=float) if len(earlier) else np.zeros(0)
    if past.sum() > 0 and (past >= 0).all():
        return _shares(metric, _stretched(past, days), "earlier")
    faces = usual["new_faces"].to_numpy(dtype=float)
    met = metric in ("exposed", "participants") and faces.sum() > 0
    return _shares(metric, faces, "new_faces") if met else _shares(metric, np.full(days, np.nan), "none")


def _shares(metric: str, weights: np.ndarray, source: str) -> pd.DataFrame:
    return pd.DataFrame({"metric": metric, "share": weights / weights.sum(), "source": source})


def _planned(start: date, days: int, phases: Sequence[Phase]) -> np.ndarray | None:
    """Rows of (place, phase number, share of the phase) as an array days x 2, or None without planned shares."""
    if not phases or any(phase.share is None for phase in phases):
        return None
    table = np.zeros((days, 2))
    for number, phase in enumerate(phases):
        table[(phase.start - start).days : (phase.end - start).days + 1] = number, float(phase.share or 0.0)
    return table


def _within(planned: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each phase's share spread over its days by their weights."""
    number, share = planned[:, 0], planned[:, 1]
    whole = np.array([weights[number == own].sum() for own in number])
    return np.asarray(share * weights / whole / share[np.unique(number, return_index=True)[1]].sum())


def _stretched(past: np.ndarray, days: int) -> np.ndarray:
    """The daily shares of a campaign of another length, by its cumulative curve at the same fraction of the way."""
    curve = np.concatenate([[0.0], past.cumsum() / past.sum()])
    ends = np.interp(np.linspace(0, len(past), days + 1), np.arange(len(past) + 1), curve)
    return np.diff(ends)


def _reached(touches: ir.Table, members: ir.Table) -> ir.Table:
    """One row per user and metric -- metric, day, value 1."""
    stamps = touches.group_by("user").agg(
        exposed=_.day.min(where=_.event == "exposed"),
        participants=_.day.min(where=_.event == "participated"),
        since=_["at"].min(where=_.event == "participated"),
    )
    done = touches.filter(_.event == "converted").inner_join(stamps.select("user", "since"), "user")
    converted = done.filter(_["at"] >= _.since).group_by("user").agg(converters=_.day.min())
    new = members.filter(_.life == "new").select("user")
    seen = stamps.mutate(day=ibis.least(stamps.exposed, stamps.participants)).inner_join(new, "user")
    parts = [
        stamps.filter(_.exposed.notnull()).select(metric=ibis.literal("exposed"), day=_.exposed.cast("date")),
        stamps.filter(_.participants.notnull()).select(
            metric=ibis.literal("participants"), day=_.participants.cast("date")
        ),
        converted.select(metric=ibis.literal("converters"), day=_.converters.cast("date")),
        seen.select(metric=ibis.literal("new_users"), day=_.day.cast("date")),
    ]
    return ibis.union(*parts).mutate(value=ibis.literal(1.0))


def _sold(orders: Tabular, members: ir.Table, campaign_id: str, start: date, end: date) -> ir.Table:
    bought = engine_table(orders)
    day = bought.day.cast("date")
    inside = bought.filter((day >= start) & (day <= end) & bought.is_purchase)
    reached = members.select(member=members.user)
    known = inside.left_join(reached, inside.user == reached.member)
    own = known.filter(known.member.notnull() | (known.campaign_id.cast("string") == campaign_id))
    counted = own.select(metric=ibis.literal("orders"), day=own.day.cast("date"), value=ibis.literal(1.0))
    money = own.select(metric=ibis.literal("revenue"), day=own.day.cast("date"), value=own.net.cast("float64"))
    return ibis.union(counted, money)


def _spent(table: Tabular, campaign_id: str, column: str) -> ir.Table:
    rows = engine_table(table)
    own = rows.filter((rows.campaign_id.cast("string") == campaign_id) & rows[column].notnull())
    return own.select(metric=ibis.literal("cost"), day=own.day.cast("date"), value=own[column].cast("float64"))


def _weekdays(table: ir.Table, start: date, data_start: date) -> pd.DataFrame:
    """Per weekday (0 = Monday) the mean of the days before -- orders, revenue."""
    first = max(start - timedelta(days=BASELINE_DAYS), data_start)
    flat = pd.DataFrame(1.0, index=range(7), columns=["orders", "revenue"])
    if (start - first).days < 14:
        return flat
    window = table.filter((_.day >= first) & (_.day < start))
    daily = window.group_by("day").agg(orders=_.orders.sum(), revenue=exact_sum(_.revenue))
    found = daily.order_by("day").to_pandas().astype(dict.fromkeys(flat, "float64"))
    means = found.groupby(pd.to_datetime(found["day"]).dt.day_of_week)[list(flat)].mean().clip(lower=0)
    return means.reindex(range(7)).fillna(0.0) if means.sum().gt(0).all() else flat
