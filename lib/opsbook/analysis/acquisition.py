"""What a new user cost by channel, and one who came and stayed; what the campaign's own channels delivered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from opsbook.analysis.moments import exact_sum
from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
METHOD = "cost / count, exact Poisson interval of the count (Garwood)"
STAYED_DAYS = 7
CAC = ["channel", "cost", "new_users", "cac", "cac_low", "cac_high", "watched", "stayed", "share_stayed",
       "share_stayed_low", "share_stayed_high", "effective_cac", "effective_cac_low", "effective_cac_high"]  # fmt: skip
DELIVERED = ["channel", "planned_exposed", "exposed", "share_of_plan", "participants", "budget", "cost",
             "cost_per_participant", "cost_per_participant_low", "cost_per_participant_high"]  # fmt: skip


def by_channel(
    costs: Tabular, users: Tabular, user_days: Tabular, *, campaign_id: str, start: date, end: date, as_of: date,
    min_cell: int,
) -> pd.DataFrame:  # fmt: skip
    """Cost per new user and per effective new user of every channel that spent money, start to end.

    Effective is a new user who was active again within 7 days. Costs are those of the days without a campaign and with
    this one. as_of: last complete day of data
    returns: one row per channel with cost, most cost first -- channel, cost (currency), new_users, cac with interval,
             watched (new users whose 7 days are over), stayed (of them), share_stayed (Wilson), effective_cac (cost /
             (new users x share stayed)) with interval; channels of fewer than min_cell new users are left out
    source:  Garwood 1936 for the counts; the interval of effective_cac takes the new users who stayed as the count

    >>> from opsbook import acquisition, tiny
    >>> span = {"start": tiny.DATA_START, "end": tiny.AS_OF, "as_of": tiny.AS_OF}
    >>> tables = tiny.costs, tiny.users, tiny.user_days
    >>> found = acquisition.by_channel(*tables, campaign_id="none", **span, min_cell=5)
    >>> shown = found[["channel", "cost", "new_users", "cac", "watched", "stayed", "effective_cac"]]
    >>> print(shown.round(2).to_string(index=False))
    channel   cost  new_users  cac  watched  stayed  effective_cac
        ads 1008.0         12 84.0       12      12           84.0
    """
    spent = _spent(costs, campaign_id, start, end).group_by("channel").agg(cost=exact_sum(_.amount)).to_pandas()
    if spent.empty:
        return pd.DataFrame(columns=CAC)
    came = _newcomers(users, user_days, start, end, as_of).group_by("channel")
    counted = came.agg(new_users=_.count(), watched=_.watched.sum(), stayed=_.stayed.sum()).to_pandas()
    table = spent.merge(counted, on="channel", how="left").fillna(0)
    table = table[(table["cost"] > 0) & (table["new_users"] >= min_cell)]
    table = add_share(table, of="stayed", out_of="watched", name="share_stayed")
    table = table.assign(**_per_count(table["cost"], table["new_users"], "cac"))
    part = table["watched"] / table["new_users"]  # the cost of those whose 7 days are over
    table = table.assign(**_per_count(table["cost"] * part, table["stayed"], "effective_cac"))
    ordered = table.sort_values(["cost", "channel"], ascending=[False, True], ignore_index=True)
    return ordered.astype(dict.fromkeys(["new_users", "watched", "stayed"], "int64"))[CAC]


def daily(
    costs: Tabular, users: Tabular, *, campaign_id: str, start: date, end: date, before_days: int = 0
) -> pd.DataFrame:
    """Cost and new users of every channel and day on which it spent money -- channel, day, cost, new_users.

    before_days: how many days before the start are read too, so that there are days enough to learn from

    >>> from opsbook import acquisition, tiny
    >>> days = acquisition.daily(tiny.costs, tiny.users, **tiny.SPRING)
    >>> print(days.head(3).to_string(index=False))
    channel        day  cost  new_users
        ads 2026-02-16  12.0          1
        ads 2026-02-17  12.0          0
        ads 2026-02-18  12.0          0
    """
    start = start - timedelta(days=before_days)
    spent = _spent(costs, campaign_id, start, end).group_by(["channel", "day"]).agg(cost=exact_sum(_.amount))
    known = engine_table(users)
    day = known.first_day.cast("date")
    fresh = known.filter((day >= start) & (day <= end) & (known.life_start != "unknown"))
    came = fresh.group_by(channel=fresh.channel.cast("string"), day=day).agg(new_users=_.count())
    both = spent.filter(_.cost > 0).left_join(came, ["channel", "day"])
    told = both.select("channel", "day", "cost", new_users=_.new_users.fill_null(0))
    return told.order_by(["channel", "day"]).to_pandas().astype({"cost": "float64", "new_users": "int64"})


def delivered(together: pd.DataFrame, ledger: pd.DataFrame, *, budgets: Mapping[str, float | None]) -> pd.DataFrame:
    """What each channel that shows the campaign delivered against its plan, and what a participant cost there.

    together: `delivery.together`, or `delivery.delivered` of a campaign without a plan; ledger: `money.ledger`;
    budgets: channel -> planned cost
    returns: one row per channel -- channel, planned_exposed, exposed (users), share_of_plan (0-1), participants,
             budget, cost (media booked on the channel), cost_per_participant with interval; missing where not known

    >>> import pandas as pd
    >>> from opsbook import acquisition
    >>> shown = pd.DataFrame({"channel": ["push", "text"], "exposed": [900, 400], "participants": [90, 10]})
    >>> plan = shown.assign(planned_exposed=[1000, 400])
    >>> costs = pd.DataFrame({"kind": "media", "detail": ["push", "text"], "amount": [450.0, 200.0]})
    >>> table = acquisition.delivered(plan, costs, budgets={"push": 500.0, "text": None})
    >>> shown = table[["channel", "exposed", "share_of_plan", "cost", "cost_per_participant"]]
    >>> print(shown.round(2).to_string(index=False))
    channel  exposed  share_of_plan  cost  cost_per_participant
       push      900            0.9 450.0                   5.0
       text      400            1.0 200.0                  20.0
    """
    media = ledger[ledger["kind"] == "media"].set_index("detail")["amount"]
    planned = together.get("planned_exposed", pd.Series(np.nan, index=together.index)).astype("float64")
    table = together[["channel", "exposed", "participants"]].assign(
        planned_exposed=planned,
        share_of_plan=together["exposed"] / planned.where(planned > 0),
        budget=together["channel"].map(lambda name: budgets.get(name)).astype("float64"),
        cost=together["channel"].map(media).astype("float64"),
    )
    return table.assign(**_per_count(table["cost"], table["participants"], "cost_per_participant"))[DELIVERED]


def _per_count(cost: pd.Series, count: pd.Series, name: str, *, level: float = 0.95) -> dict[str, pd.Series]:
    """Cost / count; the count came as users come, one by one, and would be another one next time."""
    k = count.astype("float64").fillna(0)
    low = pd.Series(gammaincinv(k.clip(lower=0.5), 0.5 - level / 2), index=k.index).where(k > 0, 0.0)
    high = pd.Series(gammaincinv(k + 1, 0.5 + level / 2), index=k.index)
    top = cost.where(cost > 0)
    return {name: top / k.where(k > 0), f"{name}_low": top / high, f"{name}_high": top / low.where(low > 0)}


def _spent(costs: Tabular, campaign_id: str, start: date, end: date) -> ir.Table:
    table = engine_table(costs)
    day, own = table.day.cast("date"), table.campaign_id.cast("string")
    inside = table.filter((day >= start) & (day <= end) & (own.isnull() | (own == "") | (own == campaign_id)))
    channel = inside.channel.cast("string").fill_null("unknown")
    return inside.select(channel=channel, day=inside.day.cast("date"), amount=inside.amount.cast("float64"))


def _newcomers(users: Tabular, user_days: Tabular, start: date, end: date, as_of: date) -> ir.Table:
    """One row per new user -- user, channel, watched (0/1: seven days are over), stayed (0/1: active again in them)."""
    known = engine_table(users)
    born = known.first_day.cast("date")
    fresh = known.filter((born >= start) & (born <= end) & (known.life_start != "unknown"))
    new = fresh.select("user", channel=fresh.channel.cast("string"), born=fresh.first_day.cast("date"))
    days = engine_table(user_days).select("user", day=_.day.cast("date")).inner_join(new.select("user", "born"), "user")
    age = days.day.delta(days.born, unit="day")
    again = days.filter(age.between(1, STAYED_DAYS)).select("user").distinct().mutate(back=ibis.literal(1))
    told = new.left_join(again, "user").drop("user_right")
    watched = (told.born <= as_of - timedelta(days=STAYED_DAYS)).cast("int64")
    return told.mutate(watched=watched, stayed=watched * told.back.fill_null(0))
