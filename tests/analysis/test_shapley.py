"""One split for every change: published games, every order by hand, and the laws that make it fair."""

from itertools import permutations
from math import factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import shapley

NUMBERS = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3))
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=5)
LAWS = settings(max_examples=40, deadline=None)


def product_parts(pairs: list[tuple[float, float]]) -> list[float]:
    return [float(part) for part in shapley.of_product(*(np.array(pair) for pair in pairs))]


def by_enumeration(pairs: list[tuple[float, float]]) -> list[float]:
    """Every factor's mean contribution over all orders in which the factors can move."""
    parts = [0.0] * len(pairs)
    for order in permutations(range(len(pairs))):
        for place, factor in enumerate(order):
            after = prod(pair[number in order[: place + 1]] for number, pair in enumerate(pairs))
            before = prod(pair[number in order[:place]] for number, pair in enumerate(pairs))
            parts[factor] += (after - before) / factorial(len(pairs))
    return parts


def test_two_channels_share_what_they_only_win_together():
    """The toy of the field: A alone wins 10, B alone 20, both 50, so A is worth 20 and B 30, exactly."""
    worth = {frozenset(): 0, frozenset({0}): 10, frozenset({1}): 20, frozenset({0, 1}): 50}
    assert shapley.of_game(worth.__getitem__, players=2) == [20, 30]


def test_the_glove_game_pays_the_scarce_glove():
    """One left glove and two right ones: 2/3 for the left, 1/6 for each right (Shapley 1953)."""
    found = shapley.of_game(lambda some: 0 in some and bool(some & {1, 2}), players=3)
    assert found == pytest.approx([2 / 3, 1 / 6, 1 / 6], abs=1e-15)


def test_two_factors_meet_in_the_middle():
    """10 x 2 becomes 14 x 3: the first factor brings 4 x 2.5, the second 1 x 12."""
    assert product_parts([(10, 14), (2, 3)]) == [10, 12]


@LAWS
@given(PAIRS)
def test_parts_are_the_mean_over_every_order_and_add_up(pairs):
    """The split equals trying every order, and nothing is lost or counted twice."""
    found = product_parts(pairs)
    whole = prod(after for _, after in pairs) - prod(before for before, _ in pairs)
    size = max(1.0, prod(max(map(abs, pair)) for pair in pairs))
    assert sum(found) == pytest.approx(whole, abs=1e-9 * size)
    assert found == pytest.approx(by_enumeration(pairs), abs=1e-9 * size)


@LAWS
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_in_which_factors_are_written_does_not_matter(pairs, random):
    """Shuffled factors have the same parts, two equal factors equal ones, an unmoved factor exactly none."""
    order = list(range(len(pairs)))
    random.shuffle(order)
    size = max(1.0, prod(max(map(abs, pair)) for pair in pairs))
    shuffled = product_parts([pairs[place] for place in order])
    assert shuffled == pytest.approx([product_parts(pairs)[place] for place in order], abs=1e-9 * size)
    twice = product_parts([pairs[0], *pairs])
    assert twice[0] == pytest.approx(twice[1], abs=1e-9 * size * max(1.0, *map(abs, pairs[0])))
    assert product_parts([*pairs, (pairs[0][0], pairs[0][0])])[-1] == 0


@LAWS
@given(PAIRS)
def test_going_back_takes_what_going_there_gave(pairs):
    """The reverse change has the reverse parts."""
    size = max(1.0, prod(max(map(abs, pair)) for pair in pairs))
    back = product_parts([(after, before) for before, after in pairs])
    assert back == pytest.approx([-part for part in product_parts(pairs)], abs=1e-9 * size)


@LAWS
@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), max_size=12))
def test_rounded_parts_still_add_up_to_the_cent(values):
    """Whatever is rounded, the shown parts sum to the shown total in whole cents; none is off by more than half a
    cent but the largest, which takes what is left over.
    """
    total = sum(values)
    cents = np.round(shapley.to_the_cent(np.array(values), total) * 100).astype("int64")
    assert cents.sum() == (round(total * 100) if values else 0)
    off = np.sort(np.abs(cents / 100 - np.array(values)))
    assert (off[:-1] <= 0.005 + 1e-9).all()
    assert (off <= 0.005 * (len(values) + 1)).all()
