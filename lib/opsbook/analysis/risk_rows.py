"""Living users at a landmark day: what was known of them that day, and whether they left soon after.

Alive at a landmark L: active within churn_after_days before its end, so not churned by the rule. Left within N days:
a silence of churn_after_days begins by L + N. Such a silence may have begun before L, when nobody could know it yet:
whoever is drifting away on the day of the list counts, else those most in danger would count as safe. The outcome needs
the data through L + N + churn_after_days; what describes a user needs them through L alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis import time_to_churn
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
RECENCY = (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180)
ACTIVE_28 = (0, 1, 2, 4, 8, 15)
ACTIVE_7 = (0, 2, 4)  # none and one are one band: none in 7 days is what recency says already
TENURE = (0, 14, 30, 90, 180, 365)
RHYTHM = (0.0, 0.5, 1.0, 2.0, 4.0)
ORDERS = (0, 1, 2)
BREADTH = (0, 1, 2, 3, 4)
NO_RHYTHM = -1
TRENDS = (-1, 0, 1)  # falling, steady, rising
HISTORY_DAYS = 180  # rhythm and orders look back no further, so that old and new landmarks are alike
ORDER_DAYS = 90
SHORT_DAYS, LONG_DAYS = 7, 28
MOST_GROUPS = 6


@dataclass(frozen=True)
class Question:
    """Who counts as alive and as leaving, and what is known of users: the meaning of a row."""

    churn_after_days: int
    within_days: int
    groups: tuple[str, ...] = ()
    by: tuple[str, ...] = ()

    @property
    def wait_days(self) -> int:
        """Days after a landmark until its outcome is known."""
        return self.within_days + self.churn_after_days

    @property
    def factors(self) -> tuple[str, ...]:
        """What describes a user, in the order of the tables."""
        behaviour = ("recency", "rhythm", "active_7", "active_28", "trend", "tenure", "orders", "breadth")
        return (*behaviour, *(f"group_{name}" for name in self.groups[:MOST_GROUPS]), *self.by)


@dataclass(frozen=True)
class Landmarks:
    """The days the model learns from, the day it is checked on (None: the data are too short), and today.

    tuning: the day on which levels are moved and the ranking is chosen; None = the day of the check does that too
    """

    training: tuple[date, ...]
    validation: date | None
    today: date
    tuning: date | None = None


def landmarks(question: Question, *, data_start: date, as_of: date, most: int) -> Landmarks:
    """The latest day whose outcome is known checks the model; earlier ones, known by then, teach it.

    Training days are within_days apart, so that their outcomes do not overlap, and lie after LONG_DAYS of data.

    >>> from opsbook import risk_rows, tiny
    >>> question = risk_rows.Question(churn_after_days=7, within_days=7)
    >>> found = risk_rows.landmarks(question, data_start=tiny.DATA_START, as_of=tiny.AS_OF, most=3)
    >>> print([str(day) for day in found.training], str(found.validation), str(found.today))
    ['2026-02-15', '2026-02-22', '2026-03-01'] 2026-03-15 2026-03-29
    """
    validation = as_of - timedelta(days=question.wait_days)
    last = validation - timedelta(days=question.wait_days)
    days = [last - timedelta(days=question.within_days * place) for place in range(most)]
    training = tuple(sorted(day for day in days if (day - data_start).days + 1 >= LONG_DAYS))
    return Landmarks(training, validation if training else None, as_of)


def plans(question: Question, *, data_start: date, as_of: date, most: int) -> list[Landmarks]:
    """The ways to part the past, the best first: a day of its own to calibrate and choose, or the check doing that too.

    The outcome of the choosing day is known on the day of the check, and the training's on the choosing day.

    >>> from datetime import date
    >>> from opsbook import risk_rows
    >>> question = risk_rows.Question(churn_after_days=7, within_days=7)
    >>> ways = risk_rows.plans(question, data_start=date(2026, 1, 5), as_of=date(2026, 4, 30), most=3)
    >>> [str(way.tuning) for way in ways]
    ['2026-04-02', 'None']
    """
    two = landmarks(question, data_start=data_start, as_of=as_of, most=most)
    if two.validation is None:
        return [two]
    earlier = landmarks(question, data_start=data_start, as_of=two.validation, most=most)
    if earlier.validation is None:
        return [two]
    return [Landmarks(earlier.training, two.validation, as_of, earlier.validation), two]


def rows(user_days: Tabular, users: Tabular, question: Question, *, on: Sequence[date], through: date) -> ir.Table:
    """One row per landmark and user alive on it -- landmark, user, recency_days, the factors, left (bool).

    user_days: one row per user and active day up to `through` -- user, day, gap_after, orders and n_<group>
    users:     one row per user -- user, first_day and the columns in `by`
    factors:   recency, rhythm, … as the lower end of their band, trend as -1, 0, 1; columns in `by` as text
    left:      missing where the data do not reach wait_days beyond the landmark
    raises:    ParameterError for a column in `by` that no landmark could have known yet

    >>> from datetime import date
    >>> from opsbook import risk_rows, tiny
    >>> question = risk_rows.Question(churn_after_days=7, within_days=7, groups=("social",), by=("channel",))
    >>> days = [date(2026, 2, 1), date(2026, 2, 15)]
    >>> rows = risk_rows.rows(tiny.user_days, tiny.users, question, on=days, through=tiny.AS_OF).to_pandas()
    >>> print(rows.groupby(["landmark", "channel"])["left"].agg(["size", "sum"]).to_string())
                        size  sum
    landmark   channel
    2026-02-01 ads         4    2
               search     23    3
    2026-02-15 ads         5    3
               search     25    1
    """
    days, people = engine_table(user_days), engine_table(users)
    time_to_churn.refuse_immortal_time(people.columns, question.by)
    when = pd.DataFrame({"landmark": pd.to_datetime(sorted(set(on)))})
    asked = engine_table(when)
    seen = _behaviour(days, question, asked)
    attributes = {name: people[name].cast("string").fill_null("unknown") for name in question.by}
    seen = seen.inner_join(people.select("user", "first_day", **attributes), "user")
    gone = _leavers(days, question, asked)
    joined = seen.left_join(gone, ["user", "landmark"])
    born = ibis.least(joined.first_day.fill_null(joined.first_seen), joined.first_seen)
    told = joined.landmark <= ibis.date(through - timedelta(days=question.wait_days))
    table = joined.mutate(
        tenure=_banded(_gap(born, joined.landmark), TENURE),
        left=ibis.ifelse(told, joined.gone.fill_null(False), ibis.null("boolean")),
    )
    return table.select("landmark", "user", "recency_days", *question.factors, "left").cache()


def patterns(table: Tabular, question: Question, *, exact: bool = False) -> ir.Table:
    """The rows counted: one row per combination of factors (and of recency_days if exact) -- users, left (users).

    >>> import pandas as pd
    >>> from opsbook import risk_rows
    >>> question = risk_rows.Question(churn_after_days=7, within_days=7)
    >>> rows = pd.DataFrame({"user": [0, 1, 2], **dict.fromkeys(question.factors, 0), "left": [True, False, True]})
    >>> counted = risk_rows.patterns(rows.assign(recency=[7, 0, 7]), question).to_pandas()
    >>> print(counted[["recency", "users", "left"]].to_string(index=False))
     recency  users  left
           0      1     0
           7      2     2
    """
    table = engine_table(table)
    keys = [*question.factors, *(["recency_days"] if exact else [])]
    return table.group_by(keys).agg(users=_.count(), left=_.left.sum().fill_null(0).cast("int64")).order_by(keys)


def _behaviour(days: ir.Table, question: Question, asked: ir.Table) -> ir.Table:
    """One row per landmark and user alive on it, from days up to the landmark."""
    back = max(HISTORY_DAYS, 2 * question.churn_after_days) - 1
    past = days.join(asked, [days.day <= asked.landmark, days.day >= asked.landmark - ibis.interval(days=back)])
    past = past.mutate(age=_gap(past.day, past.landmark))
    groups = {f"used_{name}": (past[f"n_{name}"] > 0).any(where=past.age < LONG_DAYS) for name in question.groups}
    counted = past.group_by(["landmark", "user"]).agg(
        recency_days=_.age.min().cast("int32"), span=_.age.max() - _.age.min(), days=_.count(), first_seen=_.day.min(),
        a7=(_.age < SHORT_DAYS).sum(), a14=(_.age < LONG_DAYS // 2).sum(), a28=(_.age < LONG_DAYS).sum(),
        bought=_.orders.sum(where=_.age < ORDER_DAYS).fill_null(0), **groups,
    )  # fmt: skip
    alive = counted.filter(_.recency_days < question.churn_after_days)
    used = {name: alive[f"used_{name}"].fill_null(False).cast("int8") for name in question.groups}
    breadth = sum(used.values(), ibis.literal(0, "int8"))
    flags = {f"group_{name}": used[name] for name in question.groups[:MOST_GROUPS]}
    return alive.mutate(
        recency=_banded(_.recency_days, RECENCY), rhythm=_rhythm(), active_7=_banded(_.a7, ACTIVE_7),
        active_28=_banded(_.a28, ACTIVE_28), trend=_trend(), orders=_banded(_.bought, ORDERS),
        breadth=_banded(breadth, BREADTH), **flags,
    )  # fmt: skip


def _leavers(days: ir.Table, question: Question, asked: ir.Table) -> ir.Table:
    """One row per landmark and user with a silence of churn_after_days that begins by within_days after it."""
    silent = days.filter(_.gap_after.isnull() | (_.gap_after > question.churn_after_days)).select("user", "day")
    first = asked.landmark - ibis.interval(days=question.churn_after_days - 1)
    last = asked.landmark + ibis.interval(days=question.within_days)
    begun = silent.join(asked, [silent.day >= first, silent.day <= last])
    return begun.group_by(["landmark", "user"]).agg(gone=ibis.literal(True))


def _rhythm() -> ir.Value:
    """Days since the last activity as a multiple of the user's own mean gap; NO_RHYTHM with fewer than two gaps."""
    multiple = _.recency_days * (_.days - 1) / ibis.greatest(_.span, 1)
    bands = [(multiple < above, low) for low, above in zip(range(len(RHYTHM)), RHYTHM[1:], strict=False)]
    return ibis.cases((_.days < 3, NO_RHYTHM), *bands, else_=len(RHYTHM) - 1).cast("int16")


def _trend() -> ir.Value:
    """Active days of the last 14 against the 14 before: at most half is falling, at least twice is rising."""
    before = _.a28 - _.a14
    falling, rising = (2 * _.a14 <= before) & (before >= 2), (_.a14 >= 2 * before) & (_.a14 >= 2)
    return ibis.cases((falling, -1), (rising, 1), else_=0).cast("int8")


def _banded(count: ir.Value, edges: Sequence[int]) -> ir.Value:
    """The lower end of the band a count lies in."""
    bands = [(count < above, low) for low, above in pairwise(edges)]
    return ibis.cases(*bands, else_=edges[-1]).cast("int16")


def _gap(start: ir.Value, end: ir.Value) -> ir.Value:
    return -start.delta(end, unit="day")
