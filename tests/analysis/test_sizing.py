"""The planned size sees what it promises to see: counted by hand, and simulated a thousand times."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import sizing
from opsbook.analysis.means import cuped, relative, welch
from opsbook.analysis.moments import stacked
from opsbook.inputs.segments import Rule, Segment
from opsbook.inputs.workbook import Thresholds

END = date(2026, 6, 30)
EVERYBODY = Segment(rule=Rule(since="last_activity", at_most=27))


def logs(days: pd.DataFrame):
    """Users with these active days (user, ago, orders), days counted back from END."""
    day = pd.to_datetime([END - timedelta(days=int(ago)) for ago in days["ago"]])
    lived = pd.DataFrame({"user": days["user"].astype("int32"), "day": day, "orders": days["orders"].astype("int64")})
    lived = lived.assign(events=1, revenue=10.0 * lived["orders"], n_reading=0)
    people = pd.DataFrame({"user": sorted(set(lived["user"]))}).astype({"user": "int32"})
    first = lived.groupby("user")["day"].min()
    people = people.assign(
        first_day=first.to_numpy(),
        first_active_day=first.to_numpy(),
        life_start="signup",
        user_id=people["user"].astype(str),
    )
    people = people.assign(signed_up_at=people["first_day"], signed_up_day=people["first_day"], channel="ads")
    bought = lived[lived["orders"] > 0]
    orders = bought[["user", "day"]].assign(at=bought["day"], net=bought["revenue"], amount=bought["revenue"])
    orders = orders.assign(is_purchase=True, order_id=range(len(bought)))
    steps = pd.DataFrame({"user": lived["user"], "at": lived["day"], "day": lived["day"], "event": "open"})
    return lived, people, orders, steps


def laid_back(days: pd.DataFrame, *, lengths, metric="orders"):
    return sizing.placed(
        logs(days), audience=EVERYBODY, limits=Thresholds(), event_groups={}, lengths=lengths, metric=metric,
        as_of=END, data_start=date(2026, 1, 1),
    )  # fmt: skip


def test_the_audience_is_that_of_the_eve_and_the_window_comes_after():
    """Of three users active before the last week one orders in it; who came only in it does not belong."""
    days = pd.DataFrame(
        [(1, 10, 0), (1, 2, 2), (2, 10, 1), (3, 20, 0), (4, 1, 5), (4, 0, 5)], columns=["user", "ago", "orders"]
    )
    (row,) = laid_back(days, lengths=[7]).to_dict("records")
    assert (row["users_now"], row["users"], row["total"]) == (4, 3, 2)
    assert (row["mean"], row["other_mean"]) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    (share,) = laid_back(days, lengths=[7], metric="buyers").to_dict("records")
    assert share["mean"] == pytest.approx(1 / 3)
    (visits,) = laid_back(days, lengths=[7], metric="active_days").to_dict("records")
    assert visits["mean"] == pytest.approx(1 / 3)


def test_a_window_the_data_do_not_reach_is_left_out():
    """Half a year of data holds four weeks and the four before, not forty weeks; nothing is asked twice."""
    days = pd.DataFrame([(1, 1, 1), (2, 40, 1)], columns=["user", "ago", "orders"])
    assert laid_back(days, lengths=[28, 280, 28])["days"].tolist() == [28]
    assert sizing.sizes(laid_back(days, lengths=[280])).empty
    assert sizing.smallest(sizing.sizes(laid_back(days, lengths=[280])), days=280, worthwhile=0.1) is None


def population(random: np.random.Generator, users: int) -> tuple[np.ndarray, np.ndarray]:
    """Orders before and during a window, with a taste for ordering that lasts."""
    taste = random.gamma(0.8, 1.0, users)
    return random.poisson(taste), random.poisson(0.7 * taste)


def test_the_detectable_lift_is_seen_four_times_in_five_and_the_interval_is_as_wide_as_told():
    """A thousand campaigns with exactly the lift that the plan calls detectable: 80 % of them show it."""
    random = np.random.default_rng(5)
    before, during = population(random, 200_000)
    pair = stacked(during, before)
    told = pd.DataFrame([{"days": 14, "metric": "orders", "users_now": 5000, "users": pair.n, "total": during.sum(),
                          "mean": pair.mean, "variance": pair.variance, "other_mean": pair.other_mean,
                          "other_variance": pair.other_variance, "covariance": pair.covariance}])  # fmt: skip
    (row,) = sizing.sizes(told, shares=[0.2]).to_dict("records")
    lift, half = row["detectable"], row["half_width"]
    found = []
    for _campaign in range(1000):
        before, during = population(random, 5000)
        held = random.permutation(5000) < 1000
        during = during + random.poisson(lift * during.mean(), 5000) * ~held
        arms = [stacked(during[mask], before[mask]) for mask in (~held, held)]
        adjusted = cuped(*arms)
        found.append([welch(*adjusted).low, *relative(*adjusted)[:3]])
    seen, value, low, high = np.array(found).T
    assert 0.76 < (seen > 0).mean() < 0.84
    assert value.mean() == pytest.approx(lift, abs=0.01)
    assert np.median(high - low) / 2 == pytest.approx(half, rel=0.15)


def test_more_users_more_balance_and_more_power_of_the_days_before_see_smaller_lifts():
    """Four times the users halve the lift seen; half held out sees most; higher power asks for larger lifts."""
    days = pd.DataFrame(
        [(user, ago, (user * ago // 2) % 3) for user in range(1, 61) for ago in (3, 40)],
        columns=["user", "ago", "orders"],
    )
    placed = laid_back(days, lengths=[14, 28])
    few, many = (sizing.sizes(placed.assign(users_now=n), shares=[0.1, 0.5]) for n in (1000, 4000))
    assert (few["detectable"] / many["detectable"]).round(6).eq(2).all()
    assert (few.groupby("days")["detectable"].apply(lambda s: s.is_monotonic_decreasing)).all()
    sure = sizing.sizes(placed.assign(users_now=1000), shares=[0.1, 0.5], power=0.95)
    assert (sure["detectable"] > few["detectable"]).all()
    assert (few["control_users"] == [100, 500] * 2).all()


def test_the_smallest_share_that_does_is_taken():
    """Of two shares that see the lift the smaller one; none when the lift is too small."""
    table = pd.DataFrame({"days": [7, 7, 7], "control_share": [0.1, 0.2, 0.5], "detectable": [0.3, 0.2, 0.1]})
    assert sizing.smallest(table, days=7, worthwhile=0.25) == 0.2
    assert sizing.smallest(table, days=7, worthwhile=0.05) is None
    assert sizing.smallest(table, days=14, worthwhile=0.25) is None


def test_at_the_break_even_lift_the_margin_gained_is_the_cost():
    """By hand: 80 treated users at 10 each, a margin of one half and a cost of 100 need a quarter more revenue."""
    spent = pd.DataFrame({"days": [14], "users_now": [100], "users": [100], "mean": [10.0], "variance": [0.0]})
    found = sizing.break_even(spent, days=14, control_share=0.2, cost=100.0, margin=0.5)
    assert found.lift == pytest.approx(0.25)
    assert 80 * 10.0 * found.lift * 0.5 == pytest.approx(100.0)
    assert found.low == found.high == found.lift


def test_without_cost_margin_or_sales_there_is_no_break_even():
    """Nothing planned, or nobody who buys: no lift is named."""
    spent = pd.DataFrame({"days": [14], "users_now": [100], "users": [100], "mean": [10.0], "variance": [1.0]})
    asked = {"days": 14, "control_share": 0.2, "cost": 100.0, "margin": 0.5}
    for changed in ({"cost": None}, {"margin": None}, {"days": 28}):
        assert sizing.break_even(spent, **(asked | changed)) is None
    assert sizing.break_even(spent.assign(mean=0.0), **asked) is None
