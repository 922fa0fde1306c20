"""Every word a reader sees comes from `catalogue/<area>.<language>.yaml`; a Sentence is a key plus raw values.

A catalogue line is `key: "text with {field:spec}"` (specs: opsbook.page.format). Where a number decides the form,
an entry is a mapping `{one: "…", other: "…", by: field}`. Keys start with the name of their area.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import yaml

from opsbook.errors import OperatorError
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.page import format as formats

LANGUAGES = ("en", "zh")
Piece = tuple[str, str | None, str]
Labels = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Entry:
    """One catalogue line, taken apart: for each plural form its (text, field, spec) pieces."""

    key: str
    forms: Mapping[str, tuple[Piece, ...]]
    by: str | None = None

    @property
    def fields(self) -> frozenset[str]:
        """Names a sentence must give to fill this entry in."""
        named = {name for pieces in self.forms.values() for _, name, _ in pieces if name is not None}
        return frozenset(named | ({self.by} if self.by else set()))

    def fill(self, values: Mapping[str, Any], language: str) -> str:
        """The entry's text with its fields formatted; raises OperatorError naming the fields not given."""
        absent = sorted(self.fields - values.keys())
        if absent:
            raise OperatorError(
                f"The sentence `{self.key}` needs {', '.join(absent)}",
                found=f"given: {', '.join(sorted(values)) or 'nothing'}",
            )
        category = formats.plural(values[self.by], language) if self.by else "other"
        pieces = self.forms.get(category, self.forms["other"])
        shown = ((text, _shown(values[name], spec, language) if name else "") for text, name, spec in pieces)
        return formats.joined([part for pair in shown for part in pair], language)


class _Current:
    """What the notebook's kernel speaks now. Plain state: kernels run each cell in a context of its own."""

    language: str = "en"
    currency: str = ""
    labels: Labels = MappingProxyType({})
    folders: tuple[Path, ...] = ()


def also_read(folder: Path) -> None:
    """Read the catalogues of this folder too, as they are now: the words of notebooks that are not of the package."""
    if folder.is_dir() or folder in _Current.folders:
        _Current.folders = tuple(dict.fromkeys([*_Current.folders, folder]))
        catalogue.cache_clear()


def use(language: str, *, currency: str = "", labels: Labels | None = None) -> None:
    """Speak this language (en or zh) and show money in this currency (ISO code) from now on.

    labels: name in the data -> language -> what the reader calls it; names without one stay as they are
    """
    _checked_language(language)
    _Current.language, _Current.currency, _Current.labels = language, currency, labels or MappingProxyType({})


@contextmanager
def speaking(language: str, *, currency: str | None = None) -> Iterator[None]:
    """Speak the language inside the `with` block only."""
    before = (_Current.language, _Current.currency)
    _checked_language(language)
    _Current.language, _Current.currency = language, before[1] if currency is None else currency
    try:
        yield
    finally:
        _Current.language, _Current.currency = before


def language() -> str:
    """The language spoken now."""
    return _Current.language


def currency() -> str:
    """The currency money is shown in now."""
    return _Current.currency


def label(key: str, /, **fields: Any) -> str:
    """The catalogue text of the key in the current language, with its fields filled in."""
    return Sentence(key, **fields).text()


def named(name: str, language: str | None = None) -> str:
    """What the reader calls a channel, event, group or attribute of the company's data: its label, else its name."""
    return _Current.labels.get(name, {}).get(language or _Current.language, name)


def readable(name: str) -> str:
    """The name's label, else the name with blanks for underscores: for names of columns."""
    own = named(name)
    return own if own != name else name.replace("_", " ")


def find(*keys: str) -> str | None:
    """The text of the first of the keys that is in the catalogues, in the current language; None if none is."""
    known = catalogue(_Current.language)
    return next((label(key) for key in keys if key in known), None)


def keys(prefix: str) -> list[str]:
    """Keys that start with the prefix, in the order of the catalogue files."""
    return [key for key in catalogue("en") if key.startswith(prefix)]


def areas() -> frozenset[str]:
    """Areas that have a catalogue: the first words of all keys."""
    return frozenset(key.split(".")[0] for key in catalogue("en"))


def show(value: Any, spec: str = "text") -> str:
    """One value in the current language, currency and the spec's format."""
    return _shown(value, spec, _Current.language)


class Sentence:
    """A catalogue key with raw values (numbers, dates, text, other sentences); immutable and comparable.

    raises: OperatorError at once when the key is unknown or a field of its text is not given.
    """

    __slots__ = ("_fields", "key")

    key: str
    _fields: tuple[tuple[str, Any], ...]

    def __init__(self, key: str, /, **fields: Any) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "_fields", tuple(sorted((name, _raw(value)) for name, value in fields.items())))
        absent = sorted(entry(key, _Current.language).fields - fields.keys())
        if absent:
            raise OperatorError(
                f"The sentence `{key}` needs {', '.join(absent)}", found=f"given: {', '.join(sorted(fields)) or 'none'}"
            )

    @property
    def values(self) -> Mapping[str, Any]:
        """The raw values by field name; missing numbers are None."""
        return MappingProxyType(dict(self._fields))

    def text(self, language: str | None = None) -> str:
        """The sentence in the language, by default the current one."""
        spoken = _Current.language if language is None else language
        return formats.unit_once(entry(self.key, spoken).fill(self.values, spoken))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"Sentence({self.key!r}, " + ", ".join(f"{name}={value!r}" for name, value in self._fields) + ")"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sentence) and (self.key, self._fields) == (other.key, other._fields)

    def __hash__(self) -> int:
        return hash((self.key, self._fields))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("A Sentence does not change; make a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return _sentence, (self.key, dict(self._fields))


def entry(key: str, language: str) -> Entry:
    """The catalogue entry of the key; raises OperatorError with the nearest known keys when there is none."""
    known = catalogue(language)
    if key not in known:
        raise OperatorError(
            f"The {language} catalogue has no sentence `{key}`",
            fix=did_you_mean(key, list(known)) if len(key) < 80 else "",
            where=f"opsbook/page/catalogue/{key.split('.')[0]}.{language}.yaml",
        )
    return known[key]


@cache
def catalogue(language: str) -> Mapping[str, Entry]:
    """Every entry of every area in the language; raises OperatorError for a key given twice or in the wrong file."""
    entries = dict(_packaged(language))
    for folder in _Current.folders:
        _read(entries, folder, language)
    return MappingProxyType(entries)


@cache
def _packaged(language: str) -> Mapping[str, Entry]:
    _checked_language(language)
    entries: dict[str, Entry] = {}
    _read(entries, resources.files("opsbook.page") / "catalogue", language)
    return MappingProxyType(entries)


def _read(entries: dict[str, Entry], folder: Traversable, language: str) -> None:
    for file in sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else ():
        if file.name.endswith(f".{language}.yaml"):
            _add(entries, _lines(file.read_text(encoding="utf-8"), file.name), file.name)


def _lines(text: str, name: str) -> list[tuple[str, Any]]:
    """The file's (key, text or forms) pairs with every scalar as text, so that `no:` stays a word."""
    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as broken:
        raise OperatorError("A catalogue is not valid YAML", found=str(broken), where=name) from broken
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(key.value, _content(value)) for key, value in node.value]


def _content(node: yaml.Node) -> Any:
    return {key.value: value.value for key, value in node.value} if isinstance(node, yaml.MappingNode) else node.value


def _add(entries: dict[str, Entry], lines: list[tuple[str, Any]], file: str) -> None:
    area = file.split(".")[0]
    for key, content in lines:
        if key in entries or key.split(".")[0] != area:
            problem = "stands twice" if key in entries else f"does not start with `{area}.`"
            raise OperatorError(f"The catalogue key `{key}` {problem}", where=file)
        entries[key] = _entry(key, content, file)


def _entry(key: str, content: Any, file: str) -> Entry:
    forms = content if isinstance(content, dict) else {"other": content}
    by = forms.pop("by", None) if isinstance(content, dict) else None
    if "other" not in forms or (isinstance(content, dict) and by is None):
        raise OperatorError(f"The plural entry `{key}` needs `other` and `by`", where=file)
    return Entry(key, {form: _pieces(text, key, file) for form, text in forms.items()}, by)


def _pieces(text: str, key: str, file: str) -> tuple[Piece, ...]:
    try:
        pieces = [(before, name, spec or "text") for before, name, spec, _ in string.Formatter().parse(text)]
    except ValueError as broken:
        raise OperatorError(f"The text of `{key}` has unbalanced braces", found=text, where=file) from broken
    unknown = sorted({spec for _, name, spec in pieces if name is not None and spec not in formats.SPECS})
    if unknown:
        raise OperatorError(
            f"`{key}` uses the unknown spec {unknown[0]}", fix=did_you_mean(unknown[0], list(formats.SPECS)), where=file
        )
    return tuple(pieces)


def _shown(value: Any, spec: str, language: str) -> str:
    return formats.render(_labelled(value, language), spec, language=language, currency=_Current.currency)


def _labelled(value: Any, language: str) -> Any:
    """Texts by the company's labels; everything else as it is."""
    if isinstance(value, str):
        return named(value, language)
    return tuple(_labelled(item, language) for item in value) if isinstance(value, (list, tuple)) else value


def _raw(value: Any) -> Any:
    """Plain Python values: numpy scalars unpacked, timestamps as dates, missing as None, lists as tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(_raw(item) for item in value)
    if not isinstance(value, (str, Sentence)) and formats.is_missing(value):
        return None
    if isinstance(value, (pd.Timestamp, datetime)):
        return value.date()
    if isinstance(value, date):
        return value
    plain = value.item() if hasattr(value, "item") else value
    return pd.Timestamp(plain).date() if type(value).__name__ == "datetime64" else plain


def _checked_language(language: str) -> None:
    if language not in LANGUAGES:
        raise OperatorError(f"`{language}` is not a language of the workbook", fix=f"use {' or '.join(LANGUAGES)}")


def _sentence(key: str, fields: dict[str, Any]) -> Sentence:
    return Sentence(key, **fields)
