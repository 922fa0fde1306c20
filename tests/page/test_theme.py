from itertools import pairwise

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from opsbook.page import colors, fonts, theme, words
from opsbook.page.figures import picture
from page.demo_report import line_chart


@pytest.mark.parametrize("language", ["en", "zh"])
def test_chinese_glyphs_are_drawn_on_a_machine_without_fonts(language):
    """A chart with Chinese labels, a minus sign and × gives no glyph warning (warnings are errors)."""
    theme.use(language, "#2f5d8a")
    fig, ax = theme.axes()
    ax.plot([-1, 1], [-1, 1])
    ax.set_xlabel("留存率 × 粘性 − 环比 “增量”（%）")
    assert picture(fig).mime == "image/svg+xml"


def test_the_chinese_font_comes_by_file(monkeypatch):
    """The wheel that carries the font is found without being imported."""
    import sys

    fonts.families.cache_clear()
    assert fonts.families() == ("DejaVu Sans", "Noto Sans SC")
    assert "zhplot" not in sys.modules


def test_a_machine_without_the_wheel_uses_a_system_font(monkeypatch):
    """Without the carried font the first known system family is taken, else Latin alone."""
    monkeypatch.setattr(fonts, "carried_font", lambda: None)
    monkeypatch.setattr(fonts.font_manager.fontManager, "get_font_names", lambda: ["PingFang SC", "Arial"])
    fonts.families.cache_clear()
    assert fonts.families() == ("DejaVu Sans", "PingFang SC")
    fonts.families.cache_clear()


def test_seaborn_keeps_the_chinese_family():
    """The theme's family list survives seaborn's reset."""
    theme.use("zh", None)
    assert mpl.rcParams["font.family"] == ["DejaVu Sans", "Noto Sans SC"]


def test_a_pale_brand_colour_is_not_drawn_on_white():
    """The brand colour draws the main series only where it can be seen."""
    theme.use("en", "#fff3b0")
    assert theme.COLORS["main"] == theme.DEFAULT_MAIN
    theme.use("en", "#2f5d8a")
    assert theme.COLORS["main"] == "#2f5d8a"


@pytest.mark.parametrize("paper", [colors.LIGHT, colors.DARK])
@pytest.mark.parametrize("given", ["#2f5d8a", "#fff3b0", "#000000", "#ffffff", "#e60012"])
def test_the_brand_colour_is_made_readable(given, paper):
    """On light and dark paper the page's version of any brand colour has a contrast of at least 4.5."""
    assert colors.contrast(colors.readable(given, paper), paper) >= 4.5


def test_a_brand_colour_that_is_none_is_the_default():
    """Only a hexadecimal colour gets into the style sheet."""
    assert colors.brand("red;}</style><script>")["given"] == colors.DEFAULT


def test_neighbouring_series_differ_in_grey():
    """Adjacent colours of a series chart stay apart when printed in grey."""
    greys = [colors.luminance(color) for color in theme.SERIES[:6]]
    assert min(abs(a - b) for a, b in pairwise(greys)) > 0.03


def test_no_chart_leaves_pyplot_state():
    """Charts are figures of their own."""
    theme.use("en")
    picture(line_chart())
    assert plt.get_fignums() == []


@pytest.mark.parametrize(("language", "ticks"), [("en", ["0", "20,000", "40,000"]), ("zh", ["0", "2 万", "4 万"])])
def test_counts_on_an_axis_are_short(language, ticks):
    """Round counts carry no decimals."""
    words.use(language)
    fig, ax = theme.axes()
    ax.set_ylim(0, 41000)
    theme.count_axis(ax)
    fig.draw_without_rendering()
    shown = [tick.get_text() for tick in ax.get_yticklabels()]
    assert set(ticks) <= set(shown)


@pytest.mark.parametrize(("language", "first"), [("en", "1 Oct\n2026"), ("zh", "10月1日\n2026年")])
def test_dates_on_an_axis_are_in_the_language(language, first):
    """The first tick names the year."""
    words.use(language)
    fig = line_chart()
    fig.draw_without_rendering()
    assert first in [tick.get_text() for tick in fig.axes[0].get_xticklabels()]


def test_percent_axes_show_the_decimals_they_need():
    """A narrow axis has decimals, a wide one none."""
    fig, ax = theme.axes()
    theme.percent_axis(ax)
    ax.set_ylim(0, 1)
    fig.draw_without_rendering()
    assert "20%" in [tick.get_text() for tick in ax.get_yticklabels()]
    ax.set_ylim(0.10, 0.12)
    fig.draw_without_rendering()
    assert "11.0%" in [tick.get_text() for tick in ax.get_yticklabels()]


@pytest.mark.parametrize("brand", ["#1f6f54", "#c8442b", "#2f5d8a", "#0072b2", "#009e73", "#d55e00", "#555555"])
def test_a_second_colour_is_never_the_company_s_own(brand):
    """Whatever the brand, the line beside it has another hue and can be seen on paper."""
    theme.use("en", brand)
    other = theme.partner()
    assert colors.hues_apart(colors.hue(other), colors.hue(theme.COLORS["main"])) > 0.2
    assert colors.contrast(other, theme.PAPER) >= 3
    theme.use("en")
