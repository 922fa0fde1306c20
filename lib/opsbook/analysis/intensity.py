"""How intensely users use the product: activity per user over a window of days, as quantiles that need no normality."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import binom

from opsbook.analysis.proportion import add_share
from opsbook.analysis.suppression import blanked_cells
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
AGE_BANDS = {"in_window": 0, "to_90": 28, "to_180": 91, "to_365": 181, "older": 366}
UNKNOWN = "unknown"
BAND_STARTS = (1, 2, 4, 8, 15, 22, 29, 61, 121, 241)
DAYS_OF = "days_"
QUANTILES = {"p10": 0.10, "p25": 0.25, "median": 0.50, "p75": 0.75, "p90": 0.90}
METHOD_MEDIAN = "order statistics, binomial"


def default_metrics(groups: Sequence[str], *, given: Collection[str]) -> list[str]:
    """The metrics of a company that named none: days, actions per day, breadth, every event group, orders.

    >>> default_metrics(["view", "post"], given=["events", "orders"])
    ['active_days', 'actions_per_day', 'features_used', 'view', 'post', 'orders']
    >>> default_metrics([], given=["events"])
    ['active_days', 'actions_per_day']
    """
    breadth = ["features_used"] if len(groups) > 1 else []
    orders = ["orders"] if "orders" in given and "events" in given else []
    return ["active_days", "actions_per_day", *breadth, *groups, *orders]


def active_day_bands(
    user_days: Tabular, users: Tabular, *, end: date, data_start: date, settled_through: date, window_days: int = 28
) -> pd.DataFrame:
    """L7, L28: on how many days of the window its users came, by how old they are.

    users:   one row per user -- user, first_day, first_active_day, life_start (signup, first_event, unknown)
    returns: one row per age_band (in_window: life began in the window, so that fewer days were possible; to_90, to_180,
             to_365, older: days since then at the end; unknown) and active_days band -- age_band, active_days (text
             such as 4–7), from_days, users, band_users (active users of the age band), share, share_low, share_high
             (Wilson), complete (the window lies inside the data and is settled)

    >>> from opsbook import tiny
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START, "settled_through": tiny.AS_OF}
    >>> found = active_day_bands(tiny.user_days, tiny.users, window_days=7, **span)
    >>> print(found.pivot(index="age_band", columns="active_days", values="users").to_string())
    active_days  1  2  3  4  5  6  7
    age_band
    in_window    1  1  0  0  0  0  0
    to_180       4  1  2  0  0  0  1
    to_90        6  6  2  2  0  0  5
    unknown      0  1  0  0  0  0  0
    """
    active = user_activity(user_days, end=end, window_days=window_days).select("user", "active_days")
    aged = active.join(_ages(users, end, window_days), "user", how="left")
    band = aged.age_band.fill_null(UNKNOWN)
    counted = aged.group_by(age_band=band, days=aged.active_days).agg(users=_.count()).to_pandas()
    starts = band_starts(window_days)
    counted["from_days"] = _band_of(counted["days"], starts)
    cells = counted.groupby(["age_band", "from_days"])["users"].sum()
    ages = [name for name in [*AGE_BANDS, UNKNOWN] if name in set(counted["age_band"])]
    grid = pd.MultiIndex.from_product([ages, starts], names=["age_band", "from_days"])
    table = cells.reindex(grid, fill_value=0).astype("int64").reset_index()
    table["band_users"] = table.groupby("age_band")["users"].transform("sum")
    table = add_share(table, of="users", out_of="band_users")
    table["active_days"] = table["from_days"].map(band_names(window_days))
    names = ["age_band", "active_days", "from_days", "users", "band_users", "share", "share_low", "share_high"]
    return table[names].assign(complete=_covers(end, window_days, data_start, settled_through))


def without_small_bands(table: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """active_day_bands with users and shares missing in cells that are too small to show, or would reveal one.

    >>> bands = pd.DataFrame({"age_band": ["to_90"] * 3 + ["older"] * 3, "from_days": [1, 2, 4] * 2,
    ...                       "users": [40, 3, 17, 50, 20, 30], "band_users": [60] * 3 + [100] * 3})
    >>> bands = bands.assign(share=bands["users"] / bands["band_users"], share_low=0.0, share_high=1.0)
    >>> found = without_small_bands(bands, min_cell=10)
    >>> print(found[["age_band", "from_days", "users", "band_users"]].to_string(index=False))
    age_band  from_days  users  band_users
       to_90          1   40.0        60.0
       to_90          2    NaN        60.0
       to_90          4    NaN        60.0
       older          1   50.0       100.0
       older          2    NaN       100.0
       older          4    NaN       100.0
    """
    cells: dict[str, Any] = {"rows": "age_band", "columns": "from_days", "of": "users", "row_total": "band_users"}
    return blanked_cells(table, **cells, values=["users", "share", "share_low", "share_high"], min_cell=min_cell)


def metric_quantiles(
    user_days: Tabular,
    *,
    metrics: Sequence[str],
    end: date,
    data_start: date,
    settled_through: date,
    window_days: int = 28,
    level: float = 0.95,
) -> pd.DataFrame:
    """Activity per user of the window's active users, one line per metric.

    metrics: active_days, actions_per_day (events of qualifying days / active days), features_used (event groups with at
             least one event), orders, an event group (its events) or days_<group> (days with at least one of them)
    returns: one row per metric, in the order given -- metric, users (active in the window), users_any (above 0),
             share_any, share_any_low, share_any_high (Wilson), p10, p25, median, p75, p90, mean, median_low,
             median_high, window_days, complete
    raises:  ValueError for a metric whose event group is no column of user_days
    source:  quantile = the smallest value at or below which that share of users lies; interval of the median by order
             statistics (Conover 1999, section 3.2), at least `level` whatever the distribution and its ties

    >>> user_days = pd.DataFrame({"user": [1, 2, 2, 3, 3, 3], "events": [4, 2, 6, 1, 1, 1],
    ...                           "day": pd.to_datetime([f"2026-01-{day}" for day in (25, 25, 26, 25, 26, 27)])})
    >>> span = {"end": date(2026, 1, 28), "data_start": date(2026, 1, 1), "settled_through": date(2026, 1, 31)}
    >>> found = metric_quantiles(user_days, metrics=["active_days", "actions_per_day"], window_days=7, **span)
    >>> print(found[["metric", "users", "p25", "median", "p75", "mean"]].round(2).to_string(index=False))
             metric  users  p25  median  p75  mean
        active_days      3  1.0     2.0  3.0   2.0
    actions_per_day      3  1.0     4.0  4.0   3.0
    """
    active = user_activity(user_days, end=end, window_days=window_days)
    values = active.select(**{name: _metric(active, name).cast("float64") for name in metrics})
    counted = values.pivot_longer(list(metrics), names_to="metric", values_to="value") if metrics else None
    if counted is None:
        return pd.DataFrame(columns=["metric"])
    frame = counted.group_by("metric", "value").agg(users=_.count()).order_by("metric", "value").to_pandas()
    rows = [_described(name, frame[frame["metric"] == name], level) for name in metrics]
    table = add_share(pd.DataFrame(rows), of="users_any", out_of="users", name="share_any", level=level)
    names = ["metric", "users", "users_any", "share_any", "share_any_low", "share_any_high", *QUANTILES, "mean"]
    table = table[[*names, "median_low", "median_high"]].assign(window_days=window_days)
    return table.assign(complete=_covers(end, window_days, data_start, settled_through))


def breadth_frequency(
    user_days: Tabular, *, end: date, data_start: date, settled_through: date, window_days: int = 28
) -> pd.DataFrame:
    """Users of the window before the last by event groups used and active days, and how many came in the last window.

    returns: one row per features_used (0 up to all groups) and active_days band -- features_used, active_days (text),
             from_days, users, all_users, share (of all users), share_low, share_high, retained (users active in the
             window that ends at `end`), share_retained, share_retained_low, share_retained_high (Wilson), window_days,
             complete (both windows lie inside the data and are settled); no rows without event groups

    >>> from opsbook import tiny
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START, "settled_through": tiny.AS_OF}
    >>> found = breadth_frequency(tiny.user_days, **span).query("users > 5")
    >>> columns = ["features_used", "active_days", "users", "retained", "share_retained"]
    >>> print(found[columns].round(2).to_string(index=False))
     features_used active_days  users  retained  share_retained
                 2         4–7     10         6             0.6
                 2        8–14      8         8             1.0
    """
    middle = end - timedelta(days=window_days)
    earlier = user_activity(user_days, end=middle, window_days=window_days)
    later = user_activity(user_days, end=end, window_days=window_days).select("user", came=ibis.literal(1))
    used = earlier.select("user", "active_days", features_used=features_used(earlier)).left_join(later, "user")
    cells = used.group_by("features_used", "active_days").agg(users=_.count(), retained=_.came.sum().fill_null(0))
    counted, starts = cells.to_pandas().astype("int64"), band_starts(window_days)
    counted["from_days"] = _band_of(counted["active_days"], starts)
    groups = sum(name.startswith("n_") for name in earlier.columns)
    used_groups = range(groups + 1 if groups else 0)
    grid = pd.MultiIndex.from_product([used_groups, starts], names=["features_used", "from_days"])
    sums = counted.groupby(grid.names)[["users", "retained"]].sum()
    table = sums.reindex(grid, fill_value=0).astype("int64").reset_index()
    table = add_share(table.assign(all_users=int(table["users"].sum())), of="users", out_of="all_users")
    table = add_share(table, of="retained", out_of="users", name="share_retained")
    table["active_days"] = table["from_days"].map(band_names(window_days)).astype("object")
    names = ["features_used", "active_days", "from_days", "users", "all_users", "share", "share_low", "share_high"]
    names += ["retained", "share_retained", "share_retained_low", "share_retained_high"]
    complete = _covers(end, 2 * window_days, data_start, settled_through)
    return table[names].assign(window_days=window_days, complete=complete)


def without_small_cells(table: pd.DataFrame, *, min_cell: int = 10) -> pd.DataFrame:
    """breadth_frequency without cells of nobody; small cells, or those that would reveal one, lose all counts.

    >>> cells = pd.DataFrame({"features_used": [1, 1, 2, 2], "from_days": [1, 2, 1, 2], "users": [40, 3, 25, 32]})
    >>> cells = cells.reindex(columns=[*cells, "share", "share_low", "share_high", "retained", "share_retained",
    ...                                "share_retained_low", "share_retained_high"])
    >>> print(without_small_cells(cells, min_cell=10)[["features_used", "from_days", "users"]].to_string(index=False))
     features_used  from_days  users
                 1          1    NaN
                 1          2    NaN
                 2          1    NaN
                 2          2    NaN
    """
    names = ["users", "share", "share_low", "share_high"]
    names += ["retained", "share_retained", "share_retained_low", "share_retained_high"]
    cells: dict[str, Any] = {"rows": "features_used", "columns": "from_days", "of": "users"}
    masked = blanked_cells(table, **cells, values=names, min_cell=min_cell)
    return masked[table["users"] > 0].reset_index(drop=True)


def user_activity(user_days: Tabular, *, end: date, window_days: int) -> ir.Table:
    """One row per user active in the window -- user, active_days, events, orders, n_<group> (events), d_<group> (days).

    An engine table; a column that user_days lacks (events, orders) is 0.

    >>> user_days = pd.DataFrame({"user": [1, 2, 2], "events": [4, 2, 6], "n_view": [3, 2, 1],
    ...                           "day": pd.to_datetime(["2026-01-25", "2026-01-26", "2026-01-27"])})
    >>> active = user_activity(user_days, end=date(2026, 1, 28), window_days=7)
    >>> print(active.order_by("user").to_pandas().to_string(index=False))
     user  active_days  events  orders  n_view  d_view
        1            1       4       0       3       1
        2            2       8       0       3       2
    """
    days = engine_table(user_days)
    first = end - timedelta(days=window_days - 1)
    inside = days.filter(days.day.cast("date").between(ibis.date(first), ibis.date(end)))
    groups = [name for name in days.columns if name.startswith("n_")]
    sums = {name: (inside[name].sum() if name in days.columns else ibis.literal(0)) for name in ("events", "orders")}
    sums |= {name: inside[name].sum() for name in groups}
    sums |= {f"d_{name[2:]}": (inside[name] > 0).sum() for name in groups}
    return inside.group_by("user").agg(active_days=_.count(), **sums)


def features_used(active: Tabular) -> ir.IntegerValue:
    """Number of event groups of which the user did at least one event; 0 for a company without groups.

    >>> active = pd.DataFrame({"user": [1, 2], "n_view": [3, 1], "n_post": [0, 2], "n_share": [0, 0]})
    >>> features_used(active).to_pandas().tolist()
    [1, 2]
    """
    users = engine_table(active)
    used = [(users[name] > 0).cast("int64") for name in users.columns if name.startswith("n_")]
    return sum(used[1:], start=used[0]) if used else ibis.literal(0)


def band_starts(window_days: int) -> list[int]:
    """First day of each band of active days: single days within a week, growing bands in longer windows.

    >>> band_starts(7), band_starts(28)
    ([1, 2, 3, 4, 5, 6, 7], [1, 2, 4, 8, 15, 22])
    """
    if window_days <= 7:
        return list(range(1, window_days + 1))
    return [start for start in BAND_STARTS if start <= window_days]


def band_names(window_days: int) -> dict[int, str]:
    """Band start -> text such as 1, 2–3, 22–28.

    >>> list(band_names(28).values())
    ['1', '2–3', '4–7', '8–14', '15–21', '22–28']
    """
    starts = band_starts(window_days)
    ends = [start - 1 for start in starts[1:]] + [window_days]
    return {a: str(a) if a == b else f"{a}–{b}" for a, b in zip(starts, ends, strict=True)}


def _band_of(days: pd.Series, starts: Sequence[int]) -> np.ndarray:
    return np.asarray(starts)[np.searchsorted(starts, days.to_numpy(), side="right") - 1]


def _ages(users: Tabular, end: date, window_days: int) -> ir.Table:
    """One row per user -- user, age_band."""
    people = engine_table(users)
    first, active = (people[name].cast("date") for name in ("first_day", "first_active_day"))
    life = ibis.coalesce(ibis.least(first, active), first, active)
    age = ((end - date(1970, 1, 1)).days - life.epoch_days()).cast("int32")
    starts = {name: max(start, window_days) if start else 0 for name, start in AGE_BANDS.items()}
    matches = [(people.life_start == "unknown", UNKNOWN)]
    matches += [(age >= start, name) for name, start in reversed(starts.items()) if start]
    return people.select("user", age_band=ibis.cases(*matches, else_="in_window"))


def _metric(active: ir.Table, name: str) -> ir.NumericValue:
    if name == "actions_per_day":
        return active.events / active.active_days
    if name == "features_used":
        return features_used(active)
    if name in ("active_days", "orders"):
        return active[name]
    group = name.removeprefix(DAYS_OF)
    column = f"{'d' if name.startswith(DAYS_OF) and f'd_{group}' in active.columns else 'n'}_{group}"
    if column not in active.columns:
        raise ValueError(f"`{name}` is no metric: user_days has no column n_{group}")
    return active[column]


def _described(name: str, counted: pd.DataFrame, level: float) -> dict[str, object]:
    value, users = counted["value"].to_numpy(float), counted["users"].to_numpy("int64")
    n, upto = int(users.sum()), users.cumsum()

    def ranked(rank: float) -> float:
        return float(value[np.searchsorted(upto, rank)]) if 1 <= rank <= n else np.nan

    below = int(binom.ppf((1 - level) / 2, n, 0.5)) if n else 0
    told = {side: ranked(max(np.ceil(share * n - 1e-9), 1)) for side, share in QUANTILES.items()}
    middle = {"median_low": ranked(below), "median_high": ranked(n - below + 1)}
    mean = float((value * users).sum() / n) if n else np.nan
    return {"metric": name, "users": n, "users_any": int(users[value > 0].sum()), **told, "mean": mean, **middle}


def _covers(end: date, window_days: int, data_start: date, settled_through: date) -> bool:
    return end <= settled_through and end - timedelta(days=window_days - 1) >= data_start
