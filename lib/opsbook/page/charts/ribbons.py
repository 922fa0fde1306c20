"""A flow chart of two columns: blocks left and right, joined by ribbons as wide as the number that flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

BLOCK = 0.035


class Flow(NamedTuple):
    """So many users from one block of the left column to one of the right."""

    start: str
    end: str
    users: float


def draw(
    ax: Axes, flows: Sequence[Flow], *, left: Sequence[str], right: Sequence[str], colors: Mapping[str, str], gap: float
) -> tuple[dict[str, float], dict[str, float]]:
    """Draw the ribbons on axes from 0 to 1, first blocks on top; returns the middle of each block, left and right.

    left, right: names in order; gap: blank space between blocks, as a share of all users; a ribbon has the colour of
    its left block, so that the eye can follow where the users of one block went.
    """
    tops = [_tops(names, flows, side, gap) for side, names in enumerate((left, right))]
    total = sum(flow.users for flow in flows)
    for x, places in zip((0.0, 1.0 - BLOCK), tops, strict=True):
        for name, (top, height) in places.items():
            ax.add_patch(Rectangle((x, top - height), BLOCK, height, color=colors[name], linewidth=0))
    used = [dict.fromkeys(names, 0.0) for names in (left, right)]
    for start in left:
        for end in right:
            for flow in [one for one in flows if (one.start, one.end) == (start, end)]:
                _ribbon(ax, flow, tops, used, colors[start])
    ax.set(xlim=(0, 1), ylim=(-total * (1 + gap * max(len(left), len(right))), 0))
    ax.axis("off")
    middles = [{name: top - height / 2 for name, (top, height) in places.items()} for places in tops]
    return middles[0], middles[1]


def _tops(names: Sequence[str], flows: Sequence[Flow], side: int, gap: float) -> dict[str, tuple[float, float]]:
    """Name -> (top, height), from 0 downwards; the spare space of the shorter column is shared out."""
    heights = {name: sum(flow.users for flow in flows if flow[side] == name) for name in names}
    total, placed, top = sum(heights.values()), {}, 0.0
    for name, height in heights.items():
        placed[name] = (top, height)
        top -= height + gap * total
    return placed


def _ribbon(
    ax: Axes, flow: Flow, tops: list[dict[str, tuple[float, float]]], used: list[dict[str, float]], color: str
) -> None:
    left = tops[0][flow.start][0] - used[0][flow.start]
    right = tops[1][flow.end][0] - used[1][flow.end]
    used[0][flow.start] += flow.users
    used[1][flow.end] += flow.users
    near, far, half = BLOCK, 1 - BLOCK, 0.5
    points = [(near, left), (half, left), (half, right), (far, right), (far, right - flow.users)]
    points += [(half, right - flow.users), (half, left - flow.users), (near, left - flow.users), (near, left)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    ax.add_patch(PathPatch(Path(points, codes), facecolor=color, alpha=0.42, linewidth=0))
