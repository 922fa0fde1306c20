"""What keeping a user is worth: what those who stayed brought later, minus what those who left brought."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from opsbook.analysis.logistic import normal_half
from opsbook.analysis.means import welch
from opsbook.analysis.moments import Moments, count_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MIN_SIDE = 30
SCALES = (0.5, 1.0, 2.0)


def saved(banded: Tabular, user_days: Tabular, *, landmark: date, value_days: int, metric: str) -> pd.DataFrame:
    """Worth of a user who stays instead of leaving, by band of risk, over the days after the landmark.

    banded:  one row per user alive at the landmark -- user, band, left (bool)
    metric:  revenue (net, of the days' purchases) or active_days
    returns: one row per band -- band, stayed, left (users), mean_stayed, mean_left (per user), worth, worth_low,
             worth_high, error, pooled (few on one side: the mean over the other bands, by leavers, stands in)
    source:  difference of means, Welch. It goes with staying; whoever is talked into staying may bring less.

    >>> from datetime import date
    >>> import pandas as pd
    >>> from opsbook import risk_value
    >>> banded = pd.DataFrame({"user": range(80), "band": 1, "left": [False] * 40 + [True] * 40})
    >>> days = pd.DataFrame({"user": range(60), "day": pd.Timestamp("2026-02-03"), "revenue": [12.0] * 40 + [4.0] * 20})
    >>> worth = risk_value.saved(banded, days, landmark=date(2026, 2, 1), value_days=28, metric="revenue")
    >>> print(worth[["band", "stayed", "left", "mean_stayed", "mean_left", "worth"]].to_string(index=False))
     band  stayed  left  mean_stayed  mean_left  worth
        1      40    40         12.0        2.0   10.0
    """
    banded = engine_table(banded)
    last = landmark + timedelta(days=value_days)
    days = engine_table(user_days).filter((_.day > ibis.date(landmark)) & (_.day <= ibis.date(last)))
    brought = days.group_by("user").agg(amount=_.revenue.sum() if metric == "revenue" else _.count())
    joined = banded.left_join(brought, "user").drop("user_right")
    side = _.band.cast("string").concat(":", _.left.cast("int8").cast("string"))
    units = joined.mutate(amount=_.amount.fill_null(0).cast("float64"), side=side)
    counted = count_moments(units, by="side", pairs={"amount": (units.amount, units.amount)})
    sides = {name: Moments(int(n), mean, variance) for name, n, mean, variance in
             counted[["side", "users", "mean", "variance"]].itertuples(index=False)}  # fmt: skip
    numbers = sorted({int(name.split(":")[0]) for name in sides})
    pairs = [(sides.get(f"{band}:0"), sides.get(f"{band}:1")) for band in numbers]
    whole = _stand_in(pairs)
    rows = [(band, *_row(sides.get(f"{band}:0"), sides.get(f"{band}:1"), whole)) for band in numbers]
    names = [
        "band",
        "stayed",
        "left",
        "mean_stayed",
        "mean_left",
        "worth",
        "worth_low",
        "worth_high",
        "error",
        "pooled",
    ]
    return pd.DataFrame(rows, columns=names)


def expected(risks: pd.DataFrame, worth: pd.DataFrame, *, save_rate: float) -> pd.DataFrame:
    """Value expected to be saved: probability of leaving times the assumed save rate times the worth of a saved user.

    risks:   one row per band -- band, users, expected_leavers (sum of probabilities)
    returns: the same rows -- saved_users, worth, value, value_low, value_high (of the worth alone: the save rate is an
             assumption); bands whose worth is not known have the worth over all bands

    >>> import pandas as pd
    >>> from opsbook import risk_value
    >>> risks = pd.DataFrame({"band": [1, 2], "users": [900, 100], "expected_leavers": [90.0, 50.0]})
    >>> worth = pd.DataFrame({"band": [1, 2], "worth": [10.0, 6.0], "error": [1.0, 2.0]})
    >>> priced = risk_value.expected(risks, worth, save_rate=0.1)
    >>> print(priced[["band", "saved_users", "value", "value_low", "value_high"]].round(1).to_string(index=False))
     band  saved_users  value  value_low  value_high
        1          9.0   90.0       72.4       107.6
        2          5.0   30.0       10.4        49.6
    """
    table = risks.merge(worth[["band", "worth", "error"]], on="band", how="left")
    kept = table["expected_leavers"] * save_rate
    half = normal_half(1.0) * kept * table["error"]
    value = kept * table["worth"]
    return table.assign(saved_users=kept, value=value, value_low=value - half, value_high=value + half)


def sensitivity(priced: pd.DataFrame, *, save_rate: float, metric: str) -> pd.DataFrame:
    """The total at half, once and twice the assumed save rate.

    priced:  rows of `expected`
    returns: one row per rate -- share_saved (0-1), saved_users, value, value_low, value_high (as wide as if all bands
             erred together, since one may stand in for another)

    >>> import pandas as pd
    >>> from opsbook import risk_value
    >>> risks = pd.DataFrame({"band": [1, 2], "users": [900, 100], "expected_leavers": [90.0, 50.0]})
    >>> worth = pd.DataFrame({"band": [1, 2], "worth": [10.0, 6.0], "error": [1.0, 2.0]})
    >>> priced = risk_value.expected(risks, worth, save_rate=0.1)
    >>> print(risk_value.sensitivity(priced, save_rate=0.1, metric="revenue").round(2).to_string(index=False))
     share_saved  saved_users  value  value_low  value_high  metric
            0.05          7.0   60.0      41.38       78.62 revenue
            0.10         14.0  120.0      82.76      157.24 revenue
            0.20         28.0  240.0     165.52      314.48 revenue
    """
    error = float((priced["expected_leavers"] * priced["error"]).sum(min_count=1))
    leavers, worth = (
        float(priced["expected_leavers"].sum()),
        float((priced["expected_leavers"] * priced["worth"]).sum(min_count=1)),
    )
    rates = [min(save_rate * scale, 1.0) for scale in SCALES]
    rows = [
        (r, r * leavers, r * worth, r * (worth - normal_half(error)), r * (worth + normal_half(error))) for r in rates
    ]
    table = pd.DataFrame(rows, columns=["share_saved", "saved_users", "value", "value_low", "value_high"])
    return table.assign(metric=metric)


def _row(stayed: Moments | None, left: Moments | None, whole: tuple[float, ...]) -> tuple[object, ...]:
    nobody = Moments(0, np.nan, np.nan)
    one, two = stayed or nobody, left or nobody
    few = min(one.n, two.n) < MIN_SIDE
    return one.n, two.n, one.mean, two.mean, *(whole if few else _worth(one, two)), few


def _stand_in(pairs: list[tuple[Moments | None, Moments | None]]) -> tuple[float, ...]:
    """Mean worth of the bands that are large enough, by leavers; all bands as one where none is.

    All bands as one compares the safe who stayed with the endangered who left, which is more than staying is worth.
    """
    large = [(one, two) for one, two in pairs if one and two and min(one.n, two.n) >= MIN_SIDE]
    if not large:
        return _worth(*[_together([pair[side] for pair in pairs]) for side in (0, 1)])
    found = np.array([_worth(one, two) for one, two in large])
    weight = np.array([two.n for _one, two in large], dtype=float)
    weight /= weight.sum()
    value, error = float(weight @ found[:, 0]), float(np.sqrt(weight**2 @ found[:, 3] ** 2))
    half = normal_half(error)
    return tuple(float(np.round(x, 4)) for x in (value, value - half, value + half, error))


def _worth(stayed: Moments, left: Moments) -> tuple[float, float, float, float]:
    found = welch(stayed, left)
    if min(stayed.n, left.n) < MIN_SIDE:
        return np.nan, np.nan, np.nan, np.nan
    error = float(np.sqrt(stayed.variance / stayed.n + left.variance / left.n))
    value, low, high, spread = (float(np.round(x, 4)) for x in (found.value, found.low, found.high, error))
    return value, low, high, spread


def _together(parts: list[Moments | None]) -> Moments:
    """Moments of several groups as one."""
    known = [part for part in parts if part is not None and part.n > 0]
    n = sum(part.n for part in known)
    if n < 2:
        return Moments(n, np.nan, np.nan)
    mean = sum(part.n * part.mean for part in known) / n
    inner = sum((part.n - 1) * part.variance for part in known if part.n > 1)
    between = sum(part.n * (part.mean - mean) ** 2 for part in known)
    return Moments(n, mean, (inner + between) / (n - 1))
