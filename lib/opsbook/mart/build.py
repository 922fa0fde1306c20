"""Build the mart once per state of the inputs and `as_of`; every run and notebook shares the file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
from filelock import FileLock

from opsbook.errors import DataRefused
from opsbook.inputs import check, sources
from opsbook.inputs.workbook import Workbook
from opsbook.mart import relations
from opsbook.mart.mart import Mart
from opsbook.mart.write import WRITTEN, write_mart

_ = ibis._
KEPT_MARTS = 4
HARDLY_ANY = 0.05
STEPS = ("reading", "checking", *WRITTEN)
Tell = Callable[[str], None]
SHAPING = ("zone", "data_start", "event_groups", "tables", "exits")
SHAPING_THRESHOLDS = ("active_events", "history_days", "drop_budget")


def in_silence(step: str) -> None:
    """Tell nobody."""


def ensure_mart(workbook: Workbook, *, home: Path, as_of: date | None = None, tell: Tell = in_silence) -> Mart:
    """The mart of these inputs, built if it is not there yet.

    as_of: last day to read; default the workbook's, else the last day of the data themselves.
    tell: called with each of STEPS as it begins, and not at all when the mart is there.
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
                _build(workbook, path, home=home, as_of=as_of, inputs=inputs, tell=tell)
                _forget_old(folder, keep=path)
    return Mart(path, workbook.engine)


def mart_key(workbook: Workbook, inputs: dict[str, Any], as_of: date | None) -> str:
    """Sixteen hex digits that change with the inputs, the settings that shape the mart, as_of, or the mart's code."""
    settings = workbook.model_dump(mode="json", include=set(SHAPING))
    settings |= workbook.thresholds.model_dump(mode="json", include=set(SHAPING_THRESHOLDS))
    told = json.dumps([inputs, settings, str(as_of), _code()], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _build(
    workbook: Workbook, path: Path, *, home: Path, as_of: date | None, inputs: dict[str, Any], tell: Tell
) -> None:
    """Check, map and write into a temporary file; the mart appears under its name only when it is whole."""
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    con = sources.open_engine(workbook, home=home)
    try:
        tell("reading")
        con.attach(draft, name="mart")
        raw = sources.contract_tables(workbook, home=home, con=con)
        as_of = as_of or last_day(raw, workbook)
        tell("checking")
        checked = check.check(raw, workbook, as_of=as_of)
        check.refuse_if_stopped(checked)
        facts = {"company": workbook.company.key, "as_of": as_of, "key": path.stem, "inputs": inputs}
        write_mart(con, checked, workbook, as_of=as_of, facts=facts, tell=tell)
        con.raw_sql("DETACH mart")
        os.replace(draft, path)
    finally:
        con.disconnect()
        for leftover in (draft, draft.with_name(draft.name + ".wal")):
            leftover.unlink(missing_ok=True)


def last_day(tables: dict[str, ir.Table], workbook: Workbook) -> date:
    """The last day of the data themselves: what "now" is when nobody says.

    A day that hardly anybody reached is a wrong clock, not the end of the data.
    """
    clocks = [tables[name].select(at=relations.CLOCKS[name]) for name in ("events", "orders") if name in tables]
    days = ibis.union(*clocks) if len(clocks) > 1 else clocks[0]
    try:
        counted = days.filter(_.at.notnull()).group_by(day=_.at.date()).agg(last=_.at.max(), rows=_.count()).to_pandas()
    except duckdb.Error as failure:
        raise DataRefused("The data cannot be read to their end", found=str(failure), fix="opsbook check") from failure
    if counted.empty:
        raise DataRefused("No row of events or orders has a readable time", fix="check the mapping with opsbook check")
    usual = counted[counted["rows"] >= HARDLY_ANY * counted["rows"].median()]
    return usual["last"].max().tz_localize("UTC").tz_convert(workbook.zone).date()


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
