"""What is proposed for files nobody has described: a table of the contract, a reading of each column, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import yaml

from opsbook.inputs.look import SeenTable
from opsbook.inputs.schema import TABLES

REPEATED = 0.1  # share of rows whose key was seen before, from which on a row is not one user, order …


@dataclass(frozen=True)
class Guess:
    """One column: the source's name, how it is read (unit, scale, sql) and, for the reader, why."""

    column: str
    how: dict[str, Any] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Proposal:
    """A table of the contract out of files: its columns by contract name, what is missing and what is left over."""

    table: str
    seen: SeenTable
    columns: dict[str, Guess]
    attributes: list[str] = field(default_factory=list)
    dateformat: str = ""
    group_by: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """Required columns that no column of the files looks like."""
        return [name for name in TABLES[self.table].required if name not in self.columns]

    @property
    def unused(self) -> list[str]:
        """Columns of the files that stand for nothing."""
        used = {guess.column for guess in self.columns.values()} | set(self.attributes)
        sql = " ".join(str(guess.how.get("sql", "")) for guess in self.columns.values())
        return [name for name in self.seen.columns if name not in used and f'"{name}"' not in sql]

    @property
    def score(self) -> float:
        """How well the files fit: required columns count most, then the file's name, then optional columns."""
        required = TABLES[self.table].required
        optional = [name for name in self.columns if name not in required]
        there = len(required) - len(self.missing)
        named = 2 * named_like(self.table, self.seen.path)
        told = len(optional) + 0.1 * len(self.attributes) + named
        return 2 * there - 3 * len(self.missing) - 3 * self._repeats_its_key() + told

    def _repeats_its_key(self) -> bool:
        """Whether rows repeat what should be one row each; lines of orders are put together, so they may."""
        key = TABLES[self.table].key
        if len(key) != 1 or key[0] not in self.columns or self.group_by:
            return False
        values = self.seen.values[self.columns[key[0]].column]
        return bool(values) and len(set(values)) < (1 - REPEATED) * len(values)


def named_like(table: str, path: str) -> bool:
    """Whether a part of the path is a word that files of the table are called by."""
    parts = re.findall(r"[a-z]+|[\u4e00-\u9fff]+", "/".join(path.lower().split("/")[-2:]))
    known = synonyms()[table]["_files"]
    return any(part == word or (not word.isascii() and word in part) for word in known for part in parts)


@cache
def synonyms() -> Mapping[str, Mapping[str, list[str]]]:
    """Table -> contract column -> what companies call it; `_files` -> words in the names of its files."""
    text = (resources.files("opsbook.inputs") / "synonyms.yaml").read_text(encoding="utf-8")
    known: Mapping[str, Mapping[str, list[str]]] = yaml.load(text, Loader=yaml.BaseLoader)
    return known
