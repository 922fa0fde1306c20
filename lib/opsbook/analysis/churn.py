"""When is a silent user gone, and how long did everybody stay: gaps, the churn threshold, durations from the mart.

Churned: silent for churn_after_days; the event is dated at the last active day before the first such silence. The last
churn_after_days of the data classify nobody: whoever has not churned before is censored at their beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import life_table, survival
from opsbook.analysis.proportion import Estimate, wilson
from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
CANDIDATE_DAYS = (3, 7, 14, 21, 30, 45, 60, 90)
FATES = ("gone", "came_back", "undecided", "too_young", "not_at_risk", "start_unknown")
FOUND_OUT_LATER = {
    "user", "user_id", "first_day", "life_start", "signed_up_day", "first_active_day", "last_active_day",
    "active_days", "entry_day", "exit_day", "exit_road", "watched_through",
}  # fmt: skip
MIN_AT_RISK = 30
MOSTLY_BACK = 0.5  # share of the silences called churn that end with a return, from which the word says nothing


class Threshold(NamedTuple):
    """Days of silence that make a user churned, and where they come from: given, suggested, too_long or none_found."""

    days: int
    origin: str
    suggested_days: int | None


def gap_table(user_days: Tabular, *, as_of: date) -> pd.DataFrame:
    """How long silences last: one row per gap_days -- returned (gaps ended by a return), open (still silent at as_of).

    user_days: one row per user and active day -- day, gap_after (days to the next active day, missing = none)

    >>> from opsbook import churn, tiny
    >>> gaps = churn.gap_table(tiny.user_days, as_of=tiny.AS_OF)
    >>> print(gaps[gaps["gap_days"] >= 5].head(4).to_string(index=False))
     gap_days  returned  open
            5        94     2
            6         0     4
            7        65     1
           11         0     2
    """
    gaps = _silences(engine_table(user_days), as_of).group_by("silent_days")
    counted = gaps.agg(returned=_.closed.sum(), open=(~_.closed).sum()).order_by("silent_days").to_pandas()
    return counted.rename(columns={"silent_days": "gap_days"}).astype("int64")


def false_churn(gaps: pd.DataFrame, *, min_at_risk: int = MIN_AT_RISK, level: float = 0.95) -> pd.DataFrame:
    """Share of silences longer than a threshold that a later return ended, for every threshold the data can judge.

    gaps:    gap_table
    returns: one row per threshold_days -- threshold_days, gaps (longer than it), false_churn (0-1), low, high,
             follow_up_days (how much longer silences were watched)
    source:  1 - G(H) / G(g), G = Kaplan-Meier of gaps with open gaps censored, H = the last gap length that at least
             min_at_risk gaps reached; log-log interval of the conditional share. Gaps are taken as independent.

    >>> from opsbook import churn, tiny
    >>> judged = churn.false_churn(churn.gap_table(tiny.user_days, as_of=tiny.AS_OF), min_at_risk=10)
    >>> print(judged[judged["threshold_days"].isin([3, 7, 14])].round(2).to_string(index=False))
     threshold_days  gaps  false_churn  low  high  follow_up_days
                  3   199         0.85 0.80  0.90              56
                  7    29         0.10 0.02  0.33              52
                 14    27         0.10 0.02  0.33              45
    """
    steps = survival.kaplan_meier(gaps_as_durations(gaps))
    steps = steps[(steps["at_risk"] >= min_at_risk) & (steps["at_risk"] > steps["churned"])]
    columns = ["threshold_days", "gaps", "false_churn", "low", "high", "follow_up_days"]
    if steps.empty:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    horizon = int(steps["duration_days"].iloc[-1])
    days = np.arange(1, max(horizon, 1))
    last = np.searchsorted(steps["duration_days"].to_numpy(), days, side="right")
    silent = np.concatenate([[1.0], steps["active"].to_numpy()])
    terms = survival.greenwood_terms(*steps[["at_risk", "churned"]].to_numpy(float).T)
    spread = np.concatenate([[0.0], np.cumsum(terms)])
    kept_silent = silent[-1] / silent[last]
    low, high = survival.log_log_interval(kept_silent, spread[-1] - spread[last], level=level)
    reached = life_table.at_risk(gaps_as_durations(gaps), days + 1)
    values = [days, reached, 1 - kept_silent, 1 - high, 1 - low, horizon - days]
    return pd.DataFrame(dict(zip(columns, values, strict=True)))


def suggestion(table: pd.DataFrame, *, target: float) -> int | None:
    """The smallest threshold whose false-churn share is below the target; None when the data show none.

    Only thresholds after which silences were watched as long again can be suggested: the share falls to 0 at the end
    of the data whatever users do.

    >>> import pandas as pd
    >>> from opsbook import churn
    >>> judged = pd.DataFrame({"threshold_days": [7, 14, 21], "false_churn": [0.4, 0.15, 0.08]})
    >>> churn.suggestion(judged.assign(follow_up_days=[90, 80, 70]), target=0.10)
    21
    """
    judged = table["follow_up_days"] >= table["threshold_days"]
    below = table.loc[judged & (table["false_churn"] < target), "threshold_days"]
    return int(below.min()) if len(below) else None


def threshold(
    table: pd.DataFrame, *, target: float, given_days: int | None, data_start: date, as_of: date
) -> Threshold:
    """The threshold a report uses: the given one, else the suggestion, at most a third of the days of data.

    origin: given; suggested; too_long (the suggestion leaves too few days to classify anybody); none_found

    >>> import pandas as pd
    >>> from opsbook import churn, tiny
    >>> judged = pd.DataFrame({"threshold_days": [7, 40], "false_churn": [0.4, 0.08], "follow_up_days": [90, 80]})
    >>> churn.threshold(judged, target=0.1, given_days=None, data_start=tiny.DATA_START, as_of=tiny.AS_OF)
    Threshold(days=28, origin='too_long', suggested_days=40)
    """
    suggested = suggestion(table, target=target)
    longest = max(((as_of - data_start).days + 1) // 3, 1)
    if given_days is not None:
        return Threshold(given_days, "given", suggested)
    if suggested is None:
        return Threshold(longest, "none_found", None)
    return Threshold(min(suggested, longest), "suggested" if suggested <= longest else "too_long", suggested)


def undefined(limit: Threshold, table: pd.DataFrame) -> bool:
    """Whether most silences that are called churn end with a return, so that the word says nothing.

    table: of `false_churn`

    >>> import pandas as pd
    >>> from opsbook import churn
    >>> judged = pd.DataFrame({"threshold_days": [30, 121], "false_churn": [0.93, 0.757]})
    >>> churn.undefined(churn.Threshold(121, "none_found", None), judged)
    True
    """
    at = table.loc[table["threshold_days"] == limit.days, "false_churn"]
    return bool((at > MOSTLY_BACK).any())


def candidates(table: pd.DataFrame, *, chosen_days: int, days: Sequence[int] = CANDIDATE_DAYS) -> pd.DataFrame:
    """The rows of false_churn that a report prints: the usual thresholds and the chosen one, marked is_chosen.

    >>> import pandas as pd
    >>> from opsbook import churn
    >>> judged = pd.DataFrame({"threshold_days": range(1, 40), "false_churn": [1 / day for day in range(1, 40)]})
    >>> print(churn.candidates(judged, chosen_days=10, days=(7, 14)).round(2).to_string(index=False))
     threshold_days  false_churn  is_chosen
                  7         0.14      False
                 10         0.10       True
                 14         0.07      False
    """
    shown = table[table["threshold_days"].isin([*days, chosen_days])]
    return shown.assign(is_chosen=shown["threshold_days"] == chosen_days).reset_index(drop=True)


def durations(
    user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Time from the first day to churn, counted: the table that `life_table` describes and every estimator reads.

    user_days: one row per user and active day -- user, day, gap_after
    users:     one row per user -- user, first_day, life_start, first_active_day, entry_day, and the columns in `by`
    returns:   one row per (entry_days, duration_days, *by) -- churned, censored (users). Users whose life began before
               the data enter late; users of fates too_young, not_at_risk and start_unknown are not in it.
    raises:    ParameterError for a column in `by` that is not known at the first day (immortal time)

    >>> from opsbook import churn, tiny
    >>> span = {"as_of": tiny.AS_OF, "churn_after_days": 14}
    >>> counted = churn.durations(tiny.user_days, tiny.users, **span, by=["channel"])
    >>> print(counted.groupby("channel", as_index=False)[["churned", "censored"]].sum().to_string(index=False))
    channel  churned  censored
        ads       17         2
     search        8        29
    """
    lives = user_lives(user_days, users, as_of=as_of, churn_after_days=churn_after_days, by=by)
    keys = ["entry_days", "duration_days", *by]
    seen = lives.filter(_.fate.isin(["gone", "came_back", "undecided"])).group_by(keys)
    counted = seen.agg(churned=(_.fate != "undecided").sum(), censored=(_.fate == "undecided").sum())
    table = counted.order_by(keys).to_pandas()
    return table.astype(dict.fromkeys(["entry_days", "duration_days", "churned", "censored"], "int64"))


def fates(user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int) -> pd.DataFrame:
    """What became of every user: one row per fate -- fate, users, share (of all users).

    fate: gone (silent for churn_after_days and never back), came_back (churned, seen again later), undecided (no such
          silence yet: censored), too_young (first day within the last churn_after_days), not_at_risk (began before
          the data and not seen in time), start_unknown

    >>> from opsbook import churn, tiny
    >>> found = churn.fates(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=14)
    >>> print(found.round(2).to_string(index=False))
             fate  users  share
             gone     22   0.37
        came_back      3   0.05
        undecided     31   0.52
        too_young      0   0.00
      not_at_risk      0   0.00
    start_unknown      4   0.07
    """
    lives = user_lives(user_days, users, as_of=as_of, churn_after_days=churn_after_days)
    counted = lives.group_by("fate").agg(users=_.count()).to_pandas().set_index("fate")["users"]
    table = counted.reindex(list(FATES), fill_value=0).rename_axis("fate").reset_index()
    total = int(table["users"].sum())
    return table.assign(users=table["users"].astype("int64"), share=table["users"] / total if total else np.nan)


def returns(user_days: Tabular, *, classified_on: date, until: date, churn_after_days: int) -> Estimate:
    """Of the users counted as churned at the end of `classified_on`, the share that was active again by `until`.

    source: the rule put to the test, Wilson interval; it can only rise with a later `until`

    >>> from opsbook import churn, tiny
    >>> back = churn.returns(tiny.user_days, classified_on=tiny.CAMPAIGN_START, until=tiny.AS_OF, churn_after_days=14)
    >>> f"{back.value:.0%} of {back.n} users counted as churned came back ({back.low:.0%} to {back.high:.0%})"
    '15% of 13 users counted as churned came back (4% to 42%)'
    """
    until_then = _silences(engine_table(user_days), classified_on)
    silent = until_then.filter(~_.closed & (_.silent_days >= churn_after_days))
    back = (_.gap_after <= _days(_.day, ibis.date(until))).fill_null(False)
    row = silent.agg(churned=_.count(), returned=back.sum().fill_null(0)).to_pandas().iloc[0]
    return wilson(int(row["returned"]), int(row["churned"]))


def user_lives(
    user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int, by: Sequence[str] = ()
) -> ir.Table:
    """One row per user -- user, first_day, entry_days, duration_days, fate (as in `fates`), *by.

    The days mean something for the fates gone, came_back and undecided (censored) only; parameters as in `durations`.
    Where users carry watched_through, silence ends no life: their recorded exit does, else that day censors.

    >>> from opsbook import churn, tiny
    >>> lives = churn.user_lives(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=14).to_pandas()
    >>> shown = lives.sort_values("user")[["user", "entry_days", "duration_days", "fate"]].head(4)
    >>> print(shown.to_string(index=False))
     user  entry_days  duration_days      fate
        0           2              9      gone
        1           5             39      gone
        2           8             77 undecided
        3          11             26      gone
    """
    people = engine_table(users)
    refuse_immortal_time(people.columns, by)
    people = people.filter(_.first_day.isnull() | (_.first_day <= ibis.date(as_of)))
    days = {"entry_days": _days(_.first_day, _.entry_day), "duration_days": _days(_.first_day, _.end_day)}
    chosen = ["user", "first_day", *by]
    if "watched_through" not in people.columns:
        dated = with_silence(user_days, people, as_of=as_of, churn_after_days=churn_after_days)
        return dated.select(*chosen, fate=_fate(as_of, churn_after_days), **days)
    silent, recorded = people.filter(_.watched_through.isnull()), people.filter(_.watched_through.notnull())
    dated = with_silence(user_days, silent, as_of=as_of, churn_after_days=churn_after_days)
    parts = dated.select(*chosen, fate=_fate(as_of, churn_after_days), **days)
    return parts.union(_recorded_end(recorded, as_of).select(*chosen, fate=_recorded_fate(), **days))


def with_silence(user_days: Tabular, people: Tabular, *, as_of: date, churn_after_days: int) -> ir.Table:
    """The users with seen_day, churned, returned and end_day, as silence alone tells.

    >>> from opsbook import churn, tiny
    >>> people = churn.with_silence(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=14).to_pandas()
    >>> shown = people[people["churned"]].sort_values("user")[["user", "end_day", "returned"]].head(3)
    >>> print(shown.to_string(index=False))
     user    end_day returned
        0 2026-01-12    False
        1 2026-02-08    False
        3 2026-01-20    False
    """
    people = engine_table(people)
    people = people.mutate(seen_day=(_.first_active_day <= ibis.date(as_of)).ifelse(_.first_active_day, ibis.null()))
    churns = _first_churn(engine_table(user_days), people, as_of, churn_after_days)
    return _with_end(people.left_join(churns, "user").drop("user_right"), as_of, churn_after_days)


def gaps_as_durations(gaps: pd.DataFrame) -> pd.DataFrame:
    """The gap table as counted durations: a return ends a silence, an open one is censored.

    >>> import pandas as pd
    >>> from opsbook import churn
    >>> gaps = pd.DataFrame({"gap_days": [1, 7], "returned": [90, 10], "open": [5, 8]})
    >>> print(churn.gaps_as_durations(gaps).to_string(index=False))
     duration_days  churned  censored
                 1       90         5
                 7       10         8
    """
    return gaps.rename(columns={"gap_days": "duration_days", "returned": "churned", "open": "censored"})


def refuse_immortal_time(columns: Sequence[str], by: Sequence[str]) -> None:
    """Raise ParameterError for a segment that is no column of users or is only known after the first day.

    >>> from opsbook import churn, tiny
    >>> from opsbook.errors import ParameterError
    >>> churn.refuse_immortal_time(tiny.users.columns, ["channel"])
    >>> try:
    ...     churn.refuse_immortal_time(tiny.users.columns, ["active_days"])
    ... except ParameterError as refused:
    ...     print(str(refused).splitlines()[0])
    `active_days` cannot split survival curves: it is found out while the user stays (immortal time)
    """
    for name in by:
        if name in FOUND_OUT_LATER:
            raise ParameterError(
                f"`{name}` cannot split survival curves: it is found out while the user stays (immortal time)",
                fix="take an attribute known on the first day, or measure it in the landmark window",
            )
        if name not in columns:
            known = sorted(set(columns) - FOUND_OUT_LATER)
            raise ParameterError(f"`{name}` is not a column of users", fix=did_you_mean(name, known))


def _days(start: ir.Value, end: ir.Value) -> ir.Value:
    return -start.delta(end, unit="day")


def _silences(user_days: ir.Table, as_of: date) -> ir.Table:
    """The silence after every active day up to as_of: silent_days, and whether a return by as_of closed it."""
    known = user_days.filter(_.day <= ibis.date(as_of)).mutate(left=_days(_.day, ibis.date(as_of)))
    closed = (_.gap_after <= _.left).fill_null(False)
    return known.mutate(closed=closed).mutate(silent_days=_.closed.ifelse(_.gap_after, _.left))


def _first_churn(user_days: ir.Table, people: ir.Table, as_of: date, churn_after_days: int) -> ir.Table:
    """One row per user with a long silence after the first day -- user, churn_day, returned.

    A silence is long when churn_after_days whole days passed: a return ends it a day later at the earliest, and it
    began at least as many days before as_of.
    """
    last_day = ibis.date(as_of - timedelta(days=churn_after_days))
    long = user_days.filter((_.day <= last_day) & (_.gap_after.isnull() | (_.gap_after > churn_after_days)))
    long = long.join(people.select("user", "first_day"), "user")
    before = ibis.greatest(_days(_.day, _.first_day), 0)
    long = long.filter((_.first_day <= last_day) & (_.gap_after.isnull() | (_.gap_after - before > churn_after_days)))
    returned = (_.gap_after <= _days(_.day, ibis.date(as_of))).fill_null(False)
    dated = long.mutate(start_day=ibis.greatest(_.day, _.first_day), returned=returned)
    return dated.group_by("user").agg(churn_day=_.start_day.min(), returned=_.returned.argmin(_.start_day))


def _with_end(people: ir.Table, as_of: date, churn_after_days: int) -> ir.Table:
    """Adds churned, returned, end_day (churn, else the last day that can be classified); a signup is a sign of life."""
    quiet_days = _days(_.first_day, ibis.coalesce(_.seen_day, ibis.date(as_of + timedelta(days=1))))
    never_began = (_.entry_day == _.first_day) & (quiet_days > churn_after_days)
    began = people.mutate(
        churn_day=never_began.ifelse(_.first_day, _.churn_day),
        returned=never_began.ifelse(_.seen_day.notnull(), _.returned),
    )
    last_day = ibis.date(as_of - timedelta(days=churn_after_days))
    return began.mutate(churned=_.churn_day.notnull(), end_day=ibis.coalesce(_.churn_day, last_day))


def _fate(as_of: date, churn_after_days: int) -> ir.Value:
    late = _.entry_day > _.first_day
    silent_at_start = _.seen_day.isnull() | (_days(_.entry_day, _.seen_day) >= churn_after_days)
    return ibis.cases(
        (_.first_day.isnull() | (_.life_start == "unknown"), "start_unknown"),
        (_.first_day > ibis.date(as_of - timedelta(days=churn_after_days)), "too_young"),
        (late & (silent_at_start | (_.end_day <= _.entry_day)), "not_at_risk"),
        (_.churned & _.returned, "came_back"),
        (_.churned, "gone"),
        else_="undecided",
    )


def _recorded_end(people: ir.Table, as_of: date) -> ir.Table:
    """Adds churned and end_day of users whose life only a recorded exit ends; one on the last day watched counts."""
    watched = people.mutate(last_day=ibis.least(_.watched_through, ibis.date(as_of)))
    left = watched.mutate(churned=(_.exit_day <= _.last_day).fill_null(False))
    return left.mutate(end_day=_.churned.ifelse(_.exit_day, _.last_day))


def _recorded_fate() -> ir.Value:
    late = _.entry_day > _.first_day
    return ibis.cases(
        (_.first_day.isnull() | _.entry_day.isnull() | (_.life_start == "unknown"), "start_unknown"),
        ((_.end_day < _.first_day) | (late & (_.end_day <= _.entry_day)), "not_at_risk"),
        (_.churned, "gone"),
        else_="undecided",
    )
