"""Reasons differ by stage: the same question, what goes with leaving, asked inside every lifecycle stage of one day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import cox, life_table, segment_survival, stages, time_to_churn
from opsbook.analysis.multiplicity import holm
from opsbook.inputs.workbook import StageRule
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = cox.METHOD
RECENT_DAYS = 28
MIN_CHURNED = 50
REASONS = ["stage", "covariate", "level", "reference", "users", "level_users", "churned", "hazard_ratio", "low", "high",
           "p", "p_holm"]  # fmt: skip
SEEDS = ["stage", "users", "churned", "covariate", "level", "reference", "level_users", "hazard_ratio", "low", "high",
         "case"]  # fmt: skip


def landmark_day(
    *, rules: Sequence[StageRule], data_start: date, as_of: date, churn_after_days: int, ahead_days: int = 60
) -> date | None:
    """The latest day from which users can be followed for ahead_days and then judged; None when the data are short.

    >>> from opsbook import stage_reasons, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> span = {"data_start": tiny.DATA_START, "as_of": tiny.AS_OF, "churn_after_days": 7}
    >>> days = [stage_reasons.landmark_day(rules=DEFAULT_STAGES, ahead_days=ahead, **span) for ahead in (14, 60)]
    >>> print(*days)
    2026-03-08 None
    """
    day = as_of - timedelta(days=churn_after_days + max(ahead_days, churn_after_days))
    return day if day >= data_start + timedelta(days=stages.lookback_days(rules) - 1) else None


def durations(
    user_days: Tabular,
    users: Tabular,
    *,
    rules: Sequence[StageRule],
    day: date | None,
    as_of: date,
    churn_after_days: int,
    covariates: Sequence[str],
) -> pd.DataFrame:
    """Time to churn from one day on, of everybody not churned then, by stage and by what was known that day.

    user_days: one row per user and active day -- user, day, gap_after, orders; users: one row per user, `covariates`
    returns:   one row per (stage, duration_days, covariates..., recent_orders) -- churned, censored (users). Day 0 is
               `day`: users whose present silence lasts leave there. None = no rows. recent_orders (0 or 1+) is of the
               28 days before.
    raises:    ParameterError for a covariate that is only known later

    >>> from datetime import date
    >>> from opsbook import stage_reasons, tiny
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> asked = {"rules": DEFAULT_STAGES, "day": date(2026, 2, 1), "as_of": tiny.AS_OF, "churn_after_days": 10}
    >>> told = stage_reasons.durations(tiny.user_days, tiny.users, covariates=["channel"], **asked)
    >>> print(told.groupby(["stage", "channel"])[["churned", "censored"]].sum().to_string())
                          churned  censored
    stage        channel
    growth       ads            1         0
                 search         2         6
    introduction ads            2         0
                 search         0         4
    mature       ads            1         0
                 search         4         7
    sleeping     ads            4         0
                 search         1         0
    """
    people = engine_table(users)
    time_to_churn.refuse_immortal_time(people.columns, covariates)
    if day is None:
        names = ["stage", "duration_days", *covariates, "recent_orders", "churned", "censored"]
        return pd.DataFrame({name: pd.Series(dtype="int64") for name in names})
    days = engine_table(user_days).filter(_.day <= ibis.date(as_of))
    alive = _alive(days, day, churn_after_days)
    ends = _ends(days, alive, day, as_of, churn_after_days)
    placed = stages.user_stages(user_days, users, rules=rules, day=day)
    known = people.select("user", **{name: people[name].cast("string").fill_null("unknown") for name in covariates})
    joined = ends.inner_join(placed, "user").inner_join(known, "user")
    keys = ["stage", "duration_days", *covariates, "recent_orders"]
    counted = joined.group_by(keys).agg(churned=_.left.sum(), censored=(~_.left).sum()).order_by(keys).to_pandas()
    return counted.astype(dict.fromkeys(["duration_days", "churned", "censored"], "int64"))


def reasons(
    durations: pd.DataFrame, *, covariates: Sequence[str], min_cell: int = 10, min_churned: int = MIN_CHURNED
) -> pd.DataFrame:
    """Hazard ratios of every covariate inside each stage in which enough users left.

    returns: one row per stage and level but the reference -- stage, covariate, level, reference, users and churned (of
             the stage), level_users, hazard_ratio, low, high, p, p_holm (over all stages and levels)

    >>> import pandas as pd
    >>> from opsbook import stage_reasons
    >>> durations = pd.DataFrame({"duration_days": [1, 2, 3] * 2, "channel": ["ads"] * 3 + ["search"] * 3})
    >>> durations = durations.assign(stage="growth", entry_days=0, recent_orders="0")
    >>> durations = durations.assign(churned=[60, 40, 0, 30, 25, 0], censored=[0, 0, 50, 0, 0, 95])
    >>> told = stage_reasons.reasons(durations, covariates=["channel"]).round(2)
    >>> print(told[["stage", "level", "reference", "churned", "hazard_ratio", "low", "high"]].to_string(index=False))
     stage  level reference  churned  hazard_ratio  low  high
    growth search       ads      155          0.42  0.3  0.59
    """
    parts = []
    for stage in stages.STAGES:
        rows = durations[durations["stage"] == stage].drop(columns="stage")
        if rows["churned"].sum() >= min_churned:
            parts.append(_of_stage(stage, rows, covariates, min_cell))
    found = [part for part in parts if len(part)]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=REASONS[:-1])
    return table.assign(p_holm=holm(table["p"].astype(float)))[REASONS]


def seeds(durations: pd.DataFrame, reasons: pd.DataFrame, *, clear: float = 0.05) -> pd.DataFrame:
    """Per stage the clearest thing that goes with leaving: what an operations team may try next, as an experiment.

    returns: one row per stage that holds users -- stage, users, churned, covariate, level, reference, level_users,
             hazard_ratio, low, high, case (clear, unclear = nothing holds after Holm, few = too few left to ask)

    >>> import pandas as pd
    >>> from opsbook import stage_reasons
    >>> durations = pd.DataFrame({"duration_days": [1, 2, 3] * 2, "channel": ["ads"] * 3 + ["search"] * 3})
    >>> durations = durations.assign(stage="growth", entry_days=0, recent_orders="0")
    >>> durations = durations.assign(churned=[60, 40, 0, 30, 25, 0], censored=[0, 0, 50, 0, 0, 95])
    >>> told = stage_reasons.seeds(durations, stage_reasons.reasons(durations, covariates=["channel"]))
    >>> print(told[["stage", "users", "churned", "covariate", "level", "reference", "case"]].to_string(index=False))
     stage  users  churned covariate  level reference  case
    growth    300      155   channel search       ads clear
    """
    held = {stage: durations[durations["stage"] == stage] for stage in stages.STAGES}
    rows = [_seed(stage, part, reasons, clear) for stage, part in held.items() if len(part)]
    return pd.DataFrame(rows, columns=SEEDS)


def _alive(days: ir.Table, day: date, churn_after_days: int) -> ir.Table:
    """Users silent for less than the threshold on `day` -- user, last_day, recent_orders."""
    before = days.filter((_.day <= day) & (_.day > day - timedelta(days=max(churn_after_days, RECENT_DAYS))))
    recent = before.day.cast("date") > ibis.date(day - timedelta(days=RECENT_DAYS))
    seen = before.group_by("user").agg(last_day=_.day.max(), bought=before.orders.sum(where=recent).fill_null(0))
    kept = seen.filter(_.last_day.cast("date") > ibis.date(day - timedelta(days=churn_after_days)))
    return kept.select("user", "last_day", recent_orders=ibis.ifelse(_.bought > 0, "1+", "0"))


def _ends(days: ir.Table, alive: ir.Table, day: date, as_of: date, churn_after_days: int) -> ir.Table:
    """One row per user -- user, recent_orders, duration_days (from `day`), left (False = censored)."""
    last = ibis.date(as_of - timedelta(days=churn_after_days))
    later = days.inner_join(alive, "user").filter(_.day >= _.last_day)
    long = later.filter((_.day.cast("date") <= last) & (_.gap_after.isnull() | (_.gap_after > churn_after_days)))
    first = long.group_by("user").agg(churn_day=_.day.min())
    joined = alive.left_join(first, "user").drop("user_right")
    end = ibis.greatest(ibis.coalesce(joined.churn_day.cast("date"), last), ibis.date(day))
    left = joined.churn_day.notnull()
    return joined.select("user", "recent_orders", left=left, duration_days=end.delta(ibis.date(day), unit="day"))


def _of_stage(stage: str, rows: pd.DataFrame, covariates: Sequence[str], min_cell: int) -> pd.DataFrame:
    names = [*covariates, "recent_orders"]
    for name in names:
        rows = segment_survival.largest_segments(rows, by=name, min_cell=min_cell, min_churned=5)
    compared = [name for name in names if rows[name].nunique() > 1]
    if not compared:
        return pd.DataFrame(columns=REASONS[:-1])
    table = cox.fit(rows, covariates=compared).table
    base = table[table["is_reference"]].set_index("covariate")["level"]
    shown = table[~table["is_reference"] & table["standard_error"].notna()]
    renamed = shown.rename(columns={"users": "level_users"}).assign(reference=shown["covariate"].map(base))
    named = renamed.drop(columns="users_churned").assign(stage=stage, users=life_table.users(rows))
    return named.assign(churned=int(rows["churned"].sum()))[REASONS[:-1]]


def _seed(stage: str, part: pd.DataFrame, reasons: pd.DataFrame, clear: float) -> list[object]:
    own = reasons[reasons["stage"] == stage]
    head = [stage, life_table.users(part), int(part["churned"].sum())]
    nothing = ["", "", "", np.nan, np.nan, np.nan, np.nan]
    if own.empty:
        return [*head, *nothing, "few"]
    found = own[own["p_holm"] < clear].to_dict("records")
    if not found:
        return [*head, *nothing, "unclear"]
    best = max(found, key=lambda row: abs(float(np.log(row["hazard_ratio"]))))
    return [*head, *[best[name] for name in SEEDS[3:-1]], "clear"]
