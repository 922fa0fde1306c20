"""For whom did it work: the randomised effect in groups that were fixed before the start, seen together.

Effects are ratios of treated to control, worked on as logarithms: a campaign that sells a tenth more to everybody has
one effect, although heavy buyers gain more orders by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis.experiment import SHARES, anybody
from opsbook.analysis.means import cuped, relative
from opsbook.analysis.moments import PairMoments, count_moments, pair_moments
from opsbook.analysis.multiplicity import compared, holm
from opsbook.analysis.pooling import pooled, shrunken
from opsbook.analysis.suppression import hidden
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "ratio of means with CUPED per group, delta method on logarithms; empirical Bayes shrinkage; Holm"
SEGMENT, INSIDE, OUTSIDE = "segment:", "in", "out"
NEW_DAYS = 28
MOST_GROUPS = 8
KEYS = ["dimension", "group"]
COLUMNS = [*KEYS, "treated_users", "control_users", "value", "low", "high", "suppressed"]
SHOWN = [*KEYS, "treated_users", "control_users", "relative", "relative_low", "relative_high", "weight", "shrunk",
         "shrunk_low", "shrunk_high", "p", "p_holm", "compared", "suppressed"]  # fmt: skip
SPLITS = ["dimension", "groups", "p", "p_holm", "compared"]


def effects(
    units: Tabular,
    users: Tabular,
    people: Tabular,
    *,
    metric: str,
    segments: Sequence[str],
    attributes: Sequence[str],
    start: date,
    min_cell: int,
) -> pd.DataFrame:
    """The effect over the campaign and the days after it in every group, as the logarithm of treated / control.

    units:   `experiment.units`; people: `segments.people` as of the day before the start
    returns: one row per group of a dimension -- dimension (segment:<name>, channel, life, an attribute), group (in or
             out of a segment; new = life began in the 28 days before the start or later, else long), treated_users,
             control_users, value with low and high (log; missing where suppressed or an arm's mean is not above
             zero), suppressed (an arm has fewer than min_cell users, or subtraction would tell one that has)
    source:  CUPED within the group, delta method; a dimension's eight largest groups, the others are left out

    >>> from opsbook import effect_groups, experiment, tiny
    >>> trial = {"experiment_id": "spring", "control": "control", "after_days": 14}
    >>> trial |= {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, **trial)
    >>> asked = {"metric": "orders", "segments": [], "attributes": [], "start": tiny.CAMPAIGN_START, "min_cell": 2}
    >>> found = effect_groups.effects(units, tiny.users, tiny.users[["user"]], **asked)
    >>> print(found.drop(columns="suppressed").round(2).to_string(index=False))
    dimension group  treated_users  control_users  value  low  high
         life  long           10.0            7.0   1.15 0.27  2.03
         life   new            4.0            9.0   0.74 0.07  1.41
    """
    units, people = engine_table(units), engine_table(people)
    rows: list[list[object]] = []
    if anybody(units):
        facts = _facts(units, users, people, metric, segments, attributes, start)
        counted = _counted(facts, [name for name in facts.columns if name not in ("arm", "outcome", "before")])
        parts = counted.groupby("dimension", sort=False)
        rows = [row for name, part in parts for row in _dimension(str(name), part, metric, min_cell)]
    numbers = dict.fromkeys(COLUMNS[2:-1], "float64") | {"suppressed": "bool"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(numbers)


def shown(effects: pd.DataFrame) -> pd.DataFrame:
    """The groups a reader sees, each with what all of them say of it; those outside a segment are only for the test.

    effects: `effects`
    returns: one row per group -- dimension, group, treated_users, control_users, relative (treated / control - 1) with
             interval, weight (0-1, of the group's own data), shrunk with interval (towards the other groups of the
             dimension, segments being one; with fewer than four the group's own), p and p_holm (against no effect, over
             all groups), compared (groups), suppressed

    >>> import pandas as pd
    >>> from opsbook import effect_groups
    >>> groups = {"dimension": "channel", "group": ["ads", "mail", "push", "search"]}
    >>> groups |= {"treated_users": 500.0, "control_users": 500.0}
    >>> groups |= {"value": [0.30, 0.02, 0.05, 0.04], "low": [0.10, -0.1, -0.1, -0.1], "high": [0.50, 0.14, 0.20, 0.18]}
    >>> told = effect_groups.shown(pd.DataFrame(groups | {"suppressed": False}))
    >>> print(told[["group", "relative", "shrunk", "p", "p_holm", "compared"]].round(3).to_string(index=False))
     group  relative  shrunk     p  p_holm  compared
       ads     0.350   0.298 0.003   0.013         4
      mail     0.020   0.027 0.744   1.000         4
      push     0.051   0.056 0.514   1.000         4
    search     0.041   0.047 0.575   1.000         4
    """
    rows = effects[effects["group"] != OUTSIDE].reset_index(drop=True)
    family = rows["dimension"].where(~rows["dimension"].str.startswith(SEGMENT), SEGMENT)
    parts = [_shrunk(part) for _, part in rows.groupby(family, sort=False)]
    known = pd.concat(parts, ignore_index=True) if parts else rows.assign(**dict.fromkeys(_SHRUNK, np.nan))
    ratios = {"relative": "value", "relative_low": "low", "relative_high": "high"}
    ratios |= {name: name for name in ("shrunk", "shrunk_low", "shrunk_high")}
    told = known.assign(**{name: np.expm1(known[column].astype(float)) for name, column in ratios.items()})
    return told.assign(p_holm=holm(told["p"]), compared=compared(told["p"]))[SHOWN]


def splits(effects: pd.DataFrame) -> pd.DataFrame:
    """Whether the groups of a dimension differ at all: one test per way of splitting, corrected for their number.

    returns: one row per dimension with at least two known groups -- dimension, groups, p (chance of so much spread if
             all were equal), p_holm, compared (dimensions)
    source:  Cochran's Q on the logarithms of the ratios; for a segment, those inside against those outside

    >>> import pandas as pd
    >>> from opsbook import effect_groups
    >>> groups = {"dimension": "channel", "group": ["ads", "mail"], "value": [0.30, 0.02]}
    >>> table = pd.DataFrame(groups | {"low": [0.2, -0.1], "high": [0.4, 0.14]})
    >>> print(effect_groups.splits(table).round(4).to_string(index=False))
    dimension  groups      p  p_holm  compared
      channel       2 0.0004  0.0004         1
    """
    known = effects.dropna(subset=["value", "low", "high"])
    found = [(name, pooled(part)) for name, part in known.groupby("dimension", sort=False) if len(part) > 1]
    rows = [[name, whole.typical.n, whole.p_differ] for name, whole in found if whole.typical.n > 1]
    table = pd.DataFrame(rows, columns=SPLITS[:3]).astype({"p": "float64"})
    return table.assign(p_holm=holm(table["p"]), compared=compared(table["p"]))


_SHRUNK = ["weight", "shrunk", "shrunk_low", "shrunk_high", "p", "p_holm"]


def _shrunk(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with what the known ones among them say of each; others, which are all missing, stay so."""
    known = rows["value"].notna()
    found = shrunken(rows[known])[_SHRUNK] if known.any() else pd.DataFrame(columns=_SHRUNK)
    return rows.assign(**found.reindex(rows.index).astype("float64"))


def _facts(
    units: ir.Table,
    users: Tabular,
    people: ir.Table,
    metric: str,
    segments: Sequence[str],
    attributes: Sequence[str],
    start: date,
) -> ir.Table:
    """One row per assigned user -- arm, outcome, before, and one text column per dimension."""
    known, eve = engine_table(users), people
    texts = {name: known[name].cast("string").fill_null("unknown") for name in dict.fromkeys(["channel", *attributes])}
    fresh = (known.first_day.cast("date") >= start - timedelta(days=NEW_DAYS)).fill_null(False)
    told = known.select("user", life=ibis.ifelse(fresh, "new", "long"), **texts)
    flags = eve.select("user", **{f"{SEGMENT}{name}": eve[f"in:{name}"] for name in segments})
    wide = units.select("user", "arm", outcome=units[f"{metric}_net"], before=units[f"{metric}_before"])
    joined = wide.inner_join(told, "user").left_join(flags, "user")
    inside = {f"{SEGMENT}{name}": ibis.ifelse(joined[f"{SEGMENT}{name}"].fill_null(False), INSIDE, OUTSIDE)
              for name in segments}  # fmt: skip
    return joined.select("arm", "outcome", "before", **inside, **{name: joined[name] for name in ["life", *texts]})


def _counted(facts: ir.Table, dimensions: Sequence[str]) -> pd.DataFrame:
    """Moments of the outcome by dimension, group and arm, in one pass."""
    parts = [
        facts.select("outcome", "before", key=ibis.literal(f"{place}\t") + facts[name] + "\t" + facts.arm)
        for place, name in enumerate(dimensions)
    ]
    long = ibis.union(*parts)
    counted = count_moments(long, by="key", pairs={"effect": (long.outcome, long.before)})
    keys = counted["key"].str.split("\t", expand=True).reindex(columns=range(3))
    names = keys[0].map(lambda place: dimensions[int(place)])
    return counted.assign(dimension=names, group=keys[1], arm=keys[2]).astype({"dimension": "object"})


def _dimension(name: str, counted: pd.DataFrame, metric: str, min_cell: int) -> list[list[object]]:
    """The groups of one dimension that have both arms, largest first; a dimension of one group says nothing."""
    groups = dict(_arms(counted))
    if len(groups) < 2:
        return []
    users = {arm: [float(arms[arm].n) for arms in groups.values()] for arm in ("treated", "control")}
    few = np.logical_or(*(hidden(counts, min_cell=min_cell) for counts in users.values()))
    nothing = [float("nan")] * 5
    rows = [
        [name, group, *(nothing if hide else [treated, control, *_log_ratio(groups[group], metric)]), bool(hide)]
        for group, treated, control, hide in zip(groups, *users.values(), few, strict=True)
    ]
    order = np.argsort([-count for count in users["treated"]], kind="stable")
    return [rows[place] for place in order[:MOST_GROUPS]]


def _arms(counted: pd.DataFrame) -> Iterator[tuple[str, dict[str, PairMoments]]]:
    for group, part in counted.groupby("group", sort=True):
        arms = {row["arm"]: pair_moments(row) for row in part.to_dict("records")}
        if {"treated", "control"} <= set(arms):
            yield str(group), arms


def _log_ratio(arms: dict[str, PairMoments], metric: str) -> list[float]:
    """Logarithm of treated / control with its interval; shares are not adjusted, as in `incrementality`."""
    pair = arms["treated"], arms["control"]
    treated, control = (arm.own for arm in pair) if metric in SHARES else cuped(*pair)
    ratio = relative(treated, control)
    if not ratio.value > -1 or not ratio.high > ratio.low:
        return [float("nan")] * 3
    value, half = float(np.log1p(ratio.value)), (ratio.high - ratio.low) / 2 / (1 + ratio.value)
    return [value, value - half, value + half]
