"""How many users are active, how often they come, and whether a change is more than the usual fluctuation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from opsbook.analysis.suppression import blanked
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MIN_EARLIER_CHANGES = 5
METHOD_FLUCTUATION = "t interval from the spread of the earlier changes"
METHOD_RESAMPLING = "resampling of users, closed form"
METHOD_STICKINESS = "normal, users resampled"


def rolling_actives(
    user_days: Tabular,
    *,
    start: date,
    end: date,
    data_start: date,
    settled_through: date,
    windows_days: Sequence[int] = (1, 7, 28),
) -> pd.DataFrame:
    """Distinct users active in the last 1, 7, 28 days, exactly, for every day.

    user_days: one row per user and active day -- day, gap_after (days to the next active day, missing = none yet)
    returns:   one row per day start..end and window -- day, window_days, users (active at least once in the window),
               complete (the window lies inside the data and its days are settled)
    method:    each user-day adds 1 on its day and takes it away min(gap_after, window) days later; the running sum
               counts every user once, without a distinct count

    >>> from opsbook import activity, tiny
    >>> last = activity.rolling_actives(tiny.user_days, start=tiny.AS_OF, end=tiny.AS_OF, **tiny.COVERED)
    >>> print(last.to_string(index=False))
           day  window_days  users  complete
    2026-03-29            1      8      True
    2026-03-29            7     32      True
    2026-03-29           28     40      True
    """
    longest = max(windows_days)
    counted = _gap_counts(user_days, start=start - timedelta(days=longest - 1), end=end, longest_days=longest)
    series = [
        _rolling(counted, window, start=start, end=end, data_start=data_start, settled_through=settled_through)
        for window in windows_days
    ]
    return pd.concat(series, ignore_index=True).sort_values(["day", "window_days"], ignore_index=True)


def period_actives(
    user_days: Tabular, *, periods: Sequence[Period], data_start: date, settled_through: date
) -> pd.DataFrame:
    """Distinct users active in each period, exactly; periods may overlap or leave gaps.

    returns: one row per period in the order given -- period (label), start, end, days, active_users,
             mean_daily_users (user-days / days), complete (inside the data and settled)
    method:  a user is counted on the last active day inside the period, where the next one lies after its end

    >>> from opsbook import activity, tiny
    >>> periods = [tiny.period("2026-W10"), tiny.period("2026-W11"), tiny.period("2026-W14")]
    >>> actives = activity.period_actives(tiny.user_days, periods=periods, **tiny.COVERED)
    >>> print(actives.to_string(index=False, float_format="%.1f"))
      period      start        end  days  active_users  mean_daily_users  complete
    2026-W10 2026-03-02 2026-03-08     7            40              15.4      True
    2026-W11 2026-03-09 2026-03-15     7            38              14.9      True
    2026-W14 2026-03-30 2026-04-05     7             0               0.0     False
    """
    counted = _gap_counts(
        user_days,
        start=min((period.start for period in periods), default=data_start),
        end=max((period.end for period in periods), default=data_start),
        longest_days=max((period.days for period in periods), default=1),
    )
    rows = [_period_row(counted, period, data_start, settled_through) for period in periods]
    names = ["period", "start", "end", "days", "active_users", "mean_daily_users", "complete"]
    table = pd.DataFrame(rows, columns=names)
    kinds = {"days": "int64", "active_users": "int64", "mean_daily_users": "float64", "complete": "bool"}
    return table.astype(kinds | dict.fromkeys(["start", "end"], "datetime64[ns]"))


def changes(actives: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Each period against the one before, with an interval from the usual fluctuation.

    A count of all users has no sampling error. What makes a change hard to read is that the number always moves:
    the interval asks how far the change could lie from zero underneath if this period were disturbed as much as
    the earlier changes, on the log scale, differed among themselves. It needs five earlier changes.

    actives: period_actives of consecutive periods, oldest first
    returns: its columns and previous_users, change_users, change (share), change_low, change_high (both missing
             when there are too few earlier changes), earlier_changes (number used)

    >>> from opsbook import activity, tiny
    >>> weeks = [tiny.period(f"2026-W{number:02d}") for number in range(2, 11)]
    >>> actives = activity.period_actives(tiny.user_days, periods=weeks, **tiny.COVERED)
    >>> told = activity.changes(actives)[["period", "active_users", "change", "change_low", "change_high"]]
    >>> print(told.tail(2).round(2).to_string(index=False))
      period  active_users  change  change_low  change_high
    2026-W09            40    0.18       -0.12         0.58
    2026-W10            40    0.00       -0.24         0.31
    """
    table = actives.assign(previous_users=actives["active_users"].shift())
    usable = table["complete"] & table["complete"].shift(fill_value=False) & (table["previous_users"] > 0)
    ratio = table["active_users"].div(table["previous_users"]).where(usable & (table["active_users"] > 0))
    steps = pd.Series(np.log(ratio), index=table.index)
    earlier = steps.notna().cumsum().shift(fill_value=0)
    half = stdtrit((earlier - 1).clip(lower=1), 0.5 + level / 2) * steps.expanding().std().shift()
    half = half.where(earlier >= MIN_EARLIER_CHANGES)
    return table.assign(
        change_users=(table["active_users"] - table["previous_users"]).where(usable),
        change=ratio - 1,
        change_low=np.exp(steps - half) - 1,
        change_high=np.exp(steps + half) - 1,
        earlier_changes=earlier.astype("int64"),
    )


def against(user_days: Tabular, *, period: Period, base: Period | None, level: float = 0.95) -> pd.DataFrame:
    """The period against any other one, such as the same month last year, by the users who came and went.

    The interval resamples users (closed form, log scale). It knows nothing of shocks that all users share, so it is
    a lower bound of the doubt.

    returns: one row, or none without a base -- period, base (labels), active_users, base_users, both_users (active in
             both), change_users, change (share), change_low, change_high

    >>> from opsbook import activity, tiny
    >>> table = activity.against(tiny.user_days, period=tiny.period("2026-W10"), base=tiny.period("2026-W06"))
    >>> print(table.round(2).to_string(index=False))
      period     base  active_users  base_users  both_users  change_users  change  change_low  change_high
    2026-W10 2026-W06            40          30          21            10    0.33       -0.01          0.8
    """
    names = ["period", "base", "active_users", "base_users", "both_users", "change_users"]
    names += ["change", "change_low", "change_high"]
    if base is None:
        return pd.DataFrame(columns=names)
    now, then, both = _overlap(user_days, period, base)
    change, low, high = _paired_ratio(now, then, both, level=level)
    row = [period.label, base.label, now, then, both, now - then, change, low, high]
    return pd.DataFrame([row], columns=names)


def stickiness(
    user_days: Tabular,
    *,
    ends: Sequence[date],
    data_start: date,
    settled_through: date,
    window_days: int = 28,
    level: float = 0.95,
) -> pd.DataFrame:
    """Mean daily actives over the window / actives of the same window: the share of days on which a user comes.

    returns: one row per end, in the order given -- end, window_days, mean_daily_users, active_users, stickiness (0-1),
             low, high (users resampled), n (active users), complete
    source:  the ratio is the mean over active users of active days / window, hence its standard error

    >>> from opsbook import activity, tiny
    >>> table = activity.stickiness(tiny.user_days, ends=[tiny.AS_OF], **tiny.COVERED)
    >>> print(table.to_string(index=False, float_format="%.2f"))
           end  window_days  mean_daily_users  active_users  stickiness  low  high  n  complete
    2026-03-29           28             14.21            40        0.36 0.26  0.45 40      True
    """
    spread = _active_day_moments(user_days, ends=ends, window_days=window_days)
    table = pd.DataFrame({"end": pd.to_datetime(pd.Series(list(ends), dtype="object")).astype("datetime64[ns]")})
    table = table.merge(spread, on="end", how="left", validate="one_to_one").fillna({"n": 0, "total": 0, "squares": 0})
    n, total = table["n"].astype("int64"), table["total"]
    mean = total / n.where(n > 0)
    error = np.sqrt((table["squares"] / n.where(n > 0) - mean**2).clip(lower=0) / (n - 1).where(n > 1))
    half = float(ndtri(0.5 + level / 2)) * error / window_days
    return pd.DataFrame(
        {
            "end": table["end"],
            "window_days": window_days,
            "mean_daily_users": total / window_days,
            "active_users": n,
            "stickiness": mean / window_days,
            "low": (mean / window_days - half).clip(lower=0),
            "high": (mean / window_days + half).clip(upper=1),
            "n": n,
            "complete": [_covers(end, window_days, data_start, settled_through) for end in ends],
        }
    ).astype({"complete": "bool"})


def active_day_distribution(
    user_days: Tabular, *, end: date, data_start: date, settled_through: date, window_days: int = 28
) -> pd.DataFrame:
    """L28: on how many of the last 28 days each user was active.

    returns: one row per number of days 1..window -- active_days, users, share (of the window's active users), complete

    >>> from opsbook import activity, tiny
    >>> spread = activity.active_day_distribution(tiny.user_days, end=tiny.AS_OF, **tiny.COVERED)
    >>> print(spread[spread["users"] > 0].round(2).to_string(index=False))
     active_days  users  share  complete
               1      1   0.02      True
               3      4   0.10      True
               4      9   0.22      True
               5      5   0.12      True
               6      3   0.08      True
               9      6   0.15      True
              14      6   0.15      True
              28      6   0.15      True
    """
    days = _in_window(user_days, end=end, window_days=window_days)
    per_user = days.group_by("user").agg(active_days=_.count())
    counted = per_user.group_by("active_days").agg(users=_.count()).to_pandas().set_index("active_days")["users"]
    users = counted.reindex(range(1, window_days + 1), fill_value=0).astype("int64")
    share = users / users.sum() if users.sum() else users * np.nan
    spread = pd.DataFrame({"active_days": users.index, "users": users.to_numpy(), "share": share.to_numpy(dtype=float)})
    return spread.assign(complete=_covers(end, window_days, data_start, settled_through))


def without_small_days(spread: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """active_day_distribution with users and share missing on days of too few users, and on one more that they need.

    >>> import pandas as pd
    >>> from opsbook import activity
    >>> spread = pd.DataFrame({"active_days": [1, 2, 3], "users": [40, 3, 25], "share": [0.59, 0.04, 0.37]})
    >>> print(activity.without_small_days(spread, min_cell=5).to_string(index=False))
     active_days  users  share
               1   40.0   0.59
               2    NaN    NaN
               3    NaN    NaN
    """
    return blanked(spread, of="users", values=["users", "share"], min_cell=min_cell)


def _gap_counts(user_days: Tabular, *, start: date, end: date, longest_days: int) -> pd.DataFrame:
    """One row per day and gap to the next active day, longest_days standing for longer or none -- user_days."""
    days = engine_table(user_days)
    days = days.select(day=_.day.cast("date"), gap=_.gap_after.cast("int32").fill_null(longest_days))
    inside = days.filter(_.day.between(ibis.date(start), ibis.date(end)))
    counted = inside.group_by("day", gap_days=ibis.least(_.gap, longest_days)).agg(user_days=_.count())
    return counted.order_by("day", "gap_days").to_pandas().assign(day=lambda t: _midnight(t["day"]))


def _rolling(
    counted: pd.DataFrame, window_days: int, *, start: date, end: date, data_start: date, settled_through: date
) -> pd.DataFrame:
    calendar = pd.date_range(start - timedelta(days=window_days - 1), end)
    counted = counted[counted["day"] >= calendar[0]]
    leaves = counted["day"] + pd.to_timedelta(counted["gap_days"].clip(upper=window_days), unit="D")
    moves = pd.concat(
        [
            pd.Series(counted["user_days"].to_numpy(), index=pd.DatetimeIndex(counted["day"])),
            pd.Series(-counted["user_days"].to_numpy(), index=pd.DatetimeIndex(leaves)),
        ]
    )
    running = moves.groupby(level=0).sum().reindex(calendar, fill_value=0).cumsum().iloc[window_days - 1 :]
    complete = [_covers(day.date(), window_days, data_start, settled_through) for day in running.index]
    return pd.DataFrame(
        {
            "day": running.index.astype("datetime64[ns]"),
            "window_days": window_days,
            "users": running.to_numpy(dtype="int64"),
            "complete": np.array(complete, dtype=bool),
        }
    )


def _period_row(counted: pd.DataFrame, period: Period, data_start: date, settled_through: date) -> list[object]:
    start, end = pd.Timestamp(period.start), pd.Timestamp(period.end)
    inside = counted[counted["day"].between(start, end)]
    next_day = inside["day"] + pd.to_timedelta(inside["gap_days"], unit="D")
    active = int(inside.loc[next_day > end, "user_days"].sum())
    mean_daily = inside["user_days"].sum() / period.days
    complete = data_start <= period.start and period.end <= settled_through
    return [period.label, start, end, period.days, active, mean_daily, complete]


def _overlap(user_days: Tabular, period: Period, base: Period) -> tuple[int, int, int]:
    """Users active in the period, in the base, and in both."""
    days = engine_table(user_days).select("user", day=_.day.cast("date"))
    now = days.day.between(ibis.date(period.start), ibis.date(period.end))
    then = days.day.between(ibis.date(base.start), ibis.date(base.end))
    per_user = days.filter(now | then).group_by("user").agg(now=now.any(), then=then.any())
    row = per_user.aggregate(now=_.now.sum(), then=_.then.sum(), both=(_.now & _.then).sum())
    now_users, then_users, both_users = row.fill_null(0).to_pandas().iloc[0]
    return int(now_users), int(then_users), int(both_users)


def _paired_ratio(now: int, then: int, both: int, *, level: float) -> tuple[float, float, float]:
    """Relative change with its interval: the log ratio of two counts that share users varies by their differences."""
    if not now or not then:
        return (now / then - 1 if then else np.nan), np.nan, np.nan
    half = float(ndtri(0.5 + level / 2)) * np.sqrt((now + then - 2 * both) / (now * then))
    return now / then - 1, now / then * np.exp(-half) - 1, now / then * np.exp(half) - 1


def _active_day_moments(user_days: Tabular, *, ends: Sequence[date], window_days: int) -> pd.DataFrame:
    """One row per end -- n (active users), total and squares of their active days."""
    parts = [
        _in_window(user_days, end=end, window_days=window_days)
        .group_by("user")
        .agg(active_days=_.count().cast("float64"))
        .aggregate(n=_.count(), total=_.active_days.sum(), squares=(_.active_days * _.active_days).sum())
        .mutate(end=ibis.date(end))
        for end in sorted(set(ends))
    ]
    if not parts:
        return pd.DataFrame({"n": [], "total": [], "squares": [], "end": pd.to_datetime([])})
    moments = ibis.union(*parts).to_pandas() if len(parts) > 1 else parts[0].to_pandas()
    return moments.assign(end=_midnight(moments["end"])).sort_values("end", ignore_index=True)


def _in_window(user_days: Tabular, *, end: date, window_days: int) -> ibis.Table:
    days = engine_table(user_days).select("user", day=_.day.cast("date"))
    return days.filter(_.day.between(ibis.date(end - timedelta(days=window_days - 1)), ibis.date(end)))


def _covers(end: date, window_days: int, data_start: date, settled_through: date) -> bool:
    return end <= settled_through and end - timedelta(days=window_days - 1) >= data_start


def _midnight(days: pd.Series) -> pd.Series:
    return pd.to_datetime(days).astype("datetime64[ns]")
