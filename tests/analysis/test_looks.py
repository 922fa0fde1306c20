"""Looks before the end: what is planned, what each must cross, and how wide the intervals of this one are."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import incrementality, looks, sequential
from opsbook.analysis.moments import stacked

SPAN = {"start": date(2026, 3, 2), "end": date(2026, 3, 15), "after_days": 14}
ASKED = {"metric": "orders", "worthwhile_lift": 0.2}


def moments(random, users=2000):
    """Arm moments of one metric."""
    rows = []
    for arm in ("control", "treated"):
        before = random.poisson(1.0, users)
        pair = stacked(before + random.poisson(1.0, users), before)
        rows.append({"arm": arm, "metric": "orders", "window": "net", "capped": False, "total": 0.0} | moment_row(pair))
    return pd.DataFrame(rows)


def moment_row(pair):
    names = ["users", "mean", "variance", "other_mean", "other_variance", "covariance"]
    return dict(zip(names, pair, strict=True))


def judged(earlier, through, monitoring="obrien_fleming"):
    plan = looks.plan(earlier, **SPAN, through=through)
    return looks.judged(plan, moments(np.random.default_rng(1)), monitoring=monitoring, **ASKED)


def test_information_is_the_share_of_the_watched_days(table, same):
    """Two earlier looks and this one of 28 watched days; one of the future and one of the same day count no more."""
    earlier = [date(2026, 3, 8), date(2026, 3, 15), date(2026, 3, 22), date(2026, 3, 29)]
    same(
        looks.plan(earlier, **SPAN, through=date(2026, 3, 22)),
        """
        look | day        | share_information
        1    | 2026-03-08 | 0.25
        2    | 2026-03-15 | 0.5
        3    | 2026-03-22 | 0.75
    """,
    )


def test_after_the_end_there_is_one_last_look():
    """However late the report is made, the information is whole on the last watched day."""
    plan = looks.plan([], **SPAN, through=date(2026, 9, 1))
    assert plan["share_information"].tolist() == [1.0]
    assert looks.once(plan)
    assert looks.plan([], **SPAN, through=date(2026, 3, 1)).empty


def test_a_single_look_at_the_end_is_the_usual_interval():
    """Who looked once, when all was over, reads 95 %."""
    assert looks.level(judged([], date(2026, 9, 1))) == 0.95
    assert looks.level(judged([], date(2026, 9, 1), "always_valid")) == 0.95


def test_four_equal_looks_cross_what_spending_says():
    """Boundaries are those of Lan and DeMets for O'Brien-Fleming spending; levels fall towards 95 %."""
    earlier = [date(2026, 3, 8), date(2026, 3, 15), date(2026, 3, 22)]
    found = judged(earlier, date(2026, 3, 29))
    expected = sequential.spent_boundaries([0.25, 0.5, 0.75, 1.0], kind="obrien_fleming")
    assert found["boundary"].tolist() == pytest.approx(expected["z"].tolist())
    assert found["share_spent"].iloc[-1] == pytest.approx(0.05)
    assert looks.level(found) > 0.95
    assert looks.level(found) < looks.level(found.iloc[:1])


def test_peeking_error_is_that_of_196_at_each_look():
    """Five equal looks at 1.96 find something in 14.17 % of campaigns without effect."""
    span = {"start": date(2026, 3, 1), "end": date(2026, 3, 10), "after_days": 0}
    plan = looks.plan([date(2026, 3, day) for day in (2, 4, 6, 8)], **span, through=date(2026, 3, 10))
    found = looks.judged(plan, moments(np.random.default_rng(1)), monitoring="pocock", **ASKED)
    assert found["share_peeking"].iloc[-1] == pytest.approx(0.1417, abs=1e-3)


def test_unplanned_looks_are_judged_by_an_always_valid_interval():
    """The level is that of the mixture interval of the same error, known for this look alone."""
    found = judged([date(2026, 3, 8)], date(2026, 3, 15), "always_valid")
    assert found["boundary"].isna().tolist() == [True, False]
    counted = moments(np.random.default_rng(1))
    wide = incrementality.increments(counted, level=looks.level(found))
    wide = wide[wide["method"] == "cuped"].iloc[0]
    error = (wide["high"] - wide["low"]) / 2 / found["boundary"].iloc[-1]
    tau2 = (0.2 * wide["control"]) ** 2
    whole = sequential.always_valid(wide["difference"], variance=error**2, n=1, tau2=tau2)
    assert (wide["low"], wide["high"]) == pytest.approx((whole.low, whole.high), rel=1e-3)


def test_without_arms_there_is_no_look():
    """A campaign without a lot has no boundary and the usual level."""
    plan = looks.plan([], **SPAN, through=date(2026, 3, 10))
    found = looks.judged(plan, pd.DataFrame(), monitoring="obrien_fleming", **ASKED)
    assert found.empty
    assert list(found) == looks.COLUMNS
    assert looks.level(found) == 0.95
