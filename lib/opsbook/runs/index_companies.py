"""What the index needs of each company's workbook: how it is called, what it pays in, what it calls its channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opsbook.errors import OperatorError
from opsbook.inputs.home import companies, company_key, workbook_path
from opsbook.inputs.workbook import Workbook, read_workbook

PLAIN_COLOR = "#2f5d8a"


@dataclass(frozen=True)
class Company:
    """One company's names, money and labels; of a workbook that cannot be read only the key is known."""

    key: str
    names: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    zone: str = "UTC"
    currency: str = ""
    brand_color: str = PLAIN_COLOR
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def name(self, language: str) -> str:
        """The name in the language, else the key."""
        return self.names.get(language) or self.key

    def called(self, name: str, language: str) -> str:
        """What readers of the language call a name of the company's data."""
        return self.labels.get(name, {}).get(language, name)


def known_companies(home: Path) -> list[Company]:
    """Every company below params/, the default one first; never fails, since the index must show failures."""
    return [_company(home, folder) for folder in companies(home)] or [Company("")]


def _company(home: Path, folder: str) -> Company:
    try:
        return _from_workbook(read_workbook(workbook_path(home, folder)))
    except OperatorError:
        return Company(_key(home, folder))


def _key(home: Path, folder: str) -> str:
    try:
        return company_key(home, folder)
    except OperatorError:
        return folder


def _from_workbook(book: Workbook) -> Company:
    own = book.company
    return Company(
        own.key,
        names={"en": own.name, "zh": own.name_zh or own.name},
        language=book.language,
        zone=book.zone,
        currency=book.currency,
        brand_color=own.brand_color,
        labels={name: {str(one): text for one, text in told.items()} for name, told in book.labels.items()},
    )
