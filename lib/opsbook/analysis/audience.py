"""Who was reached by a campaign: exposed, participated, converted, from the first day to the last."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
PATH = ("exposed", "participated", "converted")
GROUPS = ["life", "channel"]
COUNTS = ["members", "exposed", "participants", "converters"]
_SUMS = [*COUNTS, "exposed_participants"]


def touches(
    steps: Tabular,
    exposures: Tabular,
    redemptions: Tabular,
    *,
    campaign_id: str,
    start: date,
    end: date,
    participation_events: Sequence[str] = (),
    conversion_events: Sequence[str] = ("order",),
) -> ir.Table:
    """Everything that brought a user a step further in the campaign.

    participation: a redemption of the campaign, or one of `participation_events` where any are named; conversion:
    one of `conversion_events`. Both from start to end; steps marked with another campaign do not count.
    An exposure counts up to the end, also before the start (a warm-up).
    returns: one row per touch, kept in the engine because every question asks for them -- user, at (timestamp, UTC),
             day (date), event (exposed, participated, converted)

    >>> from opsbook import audience, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING).to_pandas()
    >>> print(touches[touches["user"] == 4].sort_values(["at", "event"]).to_string(index=False))
     user                  at        day        event
        4 2026-02-16 09:00:00 2026-02-16      exposed
        4 2026-02-16 12:00:00 2026-02-16 participated
        4 2026-02-16 14:00:00 2026-02-16    converted
        4 2026-02-17 14:00:00 2026-02-17    converted
        4 2026-02-24 14:00:00 2026-02-24    converted
    """
    shown = _of_campaign(engine_table(exposures), campaign_id).filter(_.day <= end)
    redeemed = _within(_of_campaign(engine_table(redemptions), campaign_id), start, end)
    own = _within(own_steps(steps, campaign_id=campaign_id), start, end)
    joined = own.filter(own.event.isin(list(participation_events))) if participation_events else redeemed
    converted = own.filter(own.event.isin(list(conversion_events)))
    parts = [_touch(part, name) for part, name in zip((shown, joined, converted), PATH, strict=True)]
    return ibis.union(*parts).cache()


def path(given: Collection[str]) -> tuple[str, ...]:
    """The campaign's own funnel: from exposure on, where exposures are known, else from participation.

    >>> from opsbook import audience
    >>> audience.path(["events", "orders"])  # no exposures: the funnel begins with taking part
    ('participated', 'converted')
    """
    return PATH if "exposures" in given else PATH[1:]


def own_steps(steps: Tabular, *, campaign_id: str) -> ir.Table:
    """The steps that do not belong to another campaign.

    >>> from opsbook import audience, tiny
    >>> own = audience.own_steps(tiny.steps, campaign_id="another").to_pandas()
    >>> len(tiny.steps) - len(own), sorted(tiny.steps["campaign_id"].dropna().unique())
    (16, ['spring'])
    """
    table = engine_table(steps)
    return table.filter(table.campaign_id.cast("string").isnull() | (table.campaign_id.cast("string") == campaign_id))


def members(touches: Tabular, users: Tabular, *, start: date) -> ir.Table:
    """Users who were shown the campaign or took part in it.

    converted means: converted at or after the first participation. life is `new` when the user's life began on
    or after the start, else `existing`.
    returns: one row per user, kept in the engine -- user, exposed, participated, converted (bool), life, channel (the
             user's own)

    >>> from opsbook import audience, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START).to_pandas()
    >>> print(members.sort_values("user").head(3).to_string(index=False))
     user  exposed  participated  converted channel     life
        2     True         False      False  search existing
        4     True          True       True  search existing
        8     True          True       True  search existing
    """
    touches = engine_table(touches)
    first = touches.group_by("user").agg(
        exposed_at=_.at.min(where=_.event == "exposed"),
        participated_at=_.at.min(where=_.event == "participated"),
        converted_at=_.at.max(where=_.event == "converted"),
    )
    reached = first.filter(_.exposed_at.notnull() | _.participated_at.notnull())
    flags = reached.select(
        "user",
        exposed=_.exposed_at.notnull(),
        participated=_.participated_at.notnull(),
        converted=(_.converted_at >= _.participated_at).fill_null(False),
    )
    known = engine_table(users)
    life = ibis.ifelse(known.first_day.cast("date") >= start, "new", "existing")
    return flags.inner_join(known.select("user", channel=known.channel.cast("string"), life=life), "user").cache()


def participation(members: Tabular, *, by: str | None = None) -> pd.DataFrame:
    """Members, participants and converters, for all or by `life` or `channel`.

    returns: one row per group, largest first -- group, members, exposed, participants, converters (users),
             exposed_participants, participation (exposed participants / exposed, 0-1; missing when nobody was
             exposed) with Wilson _low and _high

    >>> from opsbook import audience, tiny
    >>> touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    >>> members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    >>> shown = audience.participation(members, by="channel")
    >>> shown = shown[["group", "members", "participants", "converters", "participation"]]
    >>> print(shown.round(2).to_string(index=False))
     group  members  participants  converters  participation
    search       14             8           8           0.57
    """
    members = engine_table(members)
    grouped = members.mutate(group=members[by].fill_null("unknown") if by else ibis.literal("all"))
    counted = grouped.group_by("group").agg(
        members=_.count(),
        exposed=_.count(where=_.exposed),
        participants=_.count(where=_.participated),
        converters=_.count(where=_.converted),
        exposed_participants=_.count(where=_.exposed & _.participated),
    )
    table = counted.order_by([ibis.desc("members"), "group"]).to_pandas()
    table = table.astype(dict.fromkeys(_SUMS, "int64"))
    shares = add_share(table, of="exposed_participants", out_of="exposed", name="participation")
    return shares[["group", *_SUMS, "participation", "participation_low", "participation_high"]]


def pooled(participation: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The table with its small groups pooled as `other` (`all` if nothing is left), so that none can be worked out.

    returns: as `participation`, with no group of fewer than `min_cell` members unless all members are fewer

    >>> import pandas as pd
    >>> from opsbook import audience
    >>> members = pd.DataFrame({"user": range(30), "channel": ["push"] * 15 + ["text"] * 12 + ["mail"] * 3})
    >>> members = members.assign(exposed=True, participated=members["user"] % 2 == 0, converted=False)
    >>> table = audience.pooled(audience.participation(members, by="channel"), min_cell=10)
    >>> print(table[["group", "members", "participants"]].to_string(index=False))
    group  members  participants
     push       15             8
    other       15             7
    """
    ordered = participation.sort_values("members", ascending=False, kind="stable", ignore_index=True)
    small = int((ordered["members"] < min_cell).sum())
    if not small:
        return ordered
    while small < len(ordered) and (small < 2 or ordered["members"].iloc[-small:].sum() < min_cell):
        small += 1
    name = "all" if small == len(ordered) else "other"
    other = ordered[_SUMS].iloc[-small:].sum().to_frame().T.assign(group=name)
    merged = pd.concat([ordered.iloc[:-small], other], ignore_index=True).astype(dict.fromkeys(_SUMS, "int64"))
    return add_share(merged, of="exposed_participants", out_of="exposed", name="participation")[list(ordered)]


def new_members(members: Tabular) -> int:
    """Members whose life began on or after the start.

    >>> import pandas as pd
    >>> from opsbook import audience
    >>> audience.new_members(pd.DataFrame({"user": [1, 2, 3], "life": ["new", "existing", "new"]}))
    2
    """
    members = engine_table(members)
    return int(members.filter(_.life == "new").count().to_pandas())


def _of_campaign(table: ir.Table, campaign_id: str) -> ir.Table:
    return table.filter(table.campaign_id.cast("string") == campaign_id)


def _within(table: ir.Table, start: date, end: date) -> ir.Table:
    day = table.day.cast("date")
    return table.filter((day >= start) & (day <= end))


def _touch(table: ir.Table, event: str) -> ir.Table:
    at, day = table.at.cast("timestamp"), table.day.cast("date")
    return table.select(user=table.user.cast("int32"), at=at, day=day, event=ibis.literal(event))
