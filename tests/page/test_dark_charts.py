"""At night the page turns its charts by two filters of CSS: every colour stays at least as readable as by day."""

import re
from importlib import resources

import numpy as np
import pytest

from opsbook.page import theme
from opsbook.page.colors import contrast

STYLE = (resources.files("opsbook.page") / "template/opsbook/style.css").read_text(encoding="utf-8")
NIGHT = STYLE.partition("prefers-color-scheme:dark")[2]
INVERT = float(re.search(r"\.plot img\{filter:invert\(([.\d]+)\) hue-rotate\(180deg\)", NIGHT)[1])
PANEL = re.search(r"--card:(#\w{6})", NIGHT)[1]
LUMA = np.array([0.213, 0.715, 0.072])
HALF_TURN = 2 * np.array([LUMA] * 3) - np.eye(3)  # hueRotate(180deg) of the Filter Effects specification
COLORS = sorted({*theme.COLORS.values(), *theme.SERIES})


def channels(color: str) -> np.ndarray:
    return np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])


def at_night(color: str) -> str:
    """The colour after `invert` and `hue-rotate`, lightened by the panel behind it."""
    turned = HALF_TURN @ (INVERT * (1 - channels(color)) + (1 - INVERT) * channels(color))
    shown = np.maximum(np.clip(turned, 0, 1), channels(PANEL))
    return "#" + "".join(f"{round(part * 255):02x}" for part in shown)


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
