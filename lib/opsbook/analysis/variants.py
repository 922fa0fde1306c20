"""Several variants against one control: each with its interval, claims corrected for how many there were."""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.experiment import METRICS
from opsbook.analysis.means import cuped, relative, welch
from opsbook.analysis.moments import PairMoments, count_moments, pair_moments
from opsbook.analysis.multiplicity import holm

METHOD = "CUPED, Welch, Holm over the variants"
COLUMNS = ["variant", "users", "control_users", "mean", "control", "difference", "low", "high", "relative",
           "relative_low", "relative_high", "p", "p_holm"]  # fmt: skip
POOLED = ["stratum", "treated_users", "control_users", "weight", "difference", "low", "high"]


def against_control(units: ir.Table, *, control: str, metric: str, window: str = "net") -> pd.DataFrame:
    """Each variant minus the control in one metric and window, adjusted by the days before.

    units:   table of `experiment.units`; metric: one of experiment.METRICS; window: during, after or net
    returns: one row per variant, best first -- variant, users, control_users, mean, control (adjusted means per user),
             difference with low and high (each at its own 95 %), relative with its interval, p, p_holm (over variants).
             No rows without control or variants.
    raises:  KeyError for a metric that is not in experiment.METRICS
    """
    if metric not in METRICS:
        raise KeyError(metric)
    pair = {metric: (units[f"{metric}_{window}"], units[f"{metric}_before"])}
    arms = {
        row["variant"]: pair_moments(row) for row in count_moments(units, by="variant", pairs=pair).to_dict("records")
    }
    if control not in arms:
        return pd.DataFrame(columns=COLUMNS)
    rows = [_row(variant, arm, arms[control]) for variant, arm in arms.items() if variant != control]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    table["p_holm"] = holm(table["p"])
    return table.sort_values("difference", ascending=False, ignore_index=True)[COLUMNS]


def post_stratified(units: ir.Table, *, by: str, metric: str, window: str = "net", level: float = 0.95) -> pd.DataFrame:
    """The difference within each stratum and, weighted by the strata's users, over all of them.

    units:   table of `experiment.units` joined with a column `by` known before the assignment
    returns: one row per stratum with two users in each arm, the last row `all` -- stratum, treated_users,
             control_users, weight (share of users), difference (per user), low, high
    source:  Miratrix, Sekhon, Yu 2013, equation 3; with CUPED inside the strata
    """
    pair = {metric: (units[f"{metric}_{window}"], units[f"{metric}_before"])}
    known = units.mutate(cell=units["arm"] + "\t" + units[by].cast("string").fill_null("unknown"))
    counted = count_moments(known, by="cell", pairs=pair).to_dict("records")
    strata: dict[str, dict[str, PairMoments]] = {}
    for row in counted:
        arm, stratum = str(row["cell"]).split("\t", 1)
        strata.setdefault(stratum, {})[arm] = pair_moments(row)
    both = {name: arms for name, arms in strata.items() if len(arms) == 2 and min(a.n for a in arms.values()) > 1}
    return _pooled(both, level) if both else pd.DataFrame(columns=POOLED)


def _row(variant: str, arm: PairMoments, control: PairMoments) -> list[object]:
    own, base = cuped(arm, control)
    difference, ratio = welch(own, base), relative(own, base)
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
