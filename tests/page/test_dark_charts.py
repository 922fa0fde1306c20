"""At night the page turns its charts by two filters of CSS: every colour stays at least as readable as by day."""

import re
from importlib import resources

import numpy as np
import pytest
from matplotlib.colors import to_hex

from opsbook.page import colors, theme
from opsbook.page.colors import at_night, contrast

STYLE = (resources.files("opsbook.page") / "template/opsbook/style.css").read_text(encoding="utf-8")
NIGHT = STYLE.partition("prefers-color-scheme:dark")[2]
INVERT = float(re.search(r"\.plot img\{filter:invert\(([.\d]+)\) hue-rotate\(180deg\)", NIGHT)[1])
PANEL = re.search(r"--card:(#\w{6})", NIGHT)[1]
COLORS = sorted({*theme.COLORS.values(), *theme.SERIES})


def test_the_page_s_filter_is_the_one_that_texts_are_chosen_for():
    """The style sheet and the choice of text colours agree on the filter and on the panel."""
    assert (INVERT, PANEL) == (colors.INVERT, colors.PANEL)


@pytest.mark.parametrize("level", np.linspace(0, 1, 41))
@pytest.mark.parametrize("shades", [theme.SEQUENTIAL, theme.DIVERGING], ids=["sequential", "diverging"])
def test_every_level_of_a_heat_map_can_be_read_by_day_and_at_night(shades, level):
    """The number in a cell has four and a half to one in both."""
    cell = to_hex(shades(level))
    text = theme.text_on(cell)
    assert contrast(cell, text) >= 4.5
    assert contrast(at_night(cell), at_night(text)) >= 4.5


@pytest.mark.parametrize("color", COLORS)
def test_a_colour_is_as_readable_at_night_as_by_day(color):
    """Its contrast with the dark panel is no lower than with white, up to the three to one that marks need."""
    assert contrast(at_night(color), PANEL) >= min(3, contrast(color, theme.PAPER)) - 0.05


@pytest.mark.parametrize("color", [theme.INK, theme.SOFT_INK])
def test_words_in_charts_can_be_read_at_night(color):
    """Text needs four and a half to one."""
    assert contrast(at_night(color), PANEL) >= 4.5


def test_the_paper_becomes_the_panel():
    """A chart does not stand out as a box of its own."""
    assert at_night(theme.PAPER) == PANEL


@pytest.mark.parametrize("color", COLORS)
def test_a_line_s_name_can_be_read_by_day(color):
    """Names at the ends of lines keep the hue of the line, dark enough for text on white."""
    _fig, ax = theme.axes()
    theme.label_line(ax, 0, 0, "mature", color)
    assert contrast(ax.texts[0].get_color(), theme.PAPER) >= 4.5
