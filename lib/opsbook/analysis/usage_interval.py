"""How soon users come back: quantiles of the gaps between active days, what they say of the stage rules, who wakes.

A gap is the silence after an active day: ended by a return, or still open (censored). Each silence counts once, so
frequent users count more often. Silences of one user resemble each other, so intervals come from leaving out users, in
GROUPS groups (jackknife), never from taking silences as independent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import expit, logit, stdtrit

from opsbook.analysis import life_table, survival
from opsbook.analysis.proportion import wilson
from opsbook.inputs.workbook import StageRule
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
GROUPS, MIN_AT_RISK = 24, 30
TARGETS = {"introduction": 0.90, "sleeping": 0.90, "lost": 0.98}
BOUNDS = {"introduction": "max_tenure_days", "sleeping": "min_silent_days", "lost": "min_silent_days"}
MARGIN = 1.5
WAKE_AFTER, WAKE_WITHIN = (3, 7, 10, 14, 21, 28, 42, 60, 90, 120, 180, 270, 365), (7, 28)
METHOD_INTERVAL = "Kaplan-Meier on gaps, users left out in groups (jackknife)"


def gap_counts(user_days: Tabular, *, as_of: date) -> pd.DataFrame:
    """Silences after active days up to as_of, counted.

    user_days: one row per user and active day -- user, day, gap_after (days to the next active day, missing = none)
    returns:   one row per gap_days and user_group (0..GROUPS-1) -- gap_days, user_group, returned (silences that a
               return by as_of ended), open (still silent at as_of after gap_days)

    >>> from opsbook import tiny, usage_interval
    >>> gaps = usage_interval.gap_counts(tiny.user_days, as_of=tiny.AS_OF)
    >>> print(gaps.groupby("gap_days")[["returned", "open"]].sum().head(4).to_string())
              returned  open
    gap_days
    0                0     8
    1              514     8
    2              237     5
    3              163     1
    """
    return _counted(engine_table(user_days), as_of)


def first_gap_counts(user_days: Tabular, users: Tabular, *, as_of: date) -> pd.DataFrame:
    """The same for the silence after every user's first active day; users whose start is unknown are left out.

    users: one row per user -- user, life_start (signup, first_event, unknown), first_active_day

    >>> from opsbook import tiny, usage_interval
    >>> gaps = usage_interval.first_gap_counts(tiny.user_days, tiny.users, as_of=tiny.AS_OF)
    >>> print(gaps.groupby("gap_days")[["returned", "open"]].sum().head(4).to_string())
              returned  open
    gap_days
    1               12     0
    2               12     0
    3                8     0
    5               12     0
    """
    people = engine_table(users).filter(_.life_start != "unknown")
    starts = people.select("user", day=_.first_active_day.cast("date"))
    days = engine_table(user_days).select("user", "gap_after", day=_.day.cast("date"))
    return _counted(days.inner_join(starts, ["user", "day"]), as_of)


def return_curve(gaps: pd.DataFrame, *, min_at_risk: int = MIN_AT_RISK, level: float = 0.95) -> pd.DataFrame:
    """Of the returns that the data show, the share that has happened after each number of days.

    gaps:    gap_counts or first_gap_counts
    returns: one row per day 1..watched_days -- day, returned_share (0-1), returned_low, returned_high, later_share (of
             the silences longer than that, those a return ended by the horizon), later_low, later_high, returns_seen
             (all of them), watched_days
    source:  (1 - G(t)) / (1 - G(H)) and 1 - G(H) / G(t), G = Kaplan-Meier of gaps with open gaps censored, H = the
             last gap length that at least min_at_risk silences reached; intervals: _with_jackknife

    >>> from opsbook import tiny, usage_interval
    >>> gaps = usage_interval.gap_counts(tiny.user_days, as_of=tiny.AS_OF)
    >>> curve = usage_interval.return_curve(gaps).head(4).round(3)
    >>> print(curve[["day", "returned_share", "later_share", "returns_seen", "watched_days"]].to_string(index=False))
     day  returned_share  later_share  returns_seen  watched_days
       1           0.470        0.945          1075             7
       2           0.690        0.910          1075             7
       3           0.843        0.836          1075             7
       4           0.843        0.836          1075             7
    """
    horizon = _horizon(gaps, min_at_risk)
    told: dict[str, object] = {"day": np.arange(horizon + 1)}
    for name, statistic in (("returned", _returned_shares), ("later", _later_shares)):
        share, low, high = _with_jackknife(gaps, horizon, statistic, level=level)
        told |= {f"{name}_share": share, f"{name}_low": low, f"{name}_high": high}
    table = pd.DataFrame(told).assign(returns_seen=int(gaps["returned"].sum()), watched_days=horizon)
    return table.iloc[1:].reset_index(drop=True)


def stage_thresholds(
    returns: pd.DataFrame,
    first_returns: pd.DataFrame,
    *,
    rules: Sequence[StageRule],
    may_return: float = 0.10,
) -> pd.DataFrame:
    """The thresholds of the stage rules beside those that the usage intervals suggest, and whether they fit.

    Introduction ends, and sleeping begins, when 90 % of the returns have happened. Lost begins when 98 % have and of
    the users who are still silent fewer than may_return come back: frequent users alone would call others lost early.

    returns, first_returns: return_curve of all silences, and of those after the first active day
    returns: one row per threshold of TARGETS -- threshold, bound (of the rule), in_use_days, target_share,
             suggested_days, low, high (days), share_in_use (of returns that happen within in_use_days),
             share_in_use_low, share_in_use_high, share_later, share_later_low, share_later_high (of those silent for
             longer than in_use_days, who still come back), returns_seen, watched_days, fit: fits (in_use_days within a
             factor of MARGIN of the suggestion's interval), early, late, unknown (nothing is suggested: the data
             reach no such day, or watched silences for less than twice as long), not_used (no rule has this bound)
    source:  the interval of a quantile inverts that of the curve (Woodruff 1952)

    >>> from opsbook import tiny, usage_interval
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> first = usage_interval.first_gap_counts(tiny.user_days, tiny.users, as_of=tiny.AS_OF)
    >>> gaps = usage_interval.gap_counts(tiny.user_days, as_of=tiny.AS_OF)
    >>> curves = [usage_interval.return_curve(table, min_at_risk=10) for table in (gaps, first)]
    >>> told = usage_interval.stage_thresholds(*curves, rules=DEFAULT_STAGES).round(2)
    >>> print(told[["threshold", "in_use_days", "suggested_days", "share_in_use", "fit"]].to_string(index=False))
       threshold  in_use_days  suggested_days  share_in_use     fit
    introduction         13.0             NaN           NaN unknown
        sleeping          7.0             5.0           1.0    fits
            lost         28.0             7.0           1.0    late
    """
    rows = []
    for name, target in TARGETS.items():
        curve = first_returns if name == "introduction" else returns
        rows.append(_threshold(name, curve, days_of_rule(rules, name), target, may_return if name == "lost" else 1.0))
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(["in_use_days", "suggested_days", "low", "high"], "float64"))


def wake_chance(
    gaps: pd.DataFrame,
    *,
    silent_days: Sequence[int] = WAKE_AFTER,
    within_days: Sequence[int] = WAKE_WITHIN,
    min_at_risk: int = MIN_AT_RISK,
    level: float = 0.95,
) -> pd.DataFrame:
    """The chance that a user who has been silent for so many days is active again within the next days.

    gaps:    gap_counts
    returns: one row per within_days and silent_days that at least min_at_risk silences outlived and whose following
             days were watched -- within_days, silent_days, silences (watched longer than silent_days), chance (0-1),
             low, high
    source:  1 - G(s + h) / G(s), G = Kaplan-Meier of gaps with open gaps censored; interval as in return_curve, or of
             Wilson where so few silences ended that leaving out a group of users leaves none

    >>> from opsbook import tiny, usage_interval
    >>> gaps = usage_interval.gap_counts(tiny.user_days, as_of=tiny.AS_OF)
    >>> told = usage_interval.wake_chance(gaps, within_days=[7], min_at_risk=10)
    >>> print(told[["silent_days", "within_days", "silences", "chance", "low", "high"]].round(2).to_string(index=False))
     silent_days  within_days  silences  chance  low  high
               3            7       199    0.84 0.73  0.91
               7            7        29    0.00 0.00  0.12
              10            7        29    0.00 0.00  0.12
              14            7        27    0.00 0.00  0.12
              21            7        24    0.00 0.00  0.14
              28            7        22    0.10 0.01  0.46
              42            7        16    0.00 0.00  0.19
    """
    horizon = _horizon(gaps, min_at_risk)
    cells = [(h, s) for h in within_days for s in silent_days if s + h <= horizon]
    later, now = (np.array(days, dtype=int) for days in ([s + h for h, s in cells], [s for _h, s in cells]))

    def woken(silent: np.ndarray) -> np.ndarray:
        kept = np.divide(silent[later], silent[now], out=np.full(len(now), np.nan), where=silent[now] > 0)
        return np.asarray(1 - kept)

    chance, low, high = _with_jackknife(gaps, horizon, woken, level=level)
    watched = life_table.at_risk(life_table.checked(_as_durations(gaps)), now + 1)
    table = pd.DataFrame(cells, columns=["within_days", "silent_days"], dtype="int64")
    few = wilson(np.round(chance * watched), watched)
    low, high = np.where(np.isnan(low), few.low, low), np.where(np.isnan(high), few.high, high)
    table = table.assign(silences=watched.astype("int64"), chance=chance, low=low, high=high)
    return table[table["silences"] >= min_at_risk].reset_index(drop=True)


def _counted(days: ir.Table, as_of: date) -> pd.DataFrame:
    until = days.select("user", day=_.day.cast("date"), gap=_.gap_after.cast("int32")).filter(_.day <= ibis.date(as_of))
    left = ((as_of - date(1970, 1, 1)).days - _.day.epoch_days()).cast("int32")
    silences = until.mutate(left=left).mutate(closed=(_.gap <= _.left).fill_null(False))
    lasted = ibis.ifelse(_.closed, _.gap, _.left).cast("int64")
    keyed = silences.group_by(gap_days=lasted, user_group=(_.user % GROUPS).cast("int64"))
    counted = keyed.agg(returned=_.closed.sum(), open=(~_.closed).sum()).order_by("gap_days", "user_group")
    return counted.to_pandas().astype("int64")


def _as_durations(gaps: pd.DataFrame) -> pd.DataFrame:
    rows = gaps.groupby("gap_days", sort=True)[["returned", "open"]].sum().reset_index()
    return rows.rename(columns={"gap_days": "duration_days", "returned": "churned", "open": "censored"})


def _horizon(gaps: pd.DataFrame, min_at_risk: int) -> int:
    """The last gap length that enough silences reached; 0 when none was."""
    table = life_table.life_table(_as_durations(gaps))
    known = table.loc[table["at_risk"] >= min_at_risk, "duration_days"]
    return int(known.max()) if len(known) else 0


def _silent(gaps: pd.DataFrame, horizon: int) -> np.ndarray:
    """Share of silences that last longer than each of the days 0..horizon."""
    steps = survival.kaplan_meier(_as_durations(gaps))
    last = np.searchsorted(steps["duration_days"].to_numpy(), np.arange(horizon + 1), side="right")
    return np.concatenate([[1.0], steps["active"].to_numpy()])[last]


def _silent_without_each(gaps: pd.DataFrame, horizon: int) -> np.ndarray:
    """The same curve without each group of users in turn: one row per group, all in one pass over the counts."""
    groups, number = np.unique(gaps["user_group"], return_inverse=True)
    shape = len(groups), max(int(gaps["gap_days"].max()), horizon) + 1 if len(gaps) else 1
    returned, silences = np.zeros(shape), np.zeros(shape)
    np.add.at(returned, (number, gaps["gap_days"]), gaps["returned"])
    np.add.at(silences, (number, gaps["gap_days"]), gaps["returned"] + gaps["open"])
    returned, silences = returned.sum(axis=0) - returned, silences.sum(axis=0) - silences
    at_risk = silences[:, ::-1].cumsum(axis=1)[:, ::-1]
    left = np.divide(returned, at_risk, out=np.zeros(shape), where=at_risk > 0)
    return np.cumprod(1 - left, axis=1)[:, : horizon + 1]


def _returned_shares(silent: np.ndarray) -> np.ndarray:
    ever = 1 - silent[-1]
    return (1 - silent) / ever if ever > 0 else np.full(len(silent), np.nan)


def _later_shares(silent: np.ndarray) -> np.ndarray:
    return 1 - np.divide(silent[-1], silent, out=np.full(len(silent), np.nan), where=silent > 0)


def _with_jackknife(
    gaps: pd.DataFrame, horizon: int, statistic: Callable[[np.ndarray], np.ndarray], *, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A share computed from the silent curve, and its interval from leaving out each group of users in turn.

    source: delete-a-group jackknife, Kott 2001; Student interval on the logit scale with as many degrees of freedom as
            groups less one; missing where the share, or that without a group, is 0 or 1
    """
    value, others = statistic(_silent(gaps, horizon)), _silent_without_each(gaps, horizon)
    if len(others) < 2:
        return value, np.full(len(value), np.nan), np.full(len(value), np.nan)
    left_out = np.array([statistic(silent) for silent in others])
    inside = ((left_out > 0) & (left_out < 1)).all(axis=0) & (value > 0) & (value < 1)
    scale = logit(np.where(inside, left_out, 0.5))
    spread = (len(others) - 1) * scale.var(axis=0)
    half = stdtrit(len(others) - 1, 0.5 + level / 2) * np.sqrt(spread)
    centre = logit(np.where(inside, value, 0.5))
    return value, np.where(inside, expit(centre - half), np.nan), np.where(inside, expit(centre + half), np.nan)


def days_of_rule(rules: Sequence[StageRule], stage: str) -> float:
    """Days in the first rule of a stage that bound its threshold (of introduction, sleeping or lost); NaN without one.

    >>> from opsbook import usage_interval
    >>> from opsbook.inputs.stage_presets import PRESETS
    >>> from opsbook.inputs.workbook import StageRule
    >>> rules = [StageRule(**rule) for rule in PRESETS["daily-app"]]
    >>> [usage_interval.days_of_rule(rules, stage) for stage in ("introduction", "sleeping", "lost")]
    [13.0, 7.0, 28.0]
    """
    given = [getattr(rule, BOUNDS[stage]) for rule in rules if rule.stage == stage]
    return float(next((days for days in given if days is not None), np.nan))


def _threshold(name: str, curve: pd.DataFrame, in_use: float, target: float, may_return: float) -> dict[str, object]:
    days = {
        side: _first_day(curve, f"returned_{one}", target, f"later_{other}", may_return)
        for side, one, other in (("suggested_days", "share", "share"), ("low", "high", "low"), ("high", "low", "high"))
    }
    horizon = int(curve["watched_days"].iloc[0]) if len(curve) else 0
    if not horizon >= 2 * days["suggested_days"]:
        days = dict.fromkeys(days, np.nan)  # silences were not watched for long enough to tell
    at_use = curve[curve["day"] == in_use]
    shares = {name: _only(at_use, column) for name, column in _SHARES.items()}
    told = {"threshold": name, "bound": BOUNDS[name], "in_use_days": in_use, "target_share": target, **days, **shares}
    returns = int(curve["returns_seen"].iloc[0]) if len(curve) else 0
    return told | {"returns_seen": returns, "watched_days": horizon, "fit": _fit(in_use, days)}


_SHARES = {
    "share_in_use": "returned_share",
    "share_in_use_low": "returned_low",
    "share_in_use_high": "returned_high",
    "share_later": "later_share",
    "share_later_low": "later_low",
    "share_later_high": "later_high",
}


def _first_day(curve: pd.DataFrame, returned: str, target: float, later: str, may_return: float) -> float:
    reached = curve[returned].round(9) >= target
    if may_return < 1:
        reached &= curve[later].round(9) < may_return
    return float(curve.loc[reached, "day"].min())


def _only(rows: pd.DataFrame, column: str) -> float:
    return float(rows[column].iloc[0]) if len(rows) else np.nan


def _fit(in_use: float, days: Mapping[str, float]) -> str:
    if np.isnan(in_use):
        return "not_used"
    if np.isnan(days["suggested_days"]):
        return "unknown"
    low, high = (days["suggested_days"] if np.isnan(days[side]) else days[side] for side in ("low", "high"))
    return "early" if in_use < low / MARGIN else "late" if in_use > high * MARGIN else "fits"
