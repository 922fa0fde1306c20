"""Does one churn threshold serve everybody, and when do those come back who had been given up?"""

from __future__ import annotations

from datetime import date

import ibis
import numpy as np
import pandas as pd

from opsbook.analysis import churn, survival, time_to_churn
from opsbook.analysis.proportion import Estimate
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "Kaplan-Meier on gaps"
MIN_SILENCES = 200
SEGMENTS = ["segment", "users", "silences", "suggested_days", "false_churn", "low", "high"]
RETURNS = ["days", "at_risk", "returned", "low", "high"]


def by_segment(
    user_days: Tabular,
    users: Tabular,
    *,
    by: str,
    as_of: date,
    target: float,
    chosen_days: int,
    most: int = 6,
    min_silences: int = MIN_SILENCES,
) -> pd.DataFrame:
    """The threshold finder for each segment of the users.

    by:      a column of users known on the first day
    returns: one row per segment, most users first, small ones joined as `other` -- segment, users, silences (longer
             than chosen_days), suggested_days (missing when no threshold meets the target), false_churn at chosen_days
             (0-1) with low and high; segments with fewer than min_silences silences at all are not judged
    raises:  ParameterError for a column that is only known later (immortal time)

    >>> from opsbook import silences, tiny
    >>> asked = {"as_of": tiny.AS_OF, "target": 0.5, "chosen_days": 2, "min_silences": 30}
    >>> told = silences.by_segment(tiny.user_days, tiny.users, by="channel", **asked)
    >>> print(told[["segment", "users", "silences", "suggested_days", "false_churn"]].round(3).to_string(index=False))
    segment  users  silences  suggested_days  false_churn
     search     40       291             NaN        0.961
        ads     20        72             NaN        0.722
    """
    people = engine_table(users)
    time_to_churn.refuse_immortal_time(people.columns, [by])
    named = people.select("user", segment=people[by].cast("string").fill_null("unknown"))
    sizes = (
        named.group_by("segment")
        .agg(users=_.count())
        .to_pandas()
        .sort_values(["users", "segment"], ascending=[False, True])
    )
    kept = list(sizes["segment"].head(most)) if len(sizes) > most + 1 else list(sizes["segment"])
    pooled = named.mutate(segment=ibis.ifelse(named.segment.isin(kept), named.segment, "other"))
    days = engine_table(user_days).inner_join(pooled, "user")
    rows = [_judged(days, name, as_of, target, chosen_days, min_silences) for name in [*kept, "other"]]
    table = pd.DataFrame([row for row in rows if row is not None], columns=[*SEGMENTS[:1], *SEGMENTS[2:]])
    counts = sizes.assign(segment=sizes["segment"].where(sizes["segment"].isin(kept), "other"))
    table["users"] = table["segment"].map(counts.groupby("segment")["users"].sum()).astype("int64")
    return table[SEGMENTS]


def return_times(user_days: Tabular, *, classified_on: date, until: date, churn_after_days: int) -> pd.DataFrame:
    """When the users who counted as churned at the end of a day came back: a counted table of durations.

    returns: one row per duration_days (since classified_on) -- churned (came back then), censored (not back by until)

    >>> from datetime import date
    >>> from opsbook import silences, tiny
    >>> day = date(2026, 2, 1)
    >>> times = silences.return_times(tiny.user_days, classified_on=day, until=tiny.AS_OF, churn_after_days=7)
    >>> print(times.to_string(index=False))
     duration_days  churned  censored
                21        1         0
                22        1         0
                56        0         9
    """
    days = engine_table(user_days).filter(_.day <= ibis.date(classified_on))
    left = days.mutate(silent=-days.day.cast("date").delta(ibis.date(classified_on), unit="day"))
    open_then = left.filter(_.gap_after.isnull() | (_.gap_after > _.silent)).filter(_.silent >= churn_after_days)
    waited = (until - classified_on).days
    back = (open_then.gap_after - open_then.silent <= waited).fill_null(False)
    dated = open_then.mutate(back=back, wait=ibis.ifelse(back, open_then.gap_after - open_then.silent, waited))
    counted = dated.group_by(duration_days=_.wait).agg(churned=_.back.sum(), censored=(~_.back).sum())
    return counted.order_by("duration_days").to_pandas().astype("int64")


def returned(times: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Share of the users given up who had come back after so many more days.

    times:   table of return_times
    returns: one row per day 0.. -- days, at_risk, returned (0-1), low, high (log-log interval of Kaplan-Meier)

    >>> import pandas as pd
    >>> from opsbook import silences
    >>> times = pd.DataFrame({"duration_days": [3, 10, 28], "churned": [10, 5, 0], "censored": [0, 0, 85]})
    >>> print(silences.returned(times).query("days in [3, 10]").round(3).to_string(index=False))
     days  at_risk  returned   low  high
        3      100      0.10 0.055 0.178
       10       90      0.15 0.093 0.236
    """
    curve = survival.survival_curve(times, horizon_days=10**5, level=level)
    columns = [curve["day"], curve["at_risk"], 1 - curve["active"], 1 - curve["active_high"], 1 - curve["active_low"]]
    return pd.DataFrame(dict(zip(RETURNS, columns, strict=True)))


def half_of_returns(table: pd.DataFrame) -> Estimate:
    """Days within which half of those who come back in the days watched do so; n = users given up.

    table: `returned`; a fact of the counted returns, so without interval

    >>> import pandas as pd
    >>> from opsbook import silences
    >>> times = pd.DataFrame({"duration_days": [3, 10, 28], "churned": [10, 5, 0], "censored": [0, 0, 85]})
    >>> half = silences.half_of_returns(silences.returned(times))
    >>> float(half.value), int(half.n)
    (3.0, 100)
    """
    if table.empty or not table["returned"].iloc[-1] > 0:
        return Estimate(np.nan, np.nan, np.nan, 0 if table.empty else int(table["at_risk"].iloc[0]))
    half = table.loc[table["returned"] >= table["returned"].iloc[-1] / 2 - 1e-12, "days"].iloc[0]
    return Estimate(float(half), np.nan, np.nan, int(table["at_risk"].iloc[0]))


def _judged(
    days: ibis.Table, name: str, as_of: date, target: float, chosen_days: int, min_silences: int
) -> list[object] | None:
    gaps = churn.gap_table(days.filter(_.segment == name), as_of=as_of)
    if gaps.empty or int(gaps[["returned", "open"]].to_numpy().sum()) < min_silences:
        return None
    table = churn.false_churn(gaps)
    suggested = churn.suggestion(table, target=target)
    at = table[table["threshold_days"] == chosen_days]
    nothing = [0, *[np.nan] * 3]
    seen = at[["gaps", "false_churn", "low", "high"]].iloc[0].tolist() if len(at) else nothing
    return [name, int(seen[0]), np.nan if suggested is None else float(suggested), *seen[1:]]
