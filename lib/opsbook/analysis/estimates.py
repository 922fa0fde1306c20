"""The same net effect by every method that may be used, side by side: a finding that needs one of them is none."""

from __future__ import annotations

import pandas as pd

COLUMNS = ["method", "difference", "low", "high", "share_width"]
ORDER = ("plain", "cuped", "post_stratified", "capped", "capped_cuped", "did", "capped_did", "synthetic_control",
         "synthetic_did", "unweighted", "weighted")  # fmt: skip


def side_by_side(increments: pd.DataFrame, *others: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Every method's estimate of the net effect on one metric.

    increments: table of `incrementality.increments`; others: further rows -- method, difference, low, high
    returns: one row per method, in the order of ORDER -- method, difference (per user) with low and high, share_width
             (width of the interval / that of the plain difference; missing where there is no plain one). A single
             method is no comparison, and where no effect may be read there is none: no rows.

    >>> import pandas as pd
    >>> from opsbook import estimates
    >>> rows = [("orders", "net", "plain", 0.30, -0.02, 0.62), ("orders", "net", "cuped", 0.26, 0.08, 0.44)]
    >>> increments = pd.DataFrame(rows, columns=["metric", "window", "method", "difference", "low", "high"])
    >>> print(estimates.side_by_side(increments, metric="orders").round(2).to_string(index=False))
    method  difference   low  high  share_width
     plain        0.30 -0.02  0.62         1.00
     cuped        0.26  0.08  0.44         0.56
    """
    own = increments[(increments["metric"] == metric) & (increments["window"] == "net")]
    found = pd.concat([table.reindex(columns=COLUMNS[:-1]) for table in (own, *others) if len(table)] or [own])
    if own.empty or len(found) < 2:
        return pd.DataFrame(columns=COLUMNS)
    order = {name: place for place, name in enumerate(ORDER)}
    table = found.sort_values("method", key=lambda names: names.map(order), kind="stable", ignore_index=True)
    width = table["high"] - table["low"]
    plain = width[table["method"].isin(["plain", "unweighted"])]
    return table.assign(share_width=width / plain.iloc[0] if len(plain) else float("nan"))[COLUMNS]


def agree(table: pd.DataFrame) -> str:
    """One side when all intervals lie on it, both when some lie above and some below zero, else some or none.

    >>> import pandas as pd
    >>> from opsbook import estimates
    >>> estimates.agree(pd.DataFrame({"low": [-0.02, 0.08], "high": [0.62, 0.44]}))
    'some'
    """
    above, below = (table["low"] > 0).sum(), (table["high"] < 0).sum()
    if above and below:
        return "both"
    clear = above + below
    return "none" if clear == 0 else "one" if clear == len(table) else "some"
