"""Do users who stay use more or less than before: two windows of equal length, compared user by user.

Who is compared is chosen by both windows alike, never by the first alone: users picked for much usage in one window use
less in the next without any cause (regression to the mean). If nothing changed, swapping a user's two windows changes
nothing, so as many rise as fall, and the share of each is what the spread of single users alone produces.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
SIDES = ("rising", "falling", "same")
METHOD_BALANCE = "difference of two shares of the same users, normal"


def usage_trend(
    user_days: Tabular,
    users: Tabular,
    *,
    end: date,
    data_start: date,
    settled_through: date,
    window_days: int = 28,
    windows: int = 8,
    change: float = 0.25,
    change_days: int = 2,
    level: float = 0.95,
) -> pd.DataFrame:
    """Of the users active in a window and in the one before, how many came on clearly more and on clearly fewer days.

    Rising: at least change_days more active days, and at least `change` more than before; falling is its mirror image.

    users:   one row per user -- user, first_day, first_active_day; only those whose life began by the first day of the
             earlier window are compared, because others had fewer days to come on
    returns: one row per pair of windows that the data cover, oldest first -- start, end (of the later window), users
             (compared), rising, falling, same, share_rising, share_falling, share_same, each with _low and _high
             (Wilson), balance (share rising - share falling), balance_low, balance_high, by_spread (what rising and
             falling would each be if nothing had changed), mean_before, mean_now, mean_change (active days),
             mean_change_low, mean_change_high (Student), window_days, complete
    source:  variance of the balance (p + q - (p - q)^2) / n, as McNemar's; exchangeability of the windows: sign flip

    >>> from opsbook import tiny, usage_trend
    >>> span = {**tiny.COVERED, "end": tiny.AS_OF}
    >>> told = usage_trend.usage_trend(tiny.user_days, tiny.users, window_days=14, **span)
    >>> print(told[["users", "rising", "falling", "same", "balance"]].round(2).to_string(index=False))
     users  rising  falling  same  balance
        19       0        3    16    -0.16
        18       0        2    16    -0.11
        22       5        2    15     0.14
        29       3        8    18    -0.17
        33       0        1    32    -0.03
    """
    counted = _compared(user_days, users, end, window_days, windows, change, change_days)
    places = [place for place in range(windows) if _first_day(end, place, window_days) >= data_start]
    table = counted.set_index("place").reindex(places[::-1], fill_value=0).rename_axis("place").reset_index()
    ends = [end - timedelta(days=int(place) * window_days) for place in table["place"]]
    table.insert(0, "end", pd.to_datetime(pd.Series(ends, dtype="object")).astype("datetime64[ns]"))
    table.insert(0, "start", table["end"] - pd.Timedelta(days=window_days - 1))
    table["same"] = table["users"] - table["rising"] - table["falling"]
    for side in SIDES:
        table = add_share(table, of=side, out_of="users", name=f"share_{side}", level=level)
    table = _with_mean(_with_balance(table, level), level)
    table = table.assign(window_days=window_days, complete=[day <= settled_through for day in ends])
    return table.drop(columns=["place", "before", "now", "moved", "squares"]).astype({"complete": "bool"})


def _first_day(end: date, place: int, window_days: int) -> date:
    """First day of the earlier of the two windows."""
    return end - timedelta(days=(place + 2) * window_days - 1)


def _compared(
    user_days: Tabular,
    users: Tabular,
    end: date,
    window_days: int,
    windows: int,
    change: float,
    change_days: int,
) -> pd.DataFrame:
    """One row per pair of windows -- place (0 = the last), users, rising, falling, and sums of active days."""
    last = (end - date(1970, 1, 1)).days
    days = engine_table(user_days).select("user", number=_.day.cast("date").epoch_days().cast("int32"))
    inside = days.filter((_.number <= last) & (_.number > last - (windows + 1) * window_days))
    placed = inside.mutate(place=((last - _.number) // window_days).cast("int32"))
    active = placed.group_by("user", "place").agg(days=_.count().cast("int64"))
    before = active.select("user", place=(_.place - 1).cast("int32"), earlier="days")
    both = active.inner_join(before, ["user", "place"]).inner_join(_lives(users), "user")
    old = both.filter(_.life <= last - (_.place + 2) * window_days + 1)
    sides = old.mutate(rising=_more(_.days, _.earlier, change, change_days))
    sides = sides.mutate(falling=_more(_.earlier, _.days, change, change_days), moved=_.days - _.earlier)
    sums = {"users": _.count(), "rising": _.rising.sum(), "falling": _.falling.sum()}
    sums |= {"before": _.earlier.sum(), "now": _.days.sum(), "moved": _.moved.sum()}
    sums |= {"squares": (_.moved * _.moved).sum()}
    return sides.group_by("place").agg(**sums).order_by("place").to_pandas().astype("int64")


def _more(days: ir.IntegerValue, than: ir.IntegerValue, change: float, change_days: int) -> ir.BooleanValue:
    return (days - than >= change_days) & (days >= (1 + change) * than)


def _lives(users: Tabular) -> ir.Table:
    """One row per user -- user, life (day number of the first day)."""
    people = engine_table(users)
    first, active = (people[name].cast("date") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(first, active), first, active)
    return people.select("user", life=life.epoch_days().cast("int32"))


def _with_balance(table: pd.DataFrame, level: float) -> pd.DataFrame:
    up, down, n = table["share_rising"], table["share_falling"], table["users"]
    half = float(ndtri(0.5 + level / 2)) * np.sqrt((up + down - (up - down) ** 2) / n.where(n > 1))
    balance = up - down
    ends = {"balance_low": (balance - half).clip(lower=-1), "balance_high": (balance + half).clip(upper=1)}
    return table.assign(balance=balance, **ends, by_spread=(up + down) / 2)


def _with_mean(table: pd.DataFrame, level: float) -> pd.DataFrame:
    n = table["users"].where(table["users"] > 0)
    mean, freedom = table["moved"] / n, (table["users"] - 1).where(table["users"] > 1)
    variance = ((table["squares"] - n * mean**2) / freedom).clip(lower=0)
    half = stdtrit(freedom, 0.5 + level / 2) * np.sqrt(variance / n)
    means = {"mean_before": table["before"] / n, "mean_now": table["now"] / n, "mean_change": mean}
    return table.assign(**means, mean_change_low=mean - half, mean_change_high=mean + half)
