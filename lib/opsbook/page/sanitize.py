"""HTML that came from data, made harmless: an allow-list of elements, no script, no style, no address but data images.

The report's content security policy is the second wall; each of the two is enough alone.
"""

from __future__ import annotations

import html
import re

import nh3

from opsbook.errors import OperatorError

_TEXT = "p br hr em strong b i u s small mark sub sup code kbd pre blockquote span div abbr time"
_BLOCKS = "h1 h2 h3 h4 h5 h6 ul ol li dl dt dd details summary figure figcaption img a"
_TABLES = "table caption colgroup col thead tbody tfoot tr th td"
TAGS = set(f"{_TEXT} {_BLOCKS} {_TABLES}".split())
ATTRIBUTES: dict[str, set[str]] = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "div": {"tabindex", "role", "aria-label"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "table": {"role"},
    "tbody": {"role"},
    "td": {"colspan", "rowspan", "role", "data-label"},
    "th": {"colspan", "rowspan", "scope", "role", "data-label"},
    "thead": {"role"},
    "tr": {"role"},
    "time": {"datetime"},
}
CLASSES: dict[str, set[str]] = {
    "div": {"scroll"},
    "table": {"pairs", "stack", "dense", "record"},
    "th": {"num", "day"},
    "td": {"num", "day", "long"},
    "p": {"note", "headline", "how"},
    "span": {"note", "bounds"},
    "details": {"data"},
}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml)[;,]")
_IMG = re.compile(r'<img(?:\s[^\s="<>]+="[^"]*")*>')
_ALT = re.compile(r'\salt="([^"]*)"')


def clean(source: str) -> str:
    """The HTML with only allowed elements and attributes; pictures that are not inside the text are taken out.

    raises: OperatorError when a picture that stays has no alternative text.
    """
    safe = nh3.clean(
        source,
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )
    return _IMG.sub(_described, safe)


def text_of(source: str) -> str:
    """The words of an HTML text without any markup."""
    return html.unescape(nh3.clean(source, tags=set())).strip()


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Drop addresses that would fetch something (img) or run in the page (a)."""
    if attribute == "src":
        return value if _PICTURE.match(value) else None
    if attribute == "href":
        return None if value.lstrip().lower().startswith("data:") else value
    return value


def _described(img: re.Match[str]) -> str:
    if ' src="' not in img[0]:
        return ""
    alt = _ALT.search(img[0])
    if alt is None or not html.unescape(alt[1]).strip():
        raise no_alt()
    return img[0]


def no_alt() -> OperatorError:
    """The error for a picture that a blind reader could not read."""
    return OperatorError("A picture has no alternative text", fix="show it with page.figure(fig, sentence), or add alt")
