"""What a region would have done without the campaign: difference in differences, synthetic control, synthetic DiD.

A panel is a table with one row per period and one column per unit (a city, a region, a channel): means or sums of one
metric. Weights are exact: a quadratic form on the simplex is minimised by non-negative least squares, then scaled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import nnls
from scipy.special import stdtrit

METHOD_DID = "difference in differences"
METHOD_SYNTHETIC_CONTROL = "synthetic control"
METHOD_SYNTHETIC_DID = "synthetic difference in differences"
EFFECTS = ["period", "actual", "expected", "effect"]


class Fit(NamedTuple):
    """What a method says.

    effect: mean of actual - expected over the periods from the start on, in the metric's unit
    donors: one row per donor with weight, largest first -- unit, weight
    path:   one row per period -- period, actual (mean of the treated units), expected, effect
    rmspe_before, rmspe_after: root mean squared effect before the start (fit) and from it on
    """

    effect: float
    donors: pd.DataFrame
    path: pd.DataFrame
    rmspe_before: float
    rmspe_after: float


Method = Callable[..., Fit]


def difference_in_differences(panel: pd.DataFrame, *, treated: Sequence[str], start: object) -> Fit:
    """Change of the treated units minus the mean change of all the others.

    panel: one row per period (its index), one column per unit; treated: columns; start: first period of the campaign
    raises: ValueError when no period lies before the start or from it on, or nobody is left to compare with

    >>> import pandas as pd
    >>> from opsbook import synthetic_control
    >>> panel = pd.DataFrame({"Beijing": [10.0, 11, 12, 18], "Chengdu": [5.0, 6, 7, 8], "Wuhan": [20.0, 21, 22, 23]})
    >>> fit = synthetic_control.difference_in_differences(panel, treated=["Beijing"], start=3)
    >>> print(fit.path.tail(2).to_string(index=False))
     period  actual  expected  effect
          2    12.0      12.0     0.0
          3    18.0      13.0     5.0
    """
    split = _split(panel, treated, start)
    donors, periods = split.others.shape[1], split.before
    weights = np.full(donors, 1 / donors)
    return _fit(split, weights, level=_level(split, weights, np.full(periods, 1 / periods)))


def synthetic_control(panel: pd.DataFrame, *, treated: Sequence[str], start: object) -> Fit:
    """The treated units against the weighted mix of others that was most like them before the start, level and all.

    parameters and errors as in difference_in_differences
    source: Abadie, Diamond, Hainmueller 2010 with the outcome's own past as the only predictors

    >>> import pandas as pd
    >>> from opsbook import synthetic_control
    >>> panel = pd.DataFrame({"Beijing": [10.0, 12, 11, 18], "Chengdu": [5.0, 9, 6, 8], "Wuhan": [15.0, 15, 16, 17]})
    >>> fit = synthetic_control.synthetic_control(panel, treated=["Beijing"], start=3)
    >>> print(f"effect {fit.effect:+.1f}", fit.donors.set_index("unit")["weight"].round(2).to_dict())
    effect +5.5 {'Wuhan': 0.5, 'Chengdu': 0.5}
    """
    split = _split(panel, treated, start)
    gap = split.others[: split.before] - split.target[: split.before, None]
    return _fit(split, _simplex(gap), level=0.0)


def synthetic_did(panel: pd.DataFrame, *, treated: Sequence[str], start: object) -> Fit:
    """Weights on units and on the periods before: the mix need only move alike, and recent periods may count more.

    parameters and errors as in difference_in_differences
    source: Arkhangelsky et al. 2021, algorithm 1, with its ridge (N_treated T_after)^(1/4) sd of the first differences

    >>> import pandas as pd
    >>> from opsbook import synthetic_control
    >>> panel = pd.DataFrame({"Beijing": [10.0, 12, 11, 18], "Chengdu": [25.0, 29, 26, 28], "Wuhan": [35, 35, 36, 37]})
    >>> fit = synthetic_control.synthetic_did(panel, treated=["Beijing"], start=3)
    >>> print(f"{fit.effect:+.1f}, although no mix of the others has the level of Beijing")
    +5.5, although no mix of the others has the level of Beijing
    """
    split = _split(panel, treated, start)
    weights = _simplex(_unit_gap(split))
    moments = _simplex(_period_gap(split))
    return _fit(split, weights, level=_level(split, weights, moments))


def placebo_in_space(
    panel: pd.DataFrame, *, method: Method, treated: Sequence[str], start: object, most: int = 200, seed: int = 0
) -> pd.DataFrame:
    """The method on other units in turn as if they had been treated, the truly treated ones left out of the donors.

    returns: one row per set of units, the treated one first -- unit (names joined by +), is_treated, effect,
             rmspe_before, rmspe_after, ratio (after / before). Sets are as large as the treated one; where there are
             more than `most`, so many are drawn with the seed.

    >>> import pandas as pd
    >>> from opsbook import synthetic_control as sc
    >>> panel = pd.DataFrame({"a": [9.0, 11, 10, 18], "b": [5.0, 7, 6, 6], "c": [15.0, 15, 16, 15], "d": [8, 9, 8, 9]})
    >>> told = sc.placebo_in_space(panel, method=sc.difference_in_differences, treated=["a"], start=3)
    >>> print(told[["unit", "is_treated", "effect", "ratio"]].round(2).to_string(index=False))
    unit  is_treated  effect  ratio
       a        True    7.89  18.98
       b       False   -0.17   0.27
       c       False   -0.67   0.78
       d       False    0.83   1.77
    """
    others = panel.drop(columns=list(treated))
    first = _placebo_row(treated, True, method(panel, treated=treated, start=start))
    sets = [
        group
        for group in sets_of([str(name) for name in others], len(list(treated)), most=most, seed=seed)
        if len(group) < others.shape[1]
    ]
    return pd.DataFrame(
        [first, *(_placebo_row(names, False, method(others, treated=names, start=start)) for names in sets)]
    )


def permutation_p(
    panel: pd.DataFrame, *, method: Method, treated: Sequence[str], start: object, most: int = 200, seed: int = 0
) -> float:
    """Share of all sets of units, the treated one among them, whose after/before ratio of errors is at least its own.

    Every set is compared with all the others, the treated included, so that without an effect no set is special and
    the test is exact; few units make a coarse p, never below 1 / sets.
    source: Abadie, Diamond, Hainmueller 2010; Firpo & Possebom 2018

    >>> import pandas as pd
    >>> from opsbook import synthetic_control as sc
    >>> panel = pd.DataFrame({"a": [9.0, 11, 10, 18], "b": [5.0, 7, 6, 6], "c": [15.0, 15, 16, 15], "d": [8, 9, 8, 9]})
    >>> sc.permutation_p(panel, method=sc.difference_in_differences, treated=["a"], start=3)
    0.25
    """
    own = _placebo_row(treated, True, method(panel, treated=treated, start=start))["ratio"]
    sets = [
        group
        for group in sets_of([str(name) for name in panel], len(list(treated)), most=most, seed=seed)
        if set(group) != set(treated)
    ]
    ratios = [_placebo_row(names, False, method(panel, treated=names, start=start))["ratio"] for names in sets]
    return (1 + sum(ratio >= own * (1 - 1e-12) for ratio in ratios)) / (1 + len(ratios))


def placebo_interval(placebos: pd.DataFrame, *, level: float = 0.95) -> tuple[float, float, float]:
    """Effect with a t interval whose error is the spread of the placebo effects; needs three placebos.

    placebos: table of placebo_in_space
    source:   Arkhangelsky et al. 2021, algorithm 4 (all units equally noisy), with t instead of normal limits

    >>> import pandas as pd
    >>> from opsbook import synthetic_control as sc
    >>> placebos = pd.DataFrame({"is_treated": [True, False, False, False], "effect": [8.0, -1.0, 2.0, 1.0]})
    >>> print("{:.1f} ({:.1f} to {:.1f})".format(*sc.placebo_interval(placebos)))
    8.0 (0.4 to 15.6)
    """
    effect = float(placebos.loc[placebos["is_treated"], "effect"].iloc[0])
    others = placebos.loc[~placebos["is_treated"], "effect"]
    if len(others) < 3:
        return effect, float("nan"), float("nan")
    half = float(stdtrit(len(others) - 1, 0.5 + level / 2) * others.std(ddof=1) * np.sqrt(1 + 1 / len(others)))
    return effect, effect - half, effect + half


def placebo_in_time(panel: pd.DataFrame, *, method: Method, treated: Sequence[str], start: object) -> pd.DataFrame:
    """The method with the campaign moved to each earlier moment that leaves half of the time before to learn from.

    returns: one row per pretended start -- start, effect (mean over as many periods as the campaign had, all before
             the true start); a method that finds effects here would find them anywhere

    >>> import pandas as pd
    >>> from opsbook import synthetic_control as sc
    >>> panel = pd.DataFrame({"a": [9.0, 10, 9, 10, 9, 18], "b": [5.0, 6, 5, 6, 5, 6], "c": [7.0, 8, 7, 8, 7, 8]})
    >>> told = sc.placebo_in_time(panel, method=sc.difference_in_differences, treated=["a"], start=5)
    >>> print(told.round(2).to_string(index=False))
     start  effect
         2     0.0
         3     0.0
         4     0.0
    """
    before = panel.loc[panel.index < start]
    length = min(len(panel) - len(before), max(len(before) // 3, 1))
    rows = []
    for first in range(max(len(before) // 2, 2), len(before) - length + 1):
        window = before.iloc[: first + length]
        rows.append((window.index[first], method(window, treated=treated, start=window.index[first]).effect))
    return pd.DataFrame(rows, columns=["start", "effect"])


def without_each_donor(panel: pd.DataFrame, *, method: Method, treated: Sequence[str], start: object) -> pd.DataFrame:
    """The effect without each donor that has weight: one row per donor -- unit, weight, effect.

    >>> import pandas as pd
    >>> from opsbook import synthetic_control as sc
    >>> panel = pd.DataFrame({"a": [9.0, 11, 10, 18], "b": [5.0, 7, 6, 6], "c": [15.0, 15, 16, 15], "d": [8, 9, 8, 9]})
    >>> told = sc.without_each_donor(panel, method=sc.synthetic_control, treated=["a"], start=3)
    >>> print(told.round(2).to_string(index=False))
    unit  weight  effect
       b    0.58    7.59
       c    0.42    9.00
    """
    fit = method(panel, treated=treated, start=start)
    rows = [
        (unit, weight, method(panel.drop(columns=unit), treated=treated, start=start).effect)
        for unit, weight in fit.donors[fit.donors["weight"] > 0.01].itertuples(index=False)
        if panel.shape[1] - len(list(treated)) > 1
    ]
    return pd.DataFrame(rows, columns=["unit", "weight", "effect"])


def sets_of(names: list[str], size: int, *, most: int, seed: int) -> list[tuple[str, ...]]:
    """All sets of so many names, or `most` different ones drawn with the seed.

    >>> from opsbook import synthetic_control
    >>> synthetic_control.sets_of(["a", "b", "c"], 2, most=10, seed=1)
    [('a', 'b'), ('a', 'c'), ('b', 'c')]
    >>> len(synthetic_control.sets_of([f"city {n}" for n in range(30)], 5, most=10, seed=1))
    10
    """
    if math.comb(len(names), size) <= most:
        return list(combinations(names, size))
    random, drawn = np.random.default_rng(seed), dict[tuple[str, ...], None]()
    while len(drawn) < most:
        drawn[tuple(names[i] for i in sorted(random.choice(len(names), size, replace=False)))] = None
    return list(drawn)


class _Panel(NamedTuple):
    periods: pd.Index
    names: list[str]
    target: np.ndarray
    others: np.ndarray
    before: int
    treated: int


def _split(panel: pd.DataFrame, treated: Sequence[str], start: object) -> _Panel:
    names = [name for name in panel.columns if name not in set(treated)]
    before = int((panel.index < start).sum())
    if not names or not 0 < before < len(panel):
        after = len(panel) - before
        raise ValueError(f"{len(names)} other units, {before} periods before {start} and {after} from it on")
    values = panel.sort_index()
    target = values[list(treated)].to_numpy(float).mean(axis=1)
    return _Panel(values.index, names, target, values[names].to_numpy(float), before, len(list(treated)))


def _simplex(gap: np.ndarray) -> np.ndarray:
    """Weights w >= 0 that sum to 1 and make |gap w| smallest: least squares towards a sum of 1, then scaled to it.

    Exact for any weight of the last row, since the form is homogeneous: only the scale depends on it.
    """
    scale = max(float(np.abs(gap).max()), 1.0)
    rows = np.vstack([gap / scale, np.ones(gap.shape[1])])
    weights, _error = nnls(rows, np.append(np.zeros(len(gap)), 1.0), maxiter=50 * gap.shape[1])
    return weights / weights.sum()


def _unit_gap(split: _Panel) -> np.ndarray:
    """Distance of every donor's path from the target's, each around its own mean, over a ridge that spreads weight."""
    early, after = split.others[: split.before], len(split.target) - split.before
    paths = early - split.target[: split.before, None]
    noise = np.diff(early, axis=0).std(ddof=1) if split.before > 2 else 0.0
    ridge = (split.treated * after) ** 0.25 * noise * np.sqrt(split.before)
    return np.vstack([paths - paths.mean(axis=0), ridge * np.eye(early.shape[1])])


def _period_gap(split: _Panel) -> np.ndarray:
    """Distance of every earlier period from the mean of the later ones, over the donors."""
    early, late = split.others[: split.before].T, split.others[split.before :].mean(axis=0)
    paths = early - late[:, None]
    noise = np.diff(split.others[: split.before], axis=0).std(ddof=1) if split.before > 2 else 0.0
    return np.vstack([paths - paths.mean(axis=0), 1e-6 * noise * np.sqrt(len(late)) * np.eye(split.before)])


def _level(split: _Panel, weights: np.ndarray, moments: np.ndarray) -> float:
    early = split.target[: split.before] - split.others[: split.before] @ weights
    return float(early @ moments)


def _fit(split: _Panel, weights: np.ndarray, *, level: float) -> Fit:
    expected = split.others @ weights + level
    effect = split.target - expected
    path = pd.DataFrame({"period": split.periods, "actual": split.target, "expected": expected, "effect": effect})
    donors = pd.DataFrame({"unit": split.names, "weight": weights})
    donors = donors[donors["weight"] > 1e-9].sort_values(["weight", "unit"], ascending=[False, True], ignore_index=True)
    early, late = effect[: split.before], effect[split.before :]
    return Fit(float(late.mean()), donors, path[EFFECTS], _root_mean_square(early), _root_mean_square(late))


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _placebo_row(names: Sequence[str], is_treated: bool, fit: Fit) -> dict[str, Any]:
    ratio = fit.rmspe_after / fit.rmspe_before if fit.rmspe_before > 0 else float("inf")
    row = {"unit": "+".join(names), "is_treated": is_treated, "effect": fit.effect}
    return row | {"rmspe_before": fit.rmspe_before, "rmspe_after": fit.rmspe_after, "ratio": ratio}
