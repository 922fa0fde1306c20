"""What a walked funnel says: users and rates per step, where most are lost, and how groups of users differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import binomtest

from opsbook.analysis.multiplicity import holm
from opsbook.analysis.proportion import add_share, newcombe
from opsbook.inputs.funnels import Funnel
from opsbook.inputs.periods import Period
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
ALL, OTHER, UNKNOWN = "all", "other", "unknown"
WHOLE = "whole"
SHARES = ["share_of_entry", "share_of_previous"]
METHOD_LOSS = "exact binomial between the two largest losses"
METHOD_GROUPS = "two-sided z test of two shares (pooled), Holm over groups and steps"
KEYS = ["cohort", "period", "start", "end", "group"]
COUNTED = [*KEYS, "incomplete", "step", "event", "optional", "users"]
DIFFERENCE = ["difference", "difference_low", "difference_high"]


def step_names(funnel: Funnel | None) -> list[str]:
    """What each row of the funnel's tables is called: the steps, or how many of them where no order is asked for.

    >>> step_names(Funnel(name="sale", steps=("view", "cart", "buy")))
    ['view', 'cart', 'buy']
    >>> step_names(Funnel(name="setup", steps=("avatar", "follow", "post"), mode="any_order"))
    ['1/3', '2/3', '3/3']
    """
    if funnel is None or funnel.mode != "any_order":
        return list(funnel.names) if funnel else []
    own = len(funnel.steps)
    return [*funnel.names[: len(funnel.names) - own], *(f"{k}/{own}" for k in range(1, own + 1))]


def counts(
    walked: Tabular | None,
    *,
    funnel: Funnel | None,
    periods: Sequence[Period],
    users: Tabular | None = None,
    by: str | None = None,
) -> pd.DataFrame:
    """Users per step, by period of entry and, when a column of users is named, by its values.

    walked:  as from `funnel_modes.walk`; None gives an empty table
    returns: one row per period, group and step -- cohort, period (label), start, end, group (`all`, or the column's
             value; missing ones `unknown`), incomplete (users whose every entry is younger than the window: in no other
             column), step (1, 2, …), event (name of the step), optional, users

    >>> from datetime import date
    >>> walked = pd.DataFrame({"cohort": [0, 0, 1], "user": [1, 2, 1], "complete": [True, True, False],
    ...                        "reached_1": [True, True, False], "reached_2": [True, False, False]})
    >>> months = [Period(date(2026, m, 1), date(2026, m, 28), "month", f"2026-{m:02}") for m in (1, 2)]
    >>> found = counts(walked, funnel=Funnel(name="sale", steps=("view", "buy")), periods=months)
    >>> print(found[["period", "step", "event", "users", "incomplete"]].to_string(index=False))
     period  step event  users  incomplete
    2026-01     1  view      2           0
    2026-01     2   buy      1           0
    2026-02     1  view      0           1
    2026-02     2   buy      0           1
    """
    names = step_names(funnel)
    if walked is None or funnel is None:
        return pd.DataFrame(columns=COUNTED)
    grouped = _with_group(engine_table(walked), users, by)
    sums = {f"users_{k}": _[f"reached_{k}"].sum().cast("int64") for k in range(1, len(names) + 1)}
    counted = grouped.group_by("cohort", "group").agg(incomplete=(~_.complete).sum().cast("int64"), **sums)
    wide = counted.order_by("cohort", "group").to_pandas()
    if by is None:
        every = pd.DataFrame({"cohort": range(len(periods)), "group": ALL})
        wide = (
            every.merge(wide, how="left", on=["cohort", "group"])
            .fillna(0)
            .astype(dict.fromkeys(["incomplete", *sums], "int64"))
        )
    return _long(_dated(wide, periods), names, funnel.optional)


def shown(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last period with an entry old enough to be counted; of the last period when there is none.

    >>> table = pd.DataFrame({"cohort": [0, 0, 1, 1], "step": [1, 2, 1, 2], "users": [100, 30, 0, 0],
    ...                       "incomplete": [0, 0, 8, 8]})
    >>> print(shown(table).to_string(index=False))
     cohort  step  users  incomplete
          0     1    100           0
          0     2     30           0
    """
    if counts.empty:
        return counts
    entered = counts[(counts["step"] == 1) & (counts["users"] > 0)]
    cohort = (entered if len(entered) else counts)["cohort"].max()
    return counts[counts["cohort"] == cohort].reset_index(drop=True)


def rates(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts with the share of the users who entered and of those at the step before, and the users lost between.

    returns: one row as in counts -- period, group, step, event, optional, users, lost (users lost since the last
             step that may not be skipped; 0 where the step itself may be skipped), share_of_entry, share_of_previous
             (of the last step that may not be skipped) with Wilson _low and _high, incomplete

    >>> days = {"start": pd.Timestamp("2026-01-01"), "end": pd.Timestamp("2026-01-31")}
    >>> sale = pd.DataFrame({"cohort": 0, "period": "2026-01", **days, "group": "all", "incomplete": 0,
    ...                      "step": [1, 2, 3], "event": ["view", "coupon", "buy"],
    ...                      "optional": [False, True, False], "users": [100, 40, 30]})
    >>> columns = ["event", "users", "lost", "previous", "share_of_entry", "share_of_previous"]
    >>> print(rates(sale)[columns].round(2).to_string(index=False))
     event  users  lost  previous  share_of_entry  share_of_previous
      view    100     0       100             1.0                1.0
    coupon     40     0       100             0.4                0.4
       buy     30    70       100             0.3                0.3
    """
    table = counts.astype({"optional": "bool"}).reset_index(drop=True)
    keys = [table[name] for name in ("cohort", "group")]
    required = table["users"].where(~table["optional"]).astype("float64")
    previous = required.groupby(keys).transform(lambda users: users.ffill().shift())
    previous = previous.fillna(table["users"]).astype("int64")
    entered = table["users"].groupby(keys).transform("first").astype("int64")
    lost = (previous - table["users"]).where(~table["optional"], 0).astype("int64")
    table = table.assign(lost=lost, entered=entered, previous=previous)
    for name, base in zip(SHARES, ("entered", "previous"), strict=True):
        table = add_share(table, of="users", out_of=base, name=name)
    intervals = [f"{name}{side}" for name in SHARES for side in ("", "_low", "_high")]
    return table[[*KEYS, "step", "event", "optional", "users", "lost", "previous", *intervals, "incomplete"]]


def largest_loss(rates: pd.DataFrame) -> pd.DataFrame:
    """The step before which most users are lost, beside the runner-up.

    rates:   of one period and group
    returns: at most one row -- step, event, previous (users before it), lost, share_lost with Wilson _low and _high,
             other_event, other_lost (the second largest loss), p_value (that both are equally large), clear (p <= 0.05)
    source:  every user is lost at one step at most, so the two losses split at random if equal: exact binomial test.
             Testing the largest against the second keeps the level though both were picked (Gutmann & Maymin 1987)

    >>> steps = pd.DataFrame({"step": [1, 2, 3], "event": ["view", "cart", "buy"], "optional": False,
    ...                       "users": [100, 60, 30], "previous": [100, 100, 60], "lost": [0, 40, 30]})
    >>> columns = ["event", "lost", "share_lost", "other_event", "other_lost", "p_value", "clear"]
    >>> print(largest_loss(steps)[columns].round(2).to_string(index=False))
    event  lost  share_lost other_event  other_lost  p_value  clear
     cart    40         0.4         buy          30     0.28  False
    """
    steps = rates[(rates["step"] > 1) & ~rates["optional"].astype(bool)]
    ordered = steps.sort_values(["lost", "step"], ascending=[False, True], kind="stable")
    if ordered.empty or not ordered["lost"].iloc[0]:
        return pd.DataFrame(columns=["step", "event", "previous", "lost", "share_lost", "clear"])
    first, second = ordered.iloc[0], ordered.iloc[1] if len(ordered) > 1 else None
    table = add_share(ordered.iloc[:1], of="lost", out_of="previous", name="share_lost")
    found = table[["step", "event", "previous", "lost", "share_lost", "share_lost_low", "share_lost_high"]]
    other = int(second["lost"]) if second is not None else 0
    p = binomtest(int(first["lost"]), int(first["lost"]) + other).pvalue if second is not None else np.nan
    named = second["event"] if second is not None else ""
    found = found.assign(other_event=named, other_lost=other, p_value=p, clear=bool(p <= 0.05))
    return found.reset_index(drop=True)


def group_differences(counts: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """How the groups' rates differ from those of all other users, over the whole funnel and at each step.

    counts:  of one period, by group; groups of fewer than min_cell entered users are pooled as `other`, and the
             smallest shown one with them if the pool alone would be too small
    returns: one row per group and step (0 = the whole funnel), most users first -- group, entered (users), step, event,
             previous (users before the step), users, share with Wilson _low and _high, rest_previous, rest_share (of
             everybody else), difference with Newcombe _low and _high, p_value, p_adjusted (Holm over all rows)

    >>> days = {"start": pd.Timestamp("2026-01-01"), "end": pd.Timestamp("2026-01-31")}
    >>> sale = pd.DataFrame({"cohort": 0, "period": "2026-01", **days, "group": ["ads", "ads", "search", "search"],
    ...                      "incomplete": 0, "step": [1, 2, 1, 2], "event": ["view", "buy", "view", "buy"],
    ...                      "optional": False, "users": [200, 40, 100, 30]})
    >>> columns = ["group", "event", "previous", "users", "share", "rest_share", "difference", "p_adjusted"]
    >>> print(group_differences(sale, min_cell=10)[columns].round(3).to_string(index=False))
     group event  previous  users  share  rest_share  difference  p_adjusted
       ads whole       200     40    0.2         0.3        -0.1       0.214
       ads   buy       200     40    0.2         0.3        -0.1       0.214
    search whole       100     30    0.3         0.2         0.1       0.214
    search   buy       100     30    0.3         0.2         0.1       0.214
    """
    rows = rates(_pooled(counts, min_cell))
    moves = pd.concat([_whole(rows), rows[(rows["step"] > 1) & ~rows["optional"]]], ignore_index=True)
    if moves["group"].nunique() < 2:
        return _compared(moves.iloc[:0].assign(entered=0))
    entered = rows[rows["step"] == 1].set_index("group")["users"]
    moves = moves.assign(entered=moves["group"].map(entered).astype("int64"))
    return _compared(moves.sort_values(["entered", "group", "step"], ascending=[False, True, True], kind="stable"))


def broken_down(
    walked: Tabular | None, users: Tabular, *, funnel: Funnel | None, periods: Sequence[Period], min_cell: int
) -> pd.DataFrame:
    """`group_differences` by the first of the funnel's `by` columns: over all periods where users enter only once.

    A user signs up once, so the periods of a funnel that begins with the sign-up may be added up; who enters anew in
    every period would count several times, so other funnels are read in the one period that `shown` takes.
    returns: as group_differences; no rows when users lack the column or have fewer than two groups

    >>> from datetime import date
    >>> walked = pd.DataFrame({"cohort": 0, "user": [1, 2, 3], "complete": True, "reached_1": True,
    ...                        "reached_2": [True, False, False]})
    >>> users = pd.DataFrame({"user": [1, 2, 3], "channel": ["ads", "ads", None]})
    >>> month = Period(date(2026, 1, 1), date(2026, 1, 31), "month", "2026-01")
    >>> sale = Funnel(name="sale", steps=("view", "buy"), by=("channel",))
    >>> found = broken_down(walked, users, funnel=sale, periods=[month], min_cell=1)
    >>> print(found[["group", "event", "previous", "users", "share", "rest_share"]].to_string(index=False))
      group event  previous  users  share  rest_share
        ads whole         2      1    0.5         0.0
        ads   buy         2      1    0.5         0.0
    unknown whole         1      0    0.0         0.5
    unknown   buy         1      0    0.0         0.5
    """
    table = engine_table(users)
    if walked is None or funnel is None or not funnel.by or funnel.by[0] not in table.columns:
        return group_differences(pd.DataFrame(columns=COUNTED), min_cell=min_cell)
    counted = counts(walked, funnel=funnel, periods=periods, users=table, by=funnel.by[0])
    if funnel.entry == "event":
        return group_differences(shown(counted), min_cell=min_cell)
    keys = ["group", "step", "event", "optional"]
    sums = counted.groupby(keys, sort=True)[["users", "incomplete"]].sum().reset_index()
    span = {"start": counted["start"].min(), "end": counted["end"].max()}
    return group_differences(sums.assign(cohort=0, period=ALL, **span)[COUNTED], min_cell=min_cell)


def _with_group(walked: ir.Table, users: Tabular | None, by: str | None) -> ir.Table:
    if by is None:
        return walked.mutate(group=ibis.literal(ALL))
    people = engine_table(users)
    named = people.select("user", group=people[by].cast("string").fill_null(UNKNOWN))
    joined = walked.left_join(named, "user")
    return joined.mutate(group=joined.group.fill_null(UNKNOWN)).drop("user_right")


def _dated(wide: pd.DataFrame, periods: Sequence[Period]) -> pd.DataFrame:
    spans = pd.DataFrame(
        {
            "cohort": range(len(periods)),
            "period": [period.label for period in periods],
            "start": pd.to_datetime([period.start for period in periods]),
            "end": pd.to_datetime([period.end for period in periods]),
        }
    )
    return wide.merge(spans, on="cohort", how="left")


def _long(wide: pd.DataFrame, names: Sequence[str], optional: Sequence[bool]) -> pd.DataFrame:
    parts = [
        wide.assign(step=k, event=name, optional=may_skip, users=wide[f"users_{k}"])
        for k, (name, may_skip) in enumerate(zip(names, optional, strict=True), 1)
    ]
    return pd.concat(parts)[COUNTED].sort_values(["cohort", "group", "step"], ignore_index=True)


def _pooled(counts: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The counts with small groups as one, so that none is shown and none can be worked out."""
    entered = counts[counts["step"] == 1].set_index("group")["users"].astype("int64")
    ordered = sorted(entered.index, key=lambda name: (entered[name], name))
    small = [name for name in ordered if entered[name] < min_cell]
    while small and len(small) < len(ordered) and entered[small].sum() < min_cell:
        small = ordered[: len(small) + 1]
    named = counts["group"].where(~counts["group"].isin(small), OTHER)
    keys = [name for name in COUNTED if name not in ("users", "incomplete")]
    pooled = counts.assign(group=named).groupby(keys, sort=False)[["users", "incomplete"]].sum().reset_index()
    whole = pooled.groupby("group")["users"].transform("max")
    return pooled[whole >= min_cell][COUNTED].reset_index(drop=True)


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    """From the entry to the last step, one row per group."""
    last = rows[rows["step"] == rows["step"].max()]
    entered = rows[rows["step"] == 1].set_index("group")["users"]
    return last.assign(step=0, event=WHOLE, previous=last["group"].map(entered).astype("int64"))


def _compared(moves: pd.DataFrame) -> pd.DataFrame:
    table = add_share(moves, of="users", out_of="previous", name="share")
    rest = moves.groupby("step")[["users", "previous"]].transform("sum") - moves[["users", "previous"]]
    gap: Any = newcombe(moves["users"], moves["previous"], rest["users"], rest["previous"])
    p = _p_values(moves["users"], moves["previous"], rest["users"], rest["previous"])
    table = table.assign(
        rest_previous=rest["previous"], rest_share=rest["users"] / rest["previous"].where(rest["previous"] > 0)
    )
    table = table.assign(**dict(zip(DIFFERENCE, gap[:3], strict=True)), p_value=p, p_adjusted=holm(p))
    shares = ["share", "share_low", "share_high", "rest_previous", "rest_share", *DIFFERENCE, "p_value", "p_adjusted"]
    return table[["group", "entered", "step", "event", "previous", "users", *shares]].reset_index(drop=True)


def _p_values(*counts: pd.Series) -> np.ndarray:
    """Two-sided z test of two shares; missing where a side is empty, 1 where both shares are 0 or 1."""
    k, n, base_k, base_n = (part.to_numpy(dtype=float) for part in counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (k + base_k) / (n + base_n)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / base_n))
        z = np.where(spread > 0, (k / n - base_k / base_n) / spread, 0.0)
    return np.where((n > 0) & (base_n > 0), 2 * ndtr(-np.abs(z)), np.nan)
