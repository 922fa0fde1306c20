"""A text cut where a reader with thirty seconds may stop: after a sentence."""

from __future__ import annotations

import re

SHORT = 220  # characters of a finding on the first screen; chat windows fold longer lines
SENTENCE_END = re.compile(r"[.。](?=\s|$)|。")


def shortened(text: str, most: int) -> str:
    """Whole sentences as far as they fit into so many characters; the first one alone is cut at a word."""
    ends = [found.end() for found in SENTENCE_END.finditer(text) if found.end() <= most]
    if len(text) <= most or ends:
        return text if len(text) <= most else text[: ends[-1]]
    return text[: most - 1].rsplit(" ", 1)[0].rstrip("，,;；") + "…"
