"""By which road each life ends: exits that leave a trace, and silence, which leaves none.

What came first decides. An exit ends a silence as a return would: whoever leaves by a recorded road within
churn_after_days of the last sign of life left by that road, on its own day; after a longer silence the user was gone
already, by silence, dated at the last active day, and the later exit is bookkeeping. Activity and an exit on one day:
the exit. Two roads on one day: the one named first in the workbook. Activity after an exit belongs to another life.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from opsbook.analysis import competing, life_table, segment_survival, survival, time_to_churn
from opsbook.analysis.multiplicity import holm
from opsbook.inputs.exits import SILENT, Exits
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
TOLD_DAYS = (30, 90, 180)
MIN_AT_RISK = 10
MIN_LEFT = 10  # fewer users who left by a road, on either side, are too few for a normal interval
COMPARED = [
    "cause", "segment", "users", "rest_users", "share", "low", "high", "share_rest", "difference", "difference_low",
    "difference_high", "p", "p_holm", "day",
]  # fmt: skip


def ends(
    user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int, by: Sequence[str] = ()
) -> pd.DataFrame:
    """How long everybody stayed and by which road they left, counted: what `competing` reads.

    user_days, users, by: as in time_to_churn.durations; users with exit_day, exit_road and watched_through of the mart
    returns: one row per (entry_days, duration_days, cause, *by) -- users; cause is a road, `silent`, or empty
             (censored). Users too young to judge, of unknown start or not seen in time are not in it.
    raises:  ParameterError for a column in `by` that is not known at the first day (immortal time)

    >>> from opsbook import roads, tiny
    >>> ends = roads.ends(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> ends.groupby("cause")["users"].sum().to_dict()
    {'': 29, 'closed': 2, 'silent': 25}
    """
    lives = user_ends(user_days, users, as_of=as_of, churn_after_days=churn_after_days, by=by)
    keys = ["entry_days", "duration_days", "cause", *by]
    counted = lives.group_by(keys).agg(users=_.count()).order_by(keys).to_pandas()
    return counted.astype(dict.fromkeys(["entry_days", "duration_days", "users"], "int64"))


def together(ends: pd.DataFrame) -> pd.DataFrame:
    """The ends of all segments as one: one row per (entry_days, duration_days, cause) -- users.

    >>> from opsbook import roads, tiny
    >>> ends = roads.ends(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10, by=["channel"])
    >>> whole = roads.together(ends)
    >>> print(ends["users"].sum(), whole["users"].sum(), whole.columns.tolist())
    56 56 ['entry_days', 'duration_days', 'cause', 'users']
    """
    return ends.groupby(["entry_days", "duration_days", "cause"], sort=True)["users"].sum().reset_index()


def user_ends(
    user_days: Tabular, users: Tabular, *, as_of: date, churn_after_days: int, by: Sequence[str] = ()
) -> ir.Table:
    """One row per user who could be watched -- user, entry_days, duration_days, cause, *by; parameters as in `ends`.

    >>> from opsbook import roads, tiny
    >>> ends = roads.user_ends(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> print(ends.order_by("user").limit(3).to_pandas().to_string(index=False))
     user  entry_days  duration_days  cause
        0           2              9 silent
        1           5             39 silent
        2           8             81
    """
    people = engine_table(users)
    time_to_churn.refuse_immortal_time(people.columns, by)
    people = people.filter(_.first_day <= ibis.date(as_of), _.life_start != "unknown", _.entry_day.notnull())
    exited = (_.exit_day <= ibis.date(as_of)).fill_null(False)
    people = people.mutate(exit_day=exited.ifelse(_.exit_day, ibis.null("date")))
    silent, recorded = people.filter(_.watched_through.isnull()), people.filter(_.watched_through.notnull())
    both = _with_silence(user_days, silent, as_of, churn_after_days).union(_recorded(recorded, as_of))
    late = _.entry_days > 0
    return both.filter(_.duration_days >= 0, ~late | (_.duration_days > _.entry_days)).select(
        "user", "entry_days", "duration_days", "cause", *by
    )


def curve(ends: pd.DataFrame, *, horizon_days: int, min_at_risk: int = MIN_AT_RISK) -> pd.DataFrame:
    """Shares of all roads and of those still active, which add up to 1, day by day as far as min_at_risk are watched.

    ends:    of `ends`
    returns: one row per day from 0 and cause, `active` among them -- day, cause, share, low, high, at_risk, ended
             (users who left by it up to the day; for `active` 0)

    >>> from opsbook import roads, tiny
    >>> ends = roads.ends(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> curve = roads.curve(ends, horizon_days=14, min_at_risk=5)
    >>> print(curve.query("day == 14")[["day", "cause", "share", "at_risk", "ended"]].round(3).to_string(index=False))
     day  cause  share  at_risk  ended
      14 closed  0.000       35      0
      14 silent  0.222       35      9
      14 active  0.778       35      0
    """
    incidence = competing.cumulative_incidence(ends)
    days = np.arange(0, watched_days(ends, horizon_days=horizon_days, min_at_risk=min_at_risk) + 1)
    durations = _as_durations(ends)
    at_risk = life_table.at_risk(durations, days) if len(days) else days
    parts = [_on_days(str(cause), rows, days) for cause, rows in incidence.groupby("cause", sort=True)]
    steps = survival.kaplan_meier(durations).assign(cause="active", ended=0)
    names = {"active": "share", "active_low": "low", "active_high": "high"}
    parts.append(_on_days("active", steps.rename(columns=names), days, start=1.0))
    return pd.concat([part.assign(at_risk=at_risk) for part in parts], ignore_index=True)


def watched_days(ends: pd.DataFrame, *, horizon_days: int, min_at_risk: int = MIN_AT_RISK) -> int:
    """The last day, up to the horizon, on which at least min_at_risk users were watched; -1 when there is none.

    >>> from opsbook import roads, tiny
    >>> ends = roads.ends(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> roads.watched_days(ends, horizon_days=90), roads.watched_days(ends, horizon_days=90, min_at_risk=1)
    (73, 90)
    """
    if ends.empty:
        return -1
    days = np.arange(0, horizon_days + 1)
    enough = np.flatnonzero(life_table.at_risk(_as_durations(ends), days) >= min_at_risk)
    return int(enough.max()) if len(enough) else -1


def at_days(curve: pd.DataFrame, *, days: Sequence[int] = TOLD_DAYS) -> pd.DataFrame:
    """The rows of the curve that a report prints, the largest share of the last day first; `active` last.

    >>> from opsbook import roads, tiny
    >>> ends = roads.ends(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> told = roads.at_days(roads.curve(ends, horizon_days=21), days=[7, 21])
    >>> print(told[["day", "cause", "share", "at_risk"]].round(3).to_string(index=False))
     day  cause  share  at_risk
       7 silent  0.102       36
       7 closed  0.000       36
       7 active  0.898       36
      21 silent  0.292       31
      21 closed  0.024       31
      21 active  0.684       31
    """
    last = curve[curve["day"] == curve["day"].max()].set_index("cause")["share"]
    rank = {cause: (cause == "active", -share) for cause, share in last.items()}
    shown = curve[curve["day"].isin(days)]
    order = sorted(shown.index, key=lambda at: (shown.loc[at, "day"], rank[shown.loc[at, "cause"]]))
    return shown.loc[order, ["day", "cause", "share", "low", "high", "at_risk", "ended"]].reset_index(drop=True)


def compare(ends: pd.DataFrame, *, by: str, day: int, min_cell: int = 10) -> pd.DataFrame:
    """Whether a segment leaves by a road more or less often within `day` days than everybody else; Holm over all.

    ends:    one row per (entry_days, duration_days, cause, <by>) -- users
    returns: one row per cause and segment -- columns COMPARED; share (0-1) with its interval, the same of the rest,
             the difference with its interval, p and p_holm, missing where fewer than MIN_LEFT left by the road on
             either side. A segment (or its rest) without min_cell users watched on the day is left out, and the
             smaller of only two, which is the mirror of the larger.
    source:  difference of two independent Aalen-Johansen shares, normal interval of the root of summed variances

    >>> import pandas as pd
    >>> from opsbook import roads
    >>> ends = pd.DataFrame({"entry_days": 0, "duration_days": [5, 9, 20] * 2, "cause": ["refund", "silent", ""] * 2,
    ...                      "channel": ["ads"] * 3 + ["search"] * 3, "users": [60, 60, 80, 20, 80, 100]})
    >>> told = roads.compare(ends, by="channel", day=14)
    >>> print(told[["cause", "segment", "share", "share_rest", "difference", "p_holm"]].round(4).to_string(index=False))
     cause segment  share  share_rest  difference  p_holm
    refund     ads    0.3         0.1         0.2   0.000
    silent     ads    0.3         0.4        -0.1   0.035
    """
    known = ends.assign(**{by: ends[by].astype(object).where(ends[by].notna(), "unknown").astype(str)})
    sizes = known.groupby(by)["users"].sum().sort_values(ascending=False, kind="stable")
    rows: list[dict[str, object]] = []
    for name in sizes.index[: 1 if len(sizes) == 2 else None]:
        own, rest = known[known[by] == name], known[known[by] != name]
        if all(watched_days(part, horizon_days=day, min_at_risk=min_cell) == day for part in (own, rest)):
            both = [_left_by(part, day) for part in (own, rest)]
            told = {"segment": name, "users": int(own["users"].sum()), "rest_users": int(rest["users"].sum())}
            rows += [told | _difference(cause, *both) for cause in sorted(set(ends["cause"]) - {""})]
    table = pd.DataFrame(rows, columns=[name for name in COMPARED if name not in ("p_holm", "day")])
    return table.assign(day=day, p_holm=holm(table["p"]))[COMPARED].sort_values(
        ["cause"], kind="stable", ignore_index=True
    )


def pooled(ends: pd.DataFrame, *, by: str, most: int = 6, min_cell: int = 10) -> pd.DataFrame:
    """Ends with all but the largest segments pooled as `other`, as largest_segments does for durations.

    >>> import pandas as pd
    >>> from opsbook import roads
    >>> ends = pd.DataFrame({"entry_days": 0, "duration_days": 5, "cause": "refund", "city": list("abcd")})
    >>> ends["users"] = [90, 50, 9, 8]
    >>> roads.pooled(ends, by="city", most=2).groupby("city")["users"].sum().to_dict()
    {'a': 90, 'b': 50, 'other': 17}
    """
    durations = _as_durations(ends).drop(columns="users")
    counted = segment_survival.largest_segments(durations, by=by, most=most, min_cell=min_cell)
    return counted.assign(users=counted["churned"] + counted["censored"]).drop(columns=["churned", "censored"])


def unseen(recorded: Tabular, steps: Tabular, exits: Exits) -> Mapping[str, str]:
    """Events named in `exits` that nobody ever had, each with the nearest event that exists (empty: none is near).

    recorded: mart exits; steps: mart steps

    >>> from opsbook import roads, tiny
    >>> from opsbook.inputs.exits import Exits
    >>> settings = Exits.model_validate({"roads": {"closed": {"events": ["close_account", "ordr"]}}})
    >>> roads.unseen(tiny.exits, tiny.steps, settings)
    {'ordr': 'order'}
    """
    table = engine_table(recorded)
    seen = set(table.select("event").distinct().to_pandas()["event"]) if exits.named else set()
    missing = [event for event in exits.named if event not in seen]
    if not missing:
        return {}
    known = sorted(seen | set(engine_table(steps).select("event").distinct().to_pandas()["event"]))
    return {event: next(iter(difflib.get_close_matches(event, known, n=1)), "") for event in missing}


def _with_silence(user_days: Tabular, people: ir.Table, as_of: date, churn_after_days: int) -> ir.Table:
    """entry_days, duration_days and cause where silence ends a life too; the last churn_after_days classify nobody."""
    last_day = ibis.date(as_of - timedelta(days=churn_after_days))
    sign = people.mutate(first_active_day=ibis.least(_.first_active_day, _.exit_day), first_seen=_.first_active_day)
    dated = time_to_churn.with_silence(user_days, sign, as_of=as_of, churn_after_days=churn_after_days)
    late = _.entry_day > _.first_day
    in_time = (_days(_.entry_day, _.seen_day) < churn_after_days).fill_null(False)
    seen = dated.filter(_.first_day <= last_day, ~late | in_time)
    in_silence = (_days(_.end_day, _.exit_day) <= churn_after_days).fill_null(False)
    exit_first = _.exit_day.notnull() & (~_.churned | in_silence)
    ended = seen.mutate(exit_first=exit_first).mutate(
        end_day=_.exit_first.ifelse(ibis.least(_.exit_day, last_day), _.end_day),
        cause=ibis.cases(
            (_.exit_first & (_.exit_day <= last_day), _.exit_road), (_.exit_first | ~_.churned, ""), else_=SILENT
        ),
    )
    return _with_days(ended)


def _recorded(people: ir.Table, as_of: date) -> ir.Table:
    """The same where only exits end a life; one on the last day watched counts."""
    watched = people.mutate(last_day=ibis.least(_.watched_through, ibis.date(as_of)))
    left = (_.exit_day <= _.last_day).fill_null(False)
    ended = watched.mutate(end_day=left.ifelse(_.exit_day, _.last_day), cause=left.ifelse(_.exit_road, ""))
    return _with_days(ended)


def _with_days(people: ir.Table) -> ir.Table:
    told = ["first_day", "entry_day", "end_day", "cause"]
    own = [name for name in people.columns if name not in (*told, "user", *_BOOKKEEPING)]
    days = {"entry_days": _days(_.first_day, _.entry_day), "duration_days": _days(_.first_day, _.end_day)}
    return people.select("user", *own, "cause", **days)


_BOOKKEEPING = ("seen_day", "churn_day", "returned", "churned", "exit_first", "first_seen", "last_day", "entry_days")


def _days(start: ir.Value, end: ir.Value) -> ir.Value:
    return -start.delta(end, unit="day")


def _as_durations(ends: pd.DataFrame) -> pd.DataFrame:
    gone = ends["cause"].ne("")
    return ends.assign(churned=ends["users"].where(gone, 0), censored=ends["users"].where(~gone, 0))


def _on_days(cause: str, steps: pd.DataFrame, days: np.ndarray, *, start: float = 0.0) -> pd.DataFrame:
    """The steps of one cause carried forward to every day."""
    last = np.searchsorted(steps["duration_days"].to_numpy(), days, side="right")
    first = pd.DataFrame({"share": [start], "low": [np.nan], "high": [np.nan], "ended": [0]})
    steps = steps.assign(ended=steps["ended"].cumsum())
    shown = pd.concat([first, steps[list(first)]], ignore_index=True).iloc[last].reset_index(drop=True)
    shown.insert(0, "day", days)
    shown.insert(1, "cause", cause)
    return shown.astype({"ended": "int64"})


def _left_by(ends: pd.DataFrame, day: int) -> pd.DataFrame:
    """Shares by the day of every cause, `ended` being all who left by it so far."""
    incidence = competing.cumulative_incidence(ends)
    so_far = incidence.assign(ended=incidence.groupby("cause")["ended"].cumsum())
    return competing.incidence_at(so_far, day=day)


def _difference(cause: str, own: pd.DataFrame, rest: pd.DataFrame) -> dict[str, object]:
    one, other = (_share(part, cause) for part in (own, rest))
    gap, error = one["share"] - other["share"], float(np.hypot(one["standard_error"], other["standard_error"]))
    enough = error > 0 and min(one["ended"], other["ended"]) >= MIN_LEFT
    half = float(ndtri(0.975)) * error if enough else np.nan
    return {
        "cause": cause,
        **{column: one[column] for column in ("share", "low", "high")},
        "share_rest": other["share"],
        "difference": gap,
        "difference_low": gap - half,
        "difference_high": gap + half,
        "p": float(2 * ndtr(-abs(gap) / error)) if enough else np.nan,
    }


def _share(incidence: pd.DataFrame, cause: str) -> dict[str, float]:
    """The cumulative incidence of one cause; 0 without an interval where nobody had left by it."""
    columns = ["share", "standard_error", "low", "high", "ended"]
    found = incidence[incidence["cause"] == cause]
    if found.empty:
        return dict(zip(columns, [0.0, 0.0, np.nan, np.nan, 0.0], strict=True))
    return {column: float(found[column].iloc[0]) for column in columns}
