"""What newcomers did in their first days, counted once in the engine: patterns of counts, and a sample to shuffle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.inputs.aha import AhaSettings
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
KEYS = ["kind", "item"]
SIDES = ["seen", "is_train", "stratum"]
ACTIVE_DAYS = "active_days"
BAND_EDGES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Early:
    """What newcomers did early, counted; `seen` is the number of windows after which the user was seen again.

    everyone: one row per seen, is_train and stratum (channel | quarter of first-day activity) -- users, retained
    patterns: one row per kind, item, level_<window> (how many of `counts` were reached), seen, is_train and stratum --
              users, retained; who never did it is in `everyone` only
    drawn:    one row per user to shuffle, of the users searched -- user, seen, stratum, retained
    sample:   one row per drawn user, kind and item -- level_<window>
    """

    everyone: pd.DataFrame
    patterns: pd.DataFrame
    drawn: pd.DataFrame
    sample: pd.DataFrame
    settings: AhaSettings


def early_behaviour(
    steps: Tabular,
    user_days: Tabular,
    users: Tabular,
    *,
    settings: AhaSettings,
    groups: Mapping[str, Sequence[str]],
    end: date,
    data_start: date,
    settled_through: date,
    seed: int,
) -> Early:
    """The early events of everybody who signed up early enough to be watched through the outcome, by `end`.

    A user belongs to the half searched by a salted hash of the id, so that nobody changes sides from month to month.
    steps:     one row per event -- user, day, event
    user_days: one row per user and active day -- user, day
    users:     one row per user -- user, user_id, first_day, life_start (signup, first_event, unknown), channel
    groups:    name -> events; a group of one event repeats that event and is left out

    >>> from opsbook import early, tiny
    >>> from opsbook.inputs.aha import AhaSettings
    >>> settings = AhaSettings(windows=(1, 7), counts=(1, 3), outcome_days=(21, 27), min_users=5)
    >>> asked = {"settings": settings, "groups": {}, "seed": 1, "end": tiny.AS_OF}
    >>> found = early.early_behaviour(tiny.steps, tiny.user_days, tiny.users, **asked, **tiny.COVERED)
    >>> print(found.everyone[["users", "retained"]].sum().to_dict())
    {'users': 36, 'retained': 27}
    >>> once = found.patterns[found.patterns["level_7"] > 0]  # who did it at least once in the first seven days
    >>> print(once.groupby("item")[["users", "retained"]].sum().reset_index().to_string(index=False))
           item  users  retained
    active_days     34        25
    add_to_cart     21        15
           open     34        25
          order     21        13
           read     29        22
          share      5         2
    """
    last = min(end, settled_through) - timedelta(days=settings.outcome_days[1])
    first = max(data_start, last - timedelta(days=settings.signup_days - 1))
    tables = engine_table(steps), engine_table(user_days)
    people = _with_outcome(*tables, _newcomers(engine_table(users), first, last, settings, seed), settings)
    levels = _levels(*tables, people, settings, groups)
    done = levels.join(people.select("user", *SIDES, "retained", "draw"), "user").cache()
    everyone = _counted(people, SIDES)
    patterns = _counted(done, [*KEYS, *level_names(settings), *SIDES])
    searched = everyone.loc[(everyone["seen"] > 0) & everyone["is_train"].astype(bool), "users"].sum()
    chosen = (_.seen > 0) & _.is_train & _below("draw", settings.sample_users / max(searched, 1))
    drawn = people.filter(chosen).select("user", "seen", "stratum", "retained").order_by("user").to_pandas()
    sample = done.filter(chosen).select("user", *KEYS, *level_names(settings)).order_by(["user", *KEYS]).to_pandas()
    return Early(everyone, patterns, drawn, sample, settings)


def level_names(settings: AhaSettings) -> list[str]:
    """The columns that say how many of the counts a user reached within each window.

    >>> from opsbook import early
    >>> from opsbook.inputs.aha import AhaSettings
    >>> early.level_names(AhaSettings(windows=(1, 7)))
    ['level_1', 'level_7']
    """
    return [f"level_{days}" for days in settings.windows]


def _newcomers(users: ir.Table, first: date, last: date, settings: AhaSettings, seed: int) -> ir.Table:
    """One row per newcomer -- user, first_day, channel, is_train, draw (hex digits)."""
    known = users.filter(_.life_start != "unknown").mutate(first_day=_.first_day.cast("date"))
    known = known.filter(_.first_day.between(ibis.date(first), ibis.date(last)))
    digest = (_.user_id.cast("string") + f":{seed}").hexdigest("md5")
    halves = known.mutate(half=digest.substr(0, 8), draw=digest.substr(8, 8), channel=_.channel.fill_null("unknown"))
    return halves.mutate(is_train=_below("half", settings.train_share)).select(
        "user", "first_day", "channel", "is_train", "draw"
    )


def _with_outcome(steps: ir.Table, user_days: ir.Table, people: ir.Table, settings: AhaSettings) -> ir.Table:
    """The newcomers with seen, retained and stratum."""
    later = _aged(user_days, people, settings.windows[0], settings.outcome_days[1])
    later = later.group_by("user").agg(last_age=_.age.max())
    busy = _aged(steps, people, 0, 0).group_by("user").agg(first_events=_.count())
    facts = people.left_join(later, "user").drop("user_right").left_join(busy, "user").drop("user_right")
    facts = facts.mutate(first_events=_.first_events.fill_null(0), last_age=_.last_age.fill_null(0)).cache()
    seen = _reached(facts.last_age, settings.windows)
    stratum = facts.channel + "|" + _band(facts).cast("string")
    return facts.mutate(seen=seen, retained=_.last_age >= settings.outcome_days[0], stratum=stratum)


def _aged(rows: ir.Table, people: ir.Table, first_age: int, last_age: int) -> ir.Table:
    """The rows of newcomers on these days of life -- the rows' columns, first_day, age (days)."""
    joined = rows.join(people.select("user", "first_day"), "user")
    aged = joined.mutate(age=joined.day.cast("date").delta(joined.first_day, unit="day"))
    return aged.filter(_.age.between(first_age, last_age))


def _band(people: ir.Table) -> ir.Value:
    """Which quarter of first-day activity the user is in; fewer bands where many have done equally much."""
    cuts = {f"cut{place}": people.first_events.quantile(edge) for place, edge in enumerate(BAND_EDGES)}
    edges = people.aggregate(**cuts).to_pandas().iloc[0].dropna().astype(float)
    return reduce(
        lambda band, edge: band + (people.first_events > edge).cast("int8"),
        sorted(set(edges)),
        ibis.literal(0, "int8"),
    )


def _levels(
    steps: ir.Table,
    user_days: ir.Table,
    people: ir.Table,
    settings: AhaSettings,
    groups: Mapping[str, Sequence[str]],
) -> ir.Table:
    """One row per user and thing done -- user, kind, item, level_<window>."""
    last_age = max(settings.windows) - 1
    sums = {f"n_{days}": (_.age < days).sum() for days in settings.windows}
    events = _aged(steps, people, 0, last_age).group_by("user", item=_.event.cast("string")).agg(**sums).cache()
    parts = [events.mutate(kind=ibis.literal("event"))]
    added = {name: _[name].sum() for name in sums}
    for name, members in groups.items():
        if len(set(members)) > 1:
            inside = events.filter(_.item.isin(list(members))).group_by("user").agg(**added)
            parts.append(inside.mutate(kind=ibis.literal("group"), item=ibis.literal(name)))
    days = _aged(user_days, people, 0, last_age).group_by("user").agg(**sums)
    parts.append(days.mutate(kind=ibis.literal(ACTIVE_DAYS), item=ibis.literal(ACTIVE_DAYS)))
    rows = ibis.union(*(part.select("user", *KEYS, *sums) for part in parts))
    levels = {f"level_{days}": _reached(rows[f"n_{days}"], settings.counts) for days in settings.windows}
    return rows.select("user", *KEYS, **levels)


def _reached(value: ir.Value, limits: Sequence[int]) -> ir.Value:
    """How many of the rising limits the value reaches."""
    return reduce(lambda level, limit: level + (value >= limit).cast("int8"), limits, ibis.literal(0, "int8"))


def _counted(rows: ir.Table, keys: list[str]) -> pd.DataFrame:
    """One row per combination of the keys -- users, retained."""
    counted = rows.group_by(keys).agg(users=_.count(), retained=_.retained.sum())
    return counted.order_by(keys).to_pandas().astype({"users": "int64", "retained": "int64"})


def _below(digits: str, share: float) -> ir.Value:
    """Whether the eight hex digits lie among the lowest such share of all: chance that every engine agrees on."""
    return ibis.literal(True) if share >= 1 else _[digits] < f"{int(share * 2**32):08x}"
