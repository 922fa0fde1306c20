"""A number of a Chinese page stays on one line: its sign, its currency, its digits and its 万 or 亿.

Between Han characters a browser may break a line nearly everywhere, even between a minus and the ¥ behind it. Only the
finished page is changed: what is copied from it, the chat message and the workbook hold the same characters as ever.
"""

from __future__ import annotations

import re

# A tag with its attributes, or an element whose text is no prose: neither is touched.
_LEFT_ALONE = re.compile(
    r"<(?:style|title|pre|script)\b.*?</(?:style|title|pre|script)>|<(?:\"[^\"]*\"|'[^']*'|[^'\">])*>", re.DOTALL
)
_CURRENCY = r"[A-Z]{0,3}[¥$€£₩₹]"
_DIGITS = r"\d[\d,]*(?:\.\d+)?"
_ANY = rf"[−+]?(?:{_CURRENCY})?{_DIGITS}[%×]?(?: ?[万亿])?"
# The low end of an interval keeps its ~, which would else stand on a line of its own in a narrow column.
_NUMBER = re.compile(rf"{_ANY} ~|[−+]?(?:{_CURRENCY})?{_DIGITS} ?[万亿]|[−+]{_CURRENCY}{_DIGITS}")


def unbroken(page: str) -> str:
    """The HTML of a page with every such number in a span that does not break."""
    parts, end = [], 0
    for found in _LEFT_ALONE.finditer(page):
        parts += [_held(page[end : found.start()]), found.group()]
        end = found.end()
    return "".join([*parts, _held(page[end:])])


def _held(text: str) -> str:
    return _NUMBER.sub(r'<span class="nowrap">\g<0></span>', text)
