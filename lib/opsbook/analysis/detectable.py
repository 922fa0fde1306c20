"""The smallest effect a comparison of two shares can find, from exact binomial counts."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from opsbook.analysis.proportion import newcombe

POWER = 0.8
REACH = 7.0  # standard deviations of each count that are summed over
STEPS = 40
SHARES = (0.5, 0.45, 0.4, 0.35)  # of all that may be left alone: at high shares power is best a little below half


def power(base: float, changed: float, *, base_n: int, changed_n: int) -> float:
    """Chance that Newcombe's 95 % interval of the difference of two observed shares leaves 0 out, on the right side.

    source: sum over the binomial counts of both arms, no normal approximation

    >>> from opsbook import detectable
    >>> round(detectable.power(0.40, 0.30, base_n=400, changed_n=100), 2)
    0.46
    >>> round(detectable.power(0.40, 0.30, base_n=400, changed_n=400), 2)
    0.84
    """
    k, m = _likely(base, base_n), _likely(changed, changed_n)
    rows, columns = np.meshgrid(k, m, indexing="ij")
    apart = newcombe(columns.ravel(), changed_n, rows.ravel(), base_n)
    seen = (apart.high < 0 if changed < base else apart.low > 0).reshape(rows.shape)
    return float(binom.pmf(k, base_n, base) @ seen @ binom.pmf(m, changed_n, changed))


def smallest_fall(base: float, *, base_n: int, changed_n: int, wanted: float = POWER) -> float | None:
    """The smallest fall of a share from `base` (as a positive difference) that is seen with the wanted power.

    None where even a fall to 0 would not be seen so often.

    >>> from opsbook import detectable
    >>> round(detectable.smallest_fall(0.40, base_n=400, changed_n=400), 3)
    0.094
    >>> print(detectable.smallest_fall(0.05, base_n=400, changed_n=20))
    None
    """
    if min(base_n, changed_n) < 1 or power(base, 0.0, base_n=base_n, changed_n=changed_n) < wanted:
        return None
    few, many = 0.0, base
    for _step in range(STEPS):
        middle = (few + many) / 2
        enough = power(base, base - middle, base_n=base_n, changed_n=changed_n) >= wanted
        few, many = (few, middle) if enough else (middle, many)
        if many - few < 1e-4:
            break
    return many


def smallest_group(base: float, fall: float, *, total: int, wanted: float = POWER) -> int | None:
    """About the fewest of `total` to leave alone so that a fall of a share from `base` is seen with the wanted power.

    Exact power rises in steps and drops a little between them: the number returned has the wanted power, a slightly
    smaller one may have it too. None where leaving up to half of them alone does not show it.

    >>> from opsbook import detectable
    >>> detectable.smallest_group(0.40, 0.10, total=800)
    263
    >>> print(detectable.smallest_group(0.40, 0.05, total=800))
    None
    """

    def seen(left_alone: int) -> bool:
        return power(base, base - fall, base_n=left_alone, changed_n=total - left_alone) >= wanted

    if fall <= 0 or total < 2:
        return None
    few, many = 0, next((size for share in SHARES if (size := int(total * share)) and seen(size)), 0)
    if not many:
        return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if seen(middle) else (middle, many)
    return many


def _likely(share: float, n: int) -> np.ndarray:
    spread = REACH * np.sqrt(n * share * (1 - share)) + REACH
    low, high = max(int(n * share - spread), 0), min(int(n * share + spread) + 1, n)
    return np.arange(low, high + 1)
