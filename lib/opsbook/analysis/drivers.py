"""What goes with taking a funnel's next step: who the users are, and what else they did before they could take it.

A screen, not a proof: every attribute value and every event is tried, and the number tried is in the correction.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.stats import norm

from opsbook.analysis import mantel_haenszel
from opsbook.analysis.multiplicity import benjamini_hochberg
from opsbook.analysis.proportion import newcombe, wilson
from opsbook.inputs.funnels import Funnel
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
HOUR_SECONDS = 3600
COLUMNS = [
    "kind", "name", "value", "group_users", "converted", "group_share", "group_share_low", "group_share_high",
    "rest_converted", "rest_converted_share", "difference", "difference_low", "difference_high", "p_value",
    "p_adjusted", "compared",
]  # fmt: skip


def drivers(
    walked: Tabular | None,
    steps: Tabular,
    users: Tabular,
    *,
    funnel: Funnel | None,
    step: int,
    attributes: Sequence[str],
    landmark_hours: int = 24,
    min_cell: int = 10,
) -> pd.DataFrame:
    """Every attribute value and early event, and how much more often its users took the step than the others.

    An event counts when it was done within `landmark_hours` of the step before, and only users who had not taken the
    step by then are compared: what is done after converting explains nothing, and quick converters had no time for it.

    walked:     funnel_modes.walk: one row per period and user; users of all periods, each with the first one in which
                the step before was reached. None, or a funnel without order of steps, gives an empty table
    steps:      one row per event -- user, at, event
    users:      one row per user -- user, the attributes, and signed_up_at where the sign-up is the entry
    step:       position of the step taken or not (2, 3, …); the users are those who reached the step before it
    returns:    one row per attribute value or event of at least `min_cell` users (and as many others), largest
                differences first -- kind (attribute, event), name, value, group_users, converted (users),
                group_share (0-1, Wilson _low, _high), rest_converted, rest_converted_share, difference (0-1) with
                _low, _high (Newcombe), p_value (score test), p_adjusted (Benjamini-Hochberg), compared
    raises:     ValueError when the step is not one of the funnel's or is the first

    >>> from opsbook import drivers, funnel_modes, tiny
    >>> from opsbook.inputs.funnels import Funnel
    >>> funnel = Funnel.model_validate({"name": "buying", "steps": ["add_to_cart", "order"], "window_days": 14})
    >>> when = {"periods": [tiny.period("2026-02")], "as_of": tiny.AS_OF}
    >>> walked = funnel_modes.walk(tiny.steps, tiny.users, funnel=funnel, **when)
    >>> asked = {"funnel": funnel, "step": 2, "attributes": ["channel"], "min_cell": 5}
    >>> found = drivers.drivers(walked, tiny.steps, tiny.users, **asked)
    >>> columns = ["kind", "value", "group_users", "group_share", "rest_converted_share", "p_adjusted"]
    >>> print(found[columns].round(2).to_string(index=False))
         kind  value  group_users  group_share  rest_converted_share  p_adjusted
        event   open            8         1.00                  0.52        0.03
        event   read            8         1.00                  0.52        0.03
    attribute    ads            6         0.50                  0.79        0.16
    attribute search           28         0.79                  0.50        0.16
    """
    if walked is None or funnel is None or funnel.mode == "any_order":
        return pd.DataFrame(columns=COLUMNS)
    if not 2 <= step <= len(funnel.names):
        raise ValueError(f"step must lie between 2 and {len(funnel.names)}, found {step}")
    walks = engine_table(walked).filter(_.complete & _[f"reached_{step - 1}"])
    walks = walks.filter(walks.cohort == walks.cohort.min().over(group_by="user")).cache()
    by_attribute = _by_attribute(walks, engine_table(users), step, attributes)
    by_event = _by_event(walks, engine_table(steps), engine_table(users), funnel, step, landmark_hours)
    counted = pd.concat([by_attribute, by_event], ignore_index=True)
    fair = (counted["group_users"] >= min_cell) & (counted["all_users"] - counted["group_users"] >= min_cell)
    return _compared(counted[fair].reset_index(drop=True))


def _by_attribute(walks: ir.Table, users: ir.Table, step: int, attributes: Sequence[str]) -> pd.DataFrame:
    """One row per attribute and value -- group_users, converted, all_users, all_converted."""
    joined = walks.select("user", hit=_[f"reached_{step}"]).join(users.select("user", *attributes), "user")
    parts = [
        joined.group_by(name=ibis.literal(name), value=joined[name].cast("string").fill_null("unknown"))
        .agg(group_users=_.count(), converted=_.hit.sum())
        .select("name", "value", "group_users", "converted")
        for name in attributes
    ]
    if not parts:
        return _with_totals(pd.DataFrame(columns=["name", "value", "group_users", "converted"]), "attribute", 0, 0)
    counted = (ibis.union(*parts) if len(parts) > 1 else parts[0]).order_by("name", "value").to_pandas()
    total = joined.aggregate(users=_.count(), hits=_.hit.sum()).to_pandas().fillna(0).iloc[0]
    return _with_totals(counted, "attribute", int(total["users"]), int(total["hits"]))


def _by_event(
    walks: ir.Table, steps: ir.Table, users: ir.Table, funnel: Funnel, step: int, landmark_hours: int
) -> pd.DataFrame:
    """The same per event done in the landmark window, among users who had not taken the step by its end."""
    at_risk = _at_landmark(walks, _entries(walks, steps, users, funnel), step, landmark_hours, funnel.window_days)
    later = {event for position in range(step, len(funnel.names) + 1) for event in funnel.events(position)}
    done = steps.select("user", at=steps.at.cast("timestamp(6)"), event=steps.event.cast("string"))
    joined = done.join(at_risk, "user").filter((_.at >= _.opens) & (_.at < _.closes) & ~_.event.isin(sorted(later)))
    once = joined.distinct(on=["user", "event"], keep="first")
    counted = once.group_by(value=_.event).agg(group_users=_.count(), converted=_.hit.sum()).order_by("value")
    total = at_risk.aggregate(users=_.count(), hits=_.hit.sum()).to_pandas().fillna(0).iloc[0]
    table = counted.to_pandas().assign(name="event")
    return _with_totals(table, "event", int(total["users"]), int(total["hits"]))


def _entries(walks: ir.Table, steps: ir.Table, users: ir.Table, funnel: Funnel) -> ir.Table:
    """One row per user -- user, entered (the instant of the first entry of the walk)."""
    if funnel.entry == "signup":
        return users.select("user", entered=users.signed_up_at.cast("timestamp(6)"))
    first = steps.filter(steps.event.cast("string").isin(funnel.events(1)))
    first = first.select("user", at=first.at.cast("timestamp(6)"), day=first.day.cast("date"))
    joined = first.join(walks.select("user", "entry_day"), "user").filter(_.day >= _.entry_day.cast("date"))
    return joined.group_by("user").agg(entered=_.at.min())


def _at_landmark(walks: ir.Table, entries: ir.Table, step: int, landmark_hours: int, window_days: int) -> ir.Table:
    """One row per user who had not taken the step by the landmark -- user, opens, closes (instants), hit."""
    before, taken = walks[f"hours_{step - 1}"], walks[f"hours_{step}"]
    closes = before + landmark_hours
    waiting = walks.filter(before.notnull() & (taken.isnull() | (taken >= closes)) & (closes < window_days * 24))
    timed = waiting.select("user", hit=taken.notnull(), hours=before).join(entries, "user")
    seconds = (timed.hours * HOUR_SECONDS).cast("int64")
    opens = timed.entered + seconds.as_interval("s")
    return timed.select("user", "hit", opens=opens, closes=opens + ibis.interval(hours=landmark_hours)).cache()


def _with_totals(table: pd.DataFrame, kind: str, users: int, hits: int) -> pd.DataFrame:
    counts = ["group_users", "converted"]
    return table.assign(kind=kind, all_users=users, all_converted=hits).astype(dict.fromkeys(counts, "int64"))


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Each group against all others, with the correction for the number tried."""
    n, hits = table["group_users"].to_numpy(), table["converted"].to_numpy()
    rest, rest_hits = table["all_users"].to_numpy() - n, table["all_converted"].to_numpy() - hits
    share, difference = wilson(hits, n), newcombe(hits, n, rest_hits, rest)
    z = mantel_haenszel.score(*(part[:, None] for part in (hits, n, rest_hits, rest))).z
    p = np.where(np.isfinite(z), 2 * norm.sf(np.abs(np.nan_to_num(z))), 1.0)
    table = table.assign(group_share=share.value, group_share_low=share.low, group_share_high=share.high)
    table = table.assign(rest_converted=rest_hits, rest_converted_share=wilson(rest_hits, rest).value)
    table = table.assign(difference=difference.value, difference_low=difference.low, difference_high=difference.high)
    table = table.assign(p_value=p, p_adjusted=benjamini_hochberg(p), compared=len(table))
    order = table.assign(size=-table["difference"].abs().round(12)).sort_values(["size", "kind", "name", "value"])
    return table.loc[order.index, COLUMNS].reset_index(drop=True)
