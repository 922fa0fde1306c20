"""Differences of means and of ratios with intervals from moments; CUPED takes the pre-period out of the noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from opsbook.analysis.moments import Moments, PairMoments

METHOD_DIFFERENCE = "Welch"
METHOD_RATIO = "delta method"
METHOD_CUPED = "CUPED, Welch"


class Difference(NamedTuple):
    """Treated minus control (or a ratio minus one) with its interval; missing where it cannot be computed."""

    value: float
    low: float
    high: float
    n: int
    p: float


class Ratio(NamedTuple):
    """A ratio of two sums over users, with the standard error by the delta method."""

    value: float
    standard_error: float
    n: int


def welch(treated: Moments, control: Moments, *, level: float = 0.95) -> Difference:
    """Difference of two means that do not share a variance.

    returns: Difference in the unit of the metric; missing when a group has fewer than two users
    source:  Welch 1947, degrees of freedom of Satterthwaite

    >>> found = welch(Moments(n=400, mean=12.0, variance=90.0), Moments(n=400, mean=10.0, variance=80.0))
    >>> print(f"{found.value:+.1f} [{found.low:+.2f}; {found.high:+.2f}], p = {found.p:.4f}, {found.n} users")
    +2.0 [+0.72; +3.28], p = 0.0022, 800 users
    """
    n = int(treated.n + control.n)
    if min(treated.n, control.n) < 2:
        return _nothing(n)
    spread = treated.variance / treated.n, control.variance / control.n
    freedom = _freedom(spread, (treated.n, control.n))
    return _interval(treated.mean - control.mean, np.sqrt(sum(spread)), freedom, n, level)


def relative(treated: Moments, control: Moments, *, level: float = 0.95) -> Difference:
    """Relative difference treated / control - 1 by the delta method; missing when the control's mean is not positive.

    source: Deng, Knoblich, Lu 2018, section 3.1

    >>> found = relative(Moments(n=400, mean=12.0, variance=90.0), Moments(n=400, mean=10.0, variance=80.0))
    >>> print(f"{found.value:+.0%} [{found.low:+.1%}; {found.high:+.1%}]")
    +20% [+5.9%; +34.1%]
    """
    n = int(treated.n + control.n)
    if min(treated.n, control.n) < 2 or control.mean <= 0:
        return _nothing(n)
    ratio = treated.mean / control.mean
    spread = treated.variance / treated.n / control.mean**2, ratio**2 * control.variance / control.n / control.mean**2
    return _interval(ratio - 1, np.sqrt(sum(spread)), _freedom(spread, (treated.n, control.n)), n, level)


def fieller(treated: Moments, control: Moments, *, level: float = 0.95) -> Difference:
    """As `relative`, with the interval that leaves out zero exactly when that of `welch` does.

    At a level far above 95 % the delta method and the difference can contradict each other; this cannot. The interval
    is missing where the control's mean is not clear of zero at the level.
    source: Fieller 1954 for independent means

    >>> arms = Moments(n=400, mean=12.0, variance=90.0), Moments(n=400, mean=10.0, variance=80.0)
    >>> for found in (relative(*arms, level=0.999), fieller(*arms, level=0.999)):
    ...     print(f"{found.value:+.0%} [{found.low:+.1%}; {found.high:+.1%}]")
    +20% [-3.7%; +43.7%]
    +20% [-1.4%; +46.7%]
    """
    plain = relative(treated, control, level=level)
    if np.isnan(plain.value):
        return plain
    first, base = treated.variance / treated.n, control.variance / control.n
    limit = _student_quantile(0.5 + level / 2, _freedom((first, base), (treated.n, control.n))) ** 2
    lead, middle = control.mean**2 - limit * base, treated.mean * control.mean
    inside = middle**2 - lead * (treated.mean**2 - limit * first)
    if lead <= 0 or inside < 0:
        return plain._replace(low=float("nan"), high=float("nan"))
    low, high = ((middle + sign * np.sqrt(inside)) / lead - 1 for sign in (-1, 1))
    return plain._replace(low=float(low), high=float(high))


def cuped(treated: PairMoments, control: PairMoments) -> tuple[Moments, Moments]:
    """Both groups' moments without the part that the pre-period explains; their difference stays unbiased.

    treated, control: moments of the outcome with the pre-period as the other quantity
    source:           Deng, Xu, Kohavi, Walker 2013; theta pooled over the arms

    >>> treated = PairMoments(400, 12.0, 90.0, other_mean=10.0, other_variance=80.0, covariance=60.0)
    >>> control = PairMoments(400, 11.0, 90.0, other_mean=11.0, other_variance=80.0, covariance=60.0)
    >>> for arm in cuped(treated, control):
    ...     print(f"mean {arm.mean:.3f}, variance {arm.variance:.0f}")
    mean 12.375, variance 45
    mean 10.625, variance 45
    """
    theta = cuped_theta(treated, control)
    known = [arm for arm in (treated, control) if arm.n > 0]
    centre = sum(arm.n * arm.other_mean for arm in known) / max(sum(arm.n for arm in known), 1)
    return _without_pre_period(treated, theta, centre), _without_pre_period(control, theta, centre)


def cuped_theta(*arms: PairMoments) -> float:
    """Slope of the outcome on the pre-period within arms; 0 when the pre-period never varies.

    >>> cuped_theta(PairMoments(400, 12.0, 90.0, other_mean=10.0, other_variance=80.0, covariance=60.0))
    0.75
    """
    usable = [arm for arm in arms if arm.n > 1]
    explained = sum((arm.n - 1) * arm.covariance for arm in usable)
    varied = sum((arm.n - 1) * arm.other_variance for arm in usable)
    return explained / varied if varied > 0 else 0.0


def ratio_of_sums(pair: PairMoments) -> Ratio:
    """Ratio metric such as sales per basket when users, not baskets, are the units: sum / sum of the other quantity.

    source: delta method, Deng, Knoblich, Lu 2018; counting baskets as units would understate the error

    >>> from opsbook.analysis.moments import stacked
    >>> sales, baskets = [30.0, 10.0, 20.0, 0.0], [3, 1, 1, 1]
    >>> found = ratio_of_sums(stacked(sales, baskets))
    >>> print(f"{found.value:.2f} per basket, standard error {found.standard_error:.2f}, {found.n} users")
    10.00 per basket, standard error 2.72, 4 users
    """
    if pair.n < 2 or pair.other_mean == 0:
        return Ratio(float("nan"), float("nan"), int(pair.n))
    value = pair.mean / pair.other_mean
    variance = pair.variance - 2 * value * pair.covariance + value**2 * pair.other_variance
    return Ratio(value, float(np.sqrt(max(variance, 0.0) / pair.n)) / abs(pair.other_mean), int(pair.n))


def ratio_difference(treated: PairMoments, control: PairMoments, *, level: float = 0.95) -> Difference:
    """Difference of two independent ratio metrics, normal interval by the delta method.

    >>> from opsbook.analysis.moments import stacked
    >>> treated, control = stacked([30.0, 12.0, 20.0], [3, 1, 2]), stacked([30.0, 8.0, 18.0], [3, 1, 2])
    >>> found = ratio_difference(treated, control)
    >>> print(f"{found.value:+.2f} per basket [{found.low:+.2f}; {found.high:+.2f}], {found.n} users")
    +1.00 per basket [-0.29; +2.29], 6 users
    """
    first, base = ratio_of_sums(treated), ratio_of_sums(control)
    error = float(np.hypot(first.standard_error, base.standard_error))
    return _interval(first.value - base.value, error, np.inf, first.n + base.n, level)


def paired(change: Moments, *, level: float = 0.95) -> Difference:
    """Mean change of the same users between two windows, Student interval.

    >>> found = paired(Moments(n=100, mean=-0.5, variance=4.0))
    >>> print(f"{found.value:+.1f} days [{found.low:+.2f}; {found.high:+.2f}], p = {found.p:.3f}")
    -0.5 days [-0.90; -0.10], p = 0.014
    """
    if change.n < 2:
        return _nothing(int(change.n))
    return _interval(change.mean, np.sqrt(change.variance / change.n), change.n - 1, int(change.n), level)


def _without_pre_period(arm: PairMoments, theta: float, centre: float) -> Moments:
    variance = arm.variance - 2 * theta * arm.covariance + theta**2 * arm.other_variance
    return Moments(int(arm.n), arm.mean - theta * (arm.other_mean - centre), max(variance, 0.0))


def _freedom(spread: tuple[float, float], sizes: tuple[int, int]) -> float:
    bottom = sum(part**2 / (n - 1) for part, n in zip(spread, sizes, strict=True))
    return sum(spread) ** 2 / bottom if bottom > 0 else float("inf")


def _interval(value: float, error: float, freedom: float, n: int, level: float) -> Difference:
    half = _student_quantile(0.5 + level / 2, freedom) * error
    if np.isnan(half):
        return _nothing(n)
    p = 2 * _student_tail(abs(value) / error, freedom) if error > 0 else float(value == 0)
    return Difference(float(value), float(value - half), float(value + half), n, p)


def _student_quantile(level: float, freedom: float) -> float:
    return float(ndtri(level) if np.isinf(freedom) else stdtrit(freedom, level))


def _student_tail(t: float, freedom: float) -> float:
    return float(ndtr(-t) if np.isinf(freedom) else stdtr(freedom, -t))


def _nothing(n: int) -> Difference:
    return Difference(float("nan"), float("nan"), float("nan"), n, float("nan"))
