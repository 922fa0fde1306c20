"""Abnormal participants: whole invitation trees, rewards minutes after sign-up, and nothing ever after.

A rule alone also meets honest users; whoever meets two is worth a look, and none is a proof.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.experiment import SHARES, anybody
from opsbook.analysis.means import cuped, relative
from opsbook.analysis.moments import count_moments, exact_sum, pair_moments
from opsbook.inputs.abnormal import AbnormalRules
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
RULES = ("tree", "instant", "silent")
DOUBLINGS = 5  # each step up a tree doubles the way: trees up to 32 invitations deep
FOUND = ["rule", "users"]
LINES = ["line", "participants", "new_users", "redemptions", "reward_cost", "orders", "revenue"]
WITHOUT = ["left_out", "users", "relative", "relative_low", "relative_high"]
ROSTER = ["user_id", "rules", "tree", "tree_users", "signed_up_at", "joined_at", "minutes", "rewards", "reward_cost",
          "active_days_after", "exit_road"]  # fmt: skip


class Screened(NamedTuple):
    """One row per participant, in the engine, and which rules could be asked of this company at all."""

    table: ir.Table
    asked: tuple[str, ...]


def screen(
    members: Tabular,
    touches: Tabular,
    users: Tabular,
    user_days: Tabular,
    redemptions: Tabular,
    *,
    rules: AbnormalRules,
    campaign_id: str,
    start: date,
    end: date,
    as_of: date,
) -> Screened:
    """Every participant with what the rules look at and how many are met.

    members: `audience.members`; touches: `audience.touches`; as_of: last complete day of data
    returns: table -- user, life, joined_at, joined_on, rewards, reward_cost, minutes (from sign-up to joining; missing
             without an instant of sign-up), tree (user at its root; missing without one), tree_users, later_days
             (active days after joining), tree_met, instant_met, silent_met (bool), met (how many), flagged (bool);
             silent is only judged once silent_days have passed. asked: tree needs invited_by, instant needs
             signed_up_at

    >>> from opsbook import abnormal, audience, tiny
    >>> from opsbook.inputs.abnormal import AbnormalRules
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> tables = members, touches, tiny.users, tiny.user_days, tiny.redemptions
    >>> rules = AbnormalRules(tree_users=1, tree_days=60, rules_met=1)  # strict, so that somebody is listed
    >>> screened = abnormal.screen(*tables, rules=rules, **tiny.SPRING, as_of=tiny.AS_OF)
    >>> shown = screened.table.order_by("user").to_pandas()[["user", "tree", "tree_users", "rewards", "flagged"]]
    >>> print(shown.tail(3).to_string(index=False))
     user  tree  tree_users  rewards  flagged
       32   NaN           0        1    False
       40  10.0           1        1     True
       44   NaN           0        1    False
    """
    members, touches = engine_table(members), engine_table(touches)
    known = engine_table(users)
    joined = _joined(members, touches, redemptions, campaign_id, start, end).cache()
    trees, has_trees = _trees(known, start - timedelta(days=rules.tree_days), end)
    after = _later(engine_table(user_days), joined)
    facts = joined.inner_join(known.select("user", "signed_up_at"), "user")
    facts = facts.left_join(trees, "user").drop("user_right").left_join(after, "user").drop("user_right")
    seconds = _.joined_at.cast("timestamp").epoch_seconds() - _.signed_up_at.cast("timestamp").epoch_seconds()
    told = facts.mutate(
        minutes=seconds / 60, later_days=_.later_days.fill_null(0), tree_users=_.tree_users.fill_null(0)
    )
    met = told.mutate(
        tree_met=_.tree_users >= rules.tree_users,
        instant_met=_.minutes.between(0, rules.instant_minutes).fill_null(False),
        silent_met=(_.later_days == 0) & (_.joined_on <= as_of - timedelta(days=rules.silent_days)),
    )
    count = met.tree_met.cast("int64") + met.instant_met.cast("int64") + met.silent_met.cast("int64")
    table = met.mutate(met=count, flagged=count >= rules.rules_met).cache()
    instants = int(table.filter(_.minutes.notnull()).count().to_pandas())
    return Screened(table, tuple(rule for rule, there in zip(RULES, (has_trees, instants, True), strict=True) if there))


def found(screened: Screened) -> pd.DataFrame:
    """How many participants meet each rule, and how many meet enough of them.

    returns: one row per rule that could be asked, then flagged, then all -- rule, users

    >>> from opsbook import abnormal, audience, tiny
    >>> from opsbook.inputs.abnormal import AbnormalRules
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> tables = members, touches, tiny.users, tiny.user_days, tiny.redemptions
    >>> rules = AbnormalRules(tree_users=1, tree_days=60, rules_met=1)  # strict, so that somebody is listed
    >>> screened = abnormal.screen(*tables, rules=rules, **tiny.SPRING, as_of=tiny.AS_OF)
    >>> print(abnormal.found(screened).to_string(index=False))
       rule  users
       tree      2
    instant      0
     silent      0
    flagged      2
        all      8
    """
    names = {f"{rule}": screened.table[f"{rule}_met"].sum() for rule in screened.asked}
    sums = screened.table.agg(**names, flagged=_.flagged.sum(), all=_.count()).to_pandas().fillna(0).iloc[0]
    rows = [[name, int(sums[name])] for name in (*names, "flagged", "all")]
    return pd.DataFrame(rows, columns=FOUND)


def with_and_without(
    screened: Screened, orders: Tabular, *, campaign_id: str, start: date, end: date, min_cell: int
) -> pd.DataFrame:
    """What the campaign looks like with all participants, without the flagged ones, and of the flagged alone.

    returns: the rows all, without, flagged -- line, participants, new_users, redemptions, reward_cost (currency),
             orders, revenue (net, start to end, of participants); without and flagged are missing where a group of
             fewer than min_cell users could be told, and of new_users also where so few new users could

    >>> from opsbook import abnormal, audience, tiny
    >>> from opsbook.inputs.abnormal import AbnormalRules
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> tables = members, touches, tiny.users, tiny.user_days, tiny.redemptions
    >>> rules = AbnormalRules(tree_users=1, tree_days=60, rules_met=1)  # strict, so that somebody is listed
    >>> screened = abnormal.screen(*tables, rules=rules, **tiny.SPRING, as_of=tiny.AS_OF)
    >>> print(abnormal.with_and_without(screened, tiny.orders, **tiny.SPRING, min_cell=1).to_string(index=False))
       line  participants  new_users  redemptions  reward_cost  orders  revenue
        all           8.0        0.0          8.0         40.0    22.0    380.0
    without           6.0        0.0          6.0         30.0    16.0    290.0
    flagged           2.0        0.0          2.0         10.0     6.0     90.0
    """
    bought = engine_table(orders)
    day, own = bought.day.cast("date"), bought.campaign_id.cast("string")
    inside = bought.filter((day >= start) & (day <= end) & bought.is_purchase & (own.isnull() | (own == campaign_id)))
    spent = inside.group_by("user").agg(orders=_.count(), revenue=_.net.cast("float64").sum().round(4))
    wide = screened.table.left_join(spent, "user")
    counted = wide.group_by("flagged").agg(
        participants=_.count(),
        new_users=(_.life == "new").sum(),
        redemptions=_.rewards.sum(),
        reward_cost=exact_sum(wide.reward_cost),
        orders=_.orders.sum().fill_null(0),
        revenue=exact_sum(wide.revenue.fill_null(0.0)),
    )
    table = counted.to_pandas().set_index("flagged").reindex([False, True]).fillna(0).astype("float64")
    lines = pd.DataFrame({"all": table.sum(), "without": table.loc[False], "flagged": table.loc[True]}).T
    small = 0 < table.loc[True, "participants"] < min_cell or 0 < table.loc[False, "participants"] < min_cell
    if small:
        lines.loc[["without", "flagged"]] = float("nan")
    told = lines.assign(new_users=_without_few(lines["new_users"], min_cell=min_cell))
    return told.rename_axis("line").reset_index()[LINES]


def _without_few(counts: pd.Series, *, min_cell: int) -> pd.Series:
    """The counts by line; where one of the two parts is of a few, both are missing, or one would tell the other."""
    few = (counts > 0) & (counts < min_cell)
    parts = counts.index.isin(["without", "flagged"]) & few[["without", "flagged"]].any()
    return counts.mask(few | parts)


def effect_without(units: Tabular, screened: Screened, *, metric: str) -> pd.DataFrame:
    """The net relative effect without the listed users, where any of them was assigned (`experiment.units`).

    Only treated users can be listed, by what they did after treatment: the effect without them is a check of how much
    hangs on them, no better estimate.
    returns: one row -- left_out, users (assigned), relative with relative_low and relative_high; none where nobody is
             left out

    >>> from opsbook import abnormal, audience, experiment, tiny
    >>> from opsbook.inputs.abnormal import AbnormalRules
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> tables = members, touches, tiny.users, tiny.user_days, tiny.redemptions
    >>> rules = AbnormalRules(tree_users=1, tree_days=60, rules_met=1)  # strict, so that somebody is listed
    >>> screened = abnormal.screen(*tables, rules=rules, **tiny.SPRING, as_of=tiny.AS_OF)
    >>> days = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 28}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id="spring", control="control", **days)
    >>> print(abnormal.effect_without(units, screened, metric="active_days").round(2).to_string(index=False))
     left_out  users  relative  relative_low  relative_high
            2     28      0.51           0.0           1.01
    """
    units = engine_table(units)
    if not anybody(units):
        return pd.DataFrame(columns=WITHOUT)
    listed = screened.table.filter(_.flagged).select("user")
    left_out = int(units.semi_join(listed, "user").count().to_pandas())
    if not left_out:
        return pd.DataFrame(columns=WITHOUT)
    kept = units.anti_join(listed, "user")
    counted = count_moments(kept, by="arm", pairs={metric: (kept[f"{metric}_net"], kept[f"{metric}_before"])})
    arms = {row["arm"]: pair_moments(row) for row in counted.to_dict("records")}
    pair = arms["treated"], arms["control"]
    found = relative(*((arm.own for arm in pair) if metric in SHARES else cuped(*pair)))
    return pd.DataFrame([[left_out, found.n, found.value, found.low, found.high]], columns=WITHOUT)


def roster(screened: Screened, users: Tabular) -> ir.Table:
    """The list operations take: one row per flagged participant, by user_id -- the columns of ROSTER.

    user_id and tree (the id of the user at the root) are the company's own; nothing but the runner may ask for it.

    >>> from opsbook import abnormal, audience, tiny
    >>> from opsbook.inputs.abnormal import AbnormalRules
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> tables = members, touches, tiny.users, tiny.user_days, tiny.redemptions
    >>> rules = AbnormalRules(tree_users=1, tree_days=60, rules_met=1)  # strict, so that somebody is listed
    >>> screened = abnormal.screen(*tables, rules=rules, **tiny.SPRING, as_of=tiny.AS_OF)
    >>> listed = abnormal.roster(screened, tiny.users).to_pandas()
    >>> print(listed[["user_id", "rules", "tree", "tree_users", "rewards", "reward_cost"]].to_string(index=False))
    user_id rules tree  tree_users  rewards  reward_cost
        u20  tree  u20           1        1          5.0
        u40  tree  u10           1        1          5.0
    """
    known = engine_table(users)
    roots = known.select(root_user=known.user, root=known.user_id)
    flagged = screened.table.filter(_.flagged).drop("signed_up_at")
    told = flagged.inner_join(known.select("user", "user_id", "signed_up_at", "exit_road"), "user")
    named = told.left_join(roots, told.tree == roots.root_user)
    parts = [ibis.ifelse(named[f"{rule}_met"], f"{rule} ", "") for rule in RULES]
    rules = (parts[0] + parts[1] + parts[2]).strip()
    listed = named.mutate(rules=rules, tree=_.root, active_days_after=_.later_days, minutes=_.minutes.round(1))
    return listed.select(*ROSTER).order_by("user_id")


def _joined(
    members: ir.Table, touches: ir.Table, redemptions: Tabular, campaign_id: str, start: date, end: date
) -> ir.Table:
    """One row per participant -- user, life, joined_at, joined_on (of the last reward), rewards, reward_cost."""
    taken = engine_table(redemptions)
    day = taken.day.cast("date")
    own = taken.filter((taken.campaign_id.cast("string") == campaign_id) & (day >= start) & (day <= end))
    rewards = own.group_by("user").agg(
        rewards=_.count(), reward_cost=_.cost.cast("float64").sum().round(4), last_on=_.day.cast("date").max()
    )
    first = touches.filter(_.event == "participated").group_by("user")
    first = first.agg(joined_at=_["at"].min(), first_on=_.day.cast("date").min())
    joined = members.filter(_.participated).select("user", "life").inner_join(first, "user")
    told = joined.left_join(rewards, "user").drop("user_right")
    filled = told.mutate(rewards=_.rewards.fill_null(0), reward_cost=_.reward_cost.fill_null(0.0))
    return filled.mutate(joined_on=ibis.coalesce(_.last_on, _.first_on)).drop("last_on", "first_on")


def _later(user_days: ir.Table, joined: ir.Table) -> ir.Table:
    """One row per participant seen again -- user, later_days (active days after the reward, or after joining)."""
    days = user_days.select("user", day=user_days.day.cast("date")).inner_join(
        joined.select("user", "joined_on"), "user"
    )
    return days.filter(_.day > _.joined_on).group_by("user").agg(later_days=_.count())


def _trees(users: ir.Table, first: date, last: date) -> tuple[ir.Table, bool]:
    """Who belongs to one invitation tree -- user, tree (the root), tree_users; and whether anybody was invited.

    Nodes are those who signed up from `first` to `last` and were invited, and whoever invited them; a root is whoever
    was not invited in that time. Pointers to inviters are followed twice as far with every step.
    """
    day = users.first_day.cast("date")
    fresh = users.filter((day >= first) & (day <= last) & users.invited_by.notnull())
    edges = fresh.select(user=fresh.user.cast("int32"), tree=fresh.invited_by.cast("int32")).cache()
    if not int(edges.count().to_pandas()):
        return edges.mutate(tree_users=ibis.literal(0).cast("int64")), False
    for _step in range(DOUBLINGS):
        above = edges.select(here=edges.user, there=edges.tree)
        edges = edges.left_join(above, edges.tree == above.here)
        edges = edges.select("user", tree=ibis.coalesce(edges.there, edges.tree)).cache()
    roots = edges.select(user=edges.tree, tree=edges.tree).distinct()
    whole = edges.union(roots.anti_join(edges, "user"))
    sizes = edges.group_by("tree").agg(tree_users=_.count())
    return whole.inner_join(sizes, "tree").select("user", "tree", "tree_users"), True
