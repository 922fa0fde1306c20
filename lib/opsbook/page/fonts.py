"""Chinese glyphs for charts on a machine without fonts: Noto Sans SC (OFL) out of the zhplot wheel, by file.

zhplot is never imported: its import changes matplotlib's settings. Latin letters, digits and the minus sign come from
DejaVu Sans, which matplotlib carries; matplotlib falls back glyph by glyph.
"""

from __future__ import annotations

import logging
from functools import cache

from matplotlib import font_manager

from opsbook.page.carried_font import carried_font

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
    carried = carried_font()
    if carried is not None:
        font_manager.fontManager.addfont(carried)
        return (LATIN, font_manager.FontProperties(fname=carried).get_name())
    present = set(font_manager.fontManager.get_font_names())
    return (LATIN, *[name for name in SYSTEM_FAMILIES if name in present][:1])
