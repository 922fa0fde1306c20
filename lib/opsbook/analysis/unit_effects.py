"""A campaign in some cities and not in others: its effect, the placebo units that measure the error, and the checks.

The treated units count as one, weighted by their users, and so does every placebo set of as many other units. What the
placebo sets show of campaigns that never were is the error of the effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from opsbook.analysis import synthetic_control as sc
from opsbook.analysis.incrementality import COLUMNS
from opsbook.analysis.multiplicity import holm
from opsbook.analysis.unit_panel import METRICS

METHODS: Mapping[str, sc.Method] = {
    "did": sc.difference_in_differences,
    "synthetic_control": sc.synthetic_control,
    "synthetic_did": sc.synthetic_did,
}
HEADLINE = {"did": "did", "synthetic_control": "synthetic_did"}
WINDOWS = ("during", "after", "net")
CHECKS = ["check", "measured", "limit", "outcome"]
ESTIMATES = ["method", "difference", "low", "high"]
PLACEBOS = ["unit", "is_treated", "difference"]
PATH = ["first_day", "window", "actual", "expected"]
TREATED = "\ttreated"  # no unit can be called so
ALPHA, WORST_FIT, FEWEST_WEEKS, FEWEST_SETS, MOST_SETS = 0.05, 2.0, 8, 19, 100


class UnitReview(NamedTuple):
    """Everything a report shows of a comparison of units; all empty where there is none.

    increments: in the shape of `incrementality.increments`; estimates: the net effect by the other methods -- method,
    difference, low, high; placebos: one row per set of units, the treated first -- unit, is_treated, difference (net,
    per user); path: one row per week -- first_day, window, actual, expected (per user and day); donors: unit, weight;
    checks: check (fit, pre_trend, placebo_time, placebo_units), measured, limit, outcome
    """

    increments: pd.DataFrame
    estimates: pd.DataFrame
    placebos: pd.DataFrame
    path: pd.DataFrame
    donors: pd.DataFrame
    checks: pd.DataFrame


_EMPTY = (COLUMNS, ESTIMATES, PLACEBOS, PATH, ["unit", "weight"], CHECKS)
NOTHING = UnitReview(*(pd.DataFrame(columns=names) for names in _EMPTY))


def review(panel: pd.DataFrame, *, comparison: str, treated: Sequence[str], metric: str, seed: int = 0) -> UnitReview:
    """The effect on every metric by the headline method, the other methods beside it, placebos and checks.

    panel:  table of `unit_panel.panel`; comparison: did (change against the mean of the others) or synthetic_control
            (synthetic DiD is its headline); treated: units; metric: the primary one
    source: Abadie, Diamond, Hainmueller 2010; Arkhangelsky et al. 2021, algorithm 4 with t limits

    >>> import pandas as pd
    >>> from opsbook import unit_effects
    >>> weeks = pd.DataFrame({"block": range(-8, 2), "window": ["before"] * 8 + ["during", "after"]})
    >>> weeks["first_day"] = pd.Timestamp("2026-02-09") + pd.to_timedelta(7 * weeks["block"], unit="D")
    >>> cities = ["Beijing", "Chengdu", "Hangzhou", "Wuhan"]
    >>> panel = pd.concat([weeks.assign(unit=city, revenue=10 + n + weeks["block"] * (n + 1) % 3 / 4) for n, city in
    ...                    enumerate(cities)]).assign(days=7, users=100, orders=1.0, active_days=1.0)
    >>> panel["revenue"] += 4.0 * ((panel["unit"] == "Beijing") & (panel["block"] == 0))
    >>> found = unit_effects.review(panel, comparison="did", treated=["Beijing"], metric="revenue")
    >>> print(found.placebos.round(2).to_string(index=False))
        unit  is_treated  difference
     Beijing        True       26.69
     Chengdu       False        0.66
    Hangzhou       False        1.31
       Wuhan       False       -1.97
    """
    if comparison not in HEADLINE or not _enough(panel, treated):
        return NOTHING
    headline, cases = HEADLINE[comparison], {name: _case(panel, name, treated, seed) for name in METRICS}
    found = {name: _effects(case, METHODS[headline]) for name, case in cases.items()}
    own, case = found[metric], cases[metric]
    return UnitReview(
        _increments(cases, found, headline),
        _estimates(case, [name for name in METHODS if name != headline]),
        pd.DataFrame({"unit": own.names, "is_treated": own.sums.index == 0, "difference": own.sums["net"]})[PLACEBOS],
        own.path[PATH],
        own.fit.donors,
        _checks(case, METHODS[headline], own),
    )


@dataclass(frozen=True)
class _Case:
    """One metric: totals per day and users (blocks x units), what the blocks are, who is treated, the placebo sets."""

    totals: pd.DataFrame
    users: pd.DataFrame
    blocks: pd.DataFrame
    treated: tuple[str, ...]
    sets: list[tuple[str, ...]]

    def table(self, names: Sequence[str], *, without: Sequence[str] = ()) -> pd.DataFrame:
        """One column per unit and one for the named ones together, per user and day."""
        units = self.totals.columns
        inside, left_out = units.isin(list(names)), units.isin([*names, *without])
        totals, users = self.totals.to_numpy(float), self.users.to_numpy(float)
        together = totals[:, inside].sum(axis=1) / users[:, inside].sum(axis=1)
        values = np.column_stack([totals[:, ~left_out] / users[:, ~left_out], together])
        return pd.DataFrame(values, index=self.totals.index, columns=[*units[~left_out], TREATED])

    def moved(self, first: int, length: int) -> _Case:
        """The blocks before `first + length` as if the campaign had started at block `first`."""
        kept = self.blocks[self.blocks.index < first + length]
        window = np.where(kept.index < first, "before", "during")
        index = pd.Index(kept.index - first, name="block")
        moved = kept.assign(window=window).set_axis(index)
        totals, users = (part.loc[kept.index].set_axis(index) for part in (self.totals, self.users))
        return _Case(totals, users, moved, self.treated, self.sets)


class _Effects(NamedTuple):
    """Effects per user over each window of the treated set (first) and of every placebo set; the treated set's fit."""

    fit: sc.Fit
    names: list[str]
    sums: pd.DataFrame
    rmspe: np.ndarray
    path: pd.DataFrame


def _enough(panel: pd.DataFrame, treated: Sequence[str]) -> bool:
    known, windows = set(panel["unit"]), panel.drop_duplicates("block")["window"]
    weeks = int((windows == "before").sum())
    return weeks >= FEWEST_WEEKS and weeks < len(windows) and set(treated) <= known and len(known - set(treated)) > 1


def _case(panel: pd.DataFrame, metric: str, treated: Sequence[str], seed: int) -> _Case:
    totals = panel.assign(total=panel[metric] * panel["users"]).pivot(index="block", columns="unit", values="total")
    users = panel.pivot(index="block", columns="unit", values="users")
    blocks = panel.drop_duplicates("block").set_index("block")[["first_day", "window", "days"]].sort_index()
    others = [str(name) for name in totals if name not in set(treated)]
    size = min(len(treated), max(len(others) // 2, 1))
    return _Case(totals, users, blocks, tuple(treated), sc.sets_of(others, size, most=MOST_SETS, seed=seed))


def _effects(case: _Case, method: sc.Method) -> _Effects:
    """The treated set against all others, every placebo set against the others that were never treated."""
    asked = {"treated": [TREATED], "start": 0}
    fits = [method(case.table(case.treated), **asked)]
    fits += [method(case.table(names, without=case.treated), **asked) for names in case.sets]
    names = ["+".join(names) for names in (sorted(case.treated), *case.sets)]
    sums = _window_sums(np.array([fit.path["effect"] for fit in fits]), case.blocks)
    path = fits[0].path.set_index("period").join(case.blocks).reset_index(drop=True)
    return _Effects(fits[0], names, sums, np.array([fit.rmspe_before for fit in fits]), path)


def _window_sums(daily: np.ndarray, blocks: pd.DataFrame) -> pd.DataFrame:
    """What is measured per user and day (rows x blocks), summed over the days of each window: during, after, net."""
    days, window = blocks["days"].to_numpy(float), blocks["window"].to_numpy()
    sums = {name: daily @ (days * (window == name)) for name in ("during", "after")}
    return pd.DataFrame(sums).assign(net=sums["during"] + sums["after"])


def _interval(effects: np.ndarray, level: float = 0.95) -> tuple[float, float, float, float]:
    """The first effect with low, high and p: t with the spread of the others as its error; needs three of them."""
    own, others = float(effects[0]), effects[1:]
    error = float(others.std(ddof=1) * np.sqrt(1 + 1 / len(others))) if len(others) >= 3 else 0.0
    if not error > 0:
        return own, float("nan"), float("nan"), float("nan")
    half = float(stdtrit(len(others) - 1, 0.5 + level / 2)) * error
    return own, own - half, own + half, float(2 * stdtr(len(others) - 1, -abs(own) / error))


def _increments(cases: Mapping[str, _Case], found: Mapping[str, _Effects], method: str) -> pd.DataFrame:
    rows = [[name, window, method, *_row(cases[name], found[name], window)] for name in METRICS for window in WINDOWS]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"treated_users": "int64", "control_users": "int64"})


def _row(case: _Case, found: _Effects, window: str) -> list[float]:
    value, low, high, p = _interval(found.sums[window].to_numpy())
    last = case.users.iloc[-1]
    own, other = int(last[list(case.treated)].sum()), int(last.drop(list(case.treated)).sum())
    actual = float(_window_sums(found.path[["actual"]].to_numpy(float).T, case.blocks)[window].iloc[0])
    relative = [part / (actual - part) if actual > part else float("nan") for part in (value, low, high)]
    totals = [part * own for part in (value, low, high)]
    return [own, other, actual, actual - value, value, low, high, *relative, p, *totals]


def _estimates(case: _Case, names: Sequence[str]) -> pd.DataFrame:
    found = {name: _effects(case, METHODS[name]).sums["net"].to_numpy() for name in names}
    return pd.DataFrame([(name, *_interval(effects)[:3]) for name, effects in found.items()], columns=ESTIMATES)


def _checks(case: _Case, method: sc.Method, own: _Effects) -> pd.DataFrame:
    """fit: error before / the placebo sets' median; pre_trend and placebo_time: p; placebo_units: permutation p."""
    usual = float(np.median(own.rmspe[1:])) if len(own.rmspe) > 3 else float("nan")
    fit = float(own.rmspe[0]) / usual if usual > 0 else float("nan")
    measured = {"fit": (fit, WORST_FIT, fit > WORST_FIT)}
    if method is METHODS["did"]:
        trend = _trend_p(case)
        measured["pre_trend"] = (trend, ALPHA, trend < ALPHA)
    time, units = _placebo_time(case, method), _permutation_p(case, method)
    measured |= {"placebo_time": (time, ALPHA, time < ALPHA), "placebo_units": (units, ALPHA, units > ALPHA)}
    rows = [[name, value, limit, _outcome(value, fails=fails)] for name, (value, limit, fails) in measured.items()]
    return pd.DataFrame(rows, columns=CHECKS)


def _permutation_p(case: _Case, method: sc.Method) -> float:
    """Missing where even the largest effect could not reach 5 %."""
    panel, size = case.totals / case.users, len(case.treated)
    sets = sc.sets_of([str(name) for name in panel], size, most=MOST_SETS, seed=0)
    if len(sets) <= FEWEST_SETS:
        return float("nan")
    return sc.permutation_p(panel, method=method, treated=case.treated, start=0, most=MOST_SETS)


def _placebo_time(case: _Case, method: sc.Method) -> float:
    """Smallest Holm p of up to three pretended starts, each judged by the placebo sets of the same weeks."""
    weeks = int((case.blocks["window"] == "before").sum())
    length = max(weeks // 4, 1)
    starts = [-length * back for back in (1, 2, 3) if weeks - length * back >= FEWEST_WEEKS // 2]
    found = [_interval(_effects(case.moved(first, length), method).sums["net"].to_numpy())[3] for first in starts]
    return float(np.nanmin(holm(found))) if np.isfinite(found).any() else float("nan")


def _trend_p(case: _Case) -> float:
    """P of the treated set's slope before against the mean of the others, judged by the placebo sets' slopes."""
    early = (case.blocks["window"] == "before").to_numpy()
    tables = [case.table(case.treated), *(case.table(names, without=case.treated) for names in case.sets)]
    gaps = [(table[TREATED] - table.drop(columns=TREATED).mean(axis=1)).to_numpy()[early] for table in tables]
    return _interval(np.array([np.polyfit(np.arange(len(gap)), gap, 1)[0] for gap in gaps]))[3]


def _outcome(measured: float, *, fails: bool) -> str:
    return "untested" if np.isnan(measured) else "failed" if fails else "passed"
