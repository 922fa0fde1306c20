"""BG/NBD models of customers by the time of their first order, as many as the data can carry, and what they expect.

Estimators only: histories come as counted patterns, expectations leave as arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from opsbook.analysis import bg_nbd, gamma_gamma
from opsbook.analysis.likelihood import Fit

EARLIER = "earlier"  # customers who may have ordered before the data begin
MOST_GROUPS = 8


class CohortFits(NamedTuple):
    """The histories with their final groups as `cohort`, and the fit of each group that has one.

    unsettled: the search found no inner maximum, not even for all customers together.
    """

    patterns: pd.DataFrame
    fits: dict[str, Fit]
    unsettled: bool = False

    @property
    def usable(self) -> bool:
        """Whether every customer belongs to a group whose fit can be trusted."""
        return bool(len(self.patterns)) and set(self.fits) == set(self.patterns["cohort"])


def fit_cohorts(patterns: pd.DataFrame, *, min_repeat_customers: int) -> CohortFits:
    """BG/NBD of each cohort, neighbours joined until each group can carry a model of its own.

    A group holds at least min_repeat_customers customers with a repeat order, and at least one of MOST_GROUPS parts of
    them all, so that a long history does not mean many models; what remains at the end joins the last group. A group
    whose fit does not settle is joined with its neighbour and fitted again.

    patterns: one row per history -- cohort, frequency, recency_days, age_days, customers
    returns:  the fits by group, e.g. "2026-Q1" or "2026-Q1 – 2026-Q3"; none when even all customers together are too
              few or do not settle

    >>> from opsbook import cohort_models, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> fitted = cohort_models.fit_cohorts(patterns, min_repeat_customers=10)
    >>> print(fitted.patterns.groupby("cohort", as_index=False)["customers"].sum().to_string(index=False))
     cohort  customers
    2026-Q1         31
    earlier         19
    """
    if patterns.loc[patterns["frequency"] > 0, "customers"].sum() < max(min_repeat_customers, 1):
        return CohortFits(patterns, {})
    groups = _grouped(patterns, min_repeat_customers)
    found: dict[tuple[str, ...], Fit] = {}
    while True:
        for group in map(tuple, groups):
            found[group] = found.get(group) or bg_nbd.fit(patterns[patterns["cohort"].isin(group)])
        unsettled = next((place for place, group in enumerate(groups) if not found[tuple(group)].converged), None)
        if unsettled is None or len(groups) == 1:
            break
        groups = _joined(groups, unsettled)
    names = {cohort: _name(group) for group in groups for cohort in group}
    fits = {_name(group): found[tuple(group)] for group in groups}
    kept = {name: fit for name, fit in fits.items() if fit.converged}
    return CohortFits(patterns.assign(cohort=patterns["cohort"].map(names)), kept, unsettled is not None)


def fit_values(values: pd.DataFrame, *, min_repeat_customers: int) -> Fit | None:
    """Gamma-Gamma over all cohorts, or None where too few repeat customers or no finite mean make it worthless.

    values: of `repeat_values`; customers with a mean_value of 0 are left out

    >>> from opsbook import cohort_models, purchase_patterns, tiny
    >>> values = purchase_patterns.repeat_values(tiny.orders, through=tiny.AS_OF)
    >>> cohort_models.fit_values(values, min_repeat_customers=200) is None  # far too few customers
    True
    """
    priced = values[values["mean_value"] > 0]
    if priced["customers"].sum() < max(min_repeat_customers, 1):
        return None
    fitted = gamma_gamma.fit(priced)
    return fitted if fitted.converged and fitted.values[1] > 1 else None


def parameters(cohorts: CohortFits) -> pd.DataFrame:
    """The fitted parameters and how the search ended.

    returns: one row per cohort and parameter (r, alpha, a, b) -- cohort, parameter, value, low, high, customers,
             gradient_norm (per customer); alpha is in weeks

    >>> from opsbook import cohort_models, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> fitted = cohort_models.fit_cohorts(patterns, min_repeat_customers=10)
    >>> shown = cohort_models.parameters(fitted)[["cohort", "parameter", "value", "customers"]]
    >>> print(shown.round(1).to_string(index=False))
     cohort parameter  value  customers
    earlier         r    3.3         19
    earlier     alpha    8.2         19
    earlier         a    0.2         19
    earlier         b    0.6         19
    2026-Q1         r    1.5         31
    2026-Q1     alpha    4.2         31
    2026-Q1         a    0.2         31
    2026-Q1         b    6.2         31
    """
    rows = []
    for cohort, fit in cohorts.fits.items():
        ends = zip(fit.names, fit.values, *fit.bounds(), strict=True)
        rows += [(cohort, name, value, low, high, fit.n, fit.gradient_norm) for name, value, low, high in ends]
    return pd.DataFrame(rows, columns=["cohort", "parameter", "value", "low", "high", "customers", "gradient_norm"])


def expected(cohorts: CohortFits, days: np.ndarray, places: np.ndarray) -> bg_nbd.Expected:
    """The groups' expectations added up; they are fitted on different customers, so their variances add up too.

    >>> import numpy as np
    >>> from opsbook import cohort_models, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> fitted = cohort_models.fit_cohorts(patterns, min_repeat_customers=10)
    >>> one_class = np.zeros(len(fitted.patterns), dtype=int)
    >>> cohort_models.expected(fitted, np.array([28.0, 56.0]), one_class).value.round(0)
    array([[ 55., 107.]])
    """
    shape = (places.max(initial=0) + 1, len(days))
    sums = [np.zeros(shape) for _part in range(3)]
    for cohort, fit in cohorts.fits.items():
        own = (cohorts.patterns["cohort"] == cohort).to_numpy()
        part = bg_nbd.expected_total(cohorts.patterns[own], fit, days=days, classes=places[own])
        for whole, added in zip(sums, part, strict=True):
            whole[: len(added)] += added
    return bg_nbd.Expected(*sums)


def per_customer(cohorts: CohortFits, days: float) -> np.ndarray:
    """Orders that one customer of each history is expected to place in the next days.

    >>> from opsbook import cohort_models, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> fitted = cohort_models.fit_cohorts(patterns, min_repeat_customers=10)
    >>> known = fitted.patterns.assign(orders=cohort_models.per_customer(fitted, 28.0))
    >>> print(known[["frequency", "recency_days", "age_days", "orders"]].tail(3).round(1).to_string(index=False))
     frequency  recency_days  age_days  orders
             7            70        79     1.9
             7            77        83     1.9
            11            77        77     2.8
    """
    return _by_cohort(cohorts, lambda own, fit: bg_nbd.expected_orders(own, fit.values, days=days))


def alive(cohorts: CohortFits) -> np.ndarray:
    """Probability that a customer of each history is still one.

    >>> from opsbook import cohort_models, purchase_patterns, tiny
    >>> span = {"through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> fitted = cohort_models.fit_cohorts(patterns, min_repeat_customers=10)
    >>> known = fitted.patterns.assign(alive=cohort_models.alive(fitted))
    >>> print(known[["frequency", "recency_days", "age_days", "alive"]].tail(3).round(1).to_string(index=False))
     frequency  recency_days  age_days  alive
             7            70        79    0.9
             7            77        83    0.9
            11            77        77    1.0
    """
    return _by_cohort(cohorts, lambda own, fit: bg_nbd.share_alive(own, fit.values))


def _by_cohort(cohorts: CohortFits, ask: Callable[[pd.DataFrame, Fit], np.ndarray]) -> np.ndarray:
    answers = np.full(len(cohorts.patterns), np.nan)
    for cohort, fit in cohorts.fits.items():
        own = (cohorts.patterns["cohort"] == cohort).to_numpy()
        answers[own] = ask(cohorts.patterns[own], fit)
    return answers


def _grouped(patterns: pd.DataFrame, min_repeat_customers: int) -> list[list[str]]:
    repeating = patterns[patterns["frequency"] > 0].groupby("cohort")["customers"].sum()
    enough = max(min_repeat_customers, repeating.sum() / MOST_GROUPS, 1)
    groups: list[list[str]] = [[]]
    for cohort in sorted(patterns["cohort"].unique(), key=lambda cohort: (cohort != EARLIER, cohort)):
        if repeating.reindex(groups[-1]).sum() >= enough:
            groups.append([])
        groups[-1].append(cohort)
    if len(groups) > 1 and repeating.reindex(groups[-1]).sum() < enough:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _joined(groups: list[list[str]], place: int) -> list[list[str]]:
    """The group and its neighbour as one: the one before; the one after where before stand only earlier customers."""
    first = place - 1 if place > 1 or (place == 1 and len(groups) == 2) or groups[0][0] != EARLIER else place
    first = min(max(first, 0), len(groups) - 2)
    return [*groups[:first], groups[first] + groups[first + 1], *groups[first + 2 :]]


def _name(group: list[str]) -> str:
    """The cohort, or from the first to the last of several; up to the last where they begin before the data."""
    if len(group) == 1:
        return group[0]
    return f"≤ {group[-1]}" if group[0] == EARLIER else f"{group[0]} – {group[-1]}"
