"""A label longer than its axis is broken, so that no chart cuts it at its edge."""

import pytest

from opsbook.page import theme
from opsbook.page.axis_labels import broken, wrapped

LONG = "Shortest threshold with false churn below 5.0%, days of silence since the last day"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("days of silence since the last day", ["days of silence", "since the last", "day"]),
        ("误判流失率低于 5.0% 的最短阈值", ["误判流失率低于", "5.0% 的最短阈值"]),
        ("沉默天数合计为几，", ["沉默天数合计为几，"]),
        ("short", ["short"]),
    ],
)
def test_lines_break_at_spaces_and_between_chinese_characters(text, lines):
    """A line holds sixteen Latin letters, a Chinese character counts for two, and no line begins with a comma."""
    assert broken(text, 16).split("\n") == lines


@pytest.mark.parametrize("side", ["x", "y"])
def test_a_label_is_no_longer_than_its_axis(side):
    """Both the label below a narrow panel and the one beside a low one."""
    theme.use("en")
    fig, ax = theme.axes(width=3.6, height=3.0)
    getattr(ax, f"set_{side}label")(LONG)
    wrapped(fig)
    fig.draw_without_rendering()
    label = getattr(ax, f"{side}axis").label
    room, long = (
        (ax.bbox.width, label.get_window_extent().width)
        if side == "x"
        else (ax.bbox.height, label.get_window_extent().height)
    )
    assert "\n" in label.get_text()
    assert label.get_text().replace("\n", " ") == LONG
    assert long <= room * 1.05


def test_a_label_that_fits_stays_on_one_line():
    """Most charts are not even measured."""
    theme.use("en")
    fig, ax = theme.axes()
    ax.set_xlabel("Days since the last activity (n = 1,234)")
    wrapped(fig)
    assert "\n" not in ax.get_xlabel()
