"""Names at the ends of curves can be read, however close together the curves end."""

import numpy as np

from opsbook.page.charts.retention import apart


def test_labels_of_curves_that_end_together_stand_apart_above_the_axis():
    """Four curves that end at or near zero get four places, none below 0 and none closer than the gap."""
    places = apart([0.6, 0.02, 0.01, 0.0], 0.055)
    assert places[0] == 0.6
    assert places[-1] == 0.0
    assert np.diff(places).max() <= -0.055 + 1e-12
