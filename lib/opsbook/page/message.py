"""A report in five lines for the chat group: the same words and numbers as the page, as plain text and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from opsbook.page import words
from opsbook.page.bundles import payload_of

CARDS = 4
SHORT = 220  # characters of a finding; chat windows fold longer lines


def message(nb: Mapping[str, Any], *, language: str, markdown: bool = False) -> str:
    """What happened and how sure: title, verdict, up to four numbers, the first finding, where the rest is.

    nb: an executed notebook; the texts are those that the page shows, nothing is formatted anew
    returns: at most five lines, each ended by a newline
    """
    shown = list(_payloads(nb))
    title = next((payload for kind, payload in shown if kind == "title"), {})
    verdict = next((payload for kind, payload in shown if kind == "verdict"), {})
    cards = [payload["words"] for kind, payload in shown if kind == "number" and payload["card"] and _known(payload)]
    finding = next((payload["text"] for kind, payload in shown if kind == "finding"), "")
    strong = "**{}**".format if markdown else str
    with words.speaking(language):
        named = (title.get("company", ""), title.get("title", ""), title.get("period_text", ""))
        lines = [
            strong(" · ".join(part for part in named if part)),
            _verdict(verdict, strong),
            words.label("page.message.between").join(_card(card, strong) for card in cards[:CARDS]),
            _cut(finding) if finding != verdict.get("sentence") else "",
            words.label("page.message.more", through=title.get("through_text", "")),
        ]
    return "".join(f"{line}\n" for line in lines if line)


def _payloads(nb: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for cell in nb["cells"]:
        for output in cell.get("outputs", []):
            found = payload_of(output.get("data", {}))
            if found is not None:
                yield found


def _known(payload: Mapping[str, Any]) -> bool:
    return payload.get("value") is not None


def _verdict(verdict: Mapping[str, Any], strong: Any) -> str:
    if not verdict:
        return ""
    return words.label("page.message.verdict", status=strong(verdict["status_text"]), sentence=verdict["sentence"])


def _card(card: Mapping[str, str], strong: Any) -> str:
    """Label, value, and what is known of its change or its doubt."""
    more = [part for part in (card["change"], card["interval"], card["target"]) if part][:1]
    told = {"label": card["label"], "value": strong(card["value"])}
    return (
        words.label("page.message.card_more", **told, more=more[0])
        if more
        else words.label("page.message.card", **told)
    )


def _cut(text: str) -> str:
    """Whole sentences as far as they fit; the first one alone is cut at a word."""
    ends = [found.end() for found in re.finditer(r"[.。](?=\s|$)|[。]", text) if found.end() <= SHORT]
    if len(text) <= SHORT or ends:
        return text if len(text) <= SHORT else text[: ends[-1]]
    return text[: SHORT - 1].rsplit(" ", 1)[0].rstrip("，,;；") + "…"
