"""Where 28-day actives settle if nothing changes: the level at which the weekly chain comes to rest."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from opsbook.analysis.weekly_chain import STATES, chain_rates, chain_weeks, weekly_patterns
from opsbook.mart.tables import Tabular

HORIZON_WEEKS = 104
METHOD_STEADY = "weekly chain, users redrawn (Poisson bootstrap)"
# What one more point (of a rate) or one percent more (of a flow) is worth: the columns that move together.
POINTS = {"week_1": ["new"], "current": ["current"], "resurrected": ["resurrected"], "waking": STATES[3:]}
PERCENTS = ["newcomers", "returns"]


def steady_level(weeks: pd.DataFrame, rates: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """The level at which the chain comes to rest, and how long the way there takes.

    weeks:   chain_weeks; rates: chain_rates
    returns: one row -- end, weeks (averaged), today (28-day actives at the end), steady, steady_low, steady_high
             (28-day actives), weekly, weekly_low, weekly_high (7-day actives at rest), newcomers, returns (users per
             week), halving_weeks, halving_low, halving_high (whole weeks until half of the gap is closed for good;
             missing beyond two years); no row without rates

    >>> from opsbook import steady_state, tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> weeks = weekly_chain.chain_weeks(patterns, end=tiny.AS_OF)
    >>> rates = weekly_chain.chain_rates(patterns, seed=1, draws=50, min_cell=1)
    >>> found = steady_state.steady_level(weeks, rates)
    >>> print(found[["weeks", "today", "steady"]].round(1).to_string(index=False))
     weeks  today  steady
         8     40    51.0
    """
    names = ["end", "weeks", "today", "steady", "steady_low", "steady_high", "weekly", "weekly_low", "weekly_high"]
    names += ["newcomers", "returns", "halving_weeks", "halving_low", "halving_high"]
    if rates.empty:
        return pd.DataFrame(columns=names)
    rest = _rest(rates)
    months, active = rest.sum(axis=1), rest[:, :3].sum(axis=1)
    halving = _halving(_stocks(weeks, rates, HORIZON_WEEKS).sum(axis=2), months)
    row = [weeks["end"].iloc[-1], len(weeks) - 1, int(weeks["active_28"].iloc[-1])]
    row += [*_interval(months, level), *_interval(active, level)]
    row += [float(rates[flow].iloc[0]) for flow in PERCENTS]
    row += [value if value <= HORIZON_WEEKS else np.nan for value in _interval(halving, level)]
    return pd.DataFrame([row], columns=names)


def steady_gains(weeks: pd.DataFrame, rates: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """What one more point of a rate, or one percent more of a flow, adds to the steady 28-day actives.

    The chain is solved again with the changed rate; a rate that would pass 100 % has no gain. "waking" moves the
    three silent states together.

    returns: one row per lever (week_1, current, resurrected, waking, newcomers, returns) -- lever, now (rate 0-1 or
             users per week), n (user-weeks behind the rate, users behind the flow), gain, low, high (28-day actives)

    >>> from opsbook import steady_state, tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> weeks = weekly_chain.chain_weeks(patterns, end=tiny.AS_OF)
    >>> rates = weekly_chain.chain_rates(patterns, seed=1, draws=50, min_cell=1)
    >>> gains = steady_state.steady_gains(weeks, rates)
    >>> print(gains[["lever", "now", "n", "gain"]].round(2).to_string(index=False))
          lever  now   n  gain
         week_1 1.00  23   NaN
        current 0.92 246  5.80
    resurrected 1.00   5   NaN
         waking 0.01  70  1.49
      newcomers 2.50  20  0.44
        returns 0.38   3  0.07
    """
    names = ["lever", "now", "n", "gain", "low", "high"]
    if rates.empty:
        return pd.DataFrame(columns=names)
    base, held = _rest(rates).sum(axis=1), weeks.iloc[:-1][STATES].sum()
    kept = weeks[[f"next_{state}" for state in STATES]].sum().to_numpy()
    rows = []
    for lever, states in POINTS.items():
        n = int(held[states].sum())
        now = kept[[STATES.index(state) for state in states]].sum() / n if n else np.nan
        more = rates.assign(**{state: rates[state] + 0.01 for state in states})
        possible = n > 0 and float(more[states].iloc[0].max()) <= 1
        gain = _rest(more).sum(axis=1) - base if possible else np.full(len(base), np.nan)
        rows.append([lever, now, n, *_interval(gain, level)])
    for flow in PERCENTS:
        gain = _rest(rates.assign(**{flow: 1.01 * rates[flow]})).sum(axis=1) - base
        now = float(rates[flow].iloc[0])
        rows.append([flow, now, round(now * (len(weeks) - 1)), *_interval(gain, level)])
    return pd.DataFrame(rows, columns=names)


def steady_path(
    weeks: pd.DataFrame, rates: pd.DataFrame, *, weeks_ahead: int = 26, level: float = 0.95
) -> pd.DataFrame:
    """28-day actives week by week from today's stocks if nothing changes; the band holds the doubt about the rates.

    returns: one row per week from today (0) on -- week, end, users, low, high

    >>> from opsbook import steady_state, tiny, weekly_chain
    >>> span = {"end": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> patterns = weekly_chain.weekly_patterns(tiny.user_days, tiny.users, **span)
    >>> weeks = weekly_chain.chain_weeks(patterns, end=tiny.AS_OF)
    >>> rates = weekly_chain.chain_rates(patterns, seed=1, draws=50, min_cell=1)
    >>> path = steady_state.steady_path(weeks, rates, weeks_ahead=3)
    >>> print(path[["week", "users"]].round(1).to_string(index=False))
     week  users
        0   40.0
        1   41.0
        2   41.0
        3   41.0
    """
    if rates.empty:
        return pd.DataFrame(columns=["week", "end", "users", "low", "high"])
    months = _stocks(weeks, rates, weeks_ahead).sum(axis=2)
    bounds = [_interval(months[week], level) for week in range(weeks_ahead + 1)]
    table = pd.DataFrame(bounds, columns=["users", "low", "high"])
    ends = weeks["end"].iloc[-1] + pd.to_timedelta(7 * np.arange(weeks_ahead + 1), unit="D")
    table.insert(0, "end", ends.astype("datetime64[ns]"))
    table.insert(0, "week", np.arange(weeks_ahead + 1))
    return table


def steady_check(
    user_days: Tabular,
    users: Tabular,
    weeks: pd.DataFrame,
    *,
    data_start: date,
    seed: int,
    min_cell: int = 10,
    level: float = 0.95,
) -> pd.DataFrame:
    """What the same computation on the data of the first of these weeks would have said about the last, and what came.

    The band holds the doubt about the rates of that time only; what came since, and what the chain leaves out, makes
    the rest of the miss.

    weeks:   chain_weeks of today
    returns: one row, or none where the data do not reach back -- end (of the earlier data), weeks (between), then
             (28-day actives at that end), said, said_low, said_high (for today), came (28-day actives today), miss
             and miss_no_change (by which share of what came the chain, and `then` itself, were off)

    >>> from datetime import date
    >>> import pandas as pd
    >>> from opsbook import steady_state, weekly_chain
    >>> visits = [(u, d) for u in range(224) for d in range(u, min(u + 15 + u * 37 % 90, 224), 1 + u * 7 % 11)]
    >>> days = pd.DataFrame(visits, columns=["user", "day"])
    >>> days["day"] = pd.to_datetime(days["day"], unit="D", origin="2026-01-05")
    >>> users = days.groupby("user", as_index=False).agg(first_day=("day", "min"), first_active_day=("day", "min"))
    >>> users, span = users.assign(life_start="signup"), {"data_start": date(2026, 1, 5)}
    >>> patterns = weekly_chain.weekly_patterns(days, users, end=date(2026, 8, 16), **span)
    >>> weeks = weekly_chain.chain_weeks(patterns, end=date(2026, 8, 16))
    >>> told = steady_state.steady_check(days, users, weeks, seed=1, **span)
    >>> print(told[["weeks", "then", "said", "came"]].round(0).to_string(index=False))
     weeks  then  said  came
         8    84  81.0    84
    """
    names = ["end", "weeks", "then", "said", "said_low", "said_high", "came", "miss", "miss_no_change"]
    if weeks.empty or not weeks["active_28"].iloc[-1]:
        return pd.DataFrame(columns=names)
    before, ahead = weeks["end"].iloc[0].date(), len(weeks) - 1
    known = weekly_patterns(user_days, users, end=before, data_start=data_start, weeks=ahead)
    rates = chain_rates(known, seed=seed, min_cell=min_cell)
    if rates.empty:
        return pd.DataFrame(columns=names)
    said = steady_path(chain_weeks(known, end=before), rates, weeks_ahead=ahead, level=level).iloc[-1]
    then, came = int(weeks["active_28"].iloc[0]), int(weeks["active_28"].iloc[-1])
    row = [weeks["end"].iloc[0], ahead, then, said["users"], said["low"], said["high"], came]
    return pd.DataFrame([[*row, said["users"] / came - 1, then / came - 1]], columns=names)


def step_matrix(rates: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The chain of every draw: stocks of next week = matrix @ stocks + inflow, in the order of STATES.

    >>> import pandas as pd
    >>> from opsbook import steady_state
    >>> rates = pd.DataFrame({"new": [0.5], "current": 0.8, "resurrected": 0.6})
    >>> rates = rates.assign(silent_1=0.3, silent_2=0.2, silent_3=0.1, newcomers=10.0, returns=4.0)
    >>> matrix, inflow = steady_state.step_matrix(rates)
    >>> dict(zip(steady_state.STATES, matrix[0][1].round(1).tolist()))
    {'new': 0.5, 'current': 0.8, 'resurrected': 0.6, 'silent_1': 0.0, 'silent_2': 0.0, 'silent_3': 0.0}
    """
    stay = rates[STATES].to_numpy(dtype=float).clip(max=1 - 1e-9)
    matrix = np.zeros((len(rates), 6, 6))
    matrix[:, 1, :3] = stay[:, :3]  # active again: current
    matrix[:, 2, 3:] = stay[:, 3:]  # woken: resurrected
    matrix[:, 3, :3] = 1 - stay[:, :3]
    matrix[:, 4, 3], matrix[:, 5, 4] = 1 - stay[:, 3], 1 - stay[:, 4]
    inflow = np.zeros((len(rates), 6))
    inflow[:, 0], inflow[:, 2] = rates["newcomers"], rates["returns"]
    return matrix, inflow


def _rest(rates: pd.DataFrame) -> np.ndarray:
    """Stocks that the chain maps onto themselves: draws x states."""
    matrix, inflow = step_matrix(rates)
    return np.linalg.solve(np.eye(6) - matrix, inflow[:, :, None])[:, :, 0]


def _stocks(weeks: pd.DataFrame, rates: pd.DataFrame, ahead: int) -> np.ndarray:
    """Stocks of today and the weeks ahead: weeks x draws x states."""
    matrix, inflow = step_matrix(rates)
    path = [np.tile(weeks[STATES].iloc[-1].to_numpy(dtype=float), (len(rates), 1))]
    for _week in range(ahead):
        path.append(np.einsum("dij,dj->di", matrix, path[-1]) + inflow)
    return np.array(path)


def _halving(months: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """The first week from which the gap stays at most half of today's; beyond the path one more than its length."""
    gap = np.abs(months - rest)
    open_still = gap > gap[0] / 2
    return np.where(open_still.any(axis=0), len(gap) - np.argmax(open_still[::-1], axis=0), 0).astype(float)


def _interval(values: np.ndarray, level: float) -> list[float]:
    """The first value with the quantiles of the others (percentile bootstrap)."""
    if np.isnan(values[0]):
        return [np.nan] * 3
    low, high = np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2])
    return [float(values[0]), float(min(low, values[0])), float(max(high, values[0]))]
