"""A first look at files nobody has described yet: which are one table, their columns and some of their values."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from opsbook.errors import DataRefused, ParameterError
from opsbook.inputs.files import CSV, PARQUET, is_parquet
from opsbook.inputs.raw import engine_words, literal

SAMPLE_ROWS, HEAD_BYTES = 2_000, 1 << 20


@dataclass(frozen=True)
class SeenTable:
    """Files that are one table: the path as a workbook names it, engine type and sampled values of each column."""

    path: str
    types: dict[str, str]
    values: dict[str, list[str]]
    encoding: str = "utf-8"

    @property
    def columns(self) -> list[str]:
        """Column names in the order of the files."""
        return list(self.types)


def look(places: Sequence[Path], *, home: Path) -> list[SeenTable]:
    """What the files, and those in the folders, hold; files of one folder with the same columns are one table.

    raises: ParameterError when there is no CSV or Parquet file or its encoding is not one that can be read,
        DataRefused when a file is broken.
    """
    files = sorted({file for place in places for file in _files(place)})
    if not files:
        raise ParameterError(
            "There is no CSV or Parquet file", where=places[0], fix=f"files end with {', '.join(PARQUET + CSV)}"
        )
    firsts = {glob: _seen(file, _shown(glob, home)) for glob, file in _by_pattern(files).items()}
    return list(_joined(firsts, home))


def _files(place: Path) -> Iterable[Path]:
    if place.is_file():
        return [place.resolve()]
    if not place.is_dir():
        raise ParameterError(f"There is no file or folder `{place}`", where=place)
    return [file.resolve() for file in place.rglob("*") if file.name.lower().endswith((*PARQUET, *CSV))]


def _by_pattern(files: Sequence[Path]) -> dict[Path, Path]:
    """Glob -> first file, where files of a folder differ only in their digits: orders-01.csv, orders-02.csv."""
    groups: dict[Path, list[Path]] = {}
    for file in files:
        groups.setdefault(file.with_name(re.sub(r"[0-9]+([-_.]?[0-9]+)*", "*", file.name)), []).append(file)
    return {(glob if len(own) > 1 else own[0]): own[0] for glob, own in groups.items()}


def _joined(firsts: dict[Path, SeenTable], home: Path) -> Iterable[SeenTable]:
    """Parts with other names but the same columns in one folder are one table as well: part-0-ab12.parquet."""
    folders: dict[tuple[Path, str], list[tuple[Path, SeenTable]]] = {}
    for glob, seen in firsts.items():
        folders.setdefault((glob.parent, glob.suffix), []).append((glob, seen))
    for (folder, ending), own in folders.items():
        alike = len(own) > 1 and len({tuple(seen.columns) for _, seen in own}) == 1
        if alike:
            first = own[0][1]
            yield SeenTable(_shown(folder / f"*{ending}", home), first.types, first.values, first.encoding)
        else:
            yield from (seen for _, seen in own)


def _seen(file: Path, path: str) -> SeenTable:
    encoding = "utf-8" if is_parquet(file) or file.suffix in (".gz", ".zst") else _encoding(file)
    name = literal(str(file))
    csv = f"read_csv({name}, all_varchar = true, header = true, encoding = '{encoding}')"
    source = f"read_parquet({name})" if is_parquet(file) else csv
    con = duckdb.connect()
    try:
        types = {row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        rows = con.execute(f"SELECT COLUMNS(*)::VARCHAR FROM {source} LIMIT {SAMPLE_ROWS}").fetchall()
    except duckdb.Error as broken:
        raise DataRefused(f"`{file.name}` cannot be read", found=engine_words(broken), where=file) from broken
    finally:
        con.close()
    texts = {name: [row[place] for row in rows if row[place] is not None] for place, name in enumerate(types)}
    return SeenTable(path, types, texts, encoding)


def _encoding(file: Path) -> str:
    """The encoding of a CSV file among those the reader knows; raises ParameterError for Chinese in GBK."""
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _decodes(head, "utf-8"):
        return "utf-8"
    if _decodes(head, "gb18030"):
        fix = f"save it as UTF-8: iconv -f GB18030 -t UTF-8 {file.name} > utf8_{file.name}"
        raise ParameterError(f"`{file.name}` is not UTF-8 (it looks like GBK)", fix=fix, where=file)
    return "latin-1"


def _decodes(head: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _shown(path: Path, home: Path) -> str:
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else path.as_posix()
