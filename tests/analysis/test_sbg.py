"""sBG: the published projections, counted renewals, and truths recovered."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import sbg

HIGH_END = [869, 743, 653, 593, 551, 517, 491]
REGULAR = [631, 468, 382, 326, 289, 262, 241]
TRUTH = (0.7, 2.0)


@pytest.mark.parametrize(
    ("survivors", "parameters", "later"),
    [
        (HIGH_END, [0.668088, 3.806105], [0.4604, 0.4358, 0.4142, 0.3951, 0.3780]),
        (REGULAR, [0.704077, 1.182042], [0.2201, 0.2044, 0.1912, 0.1799, 0.1700]),
    ],
    ids=["high end", "regular"],
)
def test_published_parameters_and_years_eight_to_twelve(survivors, parameters, later):
    """Fader and Hardie 2007: both segments' alpha and beta to 1e-5 and the projection of years 8 to 12."""
    fit = sbg.fit(sbg.from_survivors(survivors, started=1000))
    np.testing.assert_allclose(fit.values, parameters, rtol=1e-5)
    projected = sbg.projection(fit, cycles=range(8, 13))
    np.testing.assert_allclose(projected["share_subscribed"], later, atol=6e-5)
    assert (projected["share_low"] < projected["share_subscribed"]).all()
    assert projected["renewal_rate"].is_monotonic_increasing
    assert all(name in sbg.projection.__doc__ for name in projected)


def test_renewals_are_counted_until_the_first_one_missed(table, same):
    """Early and late payments within grace renew; a gap ends the subscription; an open renewal decides nothing."""
    steps = table("""
        user | day        | event
        1    | 2026-01-01 | paid
        1    | 2026-01-29 | paid
        1    | 2026-03-05 | paid
        2    | 2026-01-01 | paid
        2    | 2026-03-02 | paid
        3    | 2026-03-01 | paid
        4    | 2026-01-31 | paid
        4    | 2026-01-31 | open
    """)
    told = {"events": ["paid"], "cycle_days": 30, "grace_days": 7, "settled_through": date(2026, 3, 31)}
    same(
        sbg.renewals(steps, **told),
        """
        cycles | lost | censored
        1      | 2    | 0
        2      | 0    | 1
    """,
    )
    assert sbg.renewals(steps, **(told | {"events": []})).empty


def test_days_after_the_settled_end_are_not_read(table):
    """Rows after settled_through change nothing."""
    rows = pd.DataFrame({"user": 1, "day": pd.to_datetime(["2026-01-01", "2026-01-31", "2026-06-01"]), "event": "paid"})
    told = {"events": ["paid"], "cycle_days": 30, "grace_days": 5, "settled_through": date(2026, 2, 10)}
    pd.testing.assert_frame_equal(sbg.renewals(rows, **told), sbg.renewals(rows.head(2), **told))


def test_intervals_cover_the_truth_with_subscribers_still_open():
    """Over 200 simulated companies with open subscriptions, parameters and year 6 lie inside their intervals."""
    rng, hits = np.random.default_rng(8), np.zeros(3)
    truth = sbg.share_subscribed(TRUTH, [6])[0]
    for _trial in range(200):
        seen = rng.integers(1, 6, 2000)
        left = rng.geometric(rng.beta(*TRUTH, 2000).clip(1e-12))
        gone = left <= seen
        cycles = np.arange(1, 6)
        counts = {"lost": [(gone & (left == k)).sum() for k in cycles]}
        counts["censored"] = [(~gone & (seen == k)).sum() for k in cycles]
        fit = sbg.fit(pd.DataFrame({"cycles": cycles} | counts))
        low, high = fit.bounds()
        row = sbg.projection(fit, cycles=[6]).iloc[0]
        hits += [*((low <= TRUTH) & (high >= TRUTH)), row["share_low"] <= truth <= row["share_high"]]
    assert ((hits / 200 >= 0.90) & (hits / 200 <= 0.99)).all(), hits / 200
