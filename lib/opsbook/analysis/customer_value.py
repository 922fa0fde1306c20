"""What known customers will still order and be worth: BG/NBD by cohort, Gamma-Gamma, and how well they foretold before.

Histories come from `purchase_patterns`; everything here is arithmetic on those small tables.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import bg_nbd, gamma_gamma
from opsbook.analysis.cohort_models import CohortFits, alive, expected, per_customer
from opsbook.analysis.likelihood import Fit

POINTS = 10
BY_CLASS = ["class", "customers", "actual", "expected", "low", "high", "again", "orders"]
SCORE = ["forecast", "orders", "low", "high", "actual", "error", "customer_error", "customers"]
_EACH = ["orders", "orders_low", "orders_high", "value", "value_low", "value_high"]
FUTURE = ["class", "customers", "share_alive", *_EACH, *(f"total_{name}" for name in _EACH)]


def holdout_by_class(cohorts: CohortFits, classes: pd.Series, *, days: int) -> pd.DataFrame:
    """Orders foretold and seen in the days after the fit, by the number of repeat orders before it.

    returns: one row per class -- class, customers, actual (orders per customer), expected, low, high (interval of what
             would be seen if the model held), again (as many as in the same number of days before), orders (seen)

    >>> from datetime import date
    >>> from opsbook import cohort_models, customer_value, purchase_patterns, tiny
    >>> span = {"through": date(2026, 2, 28), "seen_through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> before = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> learnt = cohort_models.fit_cohorts(before, min_repeat_customers=10)
    >>> classes = purchase_patterns.frequency_classes(learnt.patterns, min_cell=10)
    >>> found = customer_value.holdout_by_class(learnt, classes, days=29)
    >>> print(found[["class", "customers", "actual", "expected", "again"]].round(1).to_string(index=False))
    class  customers  actual  expected  again
        0         13     0.9       1.2    0.0
        1         13     0.6       1.0    0.8
       2+         18     1.8       1.7    2.2
    """
    if not cohorts.usable:
        return pd.DataFrame(columns=BY_CLASS)
    places, names = _places(classes)
    total = expected(cohorts, np.array([days]), places)
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

    >>> from datetime import date
    >>> from opsbook import cohort_models, customer_value, purchase_patterns, tiny
    >>> span = {"through": date(2026, 2, 28), "seen_through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> before = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> learnt = cohort_models.fit_cohorts(before, min_repeat_customers=10)
    >>> days = purchase_patterns.later_days(tiny.orders, through=span["through"], seen_through=tiny.AS_OF)
    >>> found = customer_value.holdout_over_time(learnt, days).dropna()
    >>> print(found[["day_number", "actual", "expected", "again"]].tail(3).round(0).to_string(index=False))
     day_number  actual  expected  again
             23      44      48.0   40.0
             26      49      54.0   45.0
             29      53      60.0   50.0
    """
    if not cohorts.usable or later_days.empty:
        return pd.DataFrame(columns=["day_number", "actual", "expected", "low", "high", "again"])
    days = len(later_days)
    points = np.unique(np.linspace(0, days, POINTS + 1).round().astype(int)[1:])
    total = expected(cohorts, points, np.zeros(len(cohorts.patterns), dtype=int))
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

    >>> from datetime import date
    >>> from opsbook import cohort_models, customer_value, purchase_patterns, tiny
    >>> span = {"through": date(2026, 2, 28), "seen_through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> before = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> learnt = cohort_models.fit_cohorts(before, min_repeat_customers=10)
    >>> found = customer_value.holdout_score(learnt, days=29)
    >>> print(found[["forecast", "orders", "actual", "error", "customer_error"]].round(2).to_string(index=False))
    forecast  orders  actual  error  customer_error
       model   59.73    53.0   0.13            1.20
       again   50.00    53.0  -0.06            1.27
    """
    if not cohorts.usable:
        return pd.DataFrame(columns=SCORE)
    table = cohorts.patterns
    total = expected(cohorts, np.array([days]), np.zeros(len(table), dtype=int))
    each = per_customer(cohorts, days)
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

    >>> from datetime import date
    >>> from opsbook import cohort_models, customer_value, purchase_patterns, tiny
    >>> span = {"through": date(2026, 2, 28), "seen_through": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> before = purchase_patterns.purchase_patterns(tiny.orders, tiny.users, **span)
    >>> learnt = cohort_models.fit_cohorts(before, min_repeat_customers=10)
    >>> classes = purchase_patterns.frequency_classes(learnt.patterns, min_cell=10)
    >>> found = customer_value.future_by_class(learnt, classes, None, days=28)  # no value model: values are missing
    >>> print(found[["class", "customers", "share_alive", "orders", "total_value"]].round(2).to_string(index=False))
    class  customers  share_alive  orders  total_value
        0         13         1.00    1.15          NaN
        1         13         0.81    0.99          NaN
       2+         18         0.93    1.66          NaN
      all         44         0.91    1.31          NaN
    """
    if not cohorts.usable:
        return pd.DataFrame(columns=FUTURE)
    places, names = _places(classes)
    rows = []
    for wanted, labels in ((places, names), (np.zeros(len(places), dtype=int), ["all"])):
        total = expected(cohorts, np.array([days]), wanted)
        worth = _worth(cohorts, value_fit, wanted, days=days, level=level)
        low, high = total.ends(level)
        n = np.bincount(wanted, weights=cohorts.patterns["customers"])
        staying = np.bincount(wanted, weights=cohorts.patterns["customers"] * alive(cohorts)) / n
        table = pd.DataFrame({"class": labels, "customers": n.astype("int64"), "share_alive": staying})
        for name, parts in (("orders", (total.value[:, 0], low[:, 0], high[:, 0])), ("value", worth)):
            for end, part in zip(("", "_low", "_high"), parts, strict=True):
                table[f"{name}{end}"], table[f"total_{name}{end}"] = part / n, part
        rows.append(table)
    return pd.concat(rows, ignore_index=True)[FUTURE]


def _worth(
    cohorts: CohortFits, value_fit: Fit | None, places: np.ndarray, *, days: int, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected orders x expected value of an order, added up by class, with its interval.

    The expected value is linear in a customer's own mean, so a pattern needs only the sum of those means. The variance
    has two independent parts: of the value model with the orders fixed, and of the orders with the values fixed.
    """
    classes = places.max(initial=0) + 1
    if value_fit is None:
        return np.full(classes, np.nan), np.full(classes, np.nan), np.full(classes, np.nan)
    table, each = cohorts.patterns, per_customer(cohorts, days)

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
