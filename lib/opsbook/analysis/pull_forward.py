"""The pull-forward ledger: from everything sold with the campaign to what it added, in lines that add up exactly."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.experiment import anybody
from opsbook.analysis.means import cuped, welch
from opsbook.analysis.moments import PairMoments, count_moments, pair_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "gross counted; the other lines CUPED, Welch with one pre-period, so that they add up"
LINES = ("gross", "baseline", "other", "later", "net")
COLUMNS = ["line", "total", "low", "high", "treated_users", "control_users"]
PARTS = ("own", "other", "later", "net")
Arms = dict[tuple[str, str], PairMoments]
Line = tuple[float, float, float]


def ledger(units: Tabular, orders: Tabular, *, metric: str, campaign_id: str, start: date, end: date) -> pd.DataFrame:
    """Gross - baseline - orders outside the campaign - later dip = net, over all treated users.

    Where orders carry the campaign (its coupon, its category), gross is what treated users bought with it, baseline
    what the control arm bought with it, other the difference in everything else they bought while it ran: below zero
    when the campaign took from other orders. Where none does, gross is all they bought, baseline all the control arm
    bought, and other is missing, being inside.
    units:   `experiment.units`; metric: orders or revenue
    returns: the rows gross, baseline (a deduction), other, later, net -- line, total (orders or currency) with low and
             high (missing where counted: gross, and the baseline of a control arm that bought nothing with it),
             treated_users, control_users; none without both arms
    source:  every line is adjusted by the same days before, so the adjustment of net is the sum of the others'

    >>> from opsbook import tiny
    >>> from opsbook.analysis.experiment import units
    >>> spring = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END}
    >>> asked = {"experiment_id": "spring", "control": "control", "after_days": 28}
    >>> placed = units(tiny.assignments, tiny.user_days, **asked, **spring)
    >>> found = ledger(placed, tiny.orders, metric="orders", campaign_id="spring", **spring)
    >>> print(found[["line", "total", "low", "high"]].round(1).to_string(index=False))
        line  total  low  high
       gross    8.0  NaN   NaN
    baseline    0.0  NaN   NaN
       other    8.0 -2.0  18.0
       later    8.6 -0.6  17.8
         net   24.6 10.0  39.1
    """
    assigned = engine_table(units)
    if not anybody(assigned):
        return pd.DataFrame(columns=COLUMNS)
    wide = _parts(assigned, orders, metric, campaign_id, start, end)
    before = wide.before
    counted = count_moments(wide, by="arm", pairs={name: (wide[name], before) for name in (*PARTS, "during")})
    arms = {(row["name"], row["arm"]): pair_moments(row) for row in counted.to_dict("records")}
    if {arm for _, arm in arms} != {"treated", "control"}:
        return pd.DataFrame(columns=COLUMNS)
    users = arms["net", "treated"].n, arms["net", "control"].n
    lines = dict(zip(LINES, _lines(arms), strict=True))
    return pd.DataFrame([[line, *lines[line], *users] for line in LINES], columns=COLUMNS)


_UNKNOWN = (float("nan"), float("nan"), float("nan"))


def _lines(arms: Arms) -> list[Line]:
    """The five lines in their order; whichever way gross is counted, the first four add up to the last."""
    during, later, net = (_gained(arms, name) for name in ("during", "later", "net"))
    marked, in_control = arms["own", "treated"].mean > 0, arms["own", "control"].mean > 0
    first = arms["own" if marked else "during", "treated"]
    gross = first.mean * first.n
    if not marked:
        return [(gross, *_UNKNOWN[:2]), _less(during, gross), _UNKNOWN, later, net]
    if not in_control:
        return [(gross, *_UNKNOWN[:2]), (0.0, *_UNKNOWN[:2]), _less(during, gross), later, net]
    return [(gross, *_UNKNOWN[:2]), _less(_gained(arms, "own"), gross), _gained(arms, "other"), later, net]


def _less(gained: Line, gross: float) -> Line:
    return gained[0] - gross, gained[1] - gross, gained[2] - gross


def _parts(units: ir.Table, orders: Tabular, metric: str, campaign_id: str, start: date, end: date) -> ir.Table:
    """One row per assigned user -- arm, before, during, own (with the campaign), other, later, net."""
    bought = engine_table(orders)
    day = bought.day.cast("date")
    inside = bought.filter((day >= start) & (day <= end) & (bought.campaign_id.cast("string") == campaign_id))
    value = inside.is_purchase.cast("int64") if metric == "orders" else inside.net.cast("float64").round(4)
    marked = inside.mutate(value=value).group_by("user").agg(own=_.value.sum())
    wide = units.left_join(marked, "user").drop("user_right").mutate(own=_.own.fill_null(0))
    during = wide[f"{metric}_during"]
    return wide.select(
        "arm",
        "own",
        during=during,
        other=during - wide.own,
        later=wide[f"{metric}_after"],
        net=wide[f"{metric}_net"],
        before=wide[f"{metric}_before"],
    )


def _gained(arms: Arms, name: str) -> Line:
    """Treated minus control over all treated users, with its interval."""
    treated, control = cuped(arms[name, "treated"], arms[name, "control"])
    found = welch(treated, control)
    return found.value * treated.n, found.low * treated.n, found.high * treated.n
