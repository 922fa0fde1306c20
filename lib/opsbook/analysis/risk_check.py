"""Is the early-warning model any good: checked on a later landmark, against the plain rule "longest silent first"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import chi2

from opsbook.analysis.logistic import in_the_large, normal_half, recalibration
from opsbook.analysis.proportion import wilson
from opsbook.analysis.ranking import Auc, auc, difference, gains

BAND_SHARES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)  # of users by rising risk: the upper bands are the narrow ones
GAIN_SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ALARM_P = 0.01
BANDS = ["band", "users", "left", "predicted", "observed", "low", "high"]


class Calibration(NamedTuple):
    """Levels of the probabilities: observed / expected, intercept at slope 1, slope, each with its interval."""

    ratio: float
    ratio_low: float
    ratio_high: float
    shift: float
    slope: float
    slope_low: float
    slope_high: float
    p_bands: float
    n: int
    left: int


@dataclass(frozen=True, eq=False)
class Check:
    """What a later landmark says. status: better or not_better (than recency); levels: hold, recalibrated, refused."""

    status: str
    levels: str
    model: Auc
    recency: Auc
    difference: Auc
    calibration: Calibration
    bands: pd.DataFrame
    curve: pd.DataFrame
    shift: float
    slope: float


def check(scores: np.ndarray, counted: pd.DataFrame) -> Check:
    """The check of scores (log odds) on counted patterns with recency_days, users, left.

    >>> import numpy as np
    >>> import pandas as pd
    >>> from opsbook import risk_check
    >>> counted = pd.DataFrame({"recency_days": [0, 9, 3], "users": [400, 300, 200], "left": [20, 45, 120]})
    >>> found = risk_check.check(np.log(counted["left"] / (counted["users"] - counted["left"])).to_numpy(), counted)
    >>> print(f"model {found.model.value:.3f}, recency {found.recency.value:.3f}: {found.status}, {found.levels}")
    model 0.814, recency 0.610: better, hold
    """
    users, left = counted["users"].to_numpy(float), counted["left"].to_numpy(float)
    silent = counted["recency_days"].to_numpy(float)
    apart = difference(scores, silent, users, left)
    found = calibration(scores, users, left)
    levels, shift, slope = judged(found, scores, users, left)
    rankings = (("model", scores), ("recency", silent))
    curves = [gains(by, users, left, shares=GAIN_SHARES).assign(ranking=name) for name, by in rankings]
    curve = pd.concat(curves, ignore_index=True)
    ways = auc(scores, users, left), auc(silent, users, left)
    return Check("better" if apart.low > 0 else "not_better", levels, *ways, apart, found,
                 bands(scores, users, left), curve, shift, slope)  # fmt: skip


def calibration(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> Calibration:
    """Calibration in the large and slope, and a test of all risk bands at once.

    source: Cox 1958; van Calster and others 2016; bands as Hosmer & Lemeshow 1980 on new data (no parameter fitted)

    >>> import numpy as np
    >>> from opsbook import risk_check
    >>> scores, users, left = np.array([-2.0, 0.0]), np.array([500.0, 500.0]), np.array([90.0, 330.0])
    >>> found = risk_check.calibration(scores, users, left)
    >>> print(f"{found.left} left, {found.ratio:.2f} times the number said, slope {found.slope:.2f}")
    420 left, 1.36 times the number said, slope 1.09
    """
    shift, error = in_the_large(scores, users, left)
    expected, seen, n = float((users * expit(scores)).sum()), float(left.sum()), float(users.sum())
    half = normal_half(1 / (error * seen)) if seen else np.nan  # 1 / error: root of the sum of p (1 - p), user by user
    ratio = seen / expected
    (_at, slope), covariance = recalibration(scores, users, left)
    reach = normal_half(float(np.sqrt(covariance[1, 1])))
    return Calibration(
        ratio, ratio * np.exp(-half), ratio * np.exp(half), shift, slope, slope - reach, slope + reach,
        _bands_p(bands(scores, users, left)), int(n), int(seen),
    )  # fmt: skip


def judged(found: Calibration, scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> tuple[str, float, float]:
    """hold: nothing contradicts the probabilities. recalibrated: shifted and stretched to the check, and bands agree
    then. refused: there is no rising relation, or bands disagree even so: only the ranking is to be used.

    >>> import numpy as np
    >>> from opsbook import risk_check
    >>> scores, users, left = np.array([-2.0, 0.0]), np.array([500.0, 500.0]), np.array([90.0, 330.0])
    >>> risk_check.judged(risk_check.calibration(scores, users, left), scores, users, left)
    ('recalibrated', 0.663294, 1.089821)
    """
    (at, slope), _covariance = recalibration(scores, users, left)
    fine = found.ratio_low <= 1 <= found.ratio_high and found.slope_low <= 1 <= found.slope_high
    if fine and found.p_bands >= ALARM_P:
        return "hold", 0.0, 1.0
    if not np.isfinite(slope) or not found.slope_low > 0:
        return "refused", 0.0, 1.0
    after = _bands_p(bands(at + slope * scores, users, left), fitted=2)
    return ("recalibrated" if after >= ALARM_P else "refused"), float(round(at, 6)), float(round(slope, 6))


def bands(scores: np.ndarray, users: np.ndarray, left: np.ndarray) -> pd.DataFrame:
    """Predicted against observed by band of risk, lowest first.

    returns: one row per band -- band (1 = lowest), users, left, predicted (mean probability), observed, low, high
             (Wilson)

    >>> import numpy as np
    >>> from opsbook import risk_check
    >>> scores, users, left = np.array([-2.0, 0.0, 1.0]), np.array([500.0, 400.0, 100.0]), np.array([60.0, 200.0, 80.0])
    >>> print(risk_check.bands(scores, users, left).round(3).to_string(index=False))
     band  users  left  predicted  observed   low  high
        1    500    60      0.119      0.12 0.094 0.151
        2    400   200      0.500      0.50 0.451 0.549
        3    100    80      0.731      0.80 0.711 0.867
    """
    place = band_of(scores, edges(scores, users))
    counted = pd.DataFrame({"band": place, "users": users, "left": left, "sum": users * expit(scores)})
    table = counted.groupby("band", sort=True).sum().reset_index()
    seen = wilson(table["left"], table["users"])
    table = table.assign(predicted=table["sum"] / table["users"], observed=seen.value, low=seen.low, high=seen.high)
    return table.astype({"users": "int64", "left": "int64", "band": "int64"})[BANDS]


def edges(scores: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Scores that part the bands: a band holds scores above its lower edge. Equal scores are never parted.

    >>> import numpy as np
    >>> from opsbook import risk_check
    >>> risk_check.edges(np.array([-2.0, 0.0, 1.0]), np.array([500.0, 400.0, 100.0])).tolist()
    [-2.0, 0.0]
    """
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(users[order]) / users.sum()
    places = [np.searchsorted(reached, share - 1e-12) for share in BAND_SHARES[1:-1]]
    cuts = np.unique(scores[order][np.minimum(places, len(order) - 1)])
    return cuts[cuts < scores.max()]


def band_of(scores: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Number of the band of each score, 1 = lowest.

    >>> import numpy as np
    >>> from opsbook import risk_check
    >>> risk_check.band_of(np.array([-3.0, -2.0, 0.5, 2.0]), np.array([-2.0, 0.0])).tolist()
    [1, 1, 3, 3]
    """
    return np.searchsorted(cuts, scores, side="left") + 1


def _bands_p(table: pd.DataFrame, *, fitted: int = 0) -> float:
    """Chi-square of all bands against their predictions; 1 where nothing can be compared."""
    p, n = table["predicted"].to_numpy(float), table["users"].to_numpy(float)
    freedom = len(table) - fitted
    if freedom < 1 or not ((p > 0) & (p < 1)).all():
        return 1.0
    return float(chi2.sf(((table["left"] - n * p) ** 2 / (n * p * (1 - p))).sum(), freedom))
