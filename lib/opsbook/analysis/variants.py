"""Several variants against one control: each with its interval, claims corrected for how many there were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.experiment import METRICS
from opsbook.analysis.incrementality import total
from opsbook.analysis.means import cuped, relative, welch
from opsbook.analysis.moments import PairMoments, count_moments, pair_moments
from opsbook.analysis.multiplicity import holm
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "CUPED, Welch, Holm over the variants"
COLUMNS = ["variant", "users", "control_users", "mean", "control", "difference", "low", "high", "relative",
           "relative_low", "relative_high", "p", "p_holm"]  # fmt: skip
PAIRS = ["better", "worse", "difference", "low", "high", "p", "p_holm"]
POOLED = ["stratum", "treated_users", "control_users", "weight", "difference", "low", "high"]


class Compared(NamedTuple):
    """Variants against the control (table of `against_control`) and against each other (table of `pairs`)."""

    against: pd.DataFrame
    pairs: pd.DataFrame


def against_control(units: Tabular, *, control: str, metric: str, window: str = "net") -> pd.DataFrame:
    """Each variant minus the control in one metric and window, adjusted by the days before.

    units:   table of `experiment.units`; metric: one of experiment.METRICS; window: during, after or net
    returns: one row per variant, best first -- variant, users, control_users, mean, control (adjusted means per user),
             difference with low and high (each at its own 95 %), relative with its interval, p, p_holm (over variants).
             No rows without control or variants.
    raises:  KeyError for a metric that is not in experiment.METRICS

    >>> from opsbook import experiment, tiny, variants
    >>> lots = tiny.assignments
    >>> lots["variant"] = (lots["user"] % 3).map({0: "control", 1: "coupon", 2: "points"})
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7}
    >>> units = experiment.units(lots, tiny.user_days, experiment_id=tiny.CAMPAIGN, control="control", **span)
    >>> told = variants.against_control(units, control="control", metric="active_days")
    >>> print(told[["variant", "users", "mean", "control", "difference", "p_holm"]].round(2).to_string(index=False))
    variant  users  mean  control  difference  p_holm
     coupon     13  9.67     8.44        1.23     1.0
     points     14  9.42     8.37        1.05     1.0
    """
    units = engine_table(units)
    if metric not in METRICS:
        raise KeyError(metric)
    return _table(_moments(units, metric, window), control)


def _moments(units: ir.Table, metric: str, window: str) -> dict[str, PairMoments]:
    pair = {metric: (units[f"{metric}_{window}"], units[f"{metric}_before"])}
    counted = count_moments(units, by="variant", pairs=pair)
    return {str(row["variant"]): pair_moments(row) for row in counted.to_dict("records")}


def _table(arms: Mapping[str, PairMoments], control: str, level: float = 0.95) -> pd.DataFrame:
    if control not in arms:
        return pd.DataFrame(columns=COLUMNS)
    rows = [_row(variant, arm, arms[control], level) for variant, arm in arms.items() if variant != control]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    table["p_holm"] = holm(table["p"])
    return table.sort_values("difference", ascending=False, ignore_index=True)[COLUMNS]


def several(arms: pd.DataFrame, *, control: str) -> bool:
    """Whether the control is there and at least two variants beside it.

    arms: table of `experiment.arms`

    >>> import pandas as pd
    >>> from opsbook import variants
    >>> arms = pd.DataFrame({"variant": ["control", "coupon", "points"], "users": [100, 101, 99]})
    >>> variants.several(arms, control="control"), variants.several(arms.head(2), control="control")
    (True, False)
    """
    names = set(arms["variant"])
    return control in names and len(names) > 2


def compared(
    units: Tabular, arms: pd.DataFrame, *, control: str, metric: str, window: str = "net", level: float = 0.95
) -> Compared:
    """Every variant against the control, and against each other; nothing is counted where there are not several.

    units: table of `experiment.units`; arms: `experiment.arms`; level: of the intervals, wider at looks before the end

    >>> from opsbook import experiment, tiny, variants
    >>> lots = tiny.assignments
    >>> lots["variant"] = (lots["user"] % 3).map({0: "control", 1: "coupon", 2: "points"})
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7}
    >>> units = experiment.units(lots, tiny.user_days, experiment_id=tiny.CAMPAIGN, control="control", **span)
    >>> found = variants.compared(units, lots[["variant"]].drop_duplicates(), control="control", metric="orders")
    >>> print(found.pairs[["better", "worse", "difference", "p_holm"]].round(2).to_string(index=False))
    better  worse  difference  p_holm
    coupon points        0.08    0.87
    """
    units = engine_table(units)
    if not several(arms, control=control):
        return Compared(pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=PAIRS))
    found = _moments(units, metric, window)
    others = {name: arm for name, arm in found.items() if name != control}
    return Compared(_table(found, control, level), pairs(others, level=level))


def pairs(arms: Mapping[str, PairMoments], *, level: float = 0.95) -> pd.DataFrame:
    """Each variant against each other one, adjusted by the days before.

    returns: one row per pair -- better, worse (variants by estimate), difference (per user) with low and high, p,
             p_holm (over all pairs)

    >>> from opsbook import moments, variants
    >>> arms = {"coupon": moments.stacked([9.0, 12.0, 11.0, 8.0]), "points": moments.stacked([4.0, 6.0, 5.0, 5.0])}
    >>> print(variants.pairs(arms)[["better", "worse", "difference", "p_holm"]].round(3).to_string(index=False))
    better  worse  difference  p_holm
    coupon points         5.0   0.007
    """
    rows = [_pair(one, other, arms, level) for one, other in combinations(sorted(arms), 2)]
    table = pd.DataFrame(rows, columns=PAIRS[:-1])
    return table.assign(p_holm=holm(table["p"]))[PAIRS]


def best(compared: Compared, *, level: float = 0.95) -> str:
    """The variant that beats every other one with Holm over all pairs, and the control; empty when none does.

    >>> import pandas as pd
    >>> from opsbook import variants
    >>> against = pd.DataFrame({"variant": ["coupon", "points"], "difference": [3.0, 1.0], "p_holm": [0.001, 0.4]})
    >>> each = pd.DataFrame({"better": ["coupon"], "worse": ["points"], "p_holm": [0.03]})
    >>> close = each.assign(p_holm=0.3)
    >>> variants.best(variants.Compared(against, each)), variants.best(variants.Compared(against, close))
    ('coupon', '')
    """
    (against, each), alpha = compared, 1 - level + 1e-12
    if against.empty:
        return ""
    first = str(against["variant"].iloc[0])
    own = each[each["better"] == first]
    beaten = len(own) == len(against) - 1 and bool((own["p_holm"] <= alpha).all())
    leads = against["p_holm"].iloc[0] <= alpha and against["difference"].iloc[0] > 0
    return first if beaten and leads else ""


def total_of_all(
    units: Tabular, increments: pd.DataFrame, *, metric: str, primary: Sequence[str], control: str, level: float = 0.95
) -> tuple[float, float, float]:
    """Net increment of a metric over the users of all treated arms, to be held against what the whole campaign cost.

    increments: as `incrementality.increments`, of the primary arms; without `primary` these are all arms, and without
    rows nothing may be read
    returns: value, low, high; missing without a comparison

    >>> from opsbook import experiment, incrementality, tiny, variants
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7, "control": "control"}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id=tiny.CAMPAIGN, **span)
    >>> increments = incrementality.increments(experiment.arm_moments(units))
    >>> asked = {"metric": "revenue", "primary": [], "control": "control"}
    >>> print("{:.0f} ({:.0f} to {:.0f})".format(*variants.total_of_all(units, increments, **asked)))
    237 (-65 to 538)
    """
    units = engine_table(units)
    if not len(primary) or increments.empty:
        return total(increments, metric=metric)
    pooled = units.mutate(variant=ibis.ifelse(units.variant == control, control, "\ttreated"))
    arms = _moments(pooled, metric, "net")
    if len(arms) < 2:
        return (float("nan"),) * 3
    own, base = cuped(arms["\ttreated"], arms[control])
    value, low, high = (part * own.n for part in welch(own, base, level=level)[:3])
    return value, low, high


def stratified(
    units: Tabular, users: Tabular, arms: pd.DataFrame, *, by: str, metric: str, level: float = 0.95
) -> pd.DataFrame:
    """`post_stratified` by an attribute of users; nothing is counted without two arms, or where all are one stratum.

    >>> from opsbook import experiment, tiny, variants
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7, "control": "control"}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id=tiny.CAMPAIGN, **span)
    >>> users = tiny.users.assign(came=lambda users: ["early" if user < 25 else "late" for user in users["user"]])
    >>> told = variants.stratified(units, users, tiny.assignments, by="came", metric="revenue").round(2)
    >>> print(told[["stratum", "treated_users", "control_users", "weight", "difference"]].to_string(index=False))
    stratum  treated_users  control_users  weight  difference
      early              8              6    0.47       45.38
       late              6             10    0.53        0.05
        all             14             16    1.00       21.20
    """
    units = engine_table(units)
    people = engine_table(users)
    if len(arms) < 2 or by not in people.columns:
        return pd.DataFrame(columns=POOLED)
    strata = people.select(stratum_user=people.user, stratum=people[by])
    known = units.left_join(strata, units.user == strata.stratum_user)
    table = post_stratified(known, by="stratum", metric=metric, level=level)
    return table if len(table) > 2 else table.iloc[:0]


def pooled(stratified: pd.DataFrame) -> pd.DataFrame:
    """The row over all strata, as one method among others -- method, difference, low, high.

    >>> import pandas as pd
    >>> from opsbook import variants
    >>> table = pd.DataFrame({"stratum": ["ads", "search", "all"], "difference": [20.0, 40.0, 30.0]})
    >>> table = table.assign(low=table["difference"] - 9, high=table["difference"] + 9)
    >>> print(variants.pooled(table).to_string(index=False))
             method  difference  low  high
    post_stratified        30.0 21.0  39.0
    """
    whole = stratified[stratified["stratum"] == "all"]
    return whole.assign(method="post_stratified")[["method", "difference", "low", "high"]]


def post_stratified(units: Tabular, *, by: str, metric: str, window: str = "net", level: float = 0.95) -> pd.DataFrame:
    """The difference within each stratum and, weighted by the strata's users, over all of them.

    units:   table of `experiment.units` joined with a column `by` known before the assignment
    returns: one row per stratum with two users in each arm, the last row `all` -- stratum, treated_users,
             control_users, weight (share of users), difference (per user), low, high
    source:  Miratrix, Sekhon, Yu 2013, equation 3; with CUPED inside the strata

    >>> import pandas as pd
    >>> from opsbook import variants
    >>> units = pd.DataFrame({"arm": ["control", "treated"] * 40, "channel": ["ads"] * 40 + ["search"] * 40})
    >>> units["orders_before"] = [n % 5 for n in range(80)]
    >>> units["orders_net"] = units["orders_before"] + (units["arm"] == "treated") * (units["channel"] == "ads") * 2
    >>> told = variants.post_stratified(units, by="channel", metric="orders")
    >>> print(told[["stratum", "treated_users", "weight", "difference"]].round(2).to_string(index=False))
    stratum  treated_users  weight  difference
        ads             20     0.5         2.0
     search             20     0.5         0.0
        all             40     1.0         1.0
    """
    units = engine_table(units)
    pair = {metric: (units[f"{metric}_{window}"], units[f"{metric}_before"])}
    known = units.mutate(cell=units["arm"] + "\t" + units[by].cast("string").fill_null("unknown"))
    counted = count_moments(known, by="cell", pairs=pair).to_dict("records")
    strata: dict[str, dict[str, PairMoments]] = {}
    for row in counted:
        arm, stratum = str(row["cell"]).split("\t", 1)
        if arm == "other":
            continue
        strata.setdefault(stratum, {})[arm] = pair_moments(row)
    both = {name: arms for name, arms in strata.items() if len(arms) == 2 and min(a.n for a in arms.values()) > 1}
    return _pooled(both, level) if both else pd.DataFrame(columns=POOLED)


def _pair(one: str, other: str, arms: Mapping[str, PairMoments], level: float) -> list[object]:
    difference = welch(*cuped(arms[one], arms[other]), level=level)
    if difference.value < 0:
        return _pair(other, one, arms, level)
    return [one, other, *difference[:3], difference.p]


def _row(variant: str, arm: PairMoments, control: PairMoments, level: float) -> list[object]:
    own, base = cuped(arm, control)
    difference, ratio = welch(own, base, level=level), relative(own, base, level=level)
    return [variant, own.n, base.n, own.mean, base.mean, *difference[:3], *ratio[:3], difference.p]


def _pooled(strata: dict[str, dict[str, PairMoments]], level: float) -> pd.DataFrame:
    users = sum(arm.n for arms in strata.values() for arm in arms.values())
    rows, value, variance = [], 0.0, 0.0
    for stratum, arms in sorted(strata.items()):
        treated, control = cuped(arms["treated"], arms["control"])
        weight, difference = (treated.n + control.n) / users, welch(treated, control, level=level)
        rows.append([stratum, treated.n, control.n, weight, *difference[:3]])
        value += weight * difference.value
        variance += weight**2 * (treated.variance / treated.n + control.variance / control.n)
    half = float(ndtri(0.5 + level / 2) * np.sqrt(variance))
    sizes = [sum(arms[name].n for arms in strata.values()) for name in ("treated", "control")]
    return pd.DataFrame([*rows, ["all", *sizes, 1.0, value, value - half, value + half]], columns=POOLED)
