"""A text cut where a reader with thirty seconds may stop: after a sentence."""

from __future__ import annotations

import re
from itertools import accumulate
from unicodedata import east_asian_width

SHORT = 220  # characters of a finding on the first screen; chat windows fold longer lines
SENTENCE_END = re.compile(r"[.。](?=\s|$)|。")


def shortened(text: str, most: int) -> str:
    """Whole sentences as far as they fit into so many characters; the first one alone is cut at a word.

    A Chinese character says as much as two Latin letters and counts for two.
    """
    fits = _fitting(text, most)
    if fits == len(text):
        return text
    ends = [found.end() for found in SENTENCE_END.finditer(text) if found.end() <= fits]
    return text[: ends[-1]] if ends else text[: fits - 1].rsplit(" ", 1)[0].rstrip("，,;；") + "…"


def width(text: str) -> int:
    """How many Latin letters have the room of this text."""
    return sum(_widths(text))


def _widths(text: str) -> list[int]:
    return [2 if east_asian_width(sign) in "WF" else 1 for sign in text]


def _fitting(text: str, most: int) -> int:
    """How many of the text's characters have room."""
    widths = accumulate(_widths(text))
    return sum(width <= most for width in widths)
