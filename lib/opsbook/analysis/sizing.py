"""How many users must be held out, and for how long, to see an effect worth having: the campaign placed in the past.

The campaign's window is laid over the last days of the data, when nothing of it had happened yet, and its audience is
read as of the day before that window: so variance and pre-period correlation are those the review will meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple, Protocol

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis import segments
from opsbook.analysis.experiment import SHARES, conversions
from opsbook.analysis.means import cuped_theta
from opsbook.analysis.moments import MOMENTS, count_moments, pair_moments
from opsbook.inputs.segments import Rule, Segment
from opsbook.inputs.workbook import Thresholds
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
AUDIENCE = "campaign_audience"
BEFORE_DAYS = 28
POWER, LEVEL = 0.8, 0.95
COUNTED_DAYS = ("active_days", "converted")
HELD_OUT = (*(percent / 100 for percent in range(5, 21)), 0.25, 0.3, 0.4, 0.5)  # below 5 % a handful decides
PLACED = ["days", "metric", "users_now", *MOMENTS]
SIZES = ["days", "control_share", "users", "control_users", "mean", "explained", "half_width", "detectable"]


class BreakEvenLift(NamedTuple):
    """A net lift (share of the revenue without the campaign) with its interval, and what it rests on."""

    lift: float
    low: float
    high: float
    mean: float
    cost: float
    margin: float


class Campaign(Protocol):
    """What the size depends on of a campaign's file."""

    start: date | None
    end: date | None
    after_days: int
    audience_rule: Rule | None
    control_share: float | None


def audience_of(campaign: Campaign) -> Segment:
    """Whom it is for: the file's rule, else everybody active in the last four weeks.

    >>> from opsbook import sizing, tiny
    >>> from opsbook.inputs.run_params import CampaignRun
    >>> campaign = CampaignRun(campaign_id=tiny.CAMPAIGN, start=tiny.CAMPAIGN_START, end=tiny.CAMPAIGN_END)
    >>> sizing.audience_of(campaign).rule.given
    {'since': 'last_activity', 'at_most': 27.0}
    """
    return Segment(rule=campaign.audience_rule or Rule(since="last_activity", at_most=BEFORE_DAYS - 1))


def watched_days(campaign: Campaign) -> int:
    """Days from the campaign's start to the end of its after-days: what the review's net effect reads.

    >>> from opsbook import sizing, tiny
    >>> from opsbook.inputs.run_params import CampaignRun
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7}
    >>> sizing.watched_days(CampaignRun(campaign_id=tiny.CAMPAIGN, **span))
    21
    """
    assert campaign.start
    assert campaign.end
    return (campaign.end - campaign.start).days + 1 + campaign.after_days


def shares_of(campaign: Campaign) -> list[float]:
    """Holdout shares to look at, each percent from 5 to 20 and some above, the planned one among them.

    >>> from opsbook import sizing, tiny
    >>> from opsbook.inputs.run_params import CampaignRun
    >>> asked = {"comparison": "holdout", "experiment_id": tiny.CAMPAIGN}
    >>> sizing.shares_of(CampaignRun(campaign_id=tiny.CAMPAIGN, control_share=0.35, **asked))[14:]
    [0.19, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5]
    """
    return sorted({*HELD_OUT, *([campaign.control_share] if campaign.control_share else [])})


def placed(
    logs: tuple[Tabular, Tabular, Tabular, Tabular],
    *,
    audience: Segment,
    limits: Thresholds,
    event_groups: Mapping[str, Sequence[str]],
    lengths: Sequence[int],
    metric: str,
    conversion_events: Sequence[str] = ("order",),
    as_of: date,
    data_start: date,
) -> pd.DataFrame:
    """The audience's metric over windows that end at as_of, with the 28 days before each window.

    logs:    user_days, users, orders, steps; lengths: days from the campaign's start to the end of its after-days
    metric:  orders, revenue, active_days, buyers (1 = ordered at all) or converted (1 = did one of conversion_events)
    returns: one row per length the data reach back for -- days, metric, users_now (audience at as_of), users (audience
             on the eve of the window), total, mean, variance, other_mean, other_variance, covariance (other = before)

    >>> from opsbook import sizing, tiny
    >>> from opsbook.inputs.segments import Segment
    >>> from opsbook.inputs.workbook import Thresholds
    >>> active = Segment(rule={"since": "last_activity", "at_most": 27})
    >>> asked = {"limits": Thresholds(), "event_groups": {}, "as_of": tiny.AS_OF, "data_start": tiny.DATA_START}
    >>> tables = tiny.user_days, tiny.users, tiny.orders, tiny.steps
    >>> told = sizing.placed(tables, audience=active, lengths=[7, 14, 28, 56], metric="revenue", **asked)
    >>> print(told[["days", "users_now", "users", "total", "mean"]].round(2).to_string(index=False))
     days  users_now  users  total  mean
        7         40   42.0  420.0 10.00
       14         40   44.0  990.0 22.50
       28         40   47.0 2050.0 43.62
    """
    asked = {"segments": {AUDIENCE: audience}, "limits": limits, "event_groups": event_groups}
    now = _members(logs, as_of, asked)
    users_now = int(now.count().to_pandas())
    won = conversions(logs[3], conversion_events)
    lived = engine_table(logs[0]) if metric != "converted" or won is None else won
    rows = []
    for days in sorted(set(lengths)):
        eve = as_of - timedelta(days=days)
        if eve - timedelta(days=BEFORE_DAYS) >= data_start:
            counted = _moments(_members(logs, eve, asked), lived, metric, eve, days)
            rows.append({"days": days, "metric": metric, "users_now": users_now} | counted)
    return pd.DataFrame(rows, columns=PLACED)


def sizes(placed: pd.DataFrame, *, shares: Sequence[float] = HELD_OUT, power: float = POWER) -> pd.DataFrame:
    """What each holdout share and duration can see.

    returns: one row per length and share -- days, control_share, users (audience now), control_users, mean (per user),
             explained (share of the variance that the pre-period takes away), half_width (of the 95 % interval of the
             relative lift), detectable (the smallest relative lift seen with `power`)
    source:  two means of unequal groups, Welch, after CUPED (Deng, Xu, Kohavi, Walker 2013); Chow, Shao, Wang 2008

    >>> import pandas as pd
    >>> from opsbook import sizing
    >>> placed = pd.DataFrame({"days": [14], "metric": "revenue", "users_now": 10_000, "users": 9_500, "mean": 10.0})
    >>> placed = placed.assign(variance=400.0, other_mean=20.0, other_variance=900.0, covariance=300.0)
    >>> told = sizing.sizes(placed, shares=[0.1, 0.5]).round(3)
    >>> print(told[["control_share", "control_users", "explained", "half_width", "detectable"]].to_string(index=False))
     control_share  control_users  explained  half_width  detectable
               0.1           1000       0.25       0.113       0.162
               0.5           5000       0.25       0.068       0.097
    """
    rows = [_size(row, share, power) for row in placed.to_dict("records") for share in sorted(set(shares))]
    return pd.DataFrame(rows, columns=SIZES)


def smallest(sizes: pd.DataFrame, *, days: int, worthwhile: float) -> float | None:
    """The smallest holdout share that sees the worthwhile lift over so many days; None where none does.

    >>> import pandas as pd
    >>> from opsbook import sizing
    >>> sizes = pd.DataFrame({"days": 14, "control_share": [0.1, 0.2, 0.5], "detectable": [0.17, 0.12, 0.09]})
    >>> sizing.smallest(sizes, days=14, worthwhile=0.15), sizing.smallest(sizes, days=14, worthwhile=0.05)
    (0.2, None)
    """
    fit = sizes[(sizes["days"] == days) & (sizes["detectable"] <= worthwhile)]
    return None if fit.empty else float(fit["control_share"].min())


def break_even(
    spent: pd.DataFrame, *, days: int, control_share: float | None, cost: float | None, margin: float | None
) -> BreakEvenLift | None:
    """From which net lift of revenue the campaign earns its cost, at the revenue that the audience brings without it.

    spent:   `placed` of the metric revenue; days: watched; control_share, margin: 0-1; cost: planned, in the currency
    returns: None where the data do not reach back that far, nobody spends, or cost or margin is not planned
    source:  cost / (margin × mean revenue × treated users); interval by that of the mean (normal)

    >>> import pandas as pd
    >>> from opsbook import sizing
    >>> spent = pd.DataFrame({"days": [42], "users_now": 4000, "users": 3900, "mean": 50.0, "variance": 10000.0})
    >>> told = sizing.break_even(spent, days=42, control_share=0.2, cost=5600.0, margin=0.35)
    >>> print(f"{told.lift:.1%} ({told.low:.1%} to {told.high:.1%})")
    10.0% (9.4% to 10.7%)
    """
    own = spent[(spent["days"] == days) & (spent["users"] > 1)]
    if own.empty or not cost or not margin or not own["mean"].iloc[0] > 0:
        return None
    row = own.iloc[0]
    treated = float(row["users_now"]) * (1 - (control_share or 0.0))
    error = float(ndtri(0.5 + LEVEL / 2) * np.sqrt(row["variance"] / row["users"]))
    mean = float(row["mean"])
    lift, low, high = (
        cost / (margin * at * treated) if at > 0 else np.inf for at in (mean, mean + error, mean - error)
    )
    return BreakEvenLift(lift, low, high, mean, cost, margin)


def _members(logs: tuple[Tabular, Tabular, Tabular, Tabular], as_of: date, asked: dict[str, Any]) -> ir.Table:
    people = segments.people(*logs, **asked, as_of=as_of)
    return people.filter(people[segments.member(AUDIENCE)]).select("user")


def _moments(members: ir.Table, lived: ir.Table, metric: str, eve: date, days: int) -> dict[str, float]:
    since = lived.day.cast("date").delta(ibis.date(eve), unit="day")
    value = ibis.literal(1).cast("int64") if metric in COUNTED_DAYS else lived[_column(metric)]
    inside, before = (since >= 1) & (since <= days), (since <= 0) & (since > -BEFORE_DAYS)
    sums = lived.mutate(value=value, inside=inside, before=before).group_by("user")
    spent = sums.agg(own=_.value.sum(where=_.inside), other=_.value.sum(where=_.before))
    joined = members.left_join(spent, "user").drop("user_right")
    filled = joined.mutate(own=_.own.fill_null(0), other=_.other.fill_null(0), all=ibis.literal("all"))
    bought = metric in SHARES
    pair = ((filled.own > 0).cast("int64"), (filled.other > 0).cast("int64")) if bought else (filled.own, filled.other)
    counted = count_moments(filled, by="all", pairs={"own": pair})
    return {name: float(counted[name].iloc[0]) if len(counted) else 0.0 for name in MOMENTS}


def _column(metric: str) -> str:
    return "orders" if metric == "buyers" else metric


def _size(row: Mapping[Any, Any], share: float, power: float) -> list[float]:
    pair, users = pair_moments(row), row["users_now"]
    control = round(users * share)
    left = pair.variance - (cuped_theta(pair) * pair.covariance if pair.n > 1 else 0.0)
    known = pair.n > 1 and pair.mean > 0 and 1 < control < users - 1
    error = np.sqrt(left * (1 / control + 1 / (users - control))) / pair.mean if known else np.nan
    explained = 1 - left / pair.variance if pair.variance > 0 else np.nan
    half = ndtri(0.5 + LEVEL / 2)
    return [row["days"], share, users, control, pair.mean, explained, half * error, (half + ndtri(power)) * error]
