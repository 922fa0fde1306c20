"""A tiny company to try every analysis on: the mart's tables as plain pandas tables, the same on every machine.

60 users and 12 weeks from Monday, 2026-01-05. Every third user came through ads, the others by search. In weeks 7 and 8
there is the campaign `spring`: of the users alive, those with an even key are shown a coupon (arm `treatment`), the
others are held back (`control`); keys that divide by 4 take it, buy, and open the app on every day until it ends.
All of it is arithmetic (`tiny_records`), put through the mart's own code.

>>> from opsbook import tiny
>>> print(tiny.user_days[["user", "day", "gap_after", "events", "revenue"]].head(3).to_string(index=False))
 user        day  gap_after  events  revenue
    0 2026-01-05        1.0       3     20.0
    0 2026-01-06        1.0       2      0.0
    0 2026-01-07        1.0       2      0.0
"""

from __future__ import annotations

from functools import cache
from typing import Any

import ibis
import pandas as pd

from opsbook.inputs import check, contract
from opsbook.inputs.periods import Period, parse_period
from opsbook.inputs.workbook import Workbook
from opsbook.mart.build import in_silence
from opsbook.mart.mart import NAMES
from opsbook.mart.tiny_records import AS_OF, CAMPAIGN, CAMPAIGN_END, CAMPAIGN_START, DATA_START, contract_tables
from opsbook.mart.write import write_mart

__all__ = ["AS_OF", "CAMPAIGN", "CAMPAIGN_END", "CAMPAIGN_START", "COVERED", "DATA_START", "SPRING"]
__all__ += ["WORKBOOK", "contract_tables", "period"]
COVERED: dict[str, Any] = {"data_start": DATA_START, "settled_through": AS_OF}
SPRING: dict[str, Any] = {"campaign_id": CAMPAIGN, "start": CAMPAIGN_START, "end": CAMPAIGN_END}
WORKBOOK = Workbook.model_validate(
    {
        "company": {"key": "tiny", "name": "Tiny"},
        "zone": "UTC",
        "as_of": AS_OF,
        "data_start": DATA_START,
        "tables": {name: {"path": f"{name}.parquet"} for name in contract.TABLES},
        "event_groups": {"reading": ["read"], "social": ["share"], "shopping": ["add_to_cart", "order"]},
        "exits": {"roads": {"closed": {"events": ["close_account"]}}},
    }
)


def __getattr__(name: str) -> Any:
    """A table of the mart by its name, each time a fresh copy: `tiny.users`, `tiny.user_days`, `tiny.orders`, …"""
    if name not in NAMES:
        raise AttributeError(f"the tiny company has no {name!r}; its tables are {', '.join(NAMES)}")
    return _mart()[name].copy()


def period(text: str) -> Period:
    """A period such as 2026-02 or 2026-W08."""
    return parse_period(text, as_of=AS_OF)


@cache
def _mart() -> dict[str, pd.DataFrame]:
    con = ibis.duckdb.connect()
    con.raw_sql("ATTACH ':memory:' AS mart")
    raw = {name: con.create_table(f"raw_{name}", _typed(name, rows)) for name, rows in contract_tables().items()}
    checked = check.check(raw, WORKBOOK, as_of=AS_OF)
    write_mart(con, checked, WORKBOOK, as_of=AS_OF, facts={"company": "tiny", "as_of": AS_OF}, tell=in_silence)
    return {name: _in_order(con.table(name, database="mart.main").to_pandas()) for name in NAMES}


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The engine keeps no order of rows, and times have one unit under every pandas."""
    times = table.select_dtypes("datetime").columns
    keys = [name for name in ("user", "day", "at", "event", "channel") if name in table]
    return table.astype(dict.fromkeys(times, "datetime64[ns]")).sort_values(keys or [*table][:1], ignore_index=True)


def _typed(name: str, rows: pd.DataFrame) -> Any:
    kinds = dict(contract.schema(name)) | ({"city": "string"} if name == "users" else {})
    return ibis.memtable(rows, schema=kinds)
