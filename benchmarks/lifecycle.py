"""Notebook 01 from the mart, and the same tables from plain pandas on user-days and orders without the mart's gaps."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmarks import depth, early, levers, usage, value
from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import aarrr, activity, growth, rfm, rfm_migration, stages
from opsbook.inputs.periods import periods_between
from opsbook.inputs.workbook import DEFAULT_STAGES
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
MONTHS = list(periods_between(START, END, "month"))
SEEN = {"data_start": START, "settled_through": END}
FLOWS = ["active_users", "previous_users", "new", "new_silent", "current", "resurrected", "dormant"]


def rolling(mart: Mart) -> pd.DataFrame:
    """Users active in 1, 7 and 28 days, for every day of the year."""
    return activity.rolling_actives(mart.user_days, start=START, end=END, **SEEN)[["day", "window_days", "users"]]


def rolling_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same by gaps: sort, difference, count, cumulate."""
    visits = frames.user_days[["user", "day"]].sort_values(["user", "day"], ignore_index=True)
    following = visits["day"].shift(-1).where(visits["user"] == visits["user"].shift(-1))
    calendar = pd.date_range(START, END)
    series = []
    for window in (1, 7, 28):
        out = (visits["day"] + pd.Timedelta(days=window)).where(following.isna(), following)
        leave = np.minimum(out, visits["day"] + pd.Timedelta(days=window))
        moves = visits["day"].value_counts().sub(leave.value_counts(), fill_value=0)
        users = moves.reindex(calendar, fill_value=0).cumsum().astype("int64")
        series.append(pd.DataFrame({"day": calendar, "window_days": window, "users": users.to_numpy()}))
    return pd.concat(series).sort_values(["day", "window_days"], ignore_index=True)


def accounting(mart: Mart) -> pd.DataFrame:
    """Growth accounting by month."""
    return growth.growth_accounting(mart.user_days, mart.users, periods=MONTHS, **SEEN)[["period", *FLOWS]]


def accounting_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from one row per user and month."""
    months = pd.PeriodIndex([month.label for month in MONTHS], freq="M")
    visits = pd.DataFrame({"user": frames.user_days["user"], "month": _month(frames.user_days["day"])})
    visits = visits.drop_duplicates().sort_values(["user", "month"], ignore_index=True)
    same = visits["user"] == visits["user"].shift()
    before = visits["month"].shift().where(same)
    life = frames.users.set_index("user")[["first_day", "first_active_day"]].min(axis=1)
    born = _month(life).to_numpy()
    visits["born"] = pd.Series(born, index=life.index).reindex(visits["user"]).to_numpy()
    first = months[0].ordinal
    active = visits["month"].value_counts().sort_index()
    current = visits.loc[before == visits["month"] - 1, "month"].value_counts()
    new = visits.loc[visits["born"] == visits["month"], "month"].value_counts()
    births = pd.Series(born).value_counts()
    table = pd.DataFrame({"active_users": active, "current": current, "new": new, "births": births}).fillna(0)
    table = table.reindex([month.ordinal for month in months], fill_value=0)
    table["previous_users"] = table["active_users"].shift(fill_value=0)
    table["new_silent"] = table["births"] - table["new"]
    table["resurrected"] = table["active_users"] - table["current"] - table["new"]
    table["dormant"] = table["previous_users"] - table["current"]
    kept = table.loc[first + 1 :, FLOWS].astype("int64").reset_index(drop=True)
    kept.insert(0, "period", [month.label for month in MONTHS[1:]])
    return kept


def stage_stock(mart: Mart) -> pd.DataFrame:
    """Users per stage at the end of each month."""
    stock = stages.stage_stock(mart.user_days, mart.users, rules=DEFAULT_STAGES, periods=MONTHS, **SEEN)
    return stock[["period", "stage", "users"]]


def stage_stock_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same month by month."""
    rows = []
    for month in MONTHS:
        counted = _stages_in_pandas(frames, month.end).value_counts()
        rows += [(month.label, stage, int(counted.get(stage, 0))) for stage in stages.STAGES]
    return pd.DataFrame(rows, columns=["period", "stage", "users"])


def transitions(mart: Mart) -> pd.DataFrame:
    """Moves between stages in the last month."""
    moved = stages.stage_transitions(
        mart.user_days, mart.users, rules=DEFAULT_STAGES, start=MONTHS[-2].end, end=MONTHS[-1].end, **SEEN
    )
    return moved[["from_stage", "to_stage", "users"]]


def transitions_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from the two columns of stages side by side."""
    return _moved(*(_stages_in_pandas(frames, month.end) for month in MONTHS[-2:]))


def _moved(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    both = pd.concat([before.rename("from_stage"), after.rename("to_stage")], axis=1)
    both = both.fillna({"from_stage": stages.ENTERED, "to_stage": stages.LEFT})
    rows = [[*stages.STAGES, stages.ENTERED], [*stages.STAGES, stages.LEFT]]
    grid = pd.MultiIndex.from_product(rows, names=["from_stage", "to_stage"])
    return both.value_counts().reindex(grid, fill_value=0).rename("users").reset_index()


def history(mart: Mart) -> pd.DataFrame:
    """Moves between stages in every month of the year."""
    rules = list(DEFAULT_STAGES)
    path = stages.transition_history(mart.user_days, mart.users, rules=rules, periods=MONTHS, **SEEN)
    return path[["end", "from_stage", "to_stage", "users"]]


def history_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from the columns of stages of neighbouring month ends."""
    placed = [_stages_in_pandas(frames, month.end) for month in MONTHS]
    parts = [_moved(before, after) for before, after in pairwise(placed)]
    ends = [pd.Timestamp(month.end) for month in MONTHS[1:]]
    table = pd.concat([part.assign(end=end) for end, part in zip(ends, parts, strict=True)], ignore_index=True)
    return table[["end", "from_stage", "to_stage", "users"]]


def stickiness(mart: Mart) -> pd.DataFrame:
    """Mean daily actives over 28 days / actives of the window, at each month's end."""
    return activity.stickiness(mart.user_days, ends=[month.end for month in MONTHS], **SEEN)[["end", "stickiness"]]


def stickiness_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same by counting days and users of each window."""
    rows = []
    for month in MONTHS:
        end = pd.Timestamp(month.end)
        inside = frames.user_days[frames.user_days["day"].between(end - pd.Timedelta(days=27), end)]
        rows.append((end, len(inside) / 28 / inside["user"].nunique()))
    return pd.DataFrame(rows, columns=["end", "stickiness"])


def buyers(mart: Mart) -> pd.DataFrame:
    """RFM groups of the year."""
    return rfm.rfm_groups(mart.orders, as_of=END)[["key", "users", "revenue"]]


def buyers_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same with groupby and medians."""
    sales = frames.orders[frames.orders["day"] > pd.Timestamp(END) - pd.Timedelta(days=365)]
    bought = sales[sales["is_purchase"]].groupby("user")["day"].agg(["max", "size"])
    table = bought.join(sales.groupby("user")["net"].sum().round(4))
    recency = (pd.Timestamp(END) - table["max"]).dt.days
    letters = [recency < recency.median(), *(table[name] > table[name].median() for name in ("size", "net"))]
    key = np.where(letters[0], "H", "L").astype(object)
    for letter in letters[1:]:
        key = key + np.where(letter, "H", "L")
    groups = table.assign(key=key).groupby("key")["net"].agg(["size", "sum"]).reindex(rfm.KEYS, fill_value=0)
    return groups.set_axis(["users", "revenue"], axis=1).rename_axis("key").reset_index()


def migration(mart: Mart) -> pd.DataFrame:
    """Moves between RFM groups in the last month, by the cuts of its start."""
    ends = [month.end for month in MONTHS[-2:]]
    moves = rfm_migration.rfm_migration(mart.orders, ends=ends, window_days=180, **SEEN)
    return moves[["from_key", "to_key", "users"]]


def migration_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from two columns of keys side by side."""
    before, cuts = _keys_in_pandas(frames, MONTHS[-2].end, None)
    after, _cuts = _keys_in_pandas(frames, MONTHS[-1].end, cuts)
    both = pd.concat([before.rename("from_key"), after.rename("to_key")], axis=1)
    both = both.fillna({"from_key": rfm_migration.ENTERED, "to_key": rfm_migration.LEFT})
    rows = [[*rfm.KEYS, rfm_migration.ENTERED], [*rfm.KEYS, rfm_migration.LEFT]]
    grid = pd.MultiIndex.from_product(rows, names=["from_key", "to_key"])
    return both.value_counts().reindex(grid, fill_value=0).rename("users").reset_index()


def journey(mart: Mart) -> pd.DataFrame:
    """The AARRR line of the last month."""
    flows = growth.growth_accounting(mart.user_days, mart.users, periods=MONTHS[-2:], **SEEN)
    line = aarrr.aarrr(mart.user_days, mart.users, period=MONTHS[-1], growth=flows, settled_through=END)
    return line[["metric", "value", "n"]]


def journey_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same number by number."""
    days, users, now, then = frames.user_days, frames.users, MONTHS[-1], MONTHS[-2]
    inside = days[days["day"].between(pd.Timestamp(now.start), pd.Timestamp(now.end))]
    previous = days[days["day"].between(pd.Timestamp(then.start), pd.Timestamp(then.end))]["user"].unique()
    paid = inside.groupby("user")[["orders", "revenue"]].sum()
    payers = paid.loc[paid["orders"] > 0, "revenue"]
    life = users.set_index("user")[["first_day", "first_active_day"]].min(axis=1)
    born = life[life.between(pd.Timestamp(now.start), pd.Timestamp(now.end))]
    settled = born[born <= pd.Timestamp(END) - pd.Timedelta(days=7)]
    age = (inside["day"] - inside["user"].map(settled)).dt.days
    again = inside.loc[age.between(1, 7), "user"].nunique()
    kept = np.isin(previous, paid.index)
    rows = [
        ("new_users", len(born), len(born)),
        ("activated", again / len(settled), len(settled)),
        ("retained", kept.mean(), len(kept)),
        ("paying", (paid["orders"] > 0).mean(), len(paid)),
        ("arpu", paid["revenue"].mean(), len(paid)),
        ("arppu", payers.mean(), len(payers)),
        ("arppu_capped", payers.clip(upper=payers.quantile(0.999)).mean(), len(payers)),
        ("invited", np.nan, 0),
    ]
    return pd.DataFrame(rows, columns=["metric", "value", "n"])


def _month(days: pd.Series) -> pd.Series:
    """Months since 1970."""
    return (days.dt.year - 1970) * 12 + days.dt.month - 1


def _keys_in_pandas(frames: Frames, last: date, cuts: pd.Series | None) -> tuple[pd.Series, pd.Series]:
    """The RFM key of every buyer of the 180 days up to the day, and the medians that cut it."""
    end = pd.Timestamp(last)
    inside = frames.orders["day"].between(end - pd.Timedelta(days=179), end)
    sales = frames.orders[inside]
    bought = sales[sales["is_purchase"]].groupby("user")["day"].agg(["max", "size"])
    table = pd.DataFrame({"R": -(end - bought["max"]).dt.days, "F": bought["size"]})
    table["M"] = sales.groupby("user")["net"].sum().round(4)
    at = table.median() if cuts is None else cuts
    high = [np.where(table[name] > at[name], "H", "L").astype(object) for name in ("R", "F", "M")]
    return pd.Series(high[0] + high[1] + high[2], index=table.index), at


def _stages_in_pandas(frames: Frames, last: date) -> pd.Series:
    """The stage of every user alive at the end of the day, by user."""
    end = pd.Timestamp(last)
    life = frames.users.set_index("user")[["first_day", "first_active_day"]].min(axis=1)
    tenure = (end - life[life <= end]).dt.days
    recent = frames.user_days[frames.user_days["day"].between(end - pd.Timedelta(days=28), end)]
    silent = (end - recent.groupby("user")["day"].max()).dt.days.reindex(tenure.index).fillna(tenure)
    counted = recent[recent["day"] > end - pd.Timedelta(days=28)].groupby("user").size()
    active = counted.reindex(tenure.index).fillna(0)
    rules = [silent >= 28, silent >= 7, tenure <= 13, active >= 8]
    return pd.Series(np.select(rules, ["lost", "sleeping", "introduction", "mature"], "growth"), index=tenure.index)


CASES = [
    Case("rolling 1/7/28-day actives, exact", rolling, rolling_in_pandas),
    Case("growth accounting, 12 months", accounting, accounting_in_pandas, ("user_days", "users")),
    Case("stages at 12 month ends", stage_stock, stage_stock_in_pandas, ("user_days", "users")),
    Case("stage transitions of one month", transitions, transitions_in_pandas, ("user_days", "users")),
    Case("stage transitions of 11 months", history, history_in_pandas, ("user_days", "users")),
    Case("stickiness at 12 month ends", stickiness, stickiness_in_pandas),
    Case("RFM groups", buyers, buyers_in_pandas, ("orders",)),
    *levers.CASES,
    *early.CASES,
    *usage.CASES,
    *depth.CASES,
    Case("RFM migration of one month", migration, migration_in_pandas, ("orders",)),
    *value.CASES,
    Case("AARRR line", journey, journey_in_pandas, ("user_days", "users")),
]
