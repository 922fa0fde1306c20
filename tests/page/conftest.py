"""A made-up book and a page whose outputs are collected instead of displayed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from opsbook.inputs.periods import Period
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.workbook import Company, Thresholds
from opsbook.page import words
from opsbook.page.page import Page

DEMO = {
    "demo.title": "Title {company}",
    "demo.question": "Did {campaign} work?",
    "demo.number.actives": "Active users",
    "demo.number.share": "Share retained",
    "demo.actives.up": "Actives rose to {n:count}.",
    "demo.actives.down": "Actives fell to {n:count}.",
    "demo.text": "{text}",
    "demo.how.actives": "Each point is a day.",
    "demo.definition.loyal": "Came back {text}".replace("{text}", "often"),
    "demo.term.loyal": "Loyal",
}


@pytest.fixture(autouse=True)
def _demo_words(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add the area `demo` to both catalogues and give the language back afterwards."""
    real = words.catalogue
    extra = {key: words._entry(key, text, "demo") for key, text in DEMO.items()}
    both = {name: MappingProxyType({**real(name), **extra}) for name in words.LANGUAGES}
    monkeypatch.setattr(words, "catalogue", lambda name: both[name])
    with words.speaking("en", currency=""):
        yield


@dataclass
class Collected:
    """Outputs of a page in the order they were shown."""

    outputs: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def __call__(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        self.outputs.append((data, metadata))

    def kinds(self) -> list[str]:
        """Kinds of the bundles, in order."""
        return [name.split("opsbook.")[1].split("+")[0] for data, _ in self.outputs for name in data if "opsbook" in name]

    def last(self, kind: str) -> dict[str, Any]:
        """The payload of the last bundle of the kind."""
        name = f"application/vnd.opsbook.{kind}+json"
        return next(data[name] for data, _ in reversed(self.outputs) if name in data)


def make_book(language: str = "en", **changes: Any) -> SimpleNamespace:
    """A book of the duck type that Page expects."""
    company = Company(key="demo", name="Demo <Shop>", name_zh="示例商店", brand_color="#2f5d8a")
    checks = pd.DataFrame(
        [("events", "late", "drop", 120, 0.002, "u1 2026-10-03")],
        columns=["table", "rule", "policy", "rows", "share", "examples"],
    )
    about = pd.DataFrame([("rows_events", "60000"), ("key", "0123456789abcdef01")], columns=["key", "value"])
    book = {
        "workbook": SimpleNamespace(company=company, currency="CNY"),
        "language": language,
        "period": Period(date(2026, 10, 1), date(2026, 10, 31), "month", "2026-10"),
        "as_of": date(2026, 11, 4),
        "data_start": date(2026, 1, 1),
        "notebook": "09_demo",
        "run": CampaignRun(name="Double 11", name_zh="双十一", campaign_id="d11"),
        "mart": SimpleNamespace(checks=checks, about=about),
        "given": frozenset({"users", "events"}),
        "limits": Thresholds(),
    }
    return SimpleNamespace(**(book | changes))


@pytest.fixture
def shown() -> Collected:
    """Where the page's outputs are collected."""
    return Collected()


@pytest.fixture
def page(shown: Collected) -> Page:
    """An English page of the made-up company."""
    return Page(make_book(), emit=shown)
