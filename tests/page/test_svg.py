"""Smaller SVG, the same drawing: laws of the text here, the same pixels in tests/browser."""

import io
import re

import pytest
from matplotlib import pyplot as plt

from opsbook.page import svg, theme
from page.demo_report import line_chart


@pytest.fixture(scope="module")
def drawn() -> str:
    """A chart as matplotlib writes it, letters as outlines."""
    theme.use("zh")
    text = io.StringIO()
    fig = line_chart()
    fig.savefig(text, format="svg")
    plt.close(fig)
    return text.getvalue()


def test_a_chart_is_less_than_two_thirds_and_stays_so(drawn):
    """The same input gives the same output, well below its size, without dates and comments."""
    assert svg.small(drawn) == svg.small(drawn)
    assert len(svg.small(drawn)) < 0.66 * len(drawn)
    assert "<metadata" not in svg.small(drawn)


def test_every_reference_has_its_target(drawn):
    """Short names point where the long ones did: as many uses, none of a name that is not there."""
    small = svg.small(drawn)
    used = re.findall(r' href="#([^"]+)"|url\(#([^)]+)\)', small)
    assert len(used) == len(re.findall(r'xlink:href="#|url\(#', drawn))
    assert {one or other for one, other in used} <= set(re.findall(r' id="([^"]+)"', small))
    assert len(re.findall("<path", small)) == len(re.findall("<path", drawn))
    assert small.count("<g") == small.count("</g>")


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 0 0 L 10 0 L 10 5.004 z", "m0 0l10 0l0 5z"),
        ("M 1.5 2.25 \nL 0.5 2.25", "m1.5 2.25l-1 0"),
        ("M 0 0 Q 1 1 2 0 L 3 -1", "m0 0q1 1 2 0l1-1"),
    ],
)
def test_paths_go_in_steps_that_do_not_drift(path, short):
    """Points are rounded before steps are taken, so that many steps end where the line ended."""
    assert svg.small(f'<svg><path d="{path}"/></svg>') == f'<svg><path d="{short}"/></svg>'


def test_what_stands_on_several_shapes_is_written_once():
    """A repeated style becomes a class, a single one stays where it is."""
    drawn = '<svg><style>*{}</style><path style="fill: red"/><path style="fill: red"/><path style="fill: blue"/></svg>'
    assert svg.small(drawn) == (
        '<svg><style>*{}.s0{fill:red}</style><path class="s0"/><path class="s0"/><path style="fill:blue"/></svg>'
    )
