"""Users who got a campaign against comparable users who did not: weights by entropy balancing, with the balance shown.

Users are counted in cells of what they did in the days before and of how long they have been known; the others' cells
are weighted until their means are those of the treated. What was not measured stays unbalanced, so the evidence is C.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import ndtr, ndtri

from opsbook.analysis import experiment
from opsbook.analysis.incrementality import COLUMNS
from opsbook.analysis.multiplicity import holm
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "entropy balancing, regression residuals"
KEY, CONTROL, TREATED = "weighted", "control", "treated"
BEFORE_DAYS = 28
EDGES = {
    "orders": (0, 1, 2, 3, 5),
    "active_days": (0, 1, 2, 3, 5, 7, 10, 14, 20),
    "revenue": (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0),  # times the mean of everybody
    "tenure": (60, 90, 180, 365, 730),
}
MOST_CHANNELS = 6
BALANCE = ["covariate", "treated", "control", "weighted", "gap_before", "gap_after"]
PLACEBOS = ["metric", "treated", "control", "difference", "low", "high", "p", "p_holm"]
CHECKS = ["check", "measured", "limit", "outcome"]
ESTIMATES = ["method", "difference", "low", "high"]
EARLIER = ("orders", "revenue", "active_days")
WORST_GAP, LEAST_OVERLAP, ALPHA = 0.1, 0.05, 0.05


class WeightedReview(NamedTuple):
    """Tables a report shows; all empty where the comparison is another one.

    increments: in the shape of `incrementality.increments`; estimates: the difference without weights -- method,
    difference, low, high; balance: one row per covariate -- covariate, treated, control, weighted (means), gap_before,
    gap_after (in standard deviations, both groups' pooled); placebos: the same weights on the four weeks before those
    that made them; checks: covariates (largest gap left), overlap (effective share of the control users),
    placebo_before (smallest Holm p)
    """

    increments: pd.DataFrame
    estimates: pd.DataFrame
    balance: pd.DataFrame
    placebos: pd.DataFrame
    checks: pd.DataFrame


NOTHING = WeightedReview(*(pd.DataFrame(columns=names) for names in (COLUMNS, ESTIMATES, BALANCE, PLACEBOS, CHECKS)))


def review(
    chosen: Tabular | None,
    user_days: Tabular,
    *,
    comparison: str,
    metric: str,
    start: date,
    end: date,
    after_days: int,
) -> WeightedReview:
    """The comparison, its balance and its checks in one; nothing is counted for another comparison.

    chosen: one row per user -- user, entry_day, channel, treated (bool), decided before the start or by who was shown
            it, never by who took part

    >>> from opsbook import tiny, weighting
    >>> shown = set(tiny.exposures["user"])
    >>> chosen = tiny.users.assign(treated=lambda users: users["user"].isin(shown))
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7}
    >>> found = weighting.review(chosen, tiny.user_days, comparison="weighted", metric="revenue", **span)
    >>> print(found.checks[["check", "limit", "outcome"]].head(2).to_string(index=False))
         check  limit outcome
    covariates   0.10  failed
       overlap   0.05  passed
    """
    if comparison != KEY or chosen is None:
        return NOTHING
    counted = cells(chosen, user_days, start=start, end=end, after_days=after_days)
    if counted["treated"].nunique() < 2:
        return NOTHING
    weights = balancing_weights(counted)
    increments, balance = effects(counted, weights), balanced(counted, weights)
    placebos = _placebos(counted, weights)
    plain = effects(counted, np.ones(len(counted)), adjusted=False)
    plain = plain[(plain["metric"] == metric) & (plain["window"] == "net")].assign(method="unweighted")
    return WeightedReview(increments, plain[ESTIMATES], balance, placebos, _checks(counted, weights, balance, placebos))


def cells(chosen: Tabular, user_days: Tabular, *, start: date, end: date, after_days: int) -> pd.DataFrame:
    """Users counted by what was known of them before the start.

    returns: one row per treated (bool), orders, active_days, revenue, tenure (numbers of bins), channel -- users, sums
             of the covariates <name>_sum and <name>_square, and per metric and window <metric>_<window>_sum and
             _square; the window `earlier` is the four weeks before those of the covariates

    >>> from opsbook import tiny, weighting
    >>> shown = set(tiny.exposures["user"])
    >>> chosen = tiny.users.assign(treated=lambda users: users["user"].isin(shown))
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7}
    >>> cells = weighting.cells(chosen, tiny.user_days, **span)
    >>> print(cells.groupby("treated")[["users", "orders_sum", "revenue_net_sum"]].sum().to_string())
             users  orders_sum  revenue_net_sum
    treated
    False       20        18.0            100.0
    True        10        16.0            595.0
    """
    people = engine_table(chosen)
    known = people.filter(people.entry_day.cast("date") <= start - timedelta(days=BEFORE_DAYS))
    marked = known.select(
        "user",
        variant=ibis.ifelse(_.treated, TREATED, CONTROL),
        experiment_id=ibis.literal(KEY),
        day=ibis.literal(start),
    )
    asked: dict[str, Any] = {"experiment_id": KEY, "control": CONTROL, "before_days": BEFORE_DAYS}
    units = experiment.units(marked, user_days, start=start, end=end, after_days=after_days, **asked)
    told = known.select(
        who=known.user, channel=known.channel.cast("string").fill_null("unknown"),
        tenure_before=ibis.literal(start).delta(known.entry_day.cast("date"), unit="day"),
    )  # fmt: skip
    earlier = _earlier(user_days, start=start)
    marked = units.inner_join(told, units.user == told.who)
    return _counted(marked.left_join(earlier, marked.user == earlier.earlier_user))


def balancing_weights(cells: pd.DataFrame) -> np.ndarray:
    """Weight of a user in each cell: 1 for the treated; the others' are as even as balance with the treated allows.

    source: Hainmueller 2012, entropy balancing by its convex dual; weights of the others sum to the treated users

    >>> import pandas as pd
    >>> from opsbook import weighting
    >>> cells = pd.DataFrame({"treated": [True, True, False, False], "users": [40, 60, 150, 50], "bin": [0, 1, 0, 1]})
    >>> cells = cells.assign(channel="ads", **{name: cells["bin"] for name in weighting.EDGES})
    >>> cells = cells.assign(**{f"{name}_sum": cells["bin"] * cells["users"] for name in weighting.EDGES})
    >>> weighting.balancing_weights(cells).round(3).tolist()
    [1.0, 1.0, 0.267, 1.2]
    """
    treated, users = cells["treated"].to_numpy(bool), cells["users"].to_numpy(float)
    design = _design(cells)
    target = np.average(design[treated], axis=0, weights=users[treated])
    others, counts = design[~treated] - target, users[~treated]
    found = minimize(_dual, np.zeros(others.shape[1]), args=(others, counts), jac=True, method="BFGS",
                     options={"gtol": 1e-6, "maxiter": 500})  # fmt: skip
    powers = others @ found.x
    raw = np.exp(powers - powers.max())
    weights = np.ones(len(cells))
    weights[~treated] = raw * users[treated].sum() / (raw @ counts)
    return weights


def effects(cells: pd.DataFrame, weights: np.ndarray, *, adjusted: bool = True) -> pd.DataFrame:
    """Treated minus weighted others in every metric and window, in the shape of `incrementality.increments`.

    adjusted: whether residuals around a weighted regression on the balanced covariates make the interval, which is
    right where the weights balance them; else the spread of the outcomes themselves

    >>> import numpy as np
    >>> from opsbook import tiny, weighting
    >>> shown = set(tiny.exposures["user"])
    >>> chosen = tiny.users.assign(treated=lambda users: users["user"].isin(shown))
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7}
    >>> cells = weighting.cells(chosen, tiny.user_days, **span)
    >>> plain = weighting.effects(cells, np.ones(len(cells)), adjusted=False).query("metric == 'revenue'")
    >>> print(plain[["window", "treated_users", "control_users", "difference"]].round(1).to_string(index=False))
    window  treated_users  control_users  difference
    during             10             20        38.5
     after             10             20        16.0
       net             10             20        54.5
    """
    design = _design(cells) if adjusted else np.zeros((len(cells), 0))
    rows = [
        [metric, window, "weighted", *_estimate(cells, f"{metric}_{window}", weights, design)]
        for metric in experiment.OF_DAYS
        for window in experiment.WINDOWS
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"treated_users": "int64", "control_users": "int64"})


def balanced(cells: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Means of what was measured before, of the treated and of the others without and with weights.

    returns: one row per covariate and channel, as WeightedReview.balance

    >>> import pandas as pd
    >>> from opsbook import weighting
    >>> cells = pd.DataFrame({"treated": [True, True, False, False], "users": [40, 60, 150, 50], "bin": [0, 1, 0, 1]})
    >>> cells = cells.assign(channel="ads", **{name: cells["bin"] for name in weighting.EDGES})
    >>> for part in ("sum", "square"):
    ...     cells = cells.assign(**{f"{name}_{part}": cells["bin"] * cells["users"] for name in weighting.EDGES})
    >>> told = weighting.balanced(cells, weighting.balancing_weights(cells)).head(1)
    >>> print(told.round(2).to_string(index=False))
    covariate  treated  control  weighted  gap_before  gap_after
       orders      0.6     0.25       0.6        0.76        0.0
    """
    treated = cells["treated"].to_numpy(bool)
    rows = [_gap(name, cells, treated, weights) for name in EDGES]
    channels = sorted(cells["channel"].unique())
    for channel in channels if len(channels) > 1 else []:
        flag = (cells["channel"] == channel).to_numpy(float) * cells["users"]
        named = cells.assign(**{f"{channel}_sum": flag, f"{channel}_square": flag})
        rows.append(_gap(str(channel), named, treated, weights))
    return pd.DataFrame(rows, columns=BALANCE)


def _earlier(user_days: Tabular, *, start: date) -> ir.Table:
    """What users did in the four weeks before the four weeks before the start -- earlier_user, <metric>_earlier."""
    days = engine_table(user_days)
    day = days.day.cast("date")
    first, last = start - timedelta(days=2 * BEFORE_DAYS), start - timedelta(days=BEFORE_DAYS)
    inside = days.filter((day >= first) & (day < last))
    return inside.group_by(earlier_user=inside.user).agg(
        orders_earlier=inside.orders.sum(), revenue_earlier=inside.revenue.sum(), active_days_earlier=inside.count()
    )


def _counted(units: ir.Table) -> pd.DataFrame:
    mean = units.revenue_before.cast("float64").mean()
    level = units.cross_join(units.agg(usual=mean)).mutate(usual=_.usual.fill_null(0.0))
    values = {name: level[f"{name}_before"].cast("float64") for name in EDGES}
    scaled = values | {"revenue": values["revenue"] / ibis.ifelse(level.usual > 0, level.usual, 1.0)}
    bins = {name: _bin(scaled[name], EDGES[name]) for name in EDGES}
    outcomes = {f"{m}_{w}": level[f"{m}_{w}"].cast("float64") for m in experiment.OF_DAYS for w in experiment.WINDOWS}
    outcomes |= {f"{m}_earlier": level[f"{m}_earlier"].cast("float64").fill_null(0.0) for m in EARLIER}
    sums = {f"{name}_sum": value.sum().round(4) for name, value in (values | outcomes).items()}
    squares = {f"{name}_square": (value * value).sum().round(4) for name, value in (values | outcomes).items()}
    grouped = level.group_by(treated=level.arm == TREATED, channel=level.channel, **bins)
    keys = ["treated", "channel", *EDGES]
    table = grouped.agg(users=level.count(), **sums, **squares).order_by(keys).to_pandas()
    return _few_channels(table)


def _bin(value: ir.NumericValue, edges: Sequence[float]) -> ir.IntegerValue:
    """How many edges the value exceeds."""
    return ibis.cases(*((value <= edge, place) for place, edge in enumerate(edges)), else_=len(edges))


def _few_channels(table: pd.DataFrame) -> pd.DataFrame:
    sizes = table.groupby("channel")["users"].sum().sort_values(ascending=False, kind="stable")
    return table.assign(channel=table["channel"].where(table["channel"].isin(sizes.index[:MOST_CHANNELS]), "other"))


def _design(cells: pd.DataFrame) -> np.ndarray:
    """A column per bin that both groups can have, and the cell means of the covariates, in units of their spread."""
    keys = cells[["channel", *EDGES]].astype(str)
    dummies = pd.get_dummies(keys, drop_first=True, dtype=float)
    means = pd.DataFrame({name: cells[f"{name}_sum"] / cells["users"] for name in EDGES})
    spread = means.std(ddof=0).replace(0.0, 1.0)
    treated, users = cells["treated"].to_numpy(bool), cells["users"].to_numpy(float)
    control = (dummies[~treated].mul(users[~treated], axis=0)).sum()
    return np.column_stack([dummies.loc[:, control > 0].to_numpy(), ((means - means.mean()) / spread).to_numpy()])


def _dual(powers: np.ndarray, others: np.ndarray, counts: np.ndarray) -> tuple[float, np.ndarray]:
    """Log of the weights' sum and its gradient, the gap that is left; a little ridge keeps the impossible finite."""
    exponent = others @ powers
    top = exponent.max()
    raw = counts * np.exp(exponent - top)
    total = raw.sum()
    ridge = 1e-6
    return float(np.log(total) + top + ridge * powers @ powers), others.T @ raw / total + 2 * ridge * powers


def _estimate(cells: pd.DataFrame, name: str, weights: np.ndarray, design: np.ndarray) -> list[float]:
    treated, users = cells["treated"].to_numpy(bool), cells["users"].to_numpy(float)
    sums, squares = cells[f"{name}_sum"].to_numpy(float), cells[f"{name}_square"].to_numpy(float)
    fitted = _fitted(design, weights * ~treated, users, sums)
    mass = weights * users
    first = sums[treated].sum() / users[treated].sum()
    base = (weights * sums)[~treated].sum() / mass[~treated].sum()
    left = squares - 2 * fitted * sums + fitted**2 * users  # squared residuals around the regression, per cell
    shift = (sums - fitted * users)[treated].sum() / users[treated].sum()
    own = (left - 2 * shift * (sums - fitted * users) + shift**2 * users)[treated].sum() / users[treated].sum() ** 2
    other = (weights**2 * left)[~treated].sum() / mass[~treated].sum() ** 2
    sizes = int(users[treated].sum()), int(users[~treated].sum())
    return _told(first, base, float(max(own + other, 0.0)) ** 0.5, *sizes)


def _fitted(design: np.ndarray, weights: np.ndarray, users: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """What a weighted least-squares regression among the others expects of a user of each cell."""
    full = np.column_stack([np.ones(len(design)), design])
    mass = weights * users
    normal = full.T @ (full * mass[:, None])
    return full @ np.linalg.lstsq(normal, full.T @ (weights * sums), rcond=1e-10)[0]


def _told(first: float, base: float, error: float, treated: int, control: int) -> list[float]:
    difference, half = first - base, float(ndtri(0.975)) * error
    low, high = difference - half, difference + half
    relative = [part / base if base > 0 else float("nan") for part in (difference, low, high)]
    p = float(2 * ndtr(-abs(difference) / error)) if error > 0 else float("nan")
    totals = [part * treated for part in (difference, low, high)]
    return [treated, control, first, base, difference, low, high, *relative, p, *totals]


def _gap(name: str, cells: pd.DataFrame, treated: np.ndarray, weights: np.ndarray) -> list[Any]:
    users, sums = cells["users"].to_numpy(float), cells[f"{name}_sum"].to_numpy(float)
    squares = cells[f"{name}_square"].to_numpy(float)
    means = [sums[part].sum() / users[part].sum() for part in (treated, ~treated)]
    spreads = [squares[part].sum() / users[part].sum() for part in (treated, ~treated)]
    first, plain = means
    held = (weights * sums)[~treated].sum() / (weights * users)[~treated].sum()
    size = float(np.sqrt(max(sum(spreads) - first**2 - plain**2, 0.0) / 2)) or float("nan")
    return [name, first, plain, held, (first - plain) / size, (first - held) / size]


def _placebos(cells: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """The same weights on the four weeks before those that made them: what was already different is no effect."""
    design = _design(cells)
    rows = [[name, *_estimate(cells, f"{name}_earlier", weights, design)] for name in EARLIER]
    found = pd.DataFrame(rows, columns=["metric", *COLUMNS[3:]])[PLACEBOS[:-1]]
    return found.assign(p_holm=holm(found["p"]))


def _checks(cells: pd.DataFrame, weights: np.ndarray, balance: pd.DataFrame, placebos: pd.DataFrame) -> pd.DataFrame:
    others = ~cells["treated"].to_numpy(bool)
    users, held = cells["users"].to_numpy(float)[others], weights[others]
    overlap = float((held @ users) ** 2 / (held**2 @ users) / users.sum())
    gap, smallest = float(balance["gap_after"].abs().max()), float(placebos["p_holm"].min())
    rows = [
        ["covariates", round(gap, 4), WORST_GAP, _outcome(gap, fails=gap > WORST_GAP)],
        ["overlap", overlap, LEAST_OVERLAP, _outcome(overlap, fails=overlap < LEAST_OVERLAP)],
        ["placebo_before", smallest, ALPHA, _outcome(smallest, fails=smallest < ALPHA)],
    ]
    return pd.DataFrame(rows, columns=CHECKS)


def _outcome(measured: float, *, fails: bool) -> str:
    return "untested" if np.isnan(measured) else "failed" if fails else "passed"
