"""Chinese glyphs for charts on a machine without fonts: Noto Sans SC (OFL) out of the zhplot wheel, by file.

zhplot is never imported: its import changes matplotlib's settings. Latin letters, digits and the minus sign come from
DejaVu Sans, which matplotlib carries; matplotlib falls back glyph by glyph.
"""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from matplotlib import font_manager

LATIN = "DejaVu Sans"
SYSTEM_FAMILIES = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
)


@cache
def families() -> tuple[str, ...]:
    """Font families for charts, best first; the Chinese one is left out where neither wheel nor system has any."""
    # The Chinese font has one weight on purpose; that bold is drawn with it is no news at the desk.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    carried = _carried_font()
    if carried is not None:
        font_manager.fontManager.addfont(carried)
        return (LATIN, font_manager.FontProperties(fname=carried).get_name())
    present = set(font_manager.fontManager.get_font_names())
    return (LATIN, *[name for name in SYSTEM_FAMILIES if name in present][:1])


def _carried_font() -> Path | None:
    """The regular weight of Noto Sans SC inside the installed zhplot, if it is there."""
    spec = find_spec("zhplot")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "fonts").glob("NotoSansSC-Regular.*"))
    return found[0] if found else None
