import base64
import io
import re

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from opsbook.page import theme
from opsbook.page.figures import picture
from page.demo_report import line_chart


@pytest.fixture(autouse=True)
def _theme():
    theme.use("en")


def crowded():
    fig, ax = theme.axes()
    ax.scatter(*np.random.default_rng(7).random((2, 9000)))
    return fig


def test_a_line_chart_is_an_svg_without_text_or_dates():
    """Text is drawn as paths, so it needs no font; nothing in the file changes from run to run."""
    drawn = picture(line_chart())
    assert drawn.mime == "image/svg+xml"
    assert "<text" not in drawn.data
    assert "<dc:date" not in drawn.data
    assert drawn.data.startswith("<svg")


def test_a_crowded_chart_is_a_png_of_twice_the_resolution():
    """Thousands of points make the SVG the larger one."""
    drawn = picture(crowded())
    pixels = base64.b64decode(drawn.data)
    assert drawn.mime == "image/png"
    assert int.from_bytes(pixels[16:20], "big") == 1440
    assert (drawn.width, drawn.height) == (691, 346)


@pytest.mark.parametrize("make", [line_chart, crowded])
def test_equal_figures_give_equal_bytes(make):
    """Drawing twice gives the same picture."""
    assert picture(make()) == picture(make())


def test_a_pyplot_figure_is_closed():
    """An author's pyplot figure does not show a second time."""
    fig, _ = plt.subplots()
    picture(fig)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("make", [line_chart, crowded])
def test_a_figure_brings_its_own_white_paper(make):
    """Dark ink stays readable where JupyterLab's theme is dark: the picture's ground is opaque and white."""
    drawn = picture(make())
    if drawn.mime == "image/png":
        corner = Image.open(io.BytesIO(base64.b64decode(drawn.data))).convert("RGBA").getpixel((0, 0))
        assert corner == (255, 255, 255, 255)
    else:
        ground = re.search(r'<path d="m0 [^"]*" class="(\w+)"', drawn.data)
        assert f".{ground[1]}{{fill:#ffffff}}" in drawn.data
