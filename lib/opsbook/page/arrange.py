"""An executed notebook put in the order of the report: first screen, contents, sections, appendix.

A section begins at a second-level heading (`## …`). What bundles of ours say about the whole report (title, verdict,
numbers, findings, data card) is collected from wherever its cell stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from opsbook.page import words
from opsbook.page.bundles import payload_of
from opsbook.page.sanitize import text_of
from opsbook.page.section import Part, Section
from opsbook.page.shorten import SHORT, shortened
from opsbook.page.unanswered import ANCHOR, with_one_list

SHOWN_CARDS, SHOWN_FINDINGS = 6, 3
SHOWN_TYPES = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "text/latex",
    "text/plain",
)
_NOT_IN_PLACE = {"title", "verdict", "decision", "number", "desk", "results", "data_card", "appendix"}
_FENCE = re.compile(r"^\s*(```|~~~)")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Report:
    """Everything the template lays out; `sections[0]` is what stands before the first heading."""

    language: str
    title: dict[str, Any]
    verdict: dict[str, Any] | None
    cards: list[dict[str, Any]]
    numbers: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    decision: dict[str, Any] | None
    sections: list[Section]
    data_card: Any = None
    appendix: Any = None


def report_of(nb: Any, *, name: str = "") -> Report:
    """The report in the notebook; a notebook without our bundles becomes a plain page in its own order."""
    ours = [(kind, payload, output) for output in _outputs(nb) for kind, payload in _ours(output)]
    titles = [payload for kind, payload, _ in ours if kind == "title"]
    numbers = [payload for kind, payload, _ in ours if kind == "number"]
    verdicts = [payload for kind, payload, _ in ours if kind == "verdict"]
    language = _language(nb, titles)
    sections = _with_appendix(_sections(nb, language), language)
    findings = _findings(sections, answer=verdicts[-1]["sentence"] if verdicts else "")
    for section in sections:
        section.parts = _passport_last(_said_once(section.parts))
    kept = with_one_list(sections, heading=words.entry("page.not_answered", language).fill({}, language))
    return Report(
        language=language,
        title=titles[-1] if titles else _plain_title(nb, name),
        verdict=verdicts[-1] if verdicts else None,
        cards=[payload for payload in numbers if payload["card"]][:SHOWN_CARDS],
        numbers=numbers,
        findings=_led_to(findings, kept),
        decision=next((payload for kind, payload, _ in reversed(ours) if kind == "decision"), None),
        sections=kept,
        data_card=next((output for kind, _, output in ours if kind == "data_card"), None),
        appendix=next((output for kind, _, output in ours if kind == "appendix"), None),
    )


def _outputs(nb: Any) -> Iterator[Any]:
    for cell in nb.cells:
        yield from cell.get("outputs", [])


def _ours(output: Any) -> list[tuple[str, dict[str, Any]]]:
    found = payload_of(output.get("data", {}))
    return [] if found is None else [found]


def _language(nb: Any, titles: list[dict[str, Any]]) -> str:
    told = [title.get("language") for title in titles] + [nb.metadata.get("opsbook", {}).get("language")]
    return next((str(name) for name in told if name in words.LANGUAGES), "en")


def _plain_title(nb: Any, name: str) -> dict[str, Any]:
    headings = (re.search(r"^# (.+)$", cell.source, re.MULTILINE) for cell in nb.cells if cell.cell_type == "markdown")
    first = next((found[1] for found in headings if found), name)
    return {"question": first, "title": "", "company": "", "period_text": "", "through_text": "", "brand_color": ""}


def _sections(nb: Any, language: str) -> list[Section]:
    sections = [Section("start")]
    for cell in nb.cells:
        if cell.cell_type == "markdown" and _spoken(cell, language):
            _add_markdown(sections, cell.source)
        elif cell.cell_type == "code":
            _add_code(sections[-1], cell)
    return sections


def _with_appendix(sections: list[Section], language: str) -> list[Section]:
    """The sections, with one for data, numbers and code at the end where the notebook has none."""
    if any(section.has_appendix for section in sections):
        return sections
    heading = words.entry("page.appendix", language).fill({}, language)
    return [*sections, Section("appendix", heading, has_appendix=True)]


def _spoken(cell: Any, language: str) -> bool:
    tags = set(cell.metadata.get("tags", [])) & set(words.LANGUAGES)
    return not tags or language in tags


def _add_markdown(sections: list[Section], source: str) -> None:
    for heading, text in split_at_headings(source):
        if heading:
            sections.append(Section(f"s{len(sections)}", heading))
        if text.strip():
            sections[-1].parts.append(Part("markdown", text))


def split_at_headings(source: str) -> list[tuple[str, str]]:
    """(heading, text below) pairs of a Markdown text, cut at `## ` outside fences; first-level headings are dropped."""
    found: list[tuple[str, list[str]]] = [("", [])]
    fenced = False
    for line in source.splitlines():
        fenced ^= bool(_FENCE.match(line))
        if not fenced and line.startswith("## "):
            found.append((line[3:].strip(), []))
        elif fenced or not line.startswith("# "):
            found[-1][1].append(line)
    return [(heading, "\n".join(lines)) for heading, lines in found]


def _add_code(section: Section, cell: Any) -> None:
    if not {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])) and cell.source.strip():
        section.code.append(cell.source)
    for output in cell.get("outputs", []):
        section.has_appendix |= any(kind == "appendix" for kind, _ in _ours(output))
        section.parts.extend(_parts(output))


def _parts(output: Any) -> list[Part]:
    """What of an output is shown where it stands; warnings and other notes for the desk (stderr) are not."""
    if output.output_type == "stream":
        return [Part("stream", output.text)] if output.name == "stdout" and output.text.strip() else []
    if output.output_type == "error":
        return [Part("error", _ANSI.sub("", "\n".join(output.traceback)) or f"{output.ename}: {output.evalue}")]
    ours = _ours(output)
    if ours:
        kind, payload = ours[0]
        return [] if kind in _NOT_IN_PLACE else [Part(kind, payload=payload, output=output)]
    return [Part("output", output=output)] if set(SHOWN_TYPES) & set(output.data) else []


def _said_once(parts: list[Part]) -> list[Part]:
    """The parts without what the section already says: a finding, a table without rows, which table is lacking."""
    headlines = {part.payload["sentence"] for part in parts if part.kind in ("figure", "table")}
    told = [part.payload["sentence"] for part in parts if part.kind == "figure"]
    lacking = [part.payload["text"] if part.kind == "absent" else None for part in parts]
    return [
        part
        for place, part in enumerate(parts)
        if not (part.kind == "absent" and part.payload["text"] in lacking[:place])
        and not (part.kind == "finding" and (part.payload["text"] in headlines or not part.payload.get("here", True)))
        and not (part.kind == "table" and not part.payload["rows"] and part.payload["sentence"] in told)
    ]


def _passport_last(parts: list[Part]) -> list[Part]:
    """How a section counts stands under all of it, wherever its cell was."""
    return sorted(parts, key=lambda part: part.kind == "passport")


def _findings(sections: list[Section], *, answer: str) -> list[dict[str, Any]]:
    """The first findings, as long as the first screen allows, each with the anchor of the section it stands in.

    answer: what the verdict says already, and no finding says again
    """
    told = [(section, part) for section in sections for part in section.parts if part.kind == "finding"]
    found = [(section, part) for section, part in told if part.payload["text"] != answer]
    found.sort(key=lambda one: not one[1].payload.get("first"))
    return [
        dict(part.payload) | {"anchor": section.anchor, "short": shortened(part.payload["text"], SHORT)}
        for section, part in found[:SHOWN_FINDINGS]
    ]


def _led_to(findings: list[dict[str, Any]], kept: list[Section]) -> list[dict[str, Any]]:
    """The findings, those of a section that is not on the page leading to the list that names it."""
    anchors = {section.anchor for section in kept}
    return [found if found["anchor"] in anchors else found | {"anchor": ANCHOR} for found in findings]


def heading_text(section: Section, render: Any) -> str:
    """The section's heading as plain words, for the list of contents."""
    return text_of(render(section.heading))
