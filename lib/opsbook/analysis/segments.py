"""Named segments: who belongs to each on a day, how they differ from everyone else, and the lists operations take.

Memberships stay in the engine; only counted tables become pandas, except `roster`, which the runner writes to files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import reduce

import ibis
import ibis.expr.types as ir

from opsbook.analysis.standing import COUNTS, counted_column, standing
from opsbook.inputs.segments import ProfileSettings, Rule, Segment
from opsbook.inputs.workbook import Thresholds
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
IN, OUT = "in_segment", "outside"
BEHIND = {  # what a condition looks at -> the behaviours of a profile that then differ by definition
    "active_days": ["active_days_28", "silent_days"],
    "orders": ["orders_90", "revenue_90"],
    "revenue": ["orders_90", "revenue_90"],
    "last_activity": ["silent_days", "active_days_28"],
    "start_of_life": ["tenure_days"],
    "stage": ["active_days_28", "silent_days", "tenure_days"],
    "rfm": ["orders_90", "revenue_90"],
}
ROSTER = ["user_id", "segment", "as_of", "tenure_days", "silent_days", *COUNTS]


def people(
    user_days: Tabular,
    users: Tabular,
    orders: Tabular,
    steps: Tabular,
    *,
    segments: Mapping[str, Segment],
    limits: Thresholds,
    event_groups: Mapping[str, Sequence[str]],
    as_of: date,
) -> ir.Table:
    """Everybody alive at the end of `as_of`, where they stand, and which segments they belong to.

    A condition is true or false: what is missing equals nothing, is in no list and reaches no bound, so `not` is
    everybody else. An upper bound on days since the start of life is never met when that start is unknown.
    returns: one row per user, in the engine -- user, the users' attributes, the facts of `standing`, and
             `member(name)` (bool) per segment

    >>> import pandas as pd
    >>> from opsbook import segments, tiny
    >>> from opsbook.inputs.segments import Segment
    >>> from opsbook.inputs.workbook import Thresholds
    >>> asked = {"segments": {"from_ads": Segment(rule={"attribute": "channel", "equals": "ads"})}, "event_groups": {}}
    >>> tables = tiny.user_days, tiny.users, tiny.orders, tiny.steps
    >>> people = segments.people(*tables, limits=Thresholds(), as_of=tiny.AS_OF, **asked).to_pandas()
    >>> print(pd.crosstab(people["in:from_ads"], people["stage"]).to_string())
    stage        growth  lost  mature  sleeping
    in:from_ads
    False            14     5      18         3
    True              0    15       0         5
    """
    rules = [segment.rule for segment in segments.values()]
    stand = standing(
        user_days, users, orders, steps, as_of=as_of, limits=limits, rules=rules, event_groups=event_groups
    )
    flags = {member(name): holds(segment.rule, stand) for name, segment in segments.items()}
    kept = [name for name in stand.columns if not name.startswith("counted:")]
    return stand.select(*kept, **flags).cache()


def member(name: str) -> str:
    """The column that says whether a user belongs to the segment.

    >>> from opsbook import segments
    >>> segments.member("from_ads")
    'in:from_ads'
    """
    return f"in:{name}"


def profiled(settings: ProfileSettings, segments: Mapping[str, Segment]) -> str:
    """Whom the profile is about: what the company named, else its first segment, else the mature stage.

    >>> from opsbook import segments
    >>> from opsbook.inputs.segments import ProfileSettings, Segment
    >>> buyers = Segment(rule={"count": "orders", "within_days": 90, "at_least": 1})
    >>> segments.profiled(ProfileSettings(), {"buyers": buyers}), segments.profiled(ProfileSettings(), {})
    ('buyers', 'mature')
    """
    return settings.segment or next(iter(segments), "mature")


def grouped(people: Tabular, name: str) -> ir.Table:
    """People with the column `group`: whether they belong to the segment or stand in the stage of that name.

    >>> import pandas as pd
    >>> from opsbook import segments
    >>> people = pd.DataFrame({"user": [1, 2], "stage": ["mature", "lost"], "in:buyers": [False, True]})
    >>> segments.grouped(people, "mature").order_by("user").to_pandas()["group"].tolist()
    [True, False]
    >>> segments.grouped(people, "buyers").order_by("user").to_pandas()["group"].tolist()
    [False, True]
    """
    people = engine_table(people)
    belongs = people[member(name)] if member(name) in people.columns else people.stage == name
    return people.mutate(group=belongs)


def counted_behaviours(name: str, segments: Mapping[str, Segment]) -> set[str]:
    """The behaviours of `profile.MEASURES` that the rule of the segment, or the stage, of that name looks at itself.

    >>> from opsbook import segments
    >>> from opsbook.inputs.segments import Segment
    >>> buyers = Segment(rule={"count": "orders", "within_days": 90, "at_least": 1})
    >>> sorted(segments.counted_behaviours("buyers", {"buyers": buyers}))
    ['orders_90', 'revenue_90']
    """
    if name not in segments:
        return set(BEHIND["stage"])
    leaves = segments[name].rule.leaves
    asked = {leaf.count or leaf.since or ("stage" if leaf.stage else "rfm" if leaf.rfm else "") for leaf in leaves}
    return {measure for kind in asked for measure in BEHIND.get(kind, ())}


def size(grouped: Tabular) -> int:
    """Users of the group.

    >>> import pandas as pd
    >>> from opsbook import segments
    >>> people = pd.DataFrame({"user": [1, 2, 3], "stage": ["mature", "lost", "mature"]})
    >>> segments.size(segments.grouped(people, "mature"))
    2
    """
    grouped = engine_table(grouped)
    return int(grouped.filter(grouped.group).count().to_pandas())


def membership(people: Tabular, names: Sequence[str]) -> ir.Table:
    """Who belongs to what: one row per user and segment, in the engine -- user, segment.

    >>> import pandas as pd
    >>> from opsbook import segments
    >>> people = pd.DataFrame({"user": [1, 2], "in:buyers": [True, True], "in:from_ads": [False, True]})
    >>> belongs = segments.membership(people, ["buyers", "from_ads"]).order_by("user", "segment").to_pandas()
    >>> print(belongs.to_string(index=False))
     user  segment
        1   buyers
        2   buyers
        2 from_ads
    """
    people = engine_table(people)
    parts = [people.filter(people[member(name)]).select("user", segment=ibis.literal(name)) for name in names]
    if not parts:
        return people.limit(0).select("user", segment=ibis.literal(""))
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def unseen_events(steps: Tabular, segments: Mapping[str, Segment]) -> list[str]:
    """Events that rules name and that never happened: most likely misspelt, and their segments empty for that.

    >>> from opsbook import segments, tiny
    >>> from opsbook.inputs.segments import Segment
    >>> watchers = Segment(rule={"event": "wach", "within_days": 28, "at_least": 1})
    >>> segments.unseen_events(tiny.steps, {"watchers": watchers})
    ['wach']
    """
    named = sorted({leaf.event for segment in segments.values() for leaf in segment.rule.leaves if leaf.event})
    if not named:
        return []
    table = engine_table(steps)
    seen = set(table.filter(table.event.isin(named)).select("event").distinct().to_pandas()["event"])
    return [event for event in named if event not in seen]


def split_users(users: Tabular, segments: Mapping[str, Segment], *, by: str) -> ir.Table:
    """Users with a column `by` that says IN or OUT, when `by` names a segment of attributes; else users as they are.

    >>> from opsbook import segments, tiny
    >>> from opsbook.inputs.segments import Segment
    >>> named = {"southern": Segment(rule={"attribute": "city", "in": ["Chengdu", "Guangzhou"]})}
    >>> split = segments.split_users(tiny.users, named, by="southern").to_pandas()
    >>> split["southern"].value_counts().to_dict()
    {'outside': 40, 'in_segment': 20}
    """
    table = engine_table(users)
    if by not in segments:
        return table
    return table.mutate(**{by: ibis.ifelse(holds(segments[by].rule, table), IN, OUT)})


def roster(people: Tabular, *, segment: ir.StringValue, as_of: date) -> ir.Table:
    """The list operations take: one row per user of a segment, by user_id -- the columns of ROSTER.

    user_id is the company's own; nothing but the runner, which writes files beside a report, may ask for it.

    >>> from opsbook import segments, tiny
    >>> from opsbook.inputs.workbook import Thresholds
    >>> tables = tiny.user_days, tiny.users, tiny.orders, tiny.steps
    >>> people = segments.people(*tables, segments={}, limits=Thresholds(), event_groups={}, as_of=tiny.AS_OF)
    >>> told = segments.roster(people.filter(people.stage == "mature"), segment=people.stage, as_of=tiny.AS_OF)
    >>> print(told.limit(2).to_pandas().drop(columns=["as_of", "tenure_days"]).to_string(index=False))
    user_id segment  silent_days  active_days_28  orders_90  revenue_90
        u02  mature            2               9          4       160.0
        u07  mature            2               9          4       200.0
    """
    people = engine_table(people)
    named = people.mutate(segment=segment, as_of=ibis.date(as_of), revenue_90=_.revenue_90.cast("float64"))
    return named.select(*ROSTER).order_by("user_id")


def holds(rule: Rule, row: ir.Table) -> ir.BooleanValue:
    """Whether the rule is true of each row, never missing.

    >>> from opsbook import segments, tiny
    >>> from opsbook.inputs.segments import Rule
    >>> from opsbook.mart.tables import engine_table
    >>> not_ads = Rule.model_validate({"not": {"attribute": "channel", "equals": "ads"}})
    >>> users = engine_table(tiny.users)
    >>> int(users.filter(segments.holds(not_ads, users)).count().to_pandas())
    40
    """
    if rule.parts:
        parts = [holds(part, row) for part in rule.parts]
        if rule.not_:
            return ~parts[0]
        together: Callable[..., ir.BooleanValue] = (lambda a, b: a & b) if rule.all else (lambda a, b: a | b)
        return reduce(together, parts)
    return _leaf(rule, row).fill_null(False)


def _leaf(rule: Rule, row: ir.Table) -> ir.BooleanValue:
    if rule.attribute:
        return _attribute(rule, row[rule.attribute])
    if rule.stage:
        return row.stage.isin(rule.stage)
    if rule.rfm:
        return row.rfm.isin(rule.rfm)
    if rule.since == "start_of_life":
        known = ibis.literal(True) if rule.at_most is None else row.known
        return _between(rule, row.tenure_days) & known
    return _between(rule, row.silent_days if rule.since else row[counted_column(rule)])


def _attribute(rule: Rule, values: ir.Value) -> ir.BooleanValue:
    if rule.missing is not None:
        return values.isnull() if rule.missing else values.notnull()
    texts = values.cast("string")
    return texts.isin(rule.in_) if rule.in_ else texts == rule.equals


def _between(rule: Rule, values: ir.NumericValue) -> ir.BooleanValue:
    bounds = [values >= rule.at_least] if rule.at_least is not None else []
    bounds += [values <= rule.at_most] if rule.at_most is not None else []
    return reduce(lambda one, other: one & other, bounds)
