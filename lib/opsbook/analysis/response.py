"""What the last tenth of a channel's money brought, and whether moving it elsewhere would bring more.

Users of a day are taken to follow users = a * cost^b. With b below 1 every further sum brings less than the one before.
It is read from how days differ, so it shows what went together: spend that follows demand looks as if it made it.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtri

METHOD = "quasi-Poisson regression of daily new users on log cost, delta method on logarithms"
LAST = 0.1
MIN_DAYS, MIN_SPREAD, WIDEST = 21, 0.1, 0.8
FURTHEST = 0.5  # no channel is asked what it would do with half as much money again, or more
FITTED = ["channel", "days", "cost", "new_users", "elasticity", "elasticity_low", "elasticity_high", "standard_error",
          "dispersion", "average", "marginal", "marginal_low", "marginal_high", "case"]  # fmt: skip


class Move(NamedTuple):
    """A tenth of one channel's money given to another.

    amount: currency; gain: effective new users more with low and high; probability: that it is more than none; pairs:
    ordered pairs compared, those that would raise a channel's money by half or more left out; case: better
    (probability at least 0.9), unsure, none (fewer than two fitted channels)
    """

    source: str
    target: str
    amount: float
    gain: float
    low: float
    high: float
    probability: float
    pairs: int
    case: str


def responses(daily: pd.DataFrame) -> pd.DataFrame:
    """Elasticity of each channel and what a new user cost in the last tenth of its money.

    daily:   `acquisition.daily`
    returns: one row per channel -- channel, days (with cost), cost, new_users (sums), elasticity b with interval and
             standard_error, dispersion, average (cost per new user), marginal (the same of the last tenth) with
             interval, case: falling (b below 1), flat (not clearly), rising (b above 1: spend follows demand),
             cannot_tell (fewer than 21 days, spend that hardly varies, or b known no better than +-0.8); then marginal
             is missing
    source:  McCullagh & Nelder 1989, chapter 6; marginal = average * 0.1 / (1 - 0.9^b)

    >>> import pandas as pd
    >>> from opsbook import response
    >>> days = pd.DataFrame({"cost": [100.0, 200.0, 400.0, 800.0] * 6, "new_users": [20, 28, 40, 57] * 6})
    >>> told = response.responses(days.assign(channel="ads"))
    >>> print(told[["channel", "elasticity", "average", "marginal", "case"]].round(2).to_string(index=False))
    channel  elasticity  average  marginal    case
        ads        0.51    10.34     19.91 falling
    """
    rows = [_row(str(channel), part) for channel, part in daily.groupby("channel", sort=True)]
    table = pd.DataFrame(rows, columns=FITTED)
    return table.sort_values("cost", ascending=False, kind="stable", ignore_index=True)


def best_move(responses: pd.DataFrame, cac: pd.DataFrame, *, seed: int, draws: int = 4000) -> Move:
    """The pair of channels between which a tenth of the money would do most, and how sure that is.

    responses: `responses`; cac: `acquisition.by_channel` (share of new users who stayed)
    source:    normal draws of elasticity and of log users, Jeffreys draws of the share who stayed

    >>> import pandas as pd
    >>> from opsbook import response
    >>> ads = pd.DataFrame({"channel": "ads", "cost": [100.0, 200.0, 400.0] * 8, "new_users": [20, 25, 31] * 8})
    >>> search = pd.DataFrame({"channel": "search", "cost": [100.0, 200.0, 400.0] * 8, "new_users": [10, 20, 40] * 8})
    >>> cac = pd.DataFrame({"channel": ["ads", "search"], "watched": [600, 560], "stayed": [300, 280]})
    >>> move = response.best_move(response.responses(pd.concat([ads, search])), cac, seed=1)
    >>> print(f"{move.amount:.0f} from {move.source} to {move.target}: {move.gain:+.0f} users who stay, {move.case}")
    560 from ads to search: +18 users who stay, better
    """
    nan, known = float("nan"), responses[responses["case"] != "cannot_tell"]
    known = known.merge(cac[["channel", "watched", "stayed"]], on="channel")
    if len(known) < 2:
        return Move("", "", nan, nan, nan, nan, nan, 0, "none")
    drawn = _drawn(known, np.random.default_rng(seed), draws)
    cost = dict(zip(known["channel"], known["cost"], strict=True))
    near = [(one, other) for one, other in permutations(cost, 2) if LAST * cost[one] <= FURTHEST * cost[other]]
    if not near:
        return Move("", "", nan, nan, nan, nan, nan, 0, "none")
    gains = {(one, to): _gain(drawn[one], drawn[to], cost[one], cost[to]) for one, to in near}
    source, target = max(gains, key=lambda pair: float(np.median(gains[pair])))
    gain = gains[source, target]
    value, low, high = np.quantile(gain, [0.5, 0.025, 0.975])
    sure = float((gain > 0).mean())
    case = "better" if sure >= 0.9 else "unsure"
    return Move(source, target, LAST * cost[source], float(value), float(low), float(high), sure, len(gains), case)


def fit(cost: np.ndarray, users: np.ndarray) -> tuple[float, float, float, float]:
    """Log a, b, standard error of b and dispersion (at least 1) of users = a * cost^b, by iterated least squares.

    >>> import numpy as np
    >>> from opsbook import response
    >>> cost, users = np.array([100.0, 200.0, 400.0, 800.0]), np.array([20.0, 40.0, 80.0, 160.0])
    >>> log_a, b, error, dispersion = response.fit(cost, users)
    >>> print(f"users = {np.exp(log_a):.2f} * cost^{b:.2f}, dispersion {dispersion:.0f}")
    users = 0.20 * cost^1.00, dispersion 1
    """
    design = np.column_stack([np.ones(len(cost)), np.log(cost)])
    mean = users + 0.5
    for _step in range(50):
        working = np.log(mean) + (users - mean) / mean
        weighted = design * mean[:, None]
        found = np.linalg.solve(weighted.T @ design, weighted.T @ working)
        last, mean = mean, np.exp(np.clip(design @ found, -30, 30))
        if np.allclose(mean, last, rtol=1e-10):
            break
    dispersion = max(float(((users - mean) ** 2 / mean).sum() / (len(cost) - 2)), 1.0)
    spread = np.linalg.inv((design * mean[:, None]).T @ design) * dispersion
    return float(found[0]), float(found[1]), float(np.sqrt(spread[1, 1])), dispersion


def _row(channel: str, part: pd.DataFrame, *, level: float = 0.95) -> list[object]:
    cost, users = part["cost"].to_numpy(dtype=float), part["new_users"].to_numpy(dtype=float)
    nan, total, came = float("nan"), float(cost.sum()), int(users.sum())
    average = total / came if came else nan
    told: list[object] = [channel, len(part), total, came]
    if len(part) < MIN_DAYS or not came or cost.std() < MIN_SPREAD * cost.mean():
        return [*told, nan, nan, nan, nan, nan, average, nan, nan, nan, "cannot_tell"]
    _intercept, slope, error, dispersion = fit(cost, users)
    z = float(ndtri(0.5 + level / 2))
    low, high = slope - z * error, slope + z * error
    fitted = [slope, low, high, error, dispersion, average]
    if z * error > WIDEST or slope <= 0:
        return [*told, *fitted, nan, nan, nan, "cannot_tell"]
    case = "falling" if high < 1 else "rising" if low > 1 else "flat"
    return [*told, *fitted, *_marginal(average, came, slope, error, dispersion, z), case]


def _marginal(average: float, came: int, slope: float, error: float, dispersion: float, z: float) -> list[float]:
    """Cost per new user of the last tenth, interval on the logarithm of it."""
    kept = (1 - LAST) ** slope
    value = average * LAST / (1 - kept)
    by_slope = kept * np.log(1 - LAST) / (1 - kept)
    half = z * float(np.sqrt(dispersion / came + (by_slope * error) ** 2))
    return [value, value * float(np.exp(-half)), value * float(np.exp(half))]


def _drawn(known: pd.DataFrame, rng: np.random.Generator, draws: int) -> dict[str, np.ndarray]:
    """Per channel two rows of draws: effective new users, elasticity."""
    found = {}
    for row in known.to_dict("records"):
        users = row["new_users"] * np.exp(rng.normal(0, np.sqrt(row["dispersion"] / row["new_users"]), draws))
        stayed = rng.beta(row["stayed"] + 0.5, row["watched"] - row["stayed"] + 0.5, draws)
        slope = np.clip(rng.normal(row["elasticity"], row["standard_error"], draws), 0, None)
        found[str(row["channel"])] = np.vstack([users * stayed, slope])
    return found


def _gain(source: np.ndarray, target: np.ndarray, source_cost: float, target_cost: float) -> np.ndarray:
    lost = source[0] * (1 - (1 - LAST) ** source[1])
    return np.asarray(target[0] * ((1 + LAST * source_cost / target_cost) ** target[1] - 1) - lost)
