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
