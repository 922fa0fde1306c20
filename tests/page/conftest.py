"""The words of the made-up report, its page, and where its outputs are collected."""

from collections.abc import Iterator

import pytest

from opsbook.page import theme
from opsbook.page.page import Page
from page.demo_report import Collected, demo_words, make_book


@pytest.fixture(autouse=True)
def _demo_words() -> Iterator[None]:
    """Every test begins with the same words and with fonts that hold both languages, whatever ran before it."""
    theme.use("zh", "#2f5d8a")
    with demo_words():
        yield


@pytest.fixture
def shown() -> Collected:
    """Where the page's outputs are collected."""
    return Collected()


@pytest.fixture
def page(shown: Collected) -> Page:
    """An English page of the made-up company."""
    return Page(make_book(), emit=shown)
