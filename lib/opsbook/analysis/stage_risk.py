"""Which stage loses users: of those who stand in a stage on a day, the share that is not seen again in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import pandas as pd

from opsbook.analysis import stages
from opsbook.analysis.proportion import add_share
from opsbook.inputs.workbook import StageRule
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "Wilson"
COLUMNS = ["stage", "users", "not_seen", "share", "share_low", "share_high", "days", "first_day", "last_day"]


def landmarks(
    *, rules: Sequence[StageRule], data_start: date, as_of: date, churn_after_days: int, most: int = 6
) -> list[date]:
    """Days on which users are looked at, latest first: each judged by as_of, none inside another's silence.

    >>> from opsbook import stage_risk, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> span = {"data_start": tiny.DATA_START, "as_of": tiny.AS_OF}
    >>> print(*stage_risk.landmarks(rules=DEFAULT_STAGES, churn_after_days=7, **span))
    2026-03-22 2026-02-22
    """
    earliest = data_start + timedelta(days=stages.lookback_days(rules) - 1)
    last = as_of - timedelta(days=churn_after_days)
    apart = max(churn_after_days, 28)
    found = [last - timedelta(days=apart * back) for back in range(most)]
    return [day for day in found if day >= earliest]


def stage_risk(
    user_days: Tabular,
    users: Tabular,
    *,
    rules: Sequence[StageRule],
    days: Sequence[date],
    churn_after_days: int,
) -> pd.DataFrame:
    """Share of a stage's users who stay silent for churn_after_days from the day on.

    Who stands in the stage is decided by what was known that day; users silent for churn_after_days already are no
    longer at risk. A user may be counted on several days, which lie too far apart for one silence to count twice.

    user_days: one row per user and active day -- user, day, orders; users: one row per user; rules: stage rules
    days:      table of `landmarks`
    returns:   one row per stage of stages.STAGES that holds users at risk -- stage, users (user-days looked at),
               not_seen, share (0-1) with Wilson interval, days (looked at), first_day, last_day

    >>> from datetime import date
    >>> from opsbook import stage_risk, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> asked = {"rules": DEFAULT_STAGES, "days": [date(2026, 2, 15)], "churn_after_days": 10}
    >>> told = stage_risk.stage_risk(tiny.user_days, tiny.users, **asked)
    >>> print(told[["stage", "users", "not_seen", "share", "share_low", "share_high"]].round(2).to_string(index=False))
           stage  users  not_seen  share  share_low  share_high
    introduction      9         1   0.11       0.02        0.43
          growth     10         0   0.00       0.00        0.28
          mature     12         1   0.08       0.01        0.35
        sleeping      2         2   1.00       0.34        1.00
    """
    if not days:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in COLUMNS})
    active = engine_table(user_days).select("user", day=_.day.cast("date"))
    counted = [_on_day(user_days, active, users, rules, day, churn_after_days) for day in days]
    table = pd.concat(counted).groupby("stage", as_index=False)[["users", "not_seen"]].sum()
    order = {stage: place for place, stage in enumerate(stages.STAGES)}
    table = table.sort_values("stage", key=lambda names: names.map(order), ignore_index=True)
    shares = add_share(table.astype({"users": "int64", "not_seen": "int64"}), of="not_seen", out_of="users")
    return shares.assign(days=len(days), first_day=pd.Timestamp(min(days)), last_day=pd.Timestamp(max(days)))[COLUMNS]


def _on_day(
    user_days: Tabular,
    active: ibis.Table,
    users: Tabular,
    rules: Sequence[StageRule],
    day: date,
    churn_after_days: int,
) -> pd.DataFrame:
    placed = stages.user_stages(user_days, users, rules=rules, day=day)
    reach = timedelta(days=churn_after_days)
    near = active.filter((_.day > day - reach) & (_.day <= day + reach))
    seen = near.group_by("user").agg(before=(_.day <= day).any(), after=(_.day > day).any())
    new = engine_table(users)
    fresh = new.filter(new.first_day.cast("date") > day - reach).select("user", young=ibis.literal(True))
    joined = placed.left_join(seen, "user").drop("user_right").left_join(fresh, "user").drop("user_right")
    at_risk = joined.filter(_.before.fill_null(False) | _.young.fill_null(False))
    not_seen = (~_.after.fill_null(False)).sum()
    return at_risk.group_by("stage").agg(users=_.count(), not_seen=not_seen).to_pandas()
