"""The one font file that travels with the workbook's packages, for charts and for printing; found, never imported."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def carried_font() -> Path | None:
    """The regular weight of Noto Sans SC inside the installed zhplot, if it is there."""
    spec = find_spec("zhplot")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "fonts").glob("NotoSansSC-Regular.*"))
    return found[0] if found else None
