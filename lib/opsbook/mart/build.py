"""Build the mart once per state of the inputs and `as_of`; every run and notebook shares the file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from filelock import FileLock

from opsbook.errors import DataRefused
from opsbook.inputs import check, contract, sources
from opsbook.inputs.workbook import Workbook
from opsbook.mart import people, relations, steps
from opsbook.mart.local_time import utc_instant
from opsbook.mart.mart import Mart

_ = ibis._
KEPT_MARTS = 4
SHAPING = ("zone", "data_start", "event_groups", "tables")
SHAPING_THRESHOLDS = ("active_events", "history_days", "drop_budget")


def ensure_mart(workbook: Workbook, *, home: Path, as_of: date | None = None) -> Mart:
    """The mart of these inputs, built if it is not there yet.

    as_of: last day to read; default the workbook's, else the last day of the data themselves.
    raises: DataRefused when the check stops, OperatorError when a source cannot be read.
    """
    as_of = as_of or workbook.as_of
    folder = home / "cache" / workbook.company.key
    inputs = sources.fingerprint(workbook, home=home)
    path = folder / f"{mart_key(workbook, inputs, as_of)}.duckdb"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "build.lock"):
            if not path.exists():
                _build(workbook, path, home=home, as_of=as_of, inputs=inputs)
                _forget_old(folder, keep=path)
    return Mart(path, workbook.engine)


def mart_key(workbook: Workbook, inputs: dict[str, Any], as_of: date | None) -> str:
    """Sixteen hex digits that change with the inputs, the settings that shape the mart, as_of, or the mart's code."""
    settings = workbook.model_dump(mode="json", include=set(SHAPING))
    settings |= workbook.thresholds.model_dump(mode="json", include=set(SHAPING_THRESHOLDS))
    told = json.dumps([inputs, settings, str(as_of), _code()], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _build(workbook: Workbook, path: Path, *, home: Path, as_of: date | None, inputs: dict[str, Any]) -> None:
    """Check, map and write into a temporary file; the mart appears under its name only when it is whole."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    con = sources.open_engine(workbook, home=home)
    try:
        con.attach(draft, name="mart")
        raw = sources.contract_tables(workbook, home=home, con=con)
        as_of = as_of or _last_day(raw, workbook)
        checked = check.check(raw, workbook, as_of=as_of)
        check.refuse_if_stopped(checked)
        _write(con, checked, workbook, as_of=as_of, key=path.stem, inputs=inputs)
        con.raw_sql("DETACH mart")
        os.replace(draft, path)
    finally:
        con.disconnect()
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            leftover.unlink(missing_ok=True)


def _write(con: Any, checked: Any, workbook: Workbook, *, as_of: date, key: str, inputs: dict[str, Any]) -> None:
    zone = workbook.timezone
    end = utc_instant(datetime.combine(as_of + timedelta(days=1), datetime.min.time()), zone)
    given = {name: relations.cut(table, name, before=_end(name, end, as_of)) for name, table in checked.tables.items()}
    lacking = {name: contract.schema(name) for name in contract.TABLES if name not in given}
    whole = given | {name: con.create_table(f"no_{name}", schema=kind, temp=True) for name, kind in lacking.items()}
    span = (_first_instant(whole, end), end)

    def save(name: str, table: ir.Table) -> ir.Table:
        con.raw_sql(f"CREATE TABLE mart.{name} AS {ibis.to_sql(table, dialect='duckdb')}")
        return con.table(name, database="mart.main")

    keys = con.create_table("user_keys", people.user_keys(given), temp=True)
    orders = save("orders", relations.orders(whole["orders"], keys, zone, span))
    step_rows = save("steps", steps.steps(whole["events"], whole["orders"], keys, workbook, span))
    days = save("user_days", steps.user_days(step_rows, orders, workbook))
    seen = days.aggregate(first=_.day.min(), last=_.day.max()).to_pandas()
    if pd.isna(seen["first"][0]):
        raise DataRefused("Nobody is ever active in these data", fix="check active_events, as_of and data_start")
    start = workbook.data_start or pd.Timestamp(seen["first"][0]).date()
    save("users", people.users(whole["users"], keys, days, workbook, data_start=start, span=span))
    for name in ("assignments", "exposures", "redemptions"):
        save(name, getattr(relations, name)(whole[name], keys, zone, span))
    save("contents", relations.contents(whole["contents"], zone, span))
    save("costs", whole["costs"])
    facts = {
        "company": workbook.company.key,
        "as_of": as_of,
        "data_start": start,
        "data_through": pd.Timestamp(seen["last"][0]).date(),
        "given": ",".join(sorted(given)),
        "key": key,
        "inputs": json.dumps(inputs, sort_keys=True, default=str),
    } | rows_read(checked.summary)
    _save_frame(con, "checks", checks_table(checked))
    _save_frame(con, "about", pd.DataFrame({"key": list(facts), "value": [str(value) for value in facts.values()]}))


def checks_table(checked: Any) -> pd.DataFrame:
    """One row per table and rule that was broken -- table, rule, policy, rows, share, examples, sentence (text)."""
    report = checked.report
    kept = [name for name in ("table", "rule", "policy", "rows", "share", "examples", "sentence") if name in report]
    return report[kept].assign(examples=report["examples"].map(_as_text).astype("string"))


def rows_read(summary: pd.DataFrame) -> dict[str, int]:
    """`rows_<table>`: rows of each contract table that are read, dropped and later ones left out."""
    read = summary["kept"] - summary["after_as_of"]
    return {f"rows_{name}": int(rows) for name, rows in zip(summary["table"], read, strict=True)}


def _as_text(examples: Any) -> str:
    return examples if isinstance(examples, str) else ", ".join(str(example) for example in examples)


def _save_frame(con: Any, name: str, frame: pd.DataFrame) -> None:
    con.create_table(f"{name}_draft", frame, temp=True)
    con.raw_sql(f"CREATE TABLE mart.{name} AS SELECT * FROM {name}_draft")


def _end(name: str, end: datetime, as_of: date) -> datetime:
    """Costs are by calendar day, everything else by instant."""
    return datetime.combine(as_of + timedelta(days=1), datetime.min.time()) if name == "costs" else end


def _first_instant(tables: dict[str, ir.Table], end: datetime) -> datetime:
    """The earliest instant in any table, for looking up the zone's offsets."""
    clocks = [tables[name][clock].min() for name, clock in relations.CLOCKS.items()]
    earliest = [pd.Timestamp(first) for first in (clock.to_pandas() for clock in clocks) if not pd.isna(first)]
    return min([*earliest, pd.Timestamp(end) - pd.Timedelta(days=1)]).to_pydatetime()


def _last_day(tables: dict[str, ir.Table], workbook: Workbook) -> date:
    """The last calendar day on which anybody did anything: what "now" is when nobody says."""
    activity = [tables[name][relations.CLOCKS[name]].max() for name in ("events", "orders") if name in tables]
    last = max(pd.Timestamp(clock.to_pandas()) for clock in activity)
    return last.tz_localize("UTC").tz_convert(workbook.zone).date()


def _code() -> str:
    """Hash of the code that decides what is in the mart."""
    here = Path(__file__).parent
    parts = sorted([*here.glob("*.py"), *(here.parent / "inputs").glob("*.py")])
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()


def _forget_old(folder: Path, *, keep: Path) -> None:
    """Leave the newest few marts; a reader of a removed one keeps its open file."""
    others = sorted((p for p in folder.glob("*.duckdb") if p != keep), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in others[KEPT_MARTS - 1 :]:
        old.unlink(missing_ok=True)
    for spill in folder.glob("spill-*"):
        if not _alive(int(spill.name.removeprefix("spill-"))):
            shutil.rmtree(spill, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
