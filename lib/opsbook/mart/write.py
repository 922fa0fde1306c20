"""Write the mart's tables, each from those before it, out of the checked contract tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.errors import DataRefused
from opsbook.inputs import contract
from opsbook.inputs.check import Checked
from opsbook.inputs.workbook import Workbook
from opsbook.mart import exits, people, relations, steps
from opsbook.mart.local_time import utc_instant

_ = ibis._
WRITTEN = (
    *("orders", "steps", "user_days", "exits", "users"),
    *("assignments", "exposures", "redemptions", "contents", "costs"),
)
"""Tables in the order in which they are written, each from those before it."""


@dataclass(frozen=True)
class Draft:
    """A mart being written: the engine with the file attached as `mart`, and what its tables are made from.

    given: the checked tables the company has, cut at as_of; span: first and last instant (naive UTC) in them;
    tell: called with the name of each of WRITTEN before it is written.
    """

    con: Any
    workbook: Workbook
    as_of: date
    given: dict[str, ir.Table]
    span: tuple[datetime, datetime]
    tell: Callable[[str], None]

    def whole(self, name: str) -> ir.Table:
        """The contract table, or an empty one of its schema where the company has none."""
        if name in self.given:
            return self.given[name]
        return self.con.create_table(f"no_{name}", schema=contract.schema(name), temp=True, overwrite=True)

    def save(self, name: str, table: ir.Table) -> ir.Table:
        """Write a table of the mart and return it as it is stored."""
        self.tell(name)
        self.con.raw_sql(f"CREATE TABLE mart.{name} AS {ibis.to_sql(table, dialect='duckdb')}")
        return self.con.table(name, database="mart.main")

    def save_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Write a small table."""
        self.con.create_table(f"{name}_draft", frame, temp=True)
        self.con.raw_sql(f"CREATE TABLE mart.{name} AS SELECT * FROM {name}_draft")


def write_mart(
    con: Any,
    checked: Checked,
    workbook: Workbook,
    *,
    as_of: date,
    facts: dict[str, Any],
    tell: Callable[[str], None],
) -> None:
    """Write every mart table and `about`, which holds `facts` and what the data themselves tell.

    tell: called with the name of each of WRITTEN before it is written

    raises: DataRefused when nobody is ever active.
    """
    draft = _draft(con, checked, workbook, as_of, tell)
    zone, span = workbook.timezone, draft.span
    keys = con.create_table("user_keys", people.user_keys(draft.given), temp=True)
    orders = draft.save("orders", relations.orders(draft.whole("orders"), keys, zone, span))
    stream = steps.steps(draft.whole("events"), draft.whole("orders"), keys, workbook, span)
    days = draft.save("user_days", steps.user_days(draft.save("steps", stream), orders, workbook))
    first, last = _active_span(days)
    start = workbook.data_start or first
    left = draft.save("exits", exits.exits(draft.whole("events"), orders, keys, workbook, span))
    known = people.users(draft.whole("users"), keys, days, workbook, data_start=start, span=span)
    draft.save("users", exits.with_exits(known, left, workbook.exits, as_of=as_of))
    for name in ("assignments", "exposures", "redemptions"):
        draft.save(name, getattr(relations, name)(draft.whole(name), keys, zone, span))
    draft.save("contents", relations.contents(draft.whole("contents"), zone, span))
    draft.save("costs", draft.whole("costs"))
    draft.save_frame("checks", checks_table(checked))
    told = {"data_start": start, "data_through": last, "given": ",".join(sorted(draft.given))}
    _save_facts(draft, facts | told | rows_read(checked.summary))


def checks_table(checked: Checked) -> pd.DataFrame:
    """One row per table and rule that was broken -- table, rule, policy, rows, share, examples, sentence (text)."""
    report = checked.report[["table", "rule", "policy", "rows", "share", "examples", "sentence"]]
    # A clean company has an empty report, and an untyped empty column is no column for the engine.
    return report.astype(dict.fromkeys(("table", "rule", "policy", "examples", "sentence"), "string"))


def rows_read(summary: pd.DataFrame) -> dict[str, int]:
    """`rows_<table>`: rows of each contract table that are read, dropped and later ones left out."""
    read = summary["kept"] - summary["after_as_of"]
    return {f"rows_{name}": int(rows) for name, rows in zip(summary["table"], read, strict=True)}


def _draft(con: Any, checked: Checked, workbook: Workbook, as_of: date, tell: Callable[[str], None]) -> Draft:
    """Cut at as_of; views keep the checked tables' long expressions out of everything built on them."""
    after = datetime.combine(as_of + timedelta(days=1), time())
    end = utc_instant(after, workbook.timezone)
    given = {
        name: con.create_view(f"kept_{name}", relations.cut(table, name, before=after if name == "costs" else end))
        for name, table in checked.tables.items()
    }
    first = pd.to_datetime(checked.summary["first"]).min()
    start = min(first - pd.Timedelta(days=2), pd.Timestamp(end) - pd.Timedelta(days=1))
    return Draft(con, workbook, as_of, given, (start.to_pydatetime(), end), tell)


def _active_span(days: ir.Table) -> tuple[date, date]:
    seen = days.aggregate(first=_.day.min(), last=_.day.max()).to_pandas()
    if pd.isna(seen["first"][0]):
        raise DataRefused("Nobody is ever active in these data", fix="check active_events, as_of and data_start")
    return pd.Timestamp(seen["first"][0]).date(), pd.Timestamp(seen["last"][0]).date()


def _save_facts(draft: Draft, facts: dict[str, Any]) -> None:
    texts = [value if isinstance(value, str) else json.dumps(value, default=str) for value in facts.values()]
    plain = [text.strip('"') for text in texts]
    draft.save_frame("about", pd.DataFrame({"key": list(facts), "value": plain}))
