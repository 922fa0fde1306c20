"""What known customers will still order and be worth: BG/NBD by cohort, Gamma-Gamma, and how well they foretold before.

Histories come from `purchase_patterns`; everything here is arithmetic on those small tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import bg_nbd, gamma_gamma
from opsbook.analysis.likelihood import Fit

EARLIER = "earlier"
POINTS = 10
BY_CLASS = ["class", "customers", "actual", "expected", "low", "high", "again", "orders"]
SCORE = ["forecast", "orders", "low", "high", "actual", "error", "customer_error", "customers"]
_EACH = ["orders", "orders_low", "orders_high", "value", "value_low", "value_high"]
FUTURE = ["class", "customers", "share_alive", *_EACH, *(f"total_{name}" for name in _EACH)]


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
    """BG/NBD of each cohort; one whose fit does not settle is joined with its neighbour and fitted again.

    patterns: one row per history -- cohort, frequency, recency_days, age_days, customers
    returns:  the fits by group; no fits when even all customers together are too few or do not settle
    """
    if patterns.loc[patterns["frequency"] > 0, "customers"].sum() < max(min_repeat_customers, 1):
        return CohortFits(patterns, {})
    groups = [[name] for name in _in_order(patterns["cohort"].unique())]
    found: dict[tuple[str, ...], Fit] = {}
    while True:
        for group in map(tuple, groups):
            found[group] = found.get(group) or bg_nbd.fit(patterns[patterns["cohort"].isin(group)])
        unsettled = next((place for place, group in enumerate(groups) if not found[tuple(group)].converged), None)
        if unsettled is None or len(groups) == 1:
            break
        groups = _joined(groups, unsettled)
    names = {cohort: _group_name(group) for group in groups for cohort in group}
    fits = {_group_name(group): found[tuple(group)] for group in groups}
    kept = {name: fit for name, fit in fits.items() if fit.converged}
    return CohortFits(patterns.assign(cohort=patterns["cohort"].map(names)), kept, unsettled is not None)


def fit_values(values: pd.DataFrame, *, min_repeat_customers: int) -> Fit | None:
    """Gamma-Gamma over all cohorts, or None where too few repeat customers or no finite mean make it worthless.

    values: of `repeat_values`; customers with a mean_value of 0 are left out
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
    """
    rows = []
    for cohort, fit in cohorts.fits.items():
        ends = zip(fit.names, fit.values, *fit.bounds(), strict=True)
        rows += [(cohort, name, value, low, high, fit.n, fit.gradient_norm) for name, value, low, high in ends]
    return pd.DataFrame(rows, columns=["cohort", "parameter", "value", "low", "high", "customers", "gradient_norm"])


def holdout_by_class(cohorts: CohortFits, classes: pd.Series, *, days: int) -> pd.DataFrame:
    """Orders foretold and seen in the days after the fit, by the number of repeat orders before it.

    returns: one row per class -- class, customers, actual (orders per customer), expected, low, high (interval of what
             would be seen if the model held), again (as many as in the same number of days before), orders (seen)
    """
    if not cohorts.usable:
        return pd.DataFrame(columns=BY_CLASS)
    places, names = _places(classes)
    total = _expected(cohorts, np.array([days]), places)
    low, high = total.seen_ends()
    sums = cohorts.patterns.groupby(places)[["customers", "later_orders", "recent_orders"]].sum()
    n = sums["customers"].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "class": names,
            "customers": sums["customers"].to_numpy(),
            "actual": sums["later_orders"].to_numpy() / n,
            "expected": total.value[:, 0] / n,
            "low": low[:, 0] / n,
            "high": high[:, 0] / n,
            "again": sums["recent_orders"].to_numpy() / n,
            "orders": sums["later_orders"].to_numpy(),
        }
    )


def holdout_over_time(cohorts: CohortFits, later_days: pd.DataFrame) -> pd.DataFrame:
    """Repeat orders since the fit added up, foretold and seen.

    later_days: one row per day -- day_number (1 is the day after the fit), orders
    returns:    one row per day -- day_number, actual; at about ten days also expected, low, high (interval of what
                would be seen if the model held) and again (the pace of the days before the fit), else missing
    """
    if not cohorts.usable or later_days.empty:
        return pd.DataFrame(columns=["day_number", "actual", "expected", "low", "high", "again"])
    days = len(later_days)
    points = np.unique(np.linspace(0, days, POINTS + 1).round().astype(int)[1:])
    total = _expected(cohorts, points, np.zeros(len(cohorts.patterns), dtype=int))
    low, high = total.seen_ends()
    again = cohorts.patterns["recent_orders"].sum() * points / days
    told = {"expected": total.value[0], "low": low[0], "high": high[0], "again": again}
    foretold = pd.DataFrame({"day_number": points, **told})
    seen = later_days[["day_number"]].assign(actual=later_days["orders"].cumsum())
    return seen.merge(foretold, on="day_number", how="left", validate="one_to_one")


def holdout_score(cohorts: CohortFits, *, days: int) -> pd.DataFrame:
    """The model against the plainest forecast, that everybody does the same again.

    returns: one row per forecast (model, again) -- forecast, orders (foretold), low, high (interval of what would be
             seen; only of the model), actual (orders), error (orders / actual - 1), customer_error (root mean square
             over customers), customers
    """
    if not cohorts.usable:
        return pd.DataFrame(columns=SCORE)
    table = cohorts.patterns
    total = _expected(cohorts, np.array([days]), np.zeros(len(table), dtype=int))
    each = _per_customer(cohorts, days)
    actual, n, again = (float(table[name].sum()) for name in ("later_orders", "customers", "recent_orders"))
    seen = float(table["later_squares"].sum())
    misses = seen + float((table["customers"] * each**2 - 2 * table["later_orders"] * each).sum())
    repeated = seen + float(table["recent_squares"].sum() - 2 * table["recent_later"].sum())
    low, high = total.seen_ends()
    rows = [("model", total.value[0, 0], low[0, 0], high[0, 0], misses), ("again", again, np.nan, np.nan, repeated)]
    made = pd.DataFrame(rows, columns=["forecast", "orders", "low", "high", "squares"])
    made["actual"], made["error"] = actual, made["orders"] / (actual if actual else np.nan) - 1
    made["customer_error"] = np.sqrt(made.pop("squares") / n)
    return made.assign(customers=int(n))[SCORE]


def future_by_class(
    cohorts: CohortFits, classes: pd.Series, value_fit: Fit | None, *, days: int, level: float = 0.95
) -> pd.DataFrame:
    """What known customers will do in the next days, by the number of repeat orders so far; last row: all of them.

    value_fit: Gamma-Gamma, or None when it cannot be trusted; then the values are missing
    returns:   one row per class and "all" -- class, customers, share_alive (mean chance to be a customer still),
               orders (expected per customer), orders_low, orders_high, value (expected per customer, currency),
               value_low, value_high, total_orders, total_orders_low, total_orders_high, total_value, total_value_low,
               total_value_high (parameters' uncertainty, delta method; values are not discounted)
    """
    if not cohorts.usable:
        return pd.DataFrame(columns=FUTURE)
    places, names = _places(classes)
    rows = []
    for wanted, labels in ((places, names), (np.zeros(len(places), dtype=int), ["all"])):
        total = _expected(cohorts, np.array([days]), wanted)
        worth = _worth(cohorts, value_fit, wanted, days=days, level=level)
        low, high = total.ends(level)
        n = np.bincount(wanted, weights=cohorts.patterns["customers"])
        alive = np.bincount(wanted, weights=cohorts.patterns["customers"] * _alive(cohorts)) / n
        table = pd.DataFrame({"class": labels, "customers": n.astype("int64"), "share_alive": alive})
        for name, parts in (("orders", (total.value[:, 0], low[:, 0], high[:, 0])), ("value", worth)):
            for end, part in zip(("", "_low", "_high"), parts, strict=True):
                table[f"{name}{end}"], table[f"total_{name}{end}"] = part / n, part
        rows.append(table)
    return pd.concat(rows, ignore_index=True)[FUTURE]


def _expected(cohorts: CohortFits, days: np.ndarray, places: np.ndarray) -> bg_nbd.Expected:
    """The groups' expectations added up; they are fitted on different customers, so their variances add up too."""
    shape = (places.max(initial=0) + 1, len(days))
    sums = [np.zeros(shape) for _part in range(3)]
    for cohort, fit in cohorts.fits.items():
        own = (cohorts.patterns["cohort"] == cohort).to_numpy()
        part = bg_nbd.expected_total(cohorts.patterns[own], fit, days=days, classes=places[own])
        for whole, added in zip(sums, part, strict=True):
            whole[: len(added)] += added
    return bg_nbd.Expected(*sums)


def _per_customer(cohorts: CohortFits, days: float) -> np.ndarray:
    return _by_cohort(cohorts, lambda own, fit: bg_nbd.expected_orders(own, fit.values, days=days))


def _alive(cohorts: CohortFits) -> np.ndarray:
    return _by_cohort(cohorts, lambda own, fit: bg_nbd.share_alive(own, fit.values))


def _by_cohort(cohorts: CohortFits, ask: Callable[[pd.DataFrame, Fit], np.ndarray]) -> np.ndarray:
    answers = np.full(len(cohorts.patterns), np.nan)
    for cohort, fit in cohorts.fits.items():
        own = (cohorts.patterns["cohort"] == cohort).to_numpy()
        answers[own] = ask(cohorts.patterns[own], fit)
    return answers


def _worth(
    cohorts: CohortFits, value_fit: Fit | None, places: np.ndarray, *, days: int, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected orders x expected value of an order, added up by class, with its interval.

    The expected value is linear in a customer's own mean, so a pattern needs only the sum of those means. The variance
    has two independent parts: of the value model with the orders fixed, and of the orders with the values fixed.
    """
    classes = places.max(initial=0) + 1
    if value_fit is None:
        return tuple(np.full(classes, np.nan) for _end in range(3))  # type: ignore[return-value]
    table, each = cohorts.patterns, _per_customer(cohorts, days)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(places, weights=each * _summed_value(table, values), minlength=classes)

    mean_value = _summed_value(table, value_fit.values) / table["customers"].to_numpy()
    variance = value_fit.variance_of(total)
    for cohort, fit in cohorts.fits.items():
        own = (table["cohort"] == cohort).to_numpy()
        priced = table[own].assign(customers=table["customers"][own] * mean_value[own])
        part = bg_nbd.expected_total(priced, fit, days=days, classes=places[own]).unsure[:, 0]
        variance[: len(part)] += part
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(variance)
    value = total(value_fit.values)
    return value, np.maximum(value - half, 0), value + half


def _summed_value(table: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Value of an order, summed over the customers of each pattern; where nothing is known, everybody's mean."""
    x, valued = table["frequency"].to_numpy(dtype=float), table["valued"].to_numpy(dtype=float)
    mean = np.divide(table["spend"].to_numpy(dtype=float), valued, out=np.zeros(len(x)), where=valued > 0)
    unknown = table["customers"].to_numpy() - valued
    return valued * gamma_gamma.expected_value(x, mean, values) + unknown * gamma_gamma.mean_order_value(values)


def _places(classes: pd.Series) -> tuple[np.ndarray, list[str]]:
    """The classes that occur as numbers 0, 1, … and their names."""
    used = classes.cat.remove_unused_categories()
    return used.cat.codes.to_numpy().astype(int), [str(name) for name in used.cat.categories]


def _in_order(cohorts: Iterable[str]) -> list[str]:
    return sorted(cohorts, key=lambda cohort: (not cohort.startswith(EARLIER), cohort))


def _joined(groups: list[list[str]], place: int) -> list[list[str]]:
    """The group and its neighbour as one; customers from before the data are nobody's neighbour while others are."""
    first = place - 1 if place > 0 and (place > 1 or len(groups) == 2 or groups[0][0][:7] != EARLIER) else place
    if first + 1 >= len(groups):
        first = place - 1
    return [*groups[:first], groups[first] + groups[first + 1], *groups[first + 2 :]]


def _group_name(group: list[str]) -> str:
    return group[0] if len(group) == 1 else f"{group[0].split(' – ')[0]} – {group[-1].split(' – ')[-1]}"
