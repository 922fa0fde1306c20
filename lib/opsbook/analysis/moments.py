"""Counts, sums and sums of squares that do not depend on the order of rows: the engine adds whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.mart.tables import Tabular, engine_table

SCALE = 10_000  # money is counted in ten-thousandths, so that sums are exact and two runs are equal to the byte
_PARTS = ("users", "sum", "square", "other_sum", "other_square", "product")
MOMENTS = ["users", "total", "mean", "variance", "other_mean", "other_variance", "covariance"]
Column: TypeAlias = ir.NumericValue | str


class Moments(NamedTuple):
    """What a difference of means needs to know of one group; variance with n - 1."""

    n: int
    mean: float
    variance: float


class PairMoments(NamedTuple):
    """Moments of two quantities of the same users, the second one measured before, or the denominator of a ratio."""

    n: int
    mean: float
    variance: float
    other_mean: float
    other_variance: float
    covariance: float

    @property
    def own(self) -> Moments:
        """The moments of the first quantity alone.

        >>> PairMoments(n=10, mean=4.0, variance=2.0, other_mean=3.0, other_variance=1.5, covariance=1.0).own
        Moments(n=10, mean=4.0, variance=2.0)
        """
        return Moments(self.n, self.mean, self.variance)


def exact_sum(column: ir.NumericValue) -> ir.NumericScalar:
    """Sum of a money or count column, 0 when there are no rows, equal to the last digit in every run.

    >>> orders = engine_table(pd.DataFrame({"net": [0.1, 0.2, -0.3]}))
    >>> orders.aggregate(total=exact_sum(orders.net)).to_pandas()["total"].tolist()
    [0.0]
    >>> 0.1 + 0.2 - 0.3
    5.551115123125783e-17
    """
    return _whole(column).sum().cast("float64").fill_null(0.0) / SCALE


def count_moments(units: Tabular, *, by: str, pairs: Mapping[str, tuple[Column, Column]]) -> pd.DataFrame:
    """Moments of several pairs of columns in one pass over the units.

    units:    one row per user; columns are numbers without missing values
    pairs:    name -> (column, other column), by their names or as columns of an engine table
    returns:  one row per group and name -- <by>, name, users, total, mean, variance, other_mean, other_variance,
              covariance (n - 1); a variance of fewer than two users is missing

    >>> users = pd.DataFrame({"arm": ["a", "a", "b"], "orders": [1, 3, 4], "before": [0, 2, 5]})
    >>> found = count_moments(users, by="arm", pairs={"orders": ("orders", "before")})
    >>> print(found[["arm", "users", "total", "mean", "variance", "other_mean", "covariance"]].to_string(index=False))
    arm  users  total  mean  variance  other_mean  covariance
      a      2    4.0   2.0       2.0         1.0         2.0
      b      1    4.0   4.0       NaN         5.0         NaN
    """
    table = engine_table(units)
    columns = {name: (_column(table, first), _column(table, other)) for name, (first, other) in pairs.items()}
    scales = {name: _scale(*pair) for name, pair in columns.items()}
    sums = {p: expr for name, pair in columns.items() for p, expr in _power_sums(name, *pair, scales[name]).items()}
    counted = table.group_by(by).agg(_users=table.count(), **sums).order_by(by).to_pandas()
    found = [(row, name) for row in counted.to_dict("records") for name in pairs]
    rows = [{by: row[by], "name": name, **_moments(row, name, scales[name])} for row, name in found]
    return pd.DataFrame(rows, columns=[by, "name", *MOMENTS])


def pair_moments(row: Mapping[Any, Any] | pd.Series) -> PairMoments:
    """The moments in one row of `count_moments`.

    >>> users = pd.DataFrame({"arm": ["a", "a", "a"], "orders": [1, 3, 5], "before": [0, 2, 1]})
    >>> found = count_moments(users, by="arm", pairs={"orders": ("orders", "before")})
    >>> pair_moments(found.to_dict("records")[0])
    PairMoments(n=3, mean=3.0, variance=4.0, other_mean=1.0, other_variance=1.0, covariance=1.0)
    """
    return PairMoments(*(row[name] for name in MOMENTS if name != "total"))


def stacked(first: Sequence[float] | np.ndarray, other: Sequence[float] | np.ndarray | None = None) -> PairMoments:
    """Moments of plain numbers; without a second quantity its moments are 0.

    >>> found = stacked([1, 3, 5], [0, 2, 1])
    >>> found.n, float(found.mean), float(found.variance), float(found.covariance)
    (3, 3.0, 4.0, 1.0)
    """
    values = np.asarray(first, dtype=float)
    others = np.zeros_like(values) if other is None else np.asarray(other, dtype=float)
    cov = np.cov(values, others)
    return PairMoments(len(values), values.mean(), cov[0, 0], others.mean(), cov[1, 1], cov[0, 1])


def _column(table: ir.Table, column: Column) -> ir.NumericValue:
    return table[column] if isinstance(column, str) else column


def _whole(column: ir.NumericValue) -> ir.IntegerValue:
    return (column.cast("float64") * SCALE).round().cast("int64")


def _scale(column: ir.NumericValue, other: ir.NumericValue) -> int:
    """Counts need no scale: their sums and squares are whole numbers that a float holds exactly below 2**53."""
    return 1 if column.type().is_integer() and other.type().is_integer() else SCALE


def _power_sums(name: str, column: ir.NumericValue, other: ir.NumericValue, scale: int) -> dict[str, ir.Scalar]:
    first, second = (c.cast("float64") if scale == 1 else _whole(c).cast("decimal(19, 0)") for c in (column, other))
    sums = [first.sum(), (first * first).sum(), second.sum(), (second * second).sum(), (first * second).sum()]
    return {f"{name}:{part}": total.cast("string") for part, total in zip(_PARTS[1:], sums, strict=True)}


def _moments(row: Mapping[Any, Any], name: str, scale: int) -> dict[str, float]:
    n = int(row["_users"])
    s, ss, o, oo, so = (int(Decimal(row[f"{name}:{part}"])) for part in _PARTS[1:])
    variance, other_variance, covariance = (
        _central(n, *sums) / scale**2 for sums in ((s, s, ss), (o, o, oo), (s, o, so))
    )
    values = (n, s / scale, s / n / scale, variance, o / n / scale, other_variance, covariance)
    return dict(zip(MOMENTS, values, strict=True))


def _central(n: int, first: int, second: int, product: int) -> float:
    """(n * sum(xy) - sum(x) * sum(y)) / (n (n - 1)) in whole numbers, so that nothing cancels."""
    return (n * product - first * second) / (n * (n - 1)) if n > 1 else float("nan")
