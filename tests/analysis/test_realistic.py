"""A goal is judged by what the last campaign's rates bring, with the chance of both campaigns in the interval."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from opsbook import tiny
from opsbook.analysis import attainment, audience, delivery, realistic

LAST = pd.DataFrame(
    {"channel": ["push", "mail"], "recorded": True, "exposed": [1000, 1000], "participants": [300, 100],
     "converters": [90, 30], "buyers": [90, 30], "orders": [100, 40], "revenue": [9000.0, 3000.0],
     "orders_variance": [0.1, 0.2], "revenue_variance": [2500.0, 1600.0]}
)  # fmt: skip


def goal(metric: str, target: float, direction: str = "higher"):
    return SimpleNamespace(metric=metric, target=target, direction=direction)


def test_last_times_figures_scale_with_the_users_shown():
    """Twice the users shown bring twice the participants; revenue alike; a metric without a rate is left out."""
    goals = [goal("participants", 800), goal("revenue", 60_000), goal("cost", 5)]
    found = realistic.expected(LAST, goals, exposed=4000).set_index("metric")
    assert found["expected"].to_dict() == {"participants": 800, "revenue": 24_000}
    assert found["judgement"].to_dict() == {"participants": "realistic", "revenue": "ambitious"}
    assert found.loc["participants", "low"] == pytest.approx(800 - 1.959964 * np.sqrt(4 * 400 + 2 * 400), rel=1e-6)


def test_the_forecast_counts_as_the_goals_do():
    """Orders and revenue are those of everybody reached, as the goals of a review count them, not of participants."""
    touches = audience.touches(tiny.steps, tiny.exposures, tiny.redemptions, **tiny.SPRING)
    members = audience.members(touches, tiny.users, start=tiny.CAMPAIGN_START)
    sold = attainment.orders_and_revenue(tiny.orders, members, **tiny.SPRING)
    reached = delivery.people(members, touches, tiny.exposures, tiny.orders, **tiny.SPRING)
    delivered = delivery.delivered(reached, exposures_known=True)
    last = realistic.as_goals_count(delivered, attainment.buyers(tiny.orders, members, **tiny.SPRING))
    goals = [goal("orders", 1), goal("revenue", 1)]
    told = realistic.expected(last, goals, exposed=float(last["exposed"].iloc[0]))
    assert told.set_index("metric")["expected"].to_dict() == sold
    assert delivered["revenue"].sum() < sold["revenue"]
    assert realistic.as_goals_count(delivered.iloc[:0], pd.DataFrame({"buyers": [0]})).empty


def test_a_goal_below_the_interval_is_modest_and_costs_are_judged_the_other_way():
    """A low goal is modest; where lower is better a low goal is ambitious."""
    assert realistic.expected(LAST, [goal("orders", 10)], exposed=2000)["judgement"].tolist() == ["modest"]
    assert realistic.expected(LAST, [goal("orders", 10, "lower")], exposed=2000)["judgement"].tolist() == ["ambitious"]


@pytest.mark.parametrize(("last", "exposed"), [(LAST.iloc[:0], 100), (LAST, None), (LAST.assign(exposed=np.nan), 100)])
def test_without_a_last_campaign_or_a_planned_reach_nothing_is_foretold(last, exposed):
    """No rows, rather than a guess."""
    assert realistic.expected(last, [goal("orders", 10)], exposed=exposed).empty


def test_the_interval_holds_the_next_campaign_as_often_as_it_says():
    """Two campaigns of the same kind, drawn 4,000 times: the second lies in the interval of the first in 93-97 %."""
    random = np.random.default_rng(11)
    inside = {"participants": 0, "orders": 0, "revenue": 0}
    for _pair in range(4000):
        first, second = drawn(random, 2000), drawn(random, 3000)
        goals = [goal(name, 1.0) for name in inside]
        told = realistic.expected(first, goals, exposed=3000).set_index("metric")
        for name in inside:
            inside[name] += told.loc[name, "low"] <= second[name].sum() <= told.loc[name, "high"]
    for name, count in inside.items():
        assert 0.93 < count / 4000 < 0.97, name


def drawn(random: np.random.Generator, exposed: int) -> pd.DataFrame:
    """One campaign: Poisson participants, a third of them convert, each with some orders of log-normal value."""
    participants = random.poisson(0.1 * exposed)
    converters = random.binomial(participants, 0.33)
    orders = 1 + random.poisson(0.4, converters)
    revenue = orders * random.lognormal(3, 0.5, converters)
    counts = {"exposed": exposed, "participants": participants, "converters": converters, "buyers": converters}
    sums = {"orders": orders.sum(), "revenue": revenue.sum()}
    spread = {"orders_variance": orders.var(ddof=1), "revenue_variance": revenue.var(ddof=1)}
    return pd.DataFrame([counts | sums | spread])
