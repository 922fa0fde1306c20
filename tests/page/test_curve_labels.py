"""Names at the ends of curves can be read, however close together the curves end."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from opsbook.page.charts.end_labels import End, apart, end_labels

HEIGHTS = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_labels_of_curves_that_end_together_stand_apart_above_the_axis():
    """Four curves that end at or near zero get four places, none below 0 and none closer than the gap."""
    places = apart([0.6, 0.02, 0.01, 0.0], 0.055, floor=0.0)
    assert places == pytest.approx([0.6, 0.11, 0.055, 0.0])


def test_two_that_meet_part_to_both_sides():
    """Neither end is told as higher or lower than it is by more than half of what both need."""
    assert apart([0.50, 0.52], 0.1) == pytest.approx([0.46, 0.56])


@given(HEIGHTS)
def test_labels_never_touch_and_keep_their_order(heights):
    """Whatever the ends: a gap between neighbours, the higher end above, inside the limits as long as they fit."""
    places = np.array(apart(heights, 0.05, floor=0.0, ceiling=1.0))
    order = np.argsort(heights, kind="stable")
    assert (np.diff(places[order]) >= 0.05 - 1e-9).all()
    assert places.min() >= -1e-9
    assert places.max() <= 1 + 1e-9


@given(HEIGHTS)
def test_labels_that_do_not_touch_stay_where_they_are(heights):
    """A name stands at its own end unless another needs the room."""
    spread = [place + 2 * number for number, place in enumerate(heights)]
    assert apart(spread, 0.5) == pytest.approx(spread)


def test_names_in_a_figure_do_not_overlap():
    """Measured in the drawn picture: the boxes of four names at one height have no point in common."""
    ax = Figure(figsize=(7, 3.4), layout="constrained").subplots()
    ax.set_ylim(0, 1)
    end_labels(ax, [End(1, 0.02, name, "#333333") for name in ("one", "two", "three", "four")])
    ax.figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(above.y0 >= below.y1 for below, above in pairwise(boxes))
