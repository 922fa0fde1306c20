"""Several comparisons: which claims survive."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from opsbook.analysis.multiplicity import benjamini_hochberg, compared, holm

PUBLISHED = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1,
]
LAWS = settings(max_examples=30, deadline=None)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_benjamini_hochberg_rejects_four_of_the_published_fifteen():
    """The example of Benjamini & Hochberg 1995 rejects exactly 4 hypotheses at .05."""
    assert (benjamini_hochberg(PUBLISHED) <= 0.05).sum() == 4


def test_holm_rejects_three_of_the_published_fifteen():
    """On the same example Holm, like Bonferroni, rejects exactly 3."""
    assert (holm(PUBLISHED) <= 0.05).sum() == 3
    assert (np.array(PUBLISHED) * 15 <= 0.05).sum() == 3


@LAWS
@given(P_VALUES)
def test_both_adjustments_equal_statsmodels(p_values):
    """Adjusted p-values are those of statsmodels, an independent implementation."""
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p_values), multipletests(p_values, method="fdr_bh")[1], atol=1e-12)


@LAWS
@given(P_VALUES, st.randoms())
def test_adjustment_does_not_depend_on_the_order(p_values, random):
    """Shuffling the comparisons shuffles the adjusted p-values and changes none of them."""
    order = list(range(len(p_values)))
    random.shuffle(order)
    for adjust in (holm, benjamini_hochberg):
        np.testing.assert_allclose(adjust([p_values[i] for i in order]), adjust(p_values)[order])


def test_a_comparison_that_could_not_be_made_is_not_counted():
    """A missing p-value stays missing and does not make the others stricter."""
    adjusted = holm([0.02, np.nan, 0.03])
    assert adjusted[[0, 2]] == pytest.approx([0.04, 0.04])
    assert np.isnan(adjusted[1])
    assert compared([0.02, np.nan, 0.03]) == 2


def test_no_comparison_gives_no_p_value():
    """An empty family is answered with an empty array."""
    assert len(holm([])) == len(benjamini_hochberg([])) == 0
