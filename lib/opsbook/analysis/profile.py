"""Who a group of users is, against everyone else: TGI of attributes, standardised differences of behaviour.

TGI (target group index) = 100 x share in the group / share in the comparison. When the comparison holds the group,
the two shares hang together: TGI = 100 R / (w R + 1 - w) with R the ratio to everybody else and w the group's share of
all users, so that the log interval of R, taken through this rising function, has the right covariance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from opsbook.analysis.multiplicity import benjamini_hochberg, compared
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MEASURES = ["active_days_28", "orders_90", "revenue_90", "silent_days", "tenure_days"]
METHOD_TGI = "log ratio, delta method"
METHOD_DIFFERENCE = "delta method"
UNKNOWN, OTHER = "unknown", "other"
POWERS = (1, 2, 3, 4)


def attributes(
    people: Tabular,
    *,
    group: str,
    columns: Sequence[str],
    against: Literal["everyone", "rest"] = "everyone",
    min_cell: int = 10,
    most: int = 8,
) -> pd.DataFrame:
    """Every value of every attribute: its share in the group and in the comparison.

    people:  one row per user -- <group> (bool), and the columns (text or numbers; missing is `unknown`)
    most:    values shown per attribute; further ones, and those of fewer than min_cell users on either side, are pooled
    returns: one row per attribute and value, largest first -- attribute, value (of a pool: its largest, or `other`),
             pooled (the value and small others), own_users, rest_users (with it),
             share_group, share_comparison, tgi, tgi_low, tgi_high, standardised (difference against everybody else, in
             standard deviations), standardised_low, standardised_high, p (two shares, pooled), p_bh (Benjamini-
             Hochberg), tested (values). An attribute with a single value has no row.

    >>> people = pd.DataFrame({"churned": [True] * 100 + [False] * 300,
    ...                        "channel": ["ads"] * 60 + ["search"] * 40 + ["ads"] * 90 + ["search"] * 210})
    >>> columns = ["value", "own_users", "share_group", "share_comparison", "tgi", "tgi_low", "tgi_high"]
    >>> found = attributes(people, group="churned", columns=["channel"])
    >>> print(found[columns].round(2).to_string(index=False))
     value  own_users  share_group  share_comparison   tgi  tgi_low  tgi_high
    search         40          0.4              0.62  64.0    51.62     78.68
       ads         60          0.6              0.38 160.0   138.01    183.05
    """
    table = engine_table(people)
    parts = [_values(table, group, name, min_cell, most) for name in columns]
    counts = pd.concat([part for part in parts if len(part) > 1] or [_NOBODY], ignore_index=True)
    return _screened(_indexed(counts, against))


def behaviours(people: Tabular, *, group: str, columns: Sequence[str], min_cell: int = 10) -> pd.DataFrame:
    """How far the group's mean lies from everybody else's, in standard deviations.

    people:  one row per user -- <group> (bool), and numeric columns; missing is 0
    returns: one row per column -- behaviour, own_users, rest_users, mean_group, mean_rest, standardised, _low, _high
             (delta method with the third and fourth moments, so that heavy tails widen it), p (Welch z), p_bh,
             tested; empty when either side has fewer than min_cell users

    >>> people = pd.DataFrame({"churned": [True] * 20 + [False] * 20, "orders": [0, 1] * 10 + [1, 3] * 10})
    >>> found = behaviours(people, group="churned", columns=["orders"])
    >>> columns = ["behaviour", "mean_group", "mean_rest", "standardised", "standardised_low", "standardised_high"]
    >>> print(found[columns].round(2).to_string(index=False))
    behaviour  mean_group  mean_rest  standardised  standardised_low  standardised_high
       orders         0.5        2.0          -1.9             -2.52              -1.28
    """
    table = engine_table(people)
    sums = {
        f"{name}:{power}": (_[name].cast("float64").fill_null(0) ** power).sum() for name in columns for power in POWERS
    }
    found = table.group_by(group).agg(users=_.count(), **sums).to_pandas().set_index(group)
    if set(found.index) != {True, False} or found["users"].min() < min_cell:
        return pd.DataFrame(columns=BEHAVIOURS)
    rows = [_behaviour(name, found) for name in columns]
    return _screened(pd.DataFrame(rows, columns=BEHAVIOURS[:-2]))


BEHAVIOURS = ["behaviour", "own_users", "rest_users", "mean_group", "mean_rest"]
BEHAVIOURS += ["standardised", "standardised_low", "standardised_high", "p", "p_bh", "tested"]
_NOBODY = pd.DataFrame(columns=["attribute", "value", "pooled", "own_users", "rest_users", "group_n", "rest_n"])


def index(
    group: np.ndarray,
    group_n: np.ndarray,
    rest: np.ndarray,
    rest_n: np.ndarray,
    *,
    against: Literal["everyone", "rest"],
    level: float = 0.95,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """TGI with its interval from counts of users with and in each side; missing where a count is 0.

    source: Katz, Baptista, Azen, Pike 1978 for the log ratio of two shares

    >>> group = (np.array([60.0]), np.array([100.0]), np.array([90.0]), np.array([300.0]))
    >>> for against in ("everyone", "rest"):
    ...     value, low, high = (float(part[0]) for part in index(*group, against=against))
    ...     print(f"against {against}: {value:.0f} [{low:.0f}; {high:.0f}]")
    against everyone: 160 [138; 183]
    against rest: 200 [158; 253]
    """
    k, n, base_k, base_n = (np.asarray(part, dtype=float) for part in (group, group_n, rest, rest_n))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (k / n) / (base_k / base_n)
        error = np.sqrt(1 / k - 1 / n + 1 / base_k - 1 / base_n)
        z = float(ndtri(0.5 + level / 2))
        bounds = [ratio, ratio * np.exp(-z * error), ratio * np.exp(z * error)]
        weight = n / (n + base_n) if against == "everyone" else np.zeros_like(n)
        value, low, high = (100 * r / (weight * r + 1 - weight) for r in bounds)
    return value, np.where(k * base_k > 0, low, np.nan), np.where(k * base_k > 0, high, np.nan)


def standardised(
    group: Sequence[np.ndarray],
    rest: Sequence[np.ndarray],
    sizes: tuple[np.ndarray, np.ndarray],
    *,
    level: float = 0.95,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean - mean of the rest) / sqrt of the two variances' mean, with its interval.

    group, rest: mean, variance, third and fourth central moment of each side
    source:      Austin 2009 for the definition; delta method over means and variances for the error

    >>> group = [np.array([part]) for part in (3.0, 4.0, 0.0, 48.0)]
    >>> rest = [np.array([part]) for part in (2.0, 4.0, 0.0, 48.0)]
    >>> value, low, high = standardised(group, rest, (np.array([100.0]), np.array([300.0])))
    >>> print(f"{value[0]:.2f} [{low[0]:.2f}; {high[0]:.2f}] standard deviations")
    0.50 [0.27; 0.73] standard deviations
    """
    (m, v, c, q), (m0, v0, c0, q0) = group, rest
    n, n0 = sizes
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt((v + v0) / 2)
        d = (m - m0) / spread
        of_means = v / n + v0 / n0
        of_variance = ((q - v**2) / n + (q0 - v0**2) / n0) / 4
        together = (c / n - c0 / n0) / 2
        error = np.sqrt(of_means / spread**2 + d**2 * of_variance / (4 * spread**4) - d * together / spread**3)
    z = float(ndtri(0.5 + level / 2))
    return d, d - z * error, d + z * error


def _values(table: ir.Table, group: str, name: str, min_cell: int, most: int) -> pd.DataFrame:
    """Counts of one attribute's values on both sides, small ones pooled."""
    valued = table.select(value=table[name].cast("string").fill_null(UNKNOWN), inside=table[group])
    counted = valued.group_by("value").agg(own_users=_.inside.sum(), rest_users=(~_.inside).sum())
    counts = counted.order_by([ibis.desc(_.own_users + _.rest_users), "value"]).to_pandas()
    sides = ["own_users", "rest_users"]
    pooled = _pooled(counts.astype(dict.fromkeys(sides, "int64")), sides, min_cell, most)
    return pooled.assign(attribute=name, group_n=pooled["own_users"].sum(), rest_n=pooled["rest_users"].sum())


def _pooled(counts: pd.DataFrame, sides: list[str], min_cell: int, most: int) -> pd.DataFrame:
    """Large values on their own, the rest as `other`; values join until `other` is large enough to hide each."""
    large = counts[sides].min(axis=1) >= min_cell
    large &= large.astype("int64").cumsum() < most
    kept, rest = counts[large].assign(pooled=False), counts[~large]
    while len(kept) and len(rest) and (len(rest) < 2 or rest[sides].sum().min() < min_cell):
        rest, kept = pd.concat([kept.iloc[-1:], rest]), kept.iloc[:-1]
    if rest.empty:
        return kept
    if rest[sides].sum().min() < min_cell:
        return kept.iloc[:0]
    shows = rest[sides].min(axis=1).iloc[0] >= min_cell
    named = {"value": rest["value"].iloc[0] if shows else OTHER, "pooled": shows}
    return pd.concat([kept, rest[sides].sum().to_frame().T.assign(**named)], ignore_index=True)


def _indexed(counts: pd.DataFrame, against: Literal["everyone", "rest"]) -> pd.DataFrame:
    k, n, base_k, base_n = (
        counts[name].to_numpy(dtype=float) for name in ("own_users", "group_n", "rest_users", "rest_n")
    )
    value, low, high = index(k, n, base_k, base_n, against=against)
    p, q = k / n, base_k / base_n
    d, d_low, d_high = standardised(_yes_no(p), _yes_no(q), (n, base_n))
    compared_with = (k + base_k) / (n + base_n) if against == "everyone" else q
    shares = {"share_group": p, "share_comparison": compared_with, "tgi": value, "tgi_low": low, "tgi_high": high}
    differences = {"standardised": d, "standardised_low": d_low, "standardised_high": d_high}
    table = counts[["attribute", "value", "pooled", "own_users", "rest_users"]].assign(**shares, **differences)
    return table.assign(p=_two_shares(k, n, base_k, base_n))


def _yes_no(p: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean, variance, third and fourth central moment of a thing that is so with probability p."""
    v = p * (1 - p)
    return p, v, v * (1 - 2 * p), v * (1 - 3 * v)


def _two_shares(k: np.ndarray, n: np.ndarray, base_k: np.ndarray, base_n: np.ndarray) -> np.ndarray:
    pooled = (k + base_k) / (n + base_n)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (k / n - base_k / base_n) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / base_n))
    return np.asarray(2 * ndtr(-np.abs(z)))


def _behaviour(name: str, found: pd.DataFrame) -> tuple[object, ...]:
    """One row of `behaviours`, rounded: the last digits of a sum of floats depend on the order of adding."""
    sums = found.to_dict("index")
    sizes = tuple(np.asarray(sums[side]["users"], dtype=float) for side in (True, False))
    own, rest = (_central(sums[side], name) for side in (True, False))
    d, low, high = standardised(own, rest, (sizes[0], sizes[1]))
    error = np.sqrt(own[1] / sizes[0] + rest[1] / sizes[1])
    p = 2 * ndtr(-abs(own[0] - rest[0]) / error) if error > 0 else np.nan
    told = [float(np.round(number, 9)) for number in (own[0], rest[0], d, low, high)]
    return name, int(sizes[0]), int(sizes[1]), *told, float(f"{p:.9g}")


def _central(sums: Mapping[Any, Any], name: str) -> tuple[np.ndarray, ...]:
    """Mean, variance, third and fourth central moment from the sums of powers."""
    a, b, c, d = (np.asarray(sums[f"{name}:{power}"], dtype=float) / sums["users"] for power in POWERS)
    variance = np.maximum(b - a**2, 0)
    return a, variance, c - 3 * a * b + 2 * a**3, d - 4 * a * c + 6 * a**2 * b - 3 * a**4


def _screened(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(p_bh=benjamini_hochberg(table["p"]), tested=compared(table["p"]))
