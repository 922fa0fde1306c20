"""Who would have bought anyway: buyers expected of the treated from the control arm, and what one more really cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis.proportion import newcombe, wilson

METHOD = "control's share of buyers, Wilson; difference Newcombe hybrid"
WINDOWS = ("during", "net")
BUYERS = ["window", "treated_users", "control_users", "bought", "anyway", "anyway_low", "anyway_high", "share_anyway",
          "extra", "extra_low", "extra_high"]  # fmt: skip
PRICES = ["unit", "increment", "increment_low", "increment_high", "price", "price_low", "price_high", "case"]


def buyers(increments: pd.DataFrame) -> pd.DataFrame:
    """Treated users who bought, and how many of as many users buy without the campaign.

    increments: `incrementality.increments`
    returns: the rows during and net (with the days after) -- window, treated_users, control_users, bought (treated
             users), anyway with interval (control's share x treated users), share_anyway (anyway / bought, at most 1),
             extra (bought - anyway) with interval

    >>> from opsbook import anyway, experiment, incrementality, tiny
    >>> days = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 28}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id="spring", control="control", **days)
    >>> increments = incrementality.increments(experiment.arm_moments(units))
    >>> bought = anyway.buyers(increments)
    >>> shown = bought[["window", "treated_users", "bought", "anyway", "share_anyway", "extra"]]
    >>> print(shown.round(2).to_string(index=False))
    window  treated_users  bought  anyway  share_anyway  extra
    during             14      12    7.88          0.66   4.12
       net             14      13    8.75          0.67   4.25
    """
    own = increments[(increments["metric"] == "buyers") & increments["window"].isin(WINDOWS)]
    rows = [_buyers(row) for row in own.to_dict("records")]
    table = pd.DataFrame(rows, columns=BUYERS)
    return table.sort_values("window", key=lambda names: names.map(WINDOWS.index), ignore_index=True)


def prices(increments: pd.DataFrame, *, cost: float) -> pd.DataFrame:
    """What one more buyer and one more order cost, over the campaign and the days after it.

    increments: `incrementality.increments`
    returns: the rows buyer and order -- unit, increment (over all treated users) with interval, price (currency) with
             interval, case (known; open = the increment may be 0, then price_low is the least it cost and price_high
             has no limit; none = no increment, or no cost)
    source:  Fieller's interval of a ratio whose numerator is known: unbounded as soon as the denominator may be 0

    >>> from opsbook import anyway, experiment, incrementality, tiny
    >>> days = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 28}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id="spring", control="control", **days)
    >>> increments = incrementality.increments(experiment.arm_moments(units))
    >>> paid = anyway.prices(increments, cost=320.0)
    >>> print(paid[["unit", "increment", "price", "price_low", "price_high", "case"]].round(1).to_string(index=False))
     unit  increment  price  price_low  price_high  case
    buyer        4.2    NaN       41.6         inf  open
    order       24.6   13.0        8.2        31.9 known
    """
    methods = {"buyer": ("buyers", "plain"), "order": ("orders", "cuped")}
    rows = []
    for unit, (metric, method) in methods.items():
        own = increments[(increments["metric"] == metric) & (increments["window"] == "net")]
        found = own.loc[own["method"] == method, ["total", "total_low", "total_high"]]
        rows += [[unit, *total, *_price(total, cost)] for total in found.to_numpy(dtype=float).tolist()]
    return pd.DataFrame(rows, columns=PRICES)


def _buyers(row: Mapping[Any, Any]) -> list[object]:
    treated, control = int(row["treated_users"]), int(row["control_users"])
    bought = round(float(row["treated"]) * treated)
    base = round(float(row["control"]) * control)
    share, extra = wilson(base, control), newcombe(bought, treated, base, control)
    anyway = [part * treated for part in share[:3]]
    of_all = min(anyway[0] / bought, 1.0) if bought else float("nan")
    return [row["window"], treated, control, bought, *anyway, of_all, *(part * treated for part in extra[:3])]


def _price(increment: list[float], cost: float) -> tuple[float, float, float, str]:
    value, low, high = increment
    missing = float("nan")
    if not cost > 0 or not high > 0:
        return missing, missing, missing, "none"
    if low <= 0:
        return missing, cost / high, float("inf"), "open"
    return cost / value, cost / high, cost / low, "known"
