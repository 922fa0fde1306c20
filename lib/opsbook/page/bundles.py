"""What a cell shows: one display bundle with a private MIME type for the report and HTML and text for the desk."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from typing import Any

from IPython.display import display

Emit = Callable[[dict[str, Any], dict[str, Any]], None]

KINDS = (
    "title",
    "verdict",
    "number",
    "finding",
    "decision",
    "say",
    "figure",
    "table",
    "absent",
    "passport",
    "data_card",
    "cannot_tell",
    "appendix",
    "results",
    "desk",
)


def mime(kind: str) -> str:
    """The MIME type of a kind of bundle; raises KeyError for a kind that does not exist."""
    if kind not in KINDS:
        raise KeyError(kind)
    return f"application/vnd.opsbook.{kind}+json"


def bundle(kind: str, payload: Mapping[str, Any], *, shown: str = "", plain: str) -> dict[str, Any]:
    """The bundle's data: private payload, text/html where `shown` is not empty, text/plain."""
    data: dict[str, Any] = {mime(kind): dict(payload)}
    if shown:
        data["text/html"] = shown
    return data | {"text/plain": plain}


def emit(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Show the bundle as an output of the running cell."""
    display(data, raw=True, metadata=metadata)


def payload_of(data: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The (kind, payload) of an output's data, None for an output that is not ours."""
    found = next((kind for kind in KINDS if mime(kind) in data), None)
    return None if found is None else (found, dict(data[mime(found)]))


def escaped(text: object) -> str:
    """Text made safe for HTML content and for quoted attributes."""
    return html.escape(str(text), quote=True)


def element(tag: str, text: object, css_class: str = "") -> str:
    """One HTML element around escaped text."""
    opening = f'<{tag} class="{css_class}">' if css_class else f"<{tag}>"
    return f"{opening}{escaped(text)}</{tag}>"
