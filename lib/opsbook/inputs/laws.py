"""The laws of the contract: what may be wrong with a row, and the stated rule for it.

`drop`    the row is left out, counted against the table's drop budget
`keep`    the row stays and is flagged; `blanks` names the column whose value is not believed
`refuse`  the run stops
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import ibis
import ibis.expr.types as ir

from opsbook.inputs.clock import start_of_day
from opsbook.inputs.schema import TABLES, ContractColumn
from opsbook.inputs.workbook import Workbook

Policy = Literal["drop", "keep", "refuse"]
PLAUSIBLE_FROM = datetime(1990, 1, 1)
FAR_FUTURE_DAYS = 1830
EXACT, KEY, TWO_VARIANTS = "exact_duplicate", "duplicate_key", "two_variants"
OVER_BUDGET, UNUSABLE, NO_ROWS = "drop_budget", "no_usable_rows", "no_rows"
NO_ID = ("null", "NULL", "None", "none", "nan", "NaN", "undefined")


@dataclass(frozen=True)
class Bounds:
    """The instants (naive UTC) between which clocks are believed, and how long late rows may take.

    last_day: the last day that is read, for tables that know days alone; end: the instant at which it is over
    """

    start: datetime | None
    end: datetime
    far: datetime
    settling_days: int
    last_day: date


@dataclass(frozen=True)
class Rule:
    """One thing that may be wrong and what is done then; `says` completes "12 rows …"."""

    rule: str
    policy: Policy
    says: str


@dataclass(frozen=True)
class Law(Rule):
    """A rule about single rows: `broken` says where, `needs` names columns without which it cannot be broken."""

    broken: Callable[[ir.Table, Bounds], ir.BooleanValue]
    needs: tuple[str, ...] = ()
    blanks: str = ""


def bounds(table: str, workbook: Workbook, *, as_of: date) -> Bounds:
    """The believed window of the table's clock for this workbook and `as_of`."""
    source = next((source for name, source in workbook.tables.items() if name == table), None)
    return Bounds(
        start=_day_start(workbook.data_start, workbook.zone) if workbook.data_start else None,
        end=_day_start(as_of + timedelta(days=1), workbook.zone),
        far=_day_start(as_of + timedelta(days=1 + FAR_FUTURE_DAYS), workbook.zone),
        settling_days=source.settling_days if source else 0,
        last_day=as_of,
    )


def laws(table: str) -> tuple[Law, ...]:
    """Every row law of the table, drops first, in the order in which they claim a row."""
    derived = [law for column in TABLES[table].columns for law in _of_column(column)]
    every = [*derived, *_clock_laws(table), *_flags(table)]
    return tuple(sorted(every, key=lambda law: law.policy != "drop"))


def copy_rules(table: str) -> tuple[Rule, ...]:
    """What is done with rows that stand twice."""
    key = " and ".join(TABLES[table].key)
    rules = [Rule(EXACT, "drop", "repeat another row exactly; one is kept")]
    if key:
        rules.append(Rule(KEY, "drop", f"repeat the {key} of another row with other content; the earliest is kept"))
    if "variant" in TABLES[table].names:
        rules.append(Rule(TWO_VARIANTS, "keep", "put a user into one more variant; the first assignment counts"))
    return tuple(rules)


def table_rules(table: str) -> tuple[Rule, ...]:
    """What stops the run whatever the single rows are."""
    rules = [Rule(OVER_BUDGET, "refuse", "would be dropped, more than thresholds.drop_budget allows")]
    if TABLES[table].activity:
        return (*rules, Rule(UNUSABLE, "refuse", "are usable up to as_of"))
    return (*rules, Rule(NO_ROWS, "keep", "are in the table, although the workbook names it"))


def _of_column(column: ContractColumn) -> list[Law]:
    name = column.name
    found = [_unreadable(column)] if column.kind not in ("id", "text") else []
    if column.required and column.kind == "id":
        found.append(Law(f"missing_{name}", "drop", f"have no {name}", lambda t, b: _no_id(t[name]), (name,)))
    elif column.required:
        found.append(Law(f"missing_{name}", "drop", f"have no {name}", lambda t, b: t[name].isnull(), (name,)))
    return found


def _unreadable(column: ContractColumn) -> Law:
    raw = f"_raw_{column.name}"
    policy: Policy = "drop" if column.required else "keep"
    then = "" if column.required else "; the value counts as missing"
    says = f"have an unreadable {column.name}{then}"
    return Law(f"unreadable_{column.name}", policy, says, lambda t, b: t[raw].notnull(), (raw,))


def _no_id(value: ir.StringValue) -> ir.BooleanValue:
    return value.isnull() | value.isin(NO_ID)


def _clock_laws(table: str) -> list[Law]:
    clock = TABLES[table].clock
    if clock is None:
        return []
    policy: Policy = "drop" if clock in TABLES[table].required else "keep"
    then = "" if policy == "drop" else "; the value counts as missing"
    found = [
        Law(
            "clock_error",
            policy,
            f"are dated before {PLAUSIBLE_FROM.year} or more than {FAR_FUTURE_DAYS} days after as_of{then}",
            lambda t, b: (t[clock] < PLAUSIBLE_FROM) | (t[clock] >= b.far),
            (clock,),
            blanks="" if policy == "drop" else clock,
        )
    ]
    if TABLES[table].activity:
        found.append(Law("before_data_start", "drop", "are dated before data_start", _before_start, (clock,)))
    mixed = f"_offset_{clock}"
    found.append(Law("mixed_zones", "keep", _MIXED, lambda t, b: ~t[mixed] & t[clock].notnull(), (mixed,)))
    return found


_MIXED = "have a timestamp without offset while others in the column name one; each is read by its own rule"


def _before_start(table: ir.Table, window: Bounds) -> ir.BooleanValue:
    clock = next(name for name in ("occurred_at", "paid_at") if name in table.columns)
    return table[clock] < (window.start or PLAUSIBLE_FROM)


def _flags(table: str) -> list[Law]:
    found = list(_TABLE_LAWS.get(table, ()))
    if "arrived_at" in TABLES[table].names:
        clock = TABLES[table].clock
        late = Law(
            "late",
            "keep",
            "arrived more than settling_days after the day on which they happened",
            lambda t, b: t.arrived_at > t[clock] + ibis.interval(days=b.settling_days + 1),
            ("arrived_at",),
        )
        found.append(late)
    if table != "users" and "user_id" in TABLES[table].names:
        says = "belong to users that `users` does not know; kept, with unknown sign-up"
        found.append(Law("orphan", "keep", says, lambda t, b: ~t["_known"], ("_known",)))
    return found


_TABLE_LAWS: dict[str, tuple[Law, ...]] = {
    "users": (
        Law(
            "invited_by_self",
            "keep",
            "name themselves as inviter; the inviter counts as missing",
            lambda t, b: t.invited_by == t.user_id,
            blanks="invited_by",
        ),
    ),
    "orders": (
        Law("negative_amount", "keep", "have a negative amount: refunds, never orders", lambda t, b: t.amount < 0),
        Law("zero_amount", "keep", "have an amount of 0: kept, but no purchase", lambda t, b: t.amount == 0),
        Law(
            "discount_over_amount",
            "keep",
            "have a discount above the amount paid",
            lambda t, b: (t.amount > 0) & (t.discount > t.amount),
        ),
        Law(
            "refund_over_amount",
            "keep",
            "were refunded more than was paid",
            lambda t, b: (t.amount >= 0) & (t.refunded > t.amount),
        ),
        Law(
            "negative_discount",
            "keep",
            "have a negative discount or refund: is the sign turned?",
            lambda t, b: (t.discount < 0) | (t.refunded < 0),
        ),
    ),
    "costs": (
        Law("negative_amount", "keep", "have a negative cost: kept as a credit", lambda t, b: t.amount < 0),
        Law(
            "clicks_over_impressions",
            "keep",
            "have more clicks than impressions",
            lambda t, b: t.clicks > t.impressions,
        ),
    ),
    "redemptions": (
        Law("negative_cost", "keep", "have a negative cost: kept as a credit", lambda t, b: t.cost < 0),
        Law(
            "redeemed_before_exposure",
            "keep",
            "were redeemed before the user was first shown the campaign",
            lambda t, b: t.redeemed_at < t["_first_shown"],
            ("_first_shown",),
        ),
    ),
}


def _day_start(day: date, zone: str) -> datetime:
    return start_of_day(datetime.combine(day, datetime.min.time()), zone)
