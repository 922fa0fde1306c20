"""How each thing looks in JupyterLab: small escaped HTML that works in the light and the dark theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsbook.page import words
from opsbook.page.bundles import element, escaped
from opsbook.page.emphasis import claim
from opsbook.page.numbers import ARROWS

ICONS = {"good": "✓", "warn": "!", "bad": "✕", "unknown": "?", "neutral": "i"}


def title(payload: Mapping[str, Any]) -> str:
    """Company and period over the report's question."""
    line = " · ".join([payload["company"], payload["period_text"], payload["through_text"]])
    return element("p", line) + element("h1", payload["question"]) + element("p", payload["title"])


def headline(payload: Mapping[str, Any]) -> str:
    """The sentence over a figure, and how to read it."""
    how = element("p", payload["how"], "how") if payload.get("how") else ""
    return f'<p class="headline">{claim(payload["sentence"])}</p>{how}'


def paragraph(text: str, *, strong: bool = False) -> str:
    """One line of text."""
    return f"<p>{claim(text) if strong else escaped(text)}</p>"


def bullets(items: Sequence[str]) -> str:
    """A list."""
    return "<ul>" + "".join(element("li", item) for item in items) + "</ul>"


def number(card: Mapping[str, str]) -> str:
    """Label, value, interval and change on one line."""
    change = f"{ARROWS[card['direction']]} {card['change']}" if card["direction"] else card["change"]
    rest = " · ".join(part for part in (card["interval"], change, card["target"], card["n"]) if part)
    return f"<p>{escaped(card['label'])} {element('strong', card['value'])} {element('small', rest)}</p>"


def verdict(payload: Mapping[str, Any]) -> str:
    """Status word, sentence and rule."""
    badge = element("strong", f"{ICONS[payload['status']]} {payload['status_text']}")
    rule = element("p", payload["rule_text"]) if payload["rule_text"] else ""
    return f"<h4>{badge}: {escaped(payload['sentence'])}</h4>{rule}"


def decision(payload: Mapping[str, Any]) -> str:
    """What is to be decided, and by whom."""
    parts = [payload["asked"], payload["text"], payload["owner_text"]]
    return f"<p>{element('strong', words.label('page.decide'))} {escaped(' '.join(part for part in parts if part))}</p>"


def passport(lines: Sequence[tuple[str, str]]) -> str:
    """The passport, folded."""
    inside = "".join(element("dt", what) + element("dd", text) for what, text in lines)
    return (
        f'<details class="data"><summary>{escaped(words.label("page.passport"))}</summary><dl>{inside}</dl></details>'
    )


def table(shown: str, payload: Mapping[str, Any]) -> str:
    """A table folded under its name, or open under its sentence, which stands alone over a table without rows."""
    if payload["folded"]:
        if not shown:
            return ""
        return f'<details class="data"><summary>{escaped(words.label("page.table"))}</summary>{shown}</details>'
    return headline(payload) + shown
