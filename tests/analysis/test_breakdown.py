"""Segments against everyone and everybody else: counts by hand, the comparison fixed before its outcome."""

import ibis
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportions_ztest

from opsbook.analysis import breakdown
from opsbook.inputs.periods import parse_period

OCTOBER = parse_period("2026-10", as_of=pd.Timestamp("2026-11-30").date())
SETTLED = {"settled_through": pd.Timestamp("2026-10-31").date()}
NAMES = ["odd", "low", "nobody"]


def engine(frame):
    return ibis.memtable(frame)


def people(users=40):
    return engine(pd.DataFrame({"user": range(users)}))


def belongs(users=40):
    """odd: every second user; low: the first fifteen; nobody: none."""
    rows = [(user, "odd") for user in range(1, users, 2)] + [(user, "low") for user in range(min(15, users))]
    return engine(pd.DataFrame(rows, columns=["user", "segment"]))


def user_days(rows):
    table = pd.DataFrame(rows, columns=["user", "day", "orders", "revenue"])
    return table.assign(day=pd.to_datetime(table["day"]))


LOG = user_days(
    [(user, f"2026-10-{day:02d}", int(day == 5), 10.0 * user * (day == 5)) for user in range(20) for day in (5, 20)]
    + [(user, "2026-09-20", 1, 99.0) for user in range(40)]
)


def now(**changed):
    asked = {"names": NAMES, "period": OCTOBER, "window_days": 28, "min_cell": 3, **SETTLED} | changed
    return breakdown.now(belongs(), people(), LOG, **asked)


def test_counts_of_overlapping_segments_and_of_everyone(same):
    """Users, actives and buyers of the period; the last row is everyone alive."""
    same(
        now()[["segment", "users", "alive_users", "active_users", "buyers", "suppressed", "complete"]],
        """
        segment  | users | alive_users | active_users | buyers | suppressed | complete
        odd      | 20    | 40        | 10           | 10     | false      | true
        low      | 15    | 40        | 15           | 15     | false      | true
        nobody   |       | 40        |              |        | true       | true
        everyone | 40    | 40        | 20           | 20     | false      | true
        """,
    )


def test_stickiness_and_revenue_per_active_user():
    """Two active days of 28 are a stickiness of 1/14; revenue is of the period only."""
    table = now().set_index("segment")
    assert table.loc["everyone", "stickiness"] == pytest.approx(2 / 28)
    assert table.loc["everyone", "arpu"] == pytest.approx(10 * np.mean(range(20)))
    assert table.loc["odd", "arpu"] == pytest.approx(10 * np.mean(range(1, 20, 2)))
    assert table.loc["everyone", "arpu_low"] < table.loc["everyone", "arpu"] < table.loc["everyone", "arpu_high"]


def test_a_small_group_and_a_small_complement_are_suppressed():
    """Neither a segment of few nor one that leaves few others is shown; everyone is."""
    table = now(min_cell=16).set_index("segment")
    assert table["suppressed"].to_dict() == {"odd": False, "low": True, "nobody": True, "everyone": False}
    assert table.loc["low"].drop(["alive_users", "suppressed", "complete"]).isna().all()


def test_an_unsettled_period_is_not_complete():
    """Late rows may still come, and the sentence must say so."""
    assert not now(settled_through=pd.Timestamp("2026-10-30").date())["complete"].any()


def returning(**changed):
    asked = {"names": NAMES, "period": OCTOBER, "min_cell": 3, **SETTLED} | changed
    return breakdown.returning(belongs(), people(), LOG, **asked)


def test_the_comparison_is_with_everybody_else(same):
    """Of the first fifteen users all came back, of the other twenty-five five."""
    same(
        returning()[["segment", "users", "returned", "rest_users", "rest_returned", "tested"]],
        """
        segment | users | returned | rest_users | rest_returned | tested
        odd     | 20    | 10       | 20         | 10            | 2
        low     | 15    | 15       | 25         | 5             | 2
        nobody  |       |          |            |               | 2
        """,
    )


def test_p_values_are_those_of_statsmodels():
    """The pooled z test of two shares, as proportions_ztest computes it, then Holm over the segments tested."""
    table = returning().set_index("segment")
    low, odd = (proportions_ztest(counts, users)[1] for counts, users in (((15, 5), (15, 25)), ((10, 10), (20, 20))))
    assert table.loc["low", "p"] == pytest.approx(low, rel=1e-9)
    assert table.loc["low", "p_holm"] == pytest.approx(2 * low, rel=1e-9)
    assert table.loc["odd", "p"] == pytest.approx(odd) == 1


def campaign(exposed=True):
    reached = pd.DataFrame({"user": range(30), "exposed": exposed, "participated": [user < 10 for user in range(30)]})
    orders = pd.DataFrame({"user": [0, 0, 1, 50], "day": pd.to_datetime(["2026-10-03"] * 4), "is_purchase": True})
    span = {"start": OCTOBER.start, "end": OCTOBER.end, "names": NAMES, "min_cell": 3}
    return breakdown.campaign(belongs(), people(), engine(reached), orders, **span)


def test_participation_is_of_the_exposed_where_exposures_are_known(same):
    """The base is users shown the campaign; buyers and orders are of all users of the segment."""
    same(
        campaign()[["segment", "users", "exposed", "participants", "base", "buyers", "orders"]],
        """
        segment  | users | exposed | participants | base | buyers | orders
        odd      | 20    | 15      | 5            | 15   | 1      | 1
        low      | 15    | 15      | 10           | 15   | 2      | 3
        nobody   |       |         |              |      |        |
        everyone | 40    | 30      | 10           | 30   | 2      | 3
        """,
    )


def test_without_exposures_participation_is_of_the_segments_users():
    """A company that does not record exposures still learns which segments took part."""
    table = campaign(exposed=False).set_index("segment")
    assert table["base"].dropna().astype(int).to_dict() == {"odd": 20, "low": 15, "everyone": 40}
    assert table.loc["everyone", "share_participants"] == pytest.approx(10 / 40)


def test_doubling_everybody_keeps_shares_and_narrows_intervals():
    """Twice the users, the same shares, shorter intervals."""
    one = breakdown.now(belongs(), people(), LOG, names=NAMES, period=OCTOBER, window_days=28, min_cell=3, **SETTLED)
    twins = LOG.assign(user=LOG["user"] + 1000)
    both = pd.concat([LOG, twins])
    double = pd.concat([part.to_pandas().assign(user=lambda t, s=shift: t["user"] + s)
                        for part, shift in ((belongs(), 0), (belongs(), 1000))])  # fmt: skip
    users = engine(pd.DataFrame({"user": [*range(40), *range(1000, 1040)]}))
    asked = {"names": NAMES, "period": OCTOBER, "window_days": 28, "min_cell": 3, **SETTLED}
    two = breakdown.now(engine(double), users, both, **asked)
    for name in ("share_of_all", "share_active", "stickiness", "arpu"):
        assert np.allclose(one[name], two[name], equal_nan=True)
        width = [table[f"{name}_high"] - table[f"{name}_low"] for table in (one, two)]
        assert (width[1] <= width[0] + 1e-12).where(width[0].notna(), True).all()
