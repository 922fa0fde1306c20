"""A matplotlib figure as one picture: the smaller of SVG with text as paths and PNG of twice the resolution."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

PNG_DPI = 200
CSS_DPI = 96
SURELY_SMALLER_BYTES = 32_000
_NOISE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """An image as a notebook stores it (SVG text or base64 PNG), with its size on the page in CSS pixels."""

    mime: str
    data: str
    width: int
    height: int


def picture(fig: Figure) -> Picture:
    """The smaller picture of the figure; equal figures give equal bytes. The figure is closed afterwards.

    A PNG of a chart is never below SURELY_SMALLER_BYTES, so below that the SVG is taken without drawing the PNG.
    """
    width, height = (round(inches * CSS_DPI) for inches in fig.get_size_inches())
    svg = _svg(fig)
    png = _png(fig) if len(svg.encode()) > SURELY_SMALLER_BYTES else b""
    plt.close(fig)
    if png and len(png) < len(svg.encode()):
        return Picture("image/png", base64.b64encode(png).decode("ascii"), width, height)
    return Picture("image/svg+xml", svg, width, height)


def _svg(fig: Figure) -> str:
    drawn = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "opsbook"}):
        fig.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return re.sub(r"\n\s*", "\n", _NOISE.sub("", drawn.getvalue())).strip()


def _png(fig: Figure) -> bytes:
    drawn = io.BytesIO()
    fig.savefig(drawn, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return drawn.getvalue()
