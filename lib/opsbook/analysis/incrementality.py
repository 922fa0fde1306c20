"""What randomisation says the campaign added: during, after, and net, so that what was pulled forward is given back."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from opsbook.analysis.experiment import SHARES
from opsbook.analysis.means import Difference, cuped, fieller, relative, welch
from opsbook.analysis.moments import Moments, PairMoments, pair_moments
from opsbook.analysis.proportion import newcombe

WINDOWS = ("during", "after", "net")
METHODS = ("plain", "cuped", "capped", "capped_cuped")
USUAL_LEVEL = 0.95
# The method a report reads is one of these, whichever the comparison brings; shares have the plain one only.
HEADLINES = ("cuped", "did", "synthetic_did", "weighted", "plain")
CAPPED_HEADLINES = ("capped_cuped", "capped_did")
ESTIMATE = ["difference", "low", "high", "relative", "relative_low", "relative_high", "p"]
TOTAL = ["total", "total_low", "total_high"]
COLUMNS = ["metric", "window", "method", "treated_users", "control_users", "treated", "control", *ESTIMATE, *TOTAL]
LEDGER = [name for name in COLUMNS if name not in ("metric", "p")]
BALANCE = ["metric", "treated", "control", "p"]


def increments(moments: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Treated minus control for every metric, window and method.

    moments:  table of `experiment.arm_moments`
    returns:  one row per metric, window, method -- metric, window (during, after, net), method (plain = Welch,
              cuped = adjusted by the pre-period, capped = at the 99.9th percentile, capped_cuped = both),
              treated_users, control_users, treated, control (means per user, adjusted for CUPED), difference (per
              user) with low and high, relative (share of the control's mean) with its interval, p, total (difference
              times treated users) with its interval. Buyers are shares: Newcombe, plain only.

    >>> moments = pd.DataFrame({"arm": ["control", "treated"], "metric": "orders", "window": "net", "capped": False,
    ...                         "users": 1000, "mean": [1.0, 1.1], "variance": 1.0, "other_mean": [2.0, 1.96],
    ...                         "other_variance": 1.5, "covariance": 0.9})
    >>> columns = ["method", "treated", "control", "difference", "low", "high", "p", "total"]
    >>> print(increments(moments)[columns].round(3).to_string(index=False))
    method  treated  control  difference   low  high     p  total
     plain    1.100    1.000       0.100 0.012 0.188 0.025  100.0
     cuped    1.112    0.988       0.124 0.065 0.183 0.000  124.0
    """
    known = by_comparison(moments)
    rows = [
        [metric, window, method, *_row(known[metric, window, "capped" in method], metric, method, level)]
        for metric, window in dict.fromkeys((metric, window) for metric, window, _capped in known)
        for method in (METHODS[:1] if metric in SHARES else METHODS)
        if (metric, window, "capped" in method) in known
    ]
    numbers = dict.fromkeys(COLUMNS[5:], "float64") | {"treated_users": "int64", "control_users": "int64"}
    return pd.DataFrame(rows, columns=COLUMNS).astype(numbers)


def headline(increments: pd.DataFrame) -> pd.DataFrame:
    """The rows by which a report reads each metric and window: one method each, the first known of HEADLINES.

    >>> found = pd.DataFrame({"metric": "orders", "window": ["during", "during", "net"],
    ...                       "method": ["plain", "cuped", "plain"], "difference": [0.12, 0.10, 0.07]})
    >>> print(headline(found).to_string(index=False))
    metric window method  difference
    orders during  cuped        0.10
    orders    net  plain        0.07
    """
    order = increments["method"].map({name: place for place, name in enumerate(HEADLINES)})
    known = increments.assign(order=order).dropna(subset=["order"]).sort_values("order", kind="stable")
    return known.drop_duplicates(["metric", "window"]).sort_index().drop(columns="order")


def ledger(increments: pd.DataFrame, *, metric: str) -> pd.DataFrame:
    """The pull-forward ledger of one metric: gained during, given back (or kept) after, net of both.

    returns: the rows during, after, net of `increments`, in this order and with its columns, without metric and p

    >>> found = pd.DataFrame({"metric": "orders", "window": ["net", "during", "after"], "method": "cuped", "p": 0.01,
    ...                       "total": [70.0, 100.0, -30.0]}).reindex(columns=COLUMNS)
    >>> print(ledger(found, metric="orders")[["window", "total"]].to_string(index=False))
    window  total
    during  100.0
     after  -30.0
       net   70.0
    """
    found = headline(increments)
    chosen = found[found["metric"] == metric]
    order = chosen["window"].map({window: place for place, window in enumerate(WINDOWS)})
    return chosen.assign(order=order).sort_values("order", ignore_index=True)[LEDGER]


def total(increments: pd.DataFrame, *, metric: str) -> tuple[float, float, float]:
    """Net increment of a metric over all treated users, with its interval; missing without a comparison.

    >>> found = pd.DataFrame({"metric": "orders", "window": ["during", "net"], "method": "cuped",
    ...                       "total": [100.0, 70.0], "total_low": [60.0, 20.0], "total_high": [140.0, 120.0]})
    >>> total(found.reindex(columns=COLUMNS), metric="orders")
    (70.0, 20.0, 120.0)
    """
    rows = ledger(increments, metric=metric)
    net = rows.loc[rows["window"] == "net", TOTAL]
    if net.empty:
        return (float("nan"),) * 3
    value, low, high = net.to_numpy(dtype="float64")[0].tolist()
    return value, low, high


def balance(moments: pd.DataFrame) -> pd.DataFrame:
    """The arms before the start, when nothing had been done to either: a pre-period A/A test.

    returns: one row per metric -- metric, treated, control (means per user in the days before), p (Welch, times the
             number of metrics compared, at most 1)

    >>> moments = pd.DataFrame({"arm": ["control", "treated"], "metric": "orders", "window": "during", "capped": False,
    ...                         "users": 1000, "mean": [1.0, 1.1], "variance": 1.0, "other_mean": [2.0, 2.03],
    ...                         "other_variance": 1.5, "covariance": 0.9})
    >>> print(balance(moments).round(2).to_string(index=False))
    metric  treated  control    p
    orders     2.03      2.0 0.58
    """
    rows = [
        [metric, arms["treated"].other_mean, arms["control"].other_mean, _before_p(arms)]
        for (metric, window, capped), arms in by_comparison(moments).items()
        if window == "during" and not capped
    ]
    table = pd.DataFrame(rows, columns=BALANCE).astype(dict.fromkeys(BALANCE[1:], "float64"))
    return table.assign(p=(table["p"] * len(table)).clip(upper=1.0))


def _before_p(arms: Mapping[str, PairMoments]) -> float:
    treated, control = (Moments(a.n, a.other_mean, a.other_variance) for a in (arms["treated"], arms["control"]))
    return welch(treated, control).p


def by_comparison(moments: pd.DataFrame) -> dict[tuple[str, str, bool], dict[str, PairMoments]]:
    """Arm -> moments for every metric, window and capping in which both arms are there.

    >>> moments = pd.DataFrame({"arm": ["control", "treated", "treated"], "metric": ["orders", "orders", "revenue"],
    ...                         "window": "net", "capped": False, "users": 1000, "mean": [1.0, 1.1, 30.0],
    ...                         "variance": 1.0, "other_mean": 2.0, "other_variance": 1.5, "covariance": 0.9})
    >>> [(key, sorted(arms)) for key, arms in by_comparison(moments).items()]
    [(('orders', 'net', False), ['control', 'treated'])]
    """
    found: dict[tuple[str, str, bool], dict[str, PairMoments]] = {}
    for row in moments.to_dict("records"):
        arms = found.setdefault((row["metric"], row["window"], bool(row["capped"])), {})
        arms[row["arm"]] = pair_moments(row)
    return {key: arms for key, arms in found.items() if {"treated", "control"} <= set(arms)}


def _row(arms: Mapping[str, PairMoments], metric: str, method: str, level: float) -> list[float]:
    treated, control = arms["treated"], arms["control"]
    first, base = cuped(treated, control) if "cuped" in method else (treated.own, control.own)
    difference = _share_difference(first, base, level) if metric in SHARES else welch(first, base, level=level)
    ratio = (relative if level <= USUAL_LEVEL else fieller)(first, base, level=level)
    totals = [part * first.n for part in difference[:3]]
    return [first.n, base.n, first.mean, base.mean, *difference[:3], *ratio[:3], difference.p, *totals]


def _share_difference(treated: Moments, control: Moments, level: float) -> Difference:
    successes = [round(arm.mean * arm.n) for arm in (treated, control)]
    share = newcombe(successes[0], treated.n, successes[1], control.n, level=level)
    return Difference(*share, p=welch(treated, control).p)
