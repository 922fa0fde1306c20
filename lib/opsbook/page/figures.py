"""A matplotlib figure as one picture: the smaller of SVG with text as paths and PNG of twice the resolution."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from opsbook.page import axis_labels, svg

PNG_DPI = 200
CSS_DPI = 96
SURELY_SMALLER_BYTES = 24_000


@dataclass(frozen=True)
class Picture:
    """An image as a notebook stores it (SVG text or base64 PNG), with its size on the page in CSS pixels."""

    mime: str
    data: str
    width: int
    height: int


def picture(fig: Figure) -> Picture:
    """The smaller picture of the figure; equal figures give equal bytes. The figure is closed afterwards.

    A PNG of a chart is hardly ever below SURELY_SMALLER_BYTES, so below that the SVG is taken without drawing the PNG.
    """
    axis_labels.wrapped(fig)
    width, height = (round(inches * CSS_DPI) for inches in fig.get_size_inches())
    drawn = _svg(fig)
    png = base64.b64encode(_png(fig)).decode("ascii") if len(drawn.encode()) > SURELY_SMALLER_BYTES else ""
    plt.close(fig)
    if png and len(png) < len(drawn.encode()):
        return Picture("image/png", png, width, height)
    return Picture("image/svg+xml", drawn, width, height)


def _svg(fig: Figure) -> str:
    drawn = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": "opsbook"}):
        fig.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    return svg.small(drawn.getvalue())


def _png(fig: Figure) -> bytes:
    """A chart has few colours: with a palette of 256 it is a third of the size and looks the same."""
    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=PNG_DPI)
    with Image.open(drawn) as full:
        full.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()
