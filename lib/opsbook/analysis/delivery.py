"""What a campaign delivered along its planned funnel: users shown it, participants, converters, their orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.moments import count_moments
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
LEVELS = ("exposed", "participants", "converters", "orders", "revenue")
SPREAD = ("orders_variance", "revenue_variance", "covariance")
COLUMNS = ["channel", "recorded", *LEVELS, *SPREAD]
ALL, OTHER, UNPLANNED, UNKNOWN = "all", "other", "unplanned", "unknown"


class FunnelPlan(Protocol):
    """A planned funnel: how many users, participants, converters and how much revenue it foresees."""

    @property
    def orders_per_buyer(self) -> float | None:
        """Planned orders of a converter."""

    def level(self, name: str) -> float | None:
        """The planned figure of a level, None where the plan does not go so far."""


class Plan(FunnelPlan, Protocol):
    """A plan with its channels."""

    @property
    def by_channel(self) -> Mapping[str, object]:
        """Channels that are planned."""

    def channel(self, name: str) -> FunnelPlan:
        """One channel's plan."""


def people(
    members: Tabular,
    touches: Tabular,
    exposures: Tabular,
    orders: Tabular,
    *,
    campaign_id: str,
    start: date,
    end: date,
    channel_of: str = "exposures",
) -> ir.Table:
    """Everybody the campaign reached, with the channel and with what they bought from taking part to the end.

    members: as `audience.members`; touches: as `audience.touches`. The channel is the one that showed the campaign
    first, or the user's own with channel_of `users`. Orders marked with another campaign do not count.
    returns: one row per user, in the engine -- user, channel, exposed, participated, converted (bool), orders,
             revenue (net, currency) of converters

    >>> from opsbook import audience, delivery, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> reached = delivery.people(members, touches, tiny.exposures, tiny.orders, **tiny.SPRING).to_pandas()
    >>> print(reached.sort_values("user").head(3).to_string(index=False))
     user channel  exposed  participated  converted  orders  revenue
        2    push     True         False      False       0      0.0
        4    push     True          True       True       3     55.0
        8    push     True          True       True       2     35.0
    """
    members, touches = engine_table(members), engine_table(touches)
    began = touches.filter(_.event == "participated").group_by("user").agg(since=_.at.min())
    bought = engine_table(orders)
    day, own = bought.day.cast("date"), bought.campaign_id.cast("string")
    inside = bought.filter((day >= start) & (day <= end) & bought.is_purchase & (own.isnull() | (own == campaign_id)))
    later = inside.join(began, "user").filter(_.at.cast("timestamp") >= _.since.cast("timestamp"))
    spent = later.group_by("user").agg(orders=_.count(), revenue=_.net.cast("float64").sum().round(4))
    reached = members.select("user", "exposed", "participated", "converted", own_channel=_.channel)
    told = reached.left_join(_first_channel(exposures, campaign_id, end), "user").drop("user_right")
    channel = told.shown if channel_of == "exposures" else told.own_channel
    with_orders = told.mutate(channel=channel.fill_null(UNKNOWN)).left_join(spent, "user")
    return with_orders.select(
        "user",
        "channel",
        "exposed",
        "participated",
        "converted",
        orders=ibis.ifelse(_.converted, _.orders.fill_null(0), 0),
        revenue=ibis.ifelse(_.converted, _.revenue.fill_null(0.0), 0.0),
    )


def delivered(people: Tabular, *, exposures_known: bool) -> pd.DataFrame:
    """What each channel delivered; participants who are not recorded as exposed stand apart where exposures are known.

    returns: one row per channel and `recorded` -- channel, recorded (whether exposed; True for all where exposures are
             not known), exposed (users; missing where not known), participants, converters (users), orders, revenue
             (currency), orders_variance, revenue_variance, covariance (of a converter's orders and revenue, n - 1)

    >>> import pandas as pd
    >>> from opsbook import delivery
    >>> people = pd.DataFrame({"user": [1, 2, 3, 4], "channel": ["push", "push", "mail", "mail"]})
    >>> people = people.assign(exposed=[True, True, True, False], participated=[True, True, False, True])
    >>> people = people.assign(converted=[True, True, False, False], orders=[1, 3, 0, 0], revenue=[10.0, 50.0, 0, 0])
    >>> counted = delivery.delivered(people, exposures_known=True)
    >>> print(counted[["channel", "recorded", "exposed", "participants", "orders"]].to_string(index=False))
    channel  recorded  exposed  participants  orders
       mail     False      0.0           1.0     0.0
       mail      True      1.0           0.0     0.0
       push      True      2.0           2.0     4.0
    """
    people = engine_table(people)
    recorded = _.exposed if exposures_known else ibis.literal(True)
    kept = people.mutate(recorded=recorded).filter(_.recorded | _.participated)
    groups = ["channel", "recorded"]
    counted = kept.group_by(groups).agg(
        exposed=_.exposed.sum(), participants=_.participated.sum(), converters=(_.participated & _.converted).sum()
    )
    keyed = kept.filter(_.participated & _.converted).mutate(key=ibis.ifelse(_.recorded, "y:", "n:") + _.channel)
    moments = count_moments(keyed, by="key", pairs={"spent": (keyed.orders.cast("float64"), keyed.revenue)})
    table = counted.order_by(groups).to_pandas()
    table["key"] = table["recorded"].map({True: "y:", False: "n:"}) + table["channel"]
    return _with_orders(table, moments, exposures_known)


def planned(plan: Plan | None) -> pd.DataFrame:
    """The plan as counts, in the file's order of channels; one row `all` where it names none, no row without a plan.

    returns: one row per channel -- channel, exposed, participants, converters (users), orders, revenue (currency, to
             the cent); a level the plan does not reach is missing

    >>> from opsbook import delivery
    >>> from opsbook.inputs.campaign import Plan
    >>> channels = {"push": {"exposed": 1000, "participation_rate": 0.2}}
    >>> plan = Plan.model_validate({"by_channel": channels})
    >>> print(delivery.planned(plan).to_string(index=False))
    channel  exposed  participants  converters  orders  revenue
       push   1000.0         200.0         NaN     NaN      NaN
    """
    rows: list[list[object]] = []
    if plan is not None:
        channels = {name: plan.channel(name) for name in plan.by_channel} or {ALL: plan}
        rows = [_levels(name, own) for name, own in channels.items()]
    return pd.DataFrame(rows, columns=["channel", *LEVELS])


def together(delivered: pd.DataFrame, planned: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """Plan and delivery side by side, channels that nobody planned as one, and small channels pooled.

    returns: one row per channel, those of the plan first -- channel (`unplanned` and `other` are pools), planned_ and
             the five levels, the five levels as delivered, orders_variance, revenue_variance, covariance

    >>> import pandas as pd
    >>> from opsbook import delivery
    >>> names = ["channel", "exposed", "participants", "converters", "orders", "revenue"]
    >>> planned = pd.DataFrame([("push", 1000.0, 200.0, 50.0, 50.0, 500.0)], columns=names)
    >>> counted = [("push", 900.0, 150.0, 30.0, 30.0, 310.0), ("flyer", 40.0, 20.0, 9.0, 9.0, 80.0)]
    >>> spread = {"recorded": True, "orders_variance": 0.0, "revenue_variance": 4.0, "covariance": 0.0}
    >>> both = delivery.together(pd.DataFrame(counted, columns=names).assign(**spread), planned, min_cell=10)
    >>> print(both[["channel", "planned_participants", "participants"]].to_string(index=False))
      channel  planned_participants  participants
         push                 200.0         150.0
    unplanned                   NaN          20.0
    """
    if planned.empty:
        return pd.DataFrame(columns=["channel", *(f"planned_{level}" for level in LEVELS), *LEVELS, *SPREAD])
    own = delivered[delivered["recorded"]].drop(columns="recorded")
    names = planned["channel"].tolist()
    called = own["channel"].where(own["channel"].isin(names), UNPLANNED) if names != [ALL] else ALL
    actual = _pooled(own.assign(channel=called)).set_index("channel")
    small = _small(actual, names, min_cell)
    both = planned.set_index("channel").add_prefix("planned_").join(actual, how="outer")
    both = both.reindex([*names, *(name for name in both.index if name not in names)])
    both[list(LEVELS)] = both[list(LEVELS)].where(both.notna(), 0.0)[list(LEVELS)]
    both = both.reset_index(names="channel")
    pooled = _pooled(both.assign(channel=both["channel"].where(~both["channel"].isin(small), OTHER)))
    unknown = [level for level in LEVELS if own[level].isna().any()]
    return pooled.assign(**dict.fromkeys(unknown, float("nan")))


def _first_channel(exposures: Tabular, campaign_id: str, end: date) -> ir.Table:
    """One row per user -- user, shown (channel of the first exposure; by name where two came at once)."""
    table = engine_table(exposures)
    own = table.filter((table.campaign_id.cast("string") == campaign_id) & (table.day.cast("date") <= end))
    timed = own.select("user", at=own["at"].cast("timestamp"), shown=own.channel.cast("string"))
    first = timed.group_by("user").agg(at=_["at"].min())
    return timed.join(first, ["user", "at"]).group_by("user").agg(shown=_.shown.min())


def _with_orders(table: pd.DataFrame, moments: pd.DataFrame, exposures_known: bool) -> pd.DataFrame:
    found = moments.set_index("key").reindex(table["key"])
    users = table["converters"].to_numpy(dtype=float)
    table["orders"] = (found["mean"].fillna(0).to_numpy() * users).round(4)
    table["revenue"] = (found["other_mean"].fillna(0).to_numpy() * users).round(4)
    for name, column in zip(SPREAD, ("variance", "other_variance", "covariance"), strict=True):
        table[name] = found[column].to_numpy()
    table = table.astype(dict.fromkeys(LEVELS, "float64"))
    return (table if exposures_known else table.assign(exposed=float("nan")))[COLUMNS]


def _levels(name: str, plan: FunnelPlan) -> list[object]:
    exposed, participants, converters, revenue = (
        plan.level(level) for level in ("exposed", "participants", "converters", "revenue")
    )
    orders = None if revenue is None or converters is None else converters * (plan.orders_per_buyer or 1.0)
    money = None if revenue is None else round(revenue, 2)
    return [name, *(float("nan") if v is None else v for v in (exposed, participants, converters, orders, money))]


def _small(actual: pd.DataFrame, names: Sequence[str], min_cell: int) -> list[str]:
    """Channels with fewer users than may be shown, and one more where a single one could be told by subtraction."""
    size = actual["exposed"].fillna(actual["participants"]).sort_values(kind="stable")
    small = int(((size > 0) & (size < min_cell)).sum())
    if not small:
        return []
    reached = size[size > 0]
    while small < len(reached) and (small < 2 or reached.iloc[:small].sum() < min_cell):
        small += 1
    return reached.index[:small].tolist()


def _pooled(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of one channel as one, with the variances of all its converters."""
    rows = [
        part.iloc[0] if len(part) == 1 else _merged(name, part) for name, part in table.groupby("channel", sort=False)
    ]
    return pd.DataFrame(rows, columns=table.columns).reset_index(drop=True)


def _merged(name: object, part: pd.DataFrame) -> pd.Series:
    sums = part.drop(columns=["channel", *SPREAD]).sum(min_count=1)
    pairs = [("orders", "orders"), ("revenue", "revenue"), ("orders", "revenue")]
    spread = {key: _variance(part, key, *pair) for key, pair in zip(SPREAD, pairs, strict=True)}
    return pd.concat([pd.Series({"channel": name}, dtype=object), sums.astype(object), pd.Series(spread, dtype=object)])


def _variance(part: pd.DataFrame, key: str, first: str, second: str) -> float:
    """Variance (or covariance) over the converters of several channels, from those within and between them."""
    users = part["converters"].fillna(0)
    total = users.sum()
    if total < 2:
        return float("nan")
    one, two = ((part[name] / users.where(users > 0)).fillna(0) for name in (first, second))
    between = (users * (one - (users * one).sum() / total) * (two - (users * two).sum() / total)).sum()
    within = ((users - 1).clip(lower=0) * part[key].fillna(0)).sum()
    return float((within + between) / (total - 1))
