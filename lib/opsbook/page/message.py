"""A report in five lines for the chat group: the page's words and numbers, as plain text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsbook.page import words
from opsbook.page.bundles import payload_of
from opsbook.page.shorten import SHORT, shortened

CARDS = 4
DECIDED = 600  # characters of what is to be decided: the question without what is suggested helps nobody


def message(nb: Mapping[str, Any], *, language: str, markdown: bool = False) -> str:
    """What happened, how sure, what to do: title, verdict, up to four numbers, the first finding, what is to decide.

    nb: an executed notebook; the texts are those that the page shows, nothing is formatted anew
    returns: at most five lines, each ended by a newline
    """
    shown = list(_payloads(nb))
    title = next((payload for kind, payload in shown if kind == "title"), {})
    verdict = next((payload for kind, payload in shown if kind == "verdict"), {})
    cards = [payload["words"] for kind, payload in shown if kind == "number" and payload["card"] and _known(payload)]
    finding = next((payload["text"] for kind, payload in shown if kind == "finding"), "")
    decision = next((payload for kind, payload in shown if kind == "decision"), None)
    strong = "**{}**".format if markdown else str
    with words.speaking(language):
        named = (title.get("company", ""), title.get("title", ""), title.get("period_text", ""))
        lines = [
            strong(" · ".join(part for part in named if part)),
            _verdict(verdict, strong),
            words.label("page.message.between").join(_card(card, strong) for card in cards[:CARDS]),
            shortened(finding, SHORT) if finding != verdict.get("sentence") else "",
            _decision(decision, strong) or words.label("page.message.more", through=title.get("through_text", "")),
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


def _decision(decision: Mapping[str, Any] | None, strong: Any) -> str:
    if decision is None:
        return ""
    parts = {name: shortened(decision[name], DECIDED).rstrip(".。") for name in ("asked", "text")}
    what = words.label("page.message.asked", **parts) if all(parts.values()) else "".join(parts.values())
    named = {"decide": strong(words.label("page.decide")), "owner": decision["owner_text"]}
    return words.label("page.message.decide", what=what, **named).rstrip()


def _card(card: Mapping[str, str], strong: Any) -> str:
    """Label, value, and what is known of its change or its doubt."""
    more = [part for part in (card["change"], card["interval"], card["target"]) if part][:1]
    told = {"label": card["label"], "value": strong(card["value"])}
    return (
        words.label("page.message.card_more", **told, more=more[0])
        if more
        else words.label("page.message.card", **told)
    )
