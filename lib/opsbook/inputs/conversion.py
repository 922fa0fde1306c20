"""SQL that turns a source value of any type into a contract value; what cannot be read becomes NULL, never a guess."""

from __future__ import annotations

from dataclasses import dataclass

from opsbook.errors import ParameterError
from opsbook.inputs.clock import utc_from_local
from opsbook.inputs.schema import Kind

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_FLOATS = ("FLOAT", "DOUBLE")
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000}
_OFFSET = r"\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|z|UTC|GMT|[+-]\d\d(:?\d\d)?)$"
_YEARS_1_TO_9999 = (-62_135_596_800, 253_402_300_799)


@dataclass(frozen=True)
class Reading:
    """How one source value is read: its SQL, the engine's type of it, and what the mapping says about it."""

    value: str
    type: str
    zone: str
    workbook_zone: str
    unit: str | None = None
    scale: float = 1.0
    dateformat: str | None = None
    key: str = ""
    from_csv: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the engine holds text."""
        return self.type == "VARCHAR" or self.type.startswith("ENUM")

    @property
    def is_number(self) -> bool:
        """Whether the engine holds a number."""
        return self.type in (*_INTEGERS, *_FLOATS) or self.type.startswith("DECIMAL")


def converted(kind: Kind, reading: Reading) -> str:
    """SQL of the contract value; raises ParameterError when a number is to be an instant and no unit is given."""
    return {
        "id": id_text,
        "text": plain_text,
        "number": number,
        "count": count,
        "instant": instant,
        "day": day,
    }[kind](reading)


def can_fail(kind: Kind, reading: Reading) -> bool:
    """Whether a value that is there may still be unreadable, so that the raw text must be kept beside it."""
    if kind in ("number", "count", "day"):
        return reading.is_text or (kind == "day" and reading.unit is not None)
    return kind == "instant" and (reading.is_text or reading.unit is not None)


def carries_offset(reading: Reading) -> str:
    """SQL that is true where a text timestamp names its own offset from UTC."""
    return f"regexp_matches({reading.value}, '{_OFFSET}')"


def id_text(reading: Reading) -> str:
    """Ids as text: integers and integral floats without a decimal point, texts without surrounding blanks."""
    value = reading.value
    if reading.is_text:
        text = plain_text(reading)
        return f"regexp_replace({text}, '^(-?[0-9]+)\\.0+$', '\\1')" if reading.from_csv else text
    if reading.type in _FLOATS:
        whole = f"CAST(TRY_CAST({value} AS HUGEINT) AS VARCHAR)"
        text = f"CASE WHEN {value} = trunc({value}) THEN {whole} ELSE CAST({value} AS VARCHAR) END"
        return f"CASE WHEN isfinite({value}) THEN {text} END"
    if reading.type.startswith("DECIMAL"):
        whole = f"CAST(CAST({value} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {value} = trunc({value}) THEN {whole} ELSE CAST({value} AS VARCHAR) END"
    return f"CAST({value} AS VARCHAR)"


def plain_text(reading: Reading) -> str:
    """Text without surrounding blanks; nothing but blanks is missing."""
    return f"nullif(trim(CAST({reading.value} AS VARCHAR)), '')"


def number(reading: Reading) -> str:
    """A finite double times `scale`; not-a-number and infinity are missing."""
    value = f"TRY_CAST({reading.value} AS DOUBLE)" if reading.is_text else f"CAST({reading.value} AS DOUBLE)"
    finite = value if reading.type in _INTEGERS else f"CASE WHEN isfinite({value}) THEN {value} END"
    return finite if reading.scale == 1.0 else f"({finite}) {_scaling(reading.scale)}"


def count(reading: Reading) -> str:
    """A whole number times `scale`."""
    return f"TRY_CAST({number(reading)} AS BIGINT)"


def instant(reading: Reading) -> str:
    """A naive UTC timestamp: Unix time in its unit, text and typed offsets as they say, naive times in the zone."""
    if reading.unit:
        return _unix(reading)
    if reading.type == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({reading.value}))"
    if reading.type == "DATE" or reading.type.startswith("TIMESTAMP"):
        return utc_from_local(f"CAST({reading.value} AS TIMESTAMP)", reading.zone)
    if reading.is_text:
        return _instant_of_text(reading)
    raise ParameterError(
        f"`{reading.key}` is {reading.type}, not a timestamp",
        fix="for Unix time add `unit: s`, `ms` or `us` (it is never guessed); for 20260131 use sql: strptime(...)",
    )


def day(reading: Reading) -> str:
    """A calendar day in the workbook's zone."""
    if reading.type == "DATE":
        return reading.value
    at_utc = f"(({instant(reading)}) AT TIME ZONE 'UTC')"
    return f"CAST({at_utc} AT TIME ZONE '{reading.workbook_zone}' AS DATE)"


def _scaling(scale: float) -> str:
    """Cents to yuan by division: 5241 / 100 is 52.41, while 5241 * 0.01 is 52.410000000000004."""
    parts = round(1 / scale) if 0 < scale < 1 else 0
    return f"/ {parts}.0" if parts and abs(1 / scale - parts) < 1e-9 * parts else f"* {scale!r}"


def _unix(reading: Reading) -> str:
    value = f"TRY_CAST({reading.value} AS DOUBLE)" if reading.is_text else reading.value
    per_second = _PER_SECOND[reading.unit or "s"]
    low, high = (bound * per_second for bound in _YEARS_1_TO_9999)
    micros = f"CAST({value} * {1_000_000 // per_second} AS BIGINT)"
    return f"CASE WHEN {value} BETWEEN {low} AND {high} THEN make_timestamp({micros}) END"


def _instant_of_text(reading: Reading) -> str:
    value = reading.value
    if reading.dateformat:
        form = reading.dateformat.replace("'", "''")
        return utc_from_local(f"CAST(try_strptime({value}, '{form}') AS TIMESTAMP)", reading.zone)
    joined = f"regexp_replace({value}, '\\s+([+-]\\d\\d:?\\d*)$', '\\1')"
    with_offset = f"make_timestamp(epoch_us(TRY_CAST({joined} AS TIMESTAMP WITH TIME ZONE)))"
    naive = utc_from_local(f"TRY_CAST({value} AS TIMESTAMP)", reading.zone)
    return f"CASE WHEN {carries_offset(reading)} THEN {with_offset} ELSE {naive} END"
