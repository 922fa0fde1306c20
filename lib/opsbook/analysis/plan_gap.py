"""Why a campaign missed or beat its plan: actual minus plan as a sum of parts over the funnel and over channels."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from opsbook.analysis import shapley

LEVELS = ("exposed", "participants", "converters", "orders", "revenue")
RATES = {"participants": "participation", "converters": "conversion", "orders": "frequency", "revenue": "value"}
FACTORS = ("gap", "exposed", "participants", "mix", "participation", "conversion", "frequency", "value", "unrecorded")
STEPS = ["step", "planned", "actual", "low", "high", "attainment"]
GAP = ["factor", "channel", "part", "low", "high", "first", "planned", "actual"]
ALL, UNRECORDED, WHOLE = "all", "unrecorded", "gap"
DELIVERY, BY_RATES = "delivery", "rates"  # sums of a channel: users and mix; everything after them
FEW = 10  # fewer converters than this borrow the spread of all channels


def measurable(planned: pd.DataFrame, given: Collection[str]) -> tuple[str, ...]:
    """The levels that plan and tables both know, from the first to the product metric; fewer than one: no split.

    planned: `delivery.planned`; given: contract tables of the company

    >>> plan = pd.DataFrame({"exposed": [1000], "participants": [200], "converters": [50], "orders": [60],
    ...                      "revenue": [3000.0]})
    >>> measurable(plan, given=["exposures", "orders"])
    ('exposed', 'participants', 'converters', 'orders', 'revenue')
    >>> measurable(plan.assign(exposed=None), given=["exposures"])
    ('participants', 'converters')
    """
    known = [level for level in LEVELS if planned[level].notna().all() and len(planned)]
    if "exposures" not in given:
        known = [level for level in known if level != "exposed"]
    if "orders" not in given:
        known = [level for level in known if level not in ("orders", "revenue")]
    return tuple(known)


def steps(
    both: pd.DataFrame, *, levels: tuple[str, ...], seed: int, draws: int = 2000, level: float = 0.95
) -> pd.DataFrame:
    """The funnel over all channels: each level and each rate, planned and delivered.

    both:    `delivery.together`
    returns: one row per step, in order -- step (exposed, participation, participants, …), planned, actual, low, high
             (of actual; the method of `gap`), attainment (actual / planned)

    >>> both = pd.DataFrame({"channel": ["ads", "app"], "planned_exposed": [1000.0, 500.0], "exposed": [1200.0, 400.0],
    ...                      "planned_participants": [200.0, 100.0], "participants": [180.0, 100.0]})
    >>> found = steps(both, levels=("exposed", "participants"), seed=1)
    >>> print(found[["step", "planned", "actual", "attainment"]].round(3).to_string(index=False))
             step  planned   actual  attainment
          exposed   1500.0 1600.000       1.067
    participation      0.2    0.175       0.875
     participants    300.0  280.000       0.933
    """
    if not levels:
        return pd.DataFrame(columns=STEPS)
    plan, fact = _sides(both, levels)
    drawn = _redrawn(both, fact, levels, np.random.default_rng(seed), draws).sum(axis=1)
    sides = [_level_and_rate(side) for side in (plan.sum(axis=0), fact.sum(axis=0), drawn)]
    low, high = np.nanquantile(sides[2], [(1 - level) / 2, (1 + level) / 2], axis=0)
    names = [levels[0], *(name for step in levels[1:] for name in (RATES[step], step))]
    table = pd.DataFrame({"step": names, "planned": sides[0], "actual": sides[1]})
    ends = {"low": np.minimum(low, sides[1]), "high": np.maximum(high, sides[1])}
    return table.assign(**ends, attainment=table["actual"] / table["planned"].where(table["planned"] > 0))


def gap(
    both: pd.DataFrame,
    *,
    levels: tuple[str, ...],
    unrecorded: pd.DataFrame | None = None,
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Actual minus plan of the last level, as parts of the factors that multiply to it, channel by channel.

    The last level is, summed over channels, users x share of the channel (mix) x rates. A part is the factor's mean
    contribution over all orders in which the factors can move from plan to actual. A rate of nobody is taken from the
    other side: what cannot be seen did not move. Parts are in whole cents, so that they add up exactly.

    both:       `delivery.together`; levels: `measurable`
    unrecorded: `delivery.delivered` rows of participants never recorded as exposed, who stand outside the plan's chain
    returns:    one row per factor and channel, first of `all` -- factor (FACTORS; of a channel also `delivery`, users
                and mix together, and `rates`, the sum of the others), channel, part, low, high (the unit
                of the last level; missing without two converters where money is split), first (share of redrawn
                campaigns in which the factor is the largest in the direction of the gap; of `all` only), planned,
                actual (of the channel)
    method:     intervals redraw what was counted, the plan is fixed; shocks that all users share are not in them
    source:     Shapley 1953

    >>> both = pd.DataFrame({"channel": ["ads"], "planned_exposed": [1000.0], "exposed": [1200.0],
    ...                      "planned_participants": [200.0], "participants": [180.0]})
    >>> found = gap(both, levels=("exposed", "participants"), seed=1)
    >>> print(found[["factor", "channel", "part", "planned", "actual"]].to_string(index=False))
           factor channel  part  planned  actual
              gap     all -20.0    200.0   180.0
          exposed     all  35.0    200.0   180.0
    participation     all -55.0    200.0   180.0
    """
    if not levels:
        return pd.DataFrame(columns=GAP)
    rng = np.random.default_rng(seed)
    plan, fact = _sides(both, levels)
    names, exact = _parts(plan[None], fact[None], levels)
    _, drawn = _parts(plan[None], _redrawn(both, fact, levels, rng, draws), levels)
    outside = _outside(unrecorded, levels[-1], rng, draws)
    cents = _to_the_cent(exact[:, 0, :], plan[:, -1], fact[:, -1])
    sums = {"planned": plan[:, -1].sum(), "actual": round(fact[:, -1].sum() + outside[0], 4)}
    whole = _whole(names, cents, drawn, outside, level).assign(**sums)
    if len(both) == 1:
        return _without_spread(whole, both, levels)[GAP]
    cents, drawn = (_with_sums(parts) for parts in (cents, drawn))
    names = [WHOLE, DELIVERY, BY_RATES, *names]
    cells = pd.MultiIndex.from_product([names, both["channel"]], names=["factor", "channel"]).to_frame(index=False)
    table = cells.assign(part=cents.round(2).ravel(), **_ends(drawn, cents, level), first=np.nan)
    table["planned"], table["actual"] = np.tile(plan[:, -1], len(names)), np.tile(fact[:, -1], len(names))
    return _without_spread(pd.concat([whole, table], ignore_index=True), both, levels)[GAP]


def _without_spread(parts: pd.DataFrame, both: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    """The parts without intervals where fewer than two converters show how orders and amounts spread."""
    if "orders" not in levels or np.isfinite(_roots(both, both["converters"].to_numpy(dtype=float))).all():
        return parts
    return parts.assign(low=np.nan, high=np.nan, first=np.nan)


def total(gap: pd.DataFrame) -> tuple[float, float, float]:
    """Planned, actual, and their difference, over all channels; missing without a split.

    >>> parts = pd.DataFrame({"factor": ["gap", "exposed", "participation"], "channel": "all",
    ...                       "part": [-20.0, 35.0, -55.0], "planned": 200.0, "actual": 180.0})
    >>> total(parts)
    (200.0, 180.0, -20.0)
    """
    if gap.empty:
        return float("nan"), float("nan"), float("nan")
    whole = gap[(gap["channel"] == ALL) & (gap["factor"] == WHOLE)].iloc[0]
    return float(whole["planned"]), float(whole["actual"]), float(whole["part"])


def _sides(both: pd.DataFrame, levels: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Planned and delivered levels: channels x levels."""
    plan, fact = (both[[prefix + name for name in levels]].to_numpy(dtype=float) for prefix in ("planned_", ""))
    return np.nan_to_num(plan), fact


def _level_and_rate(levels: np.ndarray) -> np.ndarray:
    """Levels with each rate in front of the level it leads to, along the last axis."""
    top, bottom = levels[..., 1:], levels[..., :-1]
    rates = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    pairs = np.stack([rates, top], axis=-1).reshape(*top.shape[:-1], -1)
    return np.concatenate([levels[..., :1], pairs], axis=-1)


def _parts(plan: np.ndarray, fact: np.ndarray, levels: tuple[str, ...]) -> tuple[list[str], np.ndarray]:
    """Names of the factors and their parts: factors x draws x channels."""
    sizes = [side[..., 0].sum(axis=-1, keepdims=True) for side in (plan, fact)]
    mixes = [np.divide(side[..., 0], size, out=np.zeros_like(side[..., 0]), where=size > 0)
             for side, size in zip((plan, fact), sizes, strict=True)]  # fmt: skip
    factors = {levels[0]: sizes} | ({"mix": mixes} if plan.shape[-2] > 1 else {})
    for place, name in enumerate(levels[1:], start=1):
        factors[RATES[name]] = _rates(plan, fact, place)
    paired = [np.stack(np.broadcast_arrays(*sides)) for sides in factors.values()]
    return list(factors), np.stack(np.broadcast_arrays(*shapley.of_product(*paired)))


def _rates(plan: np.ndarray, fact: np.ndarray, place: int) -> list[np.ndarray]:
    """Planned and actual rate of a level on the level before, each taken from the other where nobody can be seen."""
    found = []
    for side in (plan, fact):
        top, bottom = side[..., place], side[..., place - 1]
        found.append(np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0))
    first, second = np.broadcast_arrays(*found)
    return [np.nan_to_num(np.where(np.isnan(a), b, a)) for a, b in ((first, second), (second, first))]


def _redrawn(
    both: pd.DataFrame, fact: np.ndarray, levels: tuple[str, ...], rng: np.random.Generator, draws: int
) -> np.ndarray:
    """The levels as they could have been: draws x channels x levels."""
    size = fact[:, 0]
    found = [np.where(size > 0, rng.gamma(np.where(size > 0, size, 1) + 0.5, size=(draws, len(size))), 0.0)]
    for place, name in enumerate(levels[1:], start=1):
        if name not in ("participants", "converters"):
            break
        done, left = fact[:, place], fact[:, place - 1] - fact[:, place]
        planned_full = both[f"planned_{name}"].equals(both[f"planned_{levels[place - 1]}"])
        certain = planned_full and not left.any()  # taking part is converting, by definition: nothing can move
        found.append(found[-1] if certain else found[-1] * rng.beta(done + 0.5, left + 0.5, size=(draws, len(size))))
    if len(found) < len(levels):
        found += _redrawn_means(both, found[-1], rng, len(levels) - len(found))
    return np.stack(found, axis=-1)


def _redrawn_means(both: pd.DataFrame, buyers: np.ndarray, rng: np.random.Generator, wanted: int) -> list[np.ndarray]:
    """Orders and revenue of the drawn buyers, with the means per buyer drawn together from a normal law."""
    users = both["converters"].to_numpy(dtype=float)
    means = np.divide(both[["orders", "revenue"]].to_numpy(dtype=float), users[:, None],
                      out=np.zeros((len(users), 2)), where=users[:, None] > 0)  # fmt: skip
    normal = rng.standard_normal((*buyers.shape, 2))
    noise = np.stack([normal[:, c] @ root.T for c, root in enumerate(_roots(both, users))], axis=1)
    return [buyers * np.clip(means + noise, 0, None)[..., place] for place in range(wanted)]


def _roots(both: pd.DataFrame, users: np.ndarray) -> list[np.ndarray]:
    """Per channel a square root of the covariance of its two means; missing without two buyers in all."""
    own = both[["orders_variance", "revenue_variance", "covariance"]].to_numpy(dtype=float)
    usable = (users >= FEW) & np.isfinite(own).all(axis=1)
    weight = np.where(np.isfinite(own).all(axis=1), np.clip(users - 1, 0, None), 0.0)
    pooled = np.nan_to_num(own).T @ weight / weight.sum() if weight.sum() else np.full(3, np.nan)
    return [_root(*(row if use else pooled) / max(n, 1)) for row, use, n in zip(own, usable, users, strict=True)]


def _root(first: float, second: float, covariance: float) -> np.ndarray:
    """The lower triangular root of a 2 x 2 covariance matrix, which may have no spread in its first quantity."""
    deviation = np.sqrt(first)
    shared = covariance / deviation if deviation > 0 else 0.0 * first
    return np.array([[deviation, 0.0], [shared, np.sqrt(max(second - shared**2, 0.0))]])


def _outside(
    unrecorded: pd.DataFrame | None, metric: str, rng: np.random.Generator, draws: int
) -> tuple[float, np.ndarray]:
    """What participants without a recorded exposure bring, and redrawn, as a sum over a Poisson number of people."""
    if unrecorded is None or unrecorded.empty or metric == "exposed":
        return 0.0, np.zeros(draws)
    value = float(unrecorded[metric].sum())
    users = float(unrecorded["participants" if metric == "participants" else "converters"].sum())
    per_user = value / users if users else 0.0
    variance = 0.0
    if metric in ("orders", "revenue") and users:
        variance = float(np.nan_to_num(unrecorded[f"{metric}_variance"]).max())
    return value, value + rng.standard_normal(draws) * np.sqrt(users * (per_user**2 + variance))


def _to_the_cent(parts: np.ndarray, planned: np.ndarray, actual: np.ndarray) -> np.ndarray:
    columns = [shapley.to_the_cent(parts[:, c], actual[c] - planned[c]) for c in range(parts.shape[1])]
    return np.stack(columns, axis=1)


def _with_sums(parts: np.ndarray) -> np.ndarray:
    """In front of the parts of several channels their sum, that of users and mix, and that of the rates."""
    return np.concatenate([np.stack([parts.sum(axis=0), parts[:2].sum(axis=0), parts[2:].sum(axis=0)]), parts])


def _ends(drawn: np.ndarray, parts: np.ndarray, level: float) -> dict[str, np.ndarray]:
    """Ends of the interval that always hold the part itself."""
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=1)
    return {"low": np.minimum(low, parts).ravel(), "high": np.maximum(high, parts).ravel()}


def _whole(
    names: list[str], cents: np.ndarray, drawn: np.ndarray, outside: tuple[float, np.ndarray], level: float
) -> pd.DataFrame:
    """The rows of all channels, with how often each factor leads in the direction of the gap."""
    parts, sums = cents.sum(axis=1).round(2), drawn.sum(axis=2)
    if outside[0]:
        names, parts = [*names, UNRECORDED], np.append(parts, round(outside[0], 2))
        sums = np.concatenate([sums, outside[1][None]])
    leader = sums.argmax(axis=0) if parts.sum() > 0 else sums.argmin(axis=0)
    first = [np.nan, *(float((leader == place).mean()) for place in range(len(names)))]
    parts, sums = np.append(parts.sum().round(2), parts), np.concatenate([sums.sum(axis=0, keepdims=True), sums])
    ends = _ends(sums[:, :, None], parts[:, None], level)
    return pd.DataFrame({"factor": [WHOLE, *names], "channel": ALL, "part": parts, "first": first, **ends})
