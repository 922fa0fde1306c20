"""How long the users of segments stay, side by side: which segments are shown, their curves and their mean days.

All read a counted table of durations (see `life_table`) with one more column, the segment.
"""

from __future__ import annotations

import pandas as pd

from opsbook.analysis import life_table, survival, survival_time


def curves(durations: pd.DataFrame, *, by: str, horizon_days: int, level: float = 0.95) -> pd.DataFrame:
    """Survival curves of segments side by side: survival_curve's rows with the segment, its users and its churned.

    returns: one row per segment and day -- <by>, users, users_churned, and the columns of survival_curve;
             segments with more users first

    >>> from opsbook import segment_survival, time_to_churn, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 10}
    >>> durations = time_to_churn.durations(tiny.user_days, tiny.users, by=["channel"], **span)
    >>> told = segment_survival.curves(durations, by="channel", horizon_days=21).query("day == 21")
    >>> print(told[["channel", "users", "users_churned", "active", "at_risk"]].round(3).to_string(index=False))
    channel  users  users_churned  active  at_risk
     search     37              8   0.927       25
        ads     19             19   0.224        6
    """
    parts = [
        survival.survival_curve(rows, horizon_days=horizon_days, level=level)
        .assign(users=life_table.users(rows), users_churned=int(rows["churned"].sum()))
        .assign(**{by: lambda curve, name=name: [name] * len(curve)})
        for name, rows in _segments(durations, by) or [("", durations.iloc[:0])]
    ]
    return pd.concat(parts, ignore_index=True)


def restricted_means(durations: pd.DataFrame, *, by: str, horizon_days: float) -> pd.DataFrame:
    """Restricted mean of every segment to one common horizon, the longest that all segments were watched.

    returns: one row per segment, most users first -- <by>, users, days, low, high, standard_error, horizon_days

    >>> from opsbook import segment_survival, time_to_churn, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 10}
    >>> durations = time_to_churn.durations(tiny.user_days, tiny.users, by=["channel"], **span)
    >>> told = segment_survival.restricted_means(durations, by="channel", horizon_days=30)
    >>> print(told[["channel", "users", "days", "low", "high", "horizon_days"]].round(1).to_string(index=False))
    channel  users  days  low  high  horizon_days
     search     37  28.1 25.7  30.0          30.0
        ads     19  15.1 10.6  19.7          30.0
    """
    parts = list(_segments(durations, by))
    known = [survival.last_known(survival.kaplan_meier(rows)) for _, rows in parts]
    common = min([float(horizon_days), *known])
    means = [survival_time.restricted_mean(rows, horizon_days=common) for _, rows in parts]
    fields = [(m.n, m.value, m.low, m.high, m.standard_error, common) for m in means]
    table = pd.DataFrame(fields, columns=["users", "days", "low", "high", "standard_error", "horizon_days"])
    table.insert(0, by, [name for name, _ in parts])
    return table


def largest_segments(
    durations: pd.DataFrame, *, by: str, most: int = 6, min_cell: int = 10, min_churned: int = 0, other: str = "other"
) -> pd.DataFrame:
    """Durations with all but the largest segments pooled as `other`; no pool or segment stays below min_cell users.

    min_churned: segments with fewer churned users are pooled too, for a model that needs churn in every level

    returns: durations, counted again; the smallest shown segment joins the pool when the pool alone would be too small,
             so that no subtraction reveals it

    >>> import pandas as pd
    >>> from opsbook import segment_survival
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": 5, "city": list("abcd"), "churned": [90, 50, 9, 8]})
    >>> pooled = segment_survival.largest_segments(durations.assign(censored=0), by="city", most=2)
    >>> print(pooled.groupby("city")["churned"].sum().to_dict())
    {'a': 90, 'b': 50, 'other': 17}
    """
    names = durations[by].astype(str)
    counts = (durations["churned"] + durations["censored"]).groupby(names).sum()
    churned = durations["churned"].groupby(names).sum()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    shown = [name for name in order[:most] if counts[name] >= min_cell and churned[name] >= min_churned]
    if len(order) == len(shown) + 1 and shown == order[:-1] and counts[order[-1]] >= min_cell:
        shown = order  # a pool of one is that segment
    while shown and 0 < counts.drop(shown).sum() < min_cell:
        shown.pop()
    pooled = durations.assign(**{by: names.where(names.isin(shown), other)})
    keys = [name for name in durations.columns if name not in ("churned", "censored")]
    return pooled.groupby(keys, sort=True)[["churned", "censored"]].sum().reset_index()


def _segments(durations: pd.DataFrame, by: str) -> list[tuple[str, pd.DataFrame]]:
    """Segments with their rows, most users first, ties by name."""
    parts = [(str(name), rows) for name, rows in durations.groupby(by, sort=True)]
    return sorted(parts, key=lambda part: (-life_table.users(part[1]), part[0]))
