"""Labels of axes on as many lines as they need, so that none runs over the edge of its chart."""

from __future__ import annotations

import re

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from opsbook.page.shorten import width

SURELY_SHORT = 24  # so many Latin letters have room along any axis, so that most charts need not be measured
_PIECE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+|\s+")


def wrapped(fig: Figure) -> None:
    """Break every axis label that is longer than its axis; a label that fits stays as it is."""
    long = [ax for ax in fig.axes if any(width(label.get_text()) > SURELY_SHORT for label in _labels(ax))]
    if not long:
        return
    fig.draw_without_rendering()  # the axes have their final size, by which labels are measured
    for ax in long:
        _wrap(ax.xaxis.label, ax.bbox.width, ax.xaxis.label.get_window_extent().width)
        _wrap(ax.yaxis.label, ax.bbox.height, ax.yaxis.label.get_window_extent().height)


def broken(text: str, most: int) -> str:
    """The text in lines of at most so many Latin letters, broken at spaces or between Chinese characters."""
    lines = [""]
    for piece in _PIECE.findall(text):
        if lines[-1] and width(lines[-1] + piece.rstrip()) > most and not re.match(r"[，。、：；）”,.;:)]", piece):
            lines.append("")
        lines[-1] += piece if lines[-1] or piece.strip() else ""
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _labels(ax: Axes) -> tuple[Text, Text]:
    return ax.xaxis.label, ax.yaxis.label


def _wrap(label: Text, room: float, long: float) -> None:
    text = label.get_text()
    if long > room and "\n" not in text:
        label.set_text(broken(text, max(8, int(width(text) * room / long))))
