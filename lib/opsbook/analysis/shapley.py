"""A change or a joint result as a sum of parts by Shapley value: exact, the same whatever the order of the players."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import combinations
from math import factorial
from operator import mul
from typing import Any

import numpy as np

Coalition = frozenset[int]


def of_game(worth: Callable[[Coalition], Any], *, players: int) -> list[Any]:
    """Each player's mean contribution over all orders in which the players can join.

    worth:   what a coalition of players 0 .. players-1 is worth: a number, or an array of equal shape for all
    returns: one part per player; they add up to the worth of all less that of nobody, a player who never changes the
             worth gets exactly nothing, and two who change it alike get the same
    source:  Shapley 1953. Every coalition is asked once, 2 ** players in all.

    >>> from opsbook import shapley
    >>> worth = {frozenset(): 0, frozenset({0}): 10, frozenset({1}): 20, frozenset({0, 1}): 50}
    >>> shapley.of_game(worth.get, players=2)
    [20.0, 30.0]
    """
    everybody = range(players)
    worths = {frozenset(some): worth(frozenset(some)) for size in range(players + 1)
              for some in combinations(everybody, size)}  # fmt: skip
    return [_part(worths, player, players) for player in everybody]


def of_product(*factors: np.ndarray) -> list[np.ndarray]:
    """Parts of the change of a product; each factor holds the state before and the state after as its first axis.

    returns: one array per factor, in the shape of the product; they add up to product after - product before

    >>> import numpy as np
    >>> from opsbook import shapley
    >>> users, per_user = np.array([100.0, 120.0]), np.array([5.0, 6.0])
    >>> [float(part) for part in shapley.of_product(users, per_user)]
    [110.0, 110.0]
    """
    return of_game(lambda moved: _product([f[int(place in moved)] for place, f in enumerate(factors)]),
                   players=len(factors))  # fmt: skip


def to_the_cent(parts: np.ndarray, total: float, *, digits: int = 2) -> np.ndarray:
    """The parts rounded to so many digits, with what rounding left over on the largest, so that they add up.

    returns: parts whose sum is the total rounded to so many digits, exactly in units of the last digit

    >>> import numpy as np
    >>> from opsbook import shapley
    >>> shapley.to_the_cent(np.array([10 / 3, 10 / 3, 10 / 3]), 10.0).tolist()
    [3.34, 3.33, 3.33]
    """
    unit = 10**digits
    rounded = np.round(np.asarray(parts, dtype=float) * unit)
    if len(rounded):
        rounded[np.abs(rounded).argmax()] += np.round(total * unit) - rounded.sum()
    return rounded / unit


def _part(worths: dict[Coalition, Any], player: int, players: int) -> Any:
    without = [some for some in worths if player not in some]
    shares = [factorial(len(some)) * factorial(players - 1 - len(some)) for some in without]
    gained = [share * (worths[some | {player}] - worths[some]) for share, some in zip(shares, without, strict=True)]
    return sum(gained[1:], gained[0]) / factorial(players)


def _product(factors: list[np.ndarray]) -> np.ndarray:
    return reduce(mul, factors, np.ones(()))
