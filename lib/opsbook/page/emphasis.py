"""Where the eye rests: of a headline the first sentence is bold, its brackets (intervals, n) are not."""

from __future__ import annotations

import re

from opsbook.page.bundles import escaped

# A full stop inside a number or before a small letter ends no sentence.
_END = re.compile(r"[。！？]|[.!?](?=\s+[A-Z0-9“‘\"−+])")
_BRACKETS = re.compile(r"(\([^()]*\)|（[^（）]*）)")


def claim(text: str) -> str:
    """The text as safe HTML: the first sentence strong, but for what stands in its brackets; the rest is plain."""
    found = _END.search(text)
    end = found.end() if found else len(text)
    parts = (part for part in _BRACKETS.split(text[:end]) if part)
    return "".join(escaped(part) if _BRACKETS.fullmatch(part) else _strong(part) for part in parts) + escaped(
        text[end:]
    )


def _strong(part: str) -> str:
    return f"<strong>{escaped(part)}</strong>" if part.strip() else escaped(part)
