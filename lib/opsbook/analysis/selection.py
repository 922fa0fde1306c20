"""Participants against the others: refused as an effect, with the gap that was there before the campaign."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.moments import exact_sum
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
GROUPS = ["participants", "exposed_only", "not_reached"]
COLUMNS = ["group", "users", "before", "during"]


class Gap(NamedTuple):
    """Participants minus the others, per user: how much of the gap during the campaign was there before it."""

    others: str
    before: float
    during: float
    share_before: float


def groups(
    users: Tabular, members: Tabular, user_days: Tabular, *, start: date, end: date, data_start: date
) -> pd.DataFrame:
    """Mean revenue per user of those who took part, those who were only shown it, and the others there at the start.

    users:   one row per user -- user, first_day; without it everybody counts as there
    before is as many days as the campaign, just before it; missing when these days are not all in the data.
    returns: one row per group, in this order -- group (participants, exposed_only, not_reached), users, before, during
             (net revenue per user, currency)

    >>> import pandas as pd
    >>> from opsbook import selection, tiny
    >>> took = tiny.redemptions["user"].unique()
    >>> members = tiny.exposures[["user"]].assign(participated=lambda shown: shown["user"].isin(took))
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "data_start": tiny.DATA_START}
    >>> print(selection.groups(tiny.users, members, tiny.user_days, **span).round(2).to_string(index=False))
           group  users  before  during
    participants      8   15.00   47.50
    exposed_only      6   26.67   33.33
     not_reached     34   13.82   13.82
    """
    members = engine_table(members)
    length = timedelta(days=(end - start).days + 1)
    days = engine_table(user_days)
    day = days.day.cast("date")
    spent = days.group_by("user").agg(
        before=days.revenue.sum(where=(day >= start - length) & (day < start)),
        during=days.revenue.sum(where=(day >= start) & (day <= end)),
    )
    people = _there(engine_table(users), start).left_join(members.select("user", "participated"), "user")
    people = people.filter(_.there | _.participated.notnull())
    people = people.drop("user_right").left_join(spent, "user").drop("user_right")
    label = ibis.cases(
        (_.participated, "participants"), (_.participated.notnull(), "exposed_only"), else_="not_reached"
    )
    marked = people.mutate(group=label, before=_.before.fill_null(0.0), during=_.during.fill_null(0.0))
    sums = marked.group_by("group").agg(users=_.count(), b=exact_sum(marked.before), d=exact_sum(marked.during))
    return _per_user(sums.to_pandas(), whole_before=start - length >= data_start)


def _there(users: ir.Table, start: date) -> ir.Table:
    """Every user, and whether the first day known of them lies before the start: later ones could not be compared."""
    days = [users[name].cast("date") for name in ("first_day", "first_active_day") if name in users.columns]
    there = (ibis.coalesce(*days) < ibis.date(start)).fill_null(False) if days else ibis.literal(value=True)
    return users.select("user", there=there)


def shown(groups: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The groups that are large enough to be shown; a mean of a few users would tell what one of them spent.

    >>> import pandas as pd
    >>> from opsbook import selection
    >>> groups = pd.DataFrame({"group": ["participants", "exposed_only"], "users": [40, 3], "during": [9.0, 50.0]})
    >>> selection.shown(groups, min_cell=10)["group"].tolist()
    ['participants']
    """
    return groups[groups["users"] >= min_cell].reset_index(drop=True)


def gap(groups: pd.DataFrame) -> Gap:
    """Participants against users who were only shown the campaign, or against everybody else when nobody was.

    share_before: the gap before over the gap during; missing when there is no gap during or no window before.

    >>> import pandas as pd
    >>> from opsbook import selection
    >>> groups = pd.DataFrame({"group": ["participants", "exposed_only"], "users": [40, 60]})
    >>> gap = selection.gap(groups.assign(before=[6.0, 2.0], during=[9.0, 1.0]))
    >>> print(f"{gap.during:.0f} more per user, of which {gap.share_before:.0%} was there before the campaign")
    8 more per user, of which 50% was there before the campaign
    """
    table = groups.set_index("group")
    others = "exposed_only" if table["users"].get("exposed_only", 0) else "not_reached"
    if not {"participants", others} <= set(table.index):
        return Gap(others, float("nan"), float("nan"), float("nan"))
    values = table.loc[["participants", others], ["before", "during"]].to_numpy(dtype="float64")
    before, during = (values[0] - values[1]).tolist()
    return Gap(others, before, during, before / during if during else float("nan"))


def _per_user(sums: pd.DataFrame, *, whole_before: bool) -> pd.DataFrame:
    before = sums["b"] / sums["users"] if whole_before else float("nan")
    table = sums.assign(before=before, during=sums["d"] / sums["users"], users=sums["users"].astype("int64"))
    order = table["group"].map({name: place for place, name in enumerate(GROUPS)})
    return table.assign(_order=order).sort_values("_order", ignore_index=True)[COLUMNS]
