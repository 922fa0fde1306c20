"""Which table of the contract a file might be, and which of its columns mean what: proposals for a person to check."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from opsbook.inputs import order_lines
from opsbook.inputs.look import SeenTable
from opsbook.inputs.proposal import Guess, Proposal, synonyms
from opsbook.inputs.schema import TABLES, ContractColumn, TableContract

NEAR = 0.86  # likeness (difflib) from which two names are taken for spellings of one word
FITS = 0.9  # share of values that must be readable as the column's kind
ATTRIBUTE_VALUES = (2, 30)
PRIVATE = re.compile(r"name|mail|phone|mobile|tel$|address|birth|card|姓名|名字|邮箱|电话|手机|地址|生日|证")
UNITS = re.compile(r"_?(fen|cents?|yuan|rmb|cny|usd|ms|us|millis|utc)$|[（(]?[分元]+[)）]?$")
CENTS = re.compile(r"(fen|cents?|[（(]?分[)）]?)$")
MAGNITUDES = {"s": 1e9, "ms": 1e12, "us": 1e15}  # of the years 2001 to 2286
FORMS = {
    "%Y%m%d": r"[12]\d{3}[01]\d[0-3]\d",
    "%d.%m.%Y": r"[0-3]?\d\.[01]?\d\.[12]\d{3}",
    "%d/%m/%Y": r"([0-3]?\d)/([01]?\d)/[12]\d{3}",
    "%Y/%m/%d": r"[12]\d{3}/[01]?\d/[0-3]?\d",
    "%Y/%m/%d %H:%M": r"[12]\d{3}/[01]?\d/[0-3]?\d \d?\d:\d\d",
    "%Y/%m/%d %H:%M:%S": r"[12]\d{3}/[01]?\d/[0-3]?\d \d?\d:\d\d:\d\d",
    "%Y年%m月%d日": r"[12]\d{3}年[01]?\d月[0-3]?\d日",
}
_ISO = re.compile(r"[12]\d{3}-[01]\d-[0-3]\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def proposals(seen: Sequence[SeenTable]) -> tuple[dict[str, Proposal], list[SeenTable]]:
    """The best files for each table of the contract that some fit, in contract order, and the files nothing fits."""
    best = [max((propose(one, table) for table in TABLES), key=lambda made: made.score) for one in seen]
    chosen: dict[str, Proposal] = {}
    for proposal in sorted(best, key=lambda made: -made.score):
        if proposal.score > 0:
            chosen.setdefault(proposal.table, proposal)
    used = {proposal.seen.path for proposal in chosen.values()}
    return {name: chosen[name] for name in TABLES if name in chosen}, [one for one in seen if one.path not in used]


def propose(seen: SeenTable, table: str) -> Proposal:
    """The files as this table: each contract column the source column that looks most like it, none taken twice."""
    contract, dateformat = TABLES[table], _dateformat(seen)
    likeness = sorted(_pairs(seen, contract), key=lambda pair: -pair[0])
    columns: dict[str, Guess] = {}
    for _, column, source in likeness:
        if column.name not in columns and source not in {guess.column for guess in columns.values()}:
            columns[column.name] = _read(column, source, seen, dateformat)
    ordered = {name: columns[name] for name in contract.names if name in columns}
    left = [name for name in seen.columns if name not in {guess.column for guess in ordered.values()}]
    attributes = [name for name in left if _is_attribute(name, seen)] if table == "users" else []
    return order_lines.joined(Proposal(table, seen, ordered, attributes, dateformat), pieces=_pieces(left))


def _pieces(names: Sequence[str]) -> str:
    """The column that counts the pieces of a line of an order, "" when there is none."""
    return next((name for name in names if _plain(name) in synonyms()["orders"]["_pieces"]), "")


def _pairs(seen: SeenTable, contract: TableContract) -> Iterable[tuple[float, ContractColumn, str]]:
    for column in contract.columns:
        for source in seen.columns:
            alike = _likeness(source, column.name, contract.name)
            if alike and _fits(column, source, seen):
                yield alike, column, source


def _likeness(source: str, column: str, table: str) -> float:
    """1 for the contract's name, a little less for each further synonym, less again for a near spelling; else 0."""
    own, known = _plain(source), [column, *synonyms()["every"].get(column, []), *synonyms()[table].get(column, [])]
    for place, word in enumerate(known):
        if own == _plain(word):
            return 1 - place / 1000
    near = max(difflib.SequenceMatcher(None, own, _plain(word)).ratio() for word in known)
    ends = any(len(_plain(word)) > 4 and own.endswith(_plain(word)) for word in known)
    return 0.8 if ends else near / 2 if near >= NEAR else 0.0


def _plain(name: str) -> str:
    """The name without case, unit and signs; nothing but a unit stays as it is."""
    low = name.strip().lower()
    return re.sub(r"[^0-9a-z\u4e00-\u9fff]", "", UNITS.sub("", low) or low)


def _fits(column: ContractColumn, source: str, seen: SeenTable) -> bool:
    """Whether the values can be read as the column's kind; of an empty column only its name and type are known."""
    type_, values = seen.types[source], seen.values[source]
    if column.kind in ("instant", "day"):
        if type_ != "VARCHAR" and not values:
            return type_.startswith(("DATE", "TIMESTAMP")) or bool(_unit_of_name(source))
        return type_.startswith(("DATE", "TIMESTAMP")) or _share(values, _is_time) >= FITS
    if column.kind in ("number", "count"):
        return not type_.startswith(("DATE", "TIMESTAMP")) and _share(values, _NUMBER.fullmatch) >= FITS
    return not type_.startswith(("DATE", "TIMESTAMP", "BOOLEAN"))


def _share(values: list[str], test: Any) -> float:
    filled = [value.strip() for value in values if value.strip()]
    return sum(bool(test(value)) for value in filled) / len(filled) if filled else 1.0


def _is_time(value: str) -> bool:
    return bool(_ISO.fullmatch(value) or _unit([value]) or any(re.fullmatch(form, value) for form in FORMS.values()))


def _read(column: ContractColumn, source: str, seen: SeenTable, dateformat: str) -> Guess:
    values = [value.strip() for value in seen.values[source] if value.strip()]
    typed = seen.types[source].startswith(("DATE", "TIMESTAMP"))
    if column.kind in ("instant", "day") and not typed and (unit := _unit(values)):
        return Guess(source, {"column": source, "unit": unit}, f"numbers as large as Unix time in {unit}")
    if column.kind in ("instant", "day") and not (typed or values) and seen.types[source] != "VARCHAR":
        return Guess(source, {"column": source, "unit": _unit_of_name(source)}, "empty so far; the unit is in the name")
    if column.kind in ("instant", "day") and not typed and seen.types[source] != "VARCHAR" and dateformat:
        sql = f"strptime(CAST(\"{source}\" AS VARCHAR), '{dateformat}')"
        return Guess(source, {"sql": sql}, "numbers that look like 20260131")
    if column.unit == "workbook currency" and CENTS.search(source.lower()):
        return Guess(source, {"column": source, "scale": 0.01}, "the name says cents")
    return Guess(source, {}, "" if source == column.name else "by its name")


def _unit(values: list[str]) -> str:
    """The unit of Unix time the numbers are as large as, "" when they are not, or are no numbers."""
    if not values or not all(_NUMBER.fullmatch(value) for value in values):
        return ""
    middle = median(map(float, values))
    return next((unit for unit, size in MAGNITUDES.items() if 0.9 * size <= middle < 10 * size), "")


def _unit_of_name(source: str) -> str:
    """Ms of backfilled_ms, s of ts_s; "" when the name says nothing."""
    last = source.lower().rpartition("_")[2]
    return last if last in MAGNITUDES else ""


def _dateformat(seen: SeenTable) -> str:
    """The one form of all text dates of the files that are not ISO, "" when there is none or several would do."""
    texts = [[value.strip() for value in values if value.strip()] for values in seen.values.values()]
    found = {form for form, look in FORMS.items() for values in texts if values and _all(look, values)}
    return found.pop() if len(found) == 1 else ""


def _all(look: str, values: list[str]) -> bool:
    return all(re.fullmatch(look, value) for value in values)


def _is_attribute(name: str, seen: SeenTable) -> bool:
    """A column of few values that names nobody."""
    low, high = ATTRIBUTE_VALUES
    few = low <= len(set(seen.values[name])) <= high and len(seen.values[name]) > 2 * len(set(seen.values[name]))
    return few and not PRIVATE.search(name.lower()) and not name.startswith("_")
