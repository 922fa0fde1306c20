"""When is a silent user gone: how long silences last, how many end with a return, and the threshold that follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import life_table, survival
from opsbook.analysis.proportion import Estimate, wilson
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
CANDIDATE_DAYS = (3, 7, 14, 21, 30, 45, 60, 90)
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


def _days(start: ir.Value, end: ir.Value) -> ir.Value:
    return -start.delta(end, unit="day")


def _silences(user_days: ir.Table, as_of: date) -> ir.Table:
    """The silence after every active day up to as_of: silent_days, and whether a return by as_of closed it."""
    known = user_days.filter(_.day <= ibis.date(as_of)).mutate(left=_days(_.day, ibis.date(as_of)))
    closed = (_.gap_after <= _.left).fill_null(False)
    return known.mutate(closed=closed).mutate(silent_days=_.closed.ifelse(_.gap_after, _.left))
