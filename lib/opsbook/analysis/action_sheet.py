"""The action sheet: each group of buyers with its size, its value and where it is heading, ready for a play."""

from __future__ import annotations

import pandas as pd

from opsbook.analysis.suppression import blanked

SHARES = ["share_users", "share_users_low", "share_users_high"]
REVENUES = ["revenue", "share_revenue", "share_revenue_low", "share_revenue_high", "revenue_per_user"]
TREND = ["before_users", "after_users", "change", "change_low", "change_high", "p_holm"]


def action_sheet(groups: pd.DataFrame, trend: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """One line per group: how many buyers, what they are worth, and how the group grew since the earlier date.

    Size and value are those of `groups`, by the cuts of today; the trend is that of `trend`, by the cuts of the
    earlier date at both dates, so that it shows what buyers did and not where the middle moved.

    groups:  rfm.rfm_groups
    trend:   rfm_migration.group_trend, possibly suppressed
    returns: one row per key -- key, users, share_users, share_users_low, share_users_high, revenue, share_revenue,
             share_revenue_low, share_revenue_high, revenue_per_user, before_users, after_users, change, change_low,
             change_high, p_holm, shown (False where the group, or one that it would reveal, has fewer than
             min_cell buyers)

    >>> from opsbook import action_sheet, rfm, rfm_migration, tiny
    >>> ends = [tiny.period("2026-02").end, tiny.AS_OF]
    >>> moves = rfm_migration.rfm_migration(tiny.orders, ends=ends, **tiny.COVERED)
    >>> groups = rfm.rfm_groups(tiny.orders, as_of=tiny.AS_OF)
    >>> sheet = action_sheet.action_sheet(groups, rfm_migration.group_trend(moves), min_cell=3)
    >>> shown = sheet[["key", "users", "revenue", "before_users", "after_users", "shown"]]
    >>> print(shown.round(2).to_string(index=False))
    key  users  revenue  before_users  after_users  shown
    HHH   13.0   3160.0           9.0         11.0   True
    LHH    NaN      NaN           NaN          NaN  False
    HLH    4.0    470.0           1.0          1.0   True
    LLH    3.0    300.0           4.0          6.0   True
    HHL    NaN      NaN           NaN          NaN  False
    LHL    0.0      0.0           1.0          2.0   True
    HLL    7.0    375.0           8.0          0.0   True
    LLL   19.0    930.0          13.0         13.0   True
    """
    sheet = groups.drop(columns="buyers").merge(trend[["key", *TREND]], on="key", how="left", validate="1:1")
    table = blanked(sheet, of="users", values=["users", *SHARES, *REVENUES, *TREND], min_cell=min_cell)
    return table[["key", "users", *SHARES, *REVENUES, *TREND]].assign(shown=table["users"].notna())
