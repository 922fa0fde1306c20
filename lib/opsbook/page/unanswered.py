"""Questions without an answer stand in one list near the end, each with its reason, not in sections of their own.

Such a section shows no picture and no row: all its figures and tables are empty, or the company lacks their data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsbook.page.section import Part, Section

ANCHOR = "not-answered"


def with_one_list(sections: Sequence[Section], *, heading: str) -> list[Section]:
    """The sections that answer something, and before what the report cannot tell the list of those that do not."""
    empty = [section for section in sections if is_unanswered(section)]
    kept = [section for section in sections if not is_unanswered(section)]
    if not empty:
        return kept
    items = [{"question": section.heading, "reasons": _reasons(section)} for section in empty]
    code = [source for section in empty for source in section.code]
    listed = Section(ANCHOR, heading, [Part("unanswered", payload={"items": items})], code)
    place = next((at for at, section in enumerate(kept) if _closes(section)), len(kept))
    return [*kept[:place], listed, *kept[place:]]


def is_unanswered(section: Section) -> bool:
    """Whether nothing stands in a section but figures and tables that are empty or lack what they need."""
    asked = [part for part in section.parts if part.kind != "passport"]
    return bool(section.heading and asked) and all(map(_is_empty, asked))


def _is_empty(part: Part) -> bool:
    if part.kind == "figure":
        return not any(mime.startswith("image/") for mime in part.output["data"])
    return part.kind == "absent" or (part.kind == "table" and not part.payload["rows"])


def _reasons(section: Section) -> list[str]:
    """The first sentence under the heading says what is not there, the last may add to it."""
    said = [text for text in map(_said, (part.payload for part in section.parts)) if text]
    return list(dict.fromkeys([said[0], said[-1]]))


def _said(payload: Mapping[str, Any]) -> str:
    return str(payload.get("sentence") or payload.get("text") or "")


def _closes(section: Section) -> bool:
    return section.has_appendix or any(part.kind == "cannot_tell" for part in section.parts)
