"""At which margin the campaign pays: the return line by line of margin, and the margin at which it breaks even."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

MARGINS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
COLUMNS = ["share_margin", "roi", "low", "high", "given", "pays"]


class BreakEven(NamedTuple):
    """The margin at which incremental margin equals the cost.

    case: known; open = the increment may be 0, so that only the least margin is known; none = no increment; no_cost
    """

    value: float
    low: float
    high: float
    case: str


def break_even(*, revenue: tuple[float, float, float], cost: float) -> BreakEven:
    """Cost / incremental revenue with the interval of the revenue turned over; above 1 no margin is enough.

    revenue: incremental revenue with low and high (currency)
    source:  Fieller's interval of a ratio whose numerator is known

    >>> found = break_even(revenue=(5000, 2000, 8000), cost=1000)
    >>> print(f"{found.value:.0%} [{found.low:.1%}; {found.high:.0%}] {found.case}")
    20% [12.5%; 50%] known
    >>> break_even(revenue=(500, -2000, 4000), cost=1000)
    BreakEven(value=nan, low=0.25, high=inf, case='open')
    """
    value, low, high = revenue
    missing = float("nan")
    if not cost > 0 or np.isnan(value):
        return BreakEven(missing, missing, missing, "no_cost" if not cost > 0 else "none")
    if not high > 0:
        return BreakEven(missing, missing, missing, "none")
    if low <= 0:
        return BreakEven(missing, cost / high, float("inf"), "open")
    return BreakEven(cost / value, cost / high, cost / low, "known")


def sensitivity(
    *, revenue: tuple[float, float, float], cost: float, margin: float | None, margins: Sequence[float] = MARGINS
) -> pd.DataFrame:
    """Return at several margins: (incremental revenue x margin - cost) / cost.

    returns: one row per margin, the campaign's own among them -- share_margin (0-1), roi with low and high, given (the
             campaign's own), pays (yes, no, cannot_tell: by the whole interval); none without cost or increment

    >>> table = sensitivity(revenue=(5000, 2000, 8000), cost=1000, margin=0.3, margins=[0.1, 0.6])
    >>> print(table.round(2).to_string(index=False))
     share_margin  roi  low  high  given        pays
              0.1 -0.5 -0.8  -0.2  False          no
              0.3  0.5 -0.4   1.4   True cannot_tell
              0.6  2.0  0.2   3.8  False         yes
    """
    if not cost > 0 or any(np.isnan(part) for part in revenue):
        return pd.DataFrame(columns=COLUMNS)
    shares = sorted({*margins, *([] if margin is None else [margin])})
    rows = [[share, *((part * share - cost) / cost for part in revenue), share == margin] for share in shares]
    table = pd.DataFrame(rows, columns=COLUMNS[:-1])
    pays = np.select([table["low"] >= 0, table["high"] < 0], ["yes", "no"], "cannot_tell")
    return table.assign(pays=pays)[COLUMNS]
