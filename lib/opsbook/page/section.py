"""What a report is made of: sections, each with the parts that stand under its heading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Part:
    """One thing shown in a section: kind `markdown` (source), `stream`/`error` (text), `output`, or one of ours."""

    kind: str
    text: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    output: Any = None


@dataclass
class Section:
    """A heading with what stands under it; `code` holds the sources of its cells."""

    anchor: str
    heading: str = ""
    parts: list[Part] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    has_appendix: bool = False
