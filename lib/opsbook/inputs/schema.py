"""The tables of the contract: grain, columns, types, units, keys. The laws they must keep stand in `laws`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import ibis
import ibis.expr.types as ir

Kind = Literal["id", "text", "number", "count", "instant", "day"]

DATATYPES: dict[Kind, str] = {
    "id": "string",
    "text": "string",
    "number": "float64",
    "count": "int64",
    "instant": "timestamp(6)",
    "day": "date",
}


RESERVED = frozenset(
    [
        "user",
        "first_day",
        "life_start",
        "signed_up_day",
        "entry_day",
        "first_active_day",
        "last_active_day",
        "active_days",
        "exit_day",
        "exit_road",
        "watched_through",
    ]
)
"""Names of what is derived about users; attributes of the company's own need others."""


@dataclass(frozen=True)
class ContractColumn:
    """One column after mapping; `instant` is a naive UTC timestamp, `day` a calendar day in the workbook's zone."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False


@dataclass(frozen=True)
class TableContract:
    """One table: its grain, its columns, the columns that make a row unique (none = nothing but the whole row)."""

    name: str
    grain: str
    columns: tuple[ContractColumn, ...]
    key: tuple[str, ...] = ()
    activity: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in contract order."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that every row must have."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def clock(self) -> str | None:
        """The instant that dates a row, if the table has one."""
        return next((column.name for column in self.columns if column.kind == "instant"), None)

    def column(self, name: str) -> ContractColumn | None:
        """The column of that name, or None for an attribute of the company's own."""
        return next((column for column in self.columns if column.name == name), None)


def _id(name: str, meaning: str, *, required: bool = True) -> ContractColumn:
    return ContractColumn(name, "id", meaning, required=required)


def _instant(name: str, meaning: str, *, required: bool = True) -> ContractColumn:
    return ContractColumn(name, "instant", meaning, "UTC", required)


def _money(name: str, meaning: str, *, required: bool = False) -> ContractColumn:
    return ContractColumn(name, "number", meaning, "workbook currency", required)


USER = _id("user_id", "who; an integer or a text, the same in every table")
CHANNEL = ContractColumn("channel", "text", "channel, in the company's own words")
CAMPAIGN = _id("campaign_id", "campaign the row belongs to", required=False)
THE_CAMPAIGN = _id("campaign_id", "campaign, as in its parameter file")
ARRIVED = _instant("arrived_at", "when the row reached the store; used to count late rows only", required=False)

_TABLES = (
    TableContract(
        "users",
        "one row per user",
        (
            USER,
            _instant("signed_up_at", "sign-up", required=False),
            CHANNEL,
            _id("invited_by", "user_id of the inviter", required=False),
        ),
        key=("user_id",),
    ),
    TableContract(
        "events",
        "one row per event of a user",
        (
            USER,
            _instant("occurred_at", "when it happened"),
            ContractColumn("event", "text", "what happened, in the company's own words", required=True),
            CAMPAIGN,
            _id("content_id", "content it concerns", required=False),
            CHANNEL,
            ContractColumn("value", "number", "size of the event, in the event's own unit"),
            ARRIVED,
        ),
        activity=True,
    ),
    TableContract(
        "orders",
        "one row per order",
        (
            _id("order_id", "order"),
            USER,
            _instant("paid_at", "when it was paid"),
            _money("amount", "paid amount; negative for a refund booked as a row of its own", required=True),
            _money("discount", "discount already taken off the amount, as a positive number"),
            _money("refunded", "part of the amount paid back later, as a positive number"),
            CAMPAIGN,
            ARRIVED,
        ),
        key=("order_id",),
        activity=True,
    ),
    TableContract(
        "costs",
        "one row per day, channel and campaign",
        (
            ContractColumn("day", "day", "day the money was spent", "workbook zone", required=True),
            CHANNEL,
            CAMPAIGN,
            _money("amount", "money spent", required=True),
            ContractColumn("impressions", "count", "times shown"),
            ContractColumn("clicks", "count", "times clicked"),
        ),
    ),
    TableContract(
        "assignments",
        "one row per user of an experiment",
        (
            _id("experiment_id", "experiment"),
            USER,
            ContractColumn("variant", "text", "arm the user was assigned to", required=True),
            _instant("assigned_at", "when the arm was drawn"),
        ),
        key=("experiment_id", "user_id"),
    ),
    TableContract(
        "exposures",
        "one row per user and time the campaign was shown",
        (THE_CAMPAIGN, USER, _instant("exposed_at", "when it was shown"), CHANNEL),
    ),
    TableContract(
        "contents",
        "one row per piece of content",
        (
            _id("content_id", "content"),
            _instant("published_at", "when it was published"),
            _id("author_id", "author", required=False),
            ContractColumn("topic", "text", "topic"),
            ContractColumn("format", "text", "format, such as article or video"),
            CHANNEL,
        ),
        key=("content_id",),
    ),
    TableContract(
        "redemptions",
        "one row per reward taken by a user in a campaign",
        (
            THE_CAMPAIGN,
            USER,
            _instant("redeemed_at", "when it was redeemed"),
            _money("cost", "what the reward cost the company"),
        ),
    ),
)

TABLES: dict[str, TableContract] = {table.name: table for table in _TABLES}


def schema(table: str) -> ibis.Schema:
    """Column names and types of the table after mapping, without the company's own attributes."""
    return ibis.schema({column.name: DATATYPES[column.kind] for column in TABLES[table].columns})


def empty_table(table: str) -> ir.Table:
    """The table with its full schema and no row: what stands for a table that the company does not have."""
    return ibis.memtable([], schema=schema(table))
