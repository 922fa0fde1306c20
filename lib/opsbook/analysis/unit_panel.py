"""Cities, regions or channels week by week around a campaign: what their users did per head and day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METRICS = ("revenue", "orders", "active_days")
WEEK = 7
COLUMNS = ["unit", "block", "window", "first_day", "days", "users", *METRICS]


class Named(Protocol):
    """What the campaign's file says of its units."""

    @property
    def attribute(self) -> str:
        """The column of users that holds the unit."""

    @property
    def treated(self) -> Sequence[str]:
        """Its values that got the campaign."""


def of(
    eve: Tabular,
    user_days: Tabular,
    units: Named | None,
    *,
    start: date,
    end: date,
    after_days: int,
    through: date,
    data_start: date,
    min_cell: int = 1,
) -> pd.DataFrame:
    """The panel of the units that the campaign's file names; without any nothing is counted and no row returned.

    eve: `segments.people` of the day before the start, with the column that `units.attribute` names

    >>> from types import SimpleNamespace
    >>> from opsbook import tiny, unit_panel
    >>> units = SimpleNamespace(attribute="city", treated=["Wuhan"])
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "data_start": tiny.DATA_START}
    >>> panel = unit_panel.of(tiny.users, tiny.user_days, units, after_days=7, through=tiny.AS_OF, **span)
    >>> told = panel[panel["unit"] == "Wuhan"].tail(4)
    >>> print(told[["block", "window", "users", "revenue", "active_days"]].round(2).to_string(index=False))
     block window  users  revenue  active_days
        -1 before      6     4.52         0.48
         0 during      8     1.61         0.41
         1 during      8     4.11         0.52
         2  after      8     2.32         0.54
    """
    eve = engine_table(eve)
    if units is None:
        return pd.DataFrame(columns=COLUMNS)
    named = eve.select("user", "entry_day", unit=eve[units.attribute].cast("string"))
    people = named.filter(named.unit.notnull())
    span: dict[str, Any] = {"start": start, "end": end, "after_days": after_days, "through": through}
    return panel(people, user_days, **span, data_start=data_start, min_cell=min_cell)


def treated(units: Named | None) -> list[str]:
    """The units that got the campaign.

    >>> from types import SimpleNamespace
    >>> from opsbook import unit_panel
    >>> unit_panel.treated(SimpleNamespace(attribute="city", treated=("Wuhan", "Beijing"))), unit_panel.treated(None)
    (['Wuhan', 'Beijing'], [])
    """
    return list(units.treated) if units else []


def panel(
    people: Tabular,
    user_days: Tabular,
    *,
    start: date,
    end: date,
    after_days: int,
    through: date,
    data_start: date,
    most_weeks: int = 52,
    min_cell: int = 1,
) -> pd.DataFrame:
    """Every unit in weeks counted from the start: whole ones before it, and those of the campaign and the days after.

    people:  one row per user known on the eve of the campaign -- user, entry_day, unit; through: last settled day
    returns: one row per unit and block, in order -- unit, block (negative before the start), window (before, during,
             after), first_day, days (7, fewer at the end of a window), users (who had entered by first_day), and
             revenue, orders, active_days per user and day. Units with fewer than `min_cell` users in any block are not
             among them.

    >>> from opsbook import tiny, unit_panel
    >>> people = tiny.users[["user", "entry_day", "channel"]].rename(columns={"channel": "unit"})
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "data_start": tiny.DATA_START, "most_weeks": 1}
    >>> panel = unit_panel.panel(people, tiny.user_days, after_days=3, through=tiny.AS_OF, **span)
    >>> print(panel[["unit", "block", "window", "days", "users", "revenue"]].round(2).to_string(index=False))
      unit  block window  days  users  revenue
       ads     -1 before     7     15     0.76
       ads      0 during     7     17     0.84
       ads      1 during     7     18     0.24
       ads      2  after     3     20     0.50
    search     -1 before     7     29     1.48
    search      0 during     7     32     2.59
    search      1 during     7     36     2.06
    search      2  after     3     38     1.84
    """
    people = engine_table(people)
    blocks = _blocks(start, end, after_days, through, data_start, most_weeks)
    table = _sums(people, user_days, blocks).merge(_entered(people, blocks), on=["unit", "block"], how="right")
    table = table.merge(blocks, on="block").fillna(dict.fromkeys(METRICS, 0.0))
    for metric in METRICS:
        table[metric] = table[metric] / table["users"].where(table["users"] > 0) / table["days"]
    small = table.groupby("unit")["users"].transform("min") < max(min_cell, 1)
    return table[~small].sort_values(["unit", "block"], ignore_index=True)[COLUMNS]


def _blocks(start: date, end: date, after_days: int, through: date, data_start: date, most_weeks: int) -> pd.DataFrame:
    """One row per block -- block, window, first_day, days."""
    weeks = min((start - data_start).days // WEEK, most_weeks)
    rows = [(-back, "before", start - timedelta(days=WEEK * back), WEEK) for back in range(weeks, 0, -1)]
    for window, first, last in (
        ("during", start, end),
        ("after", end + timedelta(days=1), end + timedelta(after_days)),
    ):
        day = first
        while day <= min(last, through):
            days = min(WEEK, (min(last, through) - day).days + 1)
            rows.append((max(rows[-1][0] + 1, 0) if rows else 0, window, day, days))
            day += timedelta(days=days)
    return pd.DataFrame(rows, columns=["block", "window", "first_day", "days"]).astype({"first_day": "datetime64[ns]"})


def _sums(people: ir.Table, user_days: Tabular, blocks: pd.DataFrame) -> pd.DataFrame:
    days = engine_table(user_days)
    ends = (blocks["first_day"] + pd.to_timedelta(blocks["days"], unit="D")).dt.date.tolist()
    firsts = blocks["first_day"].dt.date.tolist()
    day = days.day.cast("date")
    inside = [((day >= first) & (day < last), block) for first, last, block in
              zip(firsts, ends, blocks["block"].tolist(), strict=True)]  # fmt: skip
    if not inside:
        return pd.DataFrame(columns=["unit", "block", *METRICS])
    seen = days.mutate(block=ibis.cases(*inside)).filter(_.block.notnull())
    joined = seen.inner_join(people.select("user", "unit"), "user")
    counted = joined.group_by("unit", "block").agg(
        revenue=exact_sum(joined.revenue), orders=joined.orders.sum(), active_days=joined.count()
    )
    return counted.to_pandas().astype(dict.fromkeys(METRICS, "float64"))


def _entered(people: ir.Table, blocks: pd.DataFrame) -> pd.DataFrame:
    """Users of every unit who had entered by the first day of every block -- unit, block, users."""
    entries = people.group_by("unit", day=people.entry_day.cast("date")).agg(users=people.count()).to_pandas()
    days = pd.to_datetime(entries["day"]).to_numpy()
    rows = [
        (unit, block, int(entries["users"].to_numpy()[own & (days <= first)].sum()))
        for unit in sorted(entries["unit"].unique())
        for own in [(entries["unit"] == unit).to_numpy()]
        for block, first in zip(blocks["block"], blocks["first_day"].to_numpy(), strict=True)
    ]
    return pd.DataFrame(rows, columns=["unit", "block", "users"]).astype({"users": np.int64})
