"""How many buyers would stand in another RFM group if a threshold lay a little lower or higher."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from opsbook.analysis.buyers import MEASURES, Cut, Money, cut_points, is_high, rfm_buyers
from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular


def rfm_stability(
    orders: Tabular,
    *,
    as_of: date,
    window_days: int = 365,
    cut: Cut = "median",
    values: Mapping[str, float] | None = None,
    money: Money = "total",
    shift: float = 0.1,
) -> pd.DataFrame:
    """Share of buyers that change group when one cut moves by `shift` (0.1 = 10 %) and the other two stay.

    Buyers tied with a cut are low; they change as soon as it moves below them, so that ties show here.

    returns: one row per measure and direction (lower, higher) -- measure, direction, cut, moved_cut, changed_users,
             buyers, share_changed, share_changed_low, share_changed_high (Wilson)
    raises:  ValueError when cut is "value" and a value is missing

    >>> from opsbook import rfm_stability, tiny
    >>> told = rfm_stability.rfm_stability(tiny.orders, as_of=tiny.AS_OF, cut="mean").round(2)
    >>> print(told[["measure", "direction", "cut", "moved_cut", "changed_users", "buyers"]].to_string(index=False))
         measure direction    cut  moved_cut  changed_users  buyers
    recency_days     lower  28.34      25.51              1      50
    recency_days    higher  28.34      31.17              1      50
          orders     lower   3.50       3.15              0      50
          orders    higher   3.50       3.85              0      50
         revenue     lower 115.00     103.50              0      50
         revenue    higher 115.00     126.50              3      50
    """
    buyers = rfm_buyers(orders, as_of=as_of, window_days=window_days, money=money)
    cuts = cut_points(buyers, cut=cut, values=values)
    turns = [(name, turn, cuts[name] * factor) for name in MEASURES for turn, factor in _factors(shift)]
    changed = {
        f"{name}_{turn}": (is_high(buyers, name, cuts[name]) != is_high(buyers, name, moved)).sum()
        for name, turn, moved in turns
        if not np.isnan(moved)
    }
    counts = buyers.aggregate(buyers=buyers.count(), **changed).fill_null(0).to_pandas().iloc[0].astype("int64")
    rows = [(name, turn, cuts[name], moved, int(counts.get(f"{name}_{turn}", 0))) for name, turn, moved in turns]
    table = pd.DataFrame(rows, columns=["measure", "direction", "cut", "moved_cut", "changed_users"])
    return add_share(
        table.assign(buyers=int(counts["buyers"])), of="changed_users", out_of="buyers", name="share_changed"
    )


def _factors(shift: float) -> list[tuple[str, float]]:
    return [("lower", 1 - shift), ("higher", 1 + shift)]
