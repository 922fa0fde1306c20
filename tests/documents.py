"""The documents as their tests see them: pages, fenced blocks by kind, and the commands they show."""

import re
import shlex
from pathlib import Path

import click
import pytest

from opsbook.runs.cli import main

HOME = Path(__file__).parents[1]
DOCS = HOME / "docs"
ANALYSIS = HOME / "lib/opsbook/analysis"
GENERATED = {DOCS / "api", DOCS / "_build"}
PAGES = sorted(page for page in [*HOME.glob("*.md"), *DOCS.rglob("*.md")] if not GENERATED & set(page.parents))
FENCE = re.compile(r"^(?P<mark>`{3,})(?P<kind>[^\n`]*)\n(?P<text>.*?)^(?P=mark)\s*$", re.M | re.S)
COMMAND = re.compile(r"(?:^|[\s/`(])opsbook ([a-z]+\b[^\n`&;|#]*)", re.M)


def read(page: Path) -> str:
    """The page's text."""
    return page.read_text(encoding="utf-8")


def fences(page: Path) -> list[tuple[str, str]]:
    """Kind (yaml, python, …; "" = a terminal) and text of every fenced block of the page."""
    return [(found["kind"].split(" ")[0], found["text"]) for found in FENCE.finditer(read(page))]


def blocks(kind: str) -> list:
    """Test parameters: every block of a kind, named by its page and place."""
    found = [(page.stem, place, *block) for page in PAGES for place, block in enumerate(fences(page))]
    return [pytest.param(text, id=f"{page}-{place}") for page, place, own, text in found if own == kind]


def commands() -> list:
    """Test parameters: every `opsbook …` of a terminal block or of inline code."""
    found: dict[tuple[str, str], None] = {}
    for page in PAGES:
        terminal = [text for kind, text in fences(page) if kind in ("", "bash", "console")]
        inline = re.findall(r"`[^`\n]+`", FENCE.sub("", read(page)))
        found |= {(page.stem, told.strip()): None for part in [*terminal, *inline] for told in COMMAND.findall(part)}
    return [pytest.param(told, id=f"{page}: {told}") for page, told in found]


def parse(told: str) -> list[str]:
    """The names of the commands a line means; raises click's UsageError for a command or option that does not exist."""
    arguments = shlex.split(re.sub(r"\s{2,}.*|[<>…]", "", told))
    command, context, names = main, None, []
    while True:
        context = command.make_context(command.name, arguments, parent=context)
        if not isinstance(command, click.Group):
            return names
        _, command, arguments = command.resolve_command(context, [*context._protected_args, *context.args])
        names.append(command.name)
